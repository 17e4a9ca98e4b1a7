/// A message that lies there whole, as the tools read it from files and pipes (RFC 5322 §2.1).
namespace Dkim.Core.Message

open System
open System.Buffers
open Dkim.Core.Words

/// What ends a line of a message in a file.
[<Struct; RequireQualifiedAccess>]
type FileLines =
    /// LF where the file has no CRLF at all, else CRLF. What programs are known to do to files is undone: a byte order
    /// mark in front, and a header with LF above a body with CRLF.
    | Auto
    /// CRLF: the octets are the message.
    | CrLf
    /// LF, with or without a CR before it.
    | Lf

/// What was done to a file besides reading it.
[<RequireQualifiedAccess>]
type FileRepair =
    | ByteOrderMark
    | HeaderLines

module FileRepair =
    let describe (repair: FileRepair) : string =
        match repair with
        | FileRepair.ByteOrderMark -> "the byte order mark in front of the first field is passed over"
        | FileRepair.HeaderLines -> "line ends are mixed: LF in the header is taken for CRLF"

/// A message in CRLF form, cut into its header and its body.
[<NoComparison; NoEquality>]
type Mail =
    {
        Octets: ReadOnlyMemory<byte>
        Header: Header
        Body: ReadOnlyMemory<byte>
        /// The file had LF for CRLF.
        Converted: bool
        /// What was undone so that the file could be read as the message it seems to be.
        Repairs: FileRepair list
    }

module Mail =
    /// LF alone made CRLF (RFC 6376 §5.3).
    let internal withCrlf (octets: ReadOnlyMemory<byte>) : ReadOnlyMemory<byte> =
        let sink = ArrayBufferWriter<byte>(octets.Length + octets.Length / 32 + 16)
        LineEnds.toCrlf LineEnds.start octets.Span sink |> ignore
        sink.WrittenMemory

    let private isLfOnly (octets: ReadOnlyMemory<byte>) =
        octets.Span.Contains Octets.LF
        && octets.Span.IndexOf(ReadOnlySpan Octets.crlf) < 0

    /// A line that can be one of a header: a field, the rest of one, or what a mailbox has in front of a message.
    let private isOfHeader (line: ReadOnlySpan<byte>) : bool =
        let colon = line.IndexOf Octets.Colon

        Octets.isWsp line[0]
        || line.StartsWith "From "B
        || colon > 0 && line.Slice(0, colon).IndexOfAnyExceptInRange(33uy, 126uy) < 0

    /// How long the header of a file is that has LF in some lines of its header and CRLF elsewhere; nothing where it has
    /// not, and where the lines that LF makes are no fields.
    let private mixedHeader (limits: HeaderLimits) (octets: ReadOnlyMemory<byte>) : int voption =
        let span = octets.Span.Slice(0, min octets.Length (int limits.Octets))
        let mutable at = 0
        let mutable isMixed = false
        let mutable going = true

        while going do
            let rest = span.Slice at

            match rest.IndexOf Octets.LF with
            | -1 ->
                isMixed <- false
                going <- false
            | length ->
                let hasCr = length > 0 && rest[length - 1] = Octets.CR
                let line = rest.Slice(0, if hasCr then length - 1 else length)
                isMixed <- isMixed || not hasCr
                at <- at + length + 1

                if line.IsEmpty then
                    going <- false
                elif not (isOfHeader line) then
                    isMixed <- false
                    going <- false

        if isMixed then ValueSome at else ValueNone

    let private byteOrderMark = [| 0xEFuy; 0xBBuy; 0xBFuy |]

    /// The octets as a message has them, and what was undone.
    let private repaired (limits: HeaderLimits) (octets: ReadOnlyMemory<byte>) =
        let marked = octets.Span.StartsWith(ReadOnlySpan byteOrderMark)
        let octets = if marked then octets.Slice 3 else octets
        let mark = if marked then [ FileRepair.ByteOrderMark ] else []

        if isLfOnly octets then
            struct (withCrlf octets, true, mark)
        else
            match mixedHeader limits octets with
            | ValueNone -> struct (octets, false, mark)
            | ValueSome length ->
                let header, body = withCrlf (octets.Slice(0, length)), octets.Slice length
                let body = if isLfOnly body then withCrlf body else body
                let whole = Array.append (header.ToArray()) (body.ToArray())
                struct (ReadOnlyMemory whole, false, mark @ [ FileRepair.HeaderLines ])

    /// Reads the octets of a file.
    let read (limits: HeaderLimits) (lines: FileLines) (octets: ReadOnlyMemory<byte>) : Result<Mail, HeaderError> =
        let struct (whole, convert, repairs) =
            match lines with
            | FileLines.Auto -> repaired limits octets
            | FileLines.CrLf -> struct (octets, false, [])
            | FileLines.Lf -> struct (withCrlf octets, true, [])

        let intake = Intake limits
        intake.Feed whole.Span |> ignore
        intake.End()

        match intake.Header with
        | ValueSome(Ok header) ->
            Ok
                {
                    Octets = whole
                    Header = header
                    Body = whole.Slice(int intake.BodyAt)
                    Converted = convert
                    Repairs = repairs
                }
        | ValueSome(Error error) -> Error error
        | ValueNone -> Error(HeaderTooLong limits.Octets)

    /// The header as it stands there, without the empty line below it.
    let headerBlock (mail: Mail) : ReadOnlyMemory<byte> =
        let block = mail.Octets.Slice(0, mail.Octets.Length - mail.Body.Length)

        if block.Length = 2 || block.Span.EndsWith("\r\n\r\n"B) then
            block.Slice(0, block.Length - 2)
        else
            block
