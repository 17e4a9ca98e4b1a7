/// The program `dkim` and its kin: from a name and arguments to what is done.
module Dkim.Core.DkimTool

open System
open Dkim.Core.Step

/// The exit code of a host that has no resolver (sysexits' EX_UNAVAILABLE).
[<Literal>]
let NoService = 69

/// The exit code of a host whose output cannot be written (sysexits' EX_IOERR).
[<Literal>]
let InputOutput = 74

let private textOf (command: ToolCommands.ToolCommand) : ProgramText =
    {
        Name = "dkim " + command.Name
        Section = 1
        OneLine = command.OneLine
        Operands = command.Operands
        Description = []
        Exits = []
        Examples = []
        SeeAlso = []
    }

let private overview =
    let line (command: ToolCommands.ToolCommand) =
        "  dkim " + command.Name.PadRight 9 + command.OneLine + "\n"

    "dkim - sign, verify and explain signed messages, and care for keys\n\n"
    + "Usage: dkim COMMAND [options]\n\nCommands:\n"
    + String.Join("", ToolCommands.commands |> List.map line)
    + "\ndkim COMMAND --help lists the options of a command.\n"

let private refuse (name: string) (problems: Problem list) : Step<int> =
    command {
        do! iter (fun problem -> complain (name + ": " + Problem.describe problem)) problems
        return ExitCode.Usage
    }

let private perform (command: ToolCommands.ToolCommand) settings (clock: int64<sec>) operands : Step<int> =
    match command.Command with
    | ToolCommands.Sign -> ToolSign.run settings clock operands
    | ToolCommands.Verify -> ToolVerify.run settings clock operands
    | ToolCommands.Explain -> ToolExplain.run settings clock operands
    | ToolCommands.Genkey -> ToolGenkey.run settings operands
    | ToolCommands.Testkey -> ToolTestkey.run settings operands
    | ToolCommands.Demo -> demonstrate settings.Stay

let private runCommand (tool: ToolCommands.ToolCommand) (arguments: string list) (clock: int64<sec>) : Step<int> =
    let line = CommandLine.parse Gnu tool.Table arguments
    let settings, problems = Settings.apply [ line.Given ] ToolSettings.defaults

    if settings.Help then
        command {
            do! print (Manual.help (textOf tool) tool.Table ToolSettings.defaults)
            return ExitCode.Success
        }
    else
        match line.Problems @ problems with
        | [] -> perform tool settings clock line.Operands
        | problems -> refuse ("dkim " + tool.Name) problems

let private dkim (arguments: string list) (clock: int64<sec>) : Step<int> =
    match arguments with
    | []
    | ("--help" | "-h" | "help") :: _ ->
        command {
            do! print overview

            return
                if arguments.IsEmpty then
                    ExitCode.Usage
                else
                    ExitCode.Success
        }
    | name :: rest ->
        match ToolCommands.commands |> List.tryFind (fun known -> known.Name = name) with
        | Some tool -> runCommand tool rest clock
        | None -> fail ExitCode.Usage ("dkim: " + name + ": no such command (dkim --help lists them)")

/// What a program does that is called by a name with arguments. `clock` is the time, since 1970.
let start (name: string) (arguments: string[]) (clock: int64) : ToolAction =
    let arguments = List.ofArray arguments

    match name with
    | GenkeyTool.Name -> run (GenkeyTool.run arguments)
    | TestkeyTool.Name -> run (TestkeyTool.run arguments)
    | Dknewkey.Name -> run (Dknewkey.run arguments)
    | _ -> run (dkim arguments (clock * 1L<sec>))
