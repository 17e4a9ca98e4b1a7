/// Verification in two steps with the body and the DNS between them (RFC 6376 §6.1, RFC 4870 §3.7). `plan` reads the
/// signatures of a header and says what must be known; `conclude` judges with what became known.
namespace Dkim.Core.Signatures

open System
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography

/// What a verifier insists on and how much it will do.
type VerifyPolicy =
    {
        /// The schemes whose signatures are looked at.
        Schemes: Scheme list
        Limits: SignatureLimits
        RecordOctets: int<octet>
        /// Fields read; the rest is refused unread.
        SignaturesRead: int
        /// Signatures for which a key is asked and hashes are made.
        SignaturesVerified: int
        /// How far ahead a t=, and how far past an x=, may lie.
        ClockDrift: int64<sec>
        /// Insecure: rsa-sha1 DKIM signatures may pass (RFC 8301 §3.1).
        AllowSha1: bool
        /// Shorter RSA keys never pass (RFC 8301 §3.2); DomainKeys, which is older, accepts 512 bits and up.
        MinimumRsaBits: int<bit>
        /// Octets beyond l= make a signature unacceptable.
        RefuseUnsignedOctets: bool
        /// Fields that must be signed where they are present.
        MustBeSigned: FieldName list
        /// Domains whose signatures are not accepted, such as public suffixes (RFC 6376 §6.1.1).
        RefusedDomains: Set<string>
        /// g= of DKIM keys is heeded, as before RFC 6376.
        Granularity: bool
        /// Several records under one name are an error, rather than tried one by one.
        SingleRecord: bool
    }

/// A signature and what is needed to judge it: the answer to a question, and a digest.
type internal ReadSignature =
    {
        Signature: Signature
        Question: Question
        Request: DigestRequest
    }

/// A signature field.
type internal Attempt =
    {
        Scheme: Scheme
        Field: Field
        Position: int
        /// The signature, or why it is refused before anything is looked up.
        Reading: Result<ReadSignature, struct (Signature voption * Refusal)>
    }

/// What must be known to judge the signatures of one header.
[<NoComparison; NoEquality>]
type VerifyPlan =
    internal
        {
            Policy: VerifyPolicy
            Header: Header
            Attempts: Attempt list
        }

    member private this.Wanted(what: ReadSignature -> 'wanted) : 'wanted list =
        this.Attempts
        |> List.choose (fun attempt ->
            match attempt.Reading with
            | Ok read -> Some(what read)
            | Error _ -> None)
        |> List.distinct

    /// The keys to look up, each once.
    member this.Questions: Question list = this.Wanted _.Question

    /// The digests over the body that are wanted.
    member this.Digests: DigestRequest list = this.Wanted _.Request

module VerifyPolicy =
    let defaults =
        {
            Schemes = [ Dkim; DomainKeys ]
            Limits = SignatureLimits.defaults
            RecordOctets = 16384<octet>
            SignaturesRead = 50
            SignaturesVerified = 10
            ClockDrift = 300L<sec>
            AllowSha1 = false
            MinimumRsaBits = 1024<bit>
            RefuseUnsignedOctets = false
            MustBeSigned = []
            RefusedDomains = Set.empty
            Granularity = false
            SingleRecord = false
        }

module Verifier =
    /// Records read under one name; more cannot be meant (RFC 6376 §3.6.2.2).
    [<Literal>]
    let private MostRecords = 3

    let private unsignedField (header: Header) (names: FieldName list) (policy: VerifyPolicy) =
        policy.MustBeSigned
        |> List.tryFind (fun wanted ->
            (Header.tryFind wanted.Text header).IsSome
            && not (List.exists (fun (name: FieldName) -> name.Is wanted.Text) names))

    /// What can be said against a signature before its key is known.
    let private tryRefuse (policy: VerifyPolicy) (now: int64<sec>) (header: Header) (signature: Signature) =
        let isDkim = signature.Scheme = Dkim
        let names = signature.SignedFields |> ValueOption.defaultValue []

        match signature.SignedAt, signature.ExpiresAt with
        | _, ValueSome expires when expires < now - policy.ClockDrift -> ValueSome(Expired expires)
        | ValueSome signed, _ when signed > now + policy.ClockDrift -> ValueSome(NotYetValid signed)
        | _ when (KeyRecord.name signature.Selector signature.Domain).Length > 253 ->
            ValueSome(BadSignature(MalformedTag("s", "the name of the key is too long")))
        | _ when policy.RefusedDomains.Contains signature.Domain.Text -> ValueSome(Unacceptable RefusedDomain)
        | _ when isDkim && (Header.tryFind "From" header).IsNone -> ValueSome(BadSignature FromNotSigned)
        | _ when isDkim && signature.Hash = Sha1 && not policy.AllowSha1 -> ValueSome(Unacceptable(InsecureHash Sha1))
        | _ when isDkim ->
            match unsignedField header names policy with
            | Some name -> ValueSome(Unacceptable(UnsignedField name.Text))
            | None -> ValueNone
        | _ -> ValueNone

    let private read (policy: VerifyPolicy) (now: int64<sec>) (header: Header) (position: int) (scheme: Scheme) =
        let parsed =
            match scheme with
            | Dkim -> Signature.parse policy.Limits header.Fields[position]
            | DomainKeys -> DomainKeySignature.parse policy.Limits header position

        match parsed with
        | Error error -> Error(struct (ValueNone, BadSignature error))
        | Ok signature ->
            match tryRefuse policy now header signature with
            | ValueSome refusal -> Error(struct (ValueSome signature, refusal))
            | ValueNone -> Ok signature

    let private withNeeds (header: Header) (position: int) (signature: Signature) : ReadSignature =
        {
            Signature = signature
            Question =
                {
                    Name = KeyRecord.name signature.Selector signature.Domain
                    Type = RecordType.Txt
                }
            Request = Coverage.digest header position signature
        }

    let private trySchemeOf (policy: VerifyPolicy) (field: Field) : Scheme voption =
        let scheme =
            if field.Is "DKIM-Signature" then
                ValueSome Dkim
            elif field.Is "DomainKey-Signature" then
                ValueSome DomainKeys
            else
                ValueNone

        scheme |> ValueOption.filter (fun known -> List.contains known policy.Schemes)

    /// Reads the signatures of a header, top to bottom. `now` is the time to judge by.
    let plan (policy: VerifyPolicy) (now: int64<sec>) (header: Header) : VerifyPlan =
        let tooMany limit =
            Error(struct (ValueNone, Unacceptable(TooManySignatures limit)))

        let add (attempts, seen, good) (position, scheme) =
            let reading =
                if seen >= policy.SignaturesRead then
                    tooMany policy.SignaturesRead
                else
                    match read policy now header position scheme with
                    | Ok _ when good >= policy.SignaturesVerified -> tooMany policy.SignaturesVerified
                    | reading -> Result.map (withNeeds header position) reading

            let attempt =
                {
                    Scheme = scheme
                    Field = header.Fields[position]
                    Position = position
                    Reading = reading
                }

            attempt :: attempts, seen + 1, (if reading.IsOk then good + 1 else good)

        let signatures =
            header.Fields
            |> Seq.mapi (fun position field -> struct (position, trySchemeOf policy field))
            |> Seq.choose (fun (struct (position, scheme)) ->
                scheme |> ValueOption.map (fun known -> position, known) |> Option.ofValueOption)

        let attempts, _, _ = Seq.fold add ([], 0, 0) signatures

        {
            Policy = policy
            Header = header
            Attempts = List.rev attempts
        }

    /// Whether a g= pattern with at most one `*` matches a local part (RFC 4871 §3.6.1, RFC 4870 §3.2.3).
    let private matches (pattern: string) (localPart: string) =
        match pattern.IndexOf '*' with
        | -1 -> pattern = localPart
        | star ->
            let before, after = pattern.Substring(0, star), pattern.Substring(star + 1)

            localPart.Length >= before.Length + after.Length
            && localPart.StartsWith(before, StringComparison.Ordinal)
            && localPart.EndsWith(after, StringComparison.Ordinal)

    let private granularityAllows (plan: VerifyPlan) (signature: Signature) (record: KeyRecord) =
        match signature.Scheme, record.Granularity with
        | Dkim, ValueSome pattern when plan.Policy.Granularity ->
            pattern <> "" && matches pattern signature.EffectiveIdentity.LocalPart
        | DomainKeys, ValueSome pattern when pattern <> "" ->
            match Originator.trySending plan.Header with
            | ValueSome(struct (_, address)) -> matches pattern address.LocalPart
            | ValueNone -> false
        | (Dkim | DomainKeys), _ -> true

    /// Whether a key record may serve a signature (RFC 6376 §6.1.2).
    let private checkRecord (plan: VerifyPlan) (signature: Signature) (record: KeyRecord) : Result<unit, KeyError> =
        let hashAllowed = record.Hashes |> ValueOption.forall (List.contains signature.Hash)

        let exact =
            signature.Scheme = DomainKeys
            || not record.ExactDomain
            || signature.EffectiveIdentity.Domain = signature.Domain

        if not hashAllowed then
            Error(HashNotAllowed signature.Hash)
        elif not record.ForMail then
            Error ServiceNotAllowed
        elif record.KeyType <> signature.KeyType then
            Error(UnfitKeyType record.KeyType)
        elif not exact then
            Error SubdomainNotAllowed
        elif not (granularityAllows plan signature record) then
            Error GranularityMismatch
        else
            Ok()

    /// The digest that b= signs: over the header for DKIM (RFC 6376 §3.7), over header and body for DomainKeys.
    let private signedDigest (plan: VerifyPlan) (attempt: Attempt) (signature: Signature) (body: BodyDigest) : byte[] =
        match signature.Scheme with
        | DomainKeys -> body.Value
        | Dkim ->
            let names = signature.SignedFields |> ValueOption.defaultValue []
            let selected = Header.select names (ValueSome attempt.Position) plan.Header
            let own = CanonicalHeader.without signature.ValueExtent attempt.Field
            let octets = CanonicalHeader.signedOctets signature.HeaderCanon selected own
            Hash.digest signature.Hash octets

    let private unsignedOctets (signature: Signature) (body: BodyDigest) : int64<octet> =
        match signature.BodyLength with
        | ValueSome length -> max 0L<octet> (body.CanonicalLength - length)
        | ValueNone -> 0L<octet>

    let private isTooShort (policy: VerifyPolicy) (signature: Signature) (key: PublicKey) =
        let least =
            match signature.Scheme with
            | Dkim -> policy.MinimumRsaBits
            | DomainKeys -> min 512<bit> policy.MinimumRsaBits

        key.KeyType = Rsa && key.Bits < least

    /// The last step, with a fitting key at hand (RFC 6376 §6.1.3).
    let private compute
        (plan: VerifyPlan)
        (attempt: Attempt)
        (signature: Signature)
        (body: BodyDigest)
        (key: PublicKey)
        =
        let beyond =
            signature.BodyLength
            |> ValueOption.exists (fun length -> length > body.CanonicalLength)

        let bodyMatches =
            signature.Scheme = DomainKeys
            || CryptographicOperations.FixedTimeEquals(ReadOnlySpan body.Value, ReadOnlySpan signature.BodyHash)

        let unsigned = unsignedOctets signature body

        if isTooShort plan.Policy signature key then
            PermFail(Unacceptable(ShortKey key.Bits))
        elif beyond then
            PermFail(BodyShorter(ValueOption.get signature.BodyLength))
        elif not bodyMatches then
            PermFail BodyAltered
        elif not (key.Verify(signature.Hash, signedDigest plan attempt signature body, signature.Value)) then
            PermFail HeaderAltered
        elif plan.Policy.RefuseUnsignedOctets && unsigned > 0L<octet> then
            PermFail(Unacceptable(UnsignedOctets unsigned))
        else
            Pass

    /// The verdict that one key record leads to.
    let private judgeWith (plan: VerifyPlan) attempt (signature: Signature) body (record: KeyRecord) =
        match checkRecord plan signature record with
        | Error error -> struct (PermFail(BadKey error), ValueNone)
        | Ok() ->
            match PublicKey.ofRecord record with
            | Error error -> struct (PermFail(BadKey error), ValueNone)
            | Ok key -> struct (compute plan attempt signature body key, ValueSome key.Bits)

    /// The records under one name that can be read, in an order that does not depend on the answer's, or why the first
    /// cannot be.
    let private readRecords (policy: VerifyPolicy) (texts: string list) : Result<KeyRecord list, KeyError> =
        let parsed =
            texts
            |> List.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> List.map (KeyRecord.parse policy.RecordOctets)

        let good =
            parsed
            |> List.choose (function
                | Ok record -> Some record
                | Error _ -> None)

        match good, parsed with
        | [], [] -> Error NoKey
        | _, _ :: _ :: _ when policy.SingleRecord -> Error SeveralKeys
        | [], first :: _ -> first |> Result.map List.singleton
        | _ -> Ok(List.truncate MostRecords good)

    let private judged (attempt: Attempt) signature verdict key bits security unsigned : SignatureResult =
        {
            Scheme = attempt.Scheme
            Field = attempt.Field
            Position = attempt.Position
            Signature = signature
            Verdict = verdict
            Key = key
            KeyBits = bits
            KeySecurity = security
            UnsignedOctets = unsigned
        }

    let private judgeRecords plan attempt (signature: Signature) (body: BodyDigest) security (records: KeyRecord list) =
        let tries =
            records
            |> List.map (fun record -> struct (record, judgeWith plan attempt signature body record))

        let isPass (struct (_, struct (verdict, _))) = verdict = Pass

        let struct (record, struct (verdict, bits)) =
            tries |> List.tryFind isPass |> Option.defaultWith (fun () -> List.head tries)

        let unsigned = unsignedOctets signature body
        judged attempt (ValueSome signature) verdict (ValueSome record) bits security unsigned

    let private judge
        (plan: VerifyPlan)
        (digests: Digests)
        (answerTo: Question -> Answer)
        (attempt: Attempt)
        : SignatureResult =
        let withoutKey signature verdict security =
            judged attempt signature verdict ValueNone ValueNone security 0L<octet>

        match attempt.Reading with
        | Error(struct (signature, refusal)) -> withoutKey signature (PermFail refusal) Security.Unchecked
        | Ok read ->
            let answer = answerTo read.Question

            let refuse verdict =
                withoutKey (ValueSome read.Signature) verdict answer.Security

            match answer.Outcome, Digests.tryFind read.Request digests with
            | Unavailable reason, _ -> refuse (TempFail reason)
            | _, ValueNone -> refuse (TempFail "the body was not hashed")
            | NoSuchName, _ -> refuse (PermFail(BadKey NoKey))
            | Records texts, ValueSome body ->
                match readRecords plan.Policy texts with
                | Error error -> refuse (PermFail(BadKey error))
                | Ok records -> judgeRecords plan attempt read.Signature body answer.Security records

    /// Judges every signature of the plan, in its order. A name that was not asked must be answered as unavailable, and
    /// is then a temporary failure, never a pass.
    let conclude (plan: VerifyPlan) (digests: Digests) (answerTo: Question -> Answer) : SignatureResult list =
        plan.Attempts |> List.map (judge plan digests answerTo)
