/// The transaction that a proxy follows, and how slowly its message may come.
module Dkim.Tests.Core.TransactionTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Smtp
open Dkim.Tests.Core

let private said (commands: (string * int) list) =
    let step transaction (command: string, code) =
        Transaction.after (ReadOnlySpan(Octets.ofLatin1 command)) code transaction

    commands |> List.fold step Transaction.start

let private facts commands = LogFields.text (said commands).Facts

let private rcpt = "RCPT TO:<c@d>", 250

let private pace =
    {
        Grace = 300
        Floor = 1024
        Longest = 7200
    }

[<Tests>]
let tests =
    testList
        "TransactionTests"
        [
            testCase "what the relay agrees to counts" (fun () ->
                facts
                    [
                        "EHLO c", 250
                        "MAIL FROM:<a@b> SIZE=5", 250
                        rcpt
                        "rcpt to:<e@f> NOTIFY=NEVER", 251
                        "RCPT TO:<g@h>", 550
                    ]
                |> Expect.equal "sender=<a@b>, recipients=<c@d,e@f>")

            testRows
                "addresses are told as they were said"
                [
                    ("MAIL FROM:<>", "sender=<>")
                    ("MAIL FROM: <a@b>\r\n", "sender=<a@b>")
                    ("  mail from:<\"a b\"@c>", "sender=<\"a?b\"@c>")
                    ("MAIL FROM:a@b BODY=8BITMIME", "sender=<a@b>")
                    ("MAIL FROM:<a@b", "sender=<a@b>")
                    ("MAIL", "sender=<MAIL>")
                    ("MAIL FROM:<@x,@y:a@b>", "sender=<@x?@y:a@b>")
                ]
                (fun (command: string, expected: string) -> facts [ command, 250 ] |> Expect.equal expected)

            testCase "a transaction ends with RSET, a greeting, the next MAIL and its message" (fun () ->
                for command in [ "RSET"; "EHLO c"; "HELO c"; "LHLO c"; "XCLIENT ADDR=x" ] do
                    facts [ "MAIL FROM:<a@b>", 250; rcpt; command, 220 ] |> Expect.equal ""

                facts [ "MAIL FROM:<a@b>", 250; rcpt; "MAIL FROM:<x@y>", 250 ]
                |> Expect.equal "sender=<x@y>"

                LogFields.text (Transaction.ended (said [ "MAIL FROM:<a@b>", 250; rcpt ])).Facts
                |> Expect.equal "")

            testRows
                "the queue id is the one that the server in front tells"
                [
                    ("XFORWARD NAME=x IDENT=4XYZ", "id=<4XYZ>, sender=<a@b>")
                    ("XFORWARD IDENT=[UNAVAILABLE]", "sender=<a@b>")
                    ("XFORWARD ADDR=192.0.2.1", "sender=<a@b>")
                ]
                (fun (command: string, expected: string) ->
                    facts [ command, 250; "MAIL FROM:<a@b>", 250 ] |> Expect.equal expected)

            testCase "replies after the dot: one, and with LMTP one for each accepted recipient" (fun () ->
                let envelope = [ "MAIL FROM:<a@b>", 250; rcpt; rcpt; "RCPT TO:<x@y>", 450 ]
                (said (("EHLO c", 250) :: envelope)).FinalReplies |> Expect.equal 1
                (said (("LHLO c", 250) :: envelope)).FinalReplies |> Expect.equal 2
                (said (("LHLO c", 500) :: envelope)).FinalReplies |> Expect.equal 1

                (said (("LHLO c", 250) :: envelope @ [ "RSET", 250 ])).FinalReplies
                |> Expect.equal 0)

            testCase "of ten thousand recipients the first are kept and all are counted" (fun () ->
                let transaction =
                    said (("LHLO c", 250) :: ("MAIL FROM:<a@b>", 250) :: List.replicate 10000 rcpt)

                transaction.FinalReplies |> Expect.equal 10000
                transaction.Facts.Length |> Expect.equal 22
                LogFields.text transaction.Facts |> Expect.contains ",+9980>")

            testRows
                "each minute after the grace costs the floor, and nothing buys more than the total"
                [
                    (0L, 300_000L)
                    (1024L, 360_000L)
                    (512L, 330_000L)
                    (117760L, 7_200_000L)
                    (9223372036854775807L, 7_200_000L)
                ]
                (fun (octets: int64, expected: int64) -> DataPace.allows pace octets |> Expect.equal expected)

            testCase "a bound of nothing is none" (fun () ->
                DataPace.allows { pace with Floor = 0 } 0L |> Expect.equal 7_200_000L
                DataPace.allows { pace with Longest = 0 } 1024L |> Expect.equal 360_000L

                DataPace.allows { pace with Floor = 0; Longest = 0 } 0L
                |> Expect.equal Int64.MaxValue

                DataPace.allows { pace with Longest = 0 } Int64.MaxValue > 0L
                |> Expect.equal true)
        ]
