/// A mailbox that arrives in pieces of any size becomes messages (mbox, RFC 4155 Appendix A). A line begins a message where it
/// is a `From ` line with a time, an empty line stands above it and a header field below.
namespace Dkim.Core.MailFiles

open System
open System.Collections.Generic
open Dkim.Core.Words

/// Why there is no message where one was expected.
[<RequireQualifiedAccess>]
type FileFault =
    | TooLong of limit: int
    | Foreign of ForeignFile
    | UnpackedTooLong of limit: int64
    /// Its octets could not be had.
    | Unreadable of reason: string

module FileFault =
    let describe (fault: FileFault) : string =
        match fault with
        | FileFault.TooLong limit -> "longer than " + string (limit / 1048576) + " MiB"
        | FileFault.Foreign file -> ForeignFile.describe file
        | FileFault.UnpackedTooLong limit ->
            "what comes out of it is longer than "
            + string (limit / 1048576L)
            + " MiB: unpack it first (gunzip)"
        | FileFault.Unreadable reason -> reason

/// Octets that are added at the end and taken off at the front.
[<Sealed>]
type internal OctetQueue() =
    let mutable octets: byte[] = Array.zeroCreate 8192
    let mutable first = 0
    let mutable last = 0

    member _.Length = last - first

    /// What is there, until more is added or taken.
    member _.Memory = ReadOnlyMemory(octets, first, last - first)

    member _.Add(more: ReadOnlySpan<byte>) : unit =
        let length = last - first

        if last + more.Length > octets.Length then
            let needed = length + more.Length

            let room =
                if needed <= octets.Length / 2 then
                    octets
                else
                    Array.zeroCreate (int (min (int64 Array.MaxLength) (max (int64 needed) (int64 octets.Length * 2L))))

            Buffer.BlockCopy(octets, first, room, 0, length)
            octets <- room
            first <- 0
            last <- length

        more.CopyTo(Span(octets, last, more.Length))
        last <- last + more.Length

    member _.Drop(count: int) : unit = first <- first + count

/// Cuts a mailbox. The first line, which begins its first message, is known to be there.
[<Sealed>]
type internal MailboxSplitter(limit: int) =
    // Behind the line that began the message; before the first such line, all that came.
    let pending = OctetQueue()
    let ready = Queue<Result<ReadOnlyMemory<byte>, FileFault>>()
    let mutable hasBegun = false
    let mutable isTooLong = false
    // Everything before was searched.
    let mutable searched = 0

    // Octets that a search may look back at, or that are kept of a line that is not complete.
    static let kept = MailboxLines.LongestSeparator + 2 * MailboxLines.LongestName

    /// How many octets of the text are the message, without the empty line that a mailbox puts below it.
    static let withoutBlank (text: ReadOnlySpan<byte>) : int =
        if text.EndsWith "\n\n"B then text.Length - 1
        elif text.EndsWith "\n\r\n"B then text.Length - 2
        else text.Length

    static let isBelowBlank (text: ReadOnlySpan<byte>) : bool =
        text.EndsWith "\n\n"B || text.EndsWith "\n\r\n"B

    let emit (length: int) =
        let text = pending.Memory.Slice(0, length)
        let length = withoutBlank text.Span

        if isTooLong || length > limit then
            ready.Enqueue(Error(FileFault.TooLong limit))
        else
            ready.Enqueue(Ok(ReadOnlyMemory(text.Span.Slice(0, length).ToArray())))

        isTooLong <- false

    /// Where the text behind a line that begins a message starts; -1 where the line at this place does not, and -2 where
    /// more has to come to say so.
    let behindSeparator (at: int) (hasEnded: bool) : int =
        let text = pending.Memory.Span
        let rest = text.Slice at
        let undecided = if hasEnded then -1 else -2

        if not (isBelowBlank (text.Slice(0, at))) then
            -1
        else
            match rest.Slice(0, min rest.Length (MailboxLines.LongestSeparator + 1)).IndexOf Octets.LF with
            | -1 when rest.Length > MailboxLines.LongestSeparator -> -1
            | -1 -> undecided
            | lineEnd when not (MailboxLines.isSeparator (rest.Slice(0, lineEnd))) -> -1
            | lineEnd ->
                match MailboxLines.fieldStart (rest.Slice(lineEnd + 1)) with
                | MailboxLines.IsField -> at + lineEnd + 1
                | MailboxLines.IsOther -> -1
                | MailboxLines.IsCut -> undecided

    let search (hasEnded: bool) =
        let mutable isGoing = true

        while isGoing do
            let text = pending.Memory.Span

            match text.Slice(searched).IndexOf "\nFrom "B with
            | -1 ->
                searched <- max searched (text.Length - 5)
                isGoing <- false
            | found ->
                let at = searched + found + 1

                match behindSeparator at hasEnded with
                | -2 ->
                    searched <- at - 1
                    isGoing <- false
                | -1 -> searched <- at
                | behind ->
                    emit at
                    pending.Drop behind
                    searched <- 0

    let skipFirstLine () =
        match pending.Memory.Span.IndexOf Octets.LF with
        | -1 -> ()
        | at ->
            pending.Drop(at + 1)
            hasBegun <- true

    // What is too long is let go, but for what a search needs.
    let bound () =
        if hasBegun && searched > limit + kept then
            let gone = searched - kept
            isTooLong <- true
            pending.Drop gone
            searched <- kept

    member _.Feed(octets: ReadOnlySpan<byte>) : unit =
        pending.Add octets

        if not hasBegun then
            skipFirstLine ()

        if hasBegun then
            search false
            bound ()

    member _.End() : unit =
        search true
        emit pending.Length

    /// The next message that is complete.
    member _.TryTake() : Result<ReadOnlyMemory<byte>, FileFault> voption =
        match ready.TryDequeue() with
        | true, message -> ValueSome message
        | false, _ -> ValueNone
