/// Messages that are attached to a message, as octets (RFC 2046 §5.2.1): forwarded as attachments, or kept by filters and
/// reports.
module internal Dkim.Core.MailFiles.AttachedMessages

open System
open System.Buffers.Text
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Message

/// The longest boundary that is looked for; RFC 2046 §5.1.1 allows 70.
[<Literal>]
let private LongestBoundary = 200

/// Where a look through the lines of a body is.
[<Struct>]
type private Place =
    | Text
    | PartHeader of start: int
    | Message of from: int * isBase64: bool

let private valueOf (name: string) (header: Header) : string =
    match Header.tryFind name header with
    | ValueSome field -> field.ValueText.Trim()
    | ValueNone -> ""

let private startsWith (prefix: string) (text: string) =
    text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)

let private isMessage (contentType: string) : bool =
    startsWith "message/rfc822" contentType
    || startsWith "message/global" contentType
       && not (startsWith "message/global-" contentType)

/// The boundary of a Content-Type, or nothing.
let private boundaryOf (contentType: string) : string =
    match contentType.IndexOf("boundary=", StringComparison.OrdinalIgnoreCase) with
    | at when at < 0 || not (startsWith "multipart/" contentType) -> ""
    | at ->
        let value = contentType.AsSpan(at + 9)
        let isQuoted = value.StartsWith("\"".AsSpan())
        let value = if isQuoted then value.Slice 1 else value
        let length = value.IndexOfAny((if isQuoted then "\"" else "; \t\r\n").AsSpan())
        let value = if length < 0 then value else value.Slice(0, length)

        if value.Length > LongestBoundary then
            ""
        else
            value.ToString()

let private isBase64 (header: Header) : bool =
    startsWith "base64" (valueOf "Content-Transfer-Encoding" header)

/// Base64 undone, up to where it is none; blanks and line ends are passed over.
let private decoded (octets: ReadOnlySpan<byte>) : ReadOnlyMemory<byte> =
    let buffer: byte[] =
        Array.zeroCreate (Base64.GetMaxDecodedFromUtf8Length octets.Length)

    let mutable read = 0
    let mutable written = 0

    Base64.DecodeFromUtf8(octets, Span buffer, &read, &written) |> ignore
    ReadOnlyMemory(buffer, 0, written)

/// Looks through a body, line by line.
[<Sealed>]
type private Walk(octets: ReadOnlyMemory<byte>) =
    let boundaries = List<byte[]>()
    let found = List<ReadOnlyMemory<byte>>()

    let add (from: int) (finish: int) (isBase64: bool) =
        let text = octets.Slice(from, max 0 (finish - from))
        found.Add(if isBase64 then decoded text.Span else text)

    let isDelimiter (line: ReadOnlySpan<byte>) : bool =
        let mutable isOne = false

        if line.StartsWith "--"B then
            for boundary in boundaries do
                isOne <- isOne || line.Slice(2).StartsWith(ReadOnlySpan boundary)

        isOne

    /// What a header says of what follows it.
    let enter (header: Header) (from: int) : Place =
        let contentType = valueOf "Content-Type" header
        let boundary = boundaryOf contentType

        if boundary <> "" && boundaries.Count < MailLimits.Attached then
            boundaries.Add(Octets.ofLatin1 boundary)

        if isMessage contentType then
            Message(from, isBase64 header)
        else
            Text

    let step (place: Place) (start: int) (line: ReadOnlySpan<byte>) (next: int) : Place =
        match place with
        | PartHeader from when line.IsEmpty -> enter (Header.ofBlock (octets.Slice(from, start - from))) next
        | PartHeader _ when isDelimiter line -> PartHeader next
        | PartHeader _ -> place
        | Text -> if isDelimiter line then PartHeader next else Text
        | Message(from, isBase64) when isDelimiter line ->
            // The line end in front of a delimiter is the delimiter's.
            add from (start - 2) isBase64
            PartHeader next
        | Message _ -> place

    /// All attached messages, in order. What is attached to one of them is left in it.
    member _.All(header: Header) : List<ReadOnlyMemory<byte>> =
        let mutable place = enter header 0
        let mutable at = 0

        while at < octets.Length && found.Count < MailLimits.Attached do
            let rest = octets.Span.Slice at

            let struct (length, next) =
                match rest.IndexOf(ReadOnlySpan Octets.crlf) with
                | -1 -> struct (rest.Length, octets.Length)
                | length -> struct (length, at + length + 2)

            place <- step place at (rest.Slice(0, length)) next
            at <- next

        match place with
        | Message(from, isBase64) when found.Count < MailLimits.Attached -> add from octets.Length isBase64
        | Message _
        | PartHeader _
        | Text -> ()

        found

/// The messages that are attached to a message, in order, without those that are attached to them; at most
/// `MailLimits.Attached`.
let all (mail: Mail) : ReadOnlyMemory<byte> list =
    Walk(mail.Body).All mail.Header |> List.ofSeq

let private isSigned (octets: ReadOnlyMemory<byte>) : bool =
    let isSignature (field: Field) =
        field.Is "DKIM-Signature" || field.Is "DomainKey-Signature"

    match Mail.read HeaderLimits.defaults FileLines.Auto octets with
    | Ok inner -> inner.Header.Fields |> Seq.exists isSignature
    | Error _ -> false

/// How many attached messages have a signature.
let countSigned (mail: Mail) : int =
    all mail |> List.filter isSigned |> List.length
