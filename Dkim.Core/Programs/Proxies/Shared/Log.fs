/// What both proxies say of a message in the log and to the client, in the words of the originals.
namespace Dkim.Core.Programs.Proxies.Shared

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Programs.Running

module internal ProxyLog =
    let private attribute name (text: string) = name + "=<" + LogFields.safe text + ">"

    let private messageId (header: Header) =
        Header.tryFind "Message-ID" header
        |> ValueOption.map (fun field -> field.ValueText.Trim().TrimStart('<').TrimEnd('>'))

    let private sender (header: Header) =
        let address name =
            Header.tryFind name header
            |> ValueOption.bind Originator.tryFirst
            |> ValueOption.map (fun address -> attribute (name.ToLowerInvariant()) (address.ToString()))

        if (Header.tryFind "Sender" header).IsSome then
            address "Sender"
        else
            address "From"

    /// `message-id=<…>, signer=<…>, from=<…>`, as far as there are such things.
    let private attributes (header: Header) (signer: string voption) =
        let parts =
            [
                messageId header |> ValueOption.map (attribute "message-id")
                signer |> ValueOption.map (attribute "signer")
                sender header
            ]

        String.Join(", ", parts |> List.collect (fun part -> if part.IsSome then [ part.Value ] else []))

    /// The same of a message that may have no header, and then nothing.
    let attributesOf (header: Header voption) : string =
        match header with
        | ValueSome header -> attributes header ValueNone
        | ValueNone -> ""

    /// What the attributes say, for JSON.
    let messageFacts (header: Header voption) : LogFact list =
        LogFields.optional LogField.MessageId (ValueOption.bind messageId header)

    /// The line on a message: `WHAT - RESULT; ATTRIBUTES`, then what the originals did not say.
    let result what text (header: Header voption) (signer: string voption) (behind: LogFact list) : LogLine =
        let attributes =
            match header with
            | ValueSome header -> attributes header signer
            | ValueNone -> ""

        let said = LogFields.ofResult text @ messageFacts header

        LogLine.plain LogLevel.Info (what + " - " + Printable.sentence text + "; " + attributes)
        |> LogLine.says said
        |> LogLine.add behind

    let warning (what: string) (text: string) : LogLine =
        LogLine.plain LogLevel.Warning (what + ": " + Printable.sentence text)

    /// A failure of ours, and whether trying again may help.
    let failure (permanent: bool) (reason: string) =
        (if permanent then "permerror (" else "temperror (") + reason + ")"

    /// A field and the end of its line.
    let write (sink: ArrayBufferWriter<byte>) (field: Field) =
        sink.Write field.Raw.Span
        sink.Write(ReadOnlySpan Octets.crlf)

    /// The message as it is, with octets on top of what follows the first `replaced`.
    let relay (log: LogLine list) (head: ReadOnlyMemory<byte>) (replaced: int64) : ProxyDecision =
        {
            Log = log
            Disposition = ProxyDisposition.Relay(head, replaced)
        }

    let unchanged (log: LogLine list) = relay log ReadOnlyMemory.Empty 0L

    let refuse (log: LogLine list) (code: int) (text: string) : ProxyDecision =
        let told =
            LogLine.add [ LogFields.fact LogField.Reply (string code + " " + Printable.sentence text) ]

        {
            Log = List.map told log
            Disposition = ProxyDisposition.Refuse(code, Printable.sentence text)
        }
