/// What dkimproxy.out and dkimproxy.in have in common: where they listen and relay, the daemon, bounds and logs.
namespace Dkim.Core.Programs.Proxies.Shared

open System.Net
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Smtp

/// What becomes of a CR without LF, or an LF without CR, in the text of a message.
type BareNewlines =
    /// The message is refused with `550 5.5.2`.
    | Reject = 0
    /// Each becomes a CRLF; dots are stuffed anew.
    | Normalize = 1

/// Who connects to a proxy.
type ProxyClient =
    {
        Address: IPAddress
        /// Nothing where it is not known.
        Name: string voption
    }

/// An address range of `cidr_allow` and `cidr_deny`, or an expression of `allow` and `deny`, as it was written.
type ClientFilter =
    {
        Written: string
        Matches: ProxyClient -> bool
    }

/// Settings of both proxies. Durations are in seconds, sizes in octets.
type ProxySettings =
    {
        /// What every service has.
        Service: ServiceSettings
        Check: bool
        Help: bool
        Version: bool
        Listen: HostPort voption
        Relay: HostPort voption
        RelayHost: string voption
        RelayPort: int voption
        /// Net::Server's own `host` and `port`, which serve where `listen` says nothing.
        BindHost: string voption
        BindPorts: int list
        RejectError: bool
        BareNewlines: BareNewlines
        ConnectTimeout: int
        ClientTimeout: int
        RelayTimeout: int
        /// The least that a client may send of a message in its time.
        DataPace: DataPace
        /// 0: no limit of our own.
        MaxMessageSize: int64
        /// A larger message waits in a file.
        SpoolMemory: int64
        SpoolDirectory: string voption
        Chroot: string voption
        DebugTrace: bool
        /// Connections served at the same time.
        MaxServers: int
        /// Filters see the name of a client, too.
        ReverseLookups: bool
        /// Only a name that leads back to the client's address counts.
        DoubleReverseLookups: bool
        Allow: ClientFilter list
        Deny: ClientFilter list
        CidrAllow: ClientFilter list
        CidrDeny: ClientFilter list
        LogFile: string voption
        LogLevel: int
        SyslogIdent: string voption
        /// Nothing: as many as other settings call for.
        DnsQueries: int voption
    }

module ProxySettings =
    let internal settingNames: ServiceNames =
        {
            Account = "user"
            OwnGroup = ValueSome "group"
            PidFile = "pidfile"
            TestKeys = "test_keys"
            TrustAnchors = "trust_anchor"
            Lookups = "resolver"
        }

    /// Of these settings the host complains as well.
    [<Literal>]
    let ListenRow = "listen"

    [<Literal>]
    let LogFileRow = "log_file"

    [<Literal>]
    let ChrootRow = "chroot"

    [<Literal>]
    let SpoolDirectoryRow = "spool_directory"

    let defaults =
        {
            Service = ServiceSettings.defaults settingNames
            Check = false
            Help = false
            Version = false
            Listen = ValueNone
            Relay = ValueNone
            RelayHost = ValueNone
            RelayPort = ValueNone
            BindHost = ValueNone
            BindPorts = []
            RejectError = false
            BareNewlines = BareNewlines.Reject
            ConnectTimeout = 300
            ClientTimeout = 300
            RelayTimeout = 600
            DataPace =
                {
                    Grace = 300
                    Floor = 1024
                    Longest = 7200
                }
            MaxMessageSize = 0L
            SpoolMemory = 1048576L
            SpoolDirectory = ValueNone
            Chroot = ValueNone
            DebugTrace = false
            MaxServers = 50
            ReverseLookups = false
            DoubleReverseLookups = false
            Allow = []
            Deny = []
            CidrAllow = []
            CidrDeny = []
            LogFile = ValueNone
            LogLevel = 2
            SyslogIdent = ValueNone
            DnsQueries = ValueNone
        }

    // The value of Net::Server's log_file that names no file.
    [<Literal>]
    let private ToSyslog = "Sys::Syslog"

    /// The file of `log_file`; nothing where lines go to syslog alone.
    let logPath (settings: ProxySettings) : string voption =
        settings.LogFile |> ValueOption.filter ((<>) ToSyslog)

    let private anyOf (filters: ClientFilter list) client =
        filters |> List.exists (fun filter -> filter.Matches client)

    /// Whether the names of clients are to be known.
    let namesClients (settings: ProxySettings) =
        settings.ReverseLookups || settings.DoubleReverseLookups

    /// Whether a client may speak to the proxy: everyone where no filter is set, else who is allowed and not denied.
    let admits (settings: ProxySettings) (client: ProxyClient) =
        let address = client.Address

        let client =
            { client with
                Address =
                    if address.IsIPv4MappedToIPv6 then
                        address.MapToIPv4()
                    else
                        address
            }

        let denied = anyOf settings.Deny client || anyOf settings.CidrDeny client
        let allowed = anyOf settings.Allow client || anyOf settings.CidrAllow client

        let open' =
            List.isEmpty settings.Allow
            && List.isEmpty settings.Deny
            && List.isEmpty settings.CidrAllow
            && List.isEmpty settings.CidrDeny

        open' || (allowed && not denied)

    // The original's, where no port is written.
    let private listenPort = 20203
    let private relayPort = 25

    let private at host port : Endpoint =
        {
            Family = EndpointFamily.Any
            Host = if host = "*" then "" else host
            Port = port
        }

    /// Where the proxy waits for clients: `listen`, else Net::Server's `host` and `port`s. The port without any is 20203.
    let listeners (settings: ProxySettings) : Endpoint list =
        match settings.Listen with
        | ValueSome place -> [ HostPort.endpoint listenPort place ]
        | ValueNone ->
            let host = ValueOption.defaultValue "*" settings.BindHost

            match settings.BindPorts with
            | [] -> [ at host listenPort ]
            | ports -> ports |> List.map (at host)

    /// Where messages go: `relay`, with `relay_host` and `relay_port` in place of what it does not say.
    let relay (settings: ProxySettings) : Endpoint voption =
        let port = ValueOption.defaultValue relayPort settings.RelayPort

        match settings.Relay, settings.RelayHost with
        | ValueSome place, _ -> ValueSome(HostPort.endpoint port place)
        | ValueNone, ValueSome host -> ValueSome(at host port)
        | ValueNone, ValueNone -> ValueNone
