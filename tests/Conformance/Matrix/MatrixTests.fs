/// The published matrix: written where DKIM_WRITE_DOCS says so, compared with the tests otherwise.
module Dkim.Standards.MatrixTests

open System
open System.IO
open NUnit.Framework
open Dkim.Standards.Ledger

let private write () =
    use others = new Dkim.Messages.Peers.Others()
    let own = Rivals.compare others Dkim.Messages.Corpus.folder Rivals.own.Value

    let outside =
        match Rivals.outside.Value with
        | Some directory -> Rivals.compare others directory (Rivals.outsideCases directory)
        | None -> []

    Document.render DateTime.UtcNow (Results.everything ()) (Rivals.versions ()) own outside
    |> fun text -> File.WriteAllText(Document.path, text)

let private rows =
    lazy
        (File.ReadAllLines Document.path
         |> Array.filter _.StartsWith("| RFC")
         |> Array.map (fun line -> line.Trim([| '|'; ' ' |]).Split " | ")
         |> List.ofArray
         |> List.filter (fun cells -> requirements |> List.exists (fun one -> one.Id = cells[0])))

[<Test>]
let ``the matrix has every requirement of the ledger`` () =
    if Environment.GetEnvironmentVariable "DKIM_WRITE_DOCS" = "1" then
        write ()

    let listed = rows.Value |> List.map Array.head
    Assert.That(listed, Is.EqualTo(box (requirements |> List.map _.Id)))

[<Test>]
let ``the matrix names no test that is gone, and one for all that is proven`` () =
    let known =
        TestSources.all.Value
        |> List.map (fun tracing -> (Document.testText tracing.Test).Replace("|", "&#124;"))
        |> Set.ofList

    let messages =
        TestSources.all.Value
        |> List.filter (fun tracing -> tracing.Test.Group = "corpus")
        |> List.map _.Test.Name
        |> Set.ofList

    for cells in rows.Value do
        if Array.last cells = "pass" then
            let proofs = (cells[3].Split Document.Aside).[0].Split "; " |> List.ofArray

            for proof in proofs do
                if proof.StartsWith "corpus: " then
                    for message in proof.Substring(8).Split ", " do
                        Assert.That(messages.Contains message, cells[0] + ": " + message)
                else
                    Assert.That(known.Contains proof, cells[0] + ": " + proof)

        let isProven = TestSources.provenBy.Value.ContainsKey cells[0]
        let isSettled = Array.contains (Array.last cells) [| "pass"; "decided" |]
        Assert.That(isSettled || not isProven, cells[0] + " is proven, and did not pass")
