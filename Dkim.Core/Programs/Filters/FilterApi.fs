/// What the milters' host calls to start: command lines make programs that are ready to serve.
namespace Dkim.Core.Programs.Filters

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies

/// The two milters, from their command lines without the program's own name.
module Filters =
    /// Settings and files of one of the filters, brought together.
    [<NoComparison; NoEquality>]
    type private Prepared =
        {
            Parts: FilterParts
            Problems: Problem list
            BadLines: Problem list
            Unusable: Flaw list
        }

    let private notice = FilterText.line LogLevel.Notice

    let private said prog (lines: string list) =
        lines |> List.map (fun line -> prog + ": " + line + "\n") |> String.concat ""

    // systemd may have opened one.
    let private noSocket: Problem =
        {
            Origin = Overall
            Name = "Socket"
            Value = ValueNone
            Fault = BrokenRule "milter socket must be specified"
            Remedy = "write Socket inet:8891@127.0.0.1, Socket local:PATH, or start the program by a unit of sockets"
        }

    // A check of settings is a start that does not serve; lines of lists that mean nothing keep nobody from serving.
    let private ended
        (machine: FilterMachine)
        (kind: FilterKind<'s>)
        (isCheck: bool)
        (settled: Settled<'s>)
        (prepared: Prepared)
        (reply: IFilterStart)
        =
        let prog = machine.ProgramName
        let test = prepared.Parts.Test.TestFile
        let needsSocket = prepared.Parts.Service.Socket.IsNone && test.IsNone

        let found =
            [
                yield! prepared.Problems
                if needsSocket && not machine.HasSocket then
                    noSocket
                if isCheck then
                    yield! prepared.Unusable |> List.map _.Broken
                    yield! prepared.BadLines
            ]

        let problems = settled.Problems @ FilterSetup.ofOwn kind settled found
        let lines = problems |> List.collect (FilterSetup.describe kind settled.Settings)
        let exitCode = FilterSetup.exitCode kind problems

        match problems, test with
        | _ when isCheck -> reply.Check(FilterCheck(FilterProgram prepared.Parts, lines, exitCode))
        | [], ValueSome file -> reply.Test(FilterProgram prepared.Parts, file)
        | [], ValueNone -> reply.Serve(FilterProgram prepared.Parts)
        | _ -> reply.Fail(said prog lines, exitCode)

    /// What a program is, to the code that starts it.
    [<NoComparison; NoEquality>]
    type private Plan<'s> =
        {
            Kind: FilterKind<'s>
            Version: string -> string
            IsVersion: 's -> bool
            IsBuild: 's -> bool
            IsCheck: 's -> bool
            Prepare: FilterMachine -> string list -> 's -> (WantedFile -> FileContents voption) -> Loading<Prepared>
        }

    let private start (plan: Plan<'s>) (machine: FilterMachine) (arguments: string list) (carry: 's -> 's) =
        let kind = plan.Kind
        let prog = machine.ProgramName

        let prepared (settled: Settled<'s>) find =
            let settings = carry settled.Settings
            let isCheck = plan.IsCheck settings

            plan.Prepare machine arguments settings find
            |> Loading.map (fun prepared ->
                let inert = settled.Inert |> List.map (fun name -> name + " has no effect")

                let badLines =
                    if isCheck then
                        []
                    else
                        prepared.BadLines |> List.map Problem.describe

                let described =
                    FilterSetup.locate kind settled
                    >> FilterSetup.describe kind settings
                    >> String.concat ": "

                let unusable (flaw: Flaw) =
                    FilterText.line LogLevel.Error (described flaw.Broken) |> LogLine.add flaw.Facts

                let missing = if isCheck then [] else List.map unusable prepared.Unusable

                let noticed =
                    { prepared with
                        Prepared.Parts.Notices =
                            missing
                            @ List.map notice badLines
                            @ prepared.Parts.Notices
                            @ List.map notice inert
                        Prepared.Parts.Unusable = missing |> List.map _.Text
                        Prepared.Parts.Refusal = described
                    }

                ended machine kind isCheck settled noticed)

        let load find : Loading<IFilterStart -> unit> =
            match FilterSetup.settle kind arguments find with
            | Wanting files -> Wanting files
            | Loaded settled ->
                match FilterSetup.usageComplaint prog kind settled with
                | ValueSome text -> Loaded(fun reply -> reply.Fail(text, SysExit.Usage))
                | ValueNone when settled.Problems.IsEmpty && plan.IsVersion settled.Settings ->
                    Loaded(fun reply -> reply.Print(plan.Version prog, 0))
                | ValueNone when settled.Problems.IsEmpty && plan.IsBuild settled.Settings -> Loaded(_.Version())
                | ValueNone -> prepared settled find

        Start<IFilterStart>(load, fun reply -> reply.Fail(prog + ": " + Starting.unsupplied, SysExit.Temporary))

    let private surroundings (machine: FilterMachine) (service: FilterService) : FilterPolicies.Surroundings =
        let userName =
            match service.UserId with
            | ValueSome account -> ValueOption.defaultValue machine.UserName account.User
            | ValueNone -> machine.UserName

        {
            HostName = machine.HostName
            UserName = userName
            HasPopLogin = machine.HasPopLogin.Invoke
            MayReport = machine.MayReport.Invoke
        }

    let private mode (scope: FilterScope) (isTest: bool) : FilterMode =
        match scope.Mode with
        | ValueSome mode -> mode
        | ValueNone when isTest -> { Signs = false; Verifies = true }
        | ValueNone -> { Signs = true; Verifies = true }

    // Test mode without a client has none to look up.
    let private paths
        (machine: FilterMachine)
        (service: FilterService)
        (scope: FilterScope)
        scheme
        hasNoClients
        : FilterPaths =
        let ofClients path =
            if hasNoClients then ValueNone else path

        {
            BaseDirectory = ValueOption.defaultValue "" service.BaseDirectory
            PeerList = ofClients scope.PeerList
            InternalHosts = ofClients scope.InternalHosts
            ExternalIgnoreList = ofClients scope.ExternalIgnoreList
            Domain = scope.Domain
            TrustSignaturesFrom = ValueNone
            LocalAdsp = ValueNone
            KeyFile = scope.KeyFile
            KeyList = scope.KeyList
            Scheme = scheme
            Selector = scope.Selector
            LeastRsaBits = 0<bit>
            Reader = machine.UserName
        }

    let private macrosOf (scope: FilterScope) : WantedMacros =
        "i"
        :: [
            if not scope.Mta.IsEmpty then
                "daemon_name"
            yield! scope.Macros |> List.map _.Name
        ]
        |> MilterMacros.wanted

    /// What serving needs of either filter. Test mode, notices of weak settings and reloads are dkim-filter's alone.
    let private partsOf (product: FilterProduct) (machine: FilterMachine) arguments service scope policy : FilterParts =
        {
            Name = machine.ProgramName
            Title = product.Banner
            DirectoryVariable = product.DirectoryVariable
            Arguments = arguments
            Service = service
            Test = DkimFilterSettings.defaults.Test
            Policy = policy
            Quarantines = scope.Quarantine
            Macros = macrosOf scope
            HasPeers = scope.PeerList.IsSome
            Milter =
                match product.Scheme with
                | Scheme.Dkim -> DkimFilter.parts policy
                | DomainKeys -> DkFilter.parts policy
            Notices = []
            Unusable = []
            Rules = []
            Again = ValueNone
            Refusal = Problem.describe
        }

    // Ed25519 keys sign as Ed25519 does, whatever the setting says; of an RSA key it asks for what cannot be.
    let private unused (settings: DkimFilterSettings) (rules: SigningRule list) =
        let struct (keyType, _) = settings.Signing.Algorithm

        if keyType = Ed25519 && rules |> List.exists (fun rule -> rule.Key.KeyType = Rsa) then
            [
                "SignatureAlgorithm ed25519-sha256: an RSA key signs rsa-sha256 all the same"
            ]
        else
            []

    let rec private prepareDkim (machine: FilterMachine) arguments (settings: DkimFilterSettings) find =
        let isTest = settings.Test.TestFile.IsSome
        let mode = mode settings.Scope isTest

        let settings =
            { settings with
                LogWhy = settings.LogWhy || isTest && settings.Test.Verbosity > 0
            }

        let paths =
            { paths machine settings.Service settings.Scope Scheme.Dkim (isTest && settings.Test.Client.IsNone) with
                TrustSignaturesFrom = settings.Verifying.TrustSignaturesFrom
                LocalAdsp = settings.Verifying.LocalAdsp
                LeastRsaBits = SigningStrength.leastBits
            }

        let again path () =
            start dkimPlan machine [ "-x"; path ] (Settings.keepFixed dkimPlan.Kind.Table settings)

        FilterFiles.load find mode.Signs paths
        |> Loading.map (fun (files: Reading<FilterFiles>) ->
            let policy =
                FilterPolicies.dkimFilter settings mode files.Value (surroundings machine settings.Service)

            {
                Problems = files.Problems
                BadLines = files.BadLines
                Unusable = files.Unusable
                Parts =
                    { partsOf FilterProduct.dkimFilter machine arguments settings.Service settings.Scope policy with
                        Test = settings.Test
                        Notices =
                            files.Notices
                            @ Settings.weaknesses DkimFilterTable.table settings
                            @ unused settings files.Value.Rules
                            |> List.map notice
                        Rules = files.Value.Rules
                        Again =
                            match settings.Service.ConfFile with
                            | ValueSome path when path <> "-" -> ValueSome(again path)
                            | _ -> ValueNone
                    }
            })

    and private dkimPlan: Plan<DkimFilterSettings> =
        {
            Kind = FilterKinds.dkimFilter
            Version =
                fun prog ->
                    FilterTexts.version
                        prog
                        FilterProduct.dkimFilter.Banner
                        FilterTexts.algorithms
                        [ "relaxed"; "simple" ]
                        FilterTexts.options
            IsVersion = _.Version
            IsBuild = _.Build
            IsCheck = _.Check
            Prepare = prepareDkim
        }

    /// The start of dkim-filter.
    let Dkim (arguments: string[]) (machine: FilterMachine) : Start<IFilterStart> =
        start dkimPlan machine (List.ofArray arguments) id

    let private dkKind: FilterKind<DkFilterSettings> =
        {
            Table = DkFilterTable.table
            Defaults = DkFilterSettings.defaults
            Service = _.Service
            Scope = _.Scope
            WithScope = fun scope settings -> { settings with Scope = scope }
            MultipleKeys = _.MultipleKeys
        }

    let private prepareDk (machine: FilterMachine) arguments (settings: DkFilterSettings) find =
        let mode = mode settings.Scope false
        let paths = paths machine settings.Service settings.Scope DomainKeys false

        FilterFiles.load find mode.Signs paths
        |> Loading.map (fun (files: Reading<FilterFiles>) ->
            let policy =
                FilterPolicies.dkFilter settings mode files.Value (surroundings machine settings.Service)

            {
                Problems = files.Problems
                BadLines = files.BadLines
                Unusable = files.Unusable
                Parts =
                    { partsOf FilterProduct.dkFilter machine arguments settings.Service settings.Scope policy with
                        Notices = files.Notices |> List.map notice
                        Rules = files.Value.Rules
                    }
            })

    let private dkPlan: Plan<DkFilterSettings> =
        {
            Kind = dkKind
            Version =
                fun prog ->
                    FilterTexts.version
                        prog
                        FilterProduct.dkFilter.Banner
                        [ "rsa-sha1" ]
                        [ "nofws"; "simple" ]
                        FilterTexts.options
            IsVersion = _.Version
            IsBuild = _.Build
            IsCheck = _.Check
            Prepare = prepareDk
        }

    /// The start of dk-filter.
    let Dk (arguments: string[]) (machine: FilterMachine) : Start<IFilterStart> =
        start dkPlan machine (List.ofArray arguments) id
