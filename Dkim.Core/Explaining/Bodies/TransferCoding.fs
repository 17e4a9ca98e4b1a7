/// Transfer encodings of text in Latin-1, done and undone (RFC 2045 §6.7, §6.8).
module internal Dkim.Core.Explaining.Bodies.TransferCoding

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
