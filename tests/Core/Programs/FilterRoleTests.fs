/// Whether the milters sign or verify a message.
module Dkim.Tests.Core.FilterRoleTests

open System
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private why = roles id

let private isSigned (ran: Ran) =
    ran.Inserted |> List.exists _.StartsWith("DKIM-Signature:")

// What a forger may write so that nobody knows who sent the message.
let private spoilt =
    [
        "Sender: junk\n"
        "Resent-From: junk\n"
        "Resent-Sender: \n"
        "Sender: a@b@c\n"
    ]

let private strict =
    acting (fun actions ->
        { actions with
            BadSignature = Disposition.Reject
            NoSignature = Disposition.Reject
        })

let private macro name value (way: Way) =
    { way with
        Macros = (name, value) :: way.Macros
    }

let private hosts (text: string) : PeerList =
    let struct (list, problems) = PeerList.parse "hosts" text
    Expect.equal [] problems
    list

let private required = roles (fun roles -> { roles with RequiredHeaders = true })

[<Tests>]
let tests =
    testList
        "FilterRoleTests"
        [
            testRows
                "mail of a listed domain from an internal host is signed"
                [
                    ("joe@example.com", true)
                    ("joe@EXAMPLE.com", true)
                    ("joe@sub.example.com", false)
                    ("joe@example.net", false)
                ]
                (fun (address: string, expected: bool) ->
                    let ran = runWith policy local (from address)
                    Expect.equal expected (isSigned ran)
                    Expect.equal Accepted ran.Ending)

            testRows
                "the sender is that of the first of Resent-Sender, Resent-From, Sender and From"
                [
                    ("", "From", true)
                    ("Sender: a@other.example\n", "Sender", false)
                    ("Sender: a@other.example\nResent-From: b@example.com\n", "Resent-From", true)
                    ("Resent-From: b@example.com\nResent-Sender: c@other.example\n", "Resent-Sender", false)
                ]
                (fun (fields: string, _: string, expected: bool) ->
                    runWith policy local (fields + plain) |> isSigned |> Expect.equal expected)

            testRows
                "a display name that lacks its quotes does not hide the sender"
                [
                    ("Joe, Inc. <joe@example.com>", true)
                    ("[Acme] Sales: all of us <joe@example.com> (here)", true)
                    ("joe@work <joe@example.com>", true)
                    ("Joe, Inc. <joe@example.com>, <x@other.example>", false)
                    ("Joe, Inc. <joe@example.com> or so", false)
                    ("Joe, Inc. <joe.example.com>", false)
                    ("", false)
                    ("undisclosed:;", false)
                    ("all: joe@example.com, x@other.example;", true)
                    ("joe@example.com, x@other.example", true)
                    ("x@other.example, joe@example.com", false)
                ]
                (fun (value: string, expected: bool) ->
                    let mail = from("x").Replace("From: Joe <x>", "From: " + value)
                    Expect.equal expected (isSigned (runWith policy local mail)))

            testCase "without a sender field a message is judged as unsigned" (fun () ->
                let ran = runWith policy outside "Subject: hi\n\nbody\n"
                Expect.equal [] ran.Changes
                Expect.equal Accepted ran.Ending
                Expect.equal [ "JOB1: no sender header found; verifying"; "JOB1: no signature data" ] ran.Log)

            testCase "a sender that cannot be read is judged as unsigned, and results forged in our name go" (fun () ->
                let ran =
                    runWith policy outside "Authentication-Results: mx.example.net; dkim=pass\nFrom: nobody\n\nbody\n"

                Expect.equal [ Deleted("Authentication-Results", 1) ] ran.Changes
                Expect.equal Accepted ran.Ending
                Expect.equal [ "JOB1: can't parse From: header value `nobody'"; "JOB1: no signature data" ] ran.Log)

            testCase
                "RFC8601-5-1 a sender that cannot be read does not keep a forgery from being judged and refused"
                (fun () ->
                    for fields in spoilt do
                        let bad = runWith strict arriving.Value (fields + altered.Value)
                        Expect.equal (Refused(550, "5.7.0", "bad DKIM signature data")) bad.Ending
                        Expect.contains "dkim=fail" (results (runWith policy arriving.Value (fields + altered.Value)))

                        Expect.equal
                            (Refused(550, "5.7.0", "no DKIM signature data"))
                            (runWith strict outside (fields + plain)).Ending

                    for author in [ "ceo@example.com."; "CEO <ceo@example.com.>"; "junk"; "" ] do
                        Expect.equal
                            (Refused(550, "5.7.0", "no DKIM signature data"))
                            (runWith strict outside (from author)).Ending)

            testCase "a final dot does not keep the author's domain from being asked" (fun () ->
                let way = practice "dkim=discardable"
                Expect.contains "x-dkim-adsp=discard" (results (runWith policy way (from "ceo@example.com."))))

            proves
                [ "RFC6376-5.1-2" ]
                (testCase "each of daemon, macros, address, login and POP makes a message ours" (fun () ->
                    let signs (change: FilterPolicy -> FilterPolicy) way =
                        runWith (change policy) way plain |> isSigned

                    let byMta (policy: FilterPolicy) =
                        { policy with
                            Roles.MtaNames = [ "MSA" ]
                        }

                    Expect.isTrue (signs byMta (macro "daemon_name" "msa" outside)) "daemon, in any case"
                    Expect.isTrue (not (signs byMta (macro "daemon_name" "MTA" outside))) "another daemon"
                    Expect.isTrue (not (signs byMta outside)) "no daemon"

                    let later name value way =
                        { way with
                            LaterMacros = [ name, value ]
                        }

                    Expect.isTrue
                        (not (signs byMta (later "daemon_name" "MSA" outside)))
                        "a daemon that was not told at connect"

                    let byMacro (policy: FilterPolicy) =
                        { policy with
                            Roles.Macros = MacroTest.codec.Parse "net=inside,if_addr=192.0.2.1" |> Expect.ok
                        }

                    Expect.isTrue (signs byMacro (macro "if_addr" "192.0.2.1" outside)) "address of the entrance"

                    Expect.isTrue
                        (not (signs byMacro (later "if_addr" "192.0.2.1" outside)))
                        "address that was not told at connect"

                    Expect.isTrue (signs byMacro (later "net" "inside" outside)) "macro told later"

                    Expect.isTrue (signs byMacro (macro "net" "inside" outside)) "macro"
                    Expect.isTrue (not (signs byMacro (macro "net" "outside" outside))) "another value"
                    Expect.isTrue (signs id (macro "auth_type" "PLAIN" outside)) "login"
                    Expect.isTrue (not (signs id (macro "auth_type" "" outside))) "no login"
                    Expect.isTrue (signs id local) "internal"

                    let byPop (policy: FilterPolicy) =
                        { policy with
                            Machine =
                                { policy.Machine with
                                    KnowsLogins = true
                                }
                        }

                    let loggedIn address = { outside with Logins = [ address ] }
                    Expect.isTrue (signs byPop (loggedIn "192.0.2.7")) "POP"
                    Expect.isTrue (not (signs byPop (loggedIn "192.0.2.8"))) "somebody else's login"
                    Expect.isTrue (not (signs id (loggedIn "192.0.2.7"))) "no database of logins"

                    Expect.isTrue
                        (signs
                            id
                            { outside with
                                Client =
                                    {
                                        HostName = "localhost"
                                        Address = ValueNone
                                    }
                            })
                        "submitted on the machine"))

            proves
                [ "RFC6376-5.1-2" ]
                (testCase
                    "mail of ours from elsewhere is not signed but told, unless the host is to be ignored"
                    (fun () ->
                        let ran = runWith policy outside plain
                        Expect.isTrue (not (isSigned ran)) "a stranger's"

                        Expect.equal
                            (LogLevel.Notice, "JOB1 external host mail.example.org attempted to send as example.com")
                            (ran.Levels.Head, ran.Log.Head)

                        let ignoring =
                            { policy with
                                Lists.ExternalIgnored = hosts "mail.example.org"
                            }

                        Expect.isTrue
                            (not ((runWith ignoring outside plain).Log |> List.exists _.Contains("external host")))
                            "ignored"))

            testCase "mail of others from elsewhere is verified without a word on that" (fun () ->
                Expect.equal
                    [ "JOB1: no signature data" ]
                    (runWith
                        policy
                        { outside with
                            Zone = [ exists "example.org" ]
                        }
                        (from "joe@example.org"))
                        .Log)

            testCase "a role that is off leaves mail untouched, and mail of ours is then told" (fun () ->
                let verifyOnly =
                    { policy with
                        Roles.Mode = ValueSome { Signs = false; Verifies = true }
                        Reporting = { policy.Reporting with XHeader = true }
                    }

                let ran = runWith verifyOnly local plain
                Expect.equal [] ran.Changes
                Expect.isTrue ran.Early "before the body"
                Expect.equal [ "JOB1 signing mode off; not signing mail of example.com" ] ran.Log

                let signOnly =
                    { policy with
                        Roles.Mode = ValueSome { Signs = true; Verifies = false }
                    }

                let ran = runWith signOnly outside (from "joe@example.org")
                Expect.equal [] ran.Changes
                Expect.equal Accepted ran.Ending)

            testRows
                "RFC6376-8.15-1 fields too many or too few keep a message from being signed"
                [
                    ("From: a@example.com\nDate: x\n", true)
                    ("From: a@example.com\n", false)
                    ("From: a@example.com\nFrom: b@example.com\nDate: x\n", false)
                    ("From: a@example.com\nDate: x\nDate: y\n", false)
                    ("From: a@example.com\nDate: x\nTo: a@b\nTo: c@d\n", false)
                    ("From: a@example.com\nDate: x\nSubject: a\nsubject: b\n", false)
                    ("From: a@example.com\nDate: x\nMessage-ID: a\nMessage-Id: b\n", false)
                    ("From: a@example.com\nDate: x\nReceived: a\nReceived: b\n", true)
                ]
                (fun (fields: string, isFit: bool) ->
                    let ran = runWith required local (fields + "\nbody\n")
                    Expect.equal isFit (isSigned ran)
                    Expect.equal Accepted ran.Ending

                    if not isFit then
                        Expect.equal
                            "mx.example.net; dkim=permerror (bad format) header.i=unknown"
                            (ran.Value "Authentication-Results")

                        Expect.contains "JOB1 RFC2822 header requirement error" (String.concat "\n" ran.Log))

            testRows
                "RFC6376-8.15-1 verified mail with fields too many or too few is told as badly formed and accepted"
                [
                    "From: a@example.org\n"
                    "From: a@example.org\nFrom: b@example.org\nDate: x\n"
                    "From: a@example.org\nDate: x\nSubject: a\nSubject: b\n"
                ]
                (fun (fields: string) ->
                    let ran =
                        runWith
                            required
                            outside
                            ("Authentication-Results: mx.example.net; dkim=pass\n" + fields + "\nbody\n")

                    Expect.equal Accepted ran.Ending
                    Expect.equal [ "Authentication-Results", 1 ] ran.Deleted

                    Expect.equal
                        "mx.example.net; dkim=permerror (bad format) header.i=unknown"
                        (ran.Value "Authentication-Results"))

            testCase "an IPv6 client is looked up like any other" (fun () ->
                let internals =
                    { policy with
                        Lists.Internal = hosts "::1"
                    }

                runWith
                    internals
                    { local with
                        Client = client "localhost" "::1"
                    }
                    plain
                |> isSigned
                |> Expect.equal true)
        ]
