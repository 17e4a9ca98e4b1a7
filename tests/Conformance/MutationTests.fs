/// The list of faults that `./mutate` plants must not rot: each still fits the sources.
module Dkim.Standards.MutationTests

open System.IO
open NUnit.Framework

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
             Assert.That(cells, Has.Length.EqualTo 5, cells[0])

             {
                 Id = cells[0]
                 File = cells[1]
                 Before = text cells[2]
                 After = text cells[3]
             }))

let private count (part: string) (whole: string) = whole.Split(part).Length - 1

[<Test>]
let ``every planted fault stands in the sources once and changes something`` () =
    for fault in faults.Value do
        let source = File.ReadAllText(Path.Combine(Ledger.root, fault.File))
        Assert.That(count fault.Before source, Is.EqualTo 1, fault.Id)
        Assert.That(fault.After, Is.Not.EqualTo fault.Before, fault.Id)

    Assert.That(faults.Value |> List.map _.Id, Is.Unique)

[<Test>]
let ``faults are spread over all parts of the core`` () =
    Assert.That(faults.Value.Length, Is.GreaterThanOrEqualTo 60)

    let parts =
        faults.Value
        |> List.countBy (fun fault -> (fault.File.Split '/')[1])
        |> Map.ofList

    for folder in Directory.GetDirectories(Path.Combine(Ledger.root, "Dkim.Core")) do
        let part = Path.GetFileName folder

        if Directory.GetFiles(folder, "*.fs").Length > 0 then
            Assert.That(Map.tryFind part parts |> Option.defaultValue 0, Is.GreaterThanOrEqualTo 5, part)

[<Test>]
let ``explained survivors are faults of the list`` () =
    let known = faults.Value |> List.map _.Id |> Set.ofList

    for cells in rows "survivors.tsv" do
        Assert.That(cells, Has.Length.EqualTo 2, cells[0])
        Assert.That(known.Contains cells[0], cells[0])
