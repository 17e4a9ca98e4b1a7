/// Why a signature passes or fails, step by step: what each rule found, what was hashed, where it differs from the copies
/// in z=, and what happened on the way where a guess at that makes the hash fit (RFC 6376 §6.1, RFC 4870 §3.7).
namespace Dkim.Core

open System
open System.Globalization
open System.Security.Cryptography

/// What a step found.
[<RequireQualifiedAccess>]
type Finding =
    | Good
    | Bad
    /// Neither for nor against the signature.
    | Note

/// One step of verification.
type ExplainedStep =
    {
        Title: string
        /// The section of the standard that asks for it.
        Section: string
        Finding: Finding
        /// Printable lines.
        Lines: string list
    }

/// All that can be said of one signature.
type Explanation =
    {
        Judged: Judged
        Steps: ExplainedStep list
        /// What the signature over the header was computed from; empty where the field could not be read.
        CanonicalHeader: byte[]
        /// The body as it was hashed.
        CanonicalBody: byte[]
        Differences: FieldDifference list
        Guesses: Guess list
    }

module Explanation =
    /// Guesses at pairs of changes: many where a guess costs a hash, few where it costs a verification.
    let private pairLimit (recovered: RecoveredDigest) =
        match recovered with
        | RecoveredDigest.Digest _ -> 40000
        | RecoveredDigest.OtherKey
        | RecoveredDigest.Closed -> 2000

    /// What is known of one signature before steps are told.
    [<NoComparison; NoEquality>]
    type private Facts =
        {
            Policy: VerifyPolicy
            Now: int64<sec>
            Mail: Mail
            Judged: Judged
            Signature: Signature
            Answer: Answer
            Record: KeyRecord voption
            Key: PublicKey voption
            Recovered: RecoveredDigest
            Selected: Field list
            Own: Field
            CanonicalHeader: byte[]
            Request: DigestRequest
            CanonicalBody: byte[]
            BodyDigest: byte[]
        }

        member this.IsDkim = this.Signature.Scheme = Dkim

        /// The digest that b= is over.
        member this.SignedDigest: byte[] =
            if not this.IsDkim then
                this.BodyDigest
            else
                match this.Signature.Hash with
                | Sha1 -> SHA1.HashData this.CanonicalHeader
                | Sha256 -> SHA256.HashData this.CanonicalHeader

        /// Whether a digest is the one that was signed.
        member this.IsSigned(digest: byte[]) : bool =
            match this.Recovered, this.Key with
            | RecoveredDigest.Digest(_, signed), _ -> digest.AsSpan().SequenceEqual(ReadOnlySpan signed)
            | RecoveredDigest.OtherKey, _
            | _, ValueNone -> false
            | RecoveredDigest.Closed, ValueSome key -> key.Verify(this.Signature.Hash, digest, this.Signature.Value)

        member this.HeaderFits = this.IsSigned this.SignedDigest

        member this.BodyFits =
            if this.IsDkim then
                this.BodyDigest.AsSpan().SequenceEqual(ReadOnlySpan this.Signature.BodyHash)
            else
                this.HeaderFits

    let private step title section finding lines =
        {
            Title = title
            Section = section
            Finding = finding
            Lines = lines
        }

    let private good title section lines = step title section Finding.Good lines
    let private bad title section lines = step title section Finding.Bad lines

    let private goodIf fits title section lines =
        step title section (if fits then Finding.Good else Finding.Bad) lines

    let private section (facts: Facts) (dkim: string) (domainKeys: string) =
        if facts.IsDkim then dkim else domainKeys

    let private time (seconds: int64<sec>) : string =
        if seconds > 253402300799L<sec> then
            "the end of time"
        else
            DateTimeOffset
                .FromUnixTimeSeconds(int64 seconds)
                .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)

    /// The record that decided, or the first that can be read.
    let private recordOf (policy: VerifyPolicy) (judged: Judged) (answer: Answer) : KeyRecord voption =
        match judged.Key, answer.Outcome with
        | ValueSome record, _ -> ValueSome record
        | ValueNone, Records texts ->
            texts
            |> List.tryPick (fun text -> KeyRecord.parse policy.RecordOctets text |> Result.toOption)
            |> Option.toValueOption
        | ValueNone, (NoSuchName | Unavailable _) -> ValueNone

    let private selected (mail: Mail) (judged: Judged) (signature: Signature) : Field list =
        match signature.Scheme with
        | Dkim ->
            let names = signature.SignedFields |> ValueOption.defaultValue []
            Header.select names (ValueSome judged.Position) mail.Header
        | DomainKeys ->
            Verifier.coveredFields mail.Header judged.Position signature.SignedFields
            |> List.ofSeq

    let private facts policy now (mail: Mail) answer (judged: Judged) (signature: Signature) : Facts =
        let record = recordOf policy judged answer

        let key =
            record
            |> ValueOption.bind (fun record -> PublicKey.ofRecord record |> Result.toValueOption)

        let fields = selected mail judged signature
        let own = CanonicalHeader.without signature.ValueExtent judged.Field
        let request = Verifier.requestFor mail.Header judged.Position signature

        let digest =
            match Digests.tryFind request (Mail.digests [ request ] mail) with
            | ValueSome found -> found.Value
            | ValueNone -> [||]

        {
            Policy = policy
            Now = now
            Mail = mail
            Judged = judged
            Signature = signature
            Answer = answer
            Record = record
            Key = key
            Recovered =
                match record with
                | ValueSome record -> RecoveredDigest.recover record signature.Value
                | ValueNone -> RecoveredDigest.Closed
            Selected = fields
            Own = own
            CanonicalHeader =
                if signature.Scheme = Dkim then
                    CanonicalHeader.signedOctets signature.HeaderCanon fields own
                else
                    request.Prefix.ToArray()
            Request = request
            CanonicalBody = BodyGuesses.canonical request mail.Body.Span
            BodyDigest = digest
        }

    let private readStep (facts: Facts) =
        let signature = facts.Signature

        let canon =
            if facts.IsDkim then
                Algorithms.canonName signature.HeaderCanon signature.BodyCanon
            else
                signature.CanonText

        good
            "the signature field is read"
            (section facts "RFC 6376 §6.1.1" "RFC 4870 §3.3")
            [
                "d="
                + signature.Domain.Text
                + " s="
                + signature.Selector.Text
                + " a="
                + signature.Algorithm
                + " c="
                + Visible.text canon
            ]

    let private timeSteps (facts: Facts) =
        let judge title at isGood =
            goodIf isGood title "RFC 6376 §3.5" [ time at + "; the time now is " + time facts.Now ]

        [
            match facts.Signature.SignedAt with
            | ValueSome at -> judge "it was made in the past (t=)" at (at <= facts.Now + facts.Policy.ClockDrift)
            | ValueNone -> ()
            match facts.Signature.ExpiresAt with
            | ValueSome at -> judge "it has not expired (x=)" at (at >= facts.Now - facts.Policy.ClockDrift)
            | ValueNone -> ()
        ]

    let private hashStep (facts: Facts) =
        let weak = facts.IsDkim && facts.Signature.Hash = Sha1

        if weak then
            [
                goodIf
                    facts.Policy.AllowSha1
                    "its algorithm is secure"
                    "RFC 8301 §3.1"
                    [ "rsa-sha1 is not; signers must use rsa-sha256" ]
            ]
        else
            []

    let private keyLookup (facts: Facts) =
        let name = Verifier.keyName facts.Signature.Selector facts.Signature.Domain
        let title = "the key is in the DNS"
        let section = section facts "RFC 6376 §3.6.2" "RFC 4870 §3.2.2"

        match facts.Answer.Outcome with
        | NoSuchName -> bad title section [ name + " does not exist" ]
        | Records [] -> bad title section [ name + " has no TXT record" ]
        | Unavailable reason -> bad title section [ name + ": " + Visible.text reason ]
        | Records texts ->
            let shown = texts |> List.map (fun text -> "\"" + Visible.excerpt 300 text + "\"")
            good title section ((name + ":") :: shown)

    let private keySteps (facts: Facts) =
        let title = "the key may serve this signature"
        let section = section facts "RFC 6376 §6.1.2" "RFC 4870 §3.2.3"

        match facts.Answer.Outcome, facts.Judged.Verdict, facts.Key, facts.Record with
        | Records(_ :: _), PermFail(BadKey error), _, _ -> [ bad title section [ KeyError.describe error ] ]
        | Records(_ :: _), _, ValueSome key, ValueSome record ->
            let least =
                if facts.IsDkim then
                    facts.Policy.MinimumRsaBits
                else
                    min 512<bit> facts.Policy.MinimumRsaBits

            [
                good
                    title
                    section
                    [
                        Algorithms.keyTypes.Name key.KeyType
                        + ", "
                        + string (int key.Bits)
                        + " bits"
                        + (if record.Testing then
                               "; t=y says that the domain is testing"
                           else
                               "")
                    ]
                if key.KeyType = Rsa then
                    goodIf
                        (key.Bits >= least)
                        "the key is long enough"
                        "RFC 8301 §3.2"
                        [
                            string (int key.Bits) + " bits; at least " + string (int least) + " are wanted"
                        ]
            ]
        | _ -> []

    let private bodyRule (canon: BodyCanon) =
        match canon with
        | RelaxedBody -> "§3.4.4"
        | SimpleBody
        | DomainKeysSimpleBody
        | NofwsBody -> "§3.4.3"

    let private bodyStep (facts: Facts) =
        let signature = facts.Signature

        let length =
            match signature.BodyLength with
            | ValueSome limit ->
                [
                    "l= covers "
                    + string (int64 limit)
                    + " octets; "
                    + string (int64 facts.Judged.UnsignedOctets)
                    + " more are not signed (RFC 6376 §8.2)"
                ]
            | ValueNone -> []

        let hashes =
            [
                "bh= says      " + Convert.ToBase64String signature.BodyHash
                "the body has  " + Convert.ToBase64String facts.BodyDigest
            ]

        if facts.IsDkim then
            [
                goodIf
                    facts.BodyFits
                    "the body has the hash that bh= says"
                    ("RFC 6376 §3.7, " + bodyRule signature.BodyCanon)
                    (hashes @ length)
            ]
        else
            []

    let private absentNames (facts: Facts) : string list =
        match facts.Signature.SignedFields with
        | ValueNone -> []
        | ValueSome names ->
            let left =
                names
                |> List.map (fun name -> name.Text.ToLowerInvariant())
                |> List.countBy id
                |> List.choose (fun (name, wanted) ->
                    let there = facts.Selected |> List.filter _.Is(name) |> List.length
                    if there < wanted then Some name else None)

            if left.IsEmpty then
                []
            else
                [
                    "h= names these once more than they occur, so that none can be added: "
                    + String.Join(", ", left |> List.map Visible.text)
                ]

    let private headerLines (facts: Facts) : string list =
        match facts.Recovered with
        | RecoveredDigest.OtherKey -> [ "b= was not made with the key in the DNS, or b= itself was damaged" ]
        | RecoveredDigest.Digest(hash, _) when hash <> facts.Signature.Hash ->
            [
                "b= holds a digest of "
                + Algorithms.hashes.Name hash
                + ", which a= does not say"
            ]
        | RecoveredDigest.Digest(_, signed) when not facts.HeaderFits ->
            [
                "b= was made with this key over the digest " + Convert.ToBase64String signed
                "what is here has the digest            "
                + Convert.ToBase64String facts.SignedDigest
            ]
        | RecoveredDigest.Digest _
        | RecoveredDigest.Closed -> []

    let private headerStep (facts: Facts) =
        let title =
            if facts.IsDkim then
                "b= signs this header"
            else
                "b= signs this header and body"

        let section = section facts "RFC 6376 §3.7, §5.4.2" "RFC 4870 §3.4"

        let fields =
            "signed fields: "
            + String.Join(", ", facts.Selected |> List.map (fun field -> Visible.text field.Name))

        match facts.Key with
        | ValueNone ->
            [
                step title section Finding.Note [ fields; "without a key this cannot be known" ]
            ]
        | ValueSome _ ->
            [
                goodIf facts.HeaderFits title section (fields :: headerLines facts @ absentNames facts)
            ]

    let private verdictStep (judged: Judged) =
        let word = ResultWord.name (Verdict.word judged.Verdict)

        goodIf (judged.Verdict = Pass) ("the result is " + word) "RFC 8601 §2.7.1" [ Verdict.describe judged.Verdict ]

    let private bodyGuess (facts: Facts) : Guess option =
        if facts.BodyFits || not facts.IsDkim && facts.Key.IsNone then
            None
        else
            BodyGuesses.find
                {
                    Request = facts.Request
                    Header = facts.Mail.Header
                    Body = Octets.latin1 facts.Mail.Body.Span
                    Fits =
                        if facts.IsDkim then
                            fun digest -> digest.AsSpan().SequenceEqual(ReadOnlySpan facts.Signature.BodyHash)
                        else
                            facts.IsSigned
                }

    let private headerPuzzle (facts: Facts) : HeaderGuesses.Puzzle =
        {
            Canon = facts.Signature.HeaderCanon
            Hash = facts.Signature.Hash
            Header = facts.Mail.Header
            Signed =
                if facts.IsDkim then
                    facts.Selected @ [ facts.Own ]
                else
                    facts.Selected
            OwnLast = facts.IsDkim
            Tail = if facts.IsDkim then [||] else facts.CanonicalBody
            Fits = facts.IsSigned
            Pairs = pairLimit facts.Recovered
        }

    let private restoredGuess (facts: Facts) (differences: FieldDifference list) : Guess option =
        let puzzle = headerPuzzle facts
        let restored = Copies.restored facts.Signature facts.Selected @ [ facts.Own ]

        if not differences.IsEmpty && HeaderGuesses.fits puzzle restored then
            Some
                {
                    Happening = Happening.FieldRewritten
                    Says =
                        "with the copies in z= the signature verifies: changed was only "
                        + String.Join(", ", differences |> List.map (fun found -> Visible.text found.Name))
                }
        else
            None

    let private headerGuess (facts: Facts) (differences: FieldDifference list) : Guess list =
        if
            facts.HeaderFits
            || facts.Key.IsNone
            || facts.Recovered = RecoveredDigest.OtherKey
        then
            []
        else
            [ restoredGuess facts differences; HeaderGuesses.find (headerPuzzle facts) ]
            |> List.choose id

    let private ofFacts (facts: Facts) : Explanation =
        let differences =
            if facts.IsDkim then
                Copies.differences facts.Signature facts.Selected
            else
                []

        {
            Judged = facts.Judged
            Steps =
                [ readStep facts ]
                @ timeSteps facts
                @ hashStep facts
                @ [ keyLookup facts ]
                @ keySteps facts
                @ bodyStep facts
                @ headerStep facts
                @ [ verdictStep facts.Judged ]
            CanonicalHeader = facts.CanonicalHeader
            CanonicalBody = facts.CanonicalBody
            Differences = differences
            Guesses = Option.toList (bodyGuess facts) @ headerGuess facts differences
        }

    /// The key that an explanation wants to see.
    let question (judged: Judged) : Question voption =
        judged.Signature
        |> ValueOption.map (fun signature ->
            {
                Name = Verifier.keyName signature.Selector signature.Domain
                Type = RecordType.Txt
            })

    /// Explains a signature that was judged; `answer` is what the DNS said to its `question`.
    let explain (policy: VerifyPolicy) (now: int64<sec>) (mail: Mail) (answer: Answer) (judged: Judged) : Explanation =
        match judged.Signature with
        | ValueSome signature -> ofFacts (facts policy now mail answer judged signature)
        | ValueNone ->
            {
                Judged = judged
                Steps =
                    [
                        bad
                            "the signature field is read"
                            (if judged.Scheme = Dkim then
                                 "RFC 6376 §6.1.1"
                             else
                                 "RFC 4870 §3.3")
                            [
                                Verdict.describe judged.Verdict
                                Visible.excerpt 400 (Octets.latin1 judged.Field.Raw.Span)
                            ]
                        verdictStep judged
                    ]
                CanonicalHeader = [||]
                CanonicalBody = [||]
                Differences = []
                Guesses = []
            }
