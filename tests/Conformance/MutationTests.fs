/// The lists of faults that `tools/mutate` plants must not rot: each fault still fits the sources and can be switched on.
module Dkim.Tests.Conformance.MutationTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests

type private Fault =
    {
        List: string
        Id: string
        File: string
        Before: string
        After: string
    }

let private folder = Path.Combine(Ledger.root, "tests", "mutation")

let private rows (name: string) =
    File.ReadAllLines(Path.Combine(folder, name))
    |> Array.filter (fun line -> line <> "" && not (line.StartsWith '#'))
    |> Array.map _.Split('\t')
    |> List.ofArray

/// What a cell stands for: `\n` is a line end, `\\n` the two characters of a source.
let private text (cell: string) =
    Regex.Replace(cell, @"\\?\\n", (fun found -> if found.Value = @"\n" then "\n" else @"\n"))

let private lists = [ "engine"; "programs"; "hosts"; "measured" ]

let private faults =
    lazy
        (lists
         |> List.filter (fun list -> File.Exists(Path.Combine(folder, list + ".tsv")))
         |> List.collect (fun list ->
             rows (list + ".tsv")
             |> List.map (fun cells ->
                 Expect.about cells[0] (fun () -> Expect.equal 5 cells.Length)

                 {
                     List = list
                     Id = cells[0]
                     File = cells[1]
                     Before = text cells[2]
                     After = text cells[3]
                 })))

let private count (part: string) (whole: string) = whole.Split(part).Length - 1

[<Tests>]
let tests =
    testList
        "MutationTests"
        [
            testCase "every planted fault stands in the sources once and has its switch" (fun () ->
                for fault in faults.Value do
                    let source = File.ReadAllText(Path.Combine(Ledger.root, fault.File))
                    Expect.about fault.Id (fun () -> Expect.equal 1 (count fault.Before source))
                    Expect.isTrue (fault.After.Contains "PLANTED") fault.Id

                Expect.unique (faults.Value |> List.map _.Id))

            testCase "faults are spread over all rooms of the core" (fun () ->
                let parts =
                    faults.Value
                    |> List.countBy (fun fault -> (fault.File.Split '/')[1])
                    |> Map.ofList

                for folder in Directory.GetDirectories(Path.Combine(Ledger.root, "Dkim.Core")) do
                    let part = string (Path.GetFileName folder)

                    if Directory.GetFiles(folder, "*.fs").Length > 0 then
                        Expect.about part (fun () ->
                            Expect.atLeast 5 (Map.tryFind part parts |> Option.defaultValue 0)))

            testCase "explained survivors are faults of the lists" (fun () ->
                let known = faults.Value |> List.map _.Id |> Set.ofList

                for cells in rows "survivors.tsv" do
                    Expect.about cells[0] (fun () -> Expect.equal 2 cells.Length)
                    Expect.isTrue (known.Contains cells[0]) cells[0])
        ]
