/// Many messages before all verifiers; disagreements are sorted into classes, and those of no class are reduced.
module Dkim.Tests.Messages.Differential.Hunt

open System
open System.Collections.Generic
open System.Diagnostics
open System.Text
open System.Text.RegularExpressions
open Dkim.Tests.Peers
open Dkim.Tests.Messages.Differential.Recipe
open Dkim.Tests.Messages.Differential.Judges

/// A disagreement: the seed that made it, its hearing, who differed.
type Finding =
    {
        Seed: int
        Hearing: Hearing
        Opinion: Opinion
    }

/// The figures of a run.
type Tally =
    {
        Messages: int
        Passed: int
        /// Opinions asked of the others, and how many of them differed.
        Opinions: int
        Differing: int
        /// Of each class and implementation: how often, and the first finding.
        Known: Dictionary<string * string, int * Finding>
        /// The first finding of each kind that no class knows.
        News: List<Finding>
        NewsCount: int
    }

let private without (index: int) (items: 'a list) = List.removeAt index items

/// Recipes with less in them, the boldest first.
let private smaller (recipe: Recipe) : Recipe seq =
    seq {
        for index in 0 .. recipe.Edits.Length - 1 do
            { recipe with
                Edits = without index recipe.Edits
            }

        for index in 0 .. recipe.Fields.Length - 1 do
            { recipe with
                Fields = without index recipe.Fields
                Above = min recipe.Above (recipe.Fields.Length - 1)
            }

        if recipe.Above > 0 then
            { recipe with Above = 0 }

        for body in [ ""; "\r\n"; "a\r\n" ] do
            if recipe.Body.Length > body.Length then
                { recipe with Body = body }

        for index in 0 .. recipe.Tags.Length - 1 do
            if not (recipe.Tags[index].Contains "<b>") then
                { recipe with
                    Tags = without index recipe.Tags
                }

        let plain =
            "k="
            + (if recipe.KeyFile = "ed25519" then "ed25519" else "rsa")
            + "; p="
            + keyData recipe.KeyFile

        if recipe.Records <> [ plain ] then
            { recipe with Records = [ plain ] }

        for index in 0 .. recipe.Fields.Length - 1 do
            for text in [ "From: a@example.com"; "To: b" ] do
                if recipe.Fields[index].Length > text.Length then
                    { recipe with
                        Fields = List.updateAt index text recipe.Fields
                    }

        for at in 0 .. min 60 (recipe.Body.Length - 1) do
            { recipe with
                Body = recipe.Body.Remove(at, 1)
            }

        for index in 0 .. recipe.Tags.Length - 1 do
            let trimmed = recipe.Tags[index].Trim()

            if trimmed <> recipe.Tags[index] then
                { recipe with
                    Tags = List.updateAt index trimmed recipe.Tags
                }
    }

[<Literal>]
let private MostTries = 400

[<Literal>]
let private MostNews = 300

/// A reason without what differs from message to message.
let private kindOf (reason: string) =
    let quoted = reason.IndexOf "b'"
    let text = if quoted < 0 then reason else reason.Substring(0, quoted)
    Regex.Replace(text, "[0-9]+", "0")

/// The same disagreement in a smaller message: the same implementation, the same outcomes, the same class or none.
let reduce (others: Others) (finding: Finding) : Finding =
    let classOf hearing opinion =
        Classes.tryFind hearing opinion |> ValueOption.map _.Id

    let wanted = classOf finding.Hearing finding.Opinion
    let mutable tries = 0

    let trySame (recipe: Recipe) =
        tries <- tries + 1

        match tryMake recipe with
        | ValueNone -> None
        | ValueSome sample ->
            let hearing = hear others sample

            hearing.Differing
            |> List.tryFind (fun opinion ->
                opinion.Peer = finding.Opinion.Peer
                && opinion.Outcome = finding.Opinion.Outcome
                && hearing.Ours = finding.Hearing.Ours
                && classOf hearing opinion = wanted)
            |> Option.map (fun opinion ->
                { finding with
                    Hearing = hearing
                    Opinion = opinion
                })

    let rec go (known: Finding) =
        smaller known.Hearing.Sample.Recipe
        |> Seq.takeWhile (fun _ -> tries < MostTries)
        |> Seq.tryPick trySame
        |> function
            | Some less -> go less
            | None -> known

    go finding

/// Judges messages from a seed on, until there were enough of them or the time is up. Hundreds of kinds of news
/// end it too.
let run (others: Others) (first: int) (messages: int) (limit: TimeSpan) : Tally =
    let known = Dictionary<string * string, int * Finding>()
    let news = List<Finding>()
    let kinds = HashSet<struct (string * string * string)>()
    let mutable newsCount = 0
    let watch = Stopwatch.StartNew()
    let mutable heard = 0
    let mutable passed = 0
    let mutable opinions = 0
    let mutable differing = 0
    let mutable seed = first

    while heard < messages && watch.Elapsed < limit && news.Count < MostNews do
        match tryMake (Making.recipe seed) with
        | ValueNone -> ()
        | ValueSome sample ->
            let hearing = hear others sample
            heard <- heard + 1
            opinions <- opinions + hearing.Others.Length

            if hearing.Ours = Passes then
                passed <- passed + 1

            for opinion in hearing.Differing do
                differing <- differing + 1

                let finding =
                    {
                        Seed = seed
                        Hearing = hearing
                        Opinion = opinion
                    }

                match Classes.tryFind hearing opinion with
                | ValueNone ->
                    newsCount <- newsCount + 1

                    if kinds.Add(struct (opinion.Peer, kindOf hearing.OurReason, kindOf opinion.Reason)) then
                        news.Add finding
                | ValueSome one ->
                    let key = one.Id, opinion.Peer

                    match known.TryGetValue key with
                    | true, (count, earliest) -> known[key] <- (count + 1, earliest)
                    | false, _ -> known[key] <- (1, finding)

        seed <- seed + 1

    {
        Messages = heard
        Passed = passed
        Opinions = opinions
        Differing = differing
        Known = known
        News = news
        NewsCount = newsCount
    }

/// Octets as text that a terminal and a page can show.
let private show (octets: byte[]) : string =
    let text = StringBuilder()

    for octet in octets do
        match octet with
        | 13uy -> text.Append "\\r"
        | 10uy -> text.Append "\\n\n"
        | 9uy -> text.Append "\\t"
        | 92uy -> text.Append "\\\\"
        | _ when octet < 32uy || octet > 126uy -> text.Append("\\x").Append(octet.ToString "X2")
        | _ -> text.Append(char octet)
        |> ignore

    text.ToString().TrimEnd '\n'

/// A finding in words, with its message and records.
let describe (finding: Finding) : string =
    let hearing = finding.Hearing
    let recipe = hearing.Sample.Recipe

    String.concat
        "\n"
        [
            "seed "
            + string finding.Seed
            + ": we say "
            + Outcome.name hearing.Ours
            + " ("
            + hearing.OurReason
            + ")"
            yield!
                hearing.Others
                |> List.map (fun one ->
                    (if one.Peer = finding.Opinion.Peer then "* " else "  ")
                    + one.Peer
                    + ": "
                    + Outcome.name one.Outcome
                    + " ("
                    + one.Reason
                    + ")")
            show hearing.Sample.Octets
            yield!
                recipe.Records
                |> List.map (fun record ->
                    "-- "
                    + keyName recipe
                    + ": "
                    + show (Encoding.Latin1.GetBytes(record.Replace(keyData recipe.KeyFile, "<key>"))))
            if recipe.Failing then
                "-- the lookup fails"
        ]
