/// What the author's domain says of mail that it has not signed: by its policy, and what dkim-filter makes of that (RFC 5617,
/// dkim-filter.conf(5) LocalADSP, ADSPDiscard, ADSPNoSuchDomain), and whether it has authorized the signer (RFC 6541).
namespace Dkim.Core.Programs.Filters.Deciding

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings

/// The outcome of a policy for one message.
type internal AdspOutcome =
    {
        Result: AdspResult
        /// How far DNSSEC vouches for the record.
        Security: Security
        /// The domain signs all its mail, and this bears no signature of it.
        Suspicious: bool
        /// The domain asks that such mail be discarded.
        Discardable: bool
        /// Why the record could not be had.
        Unavailable: string voption
        /// The record, where the domain publishes one.
        Record: PolicyRecord voption
        Author: DomainName voption
    }

module internal AdspLookup =
    let private none author : AdspOutcome =
        {
            Result = AdspResult.None
            Security = Security.Unchecked
            Suspicious = false
            Discardable = false
            Unavailable = ValueNone
            Record = ValueNone
            Author = author
        }

    /// The outcome where nobody was asked.
    let unknown: AdspOutcome = none ValueNone

    /// The domain of the author, whose policy counts: Sender says nothing of it.
    let authorDomain (header: Header) : DomainName voption =
        Originator.tryJudged header
        |> ValueOption.map (fun (struct (_, domain)) -> domain)

    let private ofPractice author (practice: SigningPractice) : AdspOutcome =
        { none (ValueSome author) with
            Result = SenderPolicy.ofPractice practice
            Suspicious = practice <> SignsSome
            Discardable = (practice = SignsAllItself)
        }

    let private ofRecord (verifying: VerifyingSettings) author (record: PolicyRecord) (security: Security) =
        let applies =
            match security with
            | Security.Bogus -> verifying.ApplyBogusPolicy
            | Security.Insecure -> verifying.ApplyInsecurePolicy
            | _ -> true

        if applies then
            { ofPractice author record.Practice with
                Security = security
                Record = ValueSome record
            }
        else
            { none (ValueSome author) with
                Security = security
            }

    let private ofAnswers (verifying: VerifyingSettings) (author: DomainName) judged (answerTo: Question -> Answer) =
        let name = SenderPolicy.name Adsp author
        let security = (answerTo { Name = name; Type = RecordType.Txt }).Security
        let policy = SenderPolicy.conclude Adsp author answerTo

        let outcome =
            { none (ValueSome author) with
                Result = SenderPolicy.adspResult author judged policy
            }

        match policy with
        | NoSuchDomain -> outcome
        | PolicyUnavailable reason ->
            { outcome with
                Unavailable = ValueSome reason
            }
        | NotPublished -> { outcome with Security = security }
        | Published record -> ofRecord verifying author record security

    /// The outcome of a message, after another look at the DNS where that is needed: not where the author's domain
    /// signed it, nor where we have a practice of our own for the domain.
    let judge
        (policy: FilterPolicy)
        (header: Header)
        (judged: SignatureResult list)
        (next: AdspOutcome -> Step<'decision>)
        : Step<'decision> =
        match authorDomain header with
        | ValueNone -> next unknown
        | ValueSome author when List.exists (SenderPolicy.isAuthorSignature author) judged ->
            next
                { none (ValueSome author) with
                    Result = AdspResult.Pass
                }
        | ValueSome author ->
            match LocalAdsp.tryFind policy.Lists.LocalAdsp author with
            | ValueSome practice -> next (ofPractice author practice)
            | ValueNone ->
                Step.lookUp (SenderPolicy.plan Adsp author) (fun answerTo ->
                    next (ofAnswers policy.Verifying author judged answerTo))

    let private securityWord (security: Security) : string voption =
        match security with
        | Security.Secure -> ValueSome "secure"
        | Security.Insecure -> ValueSome "insecure"
        | Security.Bogus -> ValueSome "bogus"
        | _ -> ValueNone

    /// How far a key can be trusted, as a remark has it.
    let keyRemark (security: Security) : string =
        match securityWord security with
        | ValueSome word -> "; " + word + " key"
        | ValueNone -> ""

    /// The clause of the result.
    let clause (outcome: AdspOutcome) : MethodResult =
        {
            Method = "x-dkim-adsp"
            MethodVersion = ValueNone
            Result = AdspResult.name outcome.Result
            Comment = securityWord outcome.Security |> ValueOption.map (fun word -> word + " policy")
            Reason = ValueNone
            Properties = []
        }

module internal ThirdPartyLookup =
    /// More claims of third parties are not looked at.
    [<Literal>]
    let private MostClaims = 3

    /// Signers that claim to be authorized by the author's domain, and the names of the records that would say so.
    let private claims (header: Header) (good: SignatureResult list) : (DomainName * string voption) list =
        let made =
            good
            |> List.choose (fun judged ->
                judged.Signature
                |> ValueOption.bind (fun signature ->
                    signature.ThirdParty |> ValueOption.map (fun claim -> signature.Domain, claim))
                |> ValueOption.toOption)

        // Nearly no message has one, so that its author need not be looked for.
        match made with
        | [] -> []
        | _ ->
            let author = AdspLookup.authorDomain header

            made
            |> List.filter (fun (signer, claim) -> ValueSome claim.Author = author && signer <> claim.Author)
            |> List.map (fun (signer, claim) -> signer, ThirdParty.tryName signer claim)
            |> List.distinct
            |> List.truncate MostClaims

    let private judge (outcomes: (DomainName * Outcome) list) : ResultWord =
        let isAuthorized (signer, outcome) =
            match outcome with
            | Records texts -> texts |> List.exists (ThirdParty.authorizes signer)
            | NoSuchName
            | Unavailable _ -> false

        if List.exists isAuthorized outcomes then
            ResultWord.Pass
        elif outcomes |> List.exists (fun (_, outcome) -> outcome.IsUnavailable) then
            ResultWord.TempError
        else
            ResultWord.Fail

    /// Whether the author's domain has authorized the signer of one of these good signatures (RFC 6541 §4.4); nothing where
    /// none claims it.
    let ask
        (header: Header)
        (good: SignatureResult list)
        (next: ResultWord voption -> Step<'decision>)
        : Step<'decision> =
        match claims header good with
        | [] -> next ValueNone
        | claims ->
            let named =
                claims
                |> List.choose (fun (signer, name) ->
                    name
                    |> ValueOption.map (fun name -> signer, { Name = name; Type = RecordType.Txt })
                    |> ValueOption.toOption)

            Step.lookUp (List.map snd named) (fun answerTo ->
                named
                |> List.map (fun (signer, question) -> signer, (answerTo question).Outcome)
                |> judge
                |> ValueSome
                |> next)
