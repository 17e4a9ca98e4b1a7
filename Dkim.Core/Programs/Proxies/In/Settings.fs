/// The settings of dkimproxy.in.
namespace Dkim.Core.Programs.Proxies.In

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Shared

/// The vocabulary of results in Authentication-Results.
type ResultWords =
    /// That of Mail::DKIM, which the original wrote.
    | Original
    | Registered

/// Settings of the verifying proxy.
type InSettings =
    {
        Proxy: ProxySettings
        /// The name of this host in Authentication-Results; the machine's own where it is not said.
        HostName: string voption
        /// Mail that the author's domain wants refused is refused.
        RejectFail: bool
        /// Fields that claim to be ours are removed before ours is added.
        RemoveForged: bool
        Words: ResultWords
        Policy: VerifyPolicy
        HeaderLimits: HeaderLimits
    }

module InSettings =
    let defaults =
        {
            Proxy = ProxySettings.defaults
            HostName = ValueNone
            RejectFail = false
            RemoveForged = true
            Words = Original
            Policy = VerifyPolicy.defaults
            HeaderLimits = HeaderLimits.defaults
        }

    /// The name to use in Authentication-Results, and what may be wrong with it. It is neither empty nor `localhost`
    /// (RFC 8601 §2.5).
    let internal hostName (machine: string) (settings: InSettings) : string * string list =
        let wanted = ValueOption.defaultValue machine settings.HostName
        let name = AuthenticationResults.serviceName [ wanted ]

        name,
        [
            if name <> wanted then
                "the name of this host is not known; give --hostname=HOSTNAME"
        ]

    let private verification =
        [
            Setting.flag "reject_fail" _.RejectFail (fun v s -> { s with RejectFail = v })
            |> Setting.spelled [ Spelling.Word "reject-fail"; Spelling.Key "reject_fail" ]
            |> Setting.says "refuse a message that its author's domain wants refused"
            |> Setting.detail
                "Looks up three policies of the author's domain: DomainKeys, the old sender signing practices, and ADSP. \
                 A message with a good signature of someone else is refused too where a policy says so, as is one \
                 without any: so does mail from most mailing lists end."
            Setting.optional "hostname" (Codec.text "HOSTNAME") _.HostName (fun v s -> { s with HostName = v })
            |> Setting.says "the name of this host in Authentication-Results (default: the machine's own)"
        ]
        |> Setting.group "verification" "dkimproxy.in(8)"

    let private words =
        Codec.choice [ "original", Original; "rfc8601", Registered ] (fun words ->
            match words with
            | Original -> "original"
            | Registered -> "rfc8601")

    let private octets low =
        Codec.octets low 1073741824L |> Codec.map (fun v -> int v * 1<octet>) int64

    // The DNS has no longer ones (RFC 1035 §3.2.1, RDLENGTH).
    let private recordOctets =
        Codec.octets 512L 65535L |> Codec.map (fun v -> int v * 1<octet>) int64

    let private number low high = Codec.number "NUM" low high

    let private refusedDomains (policy: VerifyPolicy) =
        if policy.RefusedDomains.IsEmpty then
            ValueNone
        else
            ValueSome policy.RefusedDomains

    let private judgement: Setting<VerifyPolicy> list =
        [
            Setting.flag "allow_sha1" _.AllowSha1 (fun v s -> { s with AllowSha1 = v })
            |> Setting.weakWhen
                _.AllowSha1
                "allow_sha1 is insecure: signatures made with SHA-1 can be forged (RFC 8301)"
            |> Setting.says "insecure: let dkim signatures made with SHA-1 pass"
            |> Setting.detail "They prove nothing any more; without it their result is permerror."
            Setting.make
                "min_rsa_bits"
                (number 512 8192 |> Codec.map (fun v -> v * 1<bit>) int)
                _.MinimumRsaBits
                (fun v s -> { s with MinimumRsaBits = v })
            |> Setting.weakWhen
                (fun policy -> policy.MinimumRsaBits < 1024<bit>)
                "min_rsa_bits is insecure: keys under 1024 bits can be broken (RFC 8301)"
            |> Setting.says "the shortest RSA key with which a dkim signature passes"
            Setting.make
                "clock_drift"
                (Codec.number64 "SECONDS" 0L 86400L |> Codec.map (fun v -> v * 1L<sec>) int64)
                _.ClockDrift
                (fun v s -> { s with ClockDrift = v })
            |> Setting.says "how far a signer's clock may be from ours"
            Setting.flag "refuse_unsigned_body" _.RefuseUnsignedOctets (fun v s -> { s with RefuseUnsignedOctets = v })
            |> Setting.says "do not accept signatures that leave a part of the body out (l=)"
            Setting.optional "refuse_signatures_from" Codec.domains refusedDomains (fun v s ->
                { s with
                    RefusedDomains = ValueOption.defaultValue Set.empty v
                })
            |> Setting.says "domains whose signatures are not accepted"
            |> Setting.detail
                "Those under which others register their own, such as co.uk: whoever signs for one of them speaks for \
                 none of those below it. Each name counts for itself."
            Setting.make "max_signatures" (number 1 1000) _.SignaturesRead (fun v s -> { s with SignaturesRead = v })
            |> Setting.says "how many signatures of a message to read"
            Setting.make "max_verified" (number 1 100) _.SignaturesVerified (fun v s ->
                { s with SignaturesVerified = v })
            |> Setting.says "how many signatures of a message to verify"
            Setting.make "max_signed_names" (number 10 100000) _.Limits.SignedNames (fun v s ->
                { s with Limits.SignedNames = v })
            |> Setting.says "how many fields a signature may name"
            Setting.make "max_tag_list" (octets 1024L) _.Limits.TagListOctets (fun v s ->
                { s with Limits.TagListOctets = v })
            |> Setting.says "the longest signature to read"
            Setting.make "max_key_record" recordOctets _.RecordOctets (fun v s -> { s with RecordOctets = v })
            |> Setting.says "the longest key record to read"
        ]

    let private forgery =
        [
            Setting.flag "remove_forged" _.RemoveForged (fun v s -> { s with RemoveForged = v })
            |> Setting.weakWhen
                (fun s -> not s.RemoveForged)
                "remove_forged is off: whoever reads Authentication-Results cannot trust it"
            |> Setting.says "remove Authentication-Results fields that claim to be ours"
            Setting.make "result_words" words _.Words (fun v s -> { s with Words = v })
            |> Setting.says "how Authentication-Results names results"
            |> Setting.detail
                "original is what filters know that were written for this program, invalid among it. rfc8601 has the \
                 registered words, and tells domain, selector, algorithm and the start of each signature too."
        ]

    let private added =
        (judgement
         |> List.map (Setting.within _.Policy (fun v s -> { s with Policy = v })))
        @ forgery
        |> Setting.group "verification" "new"

    let table: Setting<InSettings> list =
        ProxyTable.around (verification @ added) _.Proxy (fun v s -> { s with Proxy = v }) _.HeaderLimits (fun v s ->
            { s with HeaderLimits = v })

    /// Settings that cannot be honoured together.
    let internal contradictions (settings: InSettings) : Problem list =
        let verified = settings.Policy.SignaturesVerified
        let read = settings.Policy.SignaturesRead

        let tooFew name (value: int) =
            ProxySetup.broken
                name
                (ValueSome(string value))
                (name
                 + " "
                 + string value
                 + " leaves no room for the "
                 + string verified
                 + " signatures of max_verified")
                ("write "
                 + name
                 + " "
                 + string verified
                 + " or more, or max_verified "
                 + string value
                 + " or less")

        // A default asks for nothing: who lowers another bound alone means just that.
        if verified <= VerifyPolicy.defaults.SignaturesVerified then
            []
        else
            [
                match settings.Proxy.DnsQueries with
                | ValueSome queries when queries < verified -> tooFew "dns_queries" queries
                | _ -> ()
                if read < verified then
                    tooFew "max_signatures" read
            ]

    let text =
        {
            Name = "dkimproxy.in"
            Section = 8
            OneLine = "SMTP proxy that verifies DKIM and DomainKeys signatures"
            Command = ""
            Operands = "LISTENADDR:PORT RELAYADDR:PORT"
            Description =
                [
                    "dkimproxy.in listens on the address and port of its first operand and passes all that it hears to \
                     the mail server of its second, with an Authentication-Results field on top of each message that \
                     tells which of its signatures are good."
                    "Every setting can stand in a file that conf_file names: one on each line, its name, a blank, = or : \
                     and its value. A # begins a comment, \\# is one. Hyphens and underscores in names are the same. What \
                     the command line says beats the file."
                ]
            Exits =
                [
                    0, "Stopped by a signal, or put into the background."
                    1, "After --help; a socket, user, group or pid file could not be had."
                    2, "A setting is missing or wrong."
                    78, "--check found problems."
                ]
            Examples =
                [
                    "Verify, and refuse what cannot be verified for now:",
                    [ "dkimproxy.in --reject-error 127.0.0.1:10025 127.0.0.1:10026" ]
                    "A file that says the same, under another name of the host:",
                    [
                        "listen       127.0.0.1:10025"
                        "relay        127.0.0.1:10026"
                        "hostname     mx.example.com"
                        "reject_error"
                    ]
                ]
            SeeAlso = [ "dkim", 1; "dkimproxy.out", 8 ]
        }
