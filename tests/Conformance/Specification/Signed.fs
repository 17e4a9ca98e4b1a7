/// What a signature signs and which key may verify it, sentence by sentence.
module Dkim.Tests.Conformance.Specification.Signed

open System

let private space = " \t\r\n".ToCharArray()

/// A tag as the text has it: its name, its value without white space around it, and all of the text from the `=` on.
type Tag =
    {
        Name: string
        Value: string
        Behind: string
    }

// RFC 6376 §2.8: white space, with a line end in it that white space follows, or without.
let private isFws (text: string) =
    let isWsp (part: string) =
        String.forall (fun c -> c = ' ' || c = '\t') part

    match text.Split "\r\n" with
    | [| only |] -> only <> "" && isWsp only
    | [| before; after |] -> isWsp before && after <> "" && isWsp after
    | _ -> false

let private isOptionalFws (text: string) = text = "" || isFws text

// Some FWS after each other: every line end in it is CRLF with white space behind.
let private isManyFws (text: string) =
    text.Split "\r\n"
    |> Array.mapi (fun index part -> String.forall (fun c -> c = ' ' || c = '\t') part && (index = 0 || part <> ""))
    |> Array.forall id

// RFC 6376 §3.2, tag-name
let private isName (text: string) =
    text <> ""
    && Char.IsAsciiLetter text[0]
    && String.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '_') text

// RFC 6376 §3.2, tag-value: pieces of visible octets with white space between them.
let private isValue (text: string) =
    let isVisible c = c > ' ' && c <> '\127'

    let rec pieces (rest: string) =
        let piece = rest |> Seq.takeWhile isVisible |> Seq.length

        if piece = rest.Length then
            true
        else
            let behind = rest.Substring piece
            let gap = behind |> Seq.takeWhile (isVisible >> not) |> Seq.length
            isManyFws (behind.Substring(0, gap)) && pieces (behind.Substring gap)

    pieces text

/// One part between semicolons as a tag, if it is one.
let private tryTag (part: string) : Tag voption =
    match part.IndexOf '=' with
    | -1 -> ValueNone
    | equals ->
        let before, behind = part.Substring(0, equals), part.Substring(equals + 1)
        let name, value = before.Trim space, behind.Trim space
        let nameAt = before.Length - (before.TrimStart space).Length
        let valueAt = behind.Length - (behind.TrimStart space).Length

        let spaced =
            isOptionalFws (before.Substring(0, nameAt))
            && isOptionalFws (before.Substring(nameAt + name.Length))
            // An empty value has the white space of both its sides.
            && if value = "" then
                   Seq.exists
                       (fun middle ->
                           isOptionalFws (behind.Substring(0, middle))
                           && isOptionalFws (behind.Substring middle))
                       [ 0 .. behind.Length ]
               else
                   isOptionalFws (behind.Substring(0, valueAt))
                   && isOptionalFws (behind.Substring(valueAt + value.Length))

        if spaced && isName name && isValue value then
            ValueSome
                {
                    Name = name
                    Value = value
                    Behind = behind
                }
        else
            ValueNone

/// The tags of a list (RFC 6376 §3.2). Its last semicolon may be missing, and white space may follow it; no name occurs
/// twice.
let tags (text: string) : Tag list voption =
    let parts = List.ofArray (text.Split ';')

    let counted =
        match List.rev parts with
        | last :: before when before <> [] && isOptionalFws last -> List.rev before
        | _ -> parts

    let read = List.map tryTag counted

    if List.exists ValueOption.isNone read then
        ValueNone
    else
        let tags = List.map ValueOption.get read

        if (List.distinctBy _.Name tags).Length = tags.Length then
            ValueSome tags
        else
            ValueNone

/// The text of a signature with the value of b= deleted, and all white space around it (RFC 6376 §3.7).
let withoutValue (text: string) : string =
    text.Split ';'
    |> Array.map (fun part ->
        let equals = part.IndexOf '='

        if equals >= 0 && part.Substring(0, equals).Trim space = "b" then
            part.Substring(0, equals + 1)
        else
            part)
    |> String.concat ";"

/// The name of a field (RFC 5322 §2.2, with the white space that §4.5 lets stand before the colon).
let nameOf (field: string) =
    match field.IndexOf ':' with
    | -1 -> ""
    | colon -> field.Substring(0, colon).TrimEnd(' ', '\t')

/// The places of the fields that h= stands for (RFC 6376 §5.4.2): a name means the lowest field of that name that no
/// mention of it before has taken, and nothing where there is none (§3.5 h=). Names do not depend on case.
let chosen (names: string list) (fields: string list) : int list =
    let choose taken name =
        let lowest =
            List.indexed fields
            |> List.filter (fun (place, field) ->
                (nameOf field).Equals(name, StringComparison.OrdinalIgnoreCase)
                && not (List.contains place taken))
            |> List.tryLast

        match lowest with
        | Some(place, _) -> taken @ [ place ]
        | None -> taken

    List.fold choose [] names

/// What is hashed of the header (RFC 6376 §3.7, hash step 2): the chosen fields, each with CRLF, then the signature with
/// an empty b= and without CRLF, all in canonical form.
let hashed (canonical: string -> string) (names: string list) (fields: string list) (signature: string) : string =
    let colon = signature.IndexOf ':'

    let own =
        signature.Substring(0, colon + 1)
        + withoutValue (signature.Substring(colon + 1))

    (chosen names fields
     |> List.map (fun place -> canonical fields[place] + "\r\n")
     |> String.concat "")
    + canonical own
