/// Tables of claims, each with the tests that show it, and the pages of docs/ that are made from them.
module Dkim.Tests.Conformance.Claims

open System
open System.IO
open Dkim.Tests
open Dkim.Tests.Conformance.Ledger

/// One row of a table: the section it stands in, what is claimed, how that comes about, and the tests that show it. A
/// proof is `GROUP: TEST`, or `corpus: MESSAGE, ...`, or `figure: ...` where no test but a measurement shows it.
type Claim =
    {
        Section: string
        What: string
        How: string
        Proofs: string list
    }

/// The rows of a table of tests/Conformance/ledger.
let read (name: string) : Claim list =
    File.ReadAllLines(Path.Combine(__SOURCE_DIRECTORY__, "ledger", name))
    |> List.ofArray
    |> List.map (fun line ->
        match line.Split '\t' with
        | [| section; what; how; proofs |] ->
            {
                Section = section
                What = what
                How = how
                Proofs = List.ofArray (proofs.Split "; ")
            }
        | _ -> invalidOp (name + ": " + line))

/// The tests that a claim names.
let tests (claim: Claim) : string list =
    claim.Proofs
    |> List.filter (fun proof -> not (proof.StartsWith "figure: "))
    |> List.collect (fun proof ->
        if proof.StartsWith "corpus: " then
            proof.Substring(8).Split ", "
            |> Array.map (fun name -> "corpus: " + name)
            |> List.ofArray
        else
            [ proof ])

let private known =
    lazy
        (Proofs.all.Value
         |> List.map (fun proof -> proof.Test.Group + ": " + proof.Test.Name)
         |> Set.ofList)

/// Fails for each test that a claim names and that does not exist.
let checkTests (claims: Claim list) =
    for claim in claims do
        Expect.notEmpty claim.Proofs

        for name in tests claim do
            Expect.isTrue (known.Value.Contains name) (claim.What + ": " + name)

/// A page: `opening`, then a table for each section with the three titles.
let page (opening: string list) (titles: string list) (claims: Claim list) : string =
    let cell (text: string) = text.Replace("|", "&#124;")

    let row cells =
        "| " + String.Join(" | ", cells |> List.map cell) + " |"

    [
        yield! opening
        for section, rows in claims |> List.groupBy _.Section do
            ""
            "## " + section
            ""
            row titles
            "|---|---|---|"

            for claim in rows do
                row [ claim.What; claim.How; String.Join("; ", claim.Proofs) ]
    ]
    |> List.map (fun line -> line + "\n")
    |> String.concat ""

/// Compares a page with the file of docs/.
let checkPage (name: string) (rendered: string) =
    Made.check (Path.Combine(root, "docs", name)) rendered
