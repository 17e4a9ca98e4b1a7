/// How a milter gets from its arguments to its settings, and what it says, in the originals' words, when that fails
/// (dkim-filter(8), dkim-filter.conf(5)).
namespace Dkim.Core.Programs.Filters.Loading

open System
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings

module internal Configuration =
    let private letterOf (row: Setting<'s>) : char voption =
        row.Spellings
        |> List.tryPick (fun spelling ->
            match spelling with
            | Spelling.Letter letter -> Some letter
            | Spelling.Word _
            | Spelling.Key _
            | Spelling.Variable _ -> None)
        |> Option.toValueOption

    let private wordOf (row: Setting<'s>) : string voption =
        row.Spellings
        |> List.tryPick (fun spelling ->
            match spelling with
            | Spelling.Word name -> Some name
            | Spelling.Letter _
            | Spelling.Key _
            | Spelling.Variable _ -> None)
        |> Option.toValueOption

    /// What is printed for a command line that cannot be: every option with what it is for.
    let usage (prog: string) (table: Setting<'s> list) : string =
        let line (row: Setting<'s>) (spelled: string) =
            let value = if row.Arity = Arity.Flag then "" else " " + row.Shape
            let option = "\t-" + spelled + value
            let gap = if option.Length > 24 then "\n\t" + String(' ', 23) else ""
            option.PadRight 24 + gap + " " + row.Summary

        let ofLetter row =
            letterOf row
            |> ValueOption.map (fun letter -> letter, line row (string letter))
            |> Option.ofValueOption

        let ofWord row =
            wordOf row
            |> ValueOption.map (fun word -> line row ("-" + word))
            |> Option.ofValueOption

        let letters =
            table
            |> List.choose ofLetter
            |> List.sortBy (fun (letter, _) -> struct (Char.ToLowerInvariant letter, Char.IsUpper letter))
            |> List.map snd

        let lines = letters @ List.choose ofWord table

        String.Join('\n', (prog + ": usage: " + prog + " -p SOCKET [options]") :: lines)
        + "\n"

    let private isUsage (problem: Problem) =
        match problem.Origin, problem.Fault with
        | OnCommandLine, (UnknownName | MissingValue | WrongOperands _) -> true
        | OnCommandLine, (IllegalValue _ | UnreadableFile _ | NestedTooDeep | BrokenRule _)
        | (InFile _ | InEnvironment | Overall), _ -> false

    // The reasons of dkim-filter.conf(5), for what is wrong with a line of the file.
    let private lineReason (fault: Fault) : string voption =
        match fault with
        | MissingValue -> ValueSome "required value missing"
        | UnknownName -> ValueSome "unrecognized parameter"
        | IllegalValue Codecs.Illegal -> ValueSome Codecs.Illegal
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
        | UnknownName
        | MissingValue
        | UnreadableFile _
        | NestedTooDeep
        | WrongOperands _ -> Problem.describe problem

    let private rowOf (kind: FilterKind<'s>) (problem: Problem) : Setting<'s> voption =
        kind.Table
        |> List.tryFind (fun row -> row.Name = problem.Name)
        |> Option.toValueOption

    let private said (kind: FilterKind<'s>) (confFile: string) (problem: Problem) : string list =
        let row = rowOf kind problem

        match problem.Origin, lineReason problem.Fault, ValueOption.bind letterOf row with
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
        | OnCommandLine, reason, ValueSome letter ->
            let told =
                told
                    { problem with
                        Name = "-" + string letter
                    }

            let reason =
                reason
                |> ValueOption.map (fun reason -> reason + " for -" + string letter)
                |> ValueOption.defaultValue (sentence problem)

            match row with
            | ValueSome row when row.Complaint <> "" -> [ reason; row.Complaint + told ]
            | _ -> [ reason + told ]
        | OnCommandLine, _, ValueNone -> [ sentence problem + told problem ]
        | Overall, _, _ ->
            let remedy =
                if problem.Remedy = "" then
                    ""
                else
                    " (" + problem.Remedy + ")"

            [ sentence problem + remedy ]
        | InEnvironment, _, _ -> [ confFile + ": " + sentence problem ]

    let private isUsageValue (kind: FilterKind<'s>) (problem: Problem) =
        problem.Origin = OnCommandLine
        && rowOf kind problem |> ValueOption.exists _.IsUsage

    let confName (service: FilterService) : string =
        match service.Common.ConfFile with
        | ValueNone
        | ValueSome "-" -> "(stdin)"
        | ValueSome path -> path

    // In getopt(3)'s words.
    let private usageLine (kind: FilterKind<'s>) (problem: Problem) : string list =
        match problem.Fault, problem.Value with
        | UnknownName, _ -> [ "invalid option -- '" + problem.Name + "'" ]
        | WrongOperands _, ValueSome operand -> [ "unexpected operand '" + operand + "'" ]
        | MissingValue, _ ->
            let letter =
                rowOf kind problem |> ValueOption.bind letterOf |> ValueOption.map string

            [
                "option requires an argument -- '"
                + ValueOption.defaultValue problem.Name letter
                + "'"
            ]
        | _ -> []

    /// What to say of a command line that cannot be; nothing where it can.
    let usageComplaint (prog: string) (kind: FilterKind<'s>) (settled: Settled<'s>) : string voption =
        match settled.Problems |> List.filter isUsage with
        | [] -> ValueNone
        | problems ->
            let lines =
                problems
                |> List.collect (usageLine kind)
                |> List.map (fun line -> prog + ": " + Printable.tame line + "\n")

            ValueSome(String.concat "" lines + usage prog kind.Table)

    /// One problem, in lines without the program's name.
    let describe (kind: FilterKind<'s>) (settings: 's) (problem: Problem) : string list =
        said kind (confName (kind.Service settings)) problem |> List.map Printable.tame

    /// The exit code of problems.
    let exitCode (kind: FilterKind<'s>) (problems: Problem list) : int =
        if List.isEmpty problems then
            0
        elif problems |> List.exists (isUsageValue kind) then
            SysExit.Usage
        else
            SysExit.Configuration

    /// A problem of a value, by the name that dkim-filter.conf(5) has for it, with its place.
    let locate (kind: FilterKind<'s>) (settled: Settled<'s>) (problem: Problem) : Problem =
        Settings.locate settled.Sources (Settings.named kind.Table problem.Name) problem

    /// Problems that do not come of others, which `settled` has: what a wrong value would have brought is not missing.
    let ofOwn (kind: FilterKind<'s>) (settled: Settled<'s>) (problems: Problem list) : Problem list =
        let isTold name =
            settled.Problems
            |> List.exists (fun told -> List.contains told.Name (Settings.named kind.Table name))

        let isOwn (problem: Problem) =
            Settings.bringing kind.Table problem.Name |> List.forall (isTold >> not)
            && not (isTold problem.Name)

        problems |> List.filter isOwn |> List.map (locate kind settled)

    let private operandProblems (arguments: string list) (operands: string list) =
        if List.isEmpty operands && not (List.contains "" arguments) then
            []
        else
            [
                {
                    Origin = OnCommandLine
                    Name = ""
                    Value = ValueSome(operands |> List.tryHead |> Option.defaultValue "")
                    Fault = WrongOperands operands.Length
                    Remedy = ""
                }
            ]

    let private finish (kind: FilterKind<'s>) arguments (line: CommandLine<'s>) (file: SettingsFile<'s>) : Settled<'s> =
        let given = Settings.ordered line.Given file.Given
        let settings, problems = Settings.apply [ given; line.Given ] kind.Defaults

        {
            Settings = kind.Finish line.Given settings
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
            Sources = Settings.sources [ given; line.Given ]
        }

    /// The settings that arguments and the file that they name make.
    let settle (kind: FilterKind<'s>) (arguments: string list) : Step<Settled<'s>> =
        let line = CommandLine.parse Letters kind.Table arguments
        let early, _ = Settings.apply [ line.Given ] kind.Defaults

        let ofFile path =
            SettingsFile.read kind.Style kind.Table path
            |> Step.map (finish kind arguments line)

        // A file that nobody has named need not be there.
        let ofDefault path =
            Step.file FileKind.Configuration path
            |> Step.bind (fun contents ->
                if contents.Problem.IsSome then
                    Done(finish kind arguments line SettingsFile.none)
                else
                    ofFile path)

        match (kind.Service early).Common.ConfFile, kind.DefaultFile with
        | ValueSome path, _ when List.isEmpty line.Problems -> ofFile path
        | ValueNone, ValueSome path when List.isEmpty line.Problems -> ofDefault path
        | _ -> Done(finish kind arguments line SettingsFile.none)
