/// dkimproxy.in's decision: the fields that tell what became of a message's signatures, and whether it is refused.
namespace Dkim.Core.Programs.Proxies.In

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

/// Everything that dkimproxy.in decides with.
type internal InProgram =
    {
        Settings: InSettings
        /// The name of this host, in the fields that are added and in those that are removed.
        HostName: string
    }

module internal DkimproxyIn =
    open SignatureResults

    let private what = "DKIM verify"

    /// Lines up to this length are not folded, as filters know the original's.
    [<Literal>]
    let private Margin = 900

    let private rank (judged: SignatureResult) =
        match judged.Verdict with
        | Verdict.Pass -> 0
        | PermFail(BodyAltered | BodyShorter _ | HeaderAltered) -> 1
        | TempFail _ -> 2
        | PermFail _ -> 3

    /// The signature that speaks for the message: the first good one, else the first of those that say most.
    let private best (judged: SignatureResult list) : SignatureResult voption =
        match judged |> List.sortBy rank with
        | first :: _ -> ValueSome first
        | [] -> ValueNone

    let private overall (judged: SignatureResult list) : string =
        match best judged with
        | ValueSome one -> MailDkim.detail one.Verdict
        | ValueNone -> ResultWord.name ResultWord.None

    let private original (header: Header) (judged: SignatureResult) : MethodResult =
        let struct (word, reason) = MailDkim.result judged.Verdict
        methodResult judged.Scheme word reason (identityProperties header judged)

    let private methodResults (program: InProgram) (header: Header) (judged: SignatureResult list) : MethodResult list =
        let reported = judged |> List.filter isReported

        match program.Settings.Words, reported with
        | _, [] -> [ methodResult Dkim ResultWord.None ValueNone [] ]
        | Original, _ -> reported |> List.map (original header)
        | Registered, _ -> registered header reported

    /// The two fields that are added, the upper one first.
    let private added (program: InProgram) (results: MethodResult list) (overall: string) : Field list =
        let results =
            {
                ServiceId = program.HostName
                Version = ValueNone
                Results = results
            }

        [
            AuthenticationResults.field Margin results
            Field.ofText "X-DKIM-Authentication-Results" (" " + Printable.sentence overall)
        ]

    /// The message with fields on top and without those that claim to be ours. What must be rewritten for that reaches
    /// down to the last of them.
    let private relay (program: InProgram) log (arrival: Arrival) (header: Header) (fields: Field list) =
        let mustGo field =
            program.Settings.RemoveForged && ForgedResults.mustGo program.HostName field

        let sink = ArrayBufferWriter<byte>()
        fields |> List.iter (ProxyLog.write sink)
        let forged = header.Fields |> Seq.map mustGo |> Array.ofSeq
        let replaced = Array.LastIndexOf(forged, true) + 1
        let mutable octets = 0L

        for index = 0 to replaced - 1 do
            let field = header.Fields[index]
            octets <- octets + int64 field.Raw.Length + 2L

            if not forged[index] then
                ProxyLog.write sink field

        ProxyLog.relay log sink.WrittenMemory (min octets (int64 arrival.BodyAt))

    let private signer (header: Header) (judged: SignatureResult list) : string voption =
        best judged
        |> ValueOption.bind _.Signature
        |> ValueOption.map (fun signature -> identityText header signature.EffectiveIdentity)

    /// Why the message cannot be judged for now, where no other signature is good.
    let private transient (judged: SignatureResult list) : string voption =
        match best judged with
        | ValueSome one when one.Verdict = Verdict.Pass -> ValueNone
        | _ ->
            judged
            |> List.tryPick (fun one ->
                match one.Verdict with
                | TempFail reason -> Some reason
                | Verdict.Pass
                | PermFail _ -> None)
            |> ValueOption.ofOption

    /// A signature of the author's own, as the policies before ADSP saw it.
    let private isOwn (author: Address) (domain: DomainName) (judged: SignatureResult) =
        judged.Signature
        |> ValueOption.exists (fun signature ->
            match judged.Scheme with
            | DomainKeys -> domain.IsWithin signature.Domain
            | Dkim ->
                let identity = signature.EffectiveIdentity

                identity.Domain = domain
                && (identity.LocalPart = "" || identity.LocalPart = author.LocalPart))

    let private policies = [ DomainKeysPolicy; SenderSigning; Adsp ]

    /// Whether the sending domain tests DomainKeys: the policy cannot take back what t=y of a key says, that no message
    /// may fare worse for its signature (RFC 4870 §3.2.3, §3.6).
    let private isInTest (kind: PolicyKind) (judged: SignatureResult list) =
        kind = DomainKeysPolicy
        && judged |> List.exists (fun one -> one.Scheme = DomainKeys && one.Testing)

    let private isRefused (author: Address) (domain: DomainName) judged (answerTo: Question -> Answer) =
        policies
        |> List.exists (fun kind ->
            let isAuthors =
                match kind with
                | Adsp -> SenderPolicy.isAuthorSignature domain
                | DomainKeysPolicy
                | SenderSigning -> isOwn author domain

            not (isInTest kind judged)
            && SenderPolicy.conclude kind domain answerTo
               |> SenderPolicy.refuses isAuthors judged)

    /// The author and the domain whose policies count, unless a signature settles the matter before they are asked.
    let private judgeOf (header: Header) (judged: SignatureResult list) : struct (Address * DomainName) voption =
        match Originator.tryJudged header with
        | ValueSome(struct (_, domain)) when List.exists (SenderPolicy.isAuthorSignature domain) judged -> ValueNone
        | author -> author

    let private conclude (program: InProgram) (arrival: Arrival) (header: Header) (judged: SignatureResult list) =
        let detail = overall judged

        let found =
            judged
            |> List.filter isReported
            |> List.collect (fun one -> Option.ofValueOption one.Signature |> Option.toList)
            |> List.collect LogFields.ofSignature

        let log =
            [ ProxyLog.result what detail (ValueSome header) (signer header judged) found ]

        let relayed () =
            relay program log arrival header (added program (methodResults program header judged) detail)

        match transient judged with
        | ValueSome reason when program.Settings.Proxy.RejectError ->
            let text = ProxyLog.failure false (MailDkim.unavailable reason)
            let log = ProxyLog.warning "verify error" (MailDkim.unavailable reason) :: log
            Done(ProxyLog.refuse log 450 ("DKIM - " + text))
        | _ ->
            match judgeOf header judged with
            | ValueSome(struct (author, domain)) when program.Settings.RejectFail ->
                let questions = policies |> List.collect (fun kind -> SenderPolicy.plan kind domain)

                let decide answerTo =
                    if isRefused author domain judged answerTo then
                        let enhanced =
                            match program.Settings.Words with
                            | Original -> "5.7.1"
                            | Registered -> SenderPolicy.enhancedCode judged

                        Done(ProxyLog.refuse log 550 (enhanced + " DKIM - " + detail))
                    else
                        Done(relayed ())

                Step.lookUp (List.distinct questions) decide
            | _ -> Done(relayed ())

    let private verify (program: InProgram) now (arrival: Arrival) (header: Header) : Work<ProxyDecision> =
        let plan = Verifier.plan program.Settings.Policy now header

        {
            Questions = plan.Questions
            Digests = plan.Digests
            Conclude =
                fun digests answerTo -> Verifier.conclude plan digests answerTo |> conclude program arrival header
        }

    /// A header beyond the limits. Fields that claim to be ours go all the same. Where the header is too long to be read
    /// they cannot, and a message that may bring forged results is no message to pass on (RFC 8601 §5).
    let private failed (program: InProgram) (arrival: Arrival) (header: Header voption) (error: HeaderError) =
        let reason = HeaderError.describe error
        let text = ProxyLog.failure true reason

        let log =
            [
                ProxyLog.warning "verify error" reason
                ProxyLog.result what text header ValueNone []
            ]

        let result = methodResult Dkim ResultWord.PermError (ValueSome reason) []

        match header with
        | _ when program.Settings.Proxy.RejectError -> ProxyLog.refuse log 550 ("DKIM - " + text)
        | ValueNone when program.Settings.RemoveForged -> ProxyLog.refuse log 552 "5.3.4 Message header too long"
        | _ ->
            let known = header |> ValueOption.defaultValue Header.empty
            relay program log arrival known (added program [ result ] text)

    /// The passage of one message.
    let passage (program: InProgram) (conversation: Conversation) (now: int64<sec>) : Passage<ProxyDecision> =
        let limits = program.Settings.HeaderLimits

        let decide (arrival: Arrival) =
            match arrival.Header with
            | Error error -> Work.decided (failed program arrival ValueNone error)
            | Ok header ->
                match HeaderLimits.check limits header with
                | Error error -> Work.decided (failed program arrival (ValueSome header) error)
                | Ok header -> verify program now arrival header

        let start arrival =
            decide arrival |> Work.map (Conversation.told conversation) |> Done
        // Of a header with too many fields the forged ones can still be removed.
        new Passage<ProxyDecision>(HeaderLimits.ofLength limits, start)
