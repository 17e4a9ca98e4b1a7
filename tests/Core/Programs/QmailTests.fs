/// What qmail-dk does beside signatures: forged results go, the next program is chosen, and settings are checked.
module Dkim.Tests.Core.QmailTests

open System
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core
open Dkim.Tests.QmailRuns

[<Tests>]
let tests =
    testList
        "QmailTests"
        [
            proves
                [ "RFC8601-5-1" ]
                (testCase "results that claim to be ours are removed, whatever the line ends" (fun () ->
                    let forged = "Authentication-Results: mx.example.net;\r\n dkim=pass\n\theader.d=x\n"
                    let foreign = "Authentication-Results: other.example; dkim=pass\n"
                    let text = "X: 1\n" + forged + foreign + sample

                    match decide (verifyingDkim "") [] [] text with
                    | Handed(head, rest) ->
                        Expect.equal (foreign + sample) rest
                        Expect.equal "Authentication-Results: mx.example.net; dkim=none\nX: 1\n" head
                    | Refused code -> failtest (string code)
                    // DomainKeys alone adds no results, and leaves those of others.
                    let outcome = decide (verifying "") [] [] text
                    Expect.equal (Handed("DomainKey-Status: no signature\n", text)) outcome))

            testCase "RFC4870-3.8-1 a status from elsewhere goes, and nothing else does" (fun () ->
                let forged = "X: 1\nDomainKey-Status: good\nX: 2\ndomainkey-status :\n good\n"

                match decide (verifying "") [] [] (forged + sample) with
                | Handed(head, rest) ->
                    Expect.equal ("DomainKey-Status: no signature\nX: 1\nX: 2\n" + sample) (head + rest)
                | Refused code -> failtest (string code)
                // Who does not verify DomainKeys says nothing of them.
                match decide (verifyingDkim "") [] [] (forged + sample) with
                | Handed(_, rest) -> Expect.equal (forged + sample) rest
                | Refused code -> failtest (string code))

            testCase
                "RFC8601-5-1 forged results go from a header that is not judged, and one too long to be searched is refused"
                (fun () ->
                    let forged = "Authentication-Results: mx.example.net; dkim=pass\n"
                    let many = String.replicate 2001 "X: x\n" + forged + sample

                    match decide (verifyingDkim "") [] [] many with
                    | Handed(head, rest) ->
                        Expect.contains "dkim=permerror (more than 2000 header fields)\n" (head.Replace("\n\t", " "))
                        Expect.equal sample rest
                        Expect.lacks forged (head + rest)
                    | Refused code -> failtest (string code)

                    let long = "X: " + String('x', 1100000) + "\n" + forged + sample
                    Expect.equal (Refused 13) (decide (verifyingDkim "") [] [] long)
                    Expect.equal (Refused 82) (decide (verifyingDkim "g") [] [] long)
                    Expect.equal (Handed("DomainKey-Status: no resources\n", long)) (decide (verifying "") [] [] long))

            testRows
                "RFC8601-2.5-1 results never come from localhost or nobody"
                [
                    ("mx.example.org\n", "mx.example.org")
                    ("localhost\n", "localhost.localdomain")
                    ("LocalHost", "localhost.localdomain")
                    ("", "localhost.localdomain")
                ]
                (fun (host: string, service: string) ->
                    match passAt host 4096 (verifyingDkim "") [] [] sample with
                    | struct (Handed(head, _), _) ->
                        Expect.equal ("Authentication-Results: " + service + "; dkim=none\n") head
                    | struct (Refused code, _) -> failtest (string code))

            testCase "the next program" (fun () ->
                let next name variables = (start name variables).NextProgram
                Expect.equal "bin/qmail-queue" (next "qmail-dk" [])
                Expect.equal "bin/qmail-queue" (next "qmail-queue" [])
                Expect.equal "bin/qmail-queue.orig" (next "/var/qmail/bin/qmail-queue" [])
                Expect.equal "bin/qmail-queue.orig" (next "bin/qmail-queue" [ "DKQUEUE", "" ])
                Expect.equal "/x" (next "bin/qmail-queue" [ "DKQUEUE", "/x"; "DKIMQUEUE", "/y" ])
                Expect.equal "/y" (next "bin/qmail-queue" [ "DKQUEUE", ""; "DKIMQUEUE", "/y" ])
                Expect.equal "bin/qmail-queue" (next "qmail-dk" [ "QMAILQUEUE", "/loop" ]))

            proves
                [ "RFC4870-3.5-1" ]
                (testCase "a message that nobody asks about is not read" (fun () ->
                    Expect.isTrue
                        (start "qmail-dk" [ "DKSIGN", "/k" ]).IsIdle
                        "no RELAYCLIENT: DKSIGN counts for nothing"

                    Expect.isTrue (not (verifying "").IsIdle) "DKVERIFY is set"
                    Expect.isTrue (not (signing [ "DKVERIFY", "A" ]).IsIdle) "RELAYCLIENT is set"
                    Expect.equal [ "/etc/domainkeys/" ] (signing []).KeyRoots
                    Expect.equal [] (signing [ "DKSIGN", "/k/private" ]).KeyRoots
                    Expect.equal [] (signing [ "DKIMSIGN", "/k/private" ]).KeyRoots
                    Expect.equal [] (signing [ "DKSIGN", "k%" ]).KeyRoots
                    Expect.equal [] (verifying "").KeyRoots
                    Expect.equal (ValueSome "control/me") (verifyingDkim "").HostFile
                    Expect.equal ValueNone (verifying "").HostFile))

            testCase "a wrong setting is a configuration error" (fun () ->
                let refusal = (start "qmail-dk" [ "DKTIMEOUT", "soon" ]).Refusal.Value
                Expect.equal 55 refusal.Code
                Expect.contains "DKTIMEOUT: 'soon': " refusal.Reason
                Expect.isTrue (signing []).Refusal.IsNone "no setting is wrong")

            testRows
                "a variable that is set to nothing is as one that is not set"
                [ "DKHOME"; "DKNAMESERVER"; "DKRESOLVER"; "DKTESTKEYS"; "DKTIMEOUT"; "TMPDIR" ]
                (fun (name: string) ->
                    let begun = start "qmail-dk" [ name, "" ]
                    Expect.isTrue begun.Refusal.IsNone name
                    Expect.equal QmailSettings.defaults begun.Settings)

            testCase "a next program that leads back is given up after some times" (fun () ->
                let mutable variables = [ "DKQUEUE", "bin/qmail-dk" ]
                let mutable times = 0

                while times < 100 && (start "qmail-dk" variables).Refusal.IsNone do
                    variables <-
                        [
                            "DKQUEUE", "bin/qmail-dk"
                            QmailStart.PassageMark, (start "qmail-dk" variables).NextMark
                        ]

                    times <- times + 1

                Expect.equal 8 times
                let refusal = (start "qmail-dk" variables).Refusal.Value
                Expect.equal 55 refusal.Code
                Expect.contains "bin/qmail-dk, leads back to qmail-dk" refusal.Reason

                for mark in [ "x"; "-1"; ""; "99999999999999" ] do
                    Expect.equal "1" (start "qmail-dk" [ QmailStart.PassageMark, mark ]).NextMark)

            testCase "keys that are named for mail that nobody marked as ours are told of" (fun () ->
                let note variables = (start "qmail-dk" variables).Note

                Expect.contains
                    "DKIMSIGN is set, but RELAYCLIENT is not"
                    (note [ "DKIMSIGN", "/k/%/x"; "DKSIGN", "/k/%/x" ]).Value

                Expect.contains "DKSIGN is set" (note [ "DKSIGN", "/k/%/x" ]).Value
                Expect.equal ValueNone (note [])
                Expect.equal ValueNone (note [ "DKIMSIGN", "" ])
                Expect.equal ValueNone (note [ "RELAYCLIENT", ""; "DKIMSIGN", "/k/%/x" ])
                // Such a rule verifies what it does not sign.
                Expect.equal ValueNone (note [ "DKIMSIGN", "/k/%/x"; "DKVERIFY", "" ]))

            testCase "the reason of a refusal and what the client is told" (fun () ->
                Expect.equal
                    [
                        "DKVERIFY refuses the result C (no signature)"
                        "Dmessage refused, DomainKeys: no signature (#5.7.1)"
                    ]
                    (told (verifying "C") [] [] sample)

                Expect.equal
                    [
                        "DKIMVERIFY refuses the result U (body altered)"
                        "Zmessage refused, DKIM: body altered (#4.7.1)"
                    ]
                    (told (verifyingDkim "u") [] [ name, record "" ] (dkim.Value + "more\n"))

                let words = [ for letter in 'A' .. 'X' -> DkimLetters.word letter ]
                // B, F and M cannot occur; what is left is told with different words.
                Expect.equal 21 (words |> List.distinct |> List.length)
                Expect.isTrue (words |> List.forall (fun word -> word.Length < 60)) "a line of SMTP holds it")

            testCase "a privileged program does not take paths from its caller" (fun () ->
                let variables =
                    [
                        "DKHOME", "/x"
                        "TMPDIR", "/y"
                        "DKTESTKEYS", "/z"
                        "DKNAMESERVER", "192.0.2.1"
                        "DKRESOLVER", "dnsclient"
                        "DKQUEUE", "/q"
                        "DKIMQUEUE", "/q"
                        "DKSIGN", "/home/a/%/k"
                        "DKIMSIGN", "/etc/domainkeys/%/default /etc/domainkeys/../%/default"
                    ]

                let settings = (QmailDk.start "qmail-dk" true (environment variables)).Settings

                Expect.equal QmailSettings.defaults settings)

            testCase "a privileged program takes keys of its own directory" (fun () ->
                let environment =
                    environment [ "DKIMSIGN", "/etc/domainkeys/%/a /etc/domainkeys/%/b" ]

                let settings = (QmailDk.start "qmail-dk" true environment).Settings

                Expect.equal (ValueSome [ "/etc/domainkeys/%/a"; "/etc/domainkeys/%/b" ]) settings.DkimKeys)
        ]
