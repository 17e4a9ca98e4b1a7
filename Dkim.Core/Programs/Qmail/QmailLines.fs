/// The line ends of a message in qmail's queue, as they are before they are hashed.
namespace Dkim.Core.Programs.Qmail

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message

/// What came of the octets so far.
[<Struct>]
type internal SentLines =
    {
        /// The last octet was a CR, whose line end depends on what follows.
        HoldsCR: bool
        /// A dot stood behind a CR: it begins a line when it is sent, and no second dot is put before it, so that the
        /// receiver takes it away (RFC 5321 §4.5.2) or takes it for the end.
        LosesDot: bool
    }

/// What qmail-remote of notqmail and netqmail makes of a message: an LF, a CR with the LF behind it, and a CR alone all
/// go out as CRLF. Of two CRs the second one is sent as it is.
module internal SentLines =
    let start = { HoldsCR = false; LosesDot = false }

    /// Writes the octets as they will be sent.
    let feed (state: SentLines) (octets: ReadOnlySpan<byte>) (sink: IBufferWriter<byte>) : SentLines =
        let mutable rest = octets
        let mutable holds = state.HoldsCR
        let mutable losesDot = state.LosesDot

        while not rest.IsEmpty do
            if holds then
                sink.Write(ReadOnlySpan Octets.crlf)
                holds <- false

                if rest[0] <> Octets.LF then
                    losesDot <- losesDot || rest[0] = byte '.'
                    sink.Write(rest.Slice(0, 1))

                rest <- rest.Slice 1
            else
                match rest.IndexOfAny(Octets.CR, Octets.LF) with
                | -1 ->
                    sink.Write rest
                    rest <- ReadOnlySpan.Empty
                | at ->
                    sink.Write(rest.Slice(0, at))
                    holds <- rest[at] = Octets.CR

                    if not holds then
                        sink.Write(ReadOnlySpan Octets.crlf)

                    rest <- rest.Slice(at + 1)

        { HoldsCR = holds; LosesDot = losesDot }

    /// Writes what is left at the end of the message.
    let finish (state: SentLines) (sink: IBufferWriter<byte>) : unit =
        if state.HoldsCR then
            sink.Write(ReadOnlySpan Octets.crlf)

/// The line ends of one message made CRLF: as they will be sent where it is signed, as they were received where it is
/// verified (qmail-smtpd has taken away one CR before each LF, and left others).
[<Sealed>]
type internal QmailLines(isSent: bool) =
    let mutable sent = SentLines.start
    let mutable received = LineEnds.start

    member _.Feed(octets: ReadOnlySpan<byte>, sink: IBufferWriter<byte>) : unit =
        if isSent then
            sent <- SentLines.feed sent octets sink
        else
            received <- LineEnds.toCrlf received octets sink

    member _.End(sink: IBufferWriter<byte>) : unit =
        if isSent then
            SentLines.finish sent sink

    /// The receiver will not see the octets that were hashed.
    member _.LosesDot: bool = sent.LosesDot
