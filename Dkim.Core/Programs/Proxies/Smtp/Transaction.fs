/// What a proxy knows of the mail transaction that passes through it (RFC 5321 §3.3, RFC 2033 §4): who sends to whom, and
/// how many replies follow the final dot. It is what the relay has agreed to, not what the client has said.
namespace Dkim.Core.Programs.Proxies.Smtp

open System
open System.Text
open Dkim.Core.Programs.Running

/// One mail transaction, as far as it has come.
type Transaction =
    private
        {
            lmtp: bool
            sender: string voption
            /// The last first; no more of them than are ever told.
            recipients: string list
            accepted: int
            id: string voption
        }

    /// The conversation is LMTP: after the final dot comes a reply for each accepted recipient (RFC 2033 §4.2).
    member this.IsLmtp = this.lmtp

    /// How many replies the relay gives to the message, each of them final. An LMTP relay that asks for the message and has
    /// accepted nobody gives none.
    member this.FinalReplies = if this.lmtp then this.accepted else 1

    /// MAIL FROM, recipients and queue id, as far as there are such things.
    member internal this.Facts: LogFact list =
        LogFields.optional LogField.Id this.id
        @ LogFields.optional LogField.Sender this.sender
        @ LogFields.recipients (List.rev this.recipients) this.accepted

module Transaction =
    /// The longest address that is kept, in octets (RFC 5321 §4.5.3.1.3 has 256).
    [<Literal>]
    let private LongestPath = 512

    /// Nothing has been said.
    [<CompiledName "Start">]
    let start: Transaction =
        {
            lmtp = false
            sender = ValueNone
            recipients = []
            accepted = 0
            id = ValueNone
        }

    let private fresh (transaction: Transaction) = { start with lmtp = transaction.lmtp }

    /// The transaction after its message, or after RSET.
    [<CompiledName "Ended">]
    let ended (transaction: Transaction) : Transaction = fresh transaction

    /// The address between the brackets of a MAIL or RCPT command, or what stands in their place.
    let private path (command: string) : string =
        let behind = command.IndexOf ':' + 1
        let text = command.Substring(behind).Trim()

        let text =
            match text.IndexOf '<', text.IndexOf '>' with
            | 0, close when close > 0 -> text.Substring(1, close - 1)
            | 0, _ -> text.Substring 1
            | _ -> text.Split(' ')[0]

        text.Substring(0, min LongestPath text.Length)

    /// IDENT of XFORWARD: the queue id of the mail server in front (postfix.org, XFORWARD_README).
    let private ident (command: string) : string voption =
        let attribute =
            command.Split([| ' '; '\t'; '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries)
            |> Array.tryFind (fun word -> word.StartsWith("IDENT=", StringComparison.OrdinalIgnoreCase))

        match attribute with
        | Some word when not (word.EndsWith("[UNAVAILABLE]", StringComparison.OrdinalIgnoreCase)) ->
            ValueSome(word.Substring(6, min LongestPath (word.Length - 6)))
        | _ -> ValueNone

    let private withRecipient (command: string) (transaction: Transaction) =
        { transaction with
            accepted = transaction.accepted + 1
            recipients =
                if transaction.accepted < LogFields.MostRecipients then
                    path command :: transaction.recipients
                else
                    transaction.recipients
        }

    let private accepted (verb: string) (command: string) (transaction: Transaction) : Transaction =
        match verb with
        | "LHLO" -> { start with lmtp = true }
        | "EHLO"
        | "HELO"
        | "XCLIENT" -> start
        | "RSET" -> fresh transaction
        | "MAIL" ->
            { fresh transaction with
                sender = ValueSome(path command)
                id = transaction.id
            }
        | "RCPT" -> withRecipient command transaction
        | "XFORWARD" ->
            match ident command with
            | ValueSome id -> { transaction with id = ValueSome id }
            | ValueNone -> transaction
        | _ -> transaction

    // The verbs that `accepted` heeds; of other commands nothing is made.
    let private heeded =
        [ "EHLO"; "HELO"; "LHLO"; "MAIL"; "RCPT"; "RSET"; "XCLIENT"; "XFORWARD" ]

    /// The verb of a command, in capitals; nothing of one that tells nothing.
    let private tryVerb (command: ReadOnlySpan<byte>) : string voption =
        let mutable verbs = heeded
        let mutable found = ValueNone
        let text = command.TrimStart " \t"B
        let length = text.IndexOfAny " \t:\r\n"B
        let word = if length < 0 then text else text.Slice(0, length)

        while found.IsNone && not verbs.IsEmpty do
            if Ascii.EqualsIgnoreCase(word, verbs.Head) then
                found <- ValueSome verbs.Head

            verbs <- verbs.Tail

        found

    /// The transaction after a command of the client, a line with or without its CRLF, that the relay has answered with a
    /// code.
    [<CompiledName "After">]
    let after (command: ReadOnlySpan<byte>) (code: int) (transaction: Transaction) : Transaction =
        if code < 200 || code > 299 then
            transaction
        else
            match tryVerb command with
            | ValueSome verb -> accepted verb (Encoding.Latin1.GetString(command).Trim()) transaction
            | ValueNone -> transaction
