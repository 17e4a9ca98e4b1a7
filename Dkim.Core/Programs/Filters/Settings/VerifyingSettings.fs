/// How signatures and policies are judged: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// How signatures and policies are judged.
[<NoComparison>]
type internal VerifyingSettings =
    {
        /// Schemes, drift, key lengths and MustBeSigned among it.
        Policy: VerifyPolicy
        Minimum: MinimumSigned voption
        BogusKey: KeyTreatment
        InsecureKey: KeyTreatment
        /// BogusPolicy, InsecurePolicy: the policy is applied.
        ApplyBogusPolicy: bool
        ApplyInsecurePolicy: bool
        AdspDiscard: bool
        AdspNoSuchDomain: bool
    }

module internal VerifyingSettings =
    let defaults: VerifyingSettings =
        {
            Policy =
                { VerifyPolicy.defaults with
                    Schemes = [ Dkim ]
                    // As ever, g= is heeded, and several records are taken for none.
                    Granularity = true
                    SingleRecord = true
                }
            Minimum = ValueNone
            BogusKey = KeyTreatment.Fail
            InsecureKey = KeyTreatment.Unchanged
            ApplyBogusPolicy = false
            ApplyInsecurePolicy = true
            AdspDiscard = false
            AdspNoSuchDomain = false
        }

    // As many are read as are verified.
    let private verifies (count: int) (policy: VerifyPolicy) : VerifyPolicy =
        { policy with
            SignaturesRead = max VerifyPolicy.defaults.SignaturesRead count
            SignaturesVerified = count
        }

    /// What is asked of a signature.
    let trust: Setting<VerifyingSettings> list =
        [
            Setting.make "ClockDrift" Codecs.seconds _.Policy.ClockDrift (fun v s -> { s with Policy.ClockDrift = v })
            |> key
            |> Setting.says "how far a signer's clock may be from ours"
            Setting.optional "Minimum" Codecs.minimum _.Minimum (fun v s -> { s with Minimum = v })
            |> both 'L'
            |> Setting.says "how much of the body a signature must cover"
            |> Setting.detail
                "N octets, or all of a shorter body; N% of it; N+ for all but N octets. A signature that covers less is not \
                 accepted."
            Setting.make "MustBeSigned" Codecs.fieldNames _.Policy.MustBeSigned (fun v s ->
                { s with Policy.MustBeSigned = v })
            |> key
            |> Setting.says "fields that must be signed where they are there"
        ]

    /// What DNSSEC makes of it.
    let doubts: Setting<VerifyingSettings> list =
        [
            Setting.make "BogusKey" (Codecs.keyTreatment "BogusKey") _.BogusKey (fun v s -> { s with BogusKey = v })
            |> key
            |> Setting.says "what a key that DNSSEC proves false makes of a signature"
            Setting.make "InsecureKey" (Codecs.keyTreatment "InsecureKey") _.InsecureKey (fun v s ->
                { s with InsecureKey = v })
            |> key
            |> Setting.says "what a key without DNSSEC makes of a good signature"
        ]

    /// Mail that its author's domain speaks against.
    let refusals: Setting<VerifyingSettings> list =
        [
            switch "ADSPDiscard" _.AdspDiscard (fun v s -> { s with AdspDiscard = v })
            |> key
            |> Setting.says "refuse mail that its author's domain wants discarded"
            switch "ADSPNoSuchDomain" _.AdspNoSuchDomain (fun v s -> { s with AdspNoSuchDomain = v })
            |> key
            |> Setting.says "refuse mail of domains that do not exist"
        ]

    /// What DNSSEC makes of a policy.
    let doubtedPolicies: Setting<VerifyingSettings> list =
        [
            Setting.make "BogusPolicy" (Codecs.policyTreatment "BogusPolicy") _.ApplyBogusPolicy (fun v s ->
                { s with ApplyBogusPolicy = v })
            |> key
            |> Setting.says "whether a policy counts that DNSSEC proves false"
            Setting.make "InsecurePolicy" (Codecs.policyTreatment "InsecurePolicy") _.ApplyInsecurePolicy (fun v s ->
                { s with ApplyInsecurePolicy = v })
            |> key
            |> Setting.says "whether a policy without DNSSEC counts"
        ]

    /// What the original did not have.
    let ofOurs: Setting<VerifyingSettings> list =
        [
            switch "AllowSHA1" _.Policy.AllowSha1 (fun v s -> { s with Policy.AllowSha1 = v })
            |> key
            |> Setting.weakWhen
                _.Policy.AllowSha1
                "AllowSHA1 is insecure: signatures made with SHA-1 can be forged (RFC 8301)"
            |> Setting.says "let signatures made with SHA-1 pass"
            |> Setting.detail "They prove nothing any more (RFC 8301)."
            Setting.make
                "MinimumKeyBits"
                (Codecs.int32 "BITS" 512 8192 |> Codec.map (fun v -> v * 1<bit>) int)
                _.Policy.MinimumRsaBits
                (fun v s -> { s with Policy.MinimumRsaBits = v })
            |> key
            |> Setting.weakWhen
                (fun s -> s.Policy.MinimumRsaBits < 1024<bit>)
                "MinimumKeyBits is insecure: keys under 1024 bits can be broken (RFC 8301)"
            |> Setting.says "the shortest RSA key that may pass"
            Setting.make "MaximumSignaturesToVerify" (Codecs.int32 "N" 1 100) _.Policy.SignaturesVerified (fun v s ->
                { s with Policy = verifies v s.Policy })
            |> key
            |> Setting.says "how many signatures of a message to verify"
            Setting.make "RefuseSignaturesFrom" Codec.domains _.Policy.RefusedDomains (fun v s ->
                { s with Policy.RefusedDomains = v })
            |> key
            |> Setting.says "domains whose signatures are not accepted"
            |> Setting.detail
                "Those under which others register their own, such as co.uk: whoever signs for one of them speaks for none \
                 of those below it. Each name counts for itself; the result is policy."
        ]
