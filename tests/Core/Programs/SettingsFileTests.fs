/// How the settings files of proxies and milters are read, with the files that they include.
module Dkim.Tests.Core.SettingsFileTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out
open Dkim.Tests.Core

let private read style files path =
    SettingsFile.read style OutSettings.table path
    |> Finding.settle (Starts.find files)

let private given (file: SettingsFile<OutSettings>) =
    file.Given |> List.map (fun given -> given.Setting.Name, given.Value)

let private proxy text =
    read NameAndValue [ "conf", text ] "conf"

let private filter text =
    read KeyAndToken [ "conf", text ] "conf"

[<Tests>]
let tests =
    testList
        "SettingsFileTests"
        [
            testRows
                "lines of name and value"
                [
                    ("# listen a", "")
                    ("   ", "")
                    ("listen a # b", "a")
                    ("listen a\\#b # c", "a#b")
                    ("listen a\\b", "a\\b")
                    ("listen a b", "a b")
                    ("listen=a:1", "a:1")
                    ("listen:a", "a")
                    ("listen = = a", "= a")
                    ("--listen a", "a")
                    ("listen %41", "%41")
                ]
                (fun (line: string, value: string) ->
                    let file = proxy line
                    Expect.equal [] file.Problems
                    Expect.equal (if value = "" then [] else [ "listen", value ]) (given file))

            testCase "a comment directly behind a name leaves a bare name" (fun () ->
                let file = proxy "daemonize # yes\nseal# too\n"
                Expect.equal [ "daemonize", "yes"; "seal", "yes" ] (given file))

            testRows
                "problems have file and line"
                [
                    ("= a", "conf:1: ")
                    ("\n\nlisten", "conf:3: listen: a value is missing")
                    ("\r\nnonsense 1", "conf:2: nonsense: unknown setting")
                    ("help", "conf:1: help: unknown setting")
                    ("conf_file other", "conf:1: conf_file: unknown setting")
                ]
                (fun (text: string, expected: string) ->
                    let file = proxy text
                    Expect.equal 1 file.Problems.Length
                    Expect.contains expected (Problem.describe file.Problems[0]))

            testCase "a value that cannot be has file, line, value and remedy" (fun () ->
                let file = proxy "listen a\nconnect_timeout soon\n"
                let _, problems = Settings.apply [ file.Given ] OutSettings.defaults

                problems
                |> List.map Problem.describe
                |> Expect.equal
                    [
                        "conf:2: connect_timeout: 'soon': not a whole number (write connect_timeout SECONDS)"
                    ])

            testCase "keys of the filter's style count in any case, and a value is one word" (fun () ->
                let file = filter "LISTEN  a # d\n\tRelay\tb#c\n#x\n"
                Expect.equal [] file.Problems
                Expect.equal [ "listen", "a"; "relay", "b" ] (given file))

            testRows
                "what a line of the filter's style cannot mean is told with what could be meant"
                [
                    ("listen a b", "listen: 'a b': a value is one word", "as in a,b)")
                    ("listen a, b , c # d", "listen: 'a, b , c'", "as in a,b,c)")
                    ("listen \"a\"", "a value has no quotes", "(write listen a)")
                    ("listen 'a b'", "listen: ''a b'': a value has no quotes", "(write listen a b)")
                    ("Include a b", "Include: 'a b': a value is one word", "as in a,b)")
                    ("lisen a", "lisen: unknown setting", "(is listen meant?)")
                    ("Inclde a", "Inclde: unknown setting", "(is Include meant?)")
                    ("zzzzzz a", "zzzzzz: unknown setting", "lists every setting)")
                ]
                (fun (line: string, fault, remedy) ->
                    let told = (filter ("\n" + line)).Problems |> List.map Problem.describe
                    Expect.equal 1 told.Length
                    Expect.contains ("conf:2: " + (line.Split ' ')[0]) told[0]
                    Expect.contains fault told[0]
                    Expect.contains remedy told[0])

            testCase "a key of the filter's style needs its value" (fun () ->
                let file = filter "Listen\nseal\nInclude # x\n"
                Expect.equal [ MissingValue; MissingValue; MissingValue ] (file.Problems |> List.map _.Fault))

            testCase "lines of the filter's style have any length" (fun () ->
                let long = System.String('x', 25000)
                let file = filter ("#" + long + "\nlisten " + long + "\n")
                Expect.equal [] file.Problems
                Expect.equal [ "listen", long ] (given file))

            testCase "included files act in place and are asked for first" (fun () ->
                let files = [ "a", "listen 1\nInclude b\nuser 3\n"; "b", "relay 2\n" ]
                let first = SettingsFile.read KeyAndToken OutSettings.table "a"
                let next = first.Go(Finding.ofFiles (Starts.find files) first.Needs)
                Expect.equal [ "b" ] (Finding.files next.Needs |> List.map _.Path)
                Expect.equal [ "listen", "1"; "relay", "2"; "user", "3" ] (given (read KeyAndToken files "a")))

            testCase "files nest five levels and no further" (fun () ->
                let nested last =
                    [ for level in 0..last -> string level, "Include " + string (level + 1) + "\n" ]
                    @ [ string (last + 1), "listen x\n" ]

                let good = read KeyAndToken (nested 4) "0"
                Expect.equal ([ "listen", "x" ], []) (given good, good.Problems)
                let bad = read KeyAndToken (nested 5) "0"
                Expect.equal ([], [ NestedTooDeep ]) (given bad, bad.Problems |> List.map _.Fault))

            testCase "a file that includes itself many times ends" (fun () ->
                let text = String.replicate 50 "Include a\n"
                let file = read KeyAndToken [ "a", text ] "a"
                Expect.isTrue (file.Problems |> List.exists (fun problem -> problem.Fault = NestedTooDeep)) "bounded")

            testCase "a file that is not UTF-8 is read all the same" (fun () ->
                let octets = System.ReadOnlyMemory(Octets.ofLatin1 "domain m\u00fcnchen.example")

                let file =
                    SettingsFile.read NameAndValue OutSettings.table "conf"
                    |> Finding.settle (fun _ -> FileContents.Found octets)

                Expect.equal [ "domain", "m\u00fcnchen.example" ] (given file))
        ]
