/// Broken mail and broken records as people have them (tests/broken-mail), each with what `dkim` has to say of it: a case is a
/// command, its exit code, texts that must be in what it prints, and texts that must not.
module Dkim.Tests.Core.BrokenMailTests

open System
open System.IO
open System.Text
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private folder =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "broken-mail"))

let private files: (string * string) list =
    Directory.GetFiles folder
    |> Array.map (fun path -> string (Path.GetFileName path), Encoding.Latin1.GetString(File.ReadAllBytes path))
    |> List.ofArray

let private texts (name: string) (case: JsonElement) : string list =
    [
        for text in case.GetProperty(name).EnumerateArray() do
            string (text.GetString())
    ]

/// What a command printed, with the escapes of JSON read.
let private said (ran: Ran) : string =
    let output = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes ran.Output)

    let rec all (element: JsonElement) : string seq =
        match element.ValueKind with
        | JsonValueKind.Object -> element.EnumerateObject() |> Seq.collect (fun pair -> all pair.Value)
        | JsonValueKind.Array -> element.EnumerateArray() |> Seq.collect all
        | _ -> Seq.singleton (element.ToString())

    if output.StartsWith '{' then
        output + String.Join("\n", all (JsonDocument.Parse(output).RootElement))
    else
        output

let private cases: JsonElement list =
    [
        for case in
            JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "cases.json"))).RootElement.EnumerateArray() do
            case
    ]

[<Tests>]
let tests =
    testList
        "BrokenMailTests"
        [
            testRows "each is told for what it is" (cases |> List.map (text "name")) (fun name ->
                let case = cases |> List.find (fun case -> text "name" case = name)
                let ran = dkim files (texts "run" case)
                let said = said ran
                Expect.equal (case.GetProperty("code").GetInt32()) ran.Code

                for part in texts "says" case do
                    Expect.contains part said

                for part in texts "lacks" case do
                    Expect.lacks part said)

            testCase "every message has a case" (fun () ->
                let run = cases |> List.collect (texts "run")

                for name, _ in files do
                    if name <> "cases.json" then
                        Expect.isTrue (List.contains name run) name)
        ]
