/// The list of faults that `tools/mutate` plants must not rot: each still fits the sources.
module Dkim.Standards.MutationTests

open System.IO
open Expecto
open Dkim.Tests

type private Fault =
    {
        Id: string
        File: string
        Before: string
        After: string
    }

let private rows (name: string) =
    File.ReadAllLines(Path.Combine(Ledger.root, "tests", "mutation", name))
    |> Array.filter (fun line -> line <> "" && not (line.StartsWith '#'))
    |> Array.map _.Split('\t')
    |> List.ofArray

let private text (cell: string) = cell.Replace(@"\n", "\n")

let private faults =
    lazy
        (rows "faults.tsv"
         |> List.map (fun cells ->
             Expect.about cells[0] (fun () -> Expect.equal 5 cells.Length)

             {
                 Id = cells[0]
                 File = cells[1]
                 Before = text cells[2]
                 After = text cells[3]
             }))

let private count (part: string) (whole: string) = whole.Split(part).Length - 1

[<Tests>]
let tests =
    testList
        "MutationTests"
        [
            testCase "every planted fault stands in the sources once and changes something" (fun () ->
                for fault in faults.Value do
                    let source = File.ReadAllText(Path.Combine(Ledger.root, fault.File))
                    Expect.about fault.Id (fun () -> Expect.equal 1 (count fault.Before source))
                    Expect.about fault.Id (fun () -> Expect.differs fault.Before fault.After)

                Expect.unique (faults.Value |> List.map _.Id))

            testCase "faults are spread over all parts of the core" (fun () ->
                Expect.atLeast 60 faults.Value.Length

                let parts =
                    faults.Value
                    |> List.countBy (fun fault -> (fault.File.Split '/')[1])
                    |> Map.ofList

                for folder in Directory.GetDirectories(Path.Combine(Ledger.root, "Dkim.Core")) do
                    let part = string (Path.GetFileName folder)

                    if Directory.GetFiles(folder, "*.fs").Length > 0 then
                        Expect.about part (fun () ->
                            Expect.atLeast 5 (Map.tryFind part parts |> Option.defaultValue 0)))

            testCase "explained survivors are faults of the list" (fun () ->
                let known = faults.Value |> List.map _.Id |> Set.ofList

                for cells in rows "survivors.tsv" do
                    Expect.about cells[0] (fun () -> Expect.equal 2 cells.Length)
                    Expect.isTrue (known.Contains cells[0]) cells[0])
        ]
