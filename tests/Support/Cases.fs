/// What tests are made of: a test, a test of many rows, a law, and the requirements that they prove.
[<AutoOpen>]
module Dkim.Tests.Cases

open System
open System.Threading.Tasks
open Expecto
open FsCheck

/// A test of its own for each row, named by its place and its value.
let testRows (name: string) (rows: 'row list) (body: 'row -> unit) : Test =
    testList
        name
        (rows
         |> List.mapi (fun index row ->
             testCase (string (index + 1) + " " + Printing.short (string (box row))) (fun () -> body row)))

/// Says which requirements (`RFCnnnn-section-n`) a test proves. They stand in its full name, where the ledger finds them.
let proves (ids: string list) (test: Test) : Test =
    testList (String.concat " " ids) [ test ]

/// A test of its own for each row, which has a name and the requirements that it proves.
let testNamed (name: string) (rows: (string * string list * 'row) list) (body: 'row -> unit) : Test =
    testList
        name
        (rows
         |> List.map (fun (row, ids, value) ->
             let one = testCase row (fun () -> body value)
             if ids.IsEmpty then one else proves ids one))

/// A test that fails where it takes longer. What it waits for in vain is left behind.
let testWithin (limit: TimeSpan) (name: string) (body: unit -> unit) : Test =
    testCase name (fun () ->
        let running = Task.Run body

        if Task.WhenAny(running, Task.Delay limit).Result <> running then
            failtest ("has not ended in " + string limit.TotalSeconds + " s")

        running.GetAwaiter().GetResult())

/// How often a law is tried, and which arbitraries make what it is tried with, beside those of FsCheck.
type Trials = { Count: int; Arbitraries: Type list }

let private replayOf (seed: string) : Replay =
    match seed.Split ',' with
    | [| first; gamma; size |] ->
        {
            Rnd = Rnd(UInt64.Parse first, UInt64.Parse gamma)
            Size = Some(int size)
        }
    | _ -> invalidArg (nameof seed) "a seed is three numbers with commas, as a failing law prints it"

let mutable private replay: Replay option = None

/// Every law begins with this seed, as a failing one printed it.
let replayFrom (seed: string) : unit = replay <- Some(replayOf seed)

/// The suite that runs, as `./test` names it.
let mutable internal suite = ""

let private command (name: string) (seed: Rnd) (size: int) : string =
    let quoted = "'" + name.Replace("'", "'\\''") + "'"

    "once more: ./test "
    + suite
    + " "
    + quoted
    + " --seed "
    + String.Join(',', [| string seed.Seed; string seed.Gamma; string size |])

/// Fails with the shrunk counterexample and the command that tries it once more.
let private runner: IRunner =
    { new IRunner with
        member _.OnStartFixture _ = ()
        member _.OnArguments(_, _, _) = ()
        member _.OnShrink(_, _) = ()

        member _.OnFinished(name, result) =
            let told () = Runner.onFinishedToString name result

            match result with
            | TestResult.Passed _ -> ()
            | TestResult.Failed(_, _, _, _, _, seed, size) -> failtest (told () + command name seed size)
            | TestResult.Exhausted _ -> failtest (told ())
    }

/// A property of whatever FsCheck makes, from a seed on, if any, as a failing law printed it.
let testLawFrom (seed: string voption) (trials: Trials) (name: string) (law: 'law) : Test =
    let replay =
        match seed with
        | ValueSome seed -> Some(replayOf seed)
        | ValueNone -> replay

    testCase name (fun () ->
        let config =
            Config.Quick
                .WithMaxTest(trials.Count)
                .WithArbitrary(trials.Arbitraries)
                .WithRunner(runner)
                .WithName(name)
                .WithReplay(replay)

        Check.One(config, law))

/// A property of whatever FsCheck makes, from the seed on that the suite was given.
let testLaw (trials: Trials) (name: string) (law: 'law) : Test = testLawFrom ValueNone trials name law
