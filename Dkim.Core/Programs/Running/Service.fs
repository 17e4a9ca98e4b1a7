/// What every service has, whatever its options are called: whom it becomes, its pid file, its log, its look-ups. The
/// hosts read it in this one form.
namespace Dkim.Core.Programs.Running

open System.Net
open Dkim.Core.Dns
open Dkim.Core.Programs.Settings

/// What a program calls the settings whose values a machine may be unable to serve.
type ServiceNames =
    {
        Account: string
        /// Nothing where the setting of the user has the group, too.
        OwnGroup: string voption
        PidFile: string
        TestKeys: string
        TrustAnchors: string
        /// Where the DNS cannot be asked.
        Lookups: string
    }

/// The settings of a service. Durations are in seconds.
type ServiceSettings =
    {
        Names: ServiceNames
        /// The configuration file; of a milter `-` is standard input.
        ConfFile: string voption
        Background: bool
        User: AccountName voption
        /// Beats that of the user.
        Group: string voption
        PidFile: string voption
        SyslogFacility: Facility
        LogFormat: LogFormat
        Resolver: ResolverKind
        Nameservers: IPEndPoint list
        TrustAnchorFile: string voption
        /// A file of key and policy records that takes the place of the DNS.
        TestKeys: string voption
        /// 0: for as long as it takes.
        DnsTimeout: int
        /// Answers are kept for their time to live.
        KeepsAnswers: bool
    }

module ServiceSettings =
    let defaults (names: ServiceNames) : ServiceSettings =
        {
            Names = names
            ConfFile = ValueNone
            Background = false
            User = ValueNone
            Group = ValueNone
            PidFile = ValueNone
            SyslogFacility = Facility.mail
            LogFormat = LogFormat.Text
            Resolver = ResolverKind.Auto
            Nameservers = []
            TrustAnchorFile = ValueNone
            TestKeys = ValueNone
            DnsTimeout = 10
            KeepsAnswers = true
        }

    /// Whether the settings say whom the service becomes.
    let namesAccount (settings: ServiceSettings) : bool =
        settings.User.IsSome || settings.Group.IsSome

/// The rows of these settings, for the tables of programs, which say how they are spelled and what they are for.
module internal ServiceRows =
    let confFile name shape =
        Setting.optional name (Codec.text shape) _.ConfFile (fun v (s: ServiceSettings) -> { s with ConfFile = v })

    /// `make` makes a row of yes or no.
    let background make name : Setting<ServiceSettings> =
        make name _.Background (fun v (s: ServiceSettings) -> { s with Background = v })
        |> Setting.fixedForLife

    let user (names: ServiceNames) shape =
        Setting.optional names.Account { Codec.account with Shape = shape } _.User (fun v (s: ServiceSettings) ->
            { s with User = v })
        |> Setting.fixedForLife

    let group name =
        Setting.optional name Codec.group _.Group (fun v (s: ServiceSettings) -> { s with Group = v })
        |> Setting.fixedForLife

    let pidFile (names: ServiceNames) =
        Setting.optional names.PidFile (Codec.text "FILE") _.PidFile (fun v (s: ServiceSettings) ->
            { s with PidFile = v })
        |> Setting.fixedForLife

    let syslogFacility name codec =
        Setting.make name codec _.SyslogFacility (fun v (s: ServiceSettings) -> { s with SyslogFacility = v })

    let logFormat name codec =
        Setting.make name codec _.LogFormat (fun v (s: ServiceSettings) -> { s with LogFormat = v })

    let resolver name codec =
        Setting.make name codec _.Resolver (fun v (s: ServiceSettings) -> { s with Resolver = v })
        |> Setting.says "which resolver asks the DNS"
        |> Setting.detail Codec.resolverDetail

    /// `make` makes a row of all servers at once, or of one of several.
    let nameServers make name codec : Setting<ServiceSettings> =
        make name codec _.Nameservers (fun v (s: ServiceSettings) -> { s with Nameservers = v })
        |> Setting.says "ask this server, not those of resolv.conf"

    let trustAnchors (names: ServiceNames) =
        Setting.optional names.TrustAnchors (Codec.text "FILE") _.TrustAnchorFile (fun v (s: ServiceSettings) ->
            { s with TrustAnchorFile = v })

    let testKeys (names: ServiceNames) =
        Setting.optional names.TestKeys (Codec.text "FILE") _.TestKeys (fun v (s: ServiceSettings) ->
            { s with TestKeys = v })

    let dnsTimeout name codec =
        Setting.make name codec _.DnsTimeout (fun v (s: ServiceSettings) -> { s with DnsTimeout = v })

    let keepsAnswers make name : Setting<ServiceSettings> =
        make name _.KeepsAnswers (fun v (s: ServiceSettings) -> { s with KeepsAnswers = v })
        |> Setting.fixedForLife
