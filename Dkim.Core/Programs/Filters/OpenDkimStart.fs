/// The start of opendkim: a command line and files make a program that is ready to serve.
namespace Dkim.Core.Programs.Filters

open Dkim.Core.Words
open Dkim.Core.Cryptography
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim
open Dkim.Core.Programs.Filters.OpenDkim.Settings

module internal OpenDkimStart =
    let private kind: FilterKind<OpenDkimSettings> =
        {
            Table = Table.table
            Defaults = OpenDkimSettings.defaults
            Style = KeyAndLine
            DefaultFile = ValueSome "/etc/opendkim.conf"
            Service = _.Filter.Service
            Finish = fun _ settings -> settings
        }

    let private paths (machine: FilterMachine) (settings: OpenDkimSettings) : ListPaths =
        {
            Names = settings.Filter.Names
            BaseDirectory = ValueOption.defaultValue "" settings.Filter.Service.BaseDirectory
            Scheme = Dkim.Core.Records.Dkim
            LeastRsaBits = settings.Filter.Policy.Verifying.Policy.MinimumRsaBits
            Reader = machine.UserName
        }

    /// The policy of a milter with what a start adds.
    let private filterPolicy (machine: FilterMachine) (settings: OpenDkimSettings) (sets: LoadedSets) : FilterPolicy =
        let policy = settings.Filter.Policy
        let actions = settings.Own.Actions

        let quarantines =
            [
                actions.BadSignature
                actions.DnsError
                actions.KeyNotFound
                actions.NoSignature
                actions.InternalError
                actions.Security
                actions.SignatureError
            ]
            |> List.contains Action.Quarantine

        { policy with
            Roles.Mode = ValueSome(FilterSettings.mode settings.Filter)
            Verifying.Policy.MustBeSigned = sets.MustBeSigned
            Reporting.RemoveArFrom = sets.ResultsRemoved
            Reporting.XHeader = policy.Reporting.XHeader || settings.Own.OldXHeader
            Reporting.Quarantine = quarantines
            Reporting.LogWhy =
                policy.Reporting.LogWhy
                || settings.Filter.Test.TestFile.IsSome && settings.Filter.Test.Verbosity > 0
            Machine = FilterMachine.surroundings machine settings.Filter.Service
        }

    let private macros (own: OwnSettings) (sets: LoadedSets) : WantedMacros =
        "i"
        :: [
            if not sets.Daemons.IsEmpty then
                "daemon_name"
            yield! sets.Macros |> List.map _.Name
            yield! own.SenderMacro |> ValueOption.map MacroTest.bare |> ValueOption.toList
        ]
        |> MilterMacros.wanted

    let private partsOf
        (machine: FilterMachine)
        arguments
        (settings: OpenDkimSettings)
        (sets: LoadedSets)
        : FilterParts =
        let policy = filterPolicy machine settings sets

        {
            Name = machine.ProgramName
            Title = Product.openDkim.Banner
            DirectoryVariable = Product.openDkim.DirectoryVariable
            Arguments = arguments
            Service = settings.Filter.Service
            Test = settings.Filter.Test
            Policy = policy
            Macros = macros settings.Own sets
            Redirects = settings.Own.RedirectFailuresTo.IsSome && policy.Roles.Verifies
            TellsCache = settings.Filter.Service.Common.KeepsAnswers
            HasPeers = sets.Peers.IsSome
            IsPeer = LoadedSets.isPeer sets
            TestRecords = sets.TestRecords
            Stores =
                StoredSets.stores sets
                |> List.map (fun (name, store) ->
                    {
                        Name = name
                        Store = store
                        Times = StoreSettings.times settings.Stores store
                    })
            StoreUser = settings.Stores.User
            RequiresStores = not settings.Stores.SoftStart
            ChecksSocket = false
            HasKeys = sets.Keys.IsSome || sets.OwnKey.IsSome
            Milter =
                Handling.parts
                    {
                        Filter = policy
                        Own = settings.Own
                        Sets = sets
                    }
            Notices = []
            Unusable = []
            Again = ValueNone
            Tables = []
            Renew = fun _ _ -> Done { Next = ValueNone; Log = [] }
            Refusal = Problem.describe
        }

    let private notice = Wording.line LogLevel.Notice

    /// The parts of a filter whose data sets are read again as their files change. `complete` adds what a start adds.
    let rec private renewable
        (machine: FilterMachine)
        arguments
        (settings: OpenDkimSettings)
        (complete: string list -> FilterParts -> FilterParts)
        (read: ReadSets)
        (sets: Reading<LoadedSets>)
        : FilterParts =
        let user =
            settings.Filter.Service.Common.User
            |> ValueOption.bind _.User
            |> ValueOption.defaultValue machine.UserName

        let paths =
            { paths machine settings with
                Reader = user
            }

        let files = SetLoading.files paths settings

        let describe = Configuration.describe kind settings >> String.concat ": "

        let renewed (lost: (string * Reading<Table>) list, found: (string * Reading<Table>) list) : TableRenewal =
            let next = SetLoading.withAgain read found
            let nextSets = SetLoading.ofRead settings next
            let told = nextSets.Notices |> List.except sets.Notices

            Renewal.ofSets describe lost found nextSets.Problems told (fun () ->
                FilterProgram(renewable machine arguments settings complete next.Value nextSets))

        let renew _ (changed: WantedFile list) =
            files
            |> List.filter (fun (_, file) -> List.contains file changed)
            |> List.map fst
            |> SetLoading.again paths settings
            |> Step.map renewed

        { partsOf machine arguments settings sets.Value with
            Tables = files |> List.map snd |> List.distinct
            Renew = renew
        }
        |> complete sets.Notices

    // The key of KeyFile is as safe as those of KeyTable must be.
    let private openKey (paths: ListPaths) (settings: OpenDkimSettings) (sets: LoadedSets) : Step<string voption> =
        match settings.KeyFile, sets.OwnKey with
        | ValueSome path, ValueSome _ ->
            let user =
                settings.Filter.Service.Common.User
                |> ValueOption.bind _.User
                |> ValueOption.defaultValue ""

            let place = KeyAt(Reading.located paths path, user)

            let told (found: Found) =
                match found.Key place with
                | KeyFound(_, ValueSome whom) -> ValueSome(path + ": key data is not secure: " + whom)
                | KeyFound(_, ValueNone)
                | KeyUnread _
                | NoKeyThere -> ValueNone

            Want([ Need.Key place ], told >> Done)
        | _ -> Done ValueNone

    let private checkedKey paths (settings: OpenDkimSettings) (reading: Reading<LoadedSets>) =
        openKey paths settings reading.Value
        |> Step.map (fun fault ->
            match fault with
            | ValueNone -> reading
            | ValueSome text when settings.Own.RequireSafeKeys ->
                { reading with
                    Problems =
                        reading.Problems
                        @ [ Reading.broken "KeyFile" "chmod 600, or RequireSafeKeys no" text ]
                }
            | ValueSome text ->
                { reading with
                    Notices = reading.Notices @ [ text ]
                })

    // With every row of stores, where a check is to look at them.
    let private walked (settings: OpenDkimSettings) (reading: Reading<LoadedSets>) : Step<Reading<LoadedSets>> =
        if settings.Filter.Check && settings.Own.WalksStores then
            SetChecks.ofStores reading.Value
            |> Step.map (fun (struct (problems, notices)) ->
                { reading with
                    Problems = reading.Problems @ problems
                    Notices = reading.Notices @ notices
                })
        else
            Done reading

    let private noSocket: Problem =
        Reading.broken
            "Socket"
            "write Socket inet:8891@127.0.0.1 or Socket local:PATH"
            "milter socket must be specified"

    let private ended
        (machine: FilterMachine)
        (settled: Settled<OpenDkimSettings>)
        (parts: FilterParts)
        (found: Problem list)
        : FilterOutcome =
        let settings = settled.Settings.Filter
        let test = settings.Test.TestFile

        let needsSocket =
            settings.Service.Socket.IsNone
            && test.IsNone
            && not settings.Check
            && not machine.HasSocket

        let found = if needsSocket then found @ [ noSocket ] else found
        let problems = settled.Problems @ Configuration.ofOwn kind settled found
        let lines = problems |> List.collect (Configuration.describe kind settled.Settings)
        let exitCode = Configuration.exitCode kind problems
        let program = FilterProgram parts

        match problems, test with
        | _ when settings.Check -> FilterOutcome.Check(FilterCheck(program, lines, exitCode))
        | [], ValueSome file -> FilterOutcome.Test(program, file)
        | [], ValueNone -> FilterOutcome.Serve program
        | _ ->
            let text =
                lines
                |> List.map (fun line -> machine.ProgramName + ": " + line + "\n")
                |> String.concat ""

            FilterOutcome.Fail(text, exitCode)

    let private answered (reply: Reply) : FilterOutcome =
        if reply.Errors = "" then
            FilterOutcome.Print(reply.Output, reply.ExitCode)
        else
            FilterOutcome.Fail(reply.Errors, reply.ExitCode)

    let private version prog =
        ProgramTexts.version
            prog
            Product.openDkim.Banner
            ProgramTexts.algorithms
            [ "relaxed"; "simple" ]
            ProgramTexts.options

    /// The end of a start whose settings can be told, with the data sets.
    let private concluded
        machine
        arguments
        again
        settled
        (settings: OpenDkimSettings)
        (read: ReadSets)
        (sets: Reading<LoadedSets>)
        : FilterOutcome =
        let described =
            Configuration.locate kind settled
            >> Configuration.describe kind settings
            >> String.concat ": "

        let inert = settled.Inert |> List.map (fun name -> name + " has no effect")

        let complete (notices: string list) (parts: FilterParts) =
            { parts with
                Notices = notices @ Settings.weaknesses kind.Table settings @ inert |> List.map notice
                Again = again
                Refusal = described
            }

        let parts = renewable machine arguments settings complete read sets
        ended machine { settled with Settings = settings } parts sets.Problems

    let rec private start
        (machine: FilterMachine)
        arguments
        (carry: OpenDkimSettings -> OpenDkimSettings)
        : Step<FilterOutcome> =
        let prog = machine.ProgramName

        let serving (settled: Settled<OpenDkimSettings>) =
            let settings = carry settled.Settings
            let paths = paths machine settings

            SetLoading.load paths settings
            |> Step.bind (fun read ->
                SetLoading.ofRead settings read
                |> checkedKey paths settings
                |> Step.bind (walked settings)
                |> Step.map (concluded machine arguments (again machine settings) settled settings read.Value))

        Configuration.settle kind arguments
        |> Step.bind (fun settled ->
            match Configuration.usageComplaint prog kind settled, settled.Settings.Inquiry with
            | ValueSome text, _ -> Done(FilterOutcome.Fail(text, SysExit.Usage))
            | ValueNone, _ when settled.Settings.Filter.Version -> Done(FilterOutcome.Print(version prog, 0))
            | ValueNone, _ when settled.Settings.Filter.Build -> Done FilterOutcome.Version
            | ValueNone, Lookups -> Inquiries.lookups prog |> Step.map answered
            | ValueNone, ValueOf key when settled.Problems.IsEmpty ->
                Done(answered (Inquiries.valueOf prog settled.Settings key))
            | ValueNone, _ -> serving settled)

    and private again (machine: FilterMachine) (settings: OpenDkimSettings) =
        match settings.Filter.Service.Common.ConfFile, kind.DefaultFile with
        | ValueSome "-", _ -> ValueNone
        | ValueSome path, _
        | ValueNone, ValueSome path ->
            ValueSome(fun () -> start machine [ "-x"; path ] (Settings.keepFixed kind.Table settings))
        | ValueNone, ValueNone -> ValueNone

    /// The start from a command line without the program's own name.
    let ofArguments (arguments: string list) (machine: FilterMachine) : Step<FilterOutcome> = start machine arguments id
