/// The messages of other implementations, where they lie: in the folder that DKIM_CORPUS names, else in a folder
/// `corpus/dkim` of a directory beside the repository. They are never part of the repository.
module Dkim.Tests.Messages.OutsideCorpusTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Corpus
open Dkim.Tests.Judging

let private cases =
    lazy (outside.Value |> Option.map outsideCases |> Option.defaultValue [])

let private rows () =
    cases.Value
    |> List.filter (fun case -> not case.Disputed && (case.Unsigned || not case.Signatures.IsEmpty))
    |> List.map (fun case -> case.Id, [], case)

/// The words that a row allows; RFC 8301 is about DKIM, so DomainKeys keeps its own.
let private allowed (strict: bool) (expected: Expected) : string list =
    let usual = expected.Words "accept" @ expected.Words "expected"

    if not strict then
        usual
    else
        match expected.Kind, expected.Words "accept_rfc8301", expected.Words "expected_rfc8301" with
        | Dkim, (_ :: _ as words), _ -> words
        | Dkim, [], (_ :: _ as words) when words <> expected.Words "expected" -> words
        | Dkim, [], _ -> usual
        | DomainKeys, words, more -> usual @ words @ more

let private judgeFile policy (case: Case) =
    match outside.Value with
    | None -> []
    | Some found ->
        let octets = message found case
        judge policy (max 1 octets.Length) case octets

let private check (policy: VerifyPolicy) (strict: bool) (case: Case) =
    let judged = judgeFile policy case

    if case.Unsigned then
        Expect.about "nothing to judge" (fun () -> Expect.empty judged)

    for expected in case.Signatures do
        match tryNth expected.Kind expected.Index judged with
        | None -> Expect.about "not judged" (fun () -> Expect.has "none" (allowed strict expected))
        | Some one ->
            Expect.about (Verdict.describe one.Verdict) (fun () -> Expect.has (word one) (allowed strict expected))

let private disputedRow (case: Case) : string list =
    let judged = judgeFile legacy case

    case.Signatures
    |> List.map (fun expected ->
        let told =
            match tryNth expected.Kind expected.Index judged with
            | Some one -> word one + " | " + Verdict.describe one.Verdict
            | None -> "none | not judged"

        let kind = if expected.Kind = Dkim then "dkim" else "domainkeys"

        "| "
        + case.Id
        + " | "
        + kind
        + " "
        + string expected.Index
        + " | "
        + told
        + " |")

let private disputed () : string =
    let rows = cases.Value |> List.filter _.Disputed |> List.collect disputedRow

    String.concat
        "\n"
        ([
            "# Disputed messages"
            ""
            "Signatures in a collection of other implementations' test messages, which is not part of this project, on which"
            "those implementations or their own tests disagree. This is our answer to each with RFC 8301 switched off, and why."
            "A test compares this table with the present answers; `tools/update` writes it anew."
            ""
            "| case | signature | our word | why |"
            "|---|---|---|---|"
         ]
         @ rows)
    + "\n"

[<Tests>]
let tests =
    testList
        "OutsideCorpusTests"
        [
            testNamed "accepted words without RFC 8301" (rows ()) (fun (case: Case) -> check legacy false case)

            testNamed "accepted words with RFC 8301" (rows ()) (fun (case: Case) ->
                check VerifyPolicy.defaults true case)

            testCase "the corpus is there" (fun () ->
                match outside.Value with
                | None -> skiptest "no corpus/dkim beside the repository, and DKIM_CORPUS is not set"
                | Some _ -> Expect.about "DKIM_CORPUS names no corpus" (fun () -> Expect.above 0 cases.Value.Length))

            testCase "the table of disputed messages is true" (fun () ->
                let path = Path.Combine(root, "docs", "disputed.md")

                if cases.Value.IsEmpty then
                    skiptest "the corpus is not there"
                else
                    Made.check path (disputed ()))
        ]
