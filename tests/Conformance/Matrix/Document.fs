/// docs/conformance.md: requirements, the tests that prove them, what became of those, and the rivals. Generated.
module Dkim.Tests.Conformance.Document

open System
open System.IO
open System.Globalization
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Tests.ResultFile
open Dkim.Tests.Conformance.Ledger
open Dkim.Tests.Conformance.Proofs
open Dkim.Tests.Conformance.Results

let path = Path.Combine(root, "docs", "conformance.md")

let private cell (text: string) =
    text.Replace("|", "&#124;").Replace("\n", " ")

let private tests (id: string) : TestName list =
    provenBy.Value.TryFind id |> Option.defaultValue []

/// A test in a cell: its group and its name without the ids that it begins with.
let testText (test: TestName) : string =
    let words =
        test.Name.Replace('_', ' ').Split ' '
        |> Array.skipWhile (fun word -> word.StartsWith "RFC" && word.Contains '-')

    test.Group + ": " + String.Join(' ', words)

let private testsCell (id: string) : string =
    let messages, others =
        tests id |> List.partition (fun test -> test.Group = "corpus")

    let shown =
        (others |> List.map testText)
        @ (if messages.IsEmpty then
               []
           else
               [ "corpus: " + String.Join(", ", messages |> List.map _.Name) ])

    cell (String.Join("; ", shown))

/// How all tests of a requirement ended together.
let outcome (results: Map<TestName, TestResult>) (id: string) : string =
    let endings = tests id |> List.map (fun test -> Map.tryFind test results)

    let has ending =
        endings |> List.exists (Option.exists (fun result -> result.Ending = ending))

    if endings.IsEmpty then "–"
    elif has Failed then "FAIL"
    elif has Passed then "pass"
    elif has Skipped then "skipped"
    else "not run"

/// What stands between the tests and a decision beside them.
[<Literal>]
let Aside = "<br>But: "

let private decisionText (decision: Decision) : string =
    if decision.Setting = "" then
        decision.Text
    else
        decision.Text + " Setting: `" + decision.Setting + "`."

let private outcomeCell results (requirement: Requirement) =
    let isProven = not (tests requirement.Id).IsEmpty
    let isThis (decision: Decision) = decision.Id = requirement.Id

    match inapplicable.TryFind requirement.Id, List.tryFind isThis decisions with
    | Some reason, _ -> "not offered", reason
    | None, Some decision when isProven ->
        outcome results requirement.Id, testsCell requirement.Id + Aside + decisionText decision
    | None, Some decision -> "decided", decisionText decision
    | None, None when isProven -> outcome results requirement.Id, testsCell requirement.Id
    | None, None -> "no test", ""

let private requirementRow results (requirement: Requirement) =
    let result, proof = outcomeCell results requirement

    String.Join(
        " | ",
        [
            "| " + requirement.Id
            letter requirement.Level
            cell requirement.Statement
            proof
            result + " |"
        ]
    )

/// What rests on one test alone, messages of the corpus counted one by one.
let private isWeak (requirement: Requirement) =
    needsTest requirement
    && not (inapplicable.ContainsKey requirement.Id)
    && (tests requirement.Id).Length < 2

let private summaryRow results (part: string, requirements: Requirement list) =
    let obligatory = requirements |> List.filter needsTest

    let count (predicate: Requirement -> bool) (list: Requirement list) =
        string (list |> List.filter predicate |> List.length)

    let isPass (requirement: Requirement) = outcome results requirement.Id = "pass"
    let weak = requirements |> List.filter isWeak |> List.map _.Id

    let distinct =
        requirements
        |> List.collect (fun requirement -> tests requirement.Id)
        |> List.distinct

    String.Join(
        " | ",
        [
            "| " + cell part
            count isPass obligatory + "/" + string obligatory.Length
            count isPass (requirements |> List.filter (needsTest >> not))
            count
                (fun requirement ->
                    not (needsTest requirement)
                    && decisions |> List.exists (fun decision -> decision.Id = requirement.Id))
                requirements
            string distinct.Length
            String.Join(", ", weak) + " |"
        ]
    )

let private ledgerPart results : string list =
    let parts =
        requirements
        |> List.map _.Part
        |> List.distinct
        |> List.map (fun part -> part, requirements |> List.filter (fun requirement -> requirement.Part = part))

    [
        "## Summary"
        ""
        "M and D: what a standard says must be so, or what its grammar or plain text decides. S and O: what it recommends or"
        "leaves open; each has a test, or a decision with the setting that changes it. A decision behind the tests (But: ...)"
        "says where a program does otherwise by default, as the original did. The last column names the M and D items that rest"
        "on a single test: where the proof is weakest."
        ""
        "| part | M and D pass | S and O pass | decided | tests | rest on one test |"
        "|---|---|---|---|---|---|"
        yield! parts |> List.map (summaryRow results)
        ""
        "## Requirements"
        for part, requirements in parts do
            ""
            "### " + part
            ""
            "| id | level | requirement | proof | outcome |"
            "|---|---|---|---|---|"
            yield! requirements |> List.map (requirementRow results)
    ]

let private isPass word = word = "pass"

let private isSaid word = word <> "absent" && word <> "n/a"

let private agreement (rows: Rivals.Row list) : string list =
    let line name (wordOf: Rivals.Row -> string) =
        let judged = rows |> List.filter (wordOf >> isSaid)
        let settled = judged |> List.filter (fun row -> not row.IsOpen)

        let wrongPass =
            settled |> List.filter (fun row -> isPass (wordOf row) && not row.ShouldPass)

        let wrongRefusal =
            settled |> List.filter (fun row -> row.ShouldPass && not (isPass (wordOf row)))

        "| "
        + name
        + " | "
        + string settled.Length
        + " | "
        + string (settled.Length - wrongPass.Length - wrongRefusal.Length)
        + " | "
        + string wrongPass.Length
        + " | "
        + string wrongRefusal.Length
        + " |"

    [
        "| implementation | signatures | as expected | passes what should not | does not pass what should |"
        "|---|---|---|---|---|"
        line "this project" _.Ours
        for index, name in List.indexed Rivals.names do
            line name (fun row -> row.Theirs[index])
    ]

let private rivalRow (row: Rivals.Row) : string =
    let signature =
        (if row.Kind = Dkim then "dkim " else "domainkeys ") + string row.Index

    let expected =
        (if row.ShouldPass then "pass" else "no pass")
        + (if row.IsOpen then ", or not" else "")

    "| "
    + String.Join(" | ", [ row.Case; signature; expected; row.Ours ] @ row.Theirs)
    + " |"

/// Signatures on which the implementations do not agree.
let private isSplit (row: Rivals.Row) =
    row.Ours :: row.Theirs
    |> List.filter isSaid
    |> List.map isPass
    |> List.distinct
    |> List.length
        >
        1

let private ownPart (rows: Rivals.Row list) : string list =
    let header =
        "| message | signature | expected | this project | "
        + String.Join(" | ", Rivals.names)
        + " |"

    [
        "### Our corpus, signature by signature"
        ""
        yield! agreement rows
        ""
        "All rows on which somebody differs come first. `refused`: it would not look at the message; `–`: no word on this"
        "signature; `n/a`: not counted, since Mail::DKIM does not claim to know Ed25519, nor dkimpy and OpenDKIM DomainKeys."
        "Why each differs is in `tests/Messages/making/disagreements.py`."
        ""
        header
        "|---|---|---|---|---|---|---|"
        yield! rows |> List.filter isSplit |> List.map rivalRow
        yield! rows |> List.filter (isSplit >> not) |> List.map rivalRow
    ]

let private outsidePart (rows: Rivals.Row list) : string list =
    [
        "### A collection of other implementations' test messages"
        ""
        if rows.IsEmpty then
            "Not at hand when this was made."
        else
            "Their texts are not part of this project; signatures on which their authors disagree are in"
            "[disputed.md](disputed.md)."
            ""
            yield! agreement rows

            let ours =
                rows
                |> List.filter (fun row -> not row.IsOpen && isPass row.Ours <> row.ShouldPass)
                |> List.map _.Case
                |> List.distinct

            ""

            if ours.IsEmpty then
                "We differ from none of them."
            else
                "We differ in: " + String.Join(", ", ours) + "."
    ]

/// The whole document.
let render (date: DateTime) results (versions: (string * string) list) own outside : string =
    let day = date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)

    let cases =
        results
        |> Map.toList
        |> List.sumBy (fun (_, result: TestResult) -> result.Cases)

    let failed =
        results
        |> Map.toList
        |> List.filter (fun (_, result: TestResult) -> result.Ending = Failed)
        |> List.map (fun (test, _) -> test.Group + ": " + test.Name)

    [
        "# Conformance"
        ""
        "Generated by `tools/conformance` on "
        + day
        + " from the results of "
        + string cases
        + " test cases. Do not edit: a test compares the"
        "ledger part with the tests that there are."
        ""
        if not failed.IsEmpty then
            "Failed in this run: " + cell (String.Join("; ", failed)) + "."
            ""
        yield! ledgerPart results
        ""
        "## Rivals"
        ""
        "The same messages, keys and clock on the same day for all, RFC 8301 switched off here, since the others do not have"
        "it: "
        + String.Join(", ", versions |> List.map (fun (name, version) -> name + " " + version))
        + " as Debian ships them."
        ""
        yield! ownPart own
        ""
        yield! outsidePart outside
        ""
    ]
    |> String.concat "\n"
