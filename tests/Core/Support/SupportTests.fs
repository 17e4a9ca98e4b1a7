/// What the suites lean on: names of tests, results, seeds, the judge with its zone, and the starter.
module Dkim.Tests.Core.Support.SupportTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open System.Threading
open System.Xml.Linq
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies

/// Runs this suite again with these arguments: the exit code, and what it printed.
let private suite (arguments: string list) : struct (int * string) =
    let program =
        Environment.ProcessPath |> Option.ofObj |> Option.defaultValue "dotnet"

    let info =
        ProcessStartInfo(program, Assembly.GetExecutingAssembly().Location :: arguments, RedirectStandardOutput = true)

    match Process.Start info with
    | null -> failtest ("cannot start " + program)
    | running ->
        use running = running
        let printed = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        struct (running.ExitCode, printed)

/// What a test fails with.
let private failureOf (test: Test) : string =
    match (Test.toTestCodeList test).Head.test with
    | Sync body ->
        try
            body ()
            ""
        with :? AssertException as failure ->
            failure.Message
    | _ -> failtest "no plain test"

let private tooLarge seed =
    testLawFrom seed { Count = 500; Arbitraries = [] } "numbers stay small" (fun (one: int, other: int) ->
        one + other < 25)

let private key = lazy (fst (SigningKey.generateRsa 1024<bit>))

let private header =
    Header.ofFields [ Field.ofText "From" " joe@example.com"; Field.ofText "Subject" " hi" ]

let private judged (answer: Question -> Answer) (body: string) : string list =
    let request = Samples.request Dkim key.Value "mail" (set [ "from"; "subject" ])

    let signed = Samples.sign [ request ] header "body\r\n"B |> Expect.ok

    Samples.judge VerifyPolicy.defaults answer (List.foldBack Header.prepend signed header) (Octets.ofLatin1 body)
    |> List.map Judging.word

let private entry path ending message : ResultFile.Entry =
    {
        Path = path
        Ending = ending
        Message = message
    }

let private attribute (name: string) (element: XElement) =
    match element.Attribute(XName.Get name) with
    | null -> "-"
    | found -> found.Value

[<Tests>]
let tests =
    testList
        "SupportTests"
        [
            // No label may have the name that is asked for, or the suite would ask itself without end.
            testNamed
                "a suite that is asked for what it does not have runs nothing and fails"
                [
                    "a name", [], ([ "no-such-test" ], "no test whose name contains no-such-test")
                    "an option", [], ([ "--sead"; "1,2,3" ], "unknown argument: --sead")
                    "all left out",
                    [],
                    ([ "a label is"; "--without"; "SupportTests" ], "no test whose name contains a label is")
                ]
                (fun (arguments: string list, said: string) ->
                    let struct (code, printed) = suite arguments
                    Expect.equal 2 code
                    Expect.equal said (printed.Trim()))

            testCase "a name runs the tests that have it, and leaves no results of a whole suite" (fun () ->
                let file = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString() + ".xml")
                let struct (code, printed) = suite [ "SupportTests/a label is"; "--results"; file ]
                Expect.equal 0 code
                Expect.equal "2 passed, 0 failed, 0 skipped" (printed.Trim())
                Expect.isFalse (File.Exists file) file)

            testCaseAsync
                "a test that hangs fails, in its thread or as a computation"
                (async {
                    let over = new ManualResetEventSlim()

                    for hanging in [ Sync over.Wait; Async(Async.AwaitWaitHandle over.WaitHandle |> Async.Ignore) ] do
                        match Suite.limited (TimeSpan.FromMilliseconds 50.0) hanging with
                        | Async body ->
                            match! Async.Catch body with
                            | Choice2Of2(:? AssertException as failure) ->
                                Expect.contains "it has not ended within 0.05 seconds: it hangs" failure.Message
                            | other -> failtest (string other)
                        | _ -> failtest "no limit"

                    over.Set()
                })

            testCase "a label is a group, a name and a row, without what is an id alone" (fun () ->
                let parts path =
                    let struct (group, name, row) = ResultFile.parts path
                    group, name, row

                Expect.equal
                    ("Group", "RFC6376-3.5-1 name", "1 row")
                    (parts [ "Group"; "RFC6376-3.5-2 RFC6376-3.5-3"; "RFC6376-3.5-1 name"; "1 row" ])

                Expect.equal ("", "name", "") (parts [ "name" ])
                Expect.equal ("", "", "") (parts []))

            testCase "a label is no id for having one's form in part" (fun () ->
                Expect.equal [] (ResultFile.idsIn "RFC6376 3.5-1, RFC6376-3.5")
                Expect.equal [ "RFC8601-2.7.7-1" ] (ResultFile.idsIn "(RFC8601-2.7.7-1) RFC8601-2.7.7-1"))

            testCase "results are a file that others can read, whatever a name or a failure has in it" (fun () ->
                let file = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString(), "R.xml")

                ResultFile.write
                    file
                    [
                        entry [ "Group"; "second"; "\000<\"&\u001b[2J" ] ResultFile.Failed "a\000\nb ]]>"
                        entry [ "Group"; "RFC6376-3.5-1"; "first" ] ResultFile.Passed ""
                        entry [ "Group"; "third" ] ResultFile.Skipped "no DNS"
                    ]

                let cases =
                    XDocument.Load(file).Descendants(XName.Get "test-case")
                    |> Seq.map (fun case ->
                        [ "classname"; "methodname"; "name"; "result" ]
                        |> List.map (fun name -> attribute name case),
                        [
                            for found in case.Descendants(XName.Get "property") ->
                                attribute "name" found + "=" + attribute "value" found
                        ],
                        [ for found in case.Elements(XName.Get "message") -> found.Value ])
                    |> List.ofSeq

                Directory.Delete(Path.GetDirectoryName file |> string, true)

                Expect.equal
                    [
                        [ "Group"; "first"; "first"; "Passed" ], [ "Category=RFC6376-3.5-1" ], []
                        [ "Group"; "second"; "\\u0000<\"&\\u001b[2J"; "Failed" ], [], [ "a\\u0000\nb ]]>" ]
                        [ "Group"; "third"; "third"; "Skipped" ], [], [ "no DNS" ]
                    ]
                    cases)

            testCase "the seed of a law that failed finds the same counterexample at once" (fun () ->
                let failure = failureOf (tooLarge ValueNone)
                let seed = Regex.Match(failure, @"--seed (\d+,\d+,\d+)$").Groups[1].Value
                Expect.contains "once more: ./test core 'numbers stay small' --seed " failure
                let again = failureOf (tooLarge (ValueSome seed))
                Expect.contains "after 1 test" again

                // As it was found and, unless it was the smallest, as it was made small.
                let counterexample (text: string) =
                    Regex.Match(text, @"Original:[\s\S]*(?=once more)").Value

                Expect.notEmpty (counterexample failure)
                Expect.equal (counterexample failure) (counterexample again))

            testCase "a seed that is none is refused" (fun () ->
                Expect.throws<ArgumentException>(fun () -> tooLarge (ValueSome "7") |> ignore))

            testCase "the judge says what a verifier says, and asks what was planned" (fun () ->
                let asked = List<string>()

                let zone (question: Question) =
                    asked.Add question.Name
                    Answer.Found([ Samples.record key.Value ], Security.Unchecked)

                Expect.equal [ "pass" ] (judged zone "body\r\n")
                Expect.equal [ "mail._domainkey.example.com" ] (List.ofSeq asked)
                Expect.equal [ "fail" ] (judged zone "b0dy\r\n")
                Expect.equal [ "permerror" ] (judged (fun _ -> Answer.NoSuchName Security.Unchecked) "body\r\n")
                Expect.equal [ "temperror" ] (judged (fun _ -> Answer.Unavailable "timeout") "body\r\n"))

            testCase "the zone of a case answers with its records, its failures, and no name" (fun () ->
                let case: Corpus.Case =
                    {
                        Id = "a"
                        File = "a.eml"
                        Append = []
                        Now = Samples.now
                        Zone = Map [ "there.example", [ "one"; "two" ]; "failing.example", [ "three" ] ]
                        Failing = Map [ "failing.example", "timeout" ]
                        Disputed = false
                        Unsigned = false
                        Signatures = []
                        Proves = []
                    }

                let answer name =
                    Judging.answer case { Name = name; Type = RecordType.Txt }

                Expect.equal (Answer.Found([ "one"; "two" ], Security.Unchecked)) (answer "there.example")
                Expect.equal (Answer.Unavailable "timeout") (answer "failing.example")
                Expect.equal (Answer.NoSuchName Security.Unchecked) (answer "other.example"))

            testCase "the starter supplies the files that there are, and says how a start ended" (fun () ->
                let start files =
                    Proxies.Out [| "--keyfile=k"; "--selector=s"; "--domain=example.org"; "--relay=h" |]
                    |> Starts.runProxy files

                let pem = snd (SigningKey.generateRsa 1024<bit>)
                Starts.serving (start [ "k", pem ]) |> ignore
                let text, code = Starts.failed (start [])
                Expect.contains "k" text
                Expect.differs 0 code
                Expect.throws<AssertException>(fun () -> Starts.serving (start []) |> ignore))
        ]
