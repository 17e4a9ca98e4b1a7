/// Attacks that are not messages of the corpus: on who the author is, on signers, and the table of all of them.
module Dkim.Tests.Conformance.AttackTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Mail

/// A From field that shows example.com to a careless reader, while mail programs answer to the forger's example.net.
let private disguises =
    [
        "\"boss@example.com\" <forger@example.net>"
        "boss@example.com <forger@example.net>"
        "Boss (boss@example.com) <forger@example.net>"
        "forger@example.net (boss@example.com)"
        "(boss@example.com) forger@example.net"
        "=?utf-8?q?boss=40example=2Ecom?= <forger@example.net>"
        "=?utf-8?b?Ym9zc0BleGFtcGxlLmNvbQ==?= <forger@example.net>"
        "\"a\\\" <boss@example.com>\" <forger@example.net>"
        "\"<boss@example.com>\" <forger@example.net>"
        "<@example.com:forger@example.net>"
        "forger@example.net, boss@example.com"
        "friends: forger@example.net, boss@example.com;"
        "boss: forger@example.net;, boss@example.com"
        "forger@example.net\000@example.com"
        "forger@example.net\r\n (@example.com)"
        "\"boss@example.com\"@example.net"
        "boss@example.com@example.net"
        "boss@[example.com]"
        "<boss@example.com"
        "boss@example.com>"
        "boss@example.com<forger@example.net>"
    ]

let private attacks = lazy (Claims.read "attacks.tsv")

let private rendered () =
    Claims.page
        [
            "# Attacks"
            ""
            "Published attacks on verifiers and signers of mail, on those who read their results, and on the way between servers,"
            "each re-created by tests of ours. `corpus:` names messages in `tests/Messages`, which other implementations judge as"
            "well ([conformance.md](conformance.md)). Made from `tests/Conformance/ledger/attacks.tsv` with `tools/update`; a"
            "test compares."
        ]
        [ "attack"; "safe outcome"; "tests" ]
        attacks.Value

[<Tests>]
let tests =
    testList
        "AttackTests"
        [
            testCase "a disguised From never makes the forger's mail that of the domain it shows" (fun () ->
                for value in disguises do
                    let header = Header.ofFields [ Field.ofText "From" (" " + value) ]

                    match Originator.tryAuthor header with
                    | ValueNone -> ()
                    | ValueSome author ->
                        Expect.about value (fun () -> Expect.differs "example.com" (author.Domain.ToLowerInvariant())))

            testCase "with two From or Sender fields nobody is the sender of DomainKeys" (fun () ->
                for twice in [ "From"; "Sender" ] do
                    let fields =
                        [
                            Field.ofText twice " boss@example.com"
                            Field.ofText twice " forger@example.net"
                            Field.ofText (if twice = "From" then "Subject" else "From") " ann@example.org"
                        ]

                    equal ValueNone (Originator.trySending (Header.ofFields fields)))

            testCase
                "RFC6376-3.8-1 of several From fields a signer signs all, so that none can be put in the place of another"
                (fun () ->
                    let message = sign [ request () ] ("From: Boss <boss@example.com>\n" + letter)

                    let upper = "From: Boss <boss@example.com>\r\n"
                    equal [ "pass" ] (words (judge message))
                    equal [ "fail" ] (words (judge (message.Replace(upper, ""))))
                    equal [ "fail" ] (words (judge (message.Replace(upper, "From: Forger <f@example.com>\r\n")))))

            testCase "a signature lifted from another message fails" (fun () ->
                let other = sign [ request () ] (letter.Replace("Ferries", "Trains"))
                let field = other.Substring(0, other.IndexOf "\r\nReceived:" + 2)
                equal [ "fail" ] (words (judge (field + crlf letter))))

            testCase "no more than one record of many is paid for with an RSA operation each" (fun () ->
                let message = sign [ request () ] letter

                let records =
                    List.init 1000 (fun number -> record (shortRsa ()) + "; n=" + string number)
                    @ [ record (rsa ()) ]

                let answer _ =
                    Answer.Found(records, Security.Unchecked)

                let watch = Diagnostics.Stopwatch.StartNew()
                let judged, asked = judgeBy VerifyPolicy.defaults answer message
                equal 1 asked.Length
                Expect.differs [ "pass" ] (words judged)
                // A thousand keys would take ten times as long on the slowest machine.
                Expect.below 5.0 watch.Elapsed.TotalSeconds)

            testCase "every attack has tests that exist" (fun () -> Claims.checkTests attacks.Value)

            testCase "every message of an attack is in the table" (fun () ->
                let listed = attacks.Value |> List.collect Claims.tests |> Set.ofList

                for proof in Proofs.all.Value do
                    if proof.Test.Group = "corpus" && proof.Test.Name.StartsWith "attack-" then
                        Expect.isTrue (listed.Contains("corpus: " + proof.Test.Name)) proof.Test.Name)

            testCase "docs attacks md is what the table makes" (fun () -> Claims.checkPage "attacks.md" (rendered ()))
        ]
