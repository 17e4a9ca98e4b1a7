/// dk-filter's decision on a message: signed, verified or left as it is (dk-filter(8), RFC 4870).
namespace Dkim.Core.Programs.Filters

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Deciding

module internal DkFilter =
    let private methods = [ "domainkeys" ]

    /// What the sender's domain says of its mail.
    type private Practice =
        {
            Domain: DomainName voption
            Record: PolicyRecord voption
        }

    let private noPractice =
        {
            Domain = ValueNone
            Record = ValueNone
        }

    let private sendingDomain (header: Header) : DomainName voption =
        Originator.trySending header
        |> ValueOption.bind (fun (struct (_, address)) -> Originator.tryDomain address)

    /// The policy, which is looked up only where a message is not signed well (RFC 4870 §3.6).
    let private askPractice (header: Header) (status: DkStatus) (next: Practice -> Step<'decision>) =
        match status, sendingDomain header with
        | (DkStatus.Good _ | DkStatus.CannotVerify _), _
        | _, ValueNone -> next noPractice
        | _, ValueSome domain ->
            let answered answerTo =
                match SenderPolicy.conclude DomainKeysPolicy domain answerTo with
                | Published record ->
                    next
                        {
                            Domain = ValueSome domain
                            Record = ValueSome record
                        }
                | NotPublished
                | NoSuchDomain
                | PolicyUnavailable _ -> next noPractice

            Step.lookUp (SenderPolicy.plan DomainKeysPolicy domain) answered

    let private signsAll (practice: Practice) =
        practice.Record
        |> ValueOption.exists (fun record -> record.Practice <> SignsSome)

    let private keyName (judged: SignatureResult) =
        match judged.Signature with
        | ValueSome signature -> "(s=" + signature.Selector.Text + ", d=" + signature.Domain.Text + ")"
        | ValueNone -> "(unreadable)"

    let private isTesting (practice: Practice) (status: DkStatus) =
        practice.Record |> ValueOption.exists _.Testing
        || DkStatus.signature status |> ValueOption.exists _.Testing

    /// The end by an action, which holds for nobody who only tries his signatures (RFC 4870 §3.2.3, §3.6 t=y).
    let private judgedEnd practice status (action: Disposition) (text: string) : FilterReply =
        if isTesting practice status then
            FilterReply.Accept
        else
            FilterDecision.reply action text

    /// How a message ends, and what the log says of that.
    let private ending (message: FilterMessage) (practice: Practice) (status: DkStatus) =
        let actions = message.Policy.Actions
        let judgedEnd = judgedEnd practice status

        match status with
        | DkStatus.Good judged when message.Policy.Reporting.SyslogSuccess ->
            struct (FilterReply.Accept,
                    [
                        message.LineWith
                            LogLevel.Info
                            "DomainKeys verification successful"
                            (FilterMessage.passed judged)
                    ])
        | DkStatus.Good _ -> struct (FilterReply.Accept, [])
        | DkStatus.Bad judged ->
            struct (judgedEnd actions.BadSignature "bad DomainKeys signature",
                    [ message.Failure("bad signature data " + keyName judged) ])
        | DkStatus.NoKey judged ->
            struct (FilterReply.Accept, [ message.Line LogLevel.Info ("no key " + keyName judged) ])
        | DkStatus.BadKey(judged, text) ->
            struct (FilterReply.Accept, [ message.Line LogLevel.Info (text + " " + keyName judged) ])
        | DkStatus.CannotVerify(judged, reason) ->
            struct (FilterDecision.reply actions.DnsError "DomainKeys key retrieval failed",
                    [
                        message.Failure("key retrieval failed " + keyName judged + ": " + Printable.brief reason)
                    ])
        | DkStatus.Syntax(_, text) ->
            struct (judgedEnd actions.BadSignature "DomainKeys signature syntax error",
                    [ message.Failure("syntax error: " + text) ])
        | DkStatus.NoSignature when signsAll practice ->
            struct (judgedEnd actions.SignatureMissing "DomainKeys signature missing",
                    [ message.Failure "signature missing" ])
        | DkStatus.NoSignature ->
            struct (judgedEnd actions.NoSignature "no DomainKeys signature data",
                    [ message.Failure "no signature data" ])

    let private told (message: FilterMessage) (practice: Practice) (status: DkStatus) : Field =
        let words =
            ResultFields.words
                {
                    ServiceId = message.ServiceId
                    Version = ValueNone
                    Results = [ DkStatus.clause message.Envelope.Header status ]
                }

        let isProperty (word: string) =
            word.StartsWith("header.", StringComparison.Ordinal)

        ResultFields.ofWords (
            if isTesting practice status then
                List.filter (isProperty >> not) words
                @ [ "(testing)" ]
                @ List.filter isProperty words
            else
                words
        )

    // Reports go nowhere but to the domain itself, a parent or a part of it: a record cannot send them to strangers.
    let private recipient (practice: Practice) : string voption =
        match practice.Domain, practice.Record |> ValueOption.bind _.ReportAddress with
        | ValueSome domain, ValueSome address ->
            let at = address.LastIndexOf '@'
            let local = if at < 0 then address else address.Substring(0, at)

            let host =
                if at < 0 then
                    Ok domain
                else
                    DomainName.tryCreate (address.Substring(at + 1))

            match host with
            | Ok host when (host.IsWithin domain || domain.IsWithin host) && ReportRequest.isPlain local ->
                ValueSome(local + "@" + host.Text)
            | _ -> ValueNone
        | _ -> ValueNone

    let private reports (message: FilterMessage) (practice: Practice) (finalReply: FilterReply) (status: DkStatus) =
        match status, recipient practice with
        | DkStatus.Bad judged, ValueSome address when
            message.Policy.Reporting.SendReports && not (Reports.isAnswer message.Envelope)
            ->
            Reports.ofSignatures
                {
                    Result = DkStatus.clause message.Envelope.Header status
                    Delivery = Reports.delivery finalReply
                    Bodies = []
                }
                [ judged, address ]
        | _ -> []

    let private isQuarantined (message: FilterMessage) (practice: Practice) (status: DkStatus) =
        match status with
        | DkStatus.Bad _
        | DkStatus.Syntax _ -> message.Policy.Reporting.Quarantine && not (isTesting practice status)
        | DkStatus.Good _
        | DkStatus.NoKey _
        | DkStatus.BadKey _
        | DkStatus.CannotVerify _
        | DkStatus.NoSignature -> false

    let private finish (message: FilterMessage) log (status: DkStatus) (practice: Practice) : Step<FilterDecision> =
        let struct (finalReply, lines) = ending message practice status
        let cleared = MessageVerifier.unjudged message methods (log @ lines)
        let struct (word, comment) = DkStatus.result status

        { cleared with
            Edits =
                { cleared.Edits with
                    Added = MessageSigner.presence message @ [ told message practice status ]
                }
            Quarantine =
                if isQuarantined message practice status then
                    ValueSome(
                        message.Product.Program
                        + ": "
                        + ResultWord.name word
                        + ": "
                        + ValueOption.defaultValue "bad signature" comment
                    )
                else
                    ValueNone
            Reply = finalReply
        }
        |> Reports.add message (reports message practice finalReply status)

    let private verify (message: FilterMessage) (log: LogLine list) : Work<FilterDecision> =
        let header = message.Envelope.Header
        let plan = Verifier.plan message.Policy.Verifying.Policy message.Envelope.Now header

        {
            Questions = plan.Questions
            Digests = plan.Digests
            Conclude =
                fun digests answerTo ->
                    let judged = Verifier.conclude plan digests answerTo
                    let status = judged |> List.filter SignatureResults.isReported |> DkStatus.ofMessage

                    askPractice header status (fun practice ->
                        finish message log status practice
                        |> Step.map (fun decision ->
                            { decision with
                                Signatures = ValueSome judged
                            }))
        }

    /// The program that a policy makes.
    let parts (policy: FilterPolicy) : MilterHandler =
        Handling.parts
            Product.dkFilter
            policy
            {
                Verify = fun message log -> struct ([], verify message log)
                Malformed = fun message _ log -> MessageVerifier.unjudged message methods log
            }
