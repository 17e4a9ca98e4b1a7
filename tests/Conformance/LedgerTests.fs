/// Requirements and tests, checked against each other both ways.
module Dkim.Standards.LedgerTests

open System.Text.RegularExpressions
open NUnit.Framework
open Dkim.Standards.Ledger

let private ids = requirements |> List.map _.Id |> Set.ofList

let private isProven id =
    TestSources.provenBy.Value.ContainsKey id

[<Test>]
let ``the ledger has every requirement once`` () =
    Assert.That(requirements.Length, Is.EqualTo 365)
    Assert.That(ids.Count, Is.EqualTo requirements.Length)

    for requirement in requirements do
        Assert.That(requirement.Id, Does.Match @"^RFC\d{4}-[0-9A-Z.]+-\d+$")
        Assert.That(requirement.Statement, Is.Not.Empty)
        Assert.That(Regex.IsMatch(requirement.Party, "^[SVBKARCP]$"), requirement.Id)

[<Test>]
let ``no test names a requirement that does not exist`` () =
    let strangers =
        TestSources.all.Value
        |> List.collect (fun tracing ->
            tracing.Ids
            |> List.filter (ids.Contains >> not)
            |> List.map (fun id -> id + " in " + tracing.Test.Name))

    Assert.That(strangers, Is.Empty)

[<Test>]
let ``what must be so has a test`` () =
    let unproven =
        requirements
        |> List.filter (fun requirement ->
            needsTest requirement
            && not (isProven requirement.Id)
            && not (inapplicable.ContainsKey requirement.Id))
        |> List.map _.Id

    Assert.That(unproven, Is.Empty)

[<Test>]
let ``what should or may be so has a test or a decision`` () =
    let decided = decisions |> List.map _.Id |> Set.ofList

    let open' =
        requirements
        |> List.filter (fun requirement ->
            not (needsTest requirement)
            && not (isProven requirement.Id)
            && not (decided.Contains requirement.Id)
            && not (inapplicable.ContainsKey requirement.Id))
        |> List.map _.Id

    Assert.That(open', Is.Empty)

[<Test>]
let ``decisions are about requirements that leave a choice, or stand beside the proof`` () =
    for decision in decisions do
        let requirement =
            requirements |> List.find (fun requirement -> requirement.Id = decision.Id)

        Assert.That(isProven decision.Id || not (needsTest requirement), decision.Id)
        Assert.That(decision.Text, Is.Not.Empty)

    Assert.That(decisions |> List.map _.Id, Is.Unique)

[<Test>]
let ``only an experiment is not offered, and nothing proves it`` () =
    for entry in inapplicable do
        Assert.That(entry.Key, Does.StartWith "RFC6541-")
        Assert.That(isProven entry.Key, Is.False, entry.Key)
        Assert.That(entry.Value, Is.Not.Empty)

[<Test>]
let ``tests have names of their own`` () =
    let twice =
        TestSources.all.Value
        |> List.map _.Test
        |> List.countBy id
        |> List.filter (fun (_, count) -> count > 1)

    Assert.That(twice, Is.Empty)
