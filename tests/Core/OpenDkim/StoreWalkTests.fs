/// What a check says of every row of SigningTable and KeyTable in stores (opendkim(8) -G).
module Dkim.Tests.Core.StoreWalkTests

open System
open Expecto
open Dkim.Core.Stores
open Dkim.Tests
open Dkim.Tests.Core

let private table name columns =
    "dsn:pgsql://u:secret@h/db/table=" + name + "?keycol=k?datacol=" + columns

let private signing = table "signing" "name"
let private keys = table "keys" "domain,selector,key"

let private row form fields = { Form = form; Fields = fields }

// More names than are asked for at once, and among them some without a key.
let private signers =
    [
        for number in 1..1200 do
            row ("u" + string number + "@example.com") [ (if number = 700 then "none" else "k" + string number) ]
        row "own@example.com" [ "%" ]
        row "empty@example.com" [ "" ]
    ]

let private keyRows =
    [
        for number in 1..1200 do
            row ("k" + string number) [ "example.com"; "s"; (if number = 1100 then "" else "/k") ]
    ]

let private answer (question: StoreQuestion) : StoreAnswer =
    let rows =
        match question.Store with
        | Store.Sql(_, SqlQuery.Columns("signing", _, _, _)) -> signers
        | Store.Sql(_, SqlQuery.Columns("keys", _, _, _))
        | Store.Redis _ -> keyRows
        | other -> invalidArg "question" (string other)

    if question.Forms.IsEmpty then
        StoreAnswer.Rows rows
    else
        Expect.isTrue (question.Forms.Length <= 500) "not too many at once"
        StoreAnswer.Rows(rows |> List.filter (fun row -> List.contains row.Form question.Forms))

let private check ask option lines =
    FilterRuns.startOpenDkimAsking
        ask
        [ "conf", String.Join("\n", "Mode s" :: lines) ]
        ([ "-n" ] @ option @ [ "-x"; "conf" ])
    |> Starts.printed

let private faults =
    [
        "u700@example.com: could not find valid key record \"none\" in KeyTable"
        "empty@example.com: has no value"
    ]

[<Tests>]
let tests =
    testList
        "StoreWalkTests"
        [
            testCase "every row that cannot be meant is told, and no password" (fun () ->
                let said, exitCode =
                    check answer [ "-G" ] [ "KeyTable " + keys; "SigningTable " + signing ]

                Expect.equal 78 exitCode

                for fault in "KeyTable entry for 'k1100' corrupt" :: faults do
                    Expect.contains fault said

                Expect.equal 3 (said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length)
                Expect.isFalse (said.Contains "secret") "a password")

            testCase "without -G no store is asked" (fun () ->
                let asked _ : StoreAnswer = failtest "asked"
                Expect.equal ("", 0) (check asked [] [ "KeyTable " + keys; "SigningTable " + signing ]))

            testCase "keys that cannot be listed are asked for by their names" (fun () ->
                let said, exitCode =
                    check answer [ "-G" ] [ "KeyTable redis://127.0.0.1/keys"; "SigningTable " + signing ]

                Expect.equal 78 exitCode

                for fault in faults do
                    Expect.contains fault said)

            testCase
                "a store that does not answer, and one whose rows cannot be listed, are no fault of a row"
                (fun () ->
                    let down _ =
                        StoreAnswer.Unavailable "connection refused"

                    let _, exitCode =
                        check down [ "-G" ] [ "KeyTable " + keys; "SigningTable redis://127.0.0.1/signing" ]

                    Expect.equal 0 exitCode)
        ]
