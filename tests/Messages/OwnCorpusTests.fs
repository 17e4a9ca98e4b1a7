/// Every row of corpus.json is a test. It proves the requirements that it shows.
module Dkim.Tests.Messages.OwnCorpusTests

open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Corpus
open Dkim.Tests.Judging

let private cases = lazy read (Path.Combine(folder, "corpus.json"))

let private rows () =
    cases.Value |> List.map (fun case -> case.Id, case.Proves, case)

let private check (judged: SignatureResult list) (expected: Expected) (property: string) =
    let name =
        (if expected.Kind = Dkim then "DKIM " else "DomainKeys ")
        + string expected.Index

    match expected.Words property, tryNth expected.Kind expected.Index judged with
    | [], _ -> ()
    | _, None -> failtest (name + " was not judged")
    | words, Some one ->
        let told = name + ", " + property + ": " + Verdict.describe one.Verdict
        Expect.about told (fun () -> Expect.equal words.Head (word one))

let private checkDetails (judged: SignatureResult list) (expected: Expected) =
    tryNth expected.Kind expected.Index judged
    |> Option.iter (fun one ->
        match expected.UnsignedOctets with
        | ValueSome octets ->
            Expect.about "octets beyond l=" (fun () -> Expect.equal octets (int64 one.UnsignedOctets))
        | ValueNone -> ()

        match expected.Testing with
        | ValueSome testing -> Expect.about "t=y" (fun () -> Expect.equal testing one.Testing)
        | ValueNone -> ())

[<Tests>]
let tests =
    testList
        "OwnCorpusTests"
        [
            testNamed "each signature gets its word" (rows ()) (fun (case: Case) ->
                let octets = message folder case
                let usual = judge VerifyPolicy.defaults octets.Length case octets
                let old = judge legacy octets.Length case octets
                let strict = judge whole octets.Length case octets

                if case.Signatures.IsEmpty then
                    Expect.about "nothing to judge" (fun () -> Expect.empty usual)

                for expected in case.Signatures do
                    check usual expected "result"
                    check old expected "legacy"
                    check strict expected "whole"
                    checkDetails usual expected

                    Expect.about "the row contradicts itself" (fun () ->
                        Expect.has ((expected.Words "result").Head) (expected.Words "accept")))

            testNamed "pieces make no difference" (rows ()) (fun (case: Case) ->
                let octets = message folder case

                let verdicts size =
                    judge VerifyPolicy.defaults size case octets |> List.map _.Verdict

                let size = if octets.Length > 20000 then 997 else 1
                Expect.equal (verdicts (max 1 octets.Length)) (verdicts size))

            testCase "the corpus is as large as it says" (fun () ->
                let files =
                    Directory.GetFiles(folder, "*.eml")
                    |> Array.map (Path.GetFileName >> string)
                    |> Set.ofArray

                let named = cases.Value |> List.map _.File |> Set.ofList
                Expect.about "every message has its row and every row its message" (fun () -> Expect.equal named files)
                Expect.atLeast 80 named.Count)
        ]
