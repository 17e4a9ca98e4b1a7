/// Messages attached to a message (RFC 2046 §5.2.1), where that has no signature itself.
module internal Dkim.Core.Message.AttachedMail

open System
open Dkim.Core.Words

let private startsWith (name: string) (line: ReadOnlySpan<byte>) : bool =
    line.Length >= name.Length
    && Octets.latin1(line.Slice(0, name.Length)).Equals(name, StringComparison.OrdinalIgnoreCase)

let private isAttachment (line: ReadOnlySpan<byte>) : bool =
    startsWith "content-type:" line
    && Octets
        .latin1(line.Slice(13, min 100 (line.Length - 13)))
        .Trim()
        .StartsWith("message/rfc822", StringComparison.OrdinalIgnoreCase)

let private isSignature (line: ReadOnlySpan<byte>) : bool =
    startsWith "dkim-signature:" line || startsWith "domainkey-signature:" line

/// Where a look through the lines of a body is.
type private Place =
    | Text
    | PartHeader
    | MessageHeader of signed: bool

/// How many attached messages have a signature.
let countSigned (mail: Mail) : int =
    let mutable rest = mail.Body.Span
    let mutable count = 0

    let mutable place =
        match Header.tryFind "Content-Type" mail.Header with
        | ValueSome field when isAttachment field.Raw.Span -> MessageHeader false
        | _ -> Text

    while not rest.IsEmpty do
        let next = rest.IndexOf(ReadOnlySpan Octets.crlf)
        let line = if next < 0 then rest else rest.Slice(0, next)

        rest <-
            if next < 0 then
                ReadOnlySpan.Empty
            else
                rest.Slice(next + 2)

        place <-
            match place with
            | Text when isAttachment line -> PartHeader
            | Text -> Text
            | PartHeader when line.IsEmpty -> MessageHeader false
            | PartHeader -> PartHeader
            | MessageHeader signed when line.IsEmpty ->
                count <- count + (if signed then 1 else 0)
                Text
            | MessageHeader signed -> MessageHeader(signed || isSignature line)

    count
