/// What the milters' host calls to start: command lines make programs that are ready to serve.
namespace Dkim.Core.Programs.Filters

open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Stores
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding

/// The milters, from their command lines without the program's own name.
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

    let private notice = Wording.line LogLevel.Notice

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
        (kind: FilterKind<FilterSettings>)
        (isCheck: bool)
        (settled: Settled<FilterSettings>)
        (prepared: Prepared)
        : FilterOutcome =
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

        let problems = settled.Problems @ Configuration.ofOwn kind settled found
        let lines = problems |> List.collect (Configuration.describe kind settled.Settings)
        let exitCode = Configuration.exitCode kind problems

        match problems, test with
        | _ when isCheck -> FilterOutcome.Check(FilterCheck(FilterProgram prepared.Parts, lines, exitCode))
        | [], ValueSome file -> FilterOutcome.Test(FilterProgram prepared.Parts, file)
        | [], ValueNone -> FilterOutcome.Serve(FilterProgram prepared.Parts)
        | _ -> FilterOutcome.Fail(said prog lines, exitCode)

    /// What a program is, to the code that starts it.
    [<NoComparison; NoEquality>]
    type private Plan =
        {
            Kind: FilterKind<FilterSettings>
            Product: Product
            Algorithms: string list
            Canons: string list
            /// Shorter RSA keys are used, and warned of.
            LeastRsaBits: int<bit>
        }

    let private macrosOf (roles: RoleSettings) : WantedMacros =
        "i"
        :: [
            if not roles.MtaNames.IsEmpty then
                "daemon_name"
            yield! roles.Macros |> List.map _.Name
        ]
        |> MilterMacros.wanted

    // Ed25519 keys sign as Ed25519 does, whatever the setting says; of an RSA key it asks for what cannot be.
    let private unused (settings: FilterSettings) (rules: SigningRule list) =
        let struct (keyType, _) = settings.Policy.Signing.Algorithm

        if keyType = Ed25519 && rules |> List.exists (fun rule -> rule.Key.KeyType = Rsa) then
            [
                "SignatureAlgorithm ed25519-sha256: an RSA key signs rsa-sha256 all the same"
            ]
        else
            []

    let private versionOf (plan: Plan) prog =
        ProgramTexts.version prog plan.Product.Banner plan.Algorithms plan.Canons ProgramTexts.options

    // Test mode without a client has none to look up.
    let private paths (plan: Plan) (machine: FilterMachine) (settings: FilterSettings) : ListPaths =
        let hasNoClients = settings.Test.TestFile.IsSome && settings.Test.Client.IsNone

        {
            Names =
                if hasNoClients then
                    { settings.Names with
                        PeerList = ValueNone
                        InternalHosts = ValueNone
                        ExternalIgnoreList = ValueNone
                    }
                else
                    settings.Names
            BaseDirectory = ValueOption.defaultValue "" settings.Service.BaseDirectory
            Scheme = plan.Product.Scheme
            LeastRsaBits = plan.LeastRsaBits
            Reader = machine.UserName
        }

    /// The policy of settings with what a start adds.
    let private complete (machine: FilterMachine) (settings: FilterSettings) (lists: LoadedLists) : FilterPolicy =
        let policy = settings.Policy

        { policy with
            Roles.Mode = ValueSome(FilterSettings.mode settings)
            Reporting.LogWhy =
                policy.Reporting.LogWhy
                || settings.Test.TestFile.IsSome && settings.Test.Verbosity > 0
            Lists = lists
            Machine = FilterMachine.surroundings machine settings.Service
        }

    /// What serving needs of either filter.
    let private partsOf
        (plan: Plan)
        (machine: FilterMachine)
        arguments
        (settings: FilterSettings)
        policy
        : FilterParts =
        {
            Name = machine.ProgramName
            Title = plan.Product.Banner
            DirectoryVariable = plan.Product.DirectoryVariable
            Arguments = arguments
            Service = settings.Service
            Test = settings.Test
            Policy = policy
            Macros = macrosOf policy.Roles
            Redirects = false
            TellsCache = false
            HasPeers = settings.Names.PeerList.IsSome
            IsPeer = LoadedLists.isPeer policy.Lists
            TestRecords = ValueNone
            Stores = StoreRules.usual (LoadedLists.stores policy.Lists)
            StoreUser = ValueNone
            RequiresStores = false
            ChecksSocket = true
            HasKeys =
                match policy.Lists.Keys with
                | NoKeys -> false
                | SingleKey _
                | KeySource.KeyList _
                | KeySet _
                | Unasked _ -> true
            Milter =
                match plan.Product.Scheme with
                | Scheme.Dkim -> DkimFilter.parts policy
                | DomainKeys -> DkFilter.parts policy
            Notices = []
            Unusable = []
            Again = ValueNone
            Tables = []
            Renew = fun _ _ -> Done { Next = ValueNone; Log = [] }
            Refusal = Problem.describe
        }

    /// Lists that are data sets are read again as their files change.
    let private renewable
        (plan: Plan)
        (machine: FilterMachine)
        arguments
        (settings: FilterSettings)
        (paths: ListPaths)
        (parts: FilterParts)
        : FilterParts =
        let signs = (FilterSettings.mode settings).Signs

        let paths =
            { paths with
                Reader = (FilterMachine.surroundings machine settings.Service).UserName
            }

        let withLists (parts: FilterParts) (lists: LoadedLists) : FilterParts =
            { partsOf plan machine arguments settings { parts.Policy with Lists = lists } with
                Notices = parts.Notices
                Unusable = parts.Unusable
                Again = parts.Again
                Tables = parts.Tables
                Renew = parts.Renew
                Refusal = parts.Refusal
            }

        let renew (parts: FilterParts) (changed: WantedFile list) =
            Files.again signs paths changed
            |> Step.map (fun (lost, found) ->
                let lists = Files.withAgain paths parts.Policy.Lists found

                Renewal.ofSets parts.Refusal lost found lists.Problems lists.Notices (fun () ->
                    FilterProgram(withLists parts lists.Value)))

        { parts with
            Tables = Files.tables signs paths |> List.map snd |> List.distinct
            Renew = renew
        }

    /// The end of a start whose settings can be told from the command line and the file, with the lists and keys.
    let private concluded
        (machine: FilterMachine)
        (kind: FilterKind<FilterSettings>)
        (settled: Settled<FilterSettings>)
        settings
        prepared
        =
        let isCheck = settings.Check
        let inert = settled.Inert |> List.map (fun name -> name + " has no effect")

        let badLines =
            if isCheck then
                []
            else
                prepared.BadLines |> List.map Problem.describe

        let described =
            Configuration.locate kind settled
            >> Configuration.describe kind settings
            >> String.concat ": "

        let unusable (flaw: Flaw) =
            Wording.line LogLevel.Error (described flaw.Broken) |> LogLine.add flaw.Facts

        let missing = if isCheck then [] else List.map unusable prepared.Unusable

        { prepared with
            Prepared.Parts.Notices =
                missing
                @ List.map notice badLines
                @ prepared.Parts.Notices
                @ List.map notice inert
            Prepared.Parts.Unusable = missing |> List.map _.Text
            Prepared.Parts.Refusal = described
        }
        |> ended machine kind isCheck settled

    let rec private start
        (plan: Plan)
        (machine: FilterMachine)
        (arguments: string list)
        (carry: FilterSettings -> FilterSettings)
        : Step<FilterOutcome> =
        let kind = plan.Kind
        let prog = machine.ProgramName

        Configuration.settle kind arguments
        |> Step.bind (fun settled ->
            match Configuration.usageComplaint prog kind settled with
            | ValueSome text -> Done(FilterOutcome.Fail(text, SysExit.Usage))
            | ValueNone when settled.Problems.IsEmpty && settled.Settings.Version ->
                Done(FilterOutcome.Print(versionOf plan prog, 0))
            | ValueNone when settled.Problems.IsEmpty && settled.Settings.Build -> Done FilterOutcome.Version
            | ValueNone ->
                let settings = carry settled.Settings

                prepare plan machine arguments settings
                |> Step.map (concluded machine kind settled settings))

    and private prepare (plan: Plan) (machine: FilterMachine) arguments (settings: FilterSettings) : Step<Prepared> =
        let again path () =
            start plan machine [ "-x"; path ] (Settings.keepFixed plan.Kind.Table settings)

        let paths = paths plan machine settings

        Files.load (FilterSettings.mode settings).Signs paths
        |> Step.map (fun (files: Reading<LoadedLists>) ->
            {
                Problems = files.Problems
                BadLines = files.BadLines
                Unusable = files.Unusable
                Parts =
                    { (partsOf plan machine arguments settings (complete machine settings files.Value)
                       |> renewable plan machine arguments settings paths) with
                        Notices =
                            files.Notices
                            @ Settings.weaknesses plan.Kind.Table settings
                            @ unused settings files.Value.Rules
                            |> List.map notice
                        Again =
                            match settings.Service.Common.ConfFile with
                            | ValueSome path when path <> "-" -> ValueSome(again path)
                            | _ -> ValueNone
                    }
            })

    let private dkimPlan: Plan =
        {
            Kind = FilterKind.dkimFilter
            Product = Product.dkimFilter
            Algorithms = ProgramTexts.algorithms
            Canons = [ "relaxed"; "simple" ]
            LeastRsaBits = SigningStrength.leastBits
        }

    let private dkPlan: Plan =
        {
            Kind = FilterKind.dkFilter
            Product = Product.dkFilter
            Algorithms = [ "rsa-sha1" ]
            Canons = [ "nofws"; "simple" ]
            LeastRsaBits = 0<bit>
        }

    /// The start of dkim-filter.
    let Dkim (arguments: string[]) (machine: FilterMachine) : Step<FilterOutcome> =
        start dkimPlan machine (List.ofArray arguments) id

    /// The start of dk-filter.
    let Dk (arguments: string[]) (machine: FilterMachine) : Step<FilterOutcome> =
        start dkPlan machine (List.ofArray arguments) id

    /// The start of opendkim.
    let OpenDkim (arguments: string[]) (machine: FilterMachine) : Step<FilterOutcome> =
        OpenDkimStart.ofArguments (List.ofArray arguments) machine
