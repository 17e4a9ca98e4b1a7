/// What the hosts call. A proxy starts in steps, since the core opens no file; `Tell` of the outcome says how the start
/// ended.
namespace Dkim.Core.Programs.Proxies

open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Proxies.In

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
            Stores: StoreUse list
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
            ProxyOutcome.Check(ProxyCheck(common, prepared.Secrets, prepared.Stores, problems @ lines, locate, report))
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
            Stores = StoreRules.usual (OutProgram.stores program)
            Refusal = Problem.describe
            Refresh =
                fun () ->
                    OutSetup.refresh program
                    |> Step.map (fun (struct (next, problems)) -> outParts next relay problems flaws)
            Tables = OutSetup.mapFiles program.Settings |> List.map snd |> List.distinct
            Renew = renewOut program relay flaws
            Passage = DkimproxyOut.passage program
        }

    and private renewOut (program: OutProgram) relay flaws (changed: WantedFile list) credentials =
        let names =
            OutSetup.mapFiles program.Settings
            |> List.filter (fun (_, file) -> List.contains file changed)
            |> List.map fst

        let current = outParts program relay [] flaws

        OutSetup.renew program names
        |> Step.map (fun (struct (next, lost, wrong)) ->
            let parts =
                outParts next relay [] (wrong |> List.map (_.Broken >> Problem.describe))

            let found =
                names
                |> List.filter (fun name -> lost |> List.forall (fun problem -> problem.Name <> name))

            let reasons = ProxyReload.ofMaps current.Reloadable parts.Reloadable credentials
            let stays = lost |> List.map (fun problem -> MapRenewal.lost problem)

            match found, reasons with
            | [], _ -> struct (ValueNone, stays)
            | _, [] -> struct (ValueSome parts, stays @ MapRenewal.taken program next found)
            | _, reasons -> struct (ValueNone, stays @ [ MapRenewal.refused found reasons ]))

    let private prepareOut (settings: OutSettings) : Step<Prepared> =
        OutSetup.prepare settings
        |> Step.map (fun (struct (program, problems, lines)) ->
            {
                Problems = problems
                Lines = lines
                Warnings = OutChecks.warnings program
                Secrets = OutSetup.secretFiles program
                Stores = StoreRules.usual (OutProgram.stores program)
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
            Stores = []
            Refusal = Problem.describe
            Refresh = fun () -> Done(inParts program relay [] flaws)
            Tables = []
            Renew = fun _ _ -> Done(struct (ValueNone, []))
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
                Stores = []
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
