/// Copies of what a program or a browser shows as the source of a message, each line of which begins with the same blanks. The
/// first line may lack them, where the copy began behind them.
module internal Dkim.Core.MailFiles.SourceCopy

open System
open System.Buffers
open Dkim.Core.Words

/// Lines of a header that are looked at.
[<Literal>]
let private LinesSeen = 200

/// The most blanks in front of a line.
[<Literal>]
let private MostBlanks = 64

/// Names that the header of a message has: a folded field may look like lines with blanks in front of them.
let private known =
    [
        "received"
        "from"
        "to"
        "subject"
        "date"
        "message-id"
        "mime-version"
        "content-type"
        "dkim-signature"
        "return-path"
        "delivered-to"
    ]

[<Literal>]
let private FewestKnown = 3

let private blanksOf (line: ReadOnlySpan<byte>) : int =
    match line.IndexOfAnyExcept(Octets.Space, Octets.Tab) with
    | -1 -> line.Length
    | at -> at

let private isKnown (field: ReadOnlySpan<byte>) : bool =
    match MailboxLines.fieldStart field with
    | MailboxLines.IsField ->
        let name = Octets.latin1 (field.Slice(0, field.IndexOf Octets.Colon))
        List.contains (name.ToLowerInvariant()) known
    | MailboxLines.IsOther
    | MailboxLines.IsCut -> false

let private lineEnd (text: ReadOnlySpan<byte>) : int =
    match text.IndexOf Octets.LF with
    | -1 -> text.Length
    | at -> at + 1

/// The fewest blanks in front of a line, up to the first that is empty: a folded line has more of them.
let private fewestBlanks (text: ReadOnlySpan<byte>) : int =
    let mutable rest = text
    let mutable seen = 0
    let mutable fewest = MostBlanks + 1

    while seen < LinesSeen && not rest.IsEmpty do
        let line = rest.Slice(0, lineEnd rest)

        if line.Trim(" \t\r\n"B).IsEmpty then
            rest <- ReadOnlySpan.Empty
        else
            fewest <- min fewest (blanksOf line)
            seen <- seen + 1
            rest <- rest.Slice line.Length

    fewest

/// The blanks in front of the lines of a header; nothing where they are not in front of all, or of the first line alone
/// missing.
let blanks (text: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> voption =
    let span = text.Span
    let first = lineEnd span
    let ownOfFirst = blanksOf (span.Slice(0, first))
    let at = if ownOfFirst > 0 then 0 else first
    let count = fewestBlanks (span.Slice at)
    let prefix = span.Slice(at, min count (span.Length - at))
    let mutable rest = span.Slice at
    let mutable seen = 0
    let mutable named = if ownOfFirst = 0 && isKnown span then 1 else 0
    let mutable fits = count > 0 && count <= MostBlanks

    while fits && seen < LinesSeen && not rest.IsEmpty do
        let line = rest.Slice(0, lineEnd rest)

        if line.Trim(" \t\r\n"B).IsEmpty then
            rest <- ReadOnlySpan.Empty
        else
            fits <- line.StartsWith prefix

            if fits && isKnown (line.Slice prefix.Length) then
                named <- named + 1

            seen <- seen + 1
            rest <- rest.Slice line.Length

    if fits && named >= FewestKnown then
        ValueSome(text.Slice(at, prefix.Length))
    else
        ValueNone

/// The text without these blanks in front of its lines.
let without (blanks: ReadOnlyMemory<byte>) (text: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> =
    let prefix = blanks.Span
    let sink = ArrayBufferWriter<byte>(max 1 text.Length)
    let mutable rest = text.Span

    while not rest.IsEmpty do
        let length = lineEnd rest
        let line = rest.Slice(0, length)

        if line.StartsWith prefix then
            sink.Write(line.Slice prefix.Length)
        elif line.Trim(" \t\r\n"B).IsEmpty then
            sink.Write(line.TrimStart(" \t"B))
        else
            sink.Write line

        rest <- rest.Slice length

    sink.WrittenMemory
