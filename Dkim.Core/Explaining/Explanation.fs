/// Why a signature passes or fails: the steps of verification, what was hashed, where it differs from the copies in z=,
/// and what happened on the way where a guess at that makes the hash fit (RFC 6376 §6.1, RFC 4870 §3.7).
namespace Dkim.Core.Explaining

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining.Bodies
open Dkim.Core.Explaining.Fields

/// All that can be said of one signature.
type Explanation =
    {
        Outcome: SignatureResult
        Steps: ExplainedStep list
        /// What the signature over the header was computed from; empty where the field could not be read.
        CanonicalHeader: byte[]
        /// The body as it was hashed.
        CanonicalBody: byte[]
        Differences: FieldDifference list
        Guesses: Guess list
        /// How far what happened can be narrowed where no guess fits.
        Narrowed: string list
        /// The record of the key; nothing where the field does not say where it is.
        Record: ExplainedRecord voption
        /// Who can do what about it; empty where nothing needs to be done.
        Advice: string list
    }

module Explanation =
    /// More names of h= that no field stands for are not looked at.
    [<Literal>]
    let private MostAbsent = 40

    /// Octets below an empty line that are searched for more of the header.
    [<Literal>]
    let private LongestBelow = 65536

    /// What it costs to ask whether a digest was signed: a comparison, or a verification where b= cannot be opened.
    let private signedCost (facts: Evidence) : int64 =
        match facts.Recovered with
        | RecoveredDigest.Digest _
        | RecoveredDigest.OtherKey -> 0L
        | RecoveredDigest.Closed -> Effort.PerVerification

    /// Longer bodies are not guessed at, in octets.
    [<Literal>]
    let private LongestBody = 16777216

    /// What a signature was made over: of DKIM the header alone or the body alone, of DomainKeys both.
    let private subject (facts: Evidence) (signed: Field list) (body: BodyText voption) : Subject =
        Subject.withParts
            {
                Hash = facts.Signature.Hash
                Canon = facts.Signature.HeaderCanon
                Header = facts.Mail.Header
                Signed = Array.ofList signed
                OwnLast = facts.IsDkim && not signed.IsEmpty
                Absent = facts.Absent |> List.truncate MostAbsent
                Body = body
                Parts = [||]
                Fits = facts.IsSigned
                FitsCost = signedCost facts
            }

    let private bodyOf (facts: Evidence) : BodyText voption =
        ValueSome
            {
                Canon = facts.Signature.BodyCanon
                Limit = facts.Signature.BodyLength
                Text = facts.BodyText
            }

    /// Whether the body is short enough to be searched, and there is enough effort to read it.
    let private canRead (effort: Effort) (facts: Evidence) : bool =
        let length = facts.Mail.Body.Length
        length <= LongestBody && effort.Spend(6L * int64 length)

    let private bodyGuess (effort: Effort) (facts: Evidence) : Guess option =
        if facts.BodyFits || not facts.IsDkim || not (canRead effort facts) then
            None
        else
            let isSaid (digest: byte[]) =
                digest.AsSpan().SequenceEqual(ReadOnlySpan facts.Signature.BodyHash)

            Search.find
                BodyEdits.all
                { subject facts [] (bodyOf facts) with
                    Fits = isSaid
                    FitsCost = 0L
                }
                effort

    let private headerSubject (facts: Evidence) : Subject =
        if facts.IsDkim then
            subject facts (facts.Selected @ [ facts.Own ]) ValueNone
        else
            subject facts facts.Selected (bodyOf facts)

    let private restoredGuess (facts: Evidence) (differences: FieldDifference list) =
        let fits () =
            let restored = Copies.restored facts.Signature facts.Selected @ [ facts.Own ]
            let parts = (subject facts restored ValueNone).Parts
            facts.IsSigned(Hash.digest facts.Signature.Hash (Array.concat parts))

        if not differences.IsEmpty && fits () then
            Some
                {
                    Modification = Modification.FieldRewritten
                    Says =
                        "with the copies in z= the signature verifies: changed was only "
                        + String.Join(", ", differences |> List.map (fun found -> Printable.visible found.Name))
                    KnownOf = []
                    Changes = []
                }
        else
            None

    /// Faults of a signer whose signature is over the right text.
    let private signatureGuess (facts: Evidence) : Guess list =
        let isOverOctets =
            facts.IsDkim
            && facts.Key
               |> ValueOption.exists (fun key ->
                   key.KeyType = Ed25519
                   && key.Verify(facts.Signature.Hash, facts.CanonicalHeader, facts.Signature.Value))

        let fault says =
            {
                Modification = Modification.SignerFault
                Says = says
                KnownOf = []
                Changes = []
            }

        [
            if facts.DigestFits && not facts.LengthFits then
                fault
                    "octets of b= are missing at its front, or there are more: a signature keeps the zeros it begins with"
            if isOverOctets then
                fault "b= signs the header itself, where it should sign the SHA-256 of it (RFC 8463 §3)"
        ]

    let private headerGuess (effort: Effort) (facts: Evidence) (differences: FieldDifference list) : Guess list =
        let ofSigner = if facts.KeyTypeFits then signatureGuess facts else []

        if
            facts.DigestFits
            || not ofSigner.IsEmpty
            || facts.Key.IsNone
            || not facts.KeyTypeFits
            || facts.Recovered = RecoveredDigest.OtherKey
            || not facts.IsDkim && not (canRead effort facts)
        then
            ofSigner
        else
            let edits =
                if facts.IsDkim then
                    FieldEdits.all
                else
                    FieldEdits.all @ BodyEdits.all

            [
                restoredGuess facts differences
                Search.find edits (headerSubject facts) effort
            ]
            |> List.choose id

    /// The message without the empty line that ends its header, where fields that h= names and that are not there follow
    /// below it.
    let private uncut (facts: Evidence) : Mail voption =
        let mail = facts.Mail

        let below =
            match mail.Body.Span.IndexOf "\r\n\r\n"B with
            | -1 -> Header.empty
            | length -> Header.ofBlock (mail.Body.Slice(0, min length LongestBelow))

        if
            facts.Absent
            |> List.truncate MostAbsent
            |> List.exists (fun (name, _) -> (Header.tryFind name below).IsSome)
        then
            let block = Mail.headerBlock mail
            let octets = Array.zeroCreate<byte>(block.Length + mail.Body.Length)
            block.CopyTo(octets.AsMemory())
            mail.Body.CopyTo(octets.AsMemory block.Length)

            Mail.read HeaderLimits.defaults FileLines.CrLf (ReadOnlyMemory octets)
            |> Result.toValueOption
        else
            ValueNone

    /// Whether the signature verifies once that line is gone.
    let private cutGuess (effort: Effort) (facts: Evidence) : Guess list =
        let verifies (mail: Mail) =
            let plan = Verifier.plan facts.Policy facts.Now mail.Header

            Verifier.conclude plan (BodyHasher.ofMail plan.Digests mail) (fun question ->
                if question.Name = KeyRecord.name facts.Signature.Selector facts.Signature.Domain then
                    facts.Answer
                else
                    Answer.Unavailable "not asked")
            |> List.exists (fun judged -> judged.Field = facts.Outcome.Field && judged.Verdict = Pass)

        let canPay =
            effort.Spend(6L * int64 facts.Mail.Octets.Length + Effort.PerVerification)

        if
            facts.Outcome.Verdict <> Pass
            && canPay
            && ValueOption.exists verifies (uncut facts)
        then
            [
                {
                    Modification = Modification.HeaderCut
                    Says = "an empty line cuts the header in two: without it the signature verifies"
                    KnownOf = []
                    Changes = []
                }
            ]
        else
            []

    let private ofEvidence (message: ExplainedMail) (facts: Evidence) : Explanation =
        let differences =
            if facts.IsDkim then
                Copies.differences facts.Signature facts.Selected
            else
                []

        let cut = cutGuess message.Effort facts

        let ofBody =
            if cut.IsEmpty then
                Option.toList (bodyGuess message.Effort facts)
            else
                []

        let ofHeader =
            if cut.IsEmpty then
                headerGuess message.Effort facts differences
            else
                []

        let unknownBody = cut.IsEmpty && ofBody.IsEmpty && not facts.BodyFits

        let unknownHeader =
            cut.IsEmpty
            && ofHeader.IsEmpty
            && not facts.HeaderFits
            && facts.Key.IsSome
            && facts.KeyTypeFits
            && facts.Recovered <> RecoveredDigest.OtherKey

        let guesses = cut @ ofBody @ ofHeader
        let record = ExplainedRecord.ofEvidence facts

        {
            Outcome = facts.Outcome
            Steps = ExplainedStep.all facts
            CanonicalHeader = facts.CanonicalHeader
            CanonicalBody = facts.CanonicalBody
            Differences = differences
            Guesses = guesses
            Record = ValueSome record
            Advice = Advice.ofSignature facts record guesses
            Narrowed =
                if facts.IsDkim then
                    Fence.narrowed message facts unknownBody unknownHeader
                else
                    []
        }

    /// The key that an explanation wants to see.
    let question (judged: SignatureResult) : Question voption =
        judged.Signature
        |> ValueOption.map (fun signature ->
            {
                Name = KeyRecord.name signature.Selector signature.Domain
                Type = RecordType.Txt
            })

    /// A signature field that could not be read.
    let private ofUnreadable (judged: SignatureResult) : Explanation =
        let section =
            if judged.Scheme = Dkim then
                "RFC 6376 §6.1.1"
            else
                "RFC 4870 §3.3"

        {
            Outcome = judged
            Steps =
                [
                    ExplainedStep.bad
                        "the signature field is read"
                        section
                        [
                            Verdict.describe judged.Verdict
                            Printable.visibleExcerpt 400 (Octets.latin1 judged.Field.Raw.Span)
                        ]
                    ExplainedStep.verdict judged
                ]
            CanonicalHeader = [||]
            CanonicalBody = [||]
            Differences = []
            Guesses = []
            Narrowed = []
            Record = ValueNone
            Advice = Advice.ofUnreadable judged
        }

    /// Explains a signature that was judged; `answer` is what the DNS said to its `question`.
    let explain (message: ExplainedMail) (answer: Answer) (judged: SignatureResult) : Explanation =
        match judged.Signature with
        | ValueSome signature -> ofEvidence message (Evidence.gather message answer judged signature)
        | ValueNone -> ofUnreadable judged
