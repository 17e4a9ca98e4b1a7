/// A suite as a program:
///     SUITE [NAME] [--without NAME]... [--seed SEED] [--results FILE]
/// runs the tests whose full name contains NAME and none of those without which it should go, and ends with `N passed, M failed, K skipped`. Exit codes: 0 all well, 1
/// something failed, 2 nothing ran.
module Dkim.Tests.Suite

open System
open System.Reflection
open System.Threading
open System.Threading.Tasks
open Expecto
open Expecto.Impl
open Expecto.Tests
open Dkim.Tests.ResultFile

type private Order =
    {
        Name: string
        Without: string list
        Seed: string voption
        /// Where to leave the results; of a part of the suite nothing is left.
        Results: string voption
    }

let rec private read (order: Order) (arguments: string list) : Result<Order, string> =
    match arguments with
    | [] -> Ok order
    | "--without" :: part :: rest ->
        read
            { order with
                Without = part :: order.Without
            }
            rest
    | "--seed" :: seed :: rest -> read { order with Seed = ValueSome seed } rest
    | "--results" :: file :: rest -> read { order with Results = ValueSome file } rest
    | name :: rest when order.Name = "" && not (name.StartsWith '-') -> read { order with Name = name } rest
    | strange :: _ -> Result.Error("unknown argument: " + strange)

/// Labels on the way to a test in one text, as it is printed and as a filter looks for it.
let private fullName (path: string list) : string = String.concat "/" path

/// The tests of a program, with their labels.
let all (program: Assembly) : string list list =
    match testFromAssembly program with
    | None -> []
    | Some tests -> Test.toTestCodeList tests |> List.map _.name

let private chosen (order: Order) (path: string list) =
    let name = fullName path

    let has (part: string) =
        name.Contains(part, StringComparison.Ordinal)

    has order.Name && not (List.exists has order.Without)

/// The most that a test may take: no law takes a minute where nothing else runs.
let private longest = TimeSpan.FromMinutes 10.0

/// A test that fails once its time is over. What a test that hangs does in its thread goes on until the suite ends; Expecto's
/// own `Test.timeout` would wait for that.
let limited (time: TimeSpan) (code: TestCode) : TestCode =
    let within (test: Async<unit>) =
        async {
            let running = Async.StartAsTask test
            use over = new CancellationTokenSource()
            let! first = Task.WhenAny(running, Task.Delay(time, over.Token)) |> Async.AwaitTask

            if not (obj.ReferenceEquals(first, running)) then
                failtest ("it has not ended within " + string time.TotalSeconds + " seconds: it hangs")

            over.Cancel()
            running.GetAwaiter().GetResult()
        }

    match code with
    | Sync test -> Async(within (async { test () }))
    | Async test -> Async(within test)
    | SyncWithCancel test ->
        Async(
            within (
                async {
                    let! stop = Async.CancellationToken
                    test stop
                }
            )
        )
    | AsyncFsCheck _ -> code

/// Some of the tests, each with all its labels and the order that it asks for, and with a limit of time. Expecto's filter
/// would join the labels.
let private only (isChosen: string list -> bool) (tests: Test) : Test =
    let rebuilt (flat: FlatTest) =
        let labelled =
            List.foldBack
                (fun label test -> TestLabel(label, test, flat.state))
                flat.name
                (TestCase(limited longest flat.test, flat.state))

        Test.Sequenced(flat.sequenced, labelled)

    TestList(
        Test.toTestCodeList tests
        |> List.filter (fun flat -> isChosen flat.name)
        |> List.map rebuilt,
        Normal
    )

let private say (text: string) = Console.Out.WriteLine text

let private indented (text: string) =
    "    " + (Printing.text text).Trim().Replace("\n", "\n    ")

let private printFailure (name: string) (why: string) =
    async { say ("  Failed " + Printing.line name + "\n" + indented why) }

let private printer =
    { TestPrinters.silent with
        failed = fun name why _ -> printFailure name why
        exn = fun name error _ -> printFailure name (string error)
    }

let private entry (test: FlatTest, summary: TestSummary) : Entry =
    let ending, message =
        match summary.result with
        | TestResult.Passed -> Passed, ""
        | TestResult.Ignored reason -> Skipped, reason
        | TestResult.Failed why -> Failed, why
        | TestResult.Error error -> Failed, string error

    {
        Path = test.name
        Ending = ending
        Message = message
    }

let private report (order: Order) (entries: Entry list) =
    for entry in entries do
        if entry.Ending = Skipped then
            say (
                "  Skipped "
                + fullName entry.Path
                + " ["
                + (Printing.line entry.Message).Replace(']', ')')
                + "]"
            )

    if order.Name = "" then
        order.Results |> ValueOption.iter (fun file -> write file entries)

    let count ending =
        entries
        |> List.filter (fun entry -> entry.Ending = ending)
        |> List.length
        |> string

    say (
        count Passed
        + " passed, "
        + count Failed
        + " failed, "
        + count Skipped
        + " skipped"
    )

let private runTests (order: Order) (tests: Test) : int =
    order.Seed |> ValueOption.iter replayFrom
    let mutable entries = []

    let code =
        runTestsWithCLIArgs
            [
                No_Spinner
                JoinWith "/"
                Printer printer
                Append_Summary_Handler(SummaryHandler(fun summary -> entries <- summary.results |> List.map entry))
            ]
            [||]
            tests

    // Names that are there twice stop a run before its first test.
    if entries.IsEmpty then
        2
    else
        report order entries
        min code 1

/// Runs the tests of the program that was started, a suite of that name: those in parallel that do not forbid it.
let run (suite: string) (arguments: string[]) : int =
    Cases.suite <- suite

    let nothing =
        {
            Name = ""
            Without = []
            Seed = ValueNone
            Results = ValueNone
        }

    let program = Assembly.GetEntryAssembly() |> Option.ofObj

    match read nothing (List.ofArray arguments), Option.bind testFromAssembly program with
    | Result.Error strange, _ ->
        say strange
        2
    | _, None ->
        say "no tests in this program"
        2
    | Result.Ok order, Some tests ->
        let some = only (chosen order) tests

        if (Test.toTestCodeList some).IsEmpty then
            say ("no test whose name contains " + order.Name)
            2
        else
            runTests order some
