/// The program `dkim` and its kin: from a name and arguments to what is done.
module Dkim.Core.Programs.Tool.DkimTool

open System
open Dkim.Core.Words
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Commands
open Dkim.Core.Programs.Tool.KeyTools
open Dkim.Core.Programs.Tool.Running.Command

let private exits =
    [
        0, "The command did what it is for; verify could judge, whatever the result but for what --require asks."
        1,
        "testkey: the published key is not good. postfix: there are warnings. verify --require=pass: a message has no \
         signature that passes, or there is none."
        64, "The command line is wrong."
        65, "A message cannot be read or signed, or a line of Postfix's configuration says nothing."
        66, "A key, zone, list or configuration cannot be read, or postconf is not there or fails."
        69, "No resolver could be started."
        73, "The key file cannot be made, or is there already; the page of --html cannot be made."
        74, "The output could not be written."
        75, "testkey: the DNS did not answer. verify --require=pass: every message passes but those without its answer."
        78, "postfix: the filter's configuration is wrong."
    ]

let private examples =
    [
        "A new key, and its record for the zone file:", [ "dkim genkey --domain example.com --selector mail --as zone" ]
        "The record again, as one text:", [ "dkim record --domain example.com --selector mail --as string" ]
        "Does the world see it?", [ "dkim testkey --domain example.com --selector mail --key mail.private" ]
        "A signed copy of a message:",
        [
            "dkim sign --key mail.private --selector mail --domain example.com --message < in.eml > out.eml"
        ]
        "All messages of a folder, with a summary:", [ "dkim verify Maildir" ]
        "The same as JSON, a line for each:", [ "dkim verify --json Maildir" ]
        "Why does this one fail?", [ "dkim explain in.eml" ]
        "The same as a page for a browser, and in colour in a pager:",
        [
            "dkim explain --html=why.html in.eml"
            "dkim explain --color=always in.eml | less -R"
        ]
        "Completions for bash:", [ "dkim completions bash > ~/.local/share/bash-completion/completions/dkim" ]
        "Does the Postfix of this machine sign what it should?",
        [ "dkim postfix --filter /etc/dkim-filter/dkim-filter.conf" ]
        "And that of another?", [ "dkim postfix main.cf master.cf" ]
    ]

/// The manual page of `dkim`.
let internal text: ProgramText =
    let commandLine (command: CommandList.ToolCommand) =
        let groups = command.Table |> List.map _.Group |> List.distinct

        command.Name
        + ": "
        + command.OneLine
        + ". Takes options of "
        + String.Join(", ", groups)
        + "."

    {
        Name = "dkim"
        Section = 1
        OneLine = "sign, verify and explain signed messages, and care for keys"
        Command = "COMMAND"
        Operands = "[FILE ...]"
        Description =
            [
                "Works on messages in files or, without FILE or where FILE is -, on standard input. The commands are:"
            ]
            @ (CommandList.commands |> List.map commandLine)
            @ [
                "postfix asks postconf for the configuration of this machine, or reads the lines of main.cf and master.cf in \
                 FILEs, in any order. It prints what makes mail of strangers signed or mail of our own unsigned, each \
                 with the line to write."
                "Each command takes some of the options below; with --help it lists them. A private key is never \
                 printed, and never written over a file."
            ]
        Exits = exits
        Examples = examples
        SeeAlso =
            [
                "dkim-genkey", 8
                "dkim-testkey", 8
                "dknewkey", 8
                "dkimproxy.in", 8
                "dkimproxy.out", 8
            ]
    }

let private textOf (command: CommandList.ToolCommand) : ProgramText =
    { text with
        Name = "dkim " + command.Name
        OneLine = command.OneLine
        Command = ""
        Operands = command.Operands
    }

let internal overview =
    let line (command: CommandList.ToolCommand) =
        "  dkim " + command.Name.PadRight 13 + command.OneLine + "\n"

    "dkim - sign, verify and explain signed messages, and care for keys\n\n"
    + "Usage: dkim COMMAND [options]\n\nCommands:\n"
    + String.Join("", CommandList.commands |> List.map line)
    + "\ndkim help COMMAND lists the options of a command; dkim --version says which build this is.\n"

let private refuse (name: string) (problems: Problem list) : Command<int> =
    command {
        do! iter (fun problem -> complain (name + ": " + Problem.describe problem)) problems
        return SysExit.Usage
    }

/// The end of a command line that begins with a word that is no command.
let private noSuchCommand (name: string) : Command<int> =
    let meant =
        match Nearest.tryFind (CommandList.commands |> List.map _.Name) name with
        | ValueSome known -> "; did you mean " + known + "?"
        | ValueNone -> ""

    fail SysExit.Usage ("dkim: " + name + ": no such command" + meant + " (dkim help lists them)")

let private tryFind (name: string) : CommandList.ToolCommand option =
    CommandList.commands |> List.tryFind (fun known -> known.Name = name)

let private helpOf (tool: CommandList.ToolCommand) : Command<int> =
    command {
        do! print (Manual.help (textOf tool) tool.Table ToolSettings.defaults)
        return ExitCode.Success
    }

let private help (operands: string list) : Command<int> =
    match operands with
    | [] ->
        command {
            do! print overview
            return ExitCode.Success
        }
    | [ name ] ->
        match tryFind name with
        | Some tool -> helpOf tool
        | None -> noSuchCommand name
    | _ -> fail SysExit.Usage "dkim help: it takes one command"

let private perform (command: CommandList.ToolCommand) settings (clock: int64<sec>) operands : Command<int> =
    match command.Command with
    | CommandList.Sign -> Sign.run settings clock operands
    | CommandList.Verify -> Verify.run settings clock operands
    | CommandList.Explain -> Explain.run settings clock operands
    | CommandList.Genkey -> Genkey.run settings operands
    | CommandList.Record -> Genkey.again settings operands
    | CommandList.Testkey -> Testkey.run settings clock operands
    | CommandList.Postfix -> PostfixCheck.run settings operands
    | CommandList.Demo -> demonstrate settings.Stay
    | CommandList.Completions -> Completions.run operands
    | CommandList.Help -> help operands

let private runCommand (tool: CommandList.ToolCommand) (arguments: string list) (clock: int64<sec>) : Command<int> =
    let line = CommandLine.parse Gnu tool.Table arguments
    let settings, problems = Settings.apply [ line.Given ] ToolSettings.defaults

    if settings.Help then
        helpOf tool
    elif settings.Version then
        version text.Name
    else
        match line.Problems @ problems with
        | [] -> perform tool settings clock line.Operands
        | problems -> refuse ("dkim " + tool.Name) problems

let private dkim (arguments: string list) (clock: int64<sec>) : Command<int> =
    match arguments with
    | [] ->
        command {
            do! print overview
            return SysExit.Usage
        }
    | ("--help" | "-h") :: _ -> help []
    | ("--version" | "-V") :: _ -> version text.Name
    | name :: rest ->
        match tryFind name with
        | Some tool -> runCommand tool rest clock
        | None -> noSuchCommand name

/// What a program does that is called by a name with arguments. `clock` is the time, since 1970.
let start (name: string) (arguments: string[]) (clock: int64) : ToolAction =
    let arguments = List.ofArray arguments

    match name with
    | DkimGenkey.Name -> run (DkimGenkey.run DkimGenkey.dkim arguments)
    | DkimGenkey.OpenDkimName -> run (DkimGenkey.run DkimGenkey.openDkim arguments)
    | DkimTestkey.Name -> run (DkimTestkey.run arguments)
    | OpenDkimTestkey.Name -> run (OpenDkimTestkey.run arguments)
    | KeyZone.Name -> run (OpenDkimGenzone.run arguments (clock * 1L<sec>))
    | Dknewkey.Name -> run (Dknewkey.run arguments)
    | _ -> run (dkim arguments (clock * 1L<sec>))
