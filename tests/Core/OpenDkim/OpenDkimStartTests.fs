/// Starts of opendkim: what keeps it from starting, what it only tells, and what it decides by.
module Dkim.Tests.Core.OpenDkimStartTests

open System
open Expecto
open Dkim.Tests
open Dkim.Tests.Core

let private failure files lines =
    OpenDkimRuns.start files lines |> Starts.failed

let private notices files lines =
    (OpenDkimRuns.start files lines |> Starts.serving).Notices |> List.map _.Text

let private tables =
    [
        "/t/keys",
        "k example.com:s:/keys/rsa\nexample.com %:s:/keys/rsa\ned example.com:e:/keys/ed\nopen example.com:o:/keys/open\n"
    ]

let private signing rows =
    [ "KeyTable file:/t/keys"; "SigningTable csl:" + rows ]

let private sent lines mail =
    OpenDkimRuns.send (OpenDkimRuns.start tables lines |> Starts.serving) FilterPassages.local mail

let private refusals =
    testList
        "refused"
        [
            for what, lines, text in
                [
                    "a table that is not there",
                    [ "KeyTable file:/none"; "SigningTable csl:a=b" ],
                    "file:/none: dkimf_db_open(): No such file or directory"
                    "an unknown kind", [ "PeerList foo:bar" ], "foo:bar: dkimf_db_open(): Unknown database type"
                    "a store that is not served",
                    [ "KeyTable memcache:h/keys" ],
                    "memcache: data sets are not supported; redis://HOST:PORT/PREFIX has the same layout"
                    "no KeyTable", [ "SigningTable csl:a=b" ], "use of SigningTable requires KeyTable"
                    "no SigningTable",
                    [ "KeyTable csl:a=b" ],
                    "KeyTable requires either SigningTable or SetupPolicyScript"
                    "Domain alone", [ "Domain example.com" ], "Domain requires KeyFile and Selector"
                    "half a key", [ "KeyFile /keys/rsa" ], "KeyFile and Selector must both be defined"
                    "a key that is not in KeyTable",
                    [ "KeyTable csl:a=b"; "SigningTable csl:x=missing" ],
                    "could not find valid key record \"missing\" in KeyTable"
                    "macros of patterns", [ "MacroList refile:/t/keys" ], "invalid data set type for MacroList"
                    "Lua", [ "SetupPolicyScript /x.lua" ], "SetupPolicyScript: Lua is not supported; SigningTable"
                    "a draft", [ "ResignAll yes" ], "ResignAll: not supported; a second filter in Mode s"
                    "another action", [ "On-BadSignature maybe" ], "unknown action \"maybe\""
                    "an unknown key", [ "Nonsense 1" ], "unrecognized parameter"
                    "an open KeyFile",
                    [ "Domain example.com"; "Selector s"; "KeyFile /keys/open" ],
                    "key data is not secure: /keys/open can be read or written by other users"
                ] do
                testCase what (fun () ->
                    let said, exitCode = failure tables lines
                    Expect.contains text said
                    Expect.equal 78 exitCode)

            testCase "patterns without a value, and those that cannot be read" (fun () ->
                let files = ("/t/p", "*@example.com\nb( k\n") :: tables
                let said, _ = failure files [ "KeyTable file:/t/keys"; "SigningTable refile:/t/p" ]
                Expect.contains "/t/p line 1: *@example.com has no value" said
                Expect.contains "/t/p line 2: b( cannot be read as a pattern" said)
        ]

let private told =
    testList
        "told"
        [
            testCase "keys without effect, and rows that cannot be meant" (fun () ->
                let lines =
                    [
                        "ADSPAction reject"
                        "DiagnosticDirectory /tmp"
                        "X-Header yes"
                        "InternalHosts 10.1.2.3/8"
                        "KeyTable csl:k=example.com:s"
                        "SigningTable csl:example.com=k"
                        "OverSignHeaders From,Sender"
                    ]

                let said = String.Join("\n", notices [] lines)
                Expect.contains "ADSPAction has no effect" said
                Expect.contains "DiagnosticDirectory has no effect" said
                Expect.contains "\"X-Header\" deprecated; use \"SoftwareHeader\" instead" said
                Expect.contains "10.1.2.3/8 is not a network (10.0.0.0/8 is)" said
                Expect.contains "KeyTable entry for 'k' corrupt" said
                Expect.contains "OverSignHeaders: Sender is not signed" said)

            testCase "a value has blanks, and a comment ends it" (fun () ->
                Expect.equal [] (notices [] [ "InternalHosts 192.168.0.0/16, 10.0.0.0/8 # ours" ]))
        ]

let private signatures =
    testList
        "signatures"
        [
            testCase "the sender's domain in both tables" (fun () ->
                Expect.equal [ "example.com/s" ] (sent (signing "*=%") FilterPassages.plain |> OpenDkimRuns.signed))

            testCase "an Ed25519 key signs as such" (fun () ->
                let field =
                    (sent (signing "example.com=ed") FilterPassages.plain).Inserted
                    |> List.exactlyOne

                Expect.contains "a=ed25519-sha256" field)

            testCase "without RequireSafeKeys an open key signs, with a warning" (fun () ->
                let ran =
                    sent ("RequireSafeKeys no" :: signing "example.com=open") FilterPassages.plain

                Expect.equal [ "example.com/o" ] (OpenDkimRuns.signed ran)
                Expect.has "open: key data is not secure: /keys/open can be read or written by other users" ran.Log)

            testCase "SubDomains sign as the domain above" (fun () ->
                let lines =
                    [ "Domain example.com"; "SubDomains yes"; "Selector s"; "KeyFile /keys/rsa" ]

                let mail = FilterPassages.plain.Replace("joe@example.com", "joe@a.b.example.com")
                Expect.equal [ "example.com/s/@example.com" ] (sent lines mail |> OpenDkimRuns.signed))

            testCase "fields by SignHeaders and OmitHeaders" (fun () ->
                let h lines =
                    let ran = sent (lines @ signing "example.com=k") FilterPassages.plain
                    let field = ran.Inserted |> List.exactlyOne
                    let text = field.Replace("\r\n", "").Replace("\t", "").Replace(" ", "")
                    text.Split(";h=")[1] |> _.Split(';') |> Array.head

                Expect.equal "From:To:Subject:Date" (h [])

                Expect.equal
                    "From:To:Date:Message-ID:From"
                    (h [ "SignHeaders *,+Message-ID,-Subject"; "OverSignHeaders From" ])

                Expect.equal "From:Subject" (h [ "SignHeaders To,Subject"; "OmitHeaders To"; "OverSignHeaders To" ]))

            testCase "mail that is left alone is done with at the end of its header" (fun () ->
                for lines in
                    [
                        "DontSignMailTo you@EXAMPLE.org" :: signing "example.com=k"
                        "ExemptDomains example.com" :: signing "example.com=k"
                        "Mode v" :: signing "example.com=k"
                        "Mode s" :: signing "example.org=k"
                    ] do
                    let ran = sent lines FilterPassages.plain
                    Expect.equal [] ran.Changes
                    Expect.equal FilterPassages.Accepted ran.Ending
                    Expect.isTrue ran.Early "early")

            testCase "numbers of fields" (fun () ->
                let twice = "From: a@example.com\n" + FilterPassages.plain
                let refused = sent [ "Mode v"; "RequiredHeaders yes" ] twice
                Expect.equal (FilterPassages.Refused(550, "5.0.0", "multiple From: header fields")) refused.Ending
                let strict = sent [ "Mode v"; "StrictHeaders yes" ] twice
                Expect.contains "dkim=permerror (bad message/signature format)" (strict.Value "Authentication-Results"))
        ]

[<Tests>]
let tests = testList "OpenDkimStartTests" [ refusals; told; signatures ]
