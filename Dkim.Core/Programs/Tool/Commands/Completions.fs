/// `dkim completions`: what shells need to complete command lines of `dkim`, made from the table of its settings, so that
/// they know what the program knows.
module internal Dkim.Core.Programs.Tool.Commands.Completions

open System
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Running.CommandList

/// What stands behind an option.
type private Value =
    | Nothing
    | OneOf of string list
    | Path
    /// A word of the user's own.
    | Word

let private isWord (text: string) =
    text <> ""
    && text |> Seq.forall (fun c -> Char.IsAsciiLetterLower c || Char.IsAsciiDigit c)

let private valueOf (row: Setting<ToolSettings>) : Value =
    let parts = row.Shape.Split '|' |> List.ofArray

    if row.Arity = Arity.Flag then
        Nothing
    elif parts |> List.forall isWord then
        OneOf parts
    elif parts |> List.exists (fun part -> part = "FILE" || part = "DIR") then
        Path
    else
        Word

/// The options of a row as they are written.
let private spellings (row: Setting<ToolSettings>) : string list =
    row.Spellings
    |> List.choose (fun spelling ->
        match spelling with
        | Spelling.Word name -> Some("--" + name)
        | Spelling.Letter letter -> Some("-" + string letter)
        | Spelling.Key _
        | Spelling.Variable _ -> None)

let private shells = [ "bash"; "zsh"; "fish" ]

/// What the operands of a command are.
let private operand (command: ToolCommand) : Value =
    match command.Command with
    | Completions -> OneOf shells
    | Help -> OneOf(commands |> List.map _.Name)
    | _ when command.Operands.Contains "FILE" -> Path
    | _ -> Nothing

let private lines (texts: string list) : string =
    texts |> List.map (fun text -> text + "\n") |> String.concat ""

let private quoted (escape: string) (text: string) : string = "'" + text.Replace("'", escape) + "'"

module private Bash =
    let private words (names: string list) = String.Join(' ', names)

    let private value (row: Setting<ToolSettings>) : string list =
        let pattern = String.Join(" | ", spellings row)

        match valueOf row with
        | Nothing -> []
        | OneOf values ->
            [
                "                " + pattern + ") words='" + words values + "' kind=value ;;"
            ]
        | Path -> [ "                " + pattern + ") kind=path ;;" ]
        | Word -> [ "                " + pattern + ") kind=value ;;" ]

    let private command (command: ToolCommand) : string list =
        let values = command.Table |> List.collect value
        let options = words (command.Table |> List.collect spellings)

        [ "        " + command.Name + ")" ]
        @ (if values.IsEmpty then
               []
           else
               [ "            case $option in" ] @ values @ [ "            esac" ])
        @ (match operand command with
           | OneOf names -> [ "            operands='" + words names + "'" ]
           | Path -> [ "            files=yes" ]
           | Nothing
           | Word -> [])
        @ [ "            options='" + options + "' ;;" ]

    let text =
        [
            "# Completion of dkim(1) for bash, made by: dkim completions bash"
            "_dkim() {"
            "    local current=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}"
            "    local words= kind= options= operands= files="
            "    COMPREPLY=()"
            "    # bash splits --option=value at the sign."
            "    if [[ $current == = ]]; then"
            "        current="
            "    elif [[ $option == = ]]; then"
            "        option=${COMP_WORDS[COMP_CWORD - 2]}"
            "    fi"
            "    if ((COMP_CWORD == 1)); then"
            "        COMPREPLY=($(compgen -W '"
            + words ((commands |> List.map _.Name) @ [ "--help"; "--version" ])
            + "' -- \"$current\"))"
            "        return"
            "    fi"
            "    case ${COMP_WORDS[1]} in"
        ]
        @ (commands |> List.collect command)
        @ [
            "    esac"
            "    case $kind in"
            "        value) COMPREPLY=($(compgen -W \"$words\" -- \"$current\")) ;;"
            "        path) compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;"
            "        *)"
            "            if [[ $current == -* ]]; then"
            "                COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))"
            "            elif [[ $files ]]; then"
            "                compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"
            "            else"
            "                COMPREPLY=($(compgen -W \"$operands\" -- \"$current\"))"
            "            fi ;;"
            "    esac"
            "}"
            "complete -F _dkim dkim"
        ]
        |> lines

module private Zsh =
    let private quoted = quoted "'\\''"

    let private escaped (signs: string) (text: string) =
        text
        |> String.collect (fun c -> if signs.Contains c then "\\" + string c else string c)

    let private option (row: Setting<ToolSettings>) : string list =
        let says = "[" + escaped "[]:\\" row.Summary + "]"

        let value =
            match valueOf row with
            | Nothing -> ""
            | OneOf values -> ":value:(" + String.Join(' ', values) + ")"
            | Path -> ":file:_files"
            | Word -> ":" + escaped ":[]\\" row.Shape + ": "

        let often = if row.Arity = Arity.Repeated then "*" else ""

        spellings row
        |> List.map (fun name ->
            let sign = if name.StartsWith "--" && value <> "" then "=" else ""
            quoted (often + name + sign + says + value))

    let private command (command: ToolCommand) : string list =
        let operand =
            match operand command with
            | Nothing
            | Word -> []
            | Path -> [ "'*:file:_files'" ]
            | OneOf names -> [ "'1:name:(" + String.Join(' ', names) + ")'" ]

        [
            "        "
            + command.Name
            + ") _arguments -s "
            + String.Join(" \\\n            ", (command.Table |> List.collect option) @ operand)
            + " ;;"
        ]

    let text =
        [
            "#compdef dkim"
            "# Completion of dkim(1) for zsh, made by: dkim completions zsh"
            "_dkim() {"
            "    if ((CURRENT == 2)); then"
            "        local -a commands=("
        ]
        @ (commands
           |> List.map (fun command -> "            " + quoted (command.Name + ":" + escaped ":\\" command.OneLine)))
        @ [
            "        )"
            "        _describe command commands"
            "        return"
            "    fi"
            "    shift words"
            "    ((CURRENT--))"
            "    case $words[1] in"
        ]
        @ (commands |> List.collect command)
        @ [ "    esac"; "}"; "_dkim \"$@\"" ]
        |> lines

module private Fish =
    let private quoted (text: string) =
        "'" + text.Replace("\\", "\\\\").Replace("'", "\\'") + "'"

    let private option (condition: string) (row: Setting<ToolSettings>) : string list =
        let names =
            spellings row
            |> List.map (fun name ->
                if name.StartsWith "--" then
                    " -l " + name.Substring 2
                else
                    " -s " + name.Substring 1)

        let value =
            match valueOf row with
            | Nothing -> ""
            | OneOf values -> " -x -a " + quoted (String.Join(' ', values))
            | Path -> " -r -F"
            | Word -> " -x"

        [
            "complete -c dkim"
            + condition
            + String.concat "" names
            + value
            + " -d "
            + quoted row.Summary
        ]

    let private command (command: ToolCommand) : string list =
        let condition = " -n '__fish_seen_subcommand_from " + command.Name + "'"

        [
            "complete -c dkim -n __fish_use_subcommand -a "
            + command.Name
            + " -d "
            + quoted command.OneLine
        ]
        @ (match operand command with
           | Nothing
           | Word -> []
           | Path -> [ "complete -c dkim" + condition + " -F" ]
           | OneOf names -> [ "complete -c dkim" + condition + " -a " + quoted (String.Join(' ', names)) ])
        @ (command.Table |> List.collect (option condition))

    let text =
        [
            "# Completion of dkim(1) for fish, made by: dkim completions fish"
            "complete -c dkim -f"
        ]
        @ (commands |> List.collect command)
        |> lines

/// The text for a shell.
let private textFor (shell: string) : string voption =
    match shell with
    | "bash" -> ValueSome Bash.text
    | "zsh" -> ValueSome Zsh.text
    | "fish" -> ValueSome Fish.text
    | _ -> ValueNone

let run (operands: string list) : Command<int> =
    command {
        match operands with
        | [ shell ] when (textFor shell).IsSome ->
            do! print (ValueOption.defaultValue "" (textFor shell))
            return ExitCode.Success
        | _ -> return! fail SysExit.Usage ("dkim completions: it takes one operand: " + String.Join(", ", shells))
    }
