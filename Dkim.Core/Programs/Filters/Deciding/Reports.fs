/// Reports of bad signatures and of mail that its author's domain disowns, to those who ask for them in their records
/// (dkim-filter.conf(5) SendReports, SendADSPReports; RFC 6651, RFC 6591).
namespace Dkim.Core.Programs.Filters.Deciding

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Settings

/// What a report tells beside the failure.
[<NoComparison; NoEquality>]
type internal ReportedMessage =
    {
        /// The result that is reported.
        Result: MethodResult
        Delivery: DeliveryResult
        /// Bodies as they were hashed.
        Bodies: (BodyCanon * ReadOnlyMemory<byte>) list
    }

/// What the domains of bad signatures ask for.
[<NoComparison; NoEquality>]
type internal RequestedReports =
    {
        /// The signatures to report, and to whom.
        Recipients: (SignatureResult * string) list
        /// A sentence for the reply that refuses a message, by the domain that wants it (rs=).
        ReplyTexts: (DomainName * string) list
    }

module internal RequestedReports =
    let none = { Recipients = []; ReplyTexts = [] }

    /// The sentence for the reply to a message that is refused over a signature, as the record of the domain's reports has
    /// it (RFC 6651 §3.2 rs=).
    let recordedText (wishes: RequestedReports) (judged: SignatureResult) : string voption =
        let isOf (signature: Signature) (domain: DomainName, _) = domain = signature.Domain

        judged.Signature
        |> ValueOption.bind (fun signature -> List.tryFind (isOf signature) wishes.ReplyTexts |> Option.toValueOption)
        |> ValueOption.map snd

    /// The same, else that of the key record, which had the tag before there was a standard.
    let replyText (wishes: RequestedReports) (judged: SignatureResult) : string voption =
        let ofKey () =
            judged.Key
            |> ValueOption.bind (fun key -> ReportRequest.ofOldTags key.Text)
            |> ValueOption.bind _.ReplyText

        recordedText wishes judged |> ValueOption.orElseWith ofKey

/// A report that may be sent.
[<NoComparison; NoEquality>]
type internal ReportDraft =
    {
        Recipient: string
        Failure: Failure
        Reported: ReportedMessage
        /// As the signature covers it, where it was kept.
        Body: ReadOnlyMemory<byte> voption
    }

module internal Reports =
    let private startsWith (start: string) (name: string) (header: Header) =
        Header.tryFind name header
        |> ValueOption.exists (fun field ->
            field.ValueText.Trim().StartsWith(start, StringComparison.OrdinalIgnoreCase))

    /// Whether a message is itself a report or some other answer of a machine, which must not be answered (RFC 5965 §8,
    /// RFC 3834 §2).
    let isAnswer (envelope: MilterEnvelope) : bool =
        let sender =
            match envelope.Sender with
            | ValueSome sender -> ValueSome sender
            | ValueNone -> MilterMacros.find envelope.Macros "mail_addr"

        let isNull =
            sender |> ValueOption.exists (fun address -> Wording.unbracketed address = "")

        isNull
        || startsWith "multipart/report" "Content-Type" envelope.Header
        || (Header.tryFind "Auto-Submitted" envelope.Header).IsSome
           && not (startsWith "no" "Auto-Submitted" envelope.Header)

    // A signature is as good as chance, and needs none of ours.
    let private chance (judged: SignatureResult) : int =
        match judged.Signature with
        | ValueSome signature when signature.Value.Length >= 2 ->
            (int signature.Value[0] * 256 + int signature.Value[1]) % 100
        | _ -> 0

    // The topmost field of a message that arrived is a Received field of its own.
    let private headerChance (header: Header) : int =
        match Seq.tryHead header.Fields with
        | Some field ->
            let digest = System.Security.Cryptography.SHA256.HashData field.Raw.Span
            int digest[0] * 100 / 256
        | None -> 0

    /// Who asks in the key record of a bad signature to be told (r=, ro=, rf=, rp=).
    let private byKey (judged: SignatureResult) : (DomainName * string) voption =
        match judged.Verdict, judged.Signature, judged.Key with
        | Altered, ValueSome signature, ValueSome key ->
            ReportRequest.ofOldTags key.Text
            |> ValueOption.filter (fun request ->
                chance judged < request.Percent
                && request.Reasons |> ValueOption.forall (List.contains ReportReason.Verification))
            |> ValueOption.bind _.LocalPart
            |> ValueOption.map (fun local -> signature.Domain, local + "@" + signature.Domain.Text)
        | _ -> ValueNone

    /// What those who signed with r=y ask for in their records (RFC 6651 §3.3 steps 3 to 10).
    let private wishesOf
        answerTo
        (told: (SignatureResult * string) list)
        (rest: (DomainName * SignatureResult) list)
        : RequestedReports =
        let requests =
            rest
            |> List.choose (fun (domain, one) ->
                answerTo (FailureReport.question domain)
                |> FailureReport.request one.Verdict (chance one)
                |> ValueOption.map (fun request -> domain, one, request)
                |> Option.ofValueOption)

        let recipient (domain, one, request) =
            FailureReport.recipient domain request
            |> ValueOption.map (fun address -> one, address)
            |> Option.ofValueOption

        let replyText (domain, _, request: ReportRequest) =
            request.ReplyText
            |> ValueOption.map (fun text -> domain, text)
            |> Option.ofValueOption

        {
            Recipients = List.truncate FailureReport.MostReports (told @ List.choose recipient requests)
            ReplyTexts = List.choose replyText requests
        }

    let private reports (message: FilterMessage) : bool =
        message.Policy.Reporting.SendReports && not (isAnswer message.Envelope)

    /// What those who signed with r=y ask for in their records; `told` are told already.
    let private askRecords told (candidates: (DomainName * SignatureResult) list) next : Step<'decision> =
        Step.lookUp (candidates |> List.map (fst >> FailureReport.question)) (fun answerTo ->
            next (wishesOf answerTo told candidates))

    /// What the domains of bad signatures that have r=y ask for, whatever their key records say.
    let askSigners
        (message: FilterMessage)
        (judged: SignatureResult list)
        (next: RequestedReports -> Step<'decision>)
        : Step<'decision> =
        if reports message then
            askRecords [] (FailureReport.candidates judged) next
        else
            next RequestedReports.none

    /// What the domains of bad signatures ask for, after a look at the records of those who signed with r=y.
    let ask
        (message: FilterMessage)
        (judged: SignatureResult list)
        (next: RequestedReports -> Step<'decision>)
        : Step<'decision> =
        if not (reports message) then
            next RequestedReports.none
        else
            let told =
                judged
                |> List.choose (fun one ->
                    match byKey one with
                    | ValueSome(domain, address) -> Some(domain, one, address)
                    | ValueNone -> None)
                |> List.distinctBy (fun (domain, _, _) -> domain)

            let rest =
                FailureReport.candidates judged
                |> List.filter (fun (domain, _) -> not (List.exists (fun (known, _, _) -> known = domain) told))

            let told = told |> List.map (fun (_, one, address) -> one, address)

            askRecords told rest next

    /// What a report tells of how the message ends.
    let delivery (ending: FilterReply) : DeliveryResult =
        match ending with
        | FilterReply.Accept -> DeliveryResult.Delivered
        | FilterReply.Refuse _ -> DeliveryResult.Reject
        | FilterReply.Discard
        | FilterReply.TempFail -> DeliveryResult.Other

    let private context (message: FilterMessage) (reported: ReportedMessage) body : ReportContext =
        let envelope = message.Envelope

        let results =
            {
                ServiceId = message.ServiceId
                Version = ValueNone
                Results = [ reported.Result ]
            }

        {
            UserAgent = message.Product.UserAgent
            Host = message.Host
            From = FilterPolicy.reportAddress message.Policy
            BlindCopies = message.Policy.Reporting.ReportBccAddress
            Job = message.Job
            Now = envelope.Now
            MailFrom = envelope.Sender |> ValueOption.map Wording.unbracketed
            SourceIp = envelope.Client.Address |> ValueOption.map _.ToString()
            Delivery = reported.Delivery
            Results = String.Join(' ', AuthenticationResults.words results)
            CanonicalBody = body
        }

    /// The body as a signature covers it, if it was kept.
    let hashedBody (bodies: (BodyCanon * ReadOnlyMemory<byte>) list) (signature: Signature) =
        match bodies |> List.tryFind (fun (canon, _) -> canon = signature.BodyCanon) with
        | None -> ValueNone
        | Some(_, octets) ->
            match signature.BodyLength with
            | ValueSome length when int64 length < int64 octets.Length -> ValueSome(octets.Slice(0, int length))
            | _ -> ValueSome octets

    /// The reports of bad signatures.
    let ofSignatures (reported: ReportedMessage) (recipients: (SignatureResult * string) list) : ReportDraft list =
        let body (judged: SignatureResult) =
            judged.Signature
            |> ValueOption.bind (hashedBody reported.Bodies)
            |> ValueOption.filter (fun octets -> octets.Length <= KeptBody.LongestInReport)

        recipients
        |> List.map (fun (judged, recipient) ->
            {
                Recipient = recipient
                Failure = SignatureFailure judged
                Reported = reported
                Body = body judged
            })

    /// The report of a message that its author's domain disowns, if its policy record asks for one.
    let ofPractice
        (message: FilterMessage)
        (reported: ReportedMessage)
        (judged: SignatureResult list)
        (practice: AdspOutcome)
        : ReportDraft list =
        match practice.Author, practice.Record with
        | ValueSome author, ValueSome record when
            message.Policy.Reporting.SendAdspReports
            && practice.Suspicious
            && not (isAnswer message.Envelope)
            ->
            let hasGood = judged |> List.exists (fun one -> one.Verdict = Verdict.Pass)

            match
                ReportRequest.ofPolicy hasGood record.Tags
                |> ValueOption.filter (fun request -> headerChance message.Envelope.Header < request.Percent)
                |> ValueOption.bind _.LocalPart
            with
            | ValueSome local ->
                [
                    {
                        Recipient = local + "@" + author.Text
                        Failure = PolicyFailure(author, record.Tags.Text)
                        Reported = reported
                        Body = ValueNone
                    }
                ]
            | ValueNone -> []
        | _ -> []

    let private render (message: FilterMessage) (draft: ReportDraft) : byte[] =
        FailureReport.render
            (context message draft.Reported draft.Body)
            draft.Recipient
            message.Envelope.Header
            draft.Failure

    /// As many of these reports as may be sent now.
    let rendered (message: FilterMessage) (drafts: ReportDraft list) : Step<byte[] list> =
        match drafts with
        | [] -> Done []
        | _ ->
            Want(
                [ Need.Reports drafts.Length ],
                (fun found -> drafts |> List.truncate found.Reports |> List.map (render message) |> Done)
            )

    /// The decision with as many of these reports as may be sent now.
    let add (message: FilterMessage) (drafts: ReportDraft list) (decision: FilterDecision) : Step<FilterDecision> =
        match drafts with
        | [] -> Done decision
        | _ ->
            rendered message drafts
            |> Step.map (fun reports -> { decision with Reports = reports })
