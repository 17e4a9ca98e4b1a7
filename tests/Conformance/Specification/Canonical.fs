/// Canonical forms written down sentence by sentence, without regard to speed. Text is octets, one character for each.
module Dkim.Tests.Conformance.Specification.Canonical

open System

let private crlf = "\r\n"

let private isWsp c = c = ' ' || c = '\t'

let private endsWith (ending: string) (text: string) =
    text.EndsWith(ending, StringComparison.Ordinal)

/// The lines of a text; what follows the last CRLF is a line if it is anything (RFC 5322 §2.1, §2.3).
let lines (text: string) : string list =
    let parts = List.ofArray (text.Split crlf)

    if List.last parts = "" then
        List.take (parts.Length - 1) parts
    else
        parts

// RFC 6376 §3.4.3, sentence 3: no body, or no CRLF at its end: one is added.
let private completed (body: string) =
    if endsWith crlf body then body else body + crlf

// RFC 6376 §3.4.3, sentences 1, 2 and 5: of CRLFs that stand alone at the end one is left.
let rec private withoutEmptyLines (body: string) =
    if endsWith (crlf + crlf) body then
        withoutEmptyLines (body.Substring(0, body.Length - 2))
    else
        body

/// RFC 6376 §3.4.3; sentence 4: nothing else changes.
let simpleBody (body: string) : string = withoutEmptyLines (completed body)

// RFC 6376 §3.4.4 (a), first point: white space at the end of a line goes, its CRLF stays.
let rec private withoutTrailing (line: string) =
    if line <> "" && isWsp line[line.Length - 1] then
        withoutTrailing (line.Substring(0, line.Length - 1))
    else
        line

// RFC 6376 §3.4.4 (a), second point, and §3.4.2, third point: any run of white space is one space.
let private reduced (line: string) =
    let rec reduce (rest: char list) =
        match rest with
        | first :: second :: rest when isWsp first && isWsp second -> reduce (' ' :: rest)
        | first :: rest when isWsp first -> ' ' :: reduce rest
        | first :: rest -> first :: reduce rest
        | [] -> []

    String(Array.ofList (reduce (List.ofSeq line)))

/// RFC 6376 §3.4.4
let relaxedBody (body: string) : string =
    let whiteSpaceReduced =
        body.Split crlf |> Array.map (withoutTrailing >> reduced) |> String.concat crlf

    // (b), sentence 3: something without a CRLF at its end gets one.
    let ended =
        if whiteSpaceReduced = "" then
            ""
        else
            completed whiteSpaceReduced

    // (b), sentence 1: empty lines at the end go, and of a body of nothing else nothing is left.
    match withoutEmptyLines ended with
    | "\r\n" -> ""
    | kept -> kept

/// RFC 4870 §3.4.2.1 and §3.4.2.2, of the line between header and body and all below it: each line changed, ended with
/// CRLF, and the empty ones at the end left out, that first one as well.
let private domainKeysBody (change: string -> string) (body: string) : string =
    "" :: List.map change (lines body)
    |> List.rev
    |> List.skipWhile ((=) "")
    |> List.rev
    |> List.map (fun line -> line + crlf)
    |> String.concat ""

/// RFC 4870 §3.4.2.1
let domainKeysSimpleBody (body: string) : string = domainKeysBody id body

// RFC 4870 §3.4.2.2, fifth point: the octets 9, 10, 13 and 32 go.
let private withoutFoldingSpace (line: string) =
    String.filter (fun c -> not (List.contains (int c) [ 9; 10; 13; 32 ])) line

/// RFC 4870 §3.4.2.2; last point: whether a line is empty is asked after that.
let nofwsBody (body: string) : string = domainKeysBody withoutFoldingSpace body

/// RFC 6376 §3.4.1: a field as it stands.
let simpleField (field: string) : string = field

/// RFC 6376 §3.4.2
let relaxedField (field: string) : string =
    let colon = field.IndexOf ':'
    // First point: the name in lower case; fourth point, before the colon.
    let name = (withoutTrailing (field.Substring(0, colon))).ToLowerInvariant()
    // Second point: the CRLF of a fold goes.
    let unfolded = field.Substring(colon + 1).Replace(crlf, "")
    // Fourth point, at the end, and fifth point, behind the colon.
    name + ":" + (reduced unfolded).Trim ' '

/// RFC 4870 §3.4.2.2, second and fifth point: unwrapped, without folding white space.
let nofwsField (field: string) : string = withoutFoldingSpace field

/// The fields of a header block: a line that begins with white space belongs to the one above it (RFC 5322 §2.2.3).
let fields (block: string) : string list =
    let add (fields: string list) (line: string) =
        match fields with
        | above :: rest when line <> "" && isWsp line[0] -> (above + crlf + line) :: rest
        | _ -> line :: fields

    List.fold add [] (lines block) |> List.rev

/// Header and body: the first empty line lies between them (RFC 5322 §2.1). Without one all is header.
let split (message: string) : struct (string * string) =
    if message.StartsWith(crlf, StringComparison.Ordinal) then
        struct ("", message.Substring 2)
    else
        match message.IndexOf(crlf + crlf, StringComparison.Ordinal) with
        | -1 -> struct (message, "")
        | at -> struct (message.Substring(0, at + 2), message.Substring(at + 4))
