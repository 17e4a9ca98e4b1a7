/// A milter that is ready to serve, as its host sees it.
namespace Dkim.Core.Programs.Filters

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Stores
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding

/// What a filter gets from the machine that it runs on.
[<NoComparison; NoEquality>]
type FilterMachine =
    {
        /// As argv[0] has it, without directories.
        ProgramName: string
        /// The fully qualified name of the host.
        HostName: string
        /// Who reports are from, unless a setting says it.
        UserName: string
        /// Whether somebody else has opened the socket: systemd for this start, or the start whose files are read again.
        HasSocket: bool
    }

module internal FilterMachine =
    /// What it contributes to a policy.
    let surroundings (machine: FilterMachine) (service: FilterService) : Surroundings =
        {
            HostName = machine.HostName
            UserName =
                match service.Common.User with
                | ValueSome account -> ValueOption.defaultValue machine.UserName account.User
                | ValueNone -> machine.UserName
            KnowsLogins = service.PopDbFile.IsSome
        }

/// What serving needs of a filter.
[<NoComparison; NoEquality>]
type internal FilterParts =
    {
        Name: string
        Title: string
        /// The variable of the environment that names the directory of temporary files.
        DirectoryVariable: string
        Arguments: string list
        Service: FilterService
        Test: TestSettings
        Policy: FilterPolicy
        Macros: WantedMacros
        /// Whether messages may get other recipients.
        Redirects: bool
        /// Whether the log says from time to time how many names were known.
        TellsCache: bool
        HasPeers: bool
        IsPeer: MilterClient -> bool
        /// What takes the place of the DNS, beside a file of keys.
        TestRecords: TestKeys voption
        Stores: StoreUse list
        /// The user of the process that asks them; nothing for that of the service.
        StoreUser: string voption
        /// A store that does not answer is the end of a start.
        RequiresStores: bool
        /// Private keys are in memory, or will be.
        HasKeys: bool
        /// A check fails where the socket could not be opened; else it warns.
        ChecksSocket: bool
        Milter: MilterHandler
        Notices: LogLine list
        /// Keys that are named and cannot be used, a sentence each.
        Unusable: string list
        Again: (unit -> Step<FilterOutcome>) voption
        /// The files of data sets.
        Tables: WantedFile list
        /// The filter, which has these parts, with the data sets of some of these files as they are now.
        Renew: FilterParts -> WantedFile list -> Step<TableRenewal>
        /// A fault of a value in a line.
        Refusal: Problem -> string
    }

/// A filter that is ready to serve: settings, lists and keys. It never changes. Usable from several threads.
and [<Sealed>] FilterProgram internal (parts: FilterParts) =
    /// The name that the program was started by.
    member _.Name = parts.Name

    member _.Service = parts.Service

    /// What the look-ups of one message may cost.
    member _.Budget: LookupBudget =
        let policy = parts.Policy.Verifying.Policy

        let questions =
            LookupBudget.questionsOf
                policy.SignaturesVerified
                LookupBudget.MostPolicies
                parts.Policy.Reporting.SendReports

        LookupBudget.ofQuestions questions parts.Service.Common.DnsTimeout

    /// The longest TXT record to take from the DNS, in octets.
    member _.RecordOctets: int = int parts.Policy.Verifying.Policy.RecordOctets

    /// Records that take the place of the DNS, beside those of a file of keys.
    member _.TestRecords: TestKeys voption = parts.TestRecords

    /// The variable of the environment that names the directory of temporary files, where no setting does.
    member _.DirectoryVariable = parts.DirectoryVariable

    /// What to log before serving: settings that are weak or have no effect, lines of lists that cannot be read.
    member _.Notices = parts.Notices

    /// Who signs for whom, one line for each rule.
    member _.Rules: LogLine list =
        SigningRule.lines parts.Policy.Lists.Rules
        |> List.map (Wording.line LogLevel.Info)

    member internal _.SigningRules = parts.Policy.Lists.Rules

    member internal _.Unusable = parts.Unusable

    /// Why a program of a reload must not take the place of this one, one text for each reason: with this one at least
    /// as many can sign. `kept` are the
    /// keys that could not be read again, `credentials` the directory of the unit's credentials, or nothing.
    member _.RefusesToFollow(next: FilterProgram, kept: seq<KeptSecret>, credentials: string) : string list =
        next.Unusable
        @ SigningRule.refusals (List.ofSeq kept) credentials parts.Policy.Lists.Rules next.SigningRules

    /// The stores that have data sets, each once.
    member _.Stores: StoreUse list = parts.Stores

    /// The user of the process that asks them; nothing for that of the service.
    member _.StoreUser: string voption = parts.StoreUser

    /// Whether a store that does not answer is the end of a start.
    member _.RequiresStores = parts.RequiresStores

    /// Whether private keys are in memory.
    member _.HasKeys = parts.HasKeys

    /// Whether a check fails where the socket could not be opened.
    member _.ChecksSocket = parts.ChecksSocket

    /// Whether messages may have to be held by the MTA.
    member _.Quarantines = parts.Policy.Reporting.Quarantine

    /// Whether messages may get other recipients.
    member _.Redirects = parts.Redirects

    member _.WantedMacros = parts.Macros

    /// Whether a body may be wanted only in part, or not at all: a filter that only signs hashes it whole.
    member _.SkipsBodies =
        parts.Policy.Roles.Verifies
        || match SigningSettings.length parts.Policy.Signing with
           | AtMost _ -> true
           | NoLength
           | WholeLength -> false

    /// Whether the log says from time to time how many names were known (opendkim.conf(5) QueryCache).
    member _.TellsCache = parts.TellsCache

    /// That line: questions since the start, those that were answered from what is kept, those whose answer had expired, and
    /// the answers that are kept now.
    member _.CacheLine(queries: int64, hits: int64, expired: int64, kept: int) : LogLine =
        "cache: "
        + string queries
        + " queries, "
        + string hits
        + " hits ("
        + string (100L * hits / max 1L queries)
        + "%), "
        + string expired
        + " expired, "
        + string kept
        + " keys"
        |> Wording.line LogLevel.Info

    /// Whether `Ignores` can be true.
    member _.IgnoresSome = parts.HasPeers

    /// Whether a client's messages pass without being looked at.
    member _.Ignores(client: MilterClient) = parts.IsPeer client

    member _.NewMessage(client: MilterClient) = new MilterMessage(parts.Milter, client)

    /// Begins a run in test mode. `file` is the name to show.
    member _.NewTest(file: string) =
        new TestRun(parts.Name, file, parts.Test, parts.Policy, parts.IsPeer, parts.Milter)

    /// The name of the configuration file for log lines.
    member _.ConfName = Printable.tame (Configuration.confName parts.Service)

    /// Another start from the configuration file, which the options of the command line have no part in. What cannot
    /// change while the filter runs is as it was. Nothing where there is no such file.
    member _.Again() : Step<FilterOutcome> voption =
        parts.Again |> ValueOption.map (fun again -> again ())

    /// The files of data sets: what changes in them takes effect without a signal.
    member _.Tables: WantedFile list = parts.Tables

    /// The filter with the data sets of some of these files read again.
    member _.Renew(changed: seq<WantedFile>) : Step<TableRenewal> = parts.Renew parts (List.ofSeq changed)

    /// What to say of a value that the machine cannot serve, with its place: `setting` as dkim-filter.conf(5) names it.
    /// Without the program's name.
    member _.Refusal(setting: string, reason: string, remedy: string) : string =
        parts.Refusal
            {
                Origin = Overall
                Name = setting
                Value = ValueNone
                Fault = BrokenRule reason
                Remedy = remedy
            }

    /// The first line of the log.
    member _.Starting: LogLine =
        let quoted (argument: string) =
            if argument.Contains ' ' then
                "\"" + argument + "\""
            else
                argument

        let arguments = String.Join(' ', parts.Arguments |> List.map quoted)
        Wording.line LogLevel.Info (parts.Title + " starting (args: " + arguments + ")")

    /// The last line of the log.
    member _.Terminating(exitCode: int) : LogLine =
        Wording.line LogLevel.Info (parts.Title + " terminating with status " + string exitCode + ", errno = 0")

/// What comes of data sets whose files have changed. One whose file cannot be read stays as it was; all others hold
/// together, or none of them.
and [<NoComparison; NoEquality>] TableRenewal =
    {
        /// The filter with those that could be read; nothing where it stays as it was.
        Next: FilterProgram voption
        Log: LogLine list
    }

/// The check of a filter's settings (-n), as far as files tell. The host goes the way of a start and adds what the
/// machine tells.
and [<Sealed>] FilterCheck internal (program: FilterProgram, problems: string list, exitCode: int) =
    /// The filter as it would start. Where there are problems, it has the defaults of what they keep it from having.
    member _.Program = program

    /// What is wrong, in lines without the program's name.
    member _.Problems = problems

    /// The exit code of these problems; 0 where there are none.
    member _.ExitCode = exitCode

/// The end of a start.
and [<RequireQualifiedAccess; NoComparison; NoEquality>] FilterOutcome =
    | Print of text: string * exitCode: int
    | Version
    | Fail of text: string * exitCode: int
    | Serve of FilterProgram
    | Check of FilterCheck
    | Test of FilterProgram * file: string

    /// Calls the member for it.
    member this.Tell(reply: IFilterStart) : unit =
        match this with
        | Print(text, exitCode) -> reply.Print(text, exitCode)
        | Version -> reply.Version()
        | Fail(text, exitCode) -> reply.Fail(text, exitCode)
        | Serve program -> reply.Serve program
        | Check check -> reply.Check check
        | Test(program, file) -> reply.Test(program, file)

/// What a host does about the end of a start. Exactly one of the members is called, once.
and IFilterStart =
    /// Write `text` to standard output and exit.
    abstract Print: text: string * exitCode: int -> unit
    /// Print the build (`BuildFacts.describe`) and exit.
    abstract Version: unit -> unit
    /// Write `text` to standard error and exit.
    abstract Fail: text: string * exitCode: int -> unit
    abstract Serve: program: FilterProgram -> unit
    /// Say whether the filter would start, and exit.
    abstract Check: check: FilterCheck -> unit
    /// Handle one message of a file, `-` being standard input.
    abstract Test: program: FilterProgram * file: string -> unit
