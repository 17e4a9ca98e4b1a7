/// The settings of dkimproxy.out.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Shared

/// Settings of the signing proxy.
type OutSettings =
    {
        Proxy: ProxySettings
        /// The signatures to make where no map says otherwise.
        Signatures: Specifier list
        KeyFile: string voption
        PassphraseFile: string voption
        Selector: string voption
        /// As written: one domain, or several between commas.
        Domain: string voption
        Method: string voption
        DkimMethod: string voption
        DomainKeysMethod: string voption
        Identity: string voption
        SenderMap: string voption
        ListIdMap: string voption
        /// The fields that must not be added or repeated later are signed once more than they are there.
        Seal: bool
        /// Dkim signatures made with SHA-1, where one asks for it: not for RFC 8301 §3.1, but configurations have it.
        SignsSha1: bool
        /// Shorter RSA keys make no dkim signatures (RFC 8301 §3.2).
        LeastRsaBits: int<bit>
        HeaderLimits: HeaderLimits
    }

module OutSettings =
    // Of these settings others complain as well.

    [<Literal>]
    let internal SenderMapRow = "sender_map"

    [<Literal>]
    let internal ListIdMapRow = "listid_map"

    let defaults =
        {
            // What programs of our own users send is repaired; what strangers send is not (dkimproxy.in refuses it).
            Proxy =
                { ProxySettings.defaults with
                    BareNewlines = BareNewlines.Normalize
                }
            Signatures = []
            KeyFile = ValueNone
            PassphraseFile = ValueNone
            Selector = ValueNone
            Domain = ValueNone
            Method = ValueNone
            DkimMethod = ValueNone
            DomainKeysMethod = ValueNone
            Identity = ValueNone
            SenderMap = ValueNone
            ListIdMap = ValueNone
            Seal = false
            SignsSha1 = true
            LeastRsaBits = 512<bit>
            HeaderLimits = HeaderLimits.defaults
        }

    /// The signatures to make where no map applies: one `dkim` where nothing at all is said.
    let signatures (settings: OutSettings) : Specifier list =
        let maps = settings.SenderMap.IsSome || settings.ListIdMap.IsSome

        if List.isEmpty settings.Signatures && not maps then
            [ Specifier.plain Dkim ]
        else
            settings.Signatures

    /// The domains that may be signed for.
    let domains (settings: OutSettings) : string list =
        match settings.Domain with
        | ValueSome text ->
            text.Split([| ','; ' ' |], System.StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray
        | ValueNone -> []

    let private file = Codec.text "FILE"
    let private map = Codec.text "FILE|KIND:PLACE"
    let private methods = Codec.text "simple|relaxed|HEADER/BODY|nofws"

    let private signing =
        [
            Setting.repeated "signature" Specifier.codec _.Signatures (fun v s -> { s with Signatures = v })
            |> Setting.speaksAlone
            |> Setting.says "a type of signature to make"
            |> Setting.detail
                "May be given several times, for several signatures. The parameters key, a, c, d, s and i say what holds \
                 for this signature alone; the values of d and i may use $sender, $senderdomain, $key, $keydomain and \
                 $$. One on the command line discards all of the file. Without any, and without maps, it is dkim."
            Setting.optional "keyfile" file _.KeyFile (fun v s -> { s with KeyFile = v })
            |> Setting.says "the private key"
            |> Setting.detail "PEM, RSA or Ed25519. It is read before the user changes, and again when it changes."
            Setting.optional "passphrase_file" file _.PassphraseFile (fun v s -> { s with PassphraseFile = v })
            |> Setting.says "a file with the passphrase of encrypted private keys"
            Setting.optional "selector" (Codec.text "SELECTOR") _.Selector (fun v s -> { s with Selector = v })
            |> Setting.says "the name of the key below the domain"
            Setting.optional "domain" (Codec.text "DOMAIN[,DOMAIN...]") _.Domain (fun v s -> { s with Domain = v })
            |> Setting.says "the domains to sign for"
            |> Setting.detail
                "With one domain every message is signed with it. With several, the one that the sender's host equals or \
                 is below; a message of none of them passes unsigned."
            Setting.optional "method" methods _.Method (fun v s -> { s with Method = v })
            |> Setting.says "the canonicalization"
            |> Setting.detail
                "relaxed/relaxed for dkim and nofws for domainkeys where nothing is said. A single word is for the header \
                 alone; the body is then simple. nowsp, which no standard has, signs as relaxed/relaxed."
            Setting.optional "dkim_method" methods _.DkimMethod (fun v s -> { s with DkimMethod = v })
            |> Setting.says "the canonicalization of dkim signatures"
            Setting.optional "domainkeys_method" (Codec.text "simple|nofws") _.DomainKeysMethod (fun v s ->
                { s with DomainKeysMethod = v })
            |> Setting.says "the canonicalization of domainkeys signatures"
            Setting.optional "identity" (Codec.text "[USER]@DOMAIN") _.Identity (fun v s -> { s with Identity = v })
            |> Setting.says "on whose behalf dkim signatures are made (i=)"
            |> Setting.detail
                "A domain below that of the signature needs a key record without t=s, which dkim genkey --subdomains makes; \
                 without this setting every record serves."
            Setting.optional SenderMapRow map _.SenderMap (fun v s -> { s with SenderMap = v })
            |> Setting.conceals SetPlace.withoutPassword
            |> Setting.says "signatures by sender"
            |> Setting.detail
                "Each line is an address, a domain, or a single dot for everyone, then signatures between commas. The \
                 address is tried first, then without +extension, then its domain and each parent. A value such as \
                 refile:PATH, dsn:BACKEND://... or redis://HOST/PREFIX is a data set as in opendkim.conf(5), whose values are \
                 those signatures. Patterns are tried on the whole address, * standing for any text. A store is asked for \
                 each message, at the end of its header, and mail waits (450) while it does not answer. In its rows, key= \
                 is the path of a key, which begins with /, or the key itself; it is read as it is when a message needs it. \
                 What changes in a file holds within two seconds, whole or not at all."
            Setting.optional ListIdMapRow map _.ListIdMap (fun v s -> { s with ListIdMap = v })
            |> Setting.conceals SetPlace.withoutPassword
            |> Setting.says "signatures by mailing list"
            |> Setting.detail "As sender_map, for what List-Id has between angle brackets. It is looked up first."
        ]
        |> Setting.group "signing" "dkimproxy.out(8)"

    let private sealing =
        [
            Setting.flag "seal" _.Seal (fun v s -> { s with Seal = v })
            |> Setting.says "sign fields once more than they are there"
            |> Setting.detail
                "From, To, Cc, Subject, Date, Reply-To, Message-ID, MIME-Version, Content-Type and \
                 Content-Transfer-Encoding cannot then be added or repeated without breaking a dkim signature."
            Setting.flag "sign_sha1" _.SignsSha1 (fun v s -> { s with SignsSha1 = v })
            |> Setting.says "whether a=rsa-sha1 may make dkim signatures with SHA-1"
            |> Setting.detail
                "It may, as it always could, and the start warns of it: verifiers no longer accept them (RFC 8301). \
                 With no, the start is refused."
            Setting.make
                "min_rsa_bits"
                (Codec.number "NUM" 512 8192 |> Codec.map (fun v -> v * 1<bit>) int)
                _.LeastRsaBits
                (fun v s -> { s with LeastRsaBits = v })
            |> Setting.says "the shortest RSA key that makes dkim signatures"
            |> Setting.detail
                "The start warns of keys under 1024 bits, since verifiers do not accept their signatures (RFC 8301)."
        ]
        |> Setting.group "signing" "new"

    let table: Setting<OutSettings> list =
        ProxyTable.around (signing @ sealing) _.Proxy (fun v s -> { s with Proxy = v }) _.HeaderLimits (fun v s ->
            { s with HeaderLimits = v })

    let text =
        {
            Name = "dkimproxy.out"
            Section = 8
            OneLine = "SMTP proxy that signs messages with DKIM or DomainKeys"
            Command = ""
            Operands = "LISTENADDR:PORT RELAYADDR:PORT"
            Description =
                [
                    "dkimproxy.out listens on the address and port of its first operand and passes all that it hears to \
                     the mail server of its second, with signatures on top of each message."
                    "Every setting can stand in a file that conf_file names: one on each line, its name, a blank, = or : \
                     and its value. A # begins a comment, \\# is one. Hyphens and underscores in names are the same. What \
                     the command line says beats the file."
                    "A message that cannot be signed passes unsigned, with a warning in the log, or is refused where \
                     reject-error is given."
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
                    "Sign for one domain:",
                    [
                        "dkimproxy.out --keyfile=/etc/dkim/private.key --selector=mail \\"
                        "    --domain=example.org 127.0.0.1:10027 127.0.0.1:10028"
                    ]
                    "The same in a file, with a DomainKeys signature besides:",
                    [
                        "listen    127.0.0.1:10027"
                        "relay     127.0.0.1:10028"
                        "domain    example.org"
                        "keyfile   /etc/dkim/private.key"
                        "selector  mail"
                        "signature dkim(c=relaxed/relaxed)"
                        "signature domainkeys(c=nofws)"
                    ]
                    "A sender map:",
                    [
                        "# one signature for a person, two for a domain"
                        "ann@example.org  dkim(d=example.com)"
                        "widget.example   domainkeys"
                        "example.org      dkim(c=relaxed,a=rsa-sha256), domainkeys(c=nofws)"
                    ]
                ]
            SeeAlso = [ "dkim", 1; "dkimproxy.in", 8 ]
        }
