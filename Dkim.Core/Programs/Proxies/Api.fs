/// What the hosts call. A proxy starts in steps, since the core opens no file; `Tell` of the outcome says how the start
/// ended.
namespace Dkim.Core.Programs.Proxies

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Proxies.In

/// What serving needs of one of the two proxies.
[<NoComparison; NoEquality>]
type internal ProxyParts =
    {
        Ident: string
        Settings: ProxySettings
        Relay: Endpoint
        /// What verifies, where something does.
        Verifying: VerifyPolicy voption
        Notices: LogLine list
        Reloadable: Reloadable
        Secrets: WantedFile list
        /// A fault of a value in a line.
        Refusal: Problem -> string
        Refresh: unit -> Step<ProxyParts>
        Passage: Conversation -> int64<sec> -> Passage<ProxyDecision>
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

    /// What the look-ups of one message may cost.
    member _.Budget: LookupBudget =
        let signatures =
            parts.Verifying
            |> ValueOption.map _.SignaturesVerified
            |> ValueOption.defaultValue 0

        let questions =
            parts.Settings.DnsQueries
            |> ValueOption.defaultValue (LookupBudget.questionsOf signatures LookupBudget.MostPolicies false)

        LookupBudget.ofQuestions questions parts.Settings.Service.DnsTimeout

    /// The longest TXT record to take from the DNS, in octets.
    member _.RecordOctets: int =
        int (ValueOption.defaultValue VerifyPolicy.defaults parts.Verifying).RecordOctets

    /// What to log before serving: weak or ineffective settings, keys that could not be read.
    member _.Notices = parts.Notices

    /// Whether `Admits` wants the name of a client, too.
    member _.NamesClients = ProxySettings.namesClients parts.Settings

    /// Whether a client may speak to the proxy.
    member _.Admits(client: ProxyClient) =
        ProxySettings.admits parts.Settings client

    /// The files that hold private keys and passphrases, to be watched.
    member _.Secrets = parts.Secrets

    /// The program with its `Secrets` read again. A key that cannot be read any more, or was not found, stays as it was,
    /// and `Notices` of the new program says so.
    member _.Refresh() : Step<ProxyProgram> =
        parts.Refresh() |> Step.map ProxyProgram

    /// What follows from a reload that came to the program `next`: the line that says why nothing does, or nothing where
    /// `next` takes the place of this one. `kept` are the secrets that could not be read again, `credentials` is the
    /// directory of the unit's credentials, or nothing.
    member _.RefusesToFollow(next: ProxyProgram, kept: KeptSecret seq, credentials: string) : LogLine voption =
        ProxyReload.refusal parts.Reloadable next.Reloadable (List.ofSeq kept) credentials

    /// What to log of a file that holds a secret: `text`, and domain and selector of the key.
    member _.OfSecret(file: WantedFile, text: string) : LogLine =
        LogLine.plain LogLevel.Warning text
        |> LogLine.add (KeyUse.facts parts.Reloadable.KeyUses file.Path)

    /// What to say of a setting whose value the machine cannot serve, with its place.
    member _.Refusal(setting: string, reason: string, remedy: string) : string =
        parts.Refusal(ProxySetup.broken setting ValueNone reason remedy)

    member private _.Reloadable = parts.Reloadable

    /// The passage of one message. `now` is the time of day in seconds since 1970-01-01T00:00:00Z.
    member _.NewMessage(now: int64<sec>) : Passage<ProxyDecision> = parts.Passage Conversation.unknown now

    /// The same for a message of which it is known who sends it to whom, for the log.
    member _.NewMessage(now: int64<sec>, conversation: Conversation) : Passage<ProxyDecision> =
        parts.Passage conversation now

/// The check of a proxy's settings (`--check`), as far as files tell. The host goes the way of a start and adds what the
/// machine tells.
[<Sealed>]
type ProxyCheck
    internal
    (
        settings: ProxySettings,
        secrets: WantedFile list,
        problems: Problem list,
        locate,
        report: Problem list -> string list -> string
    ) =
    /// Where something is wrong, the default in its place.
    member _.Settings = settings

    member _.Listen = ProxySettings.listeners settings

    member _.Relay = ProxySettings.relay settings

    /// The files that hold private keys and passphrases.
    member _.Secrets = secrets

    /// A setting whose value the machine cannot serve, with its place.
    member _.Fault(setting: string, reason: string, remedy: string) : Problem =
        locate (ProxySetup.broken setting ValueNone reason remedy)

    /// What to print, with what the machine told.
    member _.Report(found: seq<Problem>, warnings: seq<string>) : string =
        report (problems @ List.ofSeq found) (List.ofSeq warnings)

    /// The exit code where the machine told so many problems.
    member _.ExitCode(found: int) : int =
        if problems.Length + found = 0 then
            0
        else
            SysExit.Configuration

/// What a host does about the end of a start. Exactly one of the members is called, once.
type IProxyStart =
    /// Write `text` to standard output and exit.
    abstract Print: text: string * exitCode: int -> unit
    /// Print the build (`BuildFacts.describe`) and exit.
    abstract Version: unit -> unit
    /// Write `text` to standard error and exit. `reload` is the line of a reload that ends so and changes nothing.
    abstract Fail: text: string * exitCode: int * reload: LogLine -> unit
    abstract Serve: program: ProxyProgram -> unit
    /// Say whether the proxy would start, and exit.
    abstract Check: check: ProxyCheck -> unit

/// The end of a start.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type ProxyOutcome =
    | Print of text: string * exitCode: int
    | Version
    | Fail of text: string * exitCode: int * reload: LogLine
    | Serve of ProxyProgram
    | Check of ProxyCheck

    /// Calls the member for it.
    member this.Tell(reply: IProxyStart) : unit =
        match this with
        | Print(text, exitCode) -> reply.Print(text, exitCode)
        | Version -> reply.Version()
        | Fail(text, exitCode, reload) -> reply.Fail(text, exitCode, reload)
        | Serve program -> reply.Serve program
        | Check check -> reply.Check check

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
            Lines: Flaw list
            Warnings: string list
            Secrets: WantedFile list
            Serve: Endpoint -> LogLine list -> string list -> ProxyParts
        }

    let private ended (kind: ProxyKind<'s>) (settled: Settled<'s>) (prepared: Prepared) : ProxyOutcome =
        let common = kind.Common settled.Settings
        let inert = settled.Inert |> List.map (fun name -> name + " has no effect")

        match prepared.Problems, ProxySettings.relay common with
        | problems, _ when common.Check ->
            let report problems warnings =
                ProxySetup.report kind problems (prepared.Warnings @ inert @ warnings)

            let locate = ProxySetup.locate kind settled
            let lines = prepared.Lines |> List.map _.Broken
            ProxyOutcome.Check(ProxyCheck(common, prepared.Secrets, problems @ lines, locate, report))
        | [], ValueSome relay ->
            let told (flaw: Flaw) =
                ProxyLog.warning "settings" (Problem.describe flaw.Broken)
                |> LogLine.add flaw.Facts

            let notices = List.map told prepared.Lines @ warned prepared.Warnings
            let flaws = prepared.Lines |> List.map (_.Broken >> Problem.describe)
            let parts = prepared.Serve relay notices flaws

            ProxyOutcome.Serve(
                ProxyProgram
                    { parts with
                        Refusal = ProxySetup.locate kind settled >> Problem.describe
                    }
            )
        | problems, _ ->
            let reload = problems |> List.map Problem.describe |> ProxyReload.refused
            ProxyOutcome.Fail(ProxySetup.complaint kind problems, ProxySetup.UsageExit, reload)

    let private begin' (kind: ProxyKind<'s>) (arguments: string[]) (prepare: 's -> Step<Prepared>) =
        let help =
            ProxyOutcome.Print(Manual.help kind.Text kind.Table kind.Defaults, ProxySetup.HelpExit)

        ProxySetup.settle kind (List.ofArray arguments)
        |> Step.bind (fun settled ->
            match kind.Common settled.Settings with
            | common when common.Help -> Done help
            | common when common.Version -> Done ProxyOutcome.Version
            | _ ->
                prepare settled.Settings
                |> Step.map (fun prepared ->
                    let problems = settled.Problems @ prepared.Problems
                    ended kind settled { prepared with Problems = problems }))

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
            Verifying = ValueNone
            Notices = notices
            Reloadable =
                {
                    Flaws = flaws
                    KeyUses = OutProgram.keyUses program
                    Lasting = Settings.fixedValues outKind.Table program.Settings
                }
            Secrets = OutSetup.secretFiles program
            Refusal = Problem.describe
            Refresh =
                fun () ->
                    OutSetup.refresh program
                    |> Step.map (fun (struct (next, problems)) -> outParts next relay problems flaws)
            Passage = DkimproxyOut.passage program
        }

    let private prepareOut (settings: OutSettings) : Step<Prepared> =
        OutSetup.prepare settings
        |> Step.map (fun (struct (program, problems, lines)) ->
            {
                Problems = problems
                Lines = lines
                Warnings = OutChecks.warnings program
                Secrets = OutSetup.secretFiles program
                Serve = outParts program
            })

    /// The start of dkimproxy.out.
    let Out (arguments: string[]) : Step<ProxyOutcome> = begin' outKind arguments prepareOut

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
            Verifying = ValueSome program.Settings.Policy
            Notices = notices
            Reloadable =
                {
                    Flaws = flaws
                    KeyUses = []
                    Lasting = Settings.fixedValues inKind.Table program.Settings
                }
            Secrets = []
            Refusal = Problem.describe
            Refresh = fun () -> Done(inParts program relay [] flaws)
            Passage = DkimproxyIn.passage program
        }

    let private prepareIn (machine: Machine) (settings: InSettings) : Step<Prepared> =
        let hostName, warnings = InSettings.hostName machine.HostName settings

        Done
            {
                Problems = InSettings.contradictions settings
                Lines = []
                Warnings = warnings @ Settings.weaknesses InSettings.table settings
                Secrets = []
                Serve =
                    inParts
                        {
                            Settings = settings
                            HostName = hostName
                        }
            }

    /// The start of dkimproxy.in.
    let In (arguments: string[]) (machine: Machine) : Step<ProxyOutcome> =
        begin' inKind arguments (prepareIn machine)
