/// A file with mail that arrives in pieces of any size becomes messages, whatever its form. What is kept is bounded by the
/// longest message.
namespace Dkim.Core.MailFiles

open System
open System.Collections.Generic
open System.Text
open Dkim.Core.Words

/// How the octets of a file are text.
[<Struct; RequireQualifiedAccess>]
type private Encoded =
    | Octets
    | Utf16 of isBigEndian: bool

/// What a file was found to be. Those of a text wait for its head.
[<NoComparison; NoEquality>]
type private Stage =
    | Starting
    | Heading
    | Mailbox of MailboxSplitter
    /// A message: behind so many octets of the text, and of this length where the file says so.
    | Whole of at: int * length: int voption
    | Ended

/// The first octets of a file or a text, which say what it is.
module private Head =
    let byteOrderMark = [| 0xEFuy; 0xBBuy; 0xBFuy |]

    /// Whether one octet of each two is NUL, the first (0) or the second (1) of them.
    let private hasNul (place: int) (octets: ReadOnlySpan<byte>) : bool =
        let mutable good = octets.Length >= 16
        let mutable at = 0

        while good && at + 1 < octets.Length do
            good <- octets[at + place] = 0uy && octets[at + 1 - place] <> 0uy
            at <- at + 2

        good

    let encodingOf (start: ReadOnlySpan<byte>) : Encoded =
        if start.StartsWith(ReadOnlySpan [| 0xFFuy; 0xFEuy |]) || hasNul 1 start then
            Encoded.Utf16 false
        elif start.StartsWith(ReadOnlySpan [| 0xFEuy; 0xFFuy |]) || hasNul 0 start then
            Encoded.Utf16 true
        else
            Encoded.Octets

    /// Octets of empty lines in front.
    let blankLines (head: ReadOnlySpan<byte>) : int =
        let mutable at = 0
        let mutable isGoing = true

        while isGoing do
            let rest = head.Slice at

            if rest.StartsWith "\n"B then at <- at + 1
            elif rest.StartsWith "\r\n"B then at <- at + 2
            else isGoing <- false

        at

    let private lineLength (text: ReadOnlySpan<byte>) : int =
        match text.IndexOf Octets.LF with
        | -1 -> text.Length
        | at -> at + 1

    let private isField (text: ReadOnlySpan<byte>) : bool =
        match MailboxLines.fieldStart text with
        | MailboxLines.IsField -> true
        | MailboxLines.IsOther
        | MailboxLines.IsCut -> false

    /// Whether a text begins with a line that begins a message of a mailbox.
    let isMailbox (text: ReadOnlySpan<byte>) : bool =
        let line = lineLength text

        MailboxLines.isSeparator (text.Slice(0, line).TrimEnd "\r\n"B)
        && isField (text.Slice line)

    /// The length of the message that stands below its length, and octets of the line that has it.
    let tryEmlx (text: ReadOnlySpan<byte>) : struct (int * int) voption =
        let line = lineLength text

        match Int32.TryParse(Octets.latin1(text.Slice(0, min line 32)).Trim()) with
        | true, length when length > 0 && isField (text.Slice line) -> ValueSome(struct (length, line))
        | _ -> ValueNone

    /// Whether a text goes on as a message may begin.
    let beginsMessage (text: ReadOnlySpan<byte>) : bool =
        isField (text.TrimStart " \t"B) || isMailbox text

/// Reads one file. Octets that gzip made have to be unpacked before; `isRaw` takes the octets as one message, whatever they are.
[<Sealed>]
type internal MailReader(limit: int, isRaw: bool) =
    let text = OctetQueue()
    let forms = List<FileForm>()
    let ready = Queue<Result<ReadOnlyMemory<byte>, FileFault>>()
    let mutable decoder: Decoder voption = ValueNone
    let mutable stage = if isRaw then Whole(0, ValueNone) else Starting

    let note (form: FileForm) =
        if not (forms.Contains form) then
            forms.Add form

    let give (message: Result<ReadOnlyMemory<byte>, FileFault>) = ready.Enqueue message

    let fail (fault: FileFault) =
        give (Error fault)
        stage <- Ended

    let decode (octets: ReadOnlySpan<byte>) (isLast: bool) : ReadOnlySpan<byte> =
        match decoder with
        | ValueNone -> octets
        | ValueSome decoder ->
            let chars: char[] = Array.zeroCreate (octets.Length / 2 + 4)
            let count = decoder.GetChars(octets, Span chars, isLast)
            ReadOnlySpan(Encoding.UTF8.GetBytes(chars, 0, count))

    /// Octets in front of the first message, of the head of a text.
    let inFront (head: ReadOnlySpan<byte>) : int =
        let mark =
            if head.StartsWith(ReadOnlySpan Head.byteOrderMark) then
                3
            else
                0

        // In front of UTF-16 it says no more than that.
        if mark > 0 && not (forms.Contains FileForm.Utf16) then
            note FileForm.ByteOrderMark

        match Head.blankLines (head.Slice mark) with
        | 0 -> mark
        | count when Head.beginsMessage (head.Slice(mark + count)) ->
            note FileForm.BlankLines
            mark + count
        | _ -> mark

    let feedMailbox (splitter: MailboxSplitter) (octets: ReadOnlySpan<byte>) =
        splitter.Feed octets
        let mutable next = splitter.TryTake()

        while next.IsSome do
            give next.Value
            next <- splitter.TryTake()

    // A file that has one message is no longer than that may be.
    let bound () =
        if stage.IsWhole && text.Length > limit then
            fail (FileFault.TooLong limit)

    // The head is complete: what is it?
    let decide () =
        let head = text.Memory.Slice(0, min text.Length MailLimits.Head)
        let skipped = inFront head.Span
        let head = head.Span.Slice skipped
        text.Drop skipped

        match ForeignFile.tryFind head, Head.tryEmlx head with
        | ValueSome file, _ -> fail (FileFault.Foreign file)
        | ValueNone, ValueSome(struct (length, at)) ->
            note FileForm.Emlx
            stage <- Whole(at, ValueSome length)
        | ValueNone, ValueNone when Head.isMailbox head ->
            note FileForm.Mbox
            let splitter = MailboxSplitter limit
            stage <- Mailbox splitter
            feedMailbox splitter text.Memory.Span
            text.Drop text.Length
        | ValueNone, ValueNone -> stage <- Whole(0, ValueNone)

    let start (octets: ReadOnlyMemory<byte>) =
        match Head.encodingOf (octets.Span.Slice(0, min octets.Length MailLimits.Start)) with
        | Encoded.Octets -> ()
        | Encoded.Utf16 isBigEndian ->
            note FileForm.Utf16

            decoder <-
                ValueSome(
                    (if isBigEndian then
                         Encoding.BigEndianUnicode
                     else
                         Encoding.Unicode)
                        .GetDecoder()
                )

        stage <- Heading

    let add (octets: ReadOnlySpan<byte>) (isLast: bool) =
        match stage with
        | Mailbox splitter -> feedMailbox splitter (decode octets isLast)
        | Starting
        | Ended -> ()
        | Heading
        | Whole _ -> text.Add(decode octets isLast)

    /// The message as it stands in a file that has one.
    let giveWhole (at: int) (length: int voption) =
        let rest = text.Memory.Slice at

        let whole =
            match length with
            | ValueSome length -> rest.Slice(0, min rest.Length length)
            | ValueNone -> rest

        match SourceCopy.blanks whole with
        | ValueSome blanks when not isRaw ->
            note FileForm.Indented
            give (Ok(SourceCopy.without blanks whole))
        | _ -> give (Ok whole)

    /// Whether the octets of a file begin as gzip makes them (RFC 1952 §2.3).
    static member IsPacked(start: ReadOnlySpan<byte>) : bool =
        start.StartsWith(ReadOnlySpan [| 0x1Fuy; 0x8Buy; 8uy |])

    /// Notes that what comes was unpacked.
    member _.Unpacked() : unit = note FileForm.Gzip

    member _.IsUnpacked: bool = forms.Contains FileForm.Gzip

    /// Ends it for a reason of the host's.
    member _.Fail(fault: FileFault) : unit = fail fault

    /// What was undone so far, in the order of the table.
    member _.Forms: FileForm list =
        FileForm.rows |> List.map _.Form |> List.filter forms.Contains

    /// Whether nothing that comes is looked at any more.
    member _.HasEnded: bool = stage.IsEnded

    /// Takes the next octets of the file.
    member _.Feed(octets: ReadOnlySpan<byte>) : unit =
        match stage with
        | Starting ->
            text.Add octets

            if text.Length >= MailLimits.Start then
                let all = text.Memory
                text.Drop all.Length
                start all
                add all.Span false
        | Heading
        | Mailbox _
        | Whole _
        | Ended -> add octets false

        if stage.IsHeading && text.Length >= MailLimits.Head then
            decide ()

        bound ()

    /// The file has no more.
    member _.End() : unit =
        if stage.IsStarting then
            let all = text.Memory
            text.Drop all.Length
            start all
            add all.Span true
        else
            add ReadOnlySpan.Empty true

        if stage.IsHeading then
            decide ()

        bound ()

        match stage with
        | Mailbox splitter ->
            splitter.End()
            feedMailbox splitter ReadOnlySpan.Empty
        | Whole(at, length) -> giveWhole at length
        | Starting
        | Heading
        | Ended -> ()

        stage <- Ended

    /// The next message that is complete.
    member _.TryTake() : Result<ReadOnlyMemory<byte>, FileFault> voption =
        match ready.TryDequeue() with
        | true, found -> ValueSome found
        | false, _ -> ValueNone
