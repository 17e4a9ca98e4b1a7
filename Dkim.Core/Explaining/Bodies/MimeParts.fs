/// The parts of a MIME body, by their delimiters alone (RFC 2046 §5.1.1): Latin-1 text, with CRLF.
module internal Dkim.Core.Explaining.Bodies.MimeParts

open System
open Dkim.Core.Explaining.Edits

let private crlf = "\r\n"

/// More values of `boundary=` are not looked at.
[<Literal>]
let private MostBoundaries = 20

/// A boundary is at most 70 characters long (RFC 2046 §5.1.1); longer ones are no help.
[<Literal>]
let private LongestBoundary = 200

/// The values of `boundary=` in a text.
let boundaries (text: string) : string list =
    let valueAt (start: int) : string =
        let isQuoted = start < text.Length && text[start] = '"'
        let first = if isQuoted then start + 1 else start
        let piece = text.AsSpan(first, min LongestBoundary (text.Length - first))
        let stops = if isQuoted then "\"" else "; \t\r\n"

        match piece.IndexOfAny(stops.AsSpan()) with
        | -1 -> ""
        | length -> piece.Slice(0, length).ToString()

    let rec search (from: int) (seen: int) found =
        match text.IndexOf("boundary=", from, StringComparison.OrdinalIgnoreCase) with
        | at when at < 0 || seen >= MostBoundaries -> found
        | at -> search (at + 9) (seen + 1) (valueAt (at + 9) :: found)

    search 0 0 [] |> List.filter ((<>) "") |> List.distinct

/// A part that holds no others: where its header begins, its body, and what is behind it. The line end before a delimiter is
/// the delimiter's.
[<Struct>]
type Leaf = { Header: int; Body: int; Finish: int }

/// More parts are not looked at.
[<Literal>]
let private MostLeaves = 64

/// The parts of a text between its delimiter lines; each has a header.
let leaves (contentType: string) (text: string) : Leaf list =
    let known =
        boundaries (contentType + crlf + text.Substring(0, min text.Length 65536))

    let isDelimiter (start: int) =
        text.AsSpan(start).StartsWith("--".AsSpan())
        && known
           |> List.exists (fun boundary -> text.AsSpan(start + 2).StartsWith(boundary.AsSpan()))

    let leaf (start: int) (finish: int) =
        match text.IndexOf(crlf + crlf, start, StringComparison.Ordinal) with
        | split when split >= 0 && split < finish ->
            ValueSome
                {
                    Header = start
                    Body = min finish (split + 4)
                    Finish = finish
                }
        | _ -> ValueNone

    /// Every line that is a delimiter: where it begins, and where the next line does.
    let rec delimiters (at: int) (found: struct (int * int) list) =
        if at < 0 || at >= text.Length || found.Length > MostLeaves then
            List.rev found
        else
            let ending = text.IndexOf(crlf, at, StringComparison.Ordinal)
            let next = if ending < 0 then text.Length else ending + 2

            let found = if isDelimiter at then struct (at, next) :: found else found

            let following =
                text.IndexOf(crlf + "--", max 0 (next - 2), StringComparison.Ordinal)

            delimiters (if following < 0 then -1 else following + 2) found

    if known.IsEmpty then
        []
    else
        delimiters 0 []
        |> List.pairwise
        |> List.choose (fun (struct (_, start), struct (stop, _)) ->
            match leaf start (max start (stop - 2)) with
            | ValueSome leaf -> Some leaf
            | ValueNone -> None)

let private field = "content-transfer-encoding:"

/// Where the field of the encoding stands in the header of a part: its lines, and its place among them.
let encodingAt (text: string) (leaf: Leaf) : struct (string[] * int) =
    let lines =
        text.Substring(leaf.Header, max 0 (leaf.Body - 4 - leaf.Header)).Split crlf

    lines,
    lines
    |> Array.tryFindIndex _.StartsWith(field, StringComparison.OrdinalIgnoreCase)
    |> Option.defaultValue -1

/// What a part says of its encoding; empty where it says nothing.
let encodingOf (text: string) (leaf: Leaf) : string =
    match encodingAt text leaf with
    | struct (_, -1) -> ""
    | struct (lines, at) -> lines[at].Substring(field.Length).Trim()

/// The text with other octets in place of some stretches, which are in order.
let replaced (text: string) (stretches: struct (int * int * string) list) : string =
    let whole = Text.StringBuilder text.Length
    let mutable at = 0

    for struct (start, finish, other) in stretches do
        whole.Append(text, at, start - at).Append(other) |> ignore
        at <- finish

    whole.Append(text, at, text.Length - at).ToString()

/// The body of a part of a multipart, counted from 1, as far as the line end that belongs to the delimiter below it
/// (RFC 2046 §5.1.1).
let tryPart (contentType: string) (number: int) (body: string) : string voption =
    match boundaries (contentType + crlf) with
    | [] -> ValueNone
    | boundary :: _ ->
        let parts = (crlf + body).Split(crlf + "--" + boundary, number + 2)

        if parts.Length < number + 2 then
            ValueNone
        else
            match parts[number].IndexOf(crlf + crlf, StringComparison.Ordinal) with
            | -1 -> ValueNone
            | split -> ValueSome(parts[number].Substring(split + 4))
