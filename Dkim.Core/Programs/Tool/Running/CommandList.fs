/// The commands of `dkim` and the settings that each takes.
module internal Dkim.Core.Programs.Tool.Running.CommandList

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running.ToolTable

/// The commands of `dkim`.
type Command =
    | Sign
    | Verify
    | Explain
    | Genkey
    | Record
    | Testkey
    | Postfix
    | Demo
    | Completions
    | Help

/// A command of `dkim`: its name, what it is for, its operands, and the groups of settings that it takes.
type ToolCommand =
    {
        Command: Command
        Name: string
        OneLine: string
        Operands: string
        Table: Setting<ToolSettings> list
    }

/// `--now` and `--json`, without what else is about judging.
let private only (names: string list) (rows: Setting<ToolSettings> list) =
    rows |> List.filter (fun row -> List.contains row.Name names)

let sign =
    {
        Command = Sign
        Name = "sign"
        OneLine = "print a signature for a message"
        Operands = "[FILE]"
        Table = key @ signing @ input @ only [ "now" ] judging @ general
    }

let verify =
    {
        Command = Verify
        Name = "verify"
        OneLine = "judge all signatures of messages, mailboxes and folders"
        Operands = "[FILE|FOLDER ...]"
        Table = judging @ batch @ output @ input @ attached @ dns @ general
    }

let explain =
    {
        Command = Explain
        Name = "explain"
        OneLine = "show step by step why a signature passes or fails"
        Operands = "[FILE]"
        Table = choice @ judging @ output @ input @ attached @ dns @ general
    }

let genkey =
    {
        Command = Genkey
        Name = "genkey"
        OneLine = "make a key and the records to publish"
        Operands = ""
        Table = key @ newKey @ forms @ general
    }

let record =
    {
        Command = Record
        Name = "record"
        OneLine = "print the records of a key that is there"
        Operands = "[KEYFILE]"
        Table =
            key
            @ only [ "subdomains"; "testing"; "only-sha256"; "note" ] newKey
            @ forms
            @ general
    }

let testkey =
    {
        Command = Testkey
        Name = "testkey"
        OneLine = "compare a published key with the private key and name mistakes"
        Operands = ""
        Table =
            key
            @ only [ "json"; "min-rsa-bits" ] judging
            @ forms
            @ servers
            @ output
            @ dns
            @ general
    }

let postfix =
    {
        Command = Postfix
        Name = "postfix"
        OneLine = "check that a Postfix signs what it should, and nothing else"
        Operands = "[FILE ...]"
        Table = postfix @ only [ "json" ] judging @ only [ "color" ] output @ general
    }

let demo =
    {
        Command = Demo
        Name = "demo"
        OneLine = "sign and verify mail through the proxies, with a key made for the occasion"
        Operands = ""
        Table = demonstration @ general
    }

let completions =
    {
        Command = Completions
        Name = "completions"
        OneLine = "print what bash, zsh or fish need to complete command lines"
        Operands = "bash|zsh|fish"
        Table = general
    }

let help =
    {
        Command = Help
        Name = "help"
        OneLine = "print what --help of a command prints"
        Operands = "[COMMAND]"
        Table = general
    }

let commands =
    [
        sign
        verify
        explain
        genkey
        record
        testkey
        postfix
        demo
        completions
        help
    ]

/// Every row once.
let all: Setting<ToolSettings> list =
    commands
    |> List.collect _.Table
    |> List.distinctBy _.Name
    |> List.sortBy (fun row ->
        List.findIndex
            ((=) row.Group)
            [
                "key"
                "signing"
                "new key"
                "record"
                "servers"
                "judging"
                "batch"
                "choice"
                "output"
                "message"
                "dns"
                "postfix"
                "demonstration"
                "general"
            ])
