/// The copies of fields in z= beside the fields that arrived.
module Dkim.Tests.Core.CopiesTests

open System
open Expecto
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Tests

let private signature (copies: string) =
    "v=1; a=rsa-sha256; d=example.com; s=sel; h=from:received:received; bh="
    + String('A', 43)
    + "=; z="
    + copies
    + "; b=AAAA"
    |> Field.ofText "DKIM-Signature"
    |> Signature.parse SignatureLimits.defaults
    |> Expect.ok

let private differences (copies: string) (present: string list) =
    Copies.differences (signature copies) (present |> List.map (Field.ofText "Received"))
    |> List.map (fun one -> one.Signed, one.Present.IsSome)

[<Tests>]
let tests =
    testList
        "CopiesTests"
        [
            testCase "of two fields of a name the one that is gone is told of" (fun () ->
                let copies = "Received:one|Received:two"
                Expect.equal [] (differences copies [ "two"; "one" ])
                Expect.equal [ "Received:one", false ] (differences copies [ "two" ]))
        ]
