/// Inputs that broke a law once break none any more, nor do those that are kept for where they go; and the hunt for others,
/// for a short while.
module Dkim.Tests.Conformance.FindingsTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Tests.Conformance.Fuzzing

let private targets = Hunt.targets |> List.map _.Name

[<Tests>]
let tests =
    testList
        "FindingsTests"
        [
            testRows "what broke a law once, or is kept for where it goes, breaks none" targets (fun (name: string) ->
                let target = Hunt.targets |> List.find (fun target -> target.Name = name)
                let found = Corpus.findingsOf Hunt.targets target |> List.map Corpus.finding

                for input in found @ Corpus.kept target do
                    match Hunt.tryBreak target input with
                    | ValueSome problem -> failtest (problem + "\n" + Abnf.Shrinking.show input)
                    | ValueNone -> ())

            testCase "every finding is one of a target" (fun () ->
                let known =
                    Hunt.targets |> List.sumBy (Corpus.findingsOf Hunt.targets >> List.length)

                // All files but the one that says what they are.
                Expect.equal (Directory.GetFiles(Corpus.findings).Length - 1) known)

            testCase "the kept inputs are those of targets, and small" (fun () ->
                let archives = DirectoryInfo(Corpus.folder).GetFiles "*.tar.gz"

                for archive in archives do
                    let name = archive.Name.Replace(".tar.gz", "")
                    Expect.isTrue (List.contains name targets) name

                Expect.below 300_001L (archives |> Array.sumBy _.Length))

            testCase "docs/fuzzing.md has the figures of the ledger" (fun () ->
                let text = File.ReadAllText Figures.document
                Expect.equal (Figures.written Hunt.targets text) text)

            testRows "a short hunt finds nothing" targets (fun (name: string) ->
                let target = Hunt.targets |> List.find (fun target -> target.Name = name)
                let random = Random 7

                for _ in 1..400 do
                    let text = target.Make random

                    for input in [ text; Inputs.damaged random text text ] do
                        match Hunt.tryBreak target input with
                        | ValueSome problem -> failtest (problem + "\n" + Abnf.Shrinking.show input)
                        | ValueNone -> ())

            // What a target makes must be read, or its damage is damage of nothing.
            testRows "inputs of a target reach many outcomes" targets (fun (name: string) ->
                let target = Hunt.targets |> List.find (fun target -> target.Name = name)
                let random = Random 8

                let outcomes =
                    Seq.init 300 (fun _ -> target.Read(Inputs.damaged random "" (target.Make random)))
                    |> Seq.distinct

                Expect.above 3 (Seq.length outcomes))
        ]
