/// `tools/differ`: the long run, and docs/disagreements.md that it writes.
module Dkim.Tests.Messages.Differential.Report

open System
open System.IO
open Dkim.Tests.Corpus
open Dkim.Tests.Peers
open Dkim.Tests.Messages.Differential.Judges
open Dkim.Tests.Messages.Differential.Hunt

let path = Path.Combine(root, "docs", "disagreements.md")

let private cell (text: string) = text.Replace("|", "\\|")

let private classRow (tally: Tally) (one: Classes.Class) : string =
    let counts =
        one.Peers
        |> List.map (fun peer ->
            match tally.Known.TryGetValue((one.Id, peer)) with
            | true, (count, _) -> peer + " " + string count
            | false, _ -> peer + " 0")

    [
        one.Id
        String.concat ", " counts
        Outcome.name one.Ours
        Outcome.name one.Theirs
        one.Source
        one.Why
    ]
    |> List.map cell
    |> String.concat " | "
    |> fun cells -> "| " + cells + " |"

/// What decided a class, for the smallest message that shows it.
let private example (others: Others) (tally: Tally) (one: Classes.Class) : string list =
    one.Peers
    |> List.tryPick (fun peer ->
        match tally.Known.TryGetValue((one.Id, peer)) with
        | true, (_, finding) -> Some finding
        | false, _ -> None)
    |> function
        | None -> []
        | Some finding ->
            [
                ""
                "### " + one.Id
                ""
                "<!-- no recipe: a message -->"
                "```"
                describe (reduce others finding)
                "```"
            ]

let private render (others: Others) (order: string) (seed: int) (tally: Tally) : string =
    [
        "# Disagreements with other verifiers"
        ""
        "Messages are made from seeds: signed in every algorithm and canonicalization, by our signer or with tags written"
        "freely and then signed, with edges of every tag and key record, and damaged on the way. We, dkimpy, Mail::DKIM and"
        "OpenDKIM judge each with the same key records and the same clock; RFC 8301 is off, because none of the others knows"
        "it. Where one of them says something else than we do, the message belongs to a class of this table, with the text"
        "that decides; a disagreement of no class fails the test and is either a mistake of ours or a new row."
        ""
        "The classes are `tests/Messages/Differential/classes.tsv`; `tools/differ` runs, counts and writes this page. Ed25519 is not"
        "asked of Mail::DKIM, nor DomainKeys of the others: they do not have them. Several classes may fit a message; it counts"
        "for the first."
        ""
        "## The run that this page shows"
        ""
        "- " + order
        "- "
        + string tally.Messages
        + " messages from seed "
        + string seed
        + ", of which we pass "
        + string tally.Passed
        "- "
        + string tally.Opinions
        + " opinions of the others, of which "
        + string tally.Differing
        + " differ from ours"
        "- " + string tally.NewsCount + " disagreements that no class explains"
        ""
        "## Classes"
        ""
        "| class | who, how often | we | they | decided by | why |"
        "|---|---|---|---|---|---|"
        yield! Classes.all.Value |> List.map (classRow tally)
        ""
        "## Reduced messages"
        ""
        "One for each class that the run met, as small as it could be made while the same implementation differs in the same"
        "way; a star marks it. Line ends and white space are spelled out, keys of records left out."
        yield! Classes.all.Value |> List.collect (example others tally)
        ""
    ]
    |> String.concat "\n"

let private usage =
    "usage: tools/differ [--messages N] [--seed S] [--no-page]\n       tools/differ --show SEED"

let private (|Number|_|) (text: string) =
    match Int32.TryParse text with
    | true, number when number >= 0 -> Some number
    | _ -> None

type private Order =
    { Messages: int; Seed: int; Page: bool }

let rec private tryOrder (order: Order) (arguments: string list) : Order voption =
    match arguments with
    | [] -> ValueSome order
    | "--messages" :: Number messages :: rest -> tryOrder { order with Messages = messages } rest
    | "--seed" :: Number seed :: rest -> tryOrder { order with Seed = seed } rest
    | "--no-page" :: rest -> tryOrder { order with Page = false } rest
    | _ -> ValueNone

/// Of more findings than these, one cause makes most; they are told as they came.
[<Literal>]
let private MostReduced = 25

/// Prints what is news, reduced.
let private tellNews (others: Others) (tally: Tally) =
    for index, finding in Seq.indexed tally.News do
        let told =
            if index < MostReduced then
                reduce others finding
            else
                finding

        Console.WriteLine(describe told + "\n")

let private compare (order: Order) : int =
    use others = new Others()
    let watch = Diagnostics.Stopwatch.StartNew()
    let tally = run others order.Seed order.Messages TimeSpan.MaxValue
    let seconds = int watch.Elapsed.TotalSeconds

    let line =
        DateTime.UtcNow.ToString("yyyy-MM-dd", Globalization.CultureInfo.InvariantCulture)
        + ", "
        + string seconds
        + " s, with "
        + String.Join(", ", others.Present)

    tellNews others tally

    Console.WriteLine(
        string tally.Messages
        + " messages, "
        + string tally.Differing
        + " of "
        + string tally.Opinions
        + " opinions differ, "
        + string tally.NewsCount
        + " of no class"
    )

    if order.Page then
        File.WriteAllText(path, render others line order.Seed tally)

    if tally.NewsCount = 0 then 0 else 1

let private showSeed (seed: int) : int =
    use others = new Others()

    match Recipe.tryMake (Making.recipe seed) with
    | ValueNone ->
        Console.WriteLine "the signer refuses this one"
        0
    | ValueSome sample ->
        let hearing = hear others sample
        let opinion = List.tryHead hearing.Differing

        Console.WriteLine(
            describe
                {
                    Seed = seed
                    Hearing = hearing
                    Opinion =
                        opinion
                        |> Option.defaultValue
                            {
                                Peer = ""
                                Outcome = hearing.Ours
                                Reason = ""
                            }
                }
        )

        0

/// The program: 0 without news, 1 with some, 64 for a command line that is none.
let run (arguments: string list) : int =
    match arguments with
    | [ "--show"; Number seed ] -> showSeed seed
    | _ ->
        match
            tryOrder
                {
                    Messages = 20000
                    Seed = 1
                    Page = true
                }
                arguments
        with
        | ValueSome order -> compare order
        | ValueNone ->
            Console.Error.WriteLine usage
            64
