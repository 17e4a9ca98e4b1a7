/// Lines of mailboxes and of headers, as far as files are known by them (RFC 4155 Appendix A, RFC 5322 §2.2).
module internal Dkim.Core.MailFiles.MailboxLines

open System
open System.Buffers
open Dkim.Core.Words

/// The longest line that may begin a message of a mailbox, in octets.
[<Literal>]
let LongestSeparator = 1024

/// The longest name of a field that a file is known by, in octets.
[<Literal>]
let LongestName = 128

/// What the first octets of a line say of it.
[<Struct>]
type LineStart =
    | IsField
    | IsOther
    /// More octets are needed.
    | IsCut

/// Whether a line begins with the name of a field and a colon.
let fieldStart (line: ReadOnlySpan<byte>) : LineStart =
    let head = line.Slice(0, min line.Length LongestName)

    let colon = head.IndexOf Octets.Colon
    let name = if colon < 0 then head else head.Slice(0, colon)

    if colon = 0 || name.IndexOfAnyExceptInRange(33uy, 126uy) >= 0 then
        IsOther
    elif colon > 0 then
        IsField
    elif head.Length = LongestName then
        IsOther
    else
        IsCut

let private isDigit (octet: byte) = octet >= '0'B && octet <= '9'B

/// Whether a text has a time of day, `12:34`, and a year of four digits behind it.
let private hasTime (text: ReadOnlySpan<byte>) : bool =
    let mutable hasClock = false
    let mutable hasYear = false
    let mutable digits = 0

    for at in 0 .. text.Length do
        let isInside = at < text.Length && isDigit text[at]

        if isInside then
            digits <- digits + 1
        else
            if digits = 4 && hasClock then
                hasYear <- true

            if
                digits > 0
                && at + 2 < text.Length
                && text[at] = Octets.Colon
                && isDigit text[at + 1]
                && isDigit text[at + 2]
            then
                hasClock <- true

            digits <- 0

    hasYear

/// Whether a line, without its end, begins a message of a mailbox: `From `, whom it is of, and when. Thunderbird has `From -`
/// and sometimes nothing behind it.
let isSeparator (line: ReadOnlySpan<byte>) : bool =
    line.Length <= LongestSeparator
    && line.StartsWith "From "B
    && (let rest = line.Slice(5).Trim " \r"B
        rest.IsEmpty || rest.SequenceEqual "-"B || hasTime rest)

/// Whether a line is one that a mailbox may have quoted: `>From `, with any number of `>`.
let private quotedAt (text: ReadOnlySpan<byte>) : bool =
    let marks = text.IndexOfAnyExcept '>'B
    marks > 0 && text.Slice(marks).StartsWith "From "B

/// A body with one `>` taken off each line of `From ` behind `>`s, as mboxrd has them; nothing where no line has any.
/// The lines of the body end in LF or CRLF.
let unquoted (body: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> voption =
    let span = body.Span

    if span.IndexOf ">From "B < 0 then
        ValueNone
    else
        let sink = ArrayBufferWriter<byte> span.Length
        let mutable rest = span

        while not rest.IsEmpty do
            let lineEnd = rest.IndexOf Octets.LF
            let length = if lineEnd < 0 then rest.Length else lineEnd + 1
            let line = rest.Slice(0, length)
            sink.Write(if quotedAt line then line.Slice 1 else line)
            rest <- rest.Slice length

        if sink.WrittenCount = span.Length then
            ValueNone
        else
            ValueSome sink.WrittenMemory
