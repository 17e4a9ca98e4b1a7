/// The steps of verification in words, each with the section that asks for it (RFC 6376 §6.1, RFC 4870 §3.7).
namespace Dkim.Core.Explaining

open System
open System.Globalization
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.KeyCheck

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

/// The record of a key, as the DNS has it.
type ExplainedRecord =
    {
        /// Where it is.
        Name: string
        Answer: Answer
        /// What `dkim testkey` says of it.
        Diagnosis: Diagnosis
    }

module internal ExplainedRecord =
    let ofEvidence (facts: Evidence) : ExplainedRecord =
        {
            Name = KeyRecord.name facts.Signature.Selector facts.Signature.Domain
            Answer = facts.Answer
            Diagnosis =
                KeyDiagnosis.ofAnswer
                    {
                        Selector = facts.Signature.Selector
                        Domain = facts.Signature.Domain
                        Private = ValueNone
                        LeastRsaBits = facts.Policy.MinimumRsaBits
                    }
                    facts.Answer
        }

module internal ExplainedStep =
    let private step title section finding lines =
        {
            Title = title
            Section = section
            Finding = finding
            Lines = lines
        }

    let private good title section lines = step title section Finding.Good lines
    let bad title section lines = step title section Finding.Bad lines

    let private goodIf fits title section lines =
        step title section (if fits then Finding.Good else Finding.Bad) lines

    let private section (facts: Evidence) (dkim: string) (domainKeys: string) =
        if facts.IsDkim then dkim else domainKeys

    let private time (seconds: int64<sec>) : string =
        if seconds > 253402300799L<sec> then
            "the end of time"
        else
            DateTimeOffset
                .FromUnixTimeSeconds(int64 seconds)
                .ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)

    let private readStep (facts: Evidence) =
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
                + Printable.visible canon
            ]

    /// The time of the topmost Received, which is the last that a server wrote.
    let private receivedAt (facts: Evidence) : int64<sec> voption =
        Header.tryFind "Received" facts.Mail.Header
        |> ValueOption.bind (fun field ->
            let value = field.ValueText
            MailDate.tryParse (value.Substring(value.LastIndexOf ';' + 1)))
        |> ValueOption.map (fun moment -> moment.ToUnixTimeSeconds() * 1L<sec>)

    // Whoever judges at delivery judges by the time of that.
    let private receivedStep (facts: Evidence) (expires: int64<sec>) =
        match receivedAt facts with
        | ValueSome at when expires < facts.Now - facts.Policy.ClockDrift && at <= expires ->
            [
                step
                    "it had not expired when it was received"
                    "RFC 6376 §3.5"
                    Finding.Note
                    [ "the topmost Received was written at " + time at ]
            ]
        | _ -> []

    let private timeSteps (facts: Evidence) =
        let judge title at isGood =
            goodIf isGood title "RFC 6376 §3.5" [ time at + "; the time now is " + time facts.Now ]

        [
            match facts.Signature.SignedAt with
            | ValueSome at -> judge "it was made in the past (t=)" at (at <= facts.Now + facts.Policy.ClockDrift)
            | ValueNone -> ()
            match facts.Signature.ExpiresAt with
            | ValueSome at ->
                judge "it has not expired (x=)" at (at >= facts.Now - facts.Policy.ClockDrift)
                yield! receivedStep facts at
            | ValueNone -> ()
        ]

    let private hashStep (facts: Evidence) =
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

    let private keyLookup (facts: Evidence) =
        let name = KeyRecord.name facts.Signature.Selector facts.Signature.Domain
        let title = "the key is in the DNS"
        let section = section facts "RFC 6376 §3.6.2" "RFC 4870 §3.2.2"

        match facts.Answer.Outcome with
        | NoSuchName -> bad title section [ name + " does not exist" ]
        | Records [] -> bad title section [ name + " has no TXT record" ]
        | Unavailable reason -> bad title section [ name + ": " + Printable.visible reason ]
        | Records texts ->
            let shown =
                texts |> List.map (fun text -> "\"" + Printable.visibleExcerpt 300 text + "\"")

            good title section ((name + ":") :: shown)

    /// What `dkim testkey` finds wrong with the record, and what it would publish in its place.
    let private mistakes (facts: Evidence) : string list =
        let record = ExplainedRecord.ofEvidence facts

        let wrong =
            record.Diagnosis.Findings
            |> List.filter (fun found -> not found.IsAdvice)
            |> List.map (fun found -> found.Says + ": " + found.Remedy)

        match record.Diagnosis.Publish with
        | ValueSome(Publish.Txt text) -> wrong @ [ "the record should be:"; "\"" + text + "\"" ]
        | ValueSome(Publish.Alias target) -> wrong @ [ "the name should be a CNAME to " + target + "." ]
        | ValueNone -> wrong

    let private keySteps (facts: Evidence) =
        let title = "the key may serve this signature"
        let section = section facts "RFC 6376 §6.1.2" "RFC 4870 §3.2.3"

        match facts.Answer.Outcome, facts.Outcome.Verdict, facts.Key, facts.Record with
        | Records(_ :: _), PermFail(BadKey error), _, _ ->
            [ bad title section (KeyError.describe error :: mistakes facts) ]
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

    let private bodyStep (facts: Evidence) =
        let signature = facts.Signature

        let length =
            match signature.BodyLength with
            | ValueSome limit ->
                [
                    "l= covers "
                    + string (int64 limit)
                    + " octets; "
                    + string (int64 facts.Outcome.UnsignedOctets)
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

    let private absentNames (facts: Evidence) : string list =
        let isThere (name: string) =
            facts.Selected |> List.exists (fun field -> field.Is name)

        let once, never =
            facts.Absent |> List.map fst |> List.distinct |> List.partition isThere

        let told says (names: string list) =
            if names.IsEmpty then
                []
            else
                [ says + String.Join(", ", names |> List.map Printable.visible) ]

        told "h= names these once more than they occur, so that none can be added: " once
        @ told "h= names these, which are not here; absent when it was signed, or removed since: " never

    let private headerLines (facts: Evidence) : string list =
        match facts.Recovered with
        | RecoveredDigest.OtherKey -> [ "b= was not made with the key in the DNS, or b= itself was damaged" ]
        | RecoveredDigest.Digest(hash, _) when hash <> facts.Signature.Hash ->
            [
                "b= holds a digest of "
                + Algorithms.hashes.Name hash
                + ", which a= does not say"
            ]
        | _ when not facts.LengthFits ->
            [
                "b= has "
                + string facts.Signature.Value.Length
                + " octets, and this key makes "
                + string (
                    facts.Key
                    |> ValueOption.map (fun key -> (int key.Bits + 7) / 8)
                    |> ValueOption.defaultValue 0
                )
                + " (RFC 8017 §8.2.2)"
            ]
        | RecoveredDigest.Digest(_, signed) when not facts.HeaderFits ->
            [
                "b= was made with this key over the digest " + Convert.ToBase64String signed
                "what is here has the digest            "
                + Convert.ToBase64String facts.SignedDigest
            ]
        | RecoveredDigest.Digest _
        | RecoveredDigest.Closed -> []

    let private headerStep (facts: Evidence) =
        let title =
            if facts.IsDkim then
                "b= signs this header"
            else
                "b= signs this header and body"

        let section = section facts "RFC 6376 §3.7, §5.4.2" "RFC 4870 §3.4"

        let fields =
            "signed fields: "
            + String.Join(", ", facts.Selected |> List.map (fun field -> Printable.visible field.Name))

        match facts.Key with
        | ValueNone ->
            [
                step title section Finding.Note [ fields; "without a key this cannot be known" ]
            ]
        | ValueSome key when not facts.KeyTypeFits ->
            [
                step
                    title
                    section
                    Finding.Note
                    [
                        fields
                        "the key is "
                        + Algorithms.keyTypes.Name key.KeyType
                        + ", which cannot judge a signature of "
                        + facts.Signature.Algorithm
                    ]
            ]
        | ValueSome _ ->
            [
                goodIf facts.HeaderFits title section (fields :: headerLines facts @ absentNames facts)
            ]

    let verdict (judged: SignatureResult) =
        let word = ResultWord.name (Verdict.word judged.Verdict)

        goodIf (judged.Verdict = Pass) ("the result is " + word) "RFC 8601 §2.7.1" [ Verdict.describe judged.Verdict ]

    /// All steps of a signature that could be read, in order.
    let all (facts: Evidence) : ExplainedStep list =
        [ readStep facts ]
        @ timeSteps facts
        @ hashStep facts
        @ [ keyLookup facts ]
        @ keySteps facts
        @ bodyStep facts
        @ headerStep facts
        @ [ verdict facts.Outcome ]
