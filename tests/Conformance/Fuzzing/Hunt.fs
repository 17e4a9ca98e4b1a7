/// The hunt for inputs that break a law: for a time, from a seed, one target after the other. An input with an outcome
/// that was not seen before is kept and damaged further.
module Dkim.Tests.Conformance.Fuzzing.Hunt

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Fuzzing.Readers

let targets: Target list =
    Readers.all
    @ Programs.all
    @ Lists.all
    @ MailFiles.all
    @ Configurations.all
    @ Tools.all
    @ Dialogues.all
    @ Answers.all

/// Longer than this for one input, twice over, is a finding.
[<Literal>]
let private SlowMilliseconds = 1000L

/// More octets than this allocated for one input, twice over, are a finding.
[<Literal>]
let private MostAllocated = 268_435_456L

type private Pool =
    {
        Inputs: List<string>
        Seen: HashSet<string>
    }

/// Milliseconds that go by for everybody.
let wallClock () : int64 = Environment.TickCount64

/// Milliseconds that this process has had of processors, for one that runs only when no other wants to.
let processorClock () : int64 =
    int64 Environment.CpuUsage.TotalTime.TotalMilliseconds

// The outcome, and what reading cost beyond its bounds.
let private readWithin (clock: unit -> int64) (target: Target) (text: string) : struct (Outcome * string voption) =
    let start = clock ()
    let before = GC.GetTotalAllocatedBytes()
    let outcome = target.Read text
    let allocated = GC.GetTotalAllocatedBytes() - before
    let spent = clock () - start

    let excess =
        if spent > SlowMilliseconds then
            ValueSome("slow: " + string spent + " ms")
        elif allocated > MostAllocated then
            ValueSome("wasteful: " + string allocated + " octets")
        else
            ValueNone

    struct (outcome, excess)

/// The law that an input breaks, if it breaks one, by that clock.
let tryBreakBy (clock: unit -> int64) (target: Target) (text: string) : string voption =
    let excess () =
        let struct (_, excess) = readWithin clock target text
        excess

    try
        // Other work runs beside this one, so a second reading may acquit.
        excess () |> ValueOption.bind (fun _ -> excess ())
    with
    | Broken law -> ValueSome law
    | error -> ValueSome(error.GetType().Name + ": " + error.Message)

/// The law that an input breaks, if it breaks one.
let tryBreak (target: Target) (text: string) : string voption = tryBreakBy wallClock target text

let private kindOf (problem: string) = problem.Split(':')[0]

/// Writes the smallest input that breaks the same law to the findings.
let private keep (target: Target) (text: string) (problem: string) : string =
    let breaksSame text =
        match tryBreak target text with
        | ValueSome other -> kindOf other = kindOf problem
        | ValueNone -> false

    let least = Shrinking.shrink breaksSame text

    let digest =
        Security.Cryptography.SHA256.HashData(Dkim.Core.Words.Octets.ofLatin1 least)

    let name =
        target.Name
        + "-"
        + (Convert.ToHexString digest).Substring(0, 12).ToLowerInvariant()

    File.WriteAllBytes(Path.Combine(Corpus.findings, name), Dkim.Core.Words.Octets.ofLatin1 least)
    name + ": " + problem + "\n  " + Shrinking.show least

let private next (target: Target) (random: Random) (pool: Pool) =
    let other () =
        if pool.Inputs.Count = 0 then
            ""
        else
            pool.Inputs[random.Next pool.Inputs.Count]

    let base' =
        if pool.Inputs.Count > 0 && random.Next 2 = 0 then
            other ()
        else
            target.Make random

    if random.Next 8 = 0 then
        base'
    else
        Inputs.damaged random (other ()) base'

/// Inputs of one target for a time. Returns how many there were, how many kinds of outcome, and the findings.
let private hunt (target: Target) (seed: int) (milliseconds: int64) : struct (int64 * int * string list) =
    let random = Random seed

    let pool =
        {
            Inputs = List<string>()
            Seen = HashSet<string>()
        }

    let found = List<string>()
    let kinds = HashSet<string>()
    let watch = Stopwatch.StartNew()
    let mutable count = 0L

    while watch.ElapsedMilliseconds < milliseconds && found.Count < 5 do
        let text = next target random pool
        count <- count + 1L

        let suspect () =
            match tryBreak target text with
            | ValueSome problem when kinds.Add(kindOf problem) -> found.Add(keep target text problem)
            | _ -> ()

        try
            match readWithin wallClock target text with
            | struct (_, ValueSome _) -> suspect ()
            | struct (outcome, ValueNone) ->
                if pool.Inputs.Count < 2000 && pool.Seen.Count < 5000 && pool.Seen.Add outcome then
                    pool.Inputs.Add text
        with _ ->
            suspect ()

    struct (count, pool.Seen.Count, List.ofSeq found)

/// Reads files again, as inputs of a target. What breaks a law is kept. Returns what there is to say.
let private replay (target: Target) (files: string list) : string list =
    files
    |> List.choose (fun file ->
        let text = Dkim.Core.Words.Octets.latin1 (ReadOnlySpan(File.ReadAllBytes file))

        match tryBreak target text with
        | ValueSome problem -> Some(keep target text problem)
        | ValueNone -> None)

let private usage =
    "usage: tools/fuzz [--seconds N] [--seed S] [TARGET...]\ntargets: "
    + String.Join(' ', targets |> List.map _.Name)

type private Order =
    {
        Seconds: int
        Seed: int
        Names: string list
    }

let rec private order (known: Order) (arguments: string list) : Order voption =
    match arguments with
    | [] -> ValueSome known
    | "--seconds" :: Number seconds :: rest -> order { known with Seconds = seconds } rest
    | "--seed" :: Number seed :: rest -> order { known with Seed = seed } rest
    | name :: rest when targets |> List.exists (fun target -> target.Name = name) ->
        order
            { known with
                Names = known.Names @ [ name ]
            }
            rest
    | _ -> ValueNone

and private (|Number|_|) (text: string) =
    match Int32.TryParse text with
    | true, number -> Some number
    | _ -> None

let private (|Known|_|) (name: string) =
    targets |> List.tryFind (fun target -> target.Name = name)

let private hunts (arguments: string list) : int =
    match
        order
            {
                Seconds = 60
                Seed = Environment.TickCount
                Names = []
            }
            arguments
    with
    | ValueNone ->
        Console.Error.WriteLine usage
        64
    | ValueSome order ->
        let wanted =
            targets
            |> List.filter (fun target -> List.isEmpty order.Names || List.contains target.Name order.Names)

        let share = int64 order.Seconds * 1000L / int64 wanted.Length
        Console.WriteLine("seed " + string order.Seed)

        let broken =
            wanted
            |> List.map (fun target ->
                let struct (count, outcomes, found) = hunt target order.Seed share

                Console.WriteLine(
                    target.Name.PadRight 12
                    + (string count).PadLeft 12
                    + " inputs"
                    + (string outcomes).PadLeft 7
                    + " outcomes"
                )

                List.iter (fun (told: string) -> Console.WriteLine("  " + told)) found
                found.Length)

        if List.sum broken = 0 then 0 else 1

/// The program: 0 without findings, 1 with some, 64 for a command line that is none.
let run (arguments: string list) : int =
    match arguments with
    | [ "--targets" ] ->
        targets |> List.iter (fun target -> Console.WriteLine target.Name)
        0
    | [ "--seed-corpus"; Known target; folder ] ->
        Corpus.seed targets target folder
        0
    | [ "--document" ] ->
        File.WriteAllText(Figures.document, Figures.written targets (File.ReadAllText Figures.document))
        0
    | "--replay" :: Known target :: files ->
        let found = replay target files
        List.iter (fun (told: string) -> Console.WriteLine told) found
        if found.IsEmpty then 0 else 1
    | _ -> hunts arguments
