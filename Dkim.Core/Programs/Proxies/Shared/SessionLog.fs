/// What a proxy says in the log of a conversation, beside its decisions on messages: replies of its own, and clients that
/// leave.
namespace Dkim.Core.Programs.Proxies.Shared

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Smtp

/// Who speaks to a proxy, and about what.
type Conversation =
    {
        /// The address of the client.
        Client: string
        Transaction: Transaction
    }

/// What the relay has no part in.
type SessionEvent =
    /// A command was answered here. Of it only the verb is told: behind some stand secrets.
    | CommandRefused of code: int * text: string * command: string
    /// A message was answered here, whoever decided it.
    | MessageRefused of code: int * text: string
    /// The conversation ends with an answer from here.
    | Ended of code: int * text: string
    /// The client is gone, and with it the message that it was sending.
    | Left
    /// We could not process a message, and have said so with this answer.
    | Failed of code: int * text: string * reason: string
    /// The relay cannot be reached, and this was the answer to the client.
    | NoRelay of code: int * text: string * reason: string
    /// A client that may not speak to the proxy got this answer.
    | NotAllowed of code: int * text: string

module internal Conversation =
    let unknown =
        {
            Client = ""
            Transaction = Transaction.start
        }

    let facts (conversation: Conversation) : LogFact list =
        if conversation.Client = "" then
            conversation.Transaction.Facts
        else
            LogFields.fact LogField.Client conversation.Client
            :: conversation.Transaction.Facts

    /// A decision whose log lines tell of whose message it is.
    let told (conversation: Conversation) (decision: ProxyDecision) : ProxyDecision =
        { decision with
            Log = decision.Log |> List.map (LogLine.add (facts conversation))
        }

module SessionLog =
    /// How much of a message is looked at for its Message-ID and From, in octets.
    [<Literal>]
    let Glimpse = 65536

    let private limits =
        {
            Octets = (2 * Glimpse) * 1<octet>
            Fields = Int32.MaxValue
            FieldOctets = (2 * Glimpse) * 1<octet>
        }

    /// The header of a message of which the beginning is known.
    let private header (beginning: ReadOnlySpan<byte>) : Header voption =
        let intake = Intake limits
        intake.Feed beginning |> ignore
        intake.End()

        match intake.Header with
        | ValueSome(Ok header) -> ValueSome header
        | ValueSome(Error _)
        | ValueNone -> ValueNone

    let private line level what text facts (conversation: Conversation) (beginning: ReadOnlySpan<byte>) : LogLine =
        let header = if beginning.IsEmpty then ValueNone else header beginning
        let attributes = ProxyLog.attributesOf header
        let ending = if attributes = "" then "" else "; " + attributes

        LogLine.plain level (what + " - " + Printable.sentence text + ending)
        |> LogLine.says (facts @ ProxyLog.messageFacts header)
        |> LogLine.add (Conversation.facts conversation)

    let private reply code (text: string) = string (code: int) + " " + text

    let private refusal result code text =
        [
            LogFields.fact LogField.Result result
            LogFields.fact LogField.Reply (reply code text)
        ]

    let private plain level text (conversation: Conversation) (beginning: ReadOnlySpan<byte>) : LogLine =
        let header = if beginning.IsEmpty then ValueNone else header beginning

        LogLine.plain level text
        |> LogLine.add (ProxyLog.messageFacts header @ Conversation.facts conversation)

    // Of a trouble that may meet every client.
    let private lasting level text (conversation: Conversation) (beginning: ReadOnlySpan<byte>) : LogLine =
        { plain level text conversation beginning with
            Trouble = ValueSome text
        }

    /// The line on something that happened.
    /// <param name="beginning">What is known of the message in hand, from its first octet.</param>
    [<CompiledName "Told">]
    let told (event: SessionEvent) (conversation: Conversation) (beginning: ReadOnlySpan<byte>) : LogLine =
        match event with
        | CommandRefused(code, text, command) ->
            let what =
                if command = "" then
                    ""
                else
                    " (" + command.Trim().Split(' ')[0] + ")"

            let sentence = reply code text + what
            line LogLevel.Info "command refused" sentence (refusal "refused" code text) conversation beginning
        | MessageRefused(code, text) ->
            line
                LogLevel.Warning
                "message refused"
                (reply code text)
                (refusal "refused" code text)
                conversation
                beginning
        | Ended(code, text) ->
            line LogLevel.Notice "connection ended" (reply code text) (refusal "ended" code text) conversation beginning
        | Failed(code, text, reason) ->
            lasting LogLevel.Error ("message not processed: " + Printable.sentence reason) conversation beginning
            |> LogLine.add (LogFields.fact LogField.Reason reason :: refusal "refused" code text)
        | NoRelay(code, text, reason) ->
            lasting
                LogLevel.Warning
                ("no connection to the next hop: " + Printable.sentence reason)
                conversation
                beginning
            |> LogLine.add (LogFields.fact LogField.Reason reason :: refusal "ended" code text)
        | NotAllowed(code, text) ->
            lasting
                LogLevel.Warning
                ("connection from " + conversation.Client + " is not allowed")
                conversation
                beginning
            |> LogLine.add (refusal "refused" code text)
        | Left ->
            let facts = [ LogFields.fact LogField.Result "left" ]
            line LogLevel.Notice "client left" "in the middle of a message" facts conversation beginning

    /// A sentence of the host's about a conversation.
    [<CompiledName "About">]
    let about (text: string) (conversation: Conversation) (beginning: ReadOnlySpan<byte>) : LogLine =
        plain LogLevel.Warning (Printable.sentence text) conversation beginning
