/// DKIM-quoted-printable (RFC 6376 §2.11): the encoding of i=, z= and n=.
module Dkim.Core.Records.QuotedPrintable

open System
open System.Text

let private isUpperHex (c: char) =
    Char.IsAsciiDigit c || c >= 'A' && c <= 'F'

/// Decodes a value as Latin-1 text. White space is removed first, since a fold may cut a coded octet in two; `=` must be
/// followed by two upper-case hex digits.
let tryDecode (text: string) : string voption =
    let value = TagList.withoutWhiteSpace text
    let decoded = StringBuilder value.Length

    let rec from at =
        if at >= value.Length then
            ValueSome(decoded.ToString())
        elif value[at] <> '=' then
            decoded.Append value[at] |> ignore
            from (at + 1)
        elif at + 2 < value.Length && isUpperHex value[at + 1] && isUpperHex value[at + 2] then
            decoded.Append(char (Convert.ToByte(value.Substring(at + 1, 2), 16))) |> ignore
            from (at + 3)
        else
            ValueNone

    from 0

/// `dkim-safe-char = %x21-3A / %x3C / %x3E-7E`, and here also not what RFC 2049 calls unsafe in mail, nor what separates
/// the entries of z=.
let private isSafe (c: char) =
    Char.IsAsciiLetterOrDigit c || "'()+,-./:?*&%<>_@".Contains c

/// Encodes Latin-1 text so that only safe characters are left.
let encode (text: string) : string =
    let encoded = StringBuilder(text.Length + 16)

    for c in text do
        if isSafe c then
            encoded.Append c |> ignore
        else
            encoded.Append('=').Append((byte c).ToString("X2")) |> ignore

    encoded.ToString()
