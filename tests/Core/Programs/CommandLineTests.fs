/// How each style of command line is read, and which of several sources of a setting counts.
module Dkim.Tests.Core.CommandLineTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core

type private Sample =
    {
        Name: string voption
        Count: int
        Loud: bool
        Quiet: bool
        Many: string list
    }

let private none =
    {
        Name = ValueNone
        Count = 0
        Loud = false
        Quiet = false
        Many = []
    }

let private table =
    [
        Setting.optional "the-name" (Codec.text "NAME") _.Name (fun v s -> { s with Name = v })
        |> Setting.spelled [ Spelling.Word "the-name"; Spelling.Letter 'n'; Spelling.Variable "THE_NAME" ]
        Setting.make "count" (Codec.number "NUM" 0 9) _.Count (fun v s -> { s with Count = v })
        |> Setting.spelled [ Spelling.Word "count"; Spelling.Letter 'c' ]
        Setting.flag "loud" _.Loud (fun v s -> { s with Loud = v })
        |> Setting.spelled [ Spelling.Word "loud"; Spelling.Letter 'l' ]
        Setting.flag "quiet" _.Quiet (fun v s -> { s with Quiet = v })
        |> Setting.spelled [ Spelling.Word "quiet"; Spelling.Letter 'q' ]
        Setting.repeated "many" (Codec.text "WORD") _.Many (fun v s -> { s with Many = v })
        |> Setting.spelled [ Spelling.Word "many"; Spelling.Letter 'm' ]
    ]

let private read style arguments =
    let line = CommandLine.parse style table arguments
    let state, problems = Settings.apply [ line.Given ] none
    state, line.Operands, (line.Problems @ problems |> List.map Problem.describe)

let private reads style arguments expected operands =
    Expect.equal (expected, operands, []) (read style arguments)

[<Tests>]
let tests =
    testList
        "CommandLineTests"
        [
            testCase "an option swallows the next argument, but no option and no operand of a flag" (fun () ->
                let named = { none with Name = ValueSome "x" }
                reads Interchangeable [ "--the-name"; "x" ] named []
                reads Interchangeable [ "--the_name"; "-x" ] { none with Name = ValueSome "-x" } []
                reads Interchangeable [ "--loud"; "a"; "b" ] { none with Loud = true } [ "a"; "b" ]
                reads Interchangeable [ "--loud"; "1"; "a"; "b" ] { none with Loud = true } [ "a"; "b" ]
                reads Interchangeable [ "--loud"; "0"; "a"; "b" ] none [ "a"; "b" ]
                reads Interchangeable [ "a"; "--the-name=x"; "b" ] named [ "a"; "b" ])

            testCase "an option that needs a value does not take the next option for it" (fun () ->
                let state, operands, problems = read Interchangeable [ "--the-name"; "--loud" ]
                Expect.equal { none with Loud = true } state
                Expect.equal [] operands
                Expect.equal 1 problems.Length
                Expect.contains "the-name: a value is missing" problems[0])

            testCase "a value may be empty or hold an equals sign" (fun () ->
                reads Interchangeable [ "--many=a=b"; "--many"; "c=d" ] { none with Many = [ "a=b"; "c=d" ] } []
                let _, _, problems = read Interchangeable [ "--the-name=" ]
                Expect.equal 1 problems.Length)

            testCase "letters share a hyphen, and the first that takes a value takes the rest" (fun () ->
                let both = { none with Loud = true; Quiet = true }
                reads Letters [ "-lq" ] both []
                reads Letters [ "-lqnx" ] { both with Name = ValueSome "x" } []
                reads Letters [ "-lqn"; "x" ] { both with Name = ValueSome "x" } []
                reads Letters [ "-n-l" ] { none with Name = ValueSome "-l" } []

                reads
                    Letters
                    [ "-n"; "-l"; "-q" ]
                    { none with
                        Name = ValueSome "-l"
                        Quiet = true
                    }
                    []

                reads Letters [ "-ma"; "-m"; "b"; "--"; "-l" ] { none with Many = [ "a"; "b" ] } [ "-l" ])

            testCase "a word that the table has is read beside letters" (fun () ->
                reads Letters [ "--loud"; "-q" ] { none with Loud = true; Quiet = true } []
                reads Letters [ "--the-name=-q" ] { none with Name = ValueSome "-q" } [])

            testRows
                "letters know no other letter and no other word"
                [ "-z"; "-lz"; "--proud" ]
                (fun (argument: string) ->
                    let _, _, problems = read Letters [ argument ]
                    Expect.isTrue (problems.Length >= 1) argument
                    Expect.contains "unknown setting" problems[0])

            testCase "a letter without its value is a problem" (fun () ->
                let _, _, problems = read Letters [ "-n" ]
                Expect.contains "a value is missing" problems[0])

            testCase "words and letters of the usual style" (fun () ->
                let all =
                    { none with
                        Loud = true
                        Count = 3
                        Name = ValueSome "--x"
                    }

                reads Gnu [ "--loud"; "-c3"; "--the-name"; "--x"; "in" ] all [ "in" ]
                reads Gnu [ "in"; "--"; "--loud"; "-q" ] none [ "in"; "--loud"; "-q" ]
                reads Gnu [ "-" ] none [ "-" ]
                reads Gnu [ "--loud"; "yes" ] { none with Loud = true } [ "yes" ])

            testCase "the last of several values counts, and a repeated setting has them all" (fun () ->
                reads
                    Gnu
                    [ "-c1"; "-c2"; "-ma"; "-mb" ]
                    { none with
                        Count = 2
                        Many = [ "a"; "b" ]
                    }
                    [])

            testCase "a later source beats an earlier one, whole lists included" (fun () ->
                let source arguments =
                    (CommandLine.parse Gnu table arguments).Given

                let file = source [ "-c1"; "-ma"; "-mb"; "-l" ]
                let line = source [ "-mc"; "-c2" ]
                let state, _ = Settings.apply [ file; line ] none

                Expect.equal
                    { none with
                        Count = 2
                        Many = [ "c" ]
                        Loud = true
                    }
                    state)

            testCase "all problems are told, in order" (fun () ->
                let _, _, problems = read Gnu [ "--nothing"; "-c"; "ten"; "-z" ]
                Expect.equal 3 problems.Length
                Expect.contains "nothing: unknown setting" problems[0]
                Expect.contains "z: unknown setting" problems[1]
                Expect.contains "count: 'ten': not a whole number (write --count=NUM)" problems[2])

            testCase "variables of the environment are read where they are set" (fun () ->
                let variable name =
                    if name = "THE_NAME" then ValueSome "" else ValueNone

                let given = CommandLine.environment table variable
                Expect.equal [ "" ] (given |> List.map _.Value)
                Expect.equal [ InEnvironment ] (given |> List.map _.Origin)
                Expect.equal [] (CommandLine.environment table (fun _ -> ValueNone) |> List.map _.Value))
        ]
