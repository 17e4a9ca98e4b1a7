/// How a change that nothing undoes is narrowed by other signatures of the message, ARC sets and copies.
module Dkim.Tests.Core.FenceTests

open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns
open Dkim.Tests.Core.BreakageExamples

let private before =
    "From: Ann <ann@example.com>\r\nSubject: Minutes\r\n\r\nHello, Bob.\r\nAt six.\r\n"

let private both = [ "--sign=From"; "--sign=Subject" ]

/// What is told of each signature, the topmost first.
let private narrowed (message: string) : string list list =
    let ran =
        dkim [ "z", rsa.Zone; "-", message ] [ "explain"; "--json"; "--zone=z"; "--line-ends=crlf" ]

    [
        for signature in (json ran).GetProperty("signatures").EnumerateArray() do
            [
                for line in signature.GetProperty("narrowed").EnumerateArray() do
                    string line
            ]
    ]

/// ARC-Message-Signature with the body hash of the signature that a message has.
let private arc (message: string) : string =
    let at = message.IndexOf "bh=" + 3
    let hash = message.Substring(at, message.IndexOf(';', at) - at)

    "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=list.example; s=s; h=from; bh="
    + hash.Replace("\r\n", "").Replace("\t", "").Replace(" ", "")
    + "; b=AAAA\r\n"

[<Tests>]
let tests =
    testList
        "FenceTests"
        [
            testCase "a signature that was made after the change" (fun () ->
                let changed =
                    signed rsa both before |> edit "At six" "At ten" |> edit "Minutes" "Minimum"

                Expect.equal
                    [
                        []
                        [
                            "the signature of example.com above has the hash of the body as it is: the body was changed between \
                             this signature and that"
                            "the signature of example.com above fits From, Subject: if one of these was changed, it was before \
                             that signature was made"
                        ]
                    ]
                    (narrowed (signed rsa both changed)))

            testCase "a signature that was made earlier and covers less" (fun () ->
                let twice = signed rsa both (signed rsa [ "--sign=From" ] before)

                Expect.equal
                    [
                        [
                            "the signature of example.com below was made earlier and fits From: what was changed is among Subject"
                        ]
                        []
                    ]
                    (narrowed (edit "Minutes" "Minimum" twice)))

            testCase "two signatures over the same body" (fun () ->
                let told place =
                    [
                        "the signature of example.com "
                        + place
                        + " has the same body hash: the body was changed after both were made"
                    ]

                let twice = signed rsa both (signed rsa both before)
                Expect.equal [ told "below"; told "above" ] (narrowed (edit "At six" "At ten" twice)))

            testCase "a shorter l= below" (fun () ->
                let footed = signed rsa [ "--length"; "--sign=From" ] before + "A list.\r\n"

                Expect.equal
                    [
                        [
                            "the first 22 octets of the body are as the signature of example.com below signed them: what was \
                             changed stands behind them"
                        ]
                        []
                    ]
                    (narrowed (signed rsa both footed |> edit "A list" "A lisp")))

            testCase "an ARC set that has seen the body before, after, or in between" (fun () ->
                let good = signed rsa both before
                let other = good |> edit "At six" "At ten"
                let third = signed rsa both (before |> edit "At six" "At two")

                Expect.equal
                    [
                        [
                            "ARC set 1 of list.example has the same body hash: the body was changed after both were made"
                        ]
                    ]
                    (narrowed (arc good + other))

                Expect.equal
                    [
                        [
                            "ARC set 1 of list.example has the hash of the body as it is: the body was changed between this \
                             signature and that"
                        ]
                    ]
                    (narrowed (arc (signed rsa both (before |> edit "At six" "At ten")) + other))

                Expect.equal
                    [
                        [
                            "ARC set 1 of list.example has a third body hash: the body was changed more than once"
                        ]
                    ]
                    (narrowed (arc third + other)))

            testCase "copies in z=" (fun () ->
                byHand "rsa-sha256" "z=From:=20Ann=20<ann@example.com>; " "from:subject" id withRsa
                |> edit "Minutes" "Minimum"
                |> narrowed
                |> Expect.equal
                    [
                        [ "these are as the copies in z= say: From; what was changed is among Subject" ]
                    ])

            testCase "nothing is told of what was found" (fun () ->
                let twice = signed rsa both (signed rsa both before)
                Expect.equal [ []; [] ] (narrowed (twice + "A footer.\r\n"))
                let copied = signed rsa ("--copies" :: both) before
                Expect.equal [ [] ] (narrowed (edit "Minutes" "Minimum" copied)))
        ]
