/// Requirements and tests, checked against each other both ways.
module Dkim.Tests.Conformance.LedgerTests

open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Tests.Conformance.Ledger

let private ids = requirements |> List.map _.Id |> Set.ofList

let private isProven id = Proofs.provenBy.Value.ContainsKey id

[<Tests>]
let tests =
    testList
        "LedgerTests"
        [
            testCase "the ledger has every requirement once" (fun () ->
                Expect.equal 365 requirements.Length
                Expect.equal requirements.Length ids.Count

                for requirement in requirements do
                    Expect.matches @"^RFC\d{4}-[0-9A-Z.]+-\d+$" requirement.Id
                    Expect.notEmpty requirement.Statement
                    Expect.isTrue (Regex.IsMatch(requirement.Party, "^[SVBKARCP]$")) requirement.Id)

            testCase "no test names a requirement that does not exist" (fun () ->
                let strangers =
                    Proofs.all.Value
                    |> List.collect (fun proof ->
                        proof.Ids
                        |> List.filter (ids.Contains >> not)
                        |> List.map (fun id -> id + " in " + proof.Test.Name))

                Expect.empty strangers)

            testCase "what must be so has a test" (fun () ->
                let unproven =
                    requirements
                    |> List.filter (fun requirement ->
                        needsTest requirement
                        && not (isProven requirement.Id)
                        && not (inapplicable.ContainsKey requirement.Id))
                    |> List.map _.Id

                Expect.empty unproven)

            testCase "what should or may be so has a test or a decision" (fun () ->
                let decided = decisions |> List.map _.Id |> Set.ofList

                let open' =
                    requirements
                    |> List.filter (fun requirement ->
                        not (needsTest requirement)
                        && not (isProven requirement.Id)
                        && not (decided.Contains requirement.Id)
                        && not (inapplicable.ContainsKey requirement.Id))
                    |> List.map _.Id

                Expect.empty open')

            testCase "decisions are about requirements that leave a choice, or stand beside the proof" (fun () ->
                for decision in decisions do
                    let requirement =
                        requirements |> List.find (fun requirement -> requirement.Id = decision.Id)

                    Expect.isTrue (isProven decision.Id || not (needsTest requirement)) decision.Id
                    Expect.notEmpty decision.Text

                Expect.unique (decisions |> List.map _.Id))

            testCase "only an experiment is not offered, and nothing proves it" (fun () ->
                for entry in inapplicable do
                    Expect.startsWith "RFC6541-" entry.Key
                    Expect.isFalse (isProven entry.Key) entry.Key
                    Expect.notEmpty entry.Value)

            testCase "tests have names of their own" (fun () ->
                let twice =
                    Proofs.all.Value
                    |> List.map (fun proof -> proof.Test.Group, proof.Test.Name)
                    |> List.countBy id
                    |> List.filter (fun (_, count) -> count > 1)

                Expect.empty twice)
        ]
