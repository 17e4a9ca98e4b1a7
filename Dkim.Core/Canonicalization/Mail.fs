/// A message that lies there whole, as the tools read it from files and pipes (RFC 5322 §2.1).
namespace Dkim.Core

open System
open System.Buffers

/// What ends a line of a message in a file.
[<Struct; RequireQualifiedAccess>]
type FileLines =
    /// LF where the file has no CRLF at all, else CRLF.
    | Auto
    /// CRLF: the octets are the message.
    | CrLf
    /// LF, with or without a CR before it.
    | Lf

/// A message in CRLF form, cut into its header and its body.
[<NoComparison; NoEquality>]
type Mail =
    {
        Octets: ReadOnlyMemory<byte>
        Header: Header
        Body: ReadOnlyMemory<byte>
        /// The file had LF for CRLF.
        Converted: bool
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

    /// Reads the octets of a file.
    let read (limits: HeaderLimits) (lines: FileLines) (octets: ReadOnlyMemory<byte>) : Result<Mail, HeaderError> =
        let convert =
            match lines with
            | FileLines.Auto -> isLfOnly octets
            | FileLines.CrLf -> false
            | FileLines.Lf -> true

        let whole = if convert then withCrlf octets else octets
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

    /// The digests of the body.
    let digests (requests: DigestRequest list) (mail: Mail) : Digests =
        use hasher = new BodyHasher(requests)
        hasher.Feed mail.Body.Span
        hasher.Finish()
