/// A milter as a service, which its host needs: what it has beside what every service has, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open System
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// The filter as a service: what the host needs. Durations are in seconds.
type FilterService =
    {
        /// What every service has.
        Common: ServiceSettings
        Socket: Endpoint voption
        /// Permission bits of a Unix socket.
        SocketMode: int voption
        SocketGroup: string voption
        UMask: int voption
        AutoRestart: bool
        /// 0: as often as needed.
        AutoRestartCount: int
        /// So many restarts within so many seconds.
        AutoRestartRate: struct (int * int) voption
        BaseDirectory: string voption
        EnableCoredumps: bool
        Syslog: bool
        /// The name before lines of the log; nothing for the program's own.
        LogName: string voption
        /// Lines of the log go to standard output, too.
        LogsToOutput: bool
        PopDbFile: string voption
        /// What reports are given to; nothing for the sendmail command that is found.
        MailCommand: string voption
        TemporaryDirectory: string voption
    }

module FilterService =
    /// The names that dkim-filter.conf(5) has for them.
    let private settingNames: ServiceNames =
        {
            Account = "UserID"
            OwnGroup = ValueNone
            PidFile = "PidFile"
            TestKeys = "TestPublicKeys"
            TrustAnchors = "TrustAnchorFile"
            Lookups = "Nameservers"
        }

    /// Of these settings the host complains as well.
    [<Literal>]
    let SocketRow = "Socket"

    [<Literal>]
    let SocketGroupRow = "SocketGroup"

    [<Literal>]
    let BaseDirectoryRow = "BaseDirectory"

    [<Literal>]
    let TemporaryDirectoryRow = "TemporaryDirectory"

    [<Literal>]
    let PopDbFileRow = "POPDBFile"

    let defaults: FilterService =
        {
            Common =
                { ServiceSettings.defaults settingNames with
                    Background = true
                    DnsTimeout = 5
                }
            Socket = ValueNone
            SocketMode = ValueNone
            SocketGroup = ValueNone
            UMask = ValueNone
            AutoRestart = false
            AutoRestartCount = 0
            AutoRestartRate = ValueNone
            BaseDirectory = ValueNone
            EnableCoredumps = false
            Syslog = false
            LogName = ValueNone
            LogsToOutput = false
            PopDbFile = ValueNone
            MailCommand = ValueNone
            TemporaryDirectory = ValueNone
        }

    let private common (row: Setting<ServiceSettings>) : Setting<FilterService> =
        Setting.within _.Common (fun v s -> { s with Common = v }) row

    /// Where and as whom it runs.
    let internal place: Setting<FilterService> list =
        [
            Setting.optional SocketRow Codec.socket _.Socket (fun v s -> { s with Socket = v })
            |> both 'p'
            |> Setting.fixedForLife
            |> Setting.mends EndpointMend.trySocket
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
            common (ServiceRows.user settingNames Codec.account.Shape)
            |> both 'u'
            |> Setting.says "run as this user"
            |> Setting.detail
                "Names or numbers. Files of settings, lists and keys are read before; socket and pid file are made after."
            common (ServiceRows.pidFile settingNames)
            |> both 'P'
            |> Setting.says "where to write the process id"
            common (ServiceRows.background switch "Background")
            |> key
            |> Setting.says "run in the background"
            |> Setting.detail "The shell gets the exit code once the socket is open."
            Setting.flag "f" (fun s -> not s.Common.Background) (fun v s ->
                { s with
                    Common = { s.Common with Background = not v }
                })
            |> letter 'f'
            |> Setting.fixedForLife
            |> Setting.says "stay in the foreground"
            Setting.optional BaseDirectoryRow (Codec.text "DIRECTORY") _.BaseDirectory (fun v s ->
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
            common (ServiceRows.syslogFacility "SyslogFacility" Codecs.facility)
            |> key
            |> Setting.says "the facility of log lines, as in syslog.conf(5)"
        ]

    /// What opendkim's log has beside them.
    let internal ofOpenDkimLogs: Setting<FilterService> list =
        [
            Setting.optional "SyslogName" (Codec.text "NAME") _.LogName (fun v s -> { s with LogName = v })
            |> key
            |> Setting.says "the name before log lines (default: the program's)"
            switch "StdoutLog" _.LogsToOutput (fun v s -> { s with LogsToOutput = v })
            |> both 'O'
            |> Setting.says "write log lines to standard output, too"
            |> Setting.detail "For a container that runs it with -f. It needs no Syslog."
        ]

    /// Its look-ups.
    let internal names: Setting<FilterService> list =
        [
            common (ServiceRows.dnsTimeout "DNSTimeout" (Codecs.int32 "SECONDS" 0 86400))
            |> both 'T'
            |> Setting.usage
            |> Setting.says "how long the lookups of a message may take; 0 for as long as the resolver tries"
            |> Setting.detail "The MTA must wait longer than that for its filter."
            common (ServiceRows.keepsAnswers switch "QueryCache")
            |> key
            |> Setting.says "keep answers of the DNS for their time to live"
            common (ServiceRows.testKeys settingNames)
            |> key
            |> Setting.fixedForLife
            |> Setting.says "a file of key and policy records in place of the DNS"
            |> Setting.detail
                "A name, a blank and a record on each line, as in: mail._domainkey.example.com v=DKIM1; k=rsa; p=MIGf..."
            common (ServiceRows.trustAnchors settingNames)
            |> key
            |> Setting.says "the trust anchors of DNSSEC"
            |> Setting.detail "Zone-file lines, DS or DNSKEY. They need libunbound."
        ]

    /// Its files.
    let internal temporary: Setting<FilterService> list =
        [
            Setting.optional TemporaryDirectoryRow (Codec.text "DIRECTORY") _.TemporaryDirectory (fun v s ->
                { s with TemporaryDirectory = v })
            |> key
            |> Setting.says "where to make temporary files (default: $DKIM_TMPDIR, else /var/tmp)"
        ]

    /// POP before SMTP.
    let internal pop: Setting<FilterService> list =
        [
            Setting.optional PopDbFileRow path _.PopDbFile (fun v s -> { s with PopDbFile = v })
            |> both 'U'
            |> Setting.fixedForLife
            |> Setting.says "sign for clients whose IPv4 address is a key of this Berkeley DB hash"
            |> Setting.detail "It needs libdb5.3 at run time; without the library the filter does not start."
        ]

    /// How opendkim sends reports.
    let internal mail: Setting<FilterService> list =
        [
            Setting.optional "MTACommand" path _.MailCommand (fun v s -> { s with MailCommand = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "the command that reports are given to (default: sendmail of the system)"
            |> Setting.detail "It is started with -t -oi -f <>, and has the message as its standard input."
        ]

    // A Berkeley DB hash is the one kind of data set that it may be.
    let private hash: Codec<string> =
        {
            Shape = "FILE"
            Parse =
                fun text ->
                    if text.StartsWith("db:", StringComparison.OrdinalIgnoreCase) then
                        Ok(text.Substring 3)
                    elif text.StartsWith '/' then
                        Ok text
                    else
                        Error(text + ": POPDBFile is a Berkeley DB hash: write db:PATH")
            Show = fun path -> "db:" + path
        }

    /// The same for opendkim, as a data set.
    let internal popOfOpenDkim: Setting<FilterService> list =
        [
            Setting.optional PopDbFileRow hash _.PopDbFile (fun v s -> { s with PopDbFile = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "sign for clients whose IPv4 address is a key of this Berkeley DB hash"
            |> Setting.detail
                "db:PATH, or the path alone. It needs libdb5.3 at run time; without the library the filter does not start."
        ]

    /// What the originals did not have.
    let internal ofOurs: Setting<FilterService> list =
        [
            Setting.optional "SocketMode" Codecs.mask _.SocketMode (fun v s -> { s with SocketMode = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "the permission bits of a Unix socket, whatever UMask says"
            Setting.optional SocketGroupRow Codec.group _.SocketGroup (fun v s -> { s with SocketGroup = v })
            |> key
            |> Setting.fixedForLife
            |> Setting.says "the group of a Unix socket"
            common (ServiceRows.logFormat "LogFormat" Codecs.logFormat)
            |> key
            |> Setting.says "the form of log lines"
            common (ServiceRows.nameServers Setting.make settingNames.Lookups Codec.servers)
            |> key
            common (ServiceRows.resolver "Resolver" Codecs.resolver) |> key
        ]

    /// Where settings are read.
    let internal confFile: Setting<FilterService> list =
        [
            common (ServiceRows.confFile "x" "FILE|-")
            |> letter 'x'
            |> Setting.says "read settings from this file; there is no other"
        ]
