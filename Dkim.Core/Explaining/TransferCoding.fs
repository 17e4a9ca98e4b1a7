/// Changes of the transfer encoding that mail servers make on the way (RFC 2045 §6, RFC 6376 §5.3), over whole messages as
/// Latin-1 text: for guesses at what happened to a body.
module internal Dkim.Core.Explaining.TransferCoding

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Records

let private crlf = "\r\n"

let private hexValue (c: char) : int =
    if Char.IsAsciiDigit c then
        int c - int '0'
    elif Char.IsAsciiHexDigit c then
        (int c ||| 0x20) - int 'a' + 10
    else
        -1

/// Quoted-printable made what it stands for (RFC 2045 §6.7).
let fromQuotedPrintable (body: string) : string =
    let decoded = Array.zeroCreate<char> body.Length
    let mutable length = 0

    let put (c: char) =
        decoded[length] <- c
        length <- length + 1

    let mutable at = 0

    while at < body.Length do
        let ending = body.IndexOf(crlf, at, StringComparison.Ordinal)
        let last = if ending < 0 then body.Length else ending
        let text = body.AsSpan(at, last - at).TrimEnd(" \t".AsSpan())
        let soft = text.EndsWith '='
        let stop = at + (if soft then text.Length - 1 else text.Length)

        while at < stop do
            let high, low =
                if body[at] = '=' && at + 2 < stop then
                    hexValue body[at + 1], hexValue body[at + 2]
                else
                    -1, -1

            if high >= 0 && low >= 0 then
                put (char (high * 16 + low))
                at <- at + 3
            else
                put body[at]
                at <- at + 1

        if ending >= 0 && not soft then
            put '\r'
            put '\n'

        at <- last + crlf.Length

    String(decoded, 0, length)

let private isCoded (line: ReadOnlySpan<char>) (at: int) : bool =
    let c = line[at]

    c > '~'
    || c = '='
    || c < ' ' && c <> '\t'
    || at = line.Length - 1 && (c = ' ' || c = '\t')

let private encodeLine (line: ReadOnlySpan<char>) (encoded: StringBuilder) : unit =
    let mutable column = 0

    for at in 0 .. line.Length - 1 do
        let coded = isCoded line at
        let width = if coded then 3 else 1
        let room = if at = line.Length - 1 then 76 else 75

        if column + width > room then
            encoded.Append('=').Append(crlf) |> ignore
            column <- 0

        if coded then
            let octet = int line[at]

            encoded.Append('=').Append("0123456789ABCDEF"[octet >>> 4 &&& 15]).Append("0123456789ABCDEF"[octet &&& 15])
            |> ignore
        else
            encoded.Append line[at] |> ignore

        column <- column + width

/// Text as quoted-printable, in lines as long as they may be.
let toQuotedPrintable (body: string) : string =
    let encoded = StringBuilder(body.Length + body.Length / 8)
    let mutable at = 0

    while at <= body.Length do
        let ending = body.IndexOf(crlf, at, StringComparison.Ordinal)
        let last = if ending < 0 then body.Length else ending
        encodeLine (body.AsSpan(at, last - at)) encoded

        if ending >= 0 then
            encoded.Append crlf |> ignore

        at <- if ending < 0 then body.Length + 1 else last + crlf.Length

    encoded.ToString()

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
        /// Where the field stood in the header of each part that was encoded: nothing where it stands now, else counted from
        /// 0, on top. Parts that are more in number begin again at the first.
        Places: int voption list
        Undo: string -> string
    }

let changes: Change list =
    let change now was undo =
        {
            Now = now
            Was = was
            Places = [ ValueNone ]
            Undo = undo
        }

    [
        change "quoted-printable" "8bit" fromQuotedPrintable
        change "base64" "8bit" fromBase64
        change "8bit" "quoted-printable" toQuotedPrintable
        change "8bit" "base64" toBase64
    ]

/// The same with the field that names the encoding moved to the end of its part's header, as Postfix has it: wherever it
/// stood in each of three parts.
let movedChanges: Change list =
    let places = [ ValueNone; ValueSome 0; ValueSome 1; ValueSome 2 ]

    [
        for coding in List.truncate 2 changes do
            for first in places do
                for second in places do
                    for third in places do
                        { coding with
                            Places = [ first; second; third ]
                        }
    ]

/// More values of `boundary=` are not looked at.
[<Literal>]
let private MostBoundaries = 20

/// A boundary is at most 70 characters long (RFC 2046 §5.1.1); longer ones are no help.
[<Literal>]
let private LongestBoundary = 200

/// The values of `boundary=` in a text.
let private boundaries (text: string) : string list =
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

let private encodingField = "content-transfer-encoding:"

/// A header with its field of the encoding at a place.
let private moved (place: int) (header: string) : string =
    let isIt (field: string) =
        field.StartsWith(encodingField, StringComparison.OrdinalIgnoreCase)

    let own, others = header.Split crlf |> List.ofArray |> List.partition isIt
    let before, after = others |> List.splitAt (min place others.Length)
    String.Join(crlf, before @ own @ after)

/// A part with its encoding undone, where it has that encoding.
let private undoPart (change: Change) (place: int voption) (part: string) : string =
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

            let restored =
                header.Substring(0, named)
                + change.Was
                + header.Substring(named + change.Now.Length)

            (match place with
             | ValueSome place -> moved place restored
             | ValueNone -> restored)
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
        let mutable encoded = 0

        let flush () =
            if part.Count > 0 then
                let text = String.Join(crlf, part)
                let undone = undoPart change change.Places[encoded % change.Places.Length] text
                encoded <- encoded + (if undone = text then 0 else 1)
                rebuilt.Append(undone).Append crlf |> ignore
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
