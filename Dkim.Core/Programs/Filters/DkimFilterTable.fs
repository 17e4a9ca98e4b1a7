/// The rows of dkim-filter: its command line and its file (dkim-filter(8), dkim-filter.conf(5)).
module internal Dkim.Core.Programs.Filters.DkimFilterTable

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters
open Dkim.Core.Programs.Filters.FilterTable
open Dkim.Core.Programs.Running

let private headers = Pattern.listCodec "NAME,..."

/// Of l=.
[<Literal>]
let private Appendable = "l= lets others append to signed messages (RFC 6376 §8.2)"

let private signing: Setting<SigningSettings> list =
    [
        Setting.make
            "Canonicalization"
            FilterCodecs.canonicalization
            (fun s -> struct (s.HeaderCanon, s.BodyCanon))
            (fun (struct (header, body)) s ->
                { s with
                    HeaderCanon = header
                    BodyCanon = body
                })
        |> both 'c'
        |> Setting.says "the canonicalization of header and body in signatures"
        |> Setting.detail "One word is that of the header; the body is then simple."
        Setting.make "SignatureAlgorithm" FilterCodecs.algorithm _.Algorithm (fun v s -> { s with Algorithm = v })
        |> both 'S'
        |> Setting.weakWhen
            (fun s -> s.Algorithm = struct (Rsa, Sha1))
            "SignatureAlgorithm rsa-sha1: verifiers no longer accept it (RFC 8301)"
        |> Setting.says "the algorithm of signatures"
        |> Setting.detail
            "An Ed25519 key always signs with ed25519-sha256. rsa-sha1 proves nothing any more (RFC 8301)."
        Setting.optional "OmitHeaders" headers _.OmitHeaders (fun v s -> { s with OmitHeaders = v })
        |> both 'o'
        |> Setting.says
            "fields not to sign (default: Return-Path, Received, Comments, Keywords, Bcc, Resent-Bcc, DKIM-Signature)"
        |> Setting.detail "A - omits none. From is signed whatever this says. A * stands for any characters."
        Setting.optional "SignHeaders" headers _.SignHeaders (fun v s -> { s with SignHeaders = v })
        |> key
        |> Setting.says "fields to sign, in place of those that the standard recommends"
        |> Setting.detail "From is signed whatever this says. A * stands for any characters."
        Setting.make "AlwaysSignHeaders" FilterCodecs.fieldNames _.AlwaysSignHeaders (fun v s ->
            { s with AlwaysSignHeaders = v })
        |> key
        |> Setting.says "fields to name in h= though the message has none, so that none can be added"
        switch "BodyLengths" _.BodyLengths (fun v s -> { s with BodyLengths = v })
        |> key
        |> Setting.weakWhen _.BodyLengths Appendable
        |> Setting.says "write l=, the length of the body"
        |> Setting.detail "Insecure: what is appended to such a message does not break its signature."
        Setting.optional
            "MaximumSignedBytes"
            (FilterCodecs.integer "OCTETS" 0L System.Int64.MaxValue
             |> Codec.map (fun v -> v * 1L<octet>) int64)
            _.MaximumSignedBytes
            (fun v s -> { s with MaximumSignedBytes = v })
        |> key
        |> Setting.weakWhen _.MaximumSignedBytes.IsSome Appendable
        |> Setting.says "sign no more of the body than this, and write l="
        Setting.make "SignatureTTL" FilterCodecs.seconds _.SignatureTtl (fun v s -> { s with SignatureTtl = v })
        |> key
        |> Setting.says "how long signatures are good (x=); 0 for ever"
        switch "Diagnostics" _.Diagnostics (fun v s -> { s with Diagnostics = v })
        |> key
        |> Setting.says "copy the header into signatures (z=)"
        switch "RemoveOldSignatures" _.RemoveOldSignatures (fun v s -> { s with RemoveOldSignatures = v })
        |> key
        |> Setting.says "remove the signatures that a message has before signing it"
        Setting.make "DontSignMailTo" (Pattern.listCodec "ADDRESS,...") _.DontSignMailTo (fun v s ->
            { s with DontSignMailTo = v })
        |> key
        |> Setting.says "do not sign a message that has one of these recipients"
        |> Setting.detail "A * stands for any characters."
    ]

let private signingOfOurs: Setting<SigningSettings> list =
    [
        Setting.make "OverSignHeaders" FilterCodecs.fieldNames _.OverSignHeaders (fun v s ->
            { s with OverSignHeaders = v })
        |> key
        |> Setting.says "fields that h= names once more than the message has them, so that none can be added"
    ]

let private trust: Setting<VerifyingSettings> list =
    [
        Setting.make "ClockDrift" FilterCodecs.seconds _.ClockDrift (fun v s -> { s with ClockDrift = v })
        |> key
        |> Setting.says "how far a signer's clock may be from ours"
        Setting.optional "Minimum" FilterCodecs.minimum _.MinimumSigned (fun v s -> { s with MinimumSigned = v })
        |> both 'L'
        |> Setting.says "how much of the body a signature must cover"
        |> Setting.detail
            "N octets, or all of a shorter body; N% of it; N+ for all but N octets. A signature that covers less is not \
             accepted."
        Setting.make "MustBeSigned" FilterCodecs.fieldNames _.MustBeSigned (fun v s -> { s with MustBeSigned = v })
        |> key
        |> Setting.says "fields that must be signed where they are there"
        Setting.optional "TrustSignaturesFrom" (Codec.text "DOMAIN,...|FILE") _.TrustSignaturesFrom (fun v s ->
            { s with TrustSignaturesFrom = v })
        |> key
        |> Setting.says "domains whose signatures count for authors of other domains (default: all)"
        Setting.make "BogusKey" (FilterCodecs.keyTreatment "BogusKey") _.BogusKey (fun v s -> { s with BogusKey = v })
        |> key
        |> Setting.says "what a key that DNSSEC proves false makes of a signature"
        Setting.make "InsecureKey" (FilterCodecs.keyTreatment "InsecureKey") _.InsecureKey (fun v s ->
            { s with InsecureKey = v })
        |> key
        |> Setting.says "what a key without DNSSEC makes of a good signature"
    ]

let private policies: Setting<VerifyingSettings> list =
    [
        switch "ADSPDiscard" _.AdspDiscard (fun v s -> { s with AdspDiscard = v })
        |> key
        |> Setting.says "refuse mail that its author's domain wants discarded"
        switch "ADSPNoSuchDomain" _.AdspNoSuchDomain (fun v s -> { s with AdspNoSuchDomain = v })
        |> key
        |> Setting.says "refuse mail of domains that do not exist"
        Setting.optional "LocalADSP" path _.LocalAdsp (fun v s -> { s with LocalAdsp = v })
        |> key
        |> Setting.says "a file of practices that hold whatever the domains publish"
        |> Setting.detail
            "Lines of DOMAIN:PRACTICE, with a dot before the domain for those below it; unknown, all or discardable. \
             The first that matches counts."
        Setting.make "BogusPolicy" (FilterCodecs.policyTreatment "BogusPolicy") _.ApplyBogusPolicy (fun v s ->
            { s with ApplyBogusPolicy = v })
        |> key
        |> Setting.says "whether a policy counts that DNSSEC proves false"
        Setting.make "InsecurePolicy" (FilterCodecs.policyTreatment "InsecurePolicy") _.ApplyInsecurePolicy (fun v s ->
            { s with ApplyInsecurePolicy = v })
        |> key
        |> Setting.says "whether a policy without DNSSEC counts"
        switch "SendADSPReports" _.SendAdspReports (fun v s -> { s with SendAdspReports = v })
        |> key
        |> Setting.says "mail a report to domains that ask for one when their policy fails"
    ]

let private results: Setting<VerifyingSettings> list =
    [
        switch "AlwaysAddARHeader" _.AlwaysAddResults (fun v s -> { s with AlwaysAddResults = v })
        |> key
        |> Setting.says "add Authentication-Results to messages without signatures, too"
        Setting.optional "AuthservID" (Codec.text "NAME") _.AuthservId (fun v s -> { s with AuthservId = v })
        |> key
        |> Setting.says "our name in Authentication-Results (default: the MTA's host)"
        switch "AuthservIDWithJobID" _.AuthservIdWithJobId (fun v s -> { s with AuthservIdWithJobId = v })
        |> key
        |> Setting.says "put a slash and the queue id after that name"
        switch "ARHeaderDomain" _.ResultDomain (fun v s -> { s with ResultDomain = v })
        |> key
        |> Setting.says "tell the domain and the selector of a signature in Authentication-Results, beside its identity"
        switch "RemoveARAll" _.RemoveResultsAll (fun v s -> { s with RemoveResultsAll = v })
        |> key
        |> Setting.says "remove Authentication-Results of other methods, too"
        |> Setting.detail "By default only those that tell of DKIM are removed, and only those that claim to be ours."
        Setting.make "RemoveARFrom" (FilterCodecs.texts "HOST,...") _.RemoveResultsFrom (fun v s ->
            { s with RemoveResultsFrom = v })
        |> key
        |> Setting.says "remove Authentication-Results of these hosts (default: our own)"
        |> Setting.detail "A dot in front means the hosts below a domain."
    ]

let private verifyingOfOurs: Setting<VerifyingSettings> list =
    [
        switch "AllowSHA1" _.AllowSha1 (fun v s -> { s with AllowSha1 = v })
        |> key
        |> Setting.weakWhen _.AllowSha1 "AllowSHA1 is insecure: signatures made with SHA-1 can be forged (RFC 8301)"
        |> Setting.says "let signatures made with SHA-1 pass"
        |> Setting.detail "They prove nothing any more (RFC 8301)."
        Setting.make
            "MinimumKeyBits"
            (FilterCodecs.int32 "BITS" 512 8192 |> Codec.map (fun v -> v * 1<bit>) int)
            _.MinimumKeyBits
            (fun v s -> { s with MinimumKeyBits = v })
        |> key
        |> Setting.weakWhen
            (fun s -> s.MinimumKeyBits < 1024<bit>)
            "MinimumKeyBits is insecure: keys under 1024 bits can be broken (RFC 8301)"
        |> Setting.says "the shortest RSA key that may pass"
        Setting.make "MaximumSignaturesToVerify" (FilterCodecs.int32 "N" 1 100) _.MaximumSignatures (fun v s ->
            { s with MaximumSignatures = v })
        |> key
        |> Setting.says "how many signatures of a message to verify"
        Setting.make "RefuseSignaturesFrom" Codec.domains _.RefuseSignaturesFrom (fun v s ->
            { s with RefuseSignaturesFrom = v })
        |> key
        |> Setting.says "domains whose signatures are not accepted"
        |> Setting.detail
            "Those under which others register their own, such as co.uk: whoever signs for one of them speaks for none \
             of those below it. Each name counts for itself; the result is policy."
    ]

let private octets: Codec<int<octet>> =
    FilterCodecs.int32 "OCTETS" 0 1073741824
    |> Codec.map (fun v -> v * 1<octet>) int

let private whole: Setting<DkimFilterSettings> list =
    [
        Setting.make "MaximumHeaders" octets _.MaximumHeaders (fun v s -> { s with MaximumHeaders = v })
        |> key
        |> Setting.says "the longest header to take, in octets; 0 for 1048576, the most"
        |> Setting.detail "What becomes of a message with a longer one, On-Security says."
        switch "RequiredHeaders" _.RequiredHeaders (fun v s -> { s with RequiredHeaders = v })
        |> both 'r'
        |> Setting.says "look whether every field is there as often as RFC 5322 has it"
        |> Setting.detail
            "A message that is not so is neither signed nor refused; verifying, its result is permerror (bad format)."
        switch "FixCRLF" _.FixCrlf (fun v s -> { s with FixCrlf = v })
        |> key
        |> Setting.says "hash a CR or LF that stands alone as CRLF"
    ]

let private decisions: Setting<DkimFilterSettings> list =
    [
        switch "LogWhy" _.LogWhy (fun v s -> { s with LogWhy = v })
        |> both 'W'
        |> Setting.says "log how each decision to sign or to verify came about"
        switch "SyslogSuccess" _.SyslogSuccess (fun v s -> { s with SyslogSuccess = v })
        |> key
        |> Setting.says "log good signatures and signatures made, too"
    ]

let private tests: Setting<FilterTest> list =
    [
        Setting.optional "t" (Codec.text "FILE|-") _.TestFile (fun v s -> { s with TestFile = v })
        |> letter 't'
        |> Setting.fixedForLife
        |> Setting.says "handle the message in this file, print what comes of it, and exit"
        |> Setting.detail
            "As if it came from 127.0.0.1, authenticated, with sender@example.org and recipient@example.com as its \
             envelope. No lists of hosts are read, nothing is logged and no report sent. Without Mode it is only verified: \
             -b sv does what a filter does."
        Setting.optional "H" FilterCodecs.address _.Client (fun v s -> { s with Client = v })
        |> letter 'H'
        |> Setting.fixedForLife
        |> Setting.says "with -t: the client that the message comes from"
        |> Setting.detail
            "Lists of hosts are read then, and no macro of the MTA speaks for the message, so that it is told whether mail \
             of this client would be signed."
        Setting.optional "F" FilterCodecs.time _.FixedTime (fun v s -> { s with FixedTime = v })
        |> letter 'F'
        |> Setting.usage
        |> Setting.fixedForLife
        |> Setting.says "with -t: the time of signatures, in seconds since 1970"
        { Setting.make "v" FilterCodecs.switch (fun s -> s.Verbosity > 0) (fun v s ->
              { s with
                  Verbosity = if v then s.Verbosity + 1 else 0
              }) with
            Arity = Arity.Flag
            Show = fun s -> List.replicate s.Verbosity "yes"
            Clear = fun s -> { s with Verbosity = 0 }
            Keep =
                fun running fresh ->
                    { fresh with
                        Verbosity = running.Verbosity
                    }
        }
        |> letter 'v'
        |> Setting.fixedForLife
        |> Setting.says "with -t: say more; twice, more still"
        |> Setting.detail "Once: the mode, how it was chosen, as with LogWhy, and what the log would say."
        switch "StrictTestMode" _.Strict (fun v s -> { s with Strict = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "with -t: lines of the message must end in CRLF"
    ]

let private running: Setting<DkimFilterSettings> list =
    [
        Setting.optional "x" (Codec.text "FILE|-") (fun s -> s.Service.ConfFile) (fun v s ->
            { s with
                Service = { s.Service with ConfFile = v }
            })
        |> letter 'x'
        |> Setting.says "read settings from this file; there is no other"
        Setting.flag "K" _.MultipleKeys (fun v (s: DkimFilterSettings) -> { s with MultipleKeys = v })
        |> letter 'K'
        |> Setting.says "the file of -k is a key list"
        Setting.flag "n" _.Check (fun v s -> { s with Check = v })
        |> letter 'n'
        |> Setting.says "say whether the filter would start, and exit"
        |> Setting.detail
            "The way of a start is gone, as the user of UserID, but for the socket, which is not opened; everything that \
             is wrong is told at once. Who signs for whom goes to standard output, a line for each key."
        Setting.flag "V" _.Version (fun v (s: DkimFilterSettings) -> { s with Version = v })
        |> letter 'V'
        |> Setting.says "print version, algorithms and canonicalizations as the original does, and exit"
        Setting.flag "version" _.Build (fun v (s: DkimFilterSettings) -> { s with Build = v })
        |> Setting.spelled [ Spelling.Word "version" ]
        |> Setting.says BuildFacts.Summary
    ]

let private inert: Setting<DkimFilterSettings> list =
    [
        Setting.inert "AllowSHA1Only" Arity.Flag FilterCodecs.switch.Shape "SHA-256 is always there."
        |> key
        Setting.inert "MilterDebug" Arity.Once "N" "There is no library with a debugging level."
        |> key
    ]

let private part get put rows =
    rows |> List.map (Setting.within get put)

let table: Setting<DkimFilterSettings> list =
    let signingPart =
        part _.Signing (fun v (s: DkimFilterSettings) -> { s with Signing = v })

    let verifyingPart = part _.Verifying (fun v s -> { s with Verifying = v })

    [
        Setting.group "running" Dkim running
        part _.Service (fun v (s: DkimFilterSettings) -> { s with Service = v }) service
        part _.Scope (fun v (s: DkimFilterSettings) -> { s with Scope = v }) scope
        Setting.group "signing" Dkim (signingPart signing)
        Setting.group "verifying" Dkim (verifyingPart trust)
        Setting.group "sender policies" Dkim (verifyingPart policies)
        Setting.group "results" Dkim (verifyingPart results)
        Setting.group "messages" Dkim whole
        Setting.group "log" Dkim decisions
        Setting.group "test mode" Dkim (part _.Test (fun v s -> { s with Test = v }) tests)
        Setting.group "service" Dkim inert
        Setting.group "further" "new" (signingPart signingOfOurs @ verifyingPart verifyingOfOurs)
    ]
    |> List.concat
