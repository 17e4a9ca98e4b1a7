/// Steps: what is asked together, and what counts for what was not found.
module Dkim.Tests.Core.StepTests

open System
open System.Net
open Expecto
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Tests

let private question name = { Name = name; Type = RecordType.Txt }

let private map path = Step.file FileKind.Map path

let private text (contents: FileContents) = FileContents.text contents |> Expect.ok

let private paths (step: Step<'a>) =
    Finding.files step.Needs |> List.map _.Path

/// Every file has its own path as its text; one that begins with `>` names another in its place.
let private read (file: WantedFile) = Starts.contents file.Path

let private follow (path: string) : Step<string> =
    map path
    |> Step.bind (fun contents ->
        match text contents with
        | path when path.StartsWith '>' -> map (path.Substring 1) |> Step.map text
        | path -> Done path)

[<Tests>]
let tests =
    testList
        "StepTests"
        [
            testCase "both are asked at once, and the one that goes on asks alone" (fun () ->
                let step = Step.both (follow "a") (follow ">b")
                Expect.equal [ "a"; ">b" ] (paths step)
                let next = step.Go(Finding.ofFiles read step.Needs)
                Expect.equal [ "b" ] (paths next)
                Expect.equal (struct ("a", "b")) (Finding.settle read step))

            testCase "all are asked at once and stay in their order" (fun () ->
                let step = Step.all [ follow ">a"; Done "x"; follow "b"; follow ">c" ]
                Expect.equal [ ">a"; "b"; ">c" ] (paths step)
                let next = step.Go(Finding.ofFiles read step.Needs)
                Expect.equal [ "a"; "c" ] (paths next)
                Expect.equal [ "a"; "x"; "b"; "c" ] (Finding.settle read step))

            testCase "as many as a large list has are asked at once" (fun () ->
                let step = Step.all (List.init 100000 (fun index -> map (string index)))
                Expect.equal 100000 (Finding.settle read step).Length)

            testCase "what was not found is unavailable" (fun () ->
                let found = Found.Nothing
                Expect.equal (Answer.Unavailable "not asked") (found.Answer(question "a.example"))

                let file = found.File { Path = "a"; Kind = FileKind.Map }

                Expect.isTrue file.Problem.IsSome "a file that nobody read"
                Expect.isTrue (not (found.Logins.Contains IPAddress.Loopback)) "nobody has logged in"
                Expect.equal 0 found.Reports)

            testCase "nothing is asked where there is no question" (fun () ->
                let step =
                    Step.lookUp [] (fun answerTo -> Done (answerTo (question "a.example")).Outcome)

                Expect.equal (Unavailable "not asked") step.Value)

            testCase "a text in UTF-8 begins behind its byte order mark" (fun () ->
                Expect.equal "a" (text (FileContents.Found(ReadOnlyMemory [| 0xEFuy; 0xBBuy; 0xBFuy; 97uy |]))))
        ]
