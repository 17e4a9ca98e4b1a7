/// What the logs of the milters say of the choice between signing and verifying.
module Dkim.Tests.Core.FilterRoleLogTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private why = roles id

[<Tests>]
let tests =
    testList
        "FilterRoleLogTests"
        [
            testCase "the whole way to verifying is told to those who wonder why" (fun () ->
                let ran =
                    runWith
                        { policy with
                            Roles.MtaNames = [ "MSA" ]
                            Roles.Macros = MacroTest.codec.Parse "trusted" |> Expect.ok
                            Roles.SubDomains = true
                            Lists.Keys = KeyList(fun _ -> Ok [])
                            Reporting.LogWhy = true
                        }
                        outside
                        (from "joe@example.org")

                Expect.equal
                    [
                        "JOB1 no signing domain match for `example.org'"
                        "JOB1 no signing subdomain match for `example.org'"
                        "JOB1 no signing keylist match for `joe@example.org'"
                        "JOB1 no MTA name match"
                        "JOB1 no macros match"
                        "JOB1 not internal"
                        "JOB1 not authenticated"
                        "JOB1 not POP authenticated"
                        "JOB1 mode select: verifying"
                    ]
                    (ran.Log |> List.filter (fun line -> not (line.Contains "signature data"))))

            testCase "lines on where mail comes from name client and sender" (fun () ->
                let lines = (runWith why outside plain).Lines

                Expect.isTrue
                    (lines
                     |> List.contains "JOB1 not internal; client=<192.0.2.7>, sender=<joe@example.com>")
                    (String.concat "\n" lines))

            testCase "signing is told, too" (fun () ->
                Expect.equal [ "JOB1 mode select: signing" ] (runWith why local plain).Log)

            testCase "without LogWhy nothing of the way is told" (fun () ->
                Expect.equal [] (runWith policy local plain).Log)

            testCase "without a queue id the log says so" (fun () ->
                Expect.equal
                    [
                        "(unknown-jobid): no sender header found; verifying"
                        "(unknown-jobid): no signature data"
                    ]
                    (runWith policy { outside with Macros = [] } "Subject: x\n\n").Log)

            testCase "nothing of a message can forge a line of the log" (fun () ->
                let ran =
                    runWith
                        why
                        { outside with
                            Client = client "evil\n\027[2J.example" "192.0.2.9"
                        }
                        (from "\"a\007\"@example.com")

                for line in ran.Log do
                    Expect.isTrue (line |> Seq.forall (fun c -> c >= ' ' && c <> '\127')) line)
        ]
