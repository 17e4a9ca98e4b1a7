/// How dkim-filter verifies: what is told of a message's signatures, what is removed that others told, and how it ends.
namespace Dkim.Core.Programs.Filters

open System
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running

module internal FilterVerifier =
    /// The methods whose results we are the judge of.
    let private methods = [ "dkim"; "dkim-adsp"; "x-dkim-adsp"; "dkim-atps" ]

    /// The edit that takes away what others told in our name, and what the log says of fields that cannot be read.
    let removals (message: FilterMessage) (methods: string list) : struct ((string * int) list * LogLine list) =
        let marks = message.Policy.Marks

        let removal: FilterResults.Removal =
            {
                Own = message.Service
                From = marks.RemoveArFrom
                All = marks.RemoveArAll
                Methods = methods
            }

        let struct (going, unreadable) =
            FilterResults.removals removal message.Envelope.Header

        let line =
            message.Line LogLevel.Warning ("failed to parse " + AuthenticationResults.FieldName + ": header")

        struct (going
                |> List.map (fun occurrence -> AuthenticationResults.FieldName, occurrence),
                // One line for each would let a message flood the log.
                List.replicate (min 3 unreadable) line)

    let private adding (fields: Field list) (verdict: FilterVerdict) : FilterVerdict =
        { verdict with
            Edits = { verdict.Edits with Added = fields }
        }

    /// The end of a message on which nothing is told.
    let unjudged (message: FilterMessage) (methods: string list) (log: LogLine list) : FilterVerdict =
        let struct (deleted, lines) = removals message methods

        { FilterVerdict.accept message (log @ lines) with
            Edits =
                { HeaderEdits.none with
                    Deleted = deleted
                }
        }

    /// Whether the message gets a field of results.
    let private isTold (message: FilterMessage) (practice: PracticeOutcome) (status: FilterStatus) =
        match status with
        | FilterStatus.Unsigned
        | FilterStatus.Untrusted -> message.Policy.Marks.AlwaysAddArHeader || practice.Suspicious
        | _ -> true

    let private isQuarantined (message: FilterMessage) (practice: PracticeOutcome) (status: FilterStatus) =
        match status with
        | FilterStatus.Bad judged when judged.Testing -> message.Policy.Marks.Quarantine && practice.Suspicious
        | FilterStatus.Bad _
        | FilterStatus.Doubted(_, KeyTreatment.Fail)
        | FilterStatus.Partial _
        | FilterStatus.Revoked _
        | FilterStatus.Syntax _
        | FilterStatus.Unusable _ -> message.Policy.Marks.Quarantine
        | FilterStatus.Unsigned -> message.Policy.Marks.Quarantine && practice.Suspicious
        | FilterStatus.Doubted _
        | FilterStatus.Good _
        | FilterStatus.NoKey _
        | FilterStatus.KeyUnavailable _
        | FilterStatus.Untrusted
        | FilterStatus.BadFormat -> false

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

                if message.Policy.Marks.ResultDomain then
                    property "d" signature.Domain.Text
                    property "s" signature.Selector.Text
            ]

    let private clause (message: FilterMessage) (status: FilterStatus) : MethodResult =
        let struct (word, remark) = FilterStatus.result status
        // What local policy does not accept says why where readers look for it (RFC 8601 §2.4, §2.7.1).
        let isPolicy = word = "policy"

        {
            Method = "dkim"
            MethodVersion = ValueNone
            Result = word
            Comment = if isPolicy then ValueNone else remark
            Reason = if isPolicy then remark else ValueNone
            Properties = properties message (FilterStatus.signature status |> ValueOption.bind _.Signature)
        }

    let private told (message: FilterMessage) (practice: PracticeOutcome voption) (status: FilterStatus) : Field =
        FilterResults.field
            {
                ServiceId = message.ServiceId
                Version = ValueNone
                Results =
                    match practice with
                    | ValueSome practice -> [ clause message status; FilterPractice.clause practice ]
                    | ValueNone -> [ clause message status ]
            }

    let private quarantineReason (message: FilterMessage) (status: FilterStatus) =
        let struct (word, comment) = FilterStatus.result status

        message.Product.Program
        + ": "
        + word
        + ": "
        + ValueOption.defaultValue "" comment

    /// A message whose header is not as it must be (RequiredHeaders). Nothing is verified of it, so it ends as unsigned mail.
    let badFormat (message: FilterMessage) (isVerified: bool) (log: LogLine list) : FilterVerdict =
        let cleared =
            if isVerified then
                { unjudged message methods log with
                    End = FilterEnding.noSignature message
                }
            else
                FilterVerdict.accept message log

        { cleared with
            Edits =
                { cleared.Edits with
                    Added =
                        FilterSigner.presence message
                        @ [ told message ValueNone FilterStatus.BadFormat ]
                }
        }

    let private signatureLines (message: FilterMessage) (judged: SignatureResult list) (ignored: SignatureResult list) =
        let domain (one: SignatureResult) =
            one.Signature |> ValueOption.map _.Domain.Text |> ValueOption.toOption

        let several =
            match List.choose domain judged with
            | _ :: _ :: _ as domains ->
                [
                    FilterText.line LogLevel.Info ("message has signatures from " + String.Join(", ", domains))
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
            Status: FilterStatus
            Practice: PracticeOutcome
            /// Bodies as they were hashed.
            Bodies: (BodyCanon * ReadOnlyMemory<byte>) list
            Wishes: ReportWishes
        }

    let private reports (message: FilterMessage) (found: Findings) (finalEnd: FilterEnd) : byte[] list =
        let reported result =
            {
                Result = result
                End = finalEnd
                Bodies = found.Bodies
            }

        FilterReports.ofSignatures message (reported (clause message found.Status)) found.Wishes.Recipients
        @ FilterReports.ofPractice
            message
            (reported (FilterPractice.clause found.Practice))
            found.Outcome
            found.Practice

    /// The end, when everything is known.
    let private finish (message: FilterMessage) (log: LogLine list) (found: Findings) : FilterVerdict =
        let status, practice = found.Status, found.Practice

        let struct (finalEnd, lines) =
            FilterEnding.ofMessage message practice found.Wishes status

        let fields =
            if isTold message practice status then
                [ told message (ValueSome practice) status ]
            else
                []

        { adding (FilterSigner.presence message @ fields) (unjudged message methods (log @ lines)) with
            Quarantine =
                if isQuarantined message practice status then
                    ValueSome(quarantineReason message status)
                else
                    ValueNone
            Reports = reports message found finalEnd
            End = finalEnd
        }

    let private kept (message: FilterMessage) (judged: SignatureResult list) bodies : ReadOnlyMemory<byte> list =
        let hashed (one: SignatureResult) =
            match one.Signature with
            | ValueSome signature when one.Scheme = Dkim ->
                let header =
                    FailureReport.canonicalHeader message.Envelope.Header one.Position signature

                ReadOnlyMemory header
                :: (match FilterReports.hashedBody bodies signature with
                    | ValueSome octets -> [ octets ]
                    | ValueNone -> [])
            | _ -> []

        if message.Policy.Marks.KeepsHashed then
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

        let bodies =
            bodies
            |> List.choose (fun body ->
                match body.Finish() with
                | ValueSome octets -> Some(body.Canon, octets)
                | ValueNone -> None)

        let heeded, ignored = FilterStatus.heeded message.Policy.Lists.Trusted header judged
        let status = FilterStatus.ofMessage verifying heeded ignored
        let log = log @ signatureLines message judged ignored

        let isGood one =
            (FilterStatus.ofJudged verifying one).IsGood

        let keeping verdict =
            { verdict with
                FilterVerdict.Kept = kept message judged bodies
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
            |> keeping
            |> Decided

        match status with
        | FilterStatus.Untrusted when not message.Policy.Marks.AlwaysAddArHeader ->
            Decided(keeping (unjudged message methods log |> adding (FilterSigner.presence message)))
        | FilterStatus.KeyUnavailable _ when message.Policy.Actions.DnsError <> FilterAction.Accept ->
            decided FilterPractice.unknown ReportWishes.none
        | _ ->
            FilterPractice.judge message.Policy header (List.filter isGood heeded) (fun practice ->
                FilterReports.ask message heeded (decided practice))

    // How much of a body is not signed is known only where all of it is seen.
    let private wholeBodies (message: FilterMessage) (plan: VerifyPlan) : DigestRequest list =
        match message.Policy.Verifying.Minimum with
        | ValueNone -> []
        | ValueSome _ ->
            plan.Digests
            |> List.filter _.Limit.IsSome
            |> List.map (fun request -> { request with Limit = ValueNone })

    let private keepers (message: FilterMessage) (plan: VerifyPlan) : KeptBody list =
        let marks = message.Policy.Marks
        let canons = plan.Digests |> List.map _.Canon |> List.distinct

        if marks.KeepsHashed then
            canons |> List.map (fun canon -> KeptBody(canon, KeptBody.LongestInFile))
        elif marks.SendReports then
            canons |> List.map (fun canon -> KeptBody(canon, KeptBody.LongestInReport))
        else
            []

    /// Verifies. `log` comes first in what the decision says.
    let work (message: FilterMessage) (log: LogLine list) : struct (KeptBody list * Work<FilterVerdict>) =
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
