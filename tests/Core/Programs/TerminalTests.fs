/// What `dkim` prints for people: colours, widths, help, and names that were meant.
module Dkim.Tests.Core.TerminalTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Programs.Tool
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private unsigned =
    "DKIM-Signature: v=1; a=rsa-sha256; \u001b[31mred\r\n" + message

let private explain (colours: bool) (columns: int) (options: string list) : Ran =
    let terminal =
        {
            TakesColour = colours
            Columns = ValueSome columns
        }

    runOn (Machine([ "-", unsigned ], nothing, terminal)) "dkim" ("explain" :: options)

[<Tests>]
let tests =
    testList
        "TerminalTests"
        [
            testRows
                "colour is for terminals that take it, unless the user says otherwise"
                [
                    (true, [], true)
                    (false, [], false)
                    (false, [ "--color=always" ], true)
                    (true, [ "--color=never" ], false)
                    (true, [ "--color=auto" ], true)
                ]
                (fun (takes, options, coloured) ->
                    let output = (explain takes 80 options).Output
                    Expect.equal coloured (output.Contains "\u001b[1;31mNO\u001b[0m")
                    Expect.equal coloured (output.Contains "\u001b")
                    Expect.lacks "\u001b[31mred" output)

            testCase "verify colours the word of each result, and postfix that of each finding" (fun () ->
                let ran (arguments: string list) =
                    let files =
                        [
                            "z", rsa.Zone
                            "good", signed rsa [] message
                            "bad", signed rsa [] message + "more\r\n"
                            "main.cf", "smtpd_milters = unix:nowhere\n"
                            "master.cf", "smtp inet n - y - - smtpd\n"
                        ]

                    let terminal =
                        {
                            TakesColour = true
                            Columns = ValueSome 80
                        }

                    (runOn (Machine(files, nothing, terminal)) "dkim" arguments).Output

                let verified = ran [ "verify"; "--zone=z"; "good"; "bad" ]
                Expect.contains "good: dkim 1: \u001b[32mpass\u001b[0m d=example.com" verified
                Expect.contains "bad: dkim 1: \u001b[1;31mfail\u001b[0m d=example.com" verified
                Expect.lacks "\u001b" (ran [ "verify"; "--zone=z"; "--color=never"; "good"; "bad" ])

                Expect.contains
                    "\u001b[33mnote\u001b[0m (local-mail-unsigned)"
                    (ran [ "postfix"; "main.cf"; "master.cf" ]))

            testCase "sentences have the width of the terminal, and of a pipe none" (fun () ->
                let advice (output: string) =
                    let behind = output.Split("What to do:\n")[1]
                    let advice = behind.TrimEnd '\n'
                    advice.Split '\n'

                let longest (output: string) =
                    advice output |> Array.map _.Length |> Array.max

                Expect.isTrue (longest (explain false 50 []).Output <= 50) "50"
                Expect.isTrue (longest (explain false 60 []).Output > 50) "60"
                // Too narrow to be meant.
                Expect.equal 1 (advice (explain false 10 []).Output).Length
                Expect.equal 1 (advice (dkim [ "-", unsigned ] [ "explain" ]).Output).Length)

            testCase "help COMMAND is COMMAND --help" (fun () ->
                for command in CommandList.commands do
                    Expect.equal (dkim [] [ command.Name; "--help" ]).Output (dkim [] [ "help"; command.Name ]).Output

                Expect.equal (dkim [] [ "--help" ]).Output (dkim [] [ "help" ]).Output)

            testRows
                "what was meant by a name that there is not"
                [
                    ([ "veryfi" ], "dkim: veryfi: no such command; did you mean verify? (dkim help lists them)\n")
                    ([ "help"; "explian" ],
                     "dkim: explian: no such command; did you mean explain? (dkim help lists them)\n")
                    ([ "zzzzzz" ], "dkim: zzzzzz: no such command (dkim help lists them)\n")
                    ([ "\u001b[2J" ], "dkim: ?[2J: no such command (dkim help lists them)\n")
                ]
                (fun (arguments, says) ->
                    let ran = dkim [] arguments
                    Expect.equal (64, says) (ran.Code, ran.Errors))

            testCase "an option that there is not is told with the one that is like it" (fun () ->
                let ran = dkim [] [ "verify"; "--jsno" ]
                Expect.equal 64 ran.Code
                Expect.contains "json" ran.Errors)

            testRows
                "what completions and help do not take"
                [
                    ([ "completions" ])
                    ([ "completions"; "csh" ])
                    ([ "completions"; "bash"; "zsh" ])
                    ([ "help"; "sign"; "verify" ])
                ]
                (fun arguments -> Expect.equal 64 (dkim [] arguments).Code)

            testCase "completions name every command, every option, and the values of those that have few" (fun () ->
                for shell in [ "bash"; "zsh"; "fish" ] do
                    let text = (dkim [] [ "completions"; shell ]).Output

                    for command in CommandList.commands do
                        Expect.contains command.Name text

                        for row in command.Table do
                            Expect.contains (if shell = "fish" then "-l " + row.Name else "--" + row.Name) text

                    Expect.contains "auto crlf lf" text)

            testCase "docs/tool.md has the exit codes" (fun () ->
                let root =
                    IO.Path.GetFullPath(IO.Path.Combine(__SOURCE_DIRECTORY__, "..", "..", ".."))

                let path = IO.Path.Combine(root, "docs", "tool.md")
                let document = IO.File.ReadAllText path
                let mark = "<!-- exit codes: made by TerminalTests -->\n"
                let start = document.IndexOf(mark, StringComparison.Ordinal) + mark.Length
                let stop = document.IndexOf("\n\n", start, StringComparison.Ordinal)

                let rows =
                    DkimTool.text.Exits
                    |> List.map (fun (code, says) -> "| " + string code + " | " + says + " |")

                let table = String.Join("\n", "| code | meaning |" :: "|---|---|" :: rows)
                Made.check path (document.Substring(0, start) + table + document.Substring stop))
        ]
