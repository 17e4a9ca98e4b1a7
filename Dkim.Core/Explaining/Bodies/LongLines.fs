/// Lines that were cut or put together: such as are too long, and those of base64 (RFC 5321 §4.5.3.1.6, RFC 2045 §6.8).
module internal Dkim.Core.Explaining.Bodies.LongLines

open System
open System.Buffers
open System.Text
open Dkim.Core.Records
open Dkim.Core.Explaining.Edits

let private crlf = "\r\n"

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

let private hasLongLines (body: string) =
    let rec search (at: int) =
        let next = body.IndexOf(crlf, at, StringComparison.Ordinal)
        let stop = if next < 0 then body.Length else next
        stop - at >= LeastCut || next >= 0 && search (next + crlf.Length)

    search 0

let private cuts (_: Subject) (body: string) : Change seq =
    let cut says undo = BodyEdit.change says 8L undo

    if hasLongLines body then
        [
            cut "long lines were cut with CRLF and a space" (joined "" " ")
            cut "long lines were cut with !, CRLF and a space" (joined "!" " ")
            cut "long lines were cut with CRLF" (joined "" "")
            cut "long lines were cut with CRLF and a tab" (joined "" "\t")
        ]
    else
        []

/// Places where a line was cut that are tried one by one.
[<Literal>]
let private MostCuts = 200

/// One place where a long line was cut, or every one where the line is as long as servers allow.
let private oneCut (_: Subject) (body: string) : Change seq =
    let lines = body.Split crlf

    let joinedAt (places: int -> bool) (lead: string) (_: string) =
        lines
        |> Array.mapi (fun at line ->
            let text =
                if at > 0 && places (at - 1) then
                    line.Substring lead.Length
                else
                    line

            if at = lines.Length - 1 || places at then
                text
            else
                text + crlf)
        |> String.concat ""

    if not (hasLongLines body) then
        Seq.empty
    else
        seq {
            for lead in [ " "; ""; "\t" ] do
                let goesOn (at: int) =
                    at + 1 < lines.Length
                    && lines[at + 1].StartsWith(lead, StringComparison.Ordinal)

                for least in [ 998; 997; 990; 989; 1000; 2048 ] do
                    let says =
                        "lines were cut that had "
                        + string least
                        + " octets"
                        + (if lead = "" then
                               ""
                           else
                               ", with white space in front of the rest")

                    BodyEdit.change says 12L (joinedAt (fun at -> lines[at].Length >= least && goesOn at) lead)

                for at in
                    [ 0 .. lines.Length - 1 ]
                    |> List.filter (fun at -> lines[at].Length >= LeastCut && goesOn at)
                    |> List.truncate MostCuts do
                    BodyEdit.change ("line " + string (at + 1) + " was cut") 12L (joinedAt ((=) at) lead)
        }

let private rewrappings (subject: Subject) (body: string) : Change seq =
    let isBase64 =
        (Subject.value "Content-Transfer-Encoding" subject).Equals("base64", StringComparison.OrdinalIgnoreCase)
        || body.Contains("base64", StringComparison.OrdinalIgnoreCase)

    if not isBase64 then
        Seq.empty
    else
        widths
        |> Seq.map (fun width ->
            let says =
                if width = Int32.MaxValue then
                    "base64 was one line when it was signed"
                else
                    "base64 lines had " + string width + " characters when they were signed"

            BodyEdit.change says 12L (rewrapped width))

let edits: Edit list =
    [
        BodyEdit.whole Modification.LinesCut [ "Postfix"; "Sendmail"; "Exim" ] cuts
        BodyEdit.whole Modification.EncodingChanged [ "Exchange"; "Sendmail" ] rewrappings
    ]

let seldom: Edit list =
    [
        BodyEdit.whole Modification.LinesCut [ "Postfix"; "Sendmail"; "Exim" ] oneCut
        |> BodyEdit.alone
    ]
