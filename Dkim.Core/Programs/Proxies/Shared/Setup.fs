/// How a proxy gets from its arguments to its settings, and what it says when that fails.
namespace Dkim.Core.Programs.Proxies.Shared

open System
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings

/// One of the two proxies, to the code that starts them.
type internal ProxyKind<'s> =
    {
        Text: ProgramText
        Table: Setting<'s> list
        Defaults: 's
        Common: 's -> ProxySettings
        WithCommon: ProxySettings -> 's -> 's
    }

module internal ProxySetup =
    /// The exit code after `--help`, as the original has it.
    [<Literal>]
    let HelpExit = 1

    /// The exit code where a setting is missing or wrong.
    [<Literal>]
    let UsageExit = 2

    let broken name value rule remedy =
        {
            Origin = Overall
            Name = name
            Value = value
            Fault = BrokenRule rule
            Remedy = remedy
        }

    // Two operands are LISTEN and RELAY and beat the options of these names.
    let private ofOperands kind (operands: string list) : struct (Given<'s> list * Problem list) =
        let given name value =
            {
                Setting = kind.Table |> List.find (fun row -> row.Name = name)
                Value = value
                Origin = OnCommandLine
            }

        match operands with
        | [] -> struct ([], [])
        | [ listen; relay ] -> struct ([ given "listen" listen; given "relay" relay ], [])
        | _ ->
            let problem =
                {
                    Origin = OnCommandLine
                    Name = ""
                    Value = ValueNone
                    Fault = WrongOperands operands.Length
                    Remedy = "give both " + kind.Text.Operands + " or neither"
                }

            struct ([], [ problem ])

    let private withRelayChecked kind (settled: Settled<'s>) =
        let remedy = "give it as the second operand or as --relay=HOST:PORT"

        let names = Settings.named kind.Table "relay"

        let isTold =
            settled.Problems
            |> List.exists (fun problem -> List.contains problem.Name names)

        match ProxySettings.relay (kind.Common settled.Settings) with
        | ValueSome endpoint when endpoint.Host <> "" -> settled
        | _ when isTold -> settled
        | _ ->
            { settled with
                Problems =
                    settled.Problems
                    @ [ broken "relay" ValueNone "relay host was not specified" remedy ]
            }

    let private finish kind (line: CommandLine<'s>) (file: SettingsFile<'s>) =
        let struct (operands, wrong) = ofOperands kind line.Operands

        let settings, problems =
            Settings.apply [ file.Given; line.Given; operands ] kind.Defaults

        {
            Settings = settings
            Problems = line.Problems @ file.Problems @ problems @ wrong
            Inert =
                file.Given @ line.Given
                |> List.filter _.Setting.Inert
                |> List.map _.Setting.Name
                |> List.distinct
            Sources = Settings.sources [ file.Given; line.Given; operands ]
        }
        |> withRelayChecked kind

    /// The settings that arguments and the file that they name make.
    let settle (kind: ProxyKind<'s>) (arguments: string list) : Step<Settled<'s>> =
        let line = CommandLine.parse Interchangeable kind.Table arguments
        let early, _ = Settings.apply [ line.Given ] kind.Defaults

        match (kind.Common early).Service.ConfFile with
        | ValueSome path when not ((kind.Common early).Help || (kind.Common early).Version) ->
            SettingsFile.read NameAndValue kind.Table path |> Step.map (finish kind line)
        | _ -> Done(finish kind line SettingsFile.none)

    // Sentences that the original printed without "Error: ".
    let private isBare (sentence: string) =
        sentence.StartsWith("invalid signature specifier", StringComparison.Ordinal)

    /// The sentence that the original printed for a problem.
    let private said (kind: ProxyKind<'s>) (problem: Problem) =
        let speaksAlone =
            kind.Table
            |> List.exists (fun row -> row.Name = problem.Name && row.SpeaksAlone)

        match problem.Fault with
        | UnknownName -> "Unknown option: " + problem.Name
        | WrongOperands _ -> "Error: wrong number of arguments"
        | BrokenRule sentence
        | IllegalValue sentence when isBare sentence -> sentence
        | BrokenRule sentence -> "Error: " + sentence
        | IllegalValue sentence when speaksAlone -> "Error: " + sentence
        | IllegalValue _
        | MissingValue
        | UnreadableFile _
        | NestedTooDeep -> "Error: " + Problem.describe problem

    /// What a start prints that ends in problems: the first in the original's words, then each with its place and
    /// remedy, then how the program is called.
    let complaint (kind: ProxyKind<'s>) (problems: Problem list) =
        let first = problems |> List.truncate 1 |> List.map (said kind >> Printable.tame)
        let each = problems |> List.map (fun problem -> "  " + Problem.describe problem)

        String.Join('\n', first @ each)
        + "\n\n"
        + Manual.usage kind.Text
        + "       "
        + kind.Text.Name
        + " --help\n"

    /// A problem of a setting's value, with its place.
    let locate (kind: ProxyKind<'s>) (settled: Settled<'s>) (problem: Problem) : Problem =
        Settings.locate settled.Sources (Settings.named kind.Table problem.Name) problem

    /// What `--check` prints.
    let report (kind: ProxyKind<'s>) (problems: Problem list) (notices: string list) =
        let problems = problems |> List.map Problem.describe
        let notices = notices |> List.map (fun notice -> "warning: " + notice)

        let sum =
            match problems.Length with
            | 0 -> kind.Text.Name + ": no problems"
            | 1 -> kind.Text.Name + ": 1 problem"
            | count -> kind.Text.Name + ": " + string count + " problems"

        String.Join('\n', problems @ notices @ [ sum ]) + "\n"
