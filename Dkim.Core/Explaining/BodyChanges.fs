/// Changes that servers make to a body, each as a way back that takes the body as a whole (Latin-1 text, with CRLF).
module internal Dkim.Core.Explaining.BodyChanges

open System
open System.Buffers
open System.Text
open Dkim.Core.Message
open Dkim.Core.Records

/// A change, in words, how to undo it, and what that costs for each octet of a body.
[<NoComparison; NoEquality>]
type Change =
    {
        Modification: Modification
        Says: string
        Undo: string -> string
        Cost: int64
    }

let private crlf = "\r\n"

let private change modification says cost undo : Change =
    {
        Modification = modification
        Says = says
        Undo = undo
        Cost = cost
    }

let private lines (edit: string -> string) (body: string) : string =
    String.Join(crlf, body.Split crlf |> Array.map edit)

let private starting (prefix: string) (replacement: string) (line: string) =
    if line.StartsWith(prefix, StringComparison.Ordinal) then
        replacement + line.Substring prefix.Length
    else
        line

/// Lines of less are not taken for such as were cut.
[<Literal>]
let private LeastCut = 500

/// Lines put together again that were cut where they had reached the longest there is. Postfix counts the space that it
/// puts in front of the rest, so the first piece may be shorter by one.
let private joined (ending: string) (lead: string) (body: string) : string =
    let lines = body.Split crlf
    let longest = lines |> Array.fold (fun most line -> max most line.Length) 0
    let whole = StringBuilder body.Length

    let goesOn (at: int) =
        at + 1 < lines.Length
        && lines[at].Length >= longest - lead.Length
        && lines[at].EndsWith(ending, StringComparison.Ordinal)
        && lines[at + 1].StartsWith(lead, StringComparison.Ordinal)

    if longest < LeastCut then
        body
    else
        let mutable wasCut = false

        for at in 0 .. lines.Length - 1 do
            let start = if wasCut then lead.Length else 0
            wasCut <- goesOn at
            let stop = lines[at].Length - (if wasCut then ending.Length else 0)
            whole.Append(lines[at], start, max 0 (stop - start)) |> ignore

            if not wasCut && at + 1 < lines.Length then
                whole.Append crlf |> ignore

        whole.ToString()

/// The shortest line that is taken for one of many of base64, and the shortest that is one by itself.
[<Literal>]
let private LeastBase64 = 40

[<Literal>]
let private LeastAlone = 80

let private base64Characters =
    SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".AsSpan())

let private isBase64 (line: string) =
    let text = line.AsSpan().TrimEnd '='

    text.Length > 0
    && line.Length - text.Length <= 2
    && text.IndexOfAnyExcept base64Characters < 0

/// Base64 in lines of another width. A run of it is lines of one length, and a last one that is no longer.
let private rewrapped (width: int) (body: string) : string =
    let lines = body.Split crlf
    let written = ResizeArray<string> lines.Length
    let mutable at = 0

    let runFrom (first: int) =
        let length = lines[first].Length
        let mutable last = first

        while last + 1 < lines.Length
              && lines[last].Length = length
              && isBase64 lines[last + 1]
              && lines[last + 1].Length <= length do
            last <- last + 1

        last

    while at < lines.Length do
        let isRun = lines[at].Length >= LeastBase64 && isBase64 lines[at]
        let last = if isRun then runFrom at else at
        let run = String.Join("", lines[at..last])

        if isRun && (last > at || run.Length >= LeastAlone) && run.Length % 4 = 0 then
            written.AddRange(Publication.pieces width run)
        else
            written.AddRange lines[at..last]

        at <- last + 1

    String.Join(crlf, written)

/// The widths in which programs write base64; the last is one line.
let private widths = [ 60; 64; 70; 72; 74; 76; 78; Int32.MaxValue ]

let private isMultipart (contentType: string) =
    contentType.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase)

let private encodingChanges codings besides (encoding: string) (contentType: string) : Change list =
    codings
    |> List.map (fun (coding: TransferCoding.Change) ->
        TransferCoding.undo coding encoding contentType
        |> change
            Modification.EncodingChanged
            ("the transfer encoding "
             + coding.Was
             + " was changed to "
             + coding.Now
             + besides)
            20L)

/// A part of a multipart that may be the body as it was signed.
let private unwrapped (contentType: string) : Change list =
    let says part besides =
        "the signed body is part "
        + string part
        + " of what a list has made a multipart"
        + besides

    let part number besides decode =
        change Modification.BodyWrapped (says number besides) 6L (fun body ->
            match TransferCoding.tryPart contentType number body with
            | ValueSome part -> decode part
            | ValueNone -> body)

    [
        part 1 "" id
        part 1 ", which made it quoted-printable" TransferCoding.fromQuotedPrintable
        part 1 ", which made it base64" TransferCoding.fromBase64
        part 2 "" id
    ]

let private cuts: Change list =
    let cut says undo =
        change Modification.LinesCut says 8L undo

    [
        cut "long lines were cut with CRLF and a space" (joined "" " ")
        cut "long lines were cut with !, CRLF and a space" (joined "!" " ")
        cut "long lines were cut with CRLF" (joined "" "")
    ]

let private rewrappings: Change list =
    widths
    |> List.map (fun width ->
        let says =
            if width = Int32.MaxValue then
                "base64 was one line when it was signed"
            else
                "base64 lines had " + string width + " characters when they were signed"

        change Modification.EncodingChanged says 12L (rewrapped width))

let private hasLongLines (body: string) =
    let rec search (at: int) =
        let next = body.IndexOf(crlf, at, StringComparison.Ordinal)
        let stop = if next < 0 then body.Length else next
        stop - at >= LeastCut || next >= 0 && search (next + crlf.Length)

    search 0

let private value (name: string) (header: Header) : string =
    match Header.tryFind name header with
    | ValueSome field -> field.ValueText.Trim()
    | ValueNone -> ""

/// Changes that are too many to try on a long body.
let seldom (header: Header) : Change list =
    if isMultipart (value "Content-Type" header) then
        encodingChanges
            TransferCoding.movedChanges
            ", and the field that names it was moved within its part"
            ""
            (value "Content-Type" header)
    else
        []

/// Changes to a body that can be undone as a whole, the usual ones first.
let all (header: Header) (body: string) : Change list =
    let lineEnds says undo =
        change Modification.LineEndsChanged says 6L undo

    let eachLine modification says edit =
        change modification says 20L (lines edit)

    let encoding, contentType =
        value "Content-Transfer-Encoding" header, value "Content-Type" header

    let isBase64 =
        encoding.Equals("base64", StringComparison.OrdinalIgnoreCase)
        || body.Contains("base64", StringComparison.OrdinalIgnoreCase)

    [
        lineEnds "line ends were LF when the body was signed" _.Replace("\r\n", "\n")
        lineEnds "LF was CRLF when the body was signed" _.Replace("\r\n", "\n").Replace("\n", "\r\n")
        lineEnds "CR was CRLF when the body was signed" _.Replace("\r\n", "\r").Replace("\r", "\r\n")
        lineEnds "each line end was doubled" _.Replace("\r\n\r\n", "\r\n")
        eachLine Modification.SpaceChanged "white space was added at ends of lines" _.TrimEnd(' ', '\t')
        eachLine Modification.SpaceChanged "the space after the signature mark \"--\" was removed" (fun line ->
            if line = "--" then "-- " else line)
        eachLine Modification.LinesQuoted "leading dots were doubled" (starting ".." ".")
        eachLine Modification.LinesQuoted "doubled leading dots were made single" (starting "." "..")
        eachLine Modification.LinesQuoted "From at the start of lines was quoted as >From" (starting ">From " "From ")
        eachLine Modification.LinesQuoted "spaces were put before From or > at the start of lines" (starting " " "")
        yield! encodingChanges TransferCoding.changes "" encoding contentType
        if hasLongLines body then
            yield! cuts
        if isBase64 then
            yield! rewrappings
        if isMultipart contentType then
            yield! unwrapped contentType
    ]
