/// A milter as a service, which its host needs: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open System.Net
open Dkim.Core.Dns
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// The filter as a service: what the host needs. Durations are in seconds.
type FilterService =
    {
        Socket: Endpoint voption
        /// Permission bits of a Unix socket.
        SocketMode: int voption
        SocketGroup: string voption
        UMask: int voption
        UserId: AccountName voption
        PidFile: string voption
        Background: bool
        AutoRestart: bool
        /// 0: as often as needed.
        AutoRestartCount: int
        /// So many restarts within so many seconds.
        AutoRestartRate: struct (int * int) voption
        BaseDirectory: string voption
        EnableCoredumps: bool
        Syslog: bool
        SyslogFacility: Facility
        LogFormat: LogFormat
        /// 0: for as long as it takes.
        DnsTimeout: int
        Nameservers: IPEndPoint list
        Resolver: ResolverKind
        QueryCache: bool
        TrustAnchorFile: string voption
        /// A file of key and policy records that takes the place of the DNS.
        TestPublicKeys: string voption
        PopDbFile: string voption
        TemporaryDirectory: string voption
        /// The configuration file, `-` for standard input.
        ConfFile: string voption
    }

module FilterService =
    let defaults: FilterService =
        {
            Socket = ValueNone
            SocketMode = ValueNone
            SocketGroup = ValueNone
            UMask = ValueNone
            UserId = ValueNone
            PidFile = ValueNone
            Background = true
            AutoRestart = false
            AutoRestartCount = 0
            AutoRestartRate = ValueNone
            BaseDirectory = ValueNone
            EnableCoredumps = false
            Syslog = false
            SyslogFacility = Facility.mail
            LogFormat = LogFormat.Text
            DnsTimeout = 5
            Nameservers = []
            Resolver = ResolverKind.Auto
            QueryCache = true
            TrustAnchorFile = ValueNone
            TestPublicKeys = ValueNone
            PopDbFile = ValueNone
            TemporaryDirectory = ValueNone
            ConfFile = ValueNone
        }

    /// Where and as whom it runs.
    let internal place: Setting<FilterService> list =
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
            Setting.optional "UMask" Codecs.mask _.UMask (fun v s -> { s with UMask = v })
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

    /// What becomes of one that ends by itself.
    let internal restart: Setting<FilterService> list =
        [
            switch "AutoRestart" _.AutoRestart (fun v s -> { s with AutoRestart = v })
            |> both 'A'
            |> Setting.fixedForLife
            |> Setting.says "start again whenever the filter ends by itself"
            |> Setting.detail
                "A second process waits for the first. It passes signals on, and the pid file names it. SIGTERM ends both."
            Setting.make "AutoRestartCount" (Codecs.int32 "N" 0 1000000000) _.AutoRestartCount (fun v s ->
                { s with AutoRestartCount = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "how often to start again; 0 for as often as it takes"
            Setting.optional "AutoRestartRate" Codecs.restartRate _.AutoRestartRate (fun v s ->
                { s with AutoRestartRate = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "give up when it restarts more often than N times within this time"
        ]

    /// Its log.
    let internal logs: Setting<FilterService> list =
        [
            switch "Syslog" _.Syslog (fun v s -> { s with Syslog = v })
            |> both 'l'
            |> Setting.says "log to syslog"
            |> Setting.detail "Without it only errors of the service itself are told."
            Setting.make "SyslogFacility" Codecs.facility _.SyslogFacility (fun v s -> { s with SyslogFacility = v })
            |> key
            |> Setting.says "the facility of log lines, as in syslog.conf(5)"
        ]

    /// Its look-ups.
    let internal names: Setting<FilterService> list =
        [
            Setting.make "DNSTimeout" (Codecs.int32 "SECONDS" 0 86400) _.DnsTimeout (fun v s ->
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

    /// Its files.
    let internal temporary: Setting<FilterService> list =
        [
            Setting.optional "TemporaryDirectory" (Codec.text "DIRECTORY") _.TemporaryDirectory (fun v s ->
                { s with TemporaryDirectory = v })
            |> key
            |> Setting.says "where to make temporary files (default: $DKIM_TMPDIR, else /var/tmp)"
        ]

    /// POP before SMTP.
    let internal pop: Setting<FilterService> list =
        [
            Setting.optional "POPDBFile" path _.PopDbFile (fun v s -> { s with PopDbFile = v })
            |> both 'U'
            |> Setting.fixedForLife
            |> Setting.says "sign for clients whose IPv4 address is a key of this Berkeley DB hash"
            |> Setting.detail "It needs libdb5.3 at run time; without the library the filter does not start."
        ]

    /// What the originals did not have.
    let internal ofOurs: Setting<FilterService> list =
        [
            Setting.optional "SocketMode" Codecs.mask _.SocketMode (fun v s -> { s with SocketMode = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "the permission bits of a Unix socket, whatever UMask says"
            Setting.optional "SocketGroup" Codec.group _.SocketGroup (fun v s -> { s with SocketGroup = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "the group of a Unix socket"
            Setting.make "LogFormat" Codecs.logFormat _.LogFormat (fun v s -> { s with LogFormat = v })
            |> key
            |> Setting.says "the form of log lines"
            Setting.make "Nameservers" Codec.servers _.Nameservers (fun v s -> { s with Nameservers = v })
            |> key
            |> Setting.says "ask this server, not those of resolv.conf"
            Setting.make "Resolver" Codecs.resolver _.Resolver (fun v s -> { s with Resolver = v })
            |> key
            |> Setting.says "which resolver asks the DNS"
            |> Setting.detail Codec.resolverDetail
        ]

    /// Where settings are read.
    let internal confFile: Setting<FilterService> list =
        [
            Setting.optional "x" (Codec.text "FILE|-") _.ConfFile (fun v s -> { s with ConfFile = v })
            |> letter 'x'
            |> Setting.says "read settings from this file; there is no other"
        ]
