/// The rows of the settings of `dkim`.
module internal Dkim.Core.Programs.Tool.Running.ToolTable

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running

let private path = Codec.text "FILE"

/// A value that has a checked type of its own.
let private checkedText shape (parse: string -> Result<'v, string>) (show: 'v -> string) : Codec<'v> =
    {
        Shape = shape
        Parse = parse
        Show = show
    }

let domainCodec: Codec<DomainName> =
    checkedText "DOMAIN" (DomainName.tryCreate >> Result.mapError NameError.describe) _.Text

let selectorCodec: Codec<Selector> =
    checkedText "SELECTOR" (Selector.tryCreate >> Result.mapError NameError.describe) _.Text

let private identityCodec: Codec<Identity> =
    let parse (text: string) =
        match text.LastIndexOf '@' with
        | -1 -> Error "no @"
        | at ->
            DomainName.tryCreate (text.Substring(at + 1))
            |> Result.mapError NameError.describe
            |> Result.map (fun domain ->
                {
                    LocalPart = text.Substring(0, at)
                    Domain = domain
                })

    checkedText "[LOCAL]@DOMAIN" parse string

let private fieldNameCodec: Codec<FieldName> =
    let parse (text: string) =
        match FieldName.tryCreate text with
        | ValueSome name -> Ok name
        | ValueNone -> Error "not the name of a header field"

    checkedText "NAME" parse _.Text

let bitsCodec (low: int) (high: int) : Codec<int<bit>> =
    Codec.number "BITS" low high |> Codec.map (fun bits -> bits * 1<bit>) int

/// The length of a new key.
let private newBits: Codec<int<bit>> =
    { bitsCodec 1024 8192 with
        Parse =
            fun text ->
                match (bitsCodec 1 1000000).Parse text with
                | Ok bits when bits < 1024<bit> -> Error "verifiers refuse RSA keys under 1024 bits (RFC 8301 §3.2)"
                | Ok bits when bits > 8192<bit> ->
                    Error "verifiers need take no RSA key over 4096 bits (RFC 8301 §3.2), and ours take none over 8192"
                | read -> read
    }

let private timeCodec: Codec<int64<sec>> =
    Codec.number64 "SECONDS" 0L 999999999999L
    |> Codec.map (fun time -> time * 1L<sec>) int64

/// The words of a closed set, with their values.
let private words (rows: (string * 'v) list) : Codec<'v> when 'v: equality =
    Codec.choice rows (fun value -> rows |> List.find (snd >> (=) value) |> fst)

let input: Setting<ToolSettings> list =
    [
        Setting.make
            "line-ends"
            (words [ "auto", FileLines.Auto; "crlf", FileLines.CrLf; "lf", FileLines.Lf ])
            _.Lines
            (fun v s -> { s with Lines = v })
        |> Setting.says "what ends a line of the message"
        |> Setting.detail
            "A message is signed with CRLF. auto takes LF for CRLF where the file has no CRLF at all, and in a header of \
             which only some lines have it; it passes over a byte order mark. crlf takes the octets as they are, whatever \
             the file looks like, and lf makes a CRLF of every LF that no CR precedes."
    ]
    |> Setting.group "message" "new"

let attached: Setting<ToolSettings> list =
    [
        Setting.flag "attached" _.Attached (fun v s -> { s with Attached = v })
        |> Setting.says "judge the messages that are attached to a message, not the message itself"
        |> Setting.detail "Parts message/rfc822, in base64 too; not those that are attached to one of them."
    ]
    |> Setting.group "message" "new"

let judging: Setting<ToolSettings> list =
    [
        Setting.flag "json" _.Json (fun v s -> { s with Json = v })
        |> Setting.says "print JSON, one object per message"
        Setting.flag "allow-sha1" _.AllowSha1 (fun v s -> { s with AllowSha1 = v })
        |> Setting.says "let rsa-sha1 signatures of DKIM pass"
        |> Setting.detail "They are not secure (RFC 8301). DomainKeys, which has no other algorithm, needs no option."
        Setting.make "min-rsa-bits" (bitsCodec 256 8192) _.MinimumRsaBits (fun v s -> { s with MinimumRsaBits = v })
        |> Setting.says "the shortest RSA key that may pass"
        Setting.flag "refuse-unsigned" _.RefuseUnsignedOctets (fun v s -> { s with RefuseUnsignedOctets = v })
        |> Setting.says "do not let signatures pass whose l= leaves octets of the body unsigned"
        Setting.optional "now" timeCodec _.Now (fun v s -> { s with Now = v })
        |> Setting.says "the time to sign or judge by, since 1970, in place of the clock's"
    ]
    |> Setting.group "judging" "new"

let output: Setting<ToolSettings> list =
    [
        Setting.optional "html" path _.Html (fun v s -> { s with Html = v })
        |> Setting.says "write a page for browsers to this file, in place of text; - is standard output"
        |> Setting.detail
            "The page is one file that loads nothing and runs nothing; what a message says stands in it as text. A plain file \
             of this name is replaced as a whole."
        Setting.make
            "color"
            (words [ "auto", ColourUse.Auto; "always", ColourUse.Always; "never", ColourUse.Never ])
            _.Colour
            (fun v s -> { s with Colour = v })
        |> Setting.says "when to print in colour"
        |> Setting.detail
            "auto is on a terminal that knows colours, unless NO_COLOR is set to anything but nothing. For a pager that shows \
             them (less -R) write always."
    ]
    |> Setting.group "output" "new"

let batch: Setting<ToolSettings> list =
    [
        Setting.optional "batch" (Codec.text "DIR|LIST") _.Batch (fun v s -> { s with Batch = v })
        |> Setting.says "verify all files below a directory, or those that a file lists, one path per line"
        |> Setting.detail "One JSON object per message is printed, each on a line of its own."
        Setting.make "require" (words [ "pass", true; "nothing", false ]) _.RequirePass (fun v s ->
            { s with RequirePass = v })
        |> Setting.says "pass: exit with 0 only if every message has a signature that passes"
    ]
    |> Setting.group "batch" "new"

let choice: Setting<ToolSettings> list =
    [
        Setting.optional "signature" (Codec.number "NUMBER" 1 1000) _.Signature (fun v s -> { s with Signature = v })
        |> Setting.says "which signature to explain, counted from the top, from 1; without it all"
        Setting.optional "number" (Codec.number "NUMBER" 1 100000000) _.Number (fun v s -> { s with Number = v })
        |> Setting.says "which message of a mailbox, or with --attached of one, to explain, from 1"
        Setting.flag "deep" _.Deep (fun v s -> { s with Deep = v })
        |> Setting.says "search longer for what happened: a minute or so, not two seconds"
    ]
    |> Setting.group "choice" "new"

let private putResolver put v (s: ToolSettings) = { s with Resolver = put v s.Resolver }

let dns: Setting<ToolSettings> list =
    [
        Setting.optional "zone" path _.Zone (fun v s -> { s with Zone = v })
        |> Setting.says "a JSON file of TXT records in place of the DNS"
        |> Setting.detail
            "An object of names, each with a list of records; a record is a string or a list of strings that belong \
             together. A name that is not there does not exist, an empty list is a name without TXT records. In \
             {\"dns\": {...}, \"dns_errors\": {\"NAME\": \"servfail\"}} some names fail, by servfail or by timeout."
        Setting.optional "test-keys" path _.TestKeys (fun v s -> { s with TestKeys = v })
        |> Setting.says "a file of lines NAME RECORD in place of the DNS"
        Setting.make
            "resolver"
            Codec.resolver
            _.Resolver.Kind
            (putResolver (fun v resolver -> { resolver with Kind = v }))
        |> Setting.says "which resolver asks the DNS"
        |> Setting.detail Codec.resolverDetail
        Setting.optional
            "nameserver"
            Codec.server
            _.Resolver.Nameserver
            (putResolver (fun v resolver -> { resolver with Nameserver = v }))
        |> Setting.says "ask this server, not those of resolv.conf"
        Setting.optional
            "trust-anchor"
            path
            _.Resolver.TrustAnchor
            (putResolver (fun v resolver -> { resolver with TrustAnchor = v }))
        |> Setting.says "the trust anchors of DNSSEC, which libunbound checks"
        Setting.make
            "dns-timeout"
            Codec.seconds
            _.Resolver.Timeout
            (putResolver (fun v resolver -> { resolver with Timeout = v }))
        |> Setting.says "how long the lookups of a message may take"
    ]
    |> Setting.group "dns" "new"

let key: Setting<ToolSettings> list =
    [
        Setting.optional "key" path _.KeyFile (fun v s -> { s with KeyFile = v })
        |> Setting.says "the file of the private key"
        |> Setting.also [ "private-key" ]
        Setting.optional "passphrase-file" path _.PassphraseFile (fun v s -> { s with PassphraseFile = v })
        |> Setting.says "a file whose first line is the passphrase of the private key"
        Setting.optional "selector" selectorCodec _.Selector (fun v s -> { s with Selector = v })
        |> Setting.says "the selector of the key"
        Setting.optional "domain" domainCodec _.Domain (fun v s -> { s with Domain = v })
        |> Setting.says "the domain of the key"
    ]
    |> Setting.group "key" "new"

let signing: Setting<ToolSettings> list =
    [
        Setting.make "scheme" (words [ "dkim", Dkim; "domainkeys", DomainKeys ]) _.Scheme (fun v s ->
            { s with Scheme = v })
        |> Setting.says "which kind of signature to make"
        |> Setting.detail "DomainKeys is historic (RFC 4870); it always uses rsa-sha1."
        Setting.make "hash" (words [ "sha256", Sha256; "sha1", Sha1 ]) _.Hash (fun v s -> { s with Hash = v })
        |> Setting.says "the hash of a DKIM signature; sha1 is not secure"
        Setting.make
            "header-canon"
            (words [ "relaxed", RelaxedHeader; "simple", SimpleHeader; "nofws", NofwsHeader ])
            _.HeaderCanon
            (fun v s -> { s with HeaderCanon = v })
        |> Setting.says "how header fields are canonicalized"
        |> Setting.detail "For DomainKeys this is the whole canonicalization, simple or nofws; relaxed means nofws."
        Setting.make "body-canon" (words [ "relaxed", RelaxedBody; "simple", SimpleBody ]) _.BodyCanon (fun v s ->
            { s with BodyCanon = v })
        |> Setting.says "how the body of a DKIM message is canonicalized"
        Setting.optional "identity" identityCodec _.Identity (fun v s -> { s with Identity = v })
        |> Setting.says "the value of i="
        |> Setting.detail "Below the signing domain it needs a key record without t=s (genkey --subdomains)."
        Setting.repeated "sign" fieldNameCodec _.SignedNames (fun v s -> { s with SignedNames = v })
        |> Setting.says "a field to sign; without it, those that RFC 6376 §5.4.1 recommends"
        |> Setting.detail "From is always signed. Every occurrence of a field is signed."
        Setting.flag "seal" _.Sealed (fun v s -> { s with Sealed = v })
        |> Setting.says "name the main fields once more than they occur, so that none can be added"
        Setting.flag "length" _.WithLength (fun v s -> { s with WithLength = v })
        |> Setting.says "write l=; what is appended to the message then still verifies"
        Setting.flag "timestamp" _.WithTime (fun v s -> { s with WithTime = v })
        |> Setting.says "write t=, unless --timestamp=no"
        Setting.optional "lifetime" timeCodec _.Lifetime (fun v s -> { s with Lifetime = v })
        |> Setting.says "write x=, this long after the time of signing"
        Setting.flag "copies" _.Copies (fun v s -> { s with Copies = v })
        |> Setting.says "copy the signed fields into z=, so that a failure can be explained"
        Setting.flag "message" _.WholeMessage (fun v s -> { s with WholeMessage = v })
        |> Setting.says "print the whole message, not just the new field"
    ]
    |> Setting.group "signing" "new"

let newKey: Setting<ToolSettings> list =
    [
        Setting.make "type" (words [ "rsa", Rsa; "ed25519", Ed25519 ]) _.KeyType (fun v s -> { s with KeyType = v })
        |> Setting.says "the type of the new key"
        Setting.make "bits" newBits _.Bits (fun v s -> { s with Bits = v })
        |> Setting.says "the length of a new RSA key"
        |> Setting.spelled [ Spelling.Word "bits"; Spelling.Letter 'b' ]
        Setting.flag "subdomains" _.Subdomains (fun v s -> { s with Subdomains = v })
        |> Setting.says "let the key sign for subdomains in i=: leave t=s out"
        Setting.flag "testing" _.Testing (fun v s -> { s with Testing = v })
        |> Setting.says "write t=y: the domain is testing DKIM"
        Setting.flag "only-sha256" _.OnlySha256 (fun v s -> { s with OnlySha256 = v })
        |> Setting.says "write h=sha256: allow no other hash"
        Setting.optional "note" (Codec.text "TEXT") _.Note (fun v s -> { s with Note = v })
        |> Setting.says "the value of n=, a note to people"
    ]
    |> Setting.group "new key" "new"

let servers: Setting<ToolSettings> list =
    [
        Setting.flag "authoritative" _.Authoritative (fun v s -> { s with Authoritative = v })
        |> Setting.says "ask every name server of the zone as well, and say which of them has what"
        |> Setting.detail
            "The name servers are looked up, and each is asked at port 53 without recursion, over UDP, and over TCP where its \
             answer does not fit a datagram: at most 16 of them, by IPv4 where they have such an address."
    ]
    |> Setting.group "servers" "new"

let forms: Setting<ToolSettings> list =
    [
        Setting.make
            "as"
            (words
                [
                    "all", RecordForm.All
                    "zone", RecordForm.Zone
                    "string", RecordForm.Text
                    "text", RecordForm.Text
                    "tinydns", RecordForm.Tinydns
                    "json", RecordForm.Json
                    "nsupdate", RecordForm.Nsupdate
                ])
            _.Form
            (fun v s -> { s with Form = v })
        |> Setting.says "how to print the record that is to be published"
        |> Setting.detail
            "zone is for zone files in the form of RFC 1035, string (or text) the bare text for a form in a browser, tinydns for \
             the data file of tinydns, json for --zone, nsupdate for nsupdate(1). testkey prints zone where it is not told \
             otherwise."
        |> Setting.also [ "form" ]
    ]
    |> Setting.group "record" "new"

let demonstration: Setting<ToolSettings> list =
    [
        Setting.flag "stay" _.Stay (fun v s -> { s with Stay = v })
        |> Setting.says "keep the proxies up until the program is interrupted, and say how to send to them"
    ]
    |> Setting.group "demonstration" "new"

let postfix: Setting<ToolSettings> list =
    [
        Setting.optional "config" (Codec.text "DIR") _.PostfixDirectory (fun v s -> { s with PostfixDirectory = v })
        |> Setting.says "the directory of main.cf and master.cf, as in postconf -c; without it the system's"
        Setting.optional "filter" path _.FilterFile (fun v s -> { s with FilterFile = v })
        |> Setting.says "the configuration file of the dkim-filter beside it"
        |> Setting.detail
            "Its Socket says which milter it is, and Mode, MTA, MacroList, InternalHosts and Canonicalization what it does \
             there. Without it, or without Socket, any milter is taken for a filter that signs mail of 127.0.0.1."
        Setting.optional "dk-socket" Codec.socket _.DkSocket (fun v s -> { s with DkSocket = v })
        |> Setting.says "the socket of the dk-filter beside it, as in its -p"
    ]
    |> Setting.group "postfix" "new"

let general: Setting<ToolSettings> list =
    [
        Setting.flag "help" _.Help (fun v s -> { s with Help = v })
        |> Setting.says "print this text and exit"
        |> Setting.spelled [ Spelling.Word "help"; Spelling.Letter 'h' ]
        Setting.flag "version" _.Version (fun v s -> { s with Version = v })
        |> Setting.says BuildFacts.Summary
        |> Setting.spelled [ Spelling.Word "version"; Spelling.Letter 'V' ]
    ]
    |> Setting.group "general" "new"
