/// Every row of corpus.json is a test. Its categories are the requirements that it shows.
module Dkim.Messages.OwnCorpusTests

open System.IO
open NUnit.Framework
open Dkim.Core
open Dkim.Messages.Corpus
open Dkim.Messages.Judging

let private cases = lazy read (Path.Combine(folder, "corpus.json"))

let rows () =
    cases.Value
    |> List.map (fun case ->
        let row = TestCaseData(case).SetArgDisplayNames case.Id
        case.Proves |> List.fold (fun (row: TestCaseData) id -> row.SetCategory id) row)

let private check (judged: Judged list) (expected: Expected) (property: string) =
    let name =
        (if expected.Kind = Dkim then "DKIM " else "DomainKeys ")
        + string expected.Index

    match expected.Words property, tryNth expected.Kind expected.Index judged with
    | [], _ -> ()
    | _, None -> Assert.Fail(name + " was not judged")
    | words, Some one ->
        let told = name + ", " + property + ": " + Verdict.describe one.Verdict
        Assert.That(word one, Is.EqualTo words.Head, told)

let private checkDetails (judged: Judged list) (expected: Expected) =
    tryNth expected.Kind expected.Index judged
    |> Option.iter (fun one ->
        match expected.UnsignedOctets with
        | ValueSome octets -> Assert.That(int64 one.UnsignedOctets, Is.EqualTo octets, "octets beyond l=")
        | ValueNone -> ()

        match expected.Testing with
        | ValueSome testing -> Assert.That(one.Testing, Is.EqualTo testing, "t=y")
        | ValueNone -> ())

[<TestCaseSource(nameof rows)>]
let ``each signature gets its word`` (case: Case) =
    let octets = message folder case
    let usual = judge VerifyPolicy.defaults octets.Length case octets
    let old = judge legacy octets.Length case octets
    let strict = judge whole octets.Length case octets

    if case.Signatures.IsEmpty then
        Assert.That(usual, Is.Empty, "nothing to judge")

    for expected in case.Signatures do
        check usual expected "result"
        check old expected "legacy"
        check strict expected "whole"
        checkDetails usual expected
        Assert.That(expected.Words "accept", Does.Contain((expected.Words "result").Head), "the row contradicts itself")

[<TestCaseSource(nameof rows)>]
let ``pieces make no difference`` (case: Case) =
    let octets = message folder case

    let verdicts size =
        judge VerifyPolicy.defaults size case octets |> List.map _.Verdict

    let size = if octets.Length > 20000 then 997 else 1
    Assert.That(verdicts size, Is.EqualTo(box (verdicts (max 1 octets.Length))))

[<Test>]
let ``the corpus is as large as it says`` () =
    let files =
        Directory.GetFiles(folder, "*.eml") |> Array.map Path.GetFileName |> Set.ofArray

    let named = cases.Value |> List.map _.File |> Set.ofList
    Assert.That(files, Is.EqualTo(box named), "every message has its row and every row its message")
    Assert.That(named.Count, Is.GreaterThanOrEqualTo 80)
