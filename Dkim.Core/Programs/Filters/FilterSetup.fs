/// How a milter gets from its arguments to its settings, and what it says, in the originals' words, when that fails
/// (dkim-filter(8), dkim-filter.conf(5)).
namespace Dkim.Core

open System

/// Why a filter does not start: lines for standard error, without the program's name, and the exit code.
type internal Complaint = { Lines: string list; ExitCode: int }

/// One of the two milters, to the code that starts them.
[<NoComparison; NoEquality>]
type internal FilterKind<'s> =
    {
        Table: Setting<'s> list
        Defaults: 's
        Service: 's -> FilterService
        Scope: 's -> FilterScope
        WithScope: FilterScope -> 's -> 's
        MultipleKeys: 's -> bool
    }

module internal FilterSetup =
    /// The exit code of a command line that cannot be (sysexits' EX_USAGE).
    [<Literal>]
    let UsageExit = 64

    /// The exit code of a message in test mode that is none (EX_DATAERR).
    [<Literal>]
    let DataExit = 65

    /// The exit code of a message in test mode that goes no further than its header (EX_SOFTWARE).
    [<Literal>]
    let SoftwareExit = 70

    /// The exit code of wrong settings (EX_CONFIG).
    [<Literal>]
    let ConfigExit = 78

    /// Options whose wrong values are errors of the command line and not of the configuration.
    let private usageValues = [ "F"; "DNSTimeout"; "T" ]

    let private letterOf (row: Setting<'s>) : char voption =
        row.Spellings
        |> List.tryPick (fun spelling ->
            match spelling with
            | Spelling.Letter letter -> Some letter
            | Spelling.Word _
            | Spelling.Key _
            | Spelling.Variable _ -> None)
        |> Option.toValueOption

    /// What is printed for a command line that cannot be: every option with what it is for.
    let usage (prog: string) (table: Setting<'s> list) : string =
        let line (row: Setting<'s>) =
            match letterOf row with
            | ValueNone -> None
            | ValueSome letter ->
                let value = if row.Arity = Arity.Flag then "" else " " + row.Shape
                let option = "\t-" + string letter + value
                let gap = if option.Length > 24 then "\n\t" + String(' ', 23) else ""
                Some(letter, option.PadRight 24 + gap + " " + row.Summary)

        let lines =
            table
            |> List.choose line
            |> List.sortBy (fun (letter, _) -> struct (Char.ToLowerInvariant letter, Char.IsUpper letter))
            |> List.map snd

        String.Join('\n', (prog + ": usage: " + prog + " -p SOCKET [options]") :: lines)
        + "\n"

    let private isUsage (problem: Problem) =
        match problem.Origin, problem.Fault with
        | OnCommandLine, (UnknownName | MissingValue | WrongOperands _) -> true
        | _ -> false

    // The reasons of dkim-filter.conf(5), for what is wrong with a line of the file.
    let private lineReason (fault: Fault) : string voption =
        match fault with
        | MissingValue -> ValueSome "required value missing"
        | UnknownName -> ValueSome "unrecognized parameter"
        | IllegalValue FilterCodecs.Illegal -> ValueSome FilterCodecs.Illegal
        | NestedTooDeep -> ValueSome "nesting too deep"
        | UnreadableFile reason -> ValueSome("error reading configuration file: " + reason)
        | IllegalValue _
        | WrongOperands _
        | BrokenRule _ -> ValueNone

    // Setting, value and remedy, behind what the original said.
    let private told (problem: Problem) =
        let value =
            match problem.Value with
            | ValueSome text when problem.Name <> "" -> problem.Name + " '" + text + "'"
            | ValueSome text -> "'" + text + "'"
            | ValueNone -> problem.Name

        let remedy =
            if problem.Remedy = "" then
                ""
            else
                " (" + problem.Remedy + ")"

        if value + remedy = "" then "" else ": " + value + remedy

    let private sentence (problem: Problem) =
        match problem.Fault with
        | IllegalValue reason
        | BrokenRule reason -> reason
        | _ -> Problem.describe problem

    let private said (confFile: string) (table: Setting<'s> list) (problem: Problem) : string list =
        let letter =
            table
            |> List.tryFind (fun row -> row.Name = problem.Name)
            |> Option.toValueOption
            |> ValueOption.bind letterOf

        match problem.Origin, lineReason problem.Fault, letter with
        | InFile(path, line), ValueSome reason, _ ->
            [
                path
                + ": configuration error at line "
                + string line
                + ": "
                + reason
                + told problem
            ]
        | InFile(path, line), ValueNone, _ ->
            [ path + ": " + sentence problem + ": line " + string line + told problem ]
        | OnCommandLine, ValueSome reason, ValueSome letter -> [ reason + " for -" + string letter ]
        | OnCommandLine, _, _ when problem.Name = "C" -> [ sentence problem; "invalid action configuration" ]
        | OnCommandLine, _, _ -> [ sentence problem ]
        | _ -> [ confFile + ": " + sentence problem ]

    let private isUsageValue (problem: Problem) =
        problem.Origin = OnCommandLine && List.contains problem.Name usageValues

    let confName (service: FilterService) : string =
        match service.ConfFile with
        | ValueNone
        | ValueSome "-" -> "(stdin)"
        | ValueSome path -> path

    /// What to say of problems; nothing where there are none.
    let complaint (kind: FilterKind<'s>) (settled: Settled<'s>) : Complaint voption =
        let conf = confName (kind.Service settled.Settings)

        if List.isEmpty settled.Problems then
            ValueNone
        elif settled.Problems |> List.exists isUsage then
            ValueSome { Lines = []; ExitCode = UsageExit }
        else
            ValueSome
                {
                    Lines =
                        settled.Problems
                        |> List.collect (said conf kind.Table)
                        |> List.map Problem.printable
                    ExitCode =
                        if settled.Problems |> List.exists isUsageValue then
                            UsageExit
                        else
                            ConfigExit
                }

    // On-Default comes before the others, and none of them counts beside -C.
    let private ordered (line: Given<'s> list) (file: Given<'s> list) =
        let isAction (given: Given<'s>) =
            given.Setting.Name.StartsWith("On-", StringComparison.Ordinal)

        let hasList = line |> List.exists (fun given -> given.Setting.Name = "C")
        let actions, others = file |> List.partition isAction

        let blankets, single =
            actions |> List.partition (fun given -> given.Setting.Name = "On-Default")

        if hasList then others else others @ blankets @ single

    // With -K, or dk-filter's -k, the key file is a key list; a key file of the command line beats a list of the file.
    let private withKeys (kind: FilterKind<'s>) (line: Given<'s> list) (settings: 's) : 's =
        let scope = kind.Scope settings

        let named =
            line
            |> List.exists (fun given -> given.Setting.Name = "KeyFile" || given.Setting.Name = "s")

        if
            kind.MultipleKeys settings
            && scope.KeyFile.IsSome
            && (named || scope.KeyList.IsNone)
        then
            kind.WithScope { scope with KeyList = scope.KeyFile } settings
        elif named && scope.KeyFile.IsSome && not (kind.MultipleKeys settings) then
            kind.WithScope { scope with KeyList = ValueNone } settings
        else
            settings

    let private operandProblems (arguments: string list) (operands: string list) =
        if List.isEmpty operands && not (List.contains "" arguments) then
            []
        else
            [
                {
                    Origin = OnCommandLine
                    Name = ""
                    Value = ValueNone
                    Fault = WrongOperands operands.Length
                    Remedy = ""
                }
            ]

    let private finish kind arguments (line: CommandLine<'s>) (file: SettingsFile<'s>) : Settled<'s> =
        let given = ordered line.Given file.Given
        let settings, problems = Settings.apply [ given; line.Given ] kind.Defaults

        {
            Settings = withKeys kind line.Given settings
            Problems =
                line.Problems
                @ operandProblems arguments line.Operands
                @ file.Problems
                @ problems
            Inert =
                file.Given
                |> List.filter _.Setting.Inert
                |> List.map _.Setting.Name
                |> List.distinct
        }

    /// The settings that arguments and the file that they name make.
    let settle (kind: FilterKind<'s>) (arguments: string list) find : Loading<Settled<'s>> =
        let line = CommandLine.parse Letters kind.Table arguments
        let early, _ = Settings.apply [ line.Given ] kind.Defaults

        let wanted path =
            {
                Path = path
                Kind = FileKind.Configuration
            }

        match (kind.Service early).ConfFile with
        | ValueSome path when List.isEmpty line.Problems ->
            let file = SettingsFile.read KeyAndToken kind.Table (wanted >> find) path

            if List.isEmpty file.Wanted then
                Loaded(finish kind arguments line file)
            else
                Wanting(file.Wanted |> List.map wanted)
        | _ -> Loaded(finish kind arguments line SettingsFile.none)
