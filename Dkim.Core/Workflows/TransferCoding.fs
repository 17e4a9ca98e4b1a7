/// Changes of the transfer encoding that mail servers make on the way (RFC 2045 §6, RFC 6376 §5.3), over whole messages as
/// Latin-1 text: for guesses at what happened to a body.
module internal Dkim.Core.TransferCoding

open System
open System.Text

let private crlf = "\r\n"

let private decodedLine (line: string) : struct (string * bool) =
    let trimmed = line.TrimEnd(' ', '\t')
    let soft = trimmed.EndsWith '='

    let text =
        if soft then
            trimmed.Substring(0, trimmed.Length - 1)
        else
            trimmed

    let decoded = StringBuilder text.Length
    let mutable at = 0

    while at < text.Length do
        if
            text[at] = '='
            && at + 2 < text.Length
            && Char.IsAsciiHexDigit text[at + 1]
            && Char.IsAsciiHexDigit text[at + 2]
        then
            decoded.Append(char (Convert.ToByte(text.Substring(at + 1, 2), 16))) |> ignore
            at <- at + 3
        else
            decoded.Append text[at] |> ignore
            at <- at + 1

    struct (decoded.ToString(), soft)

/// Quoted-printable made what it stands for (RFC 2045 §6.7).
let fromQuotedPrintable (body: string) : string =
    let lines = body.Split crlf
    let decoded = StringBuilder body.Length

    lines
    |> Array.iteri (fun index line ->
        let struct (text, soft) = decodedLine line
        decoded.Append text |> ignore

        if not soft && index < lines.Length - 1 then
            decoded.Append crlf |> ignore)

    decoded.ToString()

let private token (line: string) (at: int) : string =
    let c = line[at]
    let isLast = at = line.Length - 1

    if c > '~' || c = '=' || c < ' ' && c <> '\t' || isLast && (c = ' ' || c = '\t') then
        "=" + (int c).ToString "X2"
    else
        string c

let private encodedLine (line: string) : string =
    let encoded = StringBuilder(line.Length + 8)
    let mutable column = 0

    for at in 0 .. line.Length - 1 do
        let next = token line at
        let room = if at = line.Length - 1 then 76 else 75

        if column + next.Length > room then
            encoded.Append("=" + crlf) |> ignore
            column <- 0

        encoded.Append next |> ignore
        column <- column + next.Length

    encoded.ToString()

/// Text as quoted-printable, in lines as long as they may be.
let toQuotedPrintable (body: string) : string =
    String.Join(crlf, body.Split crlf |> Array.map encodedLine)

/// Base64 made what it stands for; text that is no base64 stays.
let fromBase64 (body: string) : string =
    match TagList.tryBase64 body with
    | ValueSome octets -> Octets.latin1 (ReadOnlySpan octets)
    | ValueNone -> body

/// Text as base64 in lines of 76 characters.
let toBase64 (body: string) : string =
    let encoded = Convert.ToBase64String(Octets.ofLatin1 body)
    String.Join(crlf, Publication.pieces 76 encoded) + crlf

/// One change: the encoding now, the one it may have been, and the way back.
type Change =
    {
        Now: string
        Was: string
        Undo: string -> string
    }

let changes =
    [
        {
            Now = "quoted-printable"
            Was = "8bit"
            Undo = fromQuotedPrintable
        }
        {
            Now = "base64"
            Was = "8bit"
            Undo = fromBase64
        }
        {
            Now = "8bit"
            Was = "quoted-printable"
            Undo = toQuotedPrintable
        }
        {
            Now = "8bit"
            Was = "base64"
            Undo = toBase64
        }
    ]

/// The values of `boundary=` in a text.
let private boundaries (text: string) : string list =
    let rec search (from: int) found =
        match text.IndexOf("boundary=", from, StringComparison.OrdinalIgnoreCase) with
        | at when at < 0 || List.length found >= 20 -> found
        | at ->
            let start = at + 9
            let quoted = start < text.Length && text[start] = '"'
            let first = if quoted then start + 1 else start
            let stops = if quoted then "\"" else "; \t\r\n"

            match text.AsSpan(first).IndexOfAny stops with
            | -1 -> search (at + 9) found
            | length -> search (at + 9) (text.Substring(first, length) :: found)

    search 0 [] |> List.filter ((<>) "") |> List.distinct

let private encodingField = "content-transfer-encoding:"

/// A part with its encoding undone, where it has that encoding.
let private undoPart (change: Change) (part: string) : string =
    match part.IndexOf(crlf + crlf, StringComparison.Ordinal) with
    | -1 -> part
    | split ->
        let header, body = part.Substring(0, split), part.Substring(split + 4)
        let at = header.IndexOf(encodingField, StringComparison.OrdinalIgnoreCase)
        let value = if at < 0 then -1 else at + encodingField.Length

        if
            value >= 0
            && header.Substring(value).TrimStart().StartsWith(change.Now, StringComparison.OrdinalIgnoreCase)
        then
            let named = header.IndexOf(change.Now, value, StringComparison.OrdinalIgnoreCase)

            header.Substring(0, named)
            + change.Was
            + header.Substring(named + change.Now.Length)
            + crlf
            + crlf
            + change.Undo body
        else
            part

/// The body with the change undone: as a whole where the header names the encoding, else in each part.
let undo (change: Change) (encoding: string) (contentType: string) (body: string) : string =
    match boundaries (contentType + crlf + body) with
    | [] ->
        if encoding.Equals(change.Now, StringComparison.OrdinalIgnoreCase) then
            change.Undo body
        else
            body
    | known ->
        let isDelimiter (line: string) =
            line.StartsWith("--", StringComparison.Ordinal)
            && known |> List.exists (fun boundary -> line.AsSpan(2).StartsWith boundary)

        let rebuilt = StringBuilder body.Length
        let part = ResizeArray<string>()

        let flush () =
            if part.Count > 0 then
                rebuilt.Append(undoPart change (String.Join(crlf, part))).Append crlf |> ignore
                part.Clear()

        for line in body.Split crlf do
            if isDelimiter line then
                flush ()
                rebuilt.Append(line).Append crlf |> ignore
            else
                part.Add line

        flush ()
        // The last line end was the text's own end.
        rebuilt.ToString(0, max 0 (rebuilt.Length - 2))
