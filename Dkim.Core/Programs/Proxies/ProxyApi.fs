/// What the hosts call. A proxy starts as a dialogue about files, since the core opens none: `Wanted` names them,
/// `Supply` brings them, until nothing is wanted and `Tell` says how the start ended.
namespace Dkim.Core

open System.Collections.Generic
open System.Net

/// What serving needs of one of the two proxies.
[<NoComparison; NoEquality>]
type internal ProxyParts =
    {
        Ident: string
        Settings: ProxySettings
        Relay: Endpoint
        Notices: LogLine list
        Reloadable: Reloadable
        Secrets: WantedFile list
        Refresh: (WantedFile -> FileContents voption) -> ProxyParts
        Passage: Party -> int64<sec> -> Passage<ProxyDecision>
    }

/// A proxy that is ready to serve: settings, maps and keys. It never changes; `Refresh` makes another. Usable from
/// several threads.
[<Sealed>]
type ProxyProgram internal (parts: ProxyParts) =
    /// `dkimproxy.out` or `dkimproxy.in`, or what `syslog_ident` says.
    member _.Ident = parts.Ident

    member _.Settings = parts.Settings

    member _.Listen = ProxySettings.listeners parts.Settings

    member _.Relay = parts.Relay

    /// What to log before serving: weak or ineffective settings, keys that could not be read.
    member _.Notices = parts.Notices

    /// Whether `Admits` wants the name of a client, too.
    member _.NamesClients = ProxySettings.namesClients parts.Settings

    /// Whether a client may speak to the proxy.
    member _.Admits(client: ProxyClient) =
        ProxySettings.admits parts.Settings client

    /// The files that hold private keys and passphrases, to be watched.
    member _.Secrets = parts.Secrets

    /// The program with these files read again, all of `Secrets`. A key that cannot be read any more stays as it was, and
    /// `Notices` of the new program says so.
    member _.Refresh(files: IReadOnlyDictionary<WantedFile, FileContents>) =
        ProxyProgram(parts.Refresh(FileContents.find files))

    /// What follows from a reload that came to the program `next`: the line that says why nothing does, or nothing where
    /// `next` takes the place of this one. `kept` are the secrets that could not be read again, `credentials` is the
    /// directory of the unit's credentials, or nothing.
    member _.RefusesToFollow(next: ProxyProgram, kept: KeptSecret seq, credentials: string) : LogLine voption =
        match ProxyReload.refusals parts.Reloadable next.Reloadable (List.ofSeq kept) credentials with
        | [] -> ValueNone
        | reasons -> ValueSome(ProxyReload.refused reasons)

    member private _.Reloadable = parts.Reloadable

    /// The passage of one message. `now` is the time of day in seconds since 1970-01-01T00:00:00Z.
    member _.NewMessage(now: int64<sec>) : Passage<ProxyDecision> = parts.Passage Party.unknown now

    /// The same for a message of which it is known who sends it to whom, for the log.
    member _.NewMessage(now: int64<sec>, party: Party) : Passage<ProxyDecision> = parts.Passage party now

/// How a start ended. Exactly one of the members is called, once.
type IProxyStart =
    /// Write `text` to standard output and exit.
    abstract Print: text: string * exitCode: int -> unit
    /// Write `text` to standard error and exit. `reload` is the line of a reload that ends so and changes nothing.
    abstract Fail: text: string * exitCode: int * reload: LogLine -> unit
    abstract Serve: program: ProxyProgram -> unit

/// The start of a proxy.
type ProxyStart = Start<IProxyStart>

/// The two proxies, from their command lines without the program's own name.
module Proxies =
    let private ident (settings: ProxySettings) name =
        ValueOption.defaultValue name settings.SyslogIdent

    let private warned (warnings: string list) =
        warnings |> List.map (ProxyLog.warning "settings")

    /// What settings came to: the program, if nothing is wrong, and else what is.
    type private Prepared =
        {
            Problems: Problem list
            /// Problems of single lines of maps, which fail the messages that need them and not the start.
            Lines: Problem list
            Warnings: string list
            Serve: Endpoint -> LogLine list -> string list -> ProxyParts
        }

    let private ended (kind: ProxyKind<'s>) (settled: Settled<'s>) (prepared: Prepared) (reply: IProxyStart) =
        let common = kind.Common settled.Settings
        let inert = settled.Inert |> List.map (fun name -> name + " has no effect")

        match prepared.Problems, ProxySettings.relay common with
        | problems, _ when common.Check ->
            let all = problems @ prepared.Lines
            let exitCode = if List.isEmpty all then 0 else ProxySetup.CheckExit
            reply.Print(ProxySetup.report kind all (prepared.Warnings @ inert), exitCode)
        | [], ValueSome relay ->
            let flaws = prepared.Lines |> List.map Problem.describe
            reply.Serve(ProxyProgram(prepared.Serve relay (warned (flaws @ prepared.Warnings)) flaws))
        | problems, _ ->
            let reload = problems |> List.map Problem.describe |> ProxyReload.refused
            reply.Fail(ProxySetup.complaint kind problems, ProxySetup.UsageExit, reload)

    let private begin' (kind: ProxyKind<'s>) (arguments: string[]) prepare : ProxyStart =
        let help (reply: IProxyStart) =
            reply.Print(Manual.help kind.Text kind.Table kind.Defaults, ProxySetup.HelpExit)

        let load find : Loading<IProxyStart -> unit> =
            match ProxySetup.settle kind (List.ofArray arguments) find with
            | Wanting files -> Wanting files
            | Loaded settled when (kind.Common settled.Settings).Help -> Loaded help
            | Loaded settled ->
                match prepare settled.Settings find with
                | Wanting files -> Wanting files
                | Loaded prepared ->
                    let problems = settled.Problems @ prepared.Problems
                    Loaded(ended kind settled { prepared with Problems = problems })

        let unsupplied (reply: IProxyStart) =
            reply.Fail(
                Starting.unsupplied,
                Starting.TemporaryExit,
                ProxyReload.refused [ Starting.unsupplied.TrimEnd() ]
            )

        Start(load, unsupplied)

    let private outKind: ProxyKind<OutSettings> =
        {
            Text = OutSettings.text
            Table = OutSettings.table
            Defaults = OutSettings.defaults
            Common = _.Proxy
            WithCommon = fun common settings -> { settings with Proxy = common }
        }

    let rec private outParts (program: OutProgram) relay notices flaws : ProxyParts =
        {
            Ident = ident program.Settings.Proxy outKind.Text.Name
            Settings = program.Settings.Proxy
            Relay = relay
            Notices = notices
            Reloadable =
                {
                    Flaws = flaws
                    KeyUses = OutChecks.keyUses program
                    Lasting = ProxyReload.lasting outKind.Table program.Settings
                }
            Secrets = OutSetup.secretFiles program
            Refresh =
                fun find ->
                    let struct (next, problems) = OutSetup.refreshKeys find program
                    outParts next relay (warned problems) flaws
            Passage = DkimproxyOut.passage program
        }

    let private prepareOut (settings: OutSettings) find : Loading<Prepared> =
        match OutSetup.prepare settings find with
        | Wanting files -> Wanting files
        | Loaded(struct (program, problems, lines)) ->
            Loaded
                {
                    Problems = problems
                    Lines = lines
                    Warnings = OutChecks.warnings program
                    Serve = outParts program
                }

    /// The start of dkimproxy.out.
    let Out (arguments: string[]) = begin' outKind arguments prepareOut

    let private inKind: ProxyKind<InSettings> =
        {
            Text = InSettings.text
            Table = InSettings.table
            Defaults = InSettings.defaults
            Common = _.Proxy
            WithCommon = fun common settings -> { settings with Proxy = common }
        }

    let rec private inParts (program: InProgram) relay notices flaws : ProxyParts =
        {
            Ident = ident program.Settings.Proxy inKind.Text.Name
            Settings = program.Settings.Proxy
            Relay = relay
            Notices = notices
            Reloadable =
                {
                    Flaws = flaws
                    KeyUses = Set.empty
                    Lasting = ProxyReload.lasting inKind.Table program.Settings
                }
            Secrets = []
            Refresh = fun _ -> inParts program relay [] flaws
            Passage = DkimproxyIn.passage program
        }

    let private prepareIn (machine: Machine) (settings: InSettings) _find : Loading<Prepared> =
        let hostName, warnings = InSettings.hostName machine.HostName settings

        Loaded
            {
                Problems = []
                Lines = []
                Warnings = warnings @ InSettings.warnings settings
                Serve =
                    inParts
                        {
                            Settings = settings
                            HostName = hostName
                        }
            }

    /// The start of dkimproxy.in.
    let In (arguments: string[]) (machine: Machine) =
        begin' inKind arguments (prepareIn machine)
