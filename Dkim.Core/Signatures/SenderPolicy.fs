/// What a domain's policy makes of a message whose signatures are judged: the second pair of `plan` and `conclude`, for
/// its questions depend on verdicts (RFC 5617 §4.3, RFC 4870 §3.6).
namespace Dkim.Core.Signatures

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records

/// The results of ADSP (RFC 5617 §5.4).
[<Struct; RequireQualifiedAccess>]
type AdspResult =
    | None
    | Pass
    | Unknown
    | Fail
    | Discard
    | NxDomain
    | TempError

/// A published policy, or why there is none.
type PolicyAnswer =
    | Published of PolicyRecord
    | NotPublished
    | NoSuchDomain
    | PolicyUnavailable of reason: string

module AdspResult =
    let name (result: AdspResult) : string =
        match result with
        | AdspResult.None -> "none"
        | AdspResult.Pass -> "pass"
        | AdspResult.Unknown -> "unknown"
        | AdspResult.Fail -> "fail"
        | AdspResult.Discard -> "discard"
        | AdspResult.NxDomain -> "nxdomain"
        | AdspResult.TempError -> "temperror"

/// Which policy of a domain is asked for.
[<Struct>]
type PolicyKind =
    | Adsp
    | DomainKeysPolicy
    | SenderSigning

module SenderPolicy =
    /// The name that a policy stands under (RFC 5617 §4.3, RFC 4870 §3.6).
    let name (kind: PolicyKind) (domain: DomainName) : string =
        match kind with
        | Adsp -> "_adsp._domainkey." + domain.Text
        | DomainKeysPolicy -> "_domainkey." + domain.Text
        | SenderSigning -> "_policy._domainkey." + domain.Text

    let private question (name: string) (recordType: RecordType) = { Name = name; Type = recordType }

    /// The types by which a domain that has mail is known to exist (RFC 5617 §4.3).
    let private existence (domain: DomainName) : Question list =
        [ RecordType.Mx; RecordType.A; RecordType.Aaaa ]
        |> List.map (question domain.Text)

    /// What to look up for a policy. Only ADSP asks whether the domain exists.
    let plan (kind: PolicyKind) (domain: DomainName) : Question list =
        let record = question (name kind domain) RecordType.Txt

        match kind with
        | Adsp -> record :: existence domain
        | DomainKeysPolicy
        | SenderSigning -> [ record ]

    let private parse (kind: PolicyKind) (text: string) =
        match kind with
        | Adsp -> PolicyRecord.tryAdsp text
        | DomainKeysPolicy -> PolicyRecord.tryDomainKeys text
        | SenderSigning -> PolicyRecord.trySenderSigning text

    /// Nothing where the domain exists; NXDOMAIN or none of the three types puts it out of scope.
    let private existenceFault (domain: DomainName) (answerTo: Question -> Answer) : PolicyAnswer voption =
        let outcomes = existence domain |> List.map (fun asked -> (answerTo asked).Outcome)

        let isRecord outcome =
            match outcome with
            | Records(_ :: _) -> true
            | Records []
            | NoSuchName
            | Unavailable _ -> false

        let unavailable =
            outcomes
            |> List.tryPick (fun outcome ->
                match outcome with
                | Unavailable reason -> Some reason
                | Records _
                | NoSuchName -> None)

        if List.exists isRecord outcomes then
            ValueNone
        elif List.contains NoSuchName outcomes then
            ValueSome NoSuchDomain
        else
            match unavailable with
            | Some reason -> ValueSome(PolicyUnavailable reason)
            | None -> ValueSome NoSuchDomain

    let private readRecord (kind: PolicyKind) (answer: Answer) : PolicyAnswer =
        match answer.Outcome with
        | Unavailable reason -> PolicyUnavailable reason
        | NoSuchName -> NotPublished
        | Records [ text ] ->
            match parse kind text with
            | ValueSome record -> Published record
            | ValueNone -> NotPublished
        // Several records, or none of use, are as no record (RFC 5617 §4.3).
        | Records _ -> NotPublished

    /// The policy that the answers show.
    let conclude (kind: PolicyKind) (domain: DomainName) (answerTo: Question -> Answer) : PolicyAnswer =
        let record () =
            readRecord kind (answerTo (question (name kind domain) RecordType.Txt))

        match kind with
        | DomainKeysPolicy
        | SenderSigning -> record ()
        | Adsp ->
            match existenceFault domain answerTo with
            | ValueSome fault -> fault
            | ValueNone -> record ()

    let private passes (judged: SignatureResult) = judged.Verdict = Verdict.Pass

    /// A good DKIM signature whose d= is the author's domain itself (RFC 5617 §2.7).
    let isAuthorSignature (author: DomainName) (judged: SignatureResult) : bool =
        passes judged
        && judged.Scheme = Dkim
        && judged.Signature
           |> ValueOption.exists (fun signature -> signature.Domain = author)

    /// The result for a message that its author's domain, which has such a practice, has not signed (RFC 5617 §5.4).
    let ofPractice (practice: SigningPractice) : AdspResult =
        match practice with
        | SignsSome -> AdspResult.Unknown
        | SignsAll -> AdspResult.Fail
        | SignsAllItself -> AdspResult.Discard

    /// The result of ADSP for one author domain (RFC 5617 §5.4).
    let adspResult (author: DomainName) (judged: SignatureResult list) (policy: PolicyAnswer) : AdspResult =
        if List.exists (isAuthorSignature author) judged then
            AdspResult.Pass
        else
            match policy with
            | NoSuchDomain -> AdspResult.NxDomain
            | PolicyUnavailable _ -> AdspResult.TempError
            | NotPublished -> AdspResult.None
            | Published record -> ofPractice record.Practice

    /// The enhanced code of a 550 for a message refused over its signatures (RFC 7372 §3): no signature passes, those that
    /// do are not acceptable, none is the author's, or the signatures of both schemes failed.
    let enhancedCode (judged: SignatureResult list) : string =
        let ofScheme scheme =
            List.exists (fun (one: SignatureResult) -> one.Scheme = scheme) judged

        let isUnacceptable (one: SignatureResult) =
            match one.Verdict with
            | PermFail(Unacceptable _) -> true
            | PermFail _
            | Verdict.Pass
            | TempFail _ -> false

        if List.exists passes judged then "5.7.22"
        elif List.exists isUnacceptable judged then "5.7.21"
        elif ofScheme Dkim && ofScheme DomainKeys then "5.7.26"
        else "5.7.20"

    /// Whether a message without a signature of the author's is to be refused, as Mail::DKIM reads all three kinds: a
    /// domain that signs all itself wants its own signature, one that signs all is content with any good one.
    let refuses (isAuthors: SignatureResult -> bool) (judged: SignatureResult list) (policy: PolicyAnswer) : bool =
        match policy with
        | NoSuchDomain
        | NotPublished
        | PolicyUnavailable _ -> false
        | Published record ->
            let own =
                List.exists (fun signature -> passes signature && isAuthors signature) judged

            let strict =
                match record.Practice with
                | SignsSome -> false
                | SignsAll -> not (List.exists passes judged)
                | SignsAllItself -> true

            strict && not own && not record.Testing
