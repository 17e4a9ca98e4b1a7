/// How opendkim verifies: what is told of a message's signatures, what is removed that others told, and how it ends
/// (opendkim.conf(5) On-*).
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Tables
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

module internal Verifying =
    /// Whether a field was read and its key found fit to check a hash.
    let private isChecked (judged: SignatureResult) =
        match judged.Verdict with
        | Verdict.Pass
        | PermFail(BodyAltered | HeaderAltered | Unacceptable(ShortKey _) | BadKey(MalformedKeyData _)) -> true
        | TempFail _
        | PermFail _ -> false

    /// The edit that takes away what others told in our name, and what the log says of fields that cannot be read.
    let private removals (message: OpenDkimMessage) : struct ((string * int) list * LogLine list) =
        let reporting = message.Policy.Filter.Reporting

        if message.Policy.Own.KeepAuthResults then
            struct ([], [])
        else
            let struct (going, unreadable) =
                ResultFields.removals
                    {
                        Own = message.Service
                        From = reporting.RemoveArFrom
                        All = reporting.RemoveArAll
                        Methods = [ "dkim"; "dkim-adsp"; "dkim-atps" ]
                    }
                    message.Envelope.Header

            let line =
                message.Line LogLevel.Warning ("failed to parse " + AuthenticationResults.FieldName + ": header field")

            struct (going
                    |> List.map (fun occurrence -> AuthenticationResults.FieldName, occurrence),
                    // One line for each would let a message flood the log.
                    List.replicate (min 3 unreadable) line)

    /// The end of a message of which this is told, with what others told removed.
    let told (message: OpenDkimMessage) (log: LogLine list) (fields: Field list) : MessageEnd =
        let struct (deleted, lines) = removals message

        { MessageEnd.accept (log @ lines) with
            Deleted = deleted
            Added = Presence.fields message @ fields
        }

    /// The end of a message that cannot be handled.
    let malformed (message: OpenDkimMessage) (log: LogLine list) : MessageEnd =
        if
            message.Policy.Own.IgnoreMalformedMail
            || not message.Policy.Filter.Roles.Verifies
        then
            MessageEnd.accept log
        else
            told message log [ Results.malformed message ]

    /// The end of a message without a signature.
    let private unsigned (message: OpenDkimMessage) (log: LogLine list) : MessageEnd =
        let action = message.Policy.Own.Actions.NoSignature

        let line =
            if action <> Action.Accept then
                [ message.Line LogLevel.Notice "no signature data" ]
            elif message.Policy.Filter.Reporting.LogWhy then
                [ message.Line LogLevel.Debug "no signature data" ]
            else
                []

        let fields =
            if message.Policy.Filter.Reporting.AlwaysAddArHeader then
                [ Results.none message ]
            else
                []

        told message (log @ line) fields
        |> MessageEnd.under action (MessageEnd.saying "no DKIM signature data")

    let private named (signature: Signature) =
        "(s=" + signature.Selector.Text + ", d=" + signature.Domain.Text

    /// What the log says of the signature that decides, and what is done for it.
    let private concluded
        (message: OpenDkimMessage)
        (judged: SignatureResult)
        : struct (LogLine list * (MessageEnd -> MessageEnd)) =
        let actions = message.Policy.Own.Actions

        let names =
            judged.Signature |> ValueOption.map named |> ValueOption.defaultValue "("

        let retrieval =
            { MessageEnd.saying "DKIM key retrieval failed" with
                TempCode = ValueSome "4.7.5"
            }

        let isBad =
            judged.Verdict = Verdict.Pass
            && Results.treatment message.Policy.Filter.Verifying judged = KeyTreatment.Fail

        match judged.Verdict with
        | PermFail(BodyAltered | HeaderAltered) when judged.Testing ->
            struct ([ message.Line LogLevel.Notice "bad signature data" ], id)
        | PermFail(BodyAltered | HeaderAltered) ->
            struct ([ message.Line LogLevel.Notice "bad signature data" ],
                    MessageEnd.ofBadSignature message "bad DKIM signature data")
        | Verdict.Pass when isBad ->
            struct ([ message.Line LogLevel.Notice "bad signature data" ],
                    MessageEnd.ofBadSignature message "bad DKIM signature data")
        | PermFail(BadKey NoKey) ->
            struct ([ message.Line LogLevel.Error ("key retrieval failed " + names + ")") ],
                    MessageEnd.under actions.KeyNotFound retrieval)
        | TempFail reason ->
            struct ([
                        message.Line LogLevel.Error ("key retrieval failed " + names + "): " + Printable.brief reason)
                    ],
                    MessageEnd.under actions.DnsError retrieval)
        | PermFail(BadKey Revoked) ->
            let algorithm =
                judged.Signature |> ValueOption.map _.Algorithm |> ValueOption.defaultValue ""

            struct ([
                        message.Line LogLevel.Notice ("key revoked " + names + ", a=" + algorithm + ")")
                    ],
                    MessageEnd.ofBadSignature message "key revoked")
        | Verdict.Pass
        | PermFail _ -> struct ([], id)

    let private success (message: OpenDkimMessage) (judged: SignatureResult) : LogLine list =
        if judged.Verdict = Verdict.Pass && message.Policy.Filter.Reporting.SyslogSuccess then
            [ message.Line LogLevel.Info "DKIM verification successful" ]
        else
            []

    // OpenSSL's error queue stood at the end of the line.
    let private hashLine (message: OpenDkimMessage) (judged: SignatureResult) : LogLine list =
        match judged.Signature with
        | ValueSome signature when isChecked judged ->
            [
                message.Line
                    LogLevel.Info
                    ("s="
                     + signature.Selector.Text
                     + " d="
                     + signature.Domain.Text
                     + " a="
                     + signature.Algorithm
                     + " SSL ")
            ]
        | _ -> []

    let private isIgnored (judged: SignatureResult) =
        match judged.Verdict with
        | PermFail(Unacceptable(TooManySignatures _)) -> true
        | Verdict.Pass
        | TempFail _
        | PermFail _ -> false

    let private counted (message: OpenDkimMessage) (judged: SignatureResult list) : LogLine list =
        let ignored = judged |> List.filter isIgnored |> List.length

        let domains =
            judged
            |> List.choose (fun one -> one.Signature |> ValueOption.map _.Domain.Text |> ValueOption.toOption)

        [
            if ignored > 0 then
                message.Line
                    LogLevel.Info
                    ("ignoring "
                     + string ignored
                     + (if ignored = 1 then " signature" else " signatures"))
            if domains.Length > 1 then
                message.Line LogLevel.Info ("message has signatures from " + String.Join(", ", domains))
            if message.Policy.Own.LogResults then
                message.Line LogLevel.Info (Results.line (judged |> List.filter (isIgnored >> not)))
        ]

    // One that passes decides, else the first that could be read, else the first.
    let private decisive (message: OpenDkimMessage) (judged: SignatureResult list) : SignatureResult =
        let treatment = Results.treatment message.Policy.Filter.Verifying

        judged
        |> List.minBy (fun one ->
            if one.Verdict = Verdict.Pass && treatment one = KeyTreatment.Unchanged then
                0
            elif one.Verdict = Verdict.Pass then
                1
            elif one.Signature.IsSome then
                2
            else
                3)

    /// What is known of a message at its end.
    [<NoComparison; NoEquality>]
    type private Findings =
        {
            /// The signatures that count.
            Judged: SignatureResult list
            /// Whether the author's domain has authorized one of them, where that was asked.
            Atps: ResultWord voption
            Wishes: RequestedReports
        }

    let private syntax (message: OpenDkimMessage) (found: Findings) log : MessageEnd =
        let line =
            message.Line LogLevel.Error ("syntax error: " + Results.text (List.head found.Judged))

        told message (log @ [ line ]) [ Results.ofSignatures message found.Atps found.Judged ]
        |> MessageEnd.ofBadSignature message "DKIM signature syntax error"

    // The sentence that a domain wants in replies (rs=).
    let private explained (found: Findings) (judged: SignatureResult) (verdict: MessageEnd) : MessageEnd =
        match verdict.Reply, RequestedReports.recordedText found.Wishes judged with
        | MilterReply.Refuse(code, enhanced, text), ValueSome sentence ->
            { verdict with
                Reply = MilterReply.Refuse(code, enhanced, Printable.brief sentence + ": " + text)
            }
        | _ -> verdict

    let private judgedEnd (message: OpenDkimMessage) (found: Findings) log : MessageEnd =
        let decisive = decisive message found.Judged
        let struct (lines, change) = concluded message decisive

        let log =
            log
            @ counted message found.Judged
            @ success message decisive
            @ hashLine message decisive
            @ lines

        told message log [ Results.ofSignatures message found.Atps found.Judged ]
        |> change
        |> explained found decisive

    // Signatures of the author's domain and of those that are trusted.
    let private heeded (message: OpenDkimMessage) (trusted: Table voption) judged : SignatureResult list =
        match trusted with
        | ValueNone -> judged
        | ValueSome _ ->
            let author = AdspLookup.authorDomain message.Envelope.Header

            judged
            |> List.filter (fun one ->
                one.Signature
                |> ValueOption.forall (fun signature ->
                    ValueSome signature.Domain = author
                    || LoadedSets.isIn trusted (signature.Domain.Text.ToLowerInvariant())))

    /// More signatures of a message are not told of.
    [<Literal>]
    let private MostTold = 50

    // The names of a signature whose x= lies before its t=: it has expired, whatever else it is.
    let private withoutExpiry (field: Field) : Signature voption =
        match TagList.parse SignatureLimits.defaults.TagListOctets field.ValueText with
        | Error _ -> ValueNone
        | Ok list ->
            list.Tags
            |> List.filter (fun tag -> tag.Name <> "x")
            |> List.map (fun tag -> tag.Name + "=" + list.Slice tag.Value)
            |> fun tags -> Field.ofText field.Name (String.Join(";", tags))
            |> Signature.parse SignatureLimits.defaults
            |> Result.toValueOption

    // Some that are not judged are told of by their names all the same.
    let private withNames (judged: SignatureResult) : SignatureResult =
        match judged.Signature, judged.Verdict with
        | ValueNone, PermFail(Unacceptable(TooManySignatures _)) ->
            { judged with
                Signature = Signature.parse SignatureLimits.defaults judged.Field |> Result.toValueOption
            }
        | ValueNone, PermFail(BadSignature ExpiresBeforeSigned) ->
            { judged with
                Signature = withoutExpiry judged.Field
            }
        | _ -> judged

    // A good signature that the DNS speaks against counts for nothing here.
    let private isGood (message: OpenDkimMessage) (judged: SignatureResult) =
        judged.Verdict = Verdict.Pass
        && Results.treatment message.Policy.Filter.Verifying judged = KeyTreatment.Unchanged

    let private finish (message: OpenDkimMessage) (log: LogLine list) (found: Findings) : MessageEnd =
        match found.Judged with
        | [] -> unsigned message log
        | judged when judged |> List.forall _.Signature.IsNone -> syntax message found log
        | _ -> judgedEnd message found log

    let private delivery (reply: MilterReply) : DeliveryResult =
        match reply with
        | MilterReply.Accept -> DeliveryResult.Delivered
        | MilterReply.Refuse _ -> DeliveryResult.Reject
        | MilterReply.Discard
        | MilterReply.TempFail -> DeliveryResult.Other

    let private drafts (message: OpenDkimMessage) bodies (found: Findings) (verdict: MessageEnd) : ReportDraft list =
        found.Wishes.Recipients
        |> List.collect (fun (judged, address) ->
            Reports.ofSignatures
                {
                    Result = Results.reported message judged
                    Delivery = delivery verdict.Reply
                    Bodies = bodies
                }
                [ judged, address ])

    // The signatures that count, once it is known whose are trusted.
    let private counting (message: OpenDkimMessage) (judged: SignatureResult list) : Step<SignatureResult list> =
        judged
        |> List.choose (fun one ->
            one.Signature
            |> ValueOption.map _.Domain.Text.ToLowerInvariant()
            |> ValueOption.toOption)
        |> StoredSets.trusted message.Policy.Sets
        |> Step.map (fun sets ->
            judged
            |> List.truncate MostTold
            |> List.map withNames
            |> heeded message sets.Trusted)

    let private conclude (message: OpenDkimMessage) log bodies (heeded: SignatureResult list) : Step<MessageEnd> =
        ThirdPartyLookup.ask message.Envelope.Header (List.filter (isGood message) heeded) (fun atps ->
            Reports.askSigners message.Base heeded (fun wishes ->
                let found =
                    {
                        Judged = heeded
                        Atps = atps
                        Wishes = wishes
                    }

                let verdict = finish message log found

                drafts message (KeptBody.Finished bodies) found verdict
                |> Reports.rendered message.Base
                |> Step.map (fun reports -> { verdict with Reports = reports })))

    let private settle message log (bodies: KeptBody list) (judged: SignatureResult list) : Step<MessageEnd> =
        counting message judged
        |> Step.bind (conclude message log bodies)
        |> Step.map (fun verdict ->
            { verdict with
                MessageEnd.Signatures = ValueSome judged
            })

    // Bodies that reports may have to show.
    let private keepers (message: OpenDkimMessage) (plan: VerifyPlan) : KeptBody list =
        if message.Policy.Filter.Reporting.SendReports then
            plan.Digests
            |> List.map _.Canon
            |> List.distinct
            |> List.map (fun canon -> KeptBody(canon, KeptBody.LongestInReport))
        else
            []

    /// Verifies. `log` comes first in what the decision says.
    let start (message: OpenDkimMessage) (log: LogLine list) : Step<AfterHeader> =
        let plan =
            Verifier.plan message.Policy.Filter.Verifying.Policy message.Envelope.Now message.Envelope.Header

        // Nothing of the body can change what is known.
        if plan.Digests.IsEmpty then
            Verifier.conclude plan (Digests.ofList []) (fun _ -> Answer.Unavailable "not asked")
            |> settle message log []
            |> Step.map MessageEnd.afterHeader
        else
            let bodies = keepers message plan

            let work =
                {
                    Questions = plan.Questions
                    Digests = plan.Digests
                    Conclude =
                        fun digests answerTo ->
                            Verifier.conclude plan digests answerTo
                            |> settle message log bodies
                            |> Step.map MessageEnd.toMilter
                }

            Done(
                if bodies.IsEmpty then
                    Proceed work
                else
                    ProceedKeeping(bodies, work)
            )
