/// What look-ups may cost a message, and a domain that has fallen silent.
module Dkim.Tests.Core.Words.LookupBudgetTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private asked share = LookupShare.enter share
let private ended ending share = LookupShare.leave 1000 ending share

[<Tests>]
let tests =
    testList
        "LookupBudgetTests"
        [
            testRows
                "as many questions as signatures and policies call for"
                [
                    (10, 3, false, 22)
                    (100, 3, false, 112)
                    (100, 3, true, 212)
                    (10, 0, false, 20)
                    (1, 0, false, 20)
                ]
                (fun (signatures, policies, reports, questions) ->
                    Expect.equal questions (LookupBudget.questionsOf signatures policies reports))

            testRows "no time limit is a day" [ (5, 5.0); (0, 86400.0) ] (fun (seconds: int, limit: float) ->
                Expect.equal (TimeSpan.FromSeconds limit) (LookupBudget.ofQuestions 20 seconds).Time)

            testRows
                "a name belongs to the domain that publishes it"
                [
                    ("sel._domainkey.example.org", "example.org")
                    ("a.b._domainkey.mail.example.org", "mail.example.org")
                    ("_adsp._domainkey.example.org", "example.org")
                    ("_domainkey.example.org", "example.org")
                    ("mail.example.org", "example.org")
                    ("org", "org")
                    ("", "")
                ]
                (fun (name: string, parent: string) -> Expect.equal parent (LookupShare.parent name))

            testCase "a domain has half of all places" (fun () ->
                let half = List.replicate 500 asked |> List.fold (|>) (LookupShare.first 1000)
                Expect.isTrue (LookupShare.admits { half with Waiting = 499 }) "499 wait"
                Expect.isTrue (not (LookupShare.admits half)) "500 wait")

            testCase "silence leaves a domain two, and answers give it back its half" (fun () ->
                let silent share =
                    share |> asked |> ended LookupEnd.Silent

                let answered share =
                    share |> asked |> ended LookupEnd.Answered

                let dead = List.replicate 20 silent |> List.fold (|>) (LookupShare.first 1000)
                Expect.equal { Waiting = 0; Allowed = 2 } dead
                Expect.equal dead (dead |> asked |> ended LookupEnd.Failed)
                Expect.equal 4 (answered dead).Allowed
                let alive = List.replicate 20 answered |> List.fold (|>) dead
                Expect.equal (LookupShare.first 1000) alive
                Expect.isTrue (LookupShare.isFresh 1000 alive) "as new"
                Expect.isTrue (not (LookupShare.isFresh 1000 dead)) "remembered")
        ]
