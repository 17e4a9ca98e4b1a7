/// How dkim-filter verifies: what is told of a message's signatures, what is removed that others told, and how it ends.
namespace Dkim.Core.Programs.Filters.Deciding

open System
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values

module internal MessageVerifier =
    /// The methods whose results we are the judge of.
    let private methods = [ "dkim"; "dkim-adsp"; "x-dkim-adsp"; "dkim-atps" ]

    /// The edit that takes away what others told in our name, and what the log says of fields that cannot be read.
    let removals (message: FilterMessage) (methods: string list) : struct ((string * int) list * LogLine list) =
        let reporting = message.Policy.Reporting

        let removal: ResultFields.Removal =
            {
                Own = message.Service
                From = reporting.RemoveArFrom
                All = reporting.RemoveArAll
                Methods = methods
            }

        let struct (going, unreadable) =
            ResultFields.removals removal message.Envelope.Header

        let line =
            message.Line LogLevel.Warning ("failed to parse " + AuthenticationResults.FieldName + ": header")

        struct (going
                |> List.map (fun occurrence -> AuthenticationResults.FieldName, occurrence),
                // One line for each would let a message flood the log.
                List.replicate (min 3 unreadable) line)

    let private adding (fields: Field list) (verdict: FilterDecision) : FilterDecision =
        { verdict with
            Edits = { verdict.Edits with Added = fields }
        }

    /// The end of a message on which nothing is told.
    let unjudged (message: FilterMessage) (methods: string list) (log: LogLine list) : FilterDecision =
        let struct (deleted, lines) = removals message methods

        { FilterDecision.accept message (log @ lines) with
            Edits =
                { HeaderEdits.none with
                    Deleted = deleted
                }
        }

    /// Whether the message gets a field of results.
    let private isTold (message: FilterMessage) (practice: AdspOutcome) (status: MessageStatus) =
        match status with
        | MessageStatus.Unsigned
        | MessageStatus.Untrusted -> message.Policy.Reporting.AlwaysAddArHeader || practice.Suspicious
        | MessageStatus.Good _
        | MessageStatus.Doubted _
        | MessageStatus.Bad _
        | MessageStatus.Partial _
        | MessageStatus.NoKey _
        | MessageStatus.KeyUnavailable _
        | MessageStatus.Revoked _
        | MessageStatus.Syntax _
        | MessageStatus.Unusable _
        | MessageStatus.BadFormat -> true

    let private isQuarantined (message: FilterMessage) (practice: AdspOutcome) (status: MessageStatus) =
        match status with
        | MessageStatus.Bad judged when judged.Testing -> message.Policy.Reporting.Quarantine && practice.Suspicious
        | MessageStatus.Bad _
        | MessageStatus.Doubted(_, KeyTreatment.Fail)
        | MessageStatus.Partial _
        | MessageStatus.Revoked _
        | MessageStatus.Syntax _
        | MessageStatus.Unusable _ -> message.Policy.Reporting.Quarantine
        | MessageStatus.Unsigned -> message.Policy.Reporting.Quarantine && practice.Suspicious
        | MessageStatus.Doubted _
        | MessageStatus.Good _
        | MessageStatus.NoKey _
        | MessageStatus.KeyUnavailable _
        | MessageStatus.Untrusted
        | MessageStatus.BadFormat -> false

    // What tells the signature: its identity and, since OpenDMARC heeds no result without it, its domain where it is wanted.
    let private properties (message: FilterMessage) (signature: Signature voption) : ResultProperty list =
        let property name value =
            {
                Type = "header"
                Name = name
                Value = value
            }

        match signature with
        | ValueNone -> [ property "i" "unknown" ]
        | ValueSome signature ->
            [
                property "i" (SignatureResults.identityText message.Envelope.Header signature.EffectiveIdentity)

                if message.Policy.Reporting.ResultDomain then
                    property "d" signature.Domain.Text
                    property "s" signature.Selector.Text
            ]

    let private clause (message: FilterMessage) (status: MessageStatus) : MethodResult =
        let struct (word, remark) = MessageStatus.result status
        // What local policy does not accept says why where readers look for it (RFC 8601 §2.4, §2.7.1).
        let isPolicy = word = ResultWord.Policy

        {
            Method = "dkim"
            MethodVersion = ValueNone
            Result = ResultWord.name word
            Comment = if isPolicy then ValueNone else remark
            Reason = if isPolicy then remark else ValueNone
            Properties = properties message (MessageStatus.signature status |> ValueOption.bind _.Signature)
        }

    let private told (message: FilterMessage) (practice: AdspOutcome voption) (status: MessageStatus) : Field =
        ResultFields.field
            {
                ServiceId = message.ServiceId
                Version = ValueNone
                Results =
                    match practice with
                    | ValueSome practice -> [ clause message status; AdspLookup.clause practice ]
                    | ValueNone -> [ clause message status ]
            }

    let private quarantineReason (message: FilterMessage) (status: MessageStatus) =
        let struct (word, comment) = MessageStatus.result status

        message.Product.Program
        + ": "
        + ResultWord.name word
        + ": "
        + ValueOption.defaultValue "" comment

    /// A message whose header is not as it must be (RequiredHeaders). Nothing is verified of it, so it ends as unsigned mail.
    let badFormat (message: FilterMessage) (isVerified: bool) (log: LogLine list) : FilterDecision =
        let cleared =
            if isVerified then
                { unjudged message methods log with
                    Reply = MessageDisposition.noSignature message
                }
            else
                FilterDecision.accept message log

        { cleared with
            Edits =
                { cleared.Edits with
                    Added =
                        MessageSigner.presence message
                        @ [ told message ValueNone MessageStatus.BadFormat ]
                }
        }

    let private signatureLines (message: FilterMessage) (judged: SignatureResult list) (ignored: SignatureResult list) =
        let domain (one: SignatureResult) =
            one.Signature |> ValueOption.map _.Domain.Text |> ValueOption.toOption

        let several =
            match List.choose domain judged with
            | _ :: _ :: _ as domains ->
                [
                    Wording.line LogLevel.Info ("message has signatures from " + String.Join(", ", domains))
                ]
            | _ -> []

        several
        @ (List.choose domain ignored
           |> List.map (fun name -> message.Line LogLevel.Info ("ignoring signature from " + name)))

    /// What is known of a message at its end.
    [<NoComparison; NoEquality>]
    type private Findings =
        {
            /// Every signature, heeded or not.
            Outcome: SignatureResult list
            Status: MessageStatus
            Practice: AdspOutcome
            /// Bodies as they were hashed.
            Bodies: (BodyCanon * ReadOnlyMemory<byte>) list
            Wishes: RequestedReports
        }

    let private reports (message: FilterMessage) (found: Findings) (finalReply: FilterReply) : ReportDraft list =
        let reported result =
            {
                Result = result
                Delivery = Reports.delivery finalReply
                Bodies = found.Bodies
            }

        Reports.ofSignatures (reported (clause message found.Status)) found.Wishes.Recipients
        @ Reports.ofPractice message (reported (AdspLookup.clause found.Practice)) found.Outcome found.Practice

    /// The end, when everything is known.
    let private finish (message: FilterMessage) (log: LogLine list) (found: Findings) : Step<FilterDecision> =
        let status, practice = found.Status, found.Practice

        let struct (finalReply, lines) =
            MessageDisposition.ofMessage message practice found.Wishes status

        let fields =
            if isTold message practice status then
                [ told message (ValueSome practice) status ]
            else
                []

        { adding (MessageSigner.presence message @ fields) (unjudged message methods (log @ lines)) with
            Quarantine =
                if isQuarantined message practice status then
                    ValueSome(quarantineReason message status)
                else
                    ValueNone
            Reply = finalReply
        }
        |> Reports.add message (reports message found finalReply)

    let private kept (message: FilterMessage) (judged: SignatureResult list) bodies : ReadOnlyMemory<byte> list =
        let hashed (one: SignatureResult) =
            match one.Signature with
            | ValueSome signature when one.Scheme = Dkim ->
                let header =
                    FailureReport.canonicalHeader message.Envelope.Header one.Position signature

                ReadOnlyMemory header
                :: (match Reports.hashedBody bodies signature with
                    | ValueSome octets -> [ octets ]
                    | ValueNone -> [])
            | _ -> []

        if message.Policy.Reporting.KeepsHashed then
            List.collect hashed judged
        else
            []

    let private conclude
        (message: FilterMessage)
        (log: LogLine list)
        (bodies: KeptBody list)
        (judged: SignatureResult list)
        =
        let verifying = message.Policy.Verifying
        let header = message.Envelope.Header

        let bodies = KeptBody.Finished bodies

        let heeded, ignored =
            MessageStatus.heeded message.Policy.Lists.Trusted header judged

        let status = MessageStatus.ofMessage verifying heeded ignored
        let log = log @ signatureLines message judged ignored

        let isGood one =
            (MessageStatus.ofJudged verifying one).IsGood

        let withJudged verdict =
            { verdict with
                FilterDecision.Kept = kept message judged bodies
                Signatures = ValueSome judged
            }

        let decided practice wishes =
            finish
                message
                log
                {
                    Outcome = judged
                    Status = status
                    Practice = practice
                    Bodies = bodies
                    Wishes = wishes
                }
            |> Step.map withJudged

        match status with
        | MessageStatus.Untrusted when not message.Policy.Reporting.AlwaysAddArHeader ->
            Done(withJudged (unjudged message methods log |> adding (MessageSigner.presence message)))
        | MessageStatus.KeyUnavailable _ when message.Policy.Actions.DnsError <> Disposition.Accept ->
            decided AdspLookup.unknown RequestedReports.none
        | _ ->
            AdspLookup.judge message.Policy header (List.filter isGood heeded) (fun practice ->
                Reports.ask message heeded (decided practice))

    // How much of a body is not signed is known only where all of it is seen.
    let private wholeBodies (message: FilterMessage) (plan: VerifyPlan) : DigestRequest list =
        match message.Policy.Verifying.Minimum with
        | ValueNone -> []
        | ValueSome _ ->
            plan.Digests
            |> List.filter _.Limit.IsSome
            |> List.map (fun request -> { request with Limit = ValueNone })

    let private keepers (message: FilterMessage) (plan: VerifyPlan) : KeptBody list =
        let reporting = message.Policy.Reporting
        let canons = plan.Digests |> List.map _.Canon |> List.distinct

        if reporting.KeepsHashed then
            canons |> List.map (fun canon -> KeptBody(canon, KeptBody.LongestInFile))
        elif reporting.SendReports then
            canons |> List.map (fun canon -> KeptBody(canon, KeptBody.LongestInReport))
        else
            []

    /// Verifies. `log` comes first in what the decision says.
    let work (message: FilterMessage) (log: LogLine list) : struct (KeptBody list * Work<FilterDecision>) =
        let header = message.Envelope.Header
        let plan = Verifier.plan message.Policy.Verifying.Policy message.Envelope.Now header
        let bodies = keepers message plan

        struct (bodies,
                {
                    Questions = plan.Questions
                    Digests = List.distinct (plan.Digests @ wholeBodies message plan)
                    Conclude =
                        fun digests answerTo -> Verifier.conclude plan digests answerTo |> conclude message log bodies
                })
