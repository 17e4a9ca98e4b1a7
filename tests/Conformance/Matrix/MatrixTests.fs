/// The published matrix: written where tools/conformance says so, compared with the tests otherwise.
module Dkim.Tests.Conformance.MatrixTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Tests.Conformance.Ledger

let private write () =
    use others = new Dkim.Tests.Peers.Others()
    let own = Rivals.compare others Dkim.Tests.Corpus.folder Rivals.own.Value

    let outside =
        match Dkim.Tests.Corpus.outside.Value with
        | Some directory -> Rivals.compare others directory (Rivals.undisputed directory)
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

[<Tests>]
let tests =
    testList
        "MatrixTests"
        [
            testCase "the matrix has every requirement of the ledger" (fun () ->
                if Made.writes then
                    write ()

                let listed = rows.Value |> List.map Array.head
                Expect.equal (requirements |> List.map _.Id) listed)

            testCase "the matrix names no test that is gone, and one for all that is proven" (fun () ->
                let known =
                    Proofs.all.Value
                    |> List.map (fun proof -> (Document.testText proof.Test).Replace("|", "&#124;"))
                    |> Set.ofList

                let messages =
                    Proofs.all.Value
                    |> List.filter (fun proof -> proof.Test.Group = "corpus")
                    |> List.map _.Test.Name
                    |> Set.ofList

                for cells in rows.Value do
                    if Array.last cells = "pass" then
                        let proofs = (cells[3].Split Document.Aside).[0].Split "; " |> List.ofArray

                        for proof in proofs do
                            if proof.StartsWith "corpus: " then
                                for message in proof.Substring(8).Split ", " do
                                    Expect.isTrue (messages.Contains message) (cells[0] + ": " + message)
                            else
                                Expect.isTrue (known.Contains proof) (cells[0] + ": " + proof)

                    let isProven = Proofs.provenBy.Value.ContainsKey cells[0]
                    let isSettled = Array.contains (Array.last cells) [| "pass"; "decided" |]
                    Expect.isTrue (isSettled || not isProven) (cells[0] + " is proven, and did not pass"))
        ]
