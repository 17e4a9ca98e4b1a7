/// The rows of the service and of whose mail is signed, which both milters have, each with its own letters.
module internal Dkim.Core.Programs.Filters.FilterTable

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies
open Dkim.Core.Programs.Filters




let path = Codec.text "FILE"

/// An option of one letter that is a key of the file, too.
let both letter (setting: Setting<'s>) : Setting<'s> =
    setting |> Setting.spelled [ Spelling.Letter letter; Spelling.Key setting.Name ]

/// A key of the file alone.
let key (setting: Setting<'s>) : Setting<'s> =
    setting |> Setting.spelled [ Spelling.Key setting.Name ]

/// An option of one letter alone.
let letter (letter: char) (setting: Setting<'s>) : Setting<'s> =
    setting |> Setting.spelled [ Spelling.Letter letter ]

/// Yes or no in the file; the letter, where there is one, means yes.
let switch name get put : Setting<'s> =
    { Setting.make name FilterCodecs.switch get put with
        Arity = Arity.Flag
    }

[<Literal>]
let Dkim = "dkim-filter(8), dkim-filter.conf(5)"

let private place: Setting<FilterService> list =
    [
        Setting.optional "Socket" Codec.socket _.Socket (fun v s -> { s with Socket = v })
        |> both 'p'
        |> Setting.fixedForLife
        |> Setting.mends Endpoint.tryMend
        |> Setting.says "where to wait for the MTA"
        |> Setting.detail
            "local:PATH or unix:PATH is a Unix socket, and so is a bare PATH. inet:PORT@HOST and inet6:PORT@HOST are TCP \
             sockets; without @HOST they are open at every address of the machine. A Unix socket that nobody listens \
             at any more is replaced; one that is alive is not. Where systemd passes sockets, they are used instead."
        Setting.optional "UMask" FilterCodecs.mask _.UMask (fun v s -> { s with UMask = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "the file mode creation mask of socket and pid file"
        |> Setting.detail "A leading 0 makes it octal, as in 002."
        Setting.optional "UserID" Codec.account _.UserId (fun v s -> { s with UserId = v })
        |> both 'u'
        |> Setting.fixedForLife
        |> Setting.says "run as this user"
        |> Setting.detail
            "Names or numbers. Files of settings, lists and keys are read before; socket and pid file are made after."
        Setting.optional "PidFile" path _.PidFile (fun v s -> { s with PidFile = v })
        |> both 'P'
        |> Setting.fixedForLife
        |> Setting.says "where to write the process id"
        switch "Background" _.Background (fun v s -> { s with Background = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "run in the background"
        |> Setting.detail "The shell gets the exit code once the socket is open."
        Setting.flag "f" (fun s -> not s.Background) (fun v s -> { s with Background = not v })
        |> letter 'f'
        |> Setting.fixedForLife
        |> Setting.says "stay in the foreground"
        Setting.optional "BaseDirectory" (Codec.text "DIRECTORY") _.BaseDirectory (fun v s ->
            { s with BaseDirectory = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "change to this directory first"
        |> Setting.detail "Paths of lists, keys, sockets and pid files that do not begin with a slash start there."
        switch "EnableCoredumps" _.EnableCoredumps (fun v s -> { s with EnableCoredumps = v })
        |> key
        |> Setting.says "ask for core files"
        |> Setting.detail "Refused, with a line in the log, where private keys are in memory."
    ]

let private restart: Setting<FilterService> list =
    [
        switch "AutoRestart" _.AutoRestart (fun v s -> { s with AutoRestart = v })
        |> both 'A'
        |> Setting.fixedForLife
        |> Setting.says "start again whenever the filter ends by itself"
        |> Setting.detail
            "A second process waits for the first. It passes signals on, and the pid file names it. SIGTERM ends both."
        Setting.make "AutoRestartCount" (FilterCodecs.int32 "N" 0 1000000000) _.AutoRestartCount (fun v s ->
            { s with AutoRestartCount = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "how often to start again; 0 for as often as it takes"
        Setting.optional "AutoRestartRate" FilterCodecs.restartRate _.AutoRestartRate (fun v s ->
            { s with AutoRestartRate = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "give up when it restarts more often than N times within this time"
    ]

let private logs: Setting<FilterService> list =
    [
        switch "Syslog" _.Syslog (fun v s -> { s with Syslog = v })
        |> both 'l'
        |> Setting.says "log to syslog"
        |> Setting.detail "Without it only errors of the service itself are told."
        Setting.make "SyslogFacility" FilterCodecs.facility _.SyslogFacility (fun v s -> { s with SyslogFacility = v })
        |> key
        |> Setting.says "the facility of log lines, as in syslog.conf(5)"
    ]

let private names: Setting<FilterService> list =
    [
        Setting.make "DNSTimeout" (FilterCodecs.int32 "SECONDS" 0 86400) _.DnsTimeout (fun v s ->
            { s with DnsTimeout = v })
        |> both 'T'
        |> Setting.usage
        |> Setting.says "how long the lookups of a message may take; 0 for as long as the resolver tries"
        |> Setting.detail "The MTA must wait longer than that for its filter."
        switch "QueryCache" _.QueryCache (fun v s -> { s with QueryCache = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "keep answers of the DNS for their time to live"
        Setting.optional "TestPublicKeys" path _.TestPublicKeys (fun v s -> { s with TestPublicKeys = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "a file of key and policy records in place of the DNS"
        |> Setting.detail
            "A name, a blank and a record on each line, as in: mail._domainkey.example.com v=DKIM1; k=rsa; p=MIGf..."
        Setting.optional "TrustAnchorFile" path _.TrustAnchorFile (fun v s -> { s with TrustAnchorFile = v })
        |> key
        |> Setting.says "the trust anchors of DNSSEC"
        |> Setting.detail "Zone-file lines, DS or DNSKEY. They need libunbound."
    ]

let private pop: Setting<FilterService> list =
    [
        Setting.optional "POPDBFile" path _.PopDbFile (fun v s -> { s with PopDbFile = v })
        |> both 'U'
        |> Setting.fixedForLife
        |> Setting.says "sign for clients whose IPv4 address is a key of this Berkeley DB hash"
        |> Setting.detail "It needs libdb5.3 at run time; without the library the filter does not start."
    ]

let private temporary: Setting<FilterService> list =
    [
        Setting.optional "TemporaryDirectory" (Codec.text "DIRECTORY") _.TemporaryDirectory (fun v s ->
            { s with TemporaryDirectory = v })
        |> key
        |> Setting.says "where to make temporary files (default: $DKIM_TMPDIR, else /var/tmp)"
        switch "KeepTemporaryFiles" _.KeepTemporaryFiles (fun v s -> { s with KeepTemporaryFiles = v })
        |> key
        |> Setting.says "keep what was hashed of every message in files dkim.JOB.*"
        |> Setting.detail "For the search of errors alone: anyone who can read them reads the mail."
    ]

let private serviceOfOurs: Setting<FilterService> list =
    [
        Setting.optional "SocketMode" FilterCodecs.mask _.SocketMode (fun v s -> { s with SocketMode = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "the permission bits of a Unix socket, whatever UMask says"
        Setting.optional "SocketGroup" Codec.group _.SocketGroup (fun v s -> { s with SocketGroup = v })
        |> key
        |> Setting.fixedForLife
        |> Setting.says "the group of a Unix socket"
        Setting.make "LogFormat" FilterCodecs.logFormat _.LogFormat (fun v s -> { s with LogFormat = v })
        |> key
        |> Setting.says "the form of log lines"
        Setting.make "Nameservers" Codec.servers _.Nameservers (fun v s -> { s with Nameservers = v })
        |> key
        |> Setting.says "ask this server, not those of resolv.conf"
        Setting.make "Resolver" FilterCodecs.resolver _.Resolver (fun v s -> { s with Resolver = v })
        |> key
        |> Setting.says "which resolver asks the DNS"
        |> Setting.detail Codec.resolverDetail
    ]

/// Rows of the service.
let service: Setting<FilterService> list =
    [
        Setting.group "service" Dkim (place @ restart)
        Setting.group "log" Dkim logs
        Setting.group "DNS" Dkim names
        Setting.group "service" Dkim temporary
        Setting.group "signing" Dkim pop
        Setting.group "further" "new" serviceOfOurs
    ]
    |> List.concat

let private hosts: Setting<FilterScope> list =
    [
        Setting.optional "PeerList" path _.PeerList (fun v s -> { s with PeerList = v })
        |> both 'a'
        |> Setting.says "a file of clients whose mail is left alone"
        |> Setting.detail
            "An entry on each line: a host name, a .domain, an IPv4 or IPv6 address, or a network such as \
             192.168.1.0/24, 192.168.1.0/255.255.255.0 or 2001:db8::/32. A ! before it excludes what an entry above it \
             includes: the last that matches decides. # begins a comment. Addresses are read as inet_addr(3) does, so \
             that 1.2.3/24 means 1.2.0.3/24."
        Setting.optional "InternalHosts" path _.InternalHosts (fun v s -> { s with InternalHosts = v })
        |> both 'i'
        |> Setting.says "a file of clients whose mail is signed (default: 127.0.0.1 and ::1)"
        |> Setting.detail
            "Entries as in PeerList. The file takes the place of the default. Mail submitted on the machine itself \
             counts as from 127.0.0.1."
        Setting.optional "ExternalIgnoreList" path _.ExternalIgnoreList (fun v s -> { s with ExternalIgnoreList = v })
        |> both 'I'
        |> Setting.says "a file of other clients that may send for our domains"
        |> Setting.detail "Entries as in PeerList. For these no log line tells of an external host."
        Setting.make "MTA" (FilterCodecs.texts "NAME,...") _.Mta (fun v s -> { s with Mta = v })
        |> both 'm'
        |> Setting.says "sign what comes in by these daemons of the MTA"
        |> Setting.detail "Names as in DaemonPortOptions of sendmail(8), or in milter_macro_daemon_name of Postfix."
        Setting.make "MacroList" MacroTest.codec _.Macros (fun v s -> { s with Macros = v })
        |> both 'M'
        |> Setting.says "sign where one of these macros of the MTA is set"
        |> Setting.detail "With values, to one of them, in any case."
    ]

let private domains: Setting<FilterScope> list =
    [
        Setting.optional "Domain" (Codec.text "DOMAIN,...|FILE") _.Domain (fun v s -> { s with Domain = v })
        |> both 'd'
        |> Setting.says "sign the mail of these domains"
        |> Setting.detail
            "Between commas, or one on each line of a file whose path begins with a slash. A * stands for any \
             characters."
        switch "SubDomains" _.SubDomains (fun v s -> { s with SubDomains = v })
        |> both 'D'
        |> Setting.says "sign the mail of domains below them, too"
        |> Setting.detail
            "The signature is that of the listed domain, in i= too, so that a key record with t=s allows it."
        Setting.optional "KeyFile" path _.KeyFile (fun v s -> { s with KeyFile = v })
        |> both 'k'
        |> Setting.alias "KeyList"
        |> Setting.says "the private key that signs"
        |> Setting.detail "PEM; RSA or Ed25519. With -K it is a key list."
        Setting.optional "KeyList" path _.KeyList (fun v s -> { s with KeyList = v })
        |> key
        |> Setting.says "a file that says which key signs for whom"
        |> Setting.detail
            "Lines of PATTERN:DOMAIN:KEY. The first pattern that matches the sender's address, * standing for any \
             characters, decides; where it stands on several lines, each gives a signature. DOMAIN is that of the \
             signature, * the sender's own. KEY is looked for as it is, with .pem and with .private; its last part is \
             the selector. A line of a directory alone is the base of the paths that follow. A key that cannot be used is \
             told at the start and keeps the mail of its senders waiting; -n and a reload refuse it."
        Setting.optional "Selector" (Codec.text "NAME") _.Selector (fun v s -> { s with Selector = v })
        |> both 's'
        |> Setting.says "the selector that the public key of KeyFile is published under"
    ]

let private roles: Setting<FilterScope> list =
    [
        Setting.optional "Mode" FilterCodecs.mode _.Mode (fun v s -> { s with Mode = v })
        |> both 'b'
        |> Setting.mends FilterCodecs.tryMendMode
        |> Setting.says "sign, verify, or both (default: sv, and v with -t)"
    ]

let private outcome: Setting<FilterScope> list =
    [
        switch "Quarantine" _.Quarantine (fun v s -> { s with Quarantine = v })
        |> both 'q'
        |> Setting.fixedForLife
        |> Setting.says "have the MTA quarantine what fails"
        switch "X-Header" _.XHeader (fun v s -> { s with XHeader = v })
        |> both 'h'
        |> Setting.says "add a field that names this filter to every message"
        switch "SendReports" _.SendReports (fun v s -> { s with SendReports = v })
        |> both 'R'
        |> Setting.says "mail a report of a bad signature to those who ask for it in their records"
        Setting.optional "ReportAddress" (Codec.text "ADDRESS") _.ReportAddress (fun v s ->
            { s with ReportAddress = v })
        |> key
        |> Setting.says "the From of reports (default: the user at the host)"
    ]

let private actionRow name (get: FilterActions -> FilterAction) put summary =
    Setting.make name FilterCodecs.action (fun s -> get s.Actions) (fun v (s: FilterScope) ->
        { s with Actions = put v s.Actions })
    |> key
    |> Setting.overlaps Overlap.Part
    |> Setting.says summary

let private actions: Setting<FilterScope> list =
    [
        { actionRow "On-Default" _.Security (fun v _ -> FilterCodecs.everyAction v) "what to do with all of these" with
            Show = fun _ -> []
        }
        |> Setting.overlaps Overlap.Blanket
        |> Setting.detail "It comes before the others, wherever it stands in the file."
        actionRow
            "On-BadSignature"
            _.BadSignature
            (fun v s -> { s with BadSignature = v })
            "what to do with a message whose signature is bad"
        actionRow
            "On-DNSError"
            _.DnsError
            (fun v s -> { s with DnsError = v })
            "what to do when a key cannot be had, or is not there"
        actionRow
            "On-InternalError"
            _.InternalError
            (fun v s -> { s with InternalError = v })
            "what to do when something goes wrong here"
        actionRow
            "On-NoSignature"
            _.NoSignature
            (fun v s -> { s with NoSignature = v })
            "what to do with a message without a signature, or with none that can count"
        actionRow
            "On-Security"
            _.Security
            (fun v s -> { s with Security = v })
            "what to do with a message whose header is too large"
        Setting.inert "On-SignatureMissing" Arity.Once FilterCodecs.action.Shape "Nothing has this result any more."
        |> key
        |> Setting.overlaps Overlap.Part
    ]

/// -C: all actions at once.
let actionList (scheme: Scheme) : Setting<FilterScope> =
    let show (scope: FilterScope) =
        FilterCodecs.showActions scheme scope.Actions

    let read text (scope: FilterScope) =
        FilterCodecs.readActions scheme text FilterScope.actions
        |> Result.map (fun actions -> { scope with Actions = actions })

    { Setting.make "C" (Codec.text "RESULT=ACTION,...") show (fun _ s -> s) with
        Read = read
        Clear =
            fun scope ->
                { scope with
                    Actions = FilterScope.actions
                }
    }
    |> letter 'C'
    |> Setting.overlaps Overlap.Whole
    |> Setting.complains "invalid action configuration"
    |> Setting.says "what to do with each result"
    |> Setting.detail
        "Results are badsignature (bad), dnserror (dns), internal (int), nosignature (no), security (sec) and default \
         (def), which stands for all; actions accept (a), discard (d), reject (r) and tempfail (t). They are taken from \
         the left to the right. All On- keys of the file then count no more."

/// Rows of whose mail is signed and what becomes of it.
let scope: Setting<FilterScope> list =
    [
        Setting.group "roles" Dkim (roles @ hosts)
        Setting.group "signing" Dkim domains
        Setting.group "actions" Dkim (actionList Scheme.Dkim :: actions)
        Setting.group "results" Dkim outcome
    ]
    |> List.concat
