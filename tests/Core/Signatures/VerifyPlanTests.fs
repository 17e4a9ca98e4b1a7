/// What is refused of a signature before its key is asked for, at the edge of each rule.
module Dkim.Tests.Core.Signatures.VerifyPlanTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

let private now = 1700000000L<sec>

let private signature (tags: string) =
    Field.ofText
        "DKIM-Signature"
        (" v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh="
         + Convert.ToBase64String(Array.zeroCreate<byte> 32)
         + "; b=AAAA"
         + tags)

let private planned policy (fields: Field list) =
    Verifier.plan policy now (Header.ofFields (fields @ [ Field.ofText "From" " ada@example.org" ]))

/// Whether a signature with these tags is worth a lookup.
let private isAsked (tags: string) =
    not (planned VerifyPolicy.defaults [ signature tags ]).Questions.IsEmpty

[<Tests>]
let tests =
    testList
        "VerifyPlanTests"
        [
            testRows
                "times with a drift of five minutes"
                [
                    ("t=1700000300", true)
                    ("t=1700000301", false)
                    ("x=1699999700", true)
                    ("x=1699999699", false)
                    ("t=1699999000; x=1700000000", true)
                    ("t=1700000000; x=1700000000", false)
                    ("t=1700000000; x=1700000001", true)
                ]
                (fun (tags: string, expected: bool) -> Expect.equal expected (isAsked ("; " + tags)))

            testRows
                "single tags"
                [
                    ("i=@example.org", true)
                    ("i=@a.example.org", true)
                    ("i=@badexample.org", false)
                    ("i=@org", false)
                    ("q=dns/txt", true)
                    ("q=other:dns/txt", true)
                    ("q=other", false)
                    ("i==41da@example.org", true)
                    ("i==4Ada@example.org", true)
                    ("i==4ada@example.org", false)
                ]
                (fun (tags: string, expected: bool) -> Expect.equal expected (isAsked ("; " + tags)))

            testCase "a number has at most 76 digits" (fun () ->
                Expect.isTrue (isAsked ("; l=" + String('0', 75) + "1")) "76"
                Expect.isTrue (not (isAsked ("; l=" + String('0', 76) + "1"))) "77")

            testCase "a list of names has as many as it may" (fun () ->
                let names count =
                    SignatureTags.fieldNames 3 (String.concat ":" (List.replicate count "from"))

                Expect.equal 3 (Expect.ok (names 3)).Length
                Expect.equal (TooManyNames 3) (Expect.error (names 4)))

            testCase "fifty signatures are read and ten verified" (fun () ->
                let plan count policy =
                    planned policy (List.init count (fun index -> signature ("; t=" + string (1600000000 + index))))

                let asked count policy =
                    (plan count policy).Attempts |> List.filter _.Reading.IsOk |> List.length

                Expect.equal 10 (asked 12 VerifyPolicy.defaults)

                let many =
                    { VerifyPolicy.defaults with
                        SignaturesVerified = 1000
                    }

                Expect.equal 50 (asked 50 many)
                Expect.equal 50 (asked 52 many))
        ]
