/// What each program promises those who run it, each promise with the tests that show it.
module Dkim.Tests.Conformance.ReliabilityTests

open Expecto
open Dkim.Tests

let private promises = lazy (Claims.read "promises.tsv")

let private rendered () =
    Claims.page
        [
            "# What the programs promise"
            ""
            "Promises to those who run the programs, and the tests that fail when one is broken. A promise that only a long"
            "measurement can show names it as a figure. Made from `tests/Conformance/ledger/promises.tsv` with"
            "`tools/update`; a test compares."
        ]
        [ "promise"; "how it is kept"; "tests" ]
        promises.Value

[<Tests>]
let tests =
    testList
        "ReliabilityTests"
        [
            testCase "every promise has tests that exist" (fun () -> Claims.checkTests promises.Value)

            testCase "no promise rests on a figure alone" (fun () ->
                for promise in promises.Value do
                    Expect.isFalse (List.isEmpty (Claims.tests promise)) promise.What)

            testCase "docs reliability md is what the table makes" (fun () ->
                Claims.checkPage "reliability.md" (rendered ()))
        ]
