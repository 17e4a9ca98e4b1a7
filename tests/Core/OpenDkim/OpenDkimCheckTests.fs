/// What -n says of files (tests/opendkim/checks.json).
module Dkim.Tests.Core.OpenDkimCheckTests

open System
open System.IO
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Tests.Core

let private rows =
    let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "opendkim", "checks.json")
    List.ofSeq ((JsonDocument.Parse(File.ReadAllText path)).RootElement.EnumerateArray())

let private text (name: string) (row: JsonElement) : string =
    match row.TryGetProperty name with
    | true, value -> string (value.GetString())
    | false, _ -> ""

// A long text is not written out, and another file is beside the first.
let private whole (text: string) =
    text.Replace("{25000}", String('x', 25000)).Replace("{other}", "other")

let private files (row: JsonElement) : (string * string) list =
    let lines =
        [
            for line in (row.GetProperty "conf").EnumerateArray() -> string (line.GetString())
        ]

    let others =
        match row.TryGetProperty "files" with
        | true, files ->
            [
                for file in files.EnumerateObject() -> file.Name, whole (string (file.Value.GetString()))
            ]
        | false, _ -> []

    ("conf", whole (String.Join("\n", lines)) + "\n") :: others

[<Tests>]
let tests =
    testList
        "OpenDkimCheckTests"
        [
            for row in rows do
                testCase (text "id" row + ": " + text "about" row) (fun () ->
                    let said, exitCode =
                        FilterRuns.startOpenDkim Finding.noKey (files row) [ "-n"; "-x"; "conf" ]
                        |> Starts.printed

                    Expect.equal ((row.GetProperty "exit").GetInt32()) exitCode
                    Expect.contains (text "says" row) said)
        ]
