/// Which test proves which requirement: of this suite the tests themselves say it, of the others their results.
module Dkim.Tests.Conformance.Proofs

open System.Reflection
open Dkim.Tests
open Dkim.Tests.Conformance.Results

type Proof =
    {
        Test: TestName
        /// The requirements that it proves.
        Ids: string list
    }

let private own () : Proof list =
    Suite.all (Assembly.GetExecutingAssembly())
    |> List.map (fun path ->
        let struct (group, name, row) = ResultFile.parts path

        {
            Test = testName "conformance" group name row
            Ids = path |> List.collect ResultFile.idsIn |> List.distinct
        })
    |> List.groupBy _.Test
    |> List.map (fun (test, cases) ->
        {
            Test = test
            Ids = cases |> List.collect _.Ids |> List.distinct
        })

let private ofResults (suite: string) : Proof list =
    Results.read suite
    |> List.map (fun result -> { Test = result.Test; Ids = result.Ids })

/// Every test of the project, with the requirements that it proves.
let all: Lazy<Proof list> =
    lazy (List.collect ofResults [ "core"; "properties"; "messages"; "hosts" ] @ own ())

/// Requirement to its tests.
let provenBy: Lazy<Map<string, TestName list>> =
    lazy
        (all.Value
         |> List.collect (fun proof -> proof.Ids |> List.map (fun id -> id, proof.Test))
         |> List.groupBy fst
         |> List.map (fun (id, pairs) -> id, pairs |> List.map snd |> List.distinct)
         |> Map.ofList)
