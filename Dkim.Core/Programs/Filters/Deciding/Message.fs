/// One message in the hands of a filter, and how a decision on it becomes what a host does.
namespace Dkim.Core.Programs.Filters.Deciding

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings

/// A message and everything that it is decided with.
[<NoComparison; NoEquality>]
type internal FilterMessage =
    {
        Product: Product
        Policy: FilterPolicy
        Envelope: MilterEnvelope
    }

    member private this.Macro(name: string) : string voption =
        MilterMacros.find this.Envelope.Macros name
        |> ValueOption.map Printable.brief
        |> ValueOption.filter ((<>) "")

    /// The queue id. Some MTAs know it only at the end of the message.
    member this.Job: string = this.Macro "i" |> ValueOption.defaultValue "(unknown-jobid)"

    /// The MTA's host in fields that name it.
    member this.Host: string = this.Macro "j" |> ValueOption.defaultValue "unknown-host"

    /// The authserv-id without a job id.
    member this.Service: string =
        [
            this.Policy.Reporting.AuthservId
            this.Macro "j"
            ValueSome this.Policy.Machine.HostName
        ]
        |> List.choose Option.ofValueOption
        |> AuthenticationResults.serviceName

    /// The authserv-id as it is written.
    member this.ServiceId: string =
        if this.Policy.Reporting.AuthservIdWithJobId then
            this.Service + "/" + this.Job
        else
            this.Service

    /// A line of the log that begins with the queue id.
    member this.Line (level: LogLevel) (text: string) : LogLine =
        { Wording.line level (this.Job + " " + text) with
            Said = this.Id
        }

    /// The same with more behind it.
    member this.LineWith (level: LogLevel) (text: string) (facts: LogFact list) : LogLine =
        { this.Line level text with
            Behind = facts
        }

    member private this.Id: LogFact list = LogFields.optional LogField.Id (this.Macro "i")

    /// Who delivers the message, and for whom.
    member this.Origin: LogFact list =
        let envelope = this.Envelope

        [
            envelope.Client.Address
            |> ValueOption.map string
            |> ValueOption.defaultValue envelope.Client.HostName
            |> LogFields.fact LogField.Client
        ]
        @ (envelope.Sender
           |> ValueOption.map Wording.unbracketed
           |> LogFields.optional LogField.Sender)

    /// The same with a colon, as lines on failures have it.
    member this.Failure(text: string) : LogLine =
        { Wording.line LogLevel.Error (this.Job + ": " + text) with
            Said = this.Id
        }

module internal FilterMessage =
    /// What a line tells of a signature that passes.
    let passed (judged: SignatureResult) : LogFact list =
        (judged.Signature
         |> ValueOption.map LogFields.ofSignature
         |> ValueOption.defaultValue [])
        @ [ LogFields.fact LogField.Result "pass" ]

/// How a message ends.
[<RequireQualifiedAccess>]
type internal FilterReply =
    | Accept
    | Discard
    | TempFail
    | Refuse of enhanced: string * text: string

/// What is changed in a header. Fields are deleted first, and no deletion moves a field that is still to be deleted.
type internal HeaderEdits =
    {
        /// Where in the header the topmost of the added fields stands.
        Place: int
        /// Names and occurrences, the last occurrence of a name first.
        Deleted: (string * int) list
        /// In the order in which they shall stand.
        Added: Field list
    }

module internal HeaderEdits =
    let none = { Place = 0; Deleted = []; Added = [] }

    /// The deletion of the first fields of a name, so many of them.
    let deleteMany (name: string) (count: int) : (string * int) list =
        [
            for occurrence = count downto 1 do
                name, occurrence
        ]

    /// The deletion of every field of a name.
    let deleteAll (name: string) (header: Header) : (string * int) list =
        deleteMany name (Header.all name header).Length

    /// The changes in the order in which an MTA is to make them.
    let changes (edits: HeaderEdits) : MilterChange list =
        List.map MilterChange.Delete edits.Deleted
        @ (List.rev edits.Added
           |> List.map (fun field -> MilterChange.Insert(edits.Place, field)))

/// A decision in its parts.
[<NoComparison; NoEquality>]
type internal FilterDecision =
    {
        Log: LogLine list
        Edits: HeaderEdits
        Quarantine: string voption
        Reports: byte[] list
        /// What was hashed, for files.
        Kept: ReadOnlyMemory<byte> list
        Job: string
        Reply: FilterReply
        /// As judged; nothing of a message that was not verified.
        Signatures: SignatureResult list voption
    }

module internal FilterDecision =
    let accept (message: FilterMessage) (log: LogLine list) : FilterDecision =
        {
            Log = log
            Edits = HeaderEdits.none
            Quarantine = ValueNone
            Reports = []
            Kept = []
            Job = message.Job
            Reply = FilterReply.Accept
            Signatures = ValueNone
        }

    let reply (action: Disposition) (text: string) : FilterReply =
        match action with
        | Disposition.Accept -> FilterReply.Accept
        | Disposition.Discard -> FilterReply.Discard
        | Disposition.TempFail -> FilterReply.TempFail
        | Disposition.Reject -> FilterReply.Refuse("5.7.0", text)

    // A reply is one line, whatever a record asked for.
    let private replyOf (reply: FilterReply) : MilterReply =
        match reply with
        | FilterReply.Accept -> MilterReply.Accept
        | FilterReply.Discard -> MilterReply.Discard
        | FilterReply.TempFail -> MilterReply.TempFail
        | FilterReply.Refuse(enhanced, text) -> MilterReply.Refuse(550, enhanced, Printable.brief text)

    /// The decision. A message that does not go on is not changed.
    let toMilter (verdict: FilterDecision) : MilterDecision =
        // A file name is no place for what an MTA might call a message.
        let prefix = "dkim." + String.filter Char.IsAsciiLetterOrDigit verdict.Job

        {
            Log = verdict.Log
            Changes =
                [
                    if verdict.Reply = FilterReply.Accept then
                        yield! HeaderEdits.changes verdict.Edits

                        yield!
                            verdict.Quarantine
                            |> ValueOption.map MilterChange.Quarantine
                            |> ValueOption.toList

                    for report in verdict.Reports do
                        MilterChange.Send(ReadOnlyMemory report)

                    for octets in verdict.Kept do
                        MilterChange.Keep(prefix, octets)
                ]
            Reply = replyOf verdict.Reply
            Signatures = verdict.Signatures
        }
