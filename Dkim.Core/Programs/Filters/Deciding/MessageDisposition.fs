/// How a verified message ends, by its status and by the policy of its author's domain, and what the log and the reply
/// say of that (dkim-filter(8) -C).
namespace Dkim.Core.Programs.Filters.Deciding

open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values

module internal MessageDisposition =
    let private keyName (judged: SignatureResult) =
        match judged.Signature with
        | ValueSome signature -> "(s=" + signature.Selector.Text + ", d=" + signature.Domain.Text + ")"
        | ValueNone -> "(unreadable)"

    // The sentence that a domain wants in replies.
    let private withReason (reason: string voption) (text: string) =
        match reason with
        | ValueSome reason -> Printable.brief reason + ": " + text
        | ValueNone -> text

    /// What is wrong with a signature, as logs are searched for it.
    let private cause (judged: SignatureResult) : string =
        match judged.Verdict with
        | PermFail HeaderAltered -> "SSL error: " + Verdict.describe judged.Verdict
        | Verdict.Pass -> "key not secured by DNSSEC"
        | verdict -> Verdict.describe verdict

    let private badSignatureLines (message: FilterMessage) (judged: SignatureResult) =
        let name =
            match judged.Signature with
            | ValueSome signature -> "s=" + signature.Selector.Text + " d=" + signature.Domain.Text + " "
            | ValueNone -> ""

        [
            message.Line LogLevel.Info (name + cause judged)
            message.Failure "bad signature data"
        ]

    let private badSignature (message: FilterMessage) (wishes: RequestedReports) (judged: SignatureResult) =
        struct ("bad DKIM signature data"
                |> withReason (RequestedReports.replyText wishes judged)
                |> FilterDecision.reply message.Policy.Actions.BadSignature,
                badSignatureLines message judged)

    /// The end of a message without a signature.
    let noSignature (message: FilterMessage) : FilterReply =
        FilterDecision.reply message.Policy.Actions.NoSignature "no DKIM signature data"

    // What cannot count is as good as no signature (RFC 6376 §6.1), else anybody evades On-NoSignature with one.
    let private faulty (message: FilterMessage) (practice: AdspOutcome) (judged: SignatureResult) (text: string) =
        let line =
            message.Line LogLevel.Info ("verification error: " + text + " " + keyName judged)

        match practice.Unavailable with
        // Without the policy nothing can be said for such a message either.
        | ValueSome _ ->
            struct (FilterDecision.reply message.Policy.Actions.DnsError "DKIM key retrieval failed", [ line ])
        | ValueNone -> struct (noSignature message, [ line ])

    let private noKey (message: FilterMessage) (judged: SignatureResult) (text: string) =
        struct (FilterDecision.reply message.Policy.Actions.DnsError "DKIM key retrieval failed",
                [
                    message.Failure("key retrieval failed " + keyName judged + ": " + Printable.brief text)
                ])

    /// How a message with a status ends, but for what the policy of its author asks, and what the log says of that.
    let private ofStatus (message: FilterMessage) (practice: AdspOutcome) wishes (status: MessageStatus) =
        let actions = message.Policy.Actions

        match status with
        | MessageStatus.Good judged when message.Policy.Reporting.SyslogSuccess ->
            struct (FilterReply.Accept,
                    [
                        message.LineWith LogLevel.Info "DKIM verification successful" (FilterMessage.passed judged)
                    ])
        | MessageStatus.Good _ -> struct (FilterReply.Accept, [])
        | MessageStatus.BadFormat -> struct (noSignature message, [])
        // Mail of those who only try their signatures is as good as unsigned (RFC 6376 §3.6.1 t=y).
        | MessageStatus.Bad judged when judged.Testing -> struct (noSignature message, badSignatureLines message judged)
        | MessageStatus.Doubted(judged, KeyTreatment.Fail)
        | MessageStatus.Bad judged -> badSignature message wishes judged
        | MessageStatus.Doubted(judged, _) ->
            struct (FilterReply.Accept, [ message.Line LogLevel.Info ("key not secured by DNSSEC " + keyName judged) ])
        | MessageStatus.Partial judged -> faulty message practice judged "partial verification"
        | MessageStatus.Revoked judged -> faulty message practice judged "key revoked"
        | MessageStatus.Unusable(judged, text) -> faulty message practice judged text
        | MessageStatus.NoKey judged -> noKey message judged "key not found in DNS"
        | MessageStatus.KeyUnavailable(judged, reason) -> noKey message judged reason
        | MessageStatus.Syntax(_, text) ->
            struct (FilterDecision.reply actions.BadSignature "DKIM signature syntax error",
                    [ message.Failure("syntax error: " + text) ])
        | MessageStatus.Unsigned
        | MessageStatus.Untrusted -> struct (noSignature message, [ message.Failure "no signature data" ])

    /// What the policy of the author's domain asks beyond that.
    let private ofPolicy (message: FilterMessage) (practice: AdspOutcome) : struct (FilterReply * LogLine) voption =
        let verifying = message.Policy.Verifying
        let refuse text = FilterReply.Refuse("5.7.1", text)

        if verifying.AdspNoSuchDomain && practice.Result = AdspResult.NxDomain then
            ValueSome(
                struct (refuse "sender domain does not exist",
                        message.Line LogLevel.Notice "sender domain does not exist")
            )
        elif verifying.AdspDiscard && practice.Suspicious && practice.Discardable then
            let reason =
                practice.Record
                |> ValueOption.bind (fun record -> ReportRequest.ofOldTags record.Tags.Text)
                |> ValueOption.bind _.ReplyText

            ValueSome(
                struct (refuse (withReason reason "rejected due to DKIM ADSP evaluation"),
                        message.Line LogLevel.Notice "rejected per sender domain policy")
            )
        else
            ValueNone

    /// How a message ends, and what the log says of that.
    let ofMessage (message: FilterMessage) (practice: AdspOutcome) (wishes: RequestedReports) (status: MessageStatus) =
        let query =
            match practice.Unavailable with
            | ValueSome reason -> [ message.Line LogLevel.Error ("ADSP query: " + Printable.brief reason) ]
            | ValueNone -> []

        let struct (statusEnd, lines) = ofStatus message practice wishes status

        match ofPolicy message practice with
        | ValueSome(struct (policyEnd, line)) -> struct (policyEnd, query @ lines @ [ line ])
        | ValueNone -> struct (statusEnd, query @ lines)
