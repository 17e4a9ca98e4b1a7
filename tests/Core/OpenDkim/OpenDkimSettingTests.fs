/// What single settings of opendkim change in signatures, in the choice of the sender, and in what the host is told.
module Dkim.Tests.Core.OpenDkimSettingTests

open System
open Expecto
open Dkim.Core.Dns
open Dkim.Tests
open Dkim.Tests.Core

let private serving lines =
    OpenDkimRuns.start [] lines |> Starts.serving

let private keyLines = [ "Domain example.com"; "Selector s"; "KeyFile /keys/rsa" ]

let private sentBy way lines mail =
    OpenDkimRuns.send (serving (lines @ keyLines)) way mail

let private sent lines mail = sentBy FilterPassages.local lines mail

let private unfolded (ran: FilterPassages.Ran) =
    ran.Value "DKIM-Signature" |> _.Replace("\t", " ")

let private tags =
    testList
        "signatures"
        [
            testCase "reports are asked for behind x= and i=" (fun () ->
                let lines = [ "RequestReports yes"; "SignatureTTL 60"; "SubDomains yes" ]
                let mail = FilterPassages.plain.Replace("joe@example.com", "joe@sub.example.com")
                Expect.contains "x=1700000060; i=@example.com; r=y; bh=" (unfolded (sent lines mail))
                Expect.lacks "r=y" (unfolded (sent [] FilterPassages.plain)))

            testCase "a field of the message chooses the canonicalization" (fun () ->
                for field, value, canon in
                    [
                        "X-Canonicalization", "relaxed/relaxed", "relaxed/relaxed"
                        "X-Canonicalization", "relaxed", "relaxed/simple"
                        "X-Canonicalization", "nonsense", "simple/simple"
                        "Canonicalization", "relaxed/relaxed", "simple/simple"
                    ] do
                    let ran = sent [] (field + ": " + value + "\n" + FilterPassages.plain)
                    Expect.equal (Some canon) (OpenDkimRuns.topmostTag "c" ran))
        ]

let private unnamed =
    FilterPassages.plain.Replace("From: joe@example.com", "X-From: joe@example.com")

let private senders =
    testList
        "senders"
        [
            testCase "the default one counts where no field names any" (fun () ->
                let lines = [ "DefaultSender Joe <joe@example.com>"; "SenderHeaders Sender" ]
                Expect.equal [ "example.com/s" ] (sent lines FilterPassages.plain |> OpenDkimRuns.signed)
                let other = "Sender: joe@example.org\n" + FilterPassages.plain
                Expect.equal [] (sent lines other |> OpenDkimRuns.signed)

                Expect.has
                    "JOB1: can't determine message sender; accepting"
                    (sent [ "SenderHeaders Sender" ] FilterPassages.plain).Log)

            testCase "one that is no address is refused" (fun () ->
                let said, exitCode = OpenDkimRuns.start [] [ "DefaultSender joe" ] |> Starts.failed
                Expect.contains "joe: no mail address" said
                Expect.equal 78 exitCode)

            testCase "the MTA is asked for the macro that names it" (fun () ->
                Expect.equal
                    [ "i"; "sender_name" ]
                    (serving [ "SenderMacro {sender_name}" ]).WantedMacros.AtEndOfHeader)
        ]

let private clients =
    testList
        "clients"
        [
            testCase "who has logged in by POP is ours" (fun () ->
                let way =
                    { FilterPassages.outside with
                        Logins = [ "192.0.2.7" ]
                    }

                for place in [ "db:/var/lib/pop.db"; "/var/lib/pop.db" ] do
                    let lines = [ "POPDBFile " + place; "LogWhy yes" ]
                    Expect.equal [ "example.com/s" ] (sentBy way lines FilterPassages.plain |> OpenDkimRuns.signed)
                    let stranger = sentBy FilterPassages.outside lines FilterPassages.plain
                    Expect.equal [] (OpenDkimRuns.signed stranger)
                    Expect.has "JOB1: not POP authenticated" stranger.Log

                let without = sentBy way [ "LogWhy yes" ] FilterPassages.plain
                Expect.equal [] (OpenDkimRuns.signed without)
                Expect.lacks "POP" (String.Join("\n", without.Log)))

            testCase "no other kind of data set has those" (fun () ->
                let said, _ = OpenDkimRuns.start [] [ "POPDBFile csl:192.0.2.7" ] |> Starts.failed
                Expect.contains "POPDBFile is a Berkeley DB hash" said)
        ]

let private machine =
    testList
        "the machine"
        [
            testCase "SoftwareHeader names the filter's host where it is another" (fun () ->
                let field macros =
                    let way =
                        { FilterPassages.local with
                            Macros = macros
                        }

                    (sentBy way [ "SoftwareHeader yes" ] FilterPassages.plain).Value "DKIM-Filter"

                Expect.endsWith
                    " mx.example.net via mx.example.org JOB1"
                    (field [ "i", "JOB1"; "j", "mx.example.net" ])

                Expect.endsWith " MX.example.org JOB1" (field [ "i", "JOB1"; "j", "MX.example.org" ]))

            testCase "the log has a name and goes to standard output" (fun () ->
                let service = (serving [ "SyslogName gate"; "StdoutLog yes" ]).Service
                Expect.equal (ValueSome "gate", true) (service.LogName, service.LogsToOutput)
                let plain = (serving []).Service
                Expect.equal (ValueNone, false) (plain.LogName, plain.LogsToOutput))

            testCase "records of a data set take the place of the DNS" (fun () ->
                let lines = [ "TestDNSData csl:a.example=v=one,a.example=two,B.example.=three" ]
                let records = (serving lines).TestRecords.Value

                let find name =
                    records.Find({ Name = name; Type = RecordType.Txt }).Outcome

                Expect.equal (Records [ "v=one"; "two" ]) (find "A.example")
                Expect.equal (Records [ "three" ]) (find "b.example")
                Expect.equal ValueNone (serving []).TestRecords)

            testCase "patterns are no records" (fun () ->
                let said, _ =
                    OpenDkimRuns.start [ "/t", "* x\n" ] [ "TestDNSData refile:/t" ]
                    |> Starts.failed

                Expect.contains "refile:/t: invalid data set type for TestDNSData" said)
        ]

[<Tests>]
let tests = testList "OpenDkimSettingTests" [ tags; senders; clients; machine ]
