/// One message in the hands of opendkim: what it is decided with, and how a decision becomes what a host does.
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

/// Everything that opendkim decides with.
[<NoComparison; NoEquality>]
type internal OpenDkimPolicy =
    {
        Filter: FilterPolicy
        Own: OwnSettings
        Sets: LoadedSets
    }

/// A message and everything that it is decided with.
[<NoComparison; NoEquality>]
type internal OpenDkimMessage =
    {
        Policy: OpenDkimPolicy
        Base: FilterMessage
        /// The header as it is signed: that of the message, changed by ReplaceRules.
        SignedHeader: Header
    }

    member this.Envelope: MilterEnvelope = this.Base.Envelope

    /// The queue id.
    member this.Job: string = this.Base.Job

    /// A line of the log that begins with the queue id.
    member this.Line (level: LogLevel) (text: string) : LogLine =
        let line = this.Base.Failure text
        { line with Level = level }

    /// A line for those who wonder why.
    member this.Why(text: string) : LogLine list =
        if this.Policy.Filter.Reporting.LogWhy then
            [ this.Line LogLevel.Info text ]
        else
            []

    /// Our name in Authentication-Results.
    member this.Service: string =
        match this.Policy.Filter.Reporting.AuthservId with
        | ValueSome "HOSTNAME" -> this.Policy.Filter.Machine.HostName
        | ValueSome name -> name
        | ValueNone -> this.Base.Host

    /// The same as it is written.
    member this.ServiceId: string =
        if this.Policy.Filter.Reporting.AuthservIdWithJobId then
            "\"" + this.Service + "/" + this.Job + "\""
        else
            this.Service

/// A decision in its parts.
[<NoComparison; NoEquality>]
type internal MessageEnd =
    {
        Log: LogLine list
        /// Names and occurrences, the last occurrence of a name first.
        Deleted: (string * int) list
        /// In the order in which they shall stand, above all others.
        Added: Field list
        Quarantine: string voption
        /// Who gets the message in place of these recipients, as in the RCPT command.
        Redirected: struct (Address * string list) voption
        Reply: MilterReply
        /// Mails of our own.
        Reports: byte[] list
        Signatures: SignatureResult list voption
    }

module internal MessageEnd =
    let accept (log: LogLine list) : MessageEnd =
        {
            Log = log
            Deleted = []
            Added = []
            Quarantine = ValueNone
            Redirected = ValueNone
            Reply = MilterReply.Accept
            Reports = []
            Signatures = ValueNone
        }

    /// What a reply says, where an action makes one.
    type Saying =
        {
            /// The enhanced code of a refusal for now; nothing for the MTA's own words.
            TempCode: string voption
            Text: string
        }

    let saying (text: string) : Saying = { TempCode = ValueNone; Text = text }

    let private tame (text: string) = Printable.brief text

    /// The verdict with what an action makes of it. A message that is refused for good gets 550 5.7.0.
    let under (action: Action) (saying: Saying) (verdict: MessageEnd) : MessageEnd =
        match action, saying.TempCode with
        | Action.Accept, _ -> verdict
        | Action.Discard, _ ->
            { verdict with
                Reply = MilterReply.Discard
            }
        | Action.Quarantine, _ ->
            { verdict with
                Quarantine = ValueSome("opendkim: " + saying.Text)
            }
        | Action.Reject, _ ->
            { verdict with
                Reply = MilterReply.Refuse(550, "5.7.0", tame saying.Text)
            }
        | Action.TempFail, ValueSome code ->
            { verdict with
                Reply = MilterReply.Refuse(451, code, tame saying.Text)
            }
        | Action.TempFail, ValueNone ->
            { verdict with
                Reply = MilterReply.TempFail
            }

    /// What is done with mail whose signature is bad (On-BadSignature, RedirectFailuresTo). With more recipients than can be
    /// taken away it waits.
    let ofBadSignature (message: OpenDkimMessage) (text: string) (verdict: MessageEnd) : MessageEnd =
        let verdict = under message.Policy.Own.Actions.BadSignature (saying text) verdict

        match message.Policy.Own.RedirectFailuresTo, message.Envelope.Everyone with
        | ValueSome _, everyone when everyone.Length > StoredSets.MostRecipients ->
            { verdict with
                Log =
                    verdict.Log
                    @ [
                        message.Line LogLevel.Error "RedirectFailuresTo: there are too many recipients"
                    ]
                Reply = MilterReply.TempFail
            }
        | ValueSome address, everyone ->
            { verdict with
                Redirected = ValueSome(struct (address, everyone))
            }
        | ValueNone, _ -> verdict

    let private redirection (address: Address) (recipients: string list) : MilterChange list =
        let original (recipient: string) =
            let address = Octets.decoded (Wording.unbracketed recipient)
            Field.ofText "Original-Recipient" (" rfc822;" + Printable.brief address)

        [
            for recipient in List.rev recipients do
                MilterChange.Insert(0, original recipient)
            for recipient in recipients do
                MilterChange.RemoveRecipient recipient
            MilterChange.AddRecipient("<" + address.ToString() + ">")
        ]

    /// For the host. A message that does not go on is not changed.
    let toMilter (verdict: MessageEnd) : MilterDecision =
        {
            Log = verdict.Log
            Changes =
                [
                    if verdict.Reply = MilterReply.Accept then
                        yield! List.map MilterChange.Delete verdict.Deleted

                        for field in List.rev verdict.Added do
                            MilterChange.Insert(0, field)

                        match verdict.Redirected with
                        | ValueSome(struct (address, recipients)) -> yield! redirection address recipients
                        | ValueNone -> ()

                        yield!
                            verdict.Quarantine
                            |> ValueOption.map (tame >> MilterChange.Quarantine)
                            |> ValueOption.toList

                    yield! verdict.Reports |> List.map (ReadOnlyMemory >> MilterChange.Send)
                ]
            Reply = verdict.Reply
            Signatures = verdict.Signatures
        }

    /// How the message goes on: a header can be changed only at its end, and a message that is not changed need not come
    /// any further.
    let afterHeader (verdict: MessageEnd) : AfterHeader =
        let decision = toMilter verdict

        if decision.Changes.IsEmpty then
            Finish decision
        else
            Proceed(Work.decided decision)

module internal Presence =
    /// The field that tells of the filter's presence, if it is wanted (SoftwareHeader).
    let fields (message: OpenDkimMessage) : Field list =
        if message.Policy.Filter.Reporting.XHeader then
            let product = message.Base.Product
            let host = message.Base.Host
            let own = message.Policy.Filter.Machine.HostName

            let place =
                if own = "" || own.Equals(host, StringComparison.OrdinalIgnoreCase) then
                    host
                else
                    host + " via " + own

            [
                Field.ofText product.XField (" " + product.Banner + " " + place + " " + message.Job)
            ]
        else
            []
