/// The rows that dkimproxy.out and dkimproxy.in share.
namespace Dkim.Core.Programs.Proxies.Shared

open System
open System.Net
open System.Text.RegularExpressions
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Smtp
open Dkim.Core.Programs.Proxies.Shared

module internal ProxyTable =
    // The whole address or name must match, as Net::Server has it. The bound keeps a bad expression from stopping the server.
    let private expression (text: string) : Result<ClientFilter, string> =
        try
            let regex =
                Regex("^(?:" + text + ")$", RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds 200.)

            let matches (client: ProxyClient) =
                try
                    regex.IsMatch(client.Address.ToString())
                    || client.Name |> ValueOption.exists regex.IsMatch
                with :? RegexMatchTimeoutException ->
                    false

            Ok { Written = text; Matches = matches }
        with :? ArgumentException ->
            Error "not a regular expression"

    let private network (text: string) : Result<ClientFilter, string> =
        let matches (network: IPNetwork) (client: ProxyClient) = network.Contains client.Address

        match IPNetwork.TryParse text, IPAddress.TryParse text with
        | (true, network), _ ->
            Ok
                {
                    Written = text
                    Matches = matches network
                }
        | _, (true, single) when not (isNull single) ->
            Ok
                {
                    Written = text
                    Matches = fun client -> client.Address.Equals single
                }
        | _ -> Error "not an address range such as 192.0.2.0/24"

    let private filter shape parse : Codec<ClientFilter> =
        {
            Shape = shape
            Parse = parse
            Show = _.Written
        }

    let private path = Codec.text "FILE"
    let private port = Codec.number "PORT" 0 65535

    let private names = ProxySettings.settingNames

    let private common (row: Setting<ServiceSettings>) : Setting<ProxySettings> =
        Setting.within _.Service (fun v s -> { s with Service = v }) row

    let private smtp =
        [
            common (ServiceRows.confFile "conf_file" path.Shape)
            |> Setting.says "read settings from a file"
            |> Setting.spelled [ Spelling.Word "conf_file" ]
            Setting.optional ProxySettings.ListenRow Codec.hostPort _.Listen (fun v s -> { s with Listen = v })
            |> Setting.mends EndpointMend.tryHostPort
            |> Setting.fixedForLife
            |> Setting.says "where to wait for clients"
            |> Setting.detail "The same as the first operand, which beats it. An IPv6 address stands in brackets."
            Setting.optional "relay" Codec.hostPort _.Relay (fun v s -> { s with Relay = v })
            |> Setting.mends EndpointMend.tryHostPort
            |> Setting.says "where to send messages on"
            |> Setting.detail "The same as the second operand, which beats it. The port is 25 where none is given."
            Setting.optional "relay_host" Codec.host _.RelayHost (fun v s -> { s with RelayHost = v })
            |> Setting.alias "relay"
            |> Setting.says "the host alone of relay"
            Setting.optional "relay_port" port _.RelayPort (fun v s -> { s with RelayPort = v })
            |> Setting.says "the port alone of relay"
            Setting.flag "reject_error" _.RejectError (fun v s -> { s with RejectError = v })
            |> Setting.says "refuse a message when an error occurs"
            |> Setting.spelled [ Spelling.Word "reject-error"; Spelling.Key "reject_error" ]
            |> Setting.detail
                "The client sees a temporary failure, or a permanent one where trying again cannot help. Without it the \
               message passes as if the program were not there. Mail of a line of a map of dkimproxy.out that can sign \
               nothing, as without its key, is put off in any case."
        ]
        |> Setting.group "smtp" "dkimproxy.out(8), dkimproxy.in(8)"

    let private bounds =
        [
            Setting.make
                "bare_newlines"
                (Codec.choice [ "reject", BareNewlines.Reject; "normalize", BareNewlines.Normalize ] (fun v ->
                    if v = BareNewlines.Reject then "reject" else "normalize"))
                _.BareNewlines
                (fun v s -> { s with BareNewlines = v })
            |> Setting.says "what to do with a CR or LF that stands alone"
            |> Setting.detail
                "A message that has one is refused, or each becomes a CRLF. None ever leaves: mail servers that \
               disagree about it can be tricked into reading one message as two."
            Setting.make "connect_timeout" Codec.seconds _.ConnectTimeout (fun v s -> { s with ConnectTimeout = v })
            |> Setting.says "how long to wait for a connection to the relay"
            Setting.make "client_timeout" Codec.seconds _.ClientTimeout (fun v s -> { s with ClientTimeout = v })
            |> Setting.says "how long a client may be silent"
            Setting.make "relay_timeout" Codec.seconds _.RelayTimeout (fun v s -> { s with RelayTimeout = v })
            |> Setting.says "how long the relay may be silent"
            Setting.make "min_data_rate" (Codec.octets 0L 1073741824L) (fun s -> int64 s.DataPace.Floor) (fun v s ->
                { s with
                    DataPace = { s.DataPace with Floor = int v }
                })
            |> Setting.says "the least octets of a message that a client must send in a minute; 0 for no least"
            |> Setting.detail
                "On average over the message, from data_grace on. A client that drips would hold its connection for ever."
            Setting.make "data_grace" (Codec.number "SECONDS" 0 86400) _.DataPace.Grace (fun v s ->
                { s with
                    DataPace = { s.DataPace with Grace = v }
                })
            |> Setting.says "how long a client may send as slowly as it likes"
            Setting.make "data_timeout" (Codec.number "SECONDS" 0 604800) _.DataPace.Longest (fun v s ->
                { s with
                    DataPace = { s.DataPace with Longest = v }
                })
            |> Setting.says "how long the sending of one message may take; 0 for ever"
            Setting.make "max_message_size" (Codec.octets 0L Int64.MaxValue) _.MaxMessageSize (fun v s ->
                { s with MaxMessageSize = v })
            |> Setting.says "the largest message to take; 0 leaves that to the relay"
            Setting.make "spool_memory" (Codec.octets 4096L 1073741824L) _.SpoolMemory (fun v s ->
                { s with SpoolMemory = v })
            |> Setting.says "the largest message to keep in memory; others wait in a file"
            Setting.optional ProxySettings.SpoolDirectoryRow (Codec.text "DIRECTORY") _.SpoolDirectory (fun v s ->
                { s with SpoolDirectory = v })
            |> Setting.says "where such files are made"
        ]
        |> Setting.group "bounds" "new"

    let private daemon =
        [
            common (ServiceRows.background Setting.flag "daemonize")
            |> Setting.says "run in the background"
            |> Setting.also [ "setsid"; "background" ]
            common (ServiceRows.user names "USER")
            |> Setting.alias "group"
            |> Setting.says "the user to become once sockets and keys are open"
            common (ServiceRows.group "group")
            |> Setting.says "the group to become a member of"
            common (ServiceRows.pidFile names)
            |> Setting.says "write the process id to a file"
            |> Setting.also [ "pid_file" ]
            Setting.optional ProxySettings.ChrootRow (Codec.text "DIRECTORY") _.Chroot (fun v s ->
                { s with Chroot = v })
            |> Setting.fixedForLife
            |> Setting.says "the directory to make the root"
            Setting.flag "debugtrace" _.DebugTrace (fun v s -> { s with DebugTrace = v })
            |> Setting.says "copy each SMTP command to standard error"
        ]
        |> Setting.group "daemon" "dkimproxy.out(8), dkimproxy.in(8)"

    let private clients =
        [
            Setting.make "max_servers" (Codec.number "NUM" 1 100000) _.MaxServers (fun v s -> { s with MaxServers = v })
            |> Setting.fixedForLife
            |> Setting.says "how many connections to serve at the same time"
            Setting.flag "reverse_lookups" _.ReverseLookups (fun v s -> { s with ReverseLookups = v })
            |> Setting.says "let allow and deny match the names of clients, too"
            Setting.flag "double_reverse_lookups" _.DoubleReverseLookups (fun v s ->
                { s with DoubleReverseLookups = v })
            |> Setting.says "the same for names that lead back to the client's address"
            Setting.repeated "allow" (filter "REGEX" expression) _.Allow (fun v s -> { s with Allow = v })
            |> Setting.says "addresses of clients to admit"
            Setting.repeated "deny" (filter "REGEX" expression) _.Deny (fun v s -> { s with Deny = v })
            |> Setting.says "addresses of clients to turn away"
            Setting.repeated "cidr_allow" (filter "ADDRESS/BITS" network) _.CidrAllow (fun v s ->
                { s with CidrAllow = v })
            |> Setting.says "networks of clients to admit"
            Setting.repeated "cidr_deny" (filter "ADDRESS/BITS" network) _.CidrDeny (fun v s -> { s with CidrDeny = v })
            |> Setting.says "networks of clients to turn away"
            Setting.optional "host" Codec.host _.BindHost (fun v s -> { s with BindHost = v })
            |> Setting.fixedForLife
            |> Setting.says "the host alone of listen"
            Setting.repeated "port" port _.BindPorts (fun v s -> { s with BindPorts = v })
            |> Setting.fixedForLife
            |> Setting.says "the port alone of listen"
        ]
        |> Setting.group "server" "Net::Server(3)"

    let private oneProcess = "There is one process, and a task for each connection."

    let private processes =
        [
            "min_servers"
            "min_spare_servers"
            "max_spare_servers"
            "max_requests"
            "check_for_waiting"
        ]
        @ [
            "check_for_spawn"
            "check_for_dead"
            "min_child_ttl"
            "serialize"
            "lock_file"
            "proto"
            "ipv"
        ]
        @ [ "syslog_logsock"; "syslog_logopt" ]
        |> List.map (fun name -> Setting.inert name Arity.Once "VALUE" oneProcess)

    let private switches =
        [
            "no_close_by_child"
            "no_client_stdout"
            "leave_children_open_on_hup"
            "sig_passthrough"
        ]
        |> List.map (fun name -> Setting.inert name Arity.Flag Codec.flag.Shape oneProcess)

    let private inherited =
        processes @ switches |> Setting.group "server" "Net::Server(3)"

    let private formats = [ "text", LogFormat.Text; "json", LogFormat.Json ]

    let private logs =
        [
            Setting.optional ProxySettings.LogFileRow path _.LogFile (fun v s -> { s with LogFile = v })
            |> Setting.fixedForLife
            |> Setting.says "where the server's own lines go, besides syslog"
            Setting.make "log_level" (Codec.number "0-4" 0 4) _.LogLevel (fun v s -> { s with LogLevel = v })
            |> Setting.says "how much the server says of itself"
            Setting.optional "syslog_ident" (Codec.text "NAME") _.SyslogIdent (fun v s -> { s with SyslogIdent = v })
            |> Setting.fixedForLife
            |> Setting.says "the name in front of syslog lines"
            common (ServiceRows.syslogFacility "syslog_facility" Codec.facility)
            |> Setting.fixedForLife
            |> Setting.says "the facility of syslog lines"
            common (
                ServiceRows.logFormat
                    "log_format"
                    (Codec.choice formats (fun v -> if v = LogFormat.Json then "json" else "text"))
            )
            |> Setting.fixedForLife
            |> Setting.says "the form of log lines"
        ]
        |> Setting.group "logs" "Net::Server(3), new"

    let private dns =
        [
            common (ServiceRows.resolver names.Lookups Codec.resolver)
            common (ServiceRows.nameServers Setting.repeated "nameserver" Codec.server)
            common (ServiceRows.trustAnchors names)
            |> Setting.says "the trust anchors of DNSSEC, which libunbound checks"
            common (ServiceRows.dnsTimeout "dns_timeout" Codec.seconds)
            |> Setting.says "how long the lookups of a message may take"
            Setting.optional "dns_queries" (Codec.number "NUM" 1 1000) _.DnsQueries (fun v s ->
                { s with DnsQueries = v })
            |> Setting.says "how many names to look up for a message (default: as many as it may need)"
            common (ServiceRows.testKeys names)
            |> Setting.says "a file of key records in place of the DNS"
        ]
        |> Setting.group "dns" "new"

    let private runs =
        [
            Setting.flag "check" _.Check (fun v s -> { s with Check = v })
            |> Setting.says "report every problem of the settings and exit"
            |> Setting.spelled [ Spelling.Word "check" ]
            |> Setting.detail "Reads every file the settings name. Exits 0 when all is well, else 78."
            Setting.flag "help" _.Help (fun v s -> { s with Help = v })
            |> Setting.says "print this text and exit"
            |> Setting.spelled [ Spelling.Word "help"; Spelling.Letter '?' ]
            Setting.flag "version" _.Version (fun v s -> { s with Version = v })
            |> Setting.says BuildFacts.Summary
            |> Setting.spelled [ Spelling.Word "version" ]
        ]
        |> Setting.group "running" "dkimproxy.out(8), dkimproxy.in(8)"

    /// Rows of what the header of a message may cost.
    let headerBounds: Setting<HeaderLimits> list =
        let octets low =
            Codec.octets low 1073741824L |> Codec.map (fun v -> int v * 1<octet>) int64

        let row name codec (get: HeaderLimits -> 'v) put summary =
            Setting.make name codec get put |> Setting.says summary

        [
            row
                "max_header_octets"
                (octets 1024L)
                _.Octets
                (fun v s -> { s with Octets = v })
                "the longest header to look at"
            row
                "max_header_fields"
                (Codec.number "NUM" 10 1000000)
                _.Fields
                (fun v s -> { s with Fields = v })
                "the most header fields to look at"
            row
                "max_field_octets"
                (octets 998L)
                _.FieldOctets
                (fun v s -> { s with FieldOctets = v })
                "the longest header field to look at"
        ]
        |> Setting.group "bounds" "new"

    /// The table of a program: the rows of both around those of its own.
    let around (own: Setting<'s> list) (proxy: 's -> ProxySettings) withProxy (limits: 's -> HeaderLimits) withLimits =
        let shared rows =
            rows |> List.map (Setting.within proxy withProxy)

        shared smtp
        @ own
        @ (headerBounds |> List.map (Setting.within limits withLimits))
        @ shared (bounds @ daemon @ clients @ inherited @ logs @ dns @ runs)
