/// A message that arrives in pieces of any size becomes a header and a body (RFC 5322 §2.1). What the header may cost is
/// bounded before it is kept.
namespace Dkim.Core.Message

open System
open System.Buffers
open Dkim.Core.Words

/// How much header one message may have.
type HeaderLimits =
    {
        Octets: int<octet>
        Fields: int
        FieldOctets: int<octet>
    }

/// Why a message is not looked at.
type HeaderError =
    | HeaderTooLong of limit: int<octet>
    | TooManyFields of limit: int
    | FieldTooLong of name: string * limit: int<octet>

module HeaderLimits =
    let defaults =
        {
            Octets = 1048576<octet>
            Fields = 2000
            FieldOctets = 262144<octet>
        }

    /// The length alone: for programs that have to look through a header which they will not judge.
    let ofLength (limits: HeaderLimits) : HeaderLimits =
        { limits with
            Fields = Int32.MaxValue
            FieldOctets = limits.Octets
        }

    /// The header if it keeps within the limits.
    let check (limits: HeaderLimits) (header: Header) : Result<Header, HeaderError> =
        let tooLong (field: Field) =
            field.Raw.Length > int limits.FieldOctets

        if header.Count > limits.Fields then
            Error(TooManyFields limits.Fields)
        else
            match Seq.tryFind tooLong header.Fields with
            | Some field ->
                let name = field.Name
                Error(FieldTooLong(name.Substring(0, min 64 name.Length), limits.FieldOctets))
            | None -> Ok header

module HeaderError =
    let describe (error: HeaderError) =
        match error with
        | HeaderTooLong limit -> "header longer than " + string (int limit) + " octets"
        | TooManyFields limit -> "more than " + string limit + " header fields"
        | FieldTooLong(_, limit) -> "a header field longer than " + string (int limit) + " octets"

/// Collects the header of one message. Line ends are CRLF.
[<Sealed>]
type Intake(limits: HeaderLimits) =
    let block = ArrayBufferWriter<byte> 4096
    let mutable result: Result<Header, HeaderError> voption = ValueNone
    let mutable bodyAt = 0L

    // Where the header ends: after an empty line, or before a first line that is empty.
    static let tryEnd (octets: ReadOnlySpan<byte>) (from: int) =
        if octets.StartsWith(ReadOnlySpan Octets.crlf) then
            struct (0, 2)
        else
            match octets.Slice(from).IndexOf("\r\n\r\n"B) with
            | -1 -> struct (-1, -1)
            | at -> struct (from + at + 2, from + at + 4)

    let finish (headerLength: int) =
        let header = Header.ofBlock (block.WrittenMemory.Slice(0, headerLength))
        result <- ValueSome(HeaderLimits.check limits header)

    /// The header, once the empty line below it or the end of the message was seen, or a limit passed.
    member _.Header = result

    /// Octets before the body: the header, its line ends and the empty line.
    member _.BodyAt: int64<octet> = bodyAt * 1L<octet>

    /// Takes octets of the message while the header lasts. Returns how many of them were header; the rest is body.
    member _.Feed(octets: ReadOnlySpan<byte>) : int =
        if result.IsSome then
            0
        else
            let before = block.WrittenCount
            let room = int limits.Octets + 4 - before
            let taken = min octets.Length (max 0 room)
            block.Write(octets.Slice(0, taken))

            match tryEnd block.WrittenSpan (max 0 (before - 3)) with
            | struct (-1, _) ->
                if block.WrittenCount > int limits.Octets then
                    result <- ValueSome(Error(HeaderTooLong limits.Octets))

                octets.Length
            | struct (headerLength, body) ->
                bodyAt <- int64 body
                finish headerLength
                body - before

    /// The message ended. A header that no empty line follows is the whole message.
    member _.End() : unit =
        if result.IsNone then
            bodyAt <- int64 block.WrittenCount
            finish block.WrittenCount

/// LF alone becomes CRLF, as qmail and Unix files need before a message is hashed (RFC 6376 §5.3). A fold: the state says
/// whether the octet before was CR.
[<Struct>]
type LineEnds = { AfterCR: bool }

module LineEnds =
    let start = { AfterCR = false }

    /// Writes the octets with each LF that no CR precedes made CRLF.
    let toCrlf (state: LineEnds) (octets: ReadOnlySpan<byte>) (sink: IBufferWriter<byte>) : LineEnds =
        let mutable rest = octets
        let mutable afterCR = state.AfterCR

        while not rest.IsEmpty do
            match rest.IndexOf Octets.LF with
            | -1 ->
                sink.Write rest
                afterCR <- rest[rest.Length - 1] = Octets.CR
                rest <- ReadOnlySpan.Empty
            | at ->
                let bare = if at = 0 then not afterCR else rest[at - 1] <> Octets.CR
                sink.Write(rest.Slice(0, at))

                if bare then
                    sink.Write(ReadOnlySpan Octets.crlf)
                else
                    sink.Write "\n"B

                afterCR <- false
                rest <- rest.Slice(at + 1)

        { AfterCR = afterCR }

    /// Writes the octets with each CR and each LF that is not half a CRLF made CRLF: the repair of what no transport may
    /// carry (RFC 6376 §5.3). A CR is written as a whole line end at once; an LF that follows it is then dropped.
    let repair (state: LineEnds) (octets: ReadOnlySpan<byte>) (sink: IBufferWriter<byte>) : LineEnds =
        let mutable rest = octets
        let mutable afterCR = state.AfterCR

        while not rest.IsEmpty do
            let run = rest.IndexOfAny(Octets.CR, Octets.LF)

            if run <> 0 then
                let length = if run < 0 then rest.Length else run
                sink.Write(rest.Slice(0, length))
                afterCR <- false
                rest <- rest.Slice length
            else
                let isCR = rest[0] = Octets.CR

                if isCR || not afterCR then
                    sink.Write(ReadOnlySpan Octets.crlf)

                afterCR <- isCR
                rest <- rest.Slice 1

        { AfterCR = afterCR }
