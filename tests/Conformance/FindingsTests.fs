/// Inputs that broke a law once break none any more; and the hunt for others, for a short while.
module Dkim.Tests.Conformance.FindingsTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core
open Dkim.Tests.Conformance.Fuzzing

let private files =
    Directory.GetFiles Hunt.findings
    |> Array.map (Path.GetFileName >> string)
    |> Array.filter (fun name -> name <> "README.md")
    |> List.ofArray

let private targets = Hunt.targets |> List.map _.Name

[<Tests>]
let tests =
    testList
        "FindingsTests"
        [
            testRows "a finding is one no more" files (fun (name: string) ->
                let target =
                    Hunt.targets
                    |> List.filter (fun target -> name.StartsWith(target.Name + "-", StringComparison.Ordinal))
                    |> List.maxBy _.Name.Length

                let text =
                    Octets.latin1 (ReadOnlySpan(File.ReadAllBytes(Path.Combine(Hunt.findings, name))))

                match Hunt.tryBreak target text with
                | ValueSome problem -> failtest problem
                | ValueNone -> ())

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
