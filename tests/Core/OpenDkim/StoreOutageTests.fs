/// What opendkim does with mail while a store of its data sets does not answer.
module Dkim.Tests.Core.StoreOutageTests

open System
open Expecto
open Dkim.Core.Stores
open Dkim.Tests
open Dkim.Tests.Core

let private tables =
    [
        "KeyTable redis://127.0.0.1/keys"
        "SigningTable redis://127.0.0.1/signing"
        "LogWhy yes"
    ]

let private rows (known: (string * string) list) (question: StoreQuestion) : StoreAnswer =
    let prefix =
        match question.Store with
        | Store.Redis(_, RedisLayout.Prefixed prefix) -> prefix
        | _ -> ""

    question.Forms
    |> List.choose (fun form ->
        known
        |> List.tryFind (fst >> (=) (prefix + ":" + form))
        |> Option.map (fun (_, value) -> { Form = form; Fields = [ value ] }))
    |> StoreAnswer.Rows

let private known =
    [ "signing:example.com", "one"; "keys:one", "example.com:s:/keys/rsa" ]

/// The stores whose prefix it is do not answer.
let private without (down: string) (question: StoreQuestion) : StoreAnswer =
    match question.Store with
    | Store.Redis(_, RedisLayout.Prefixed prefix) when prefix = down -> StoreAnswer.Unavailable "connection refused"
    | _ -> rows known question

let private sendWith (way: FilterPassages.Way) ask lines =
    let program = OpenDkimRuns.start [] lines |> Starts.serving
    OpenDkimRuns.send program { way with Rows = ask } "From: joe@example.com\n\nhello\n"

let private send ask lines = sendWith FilterPassages.local ask lines

let private isDeferred (ran: FilterPassages.Ran) =
    match ran.Ending with
    | FilterPassages.Deferred -> true
    | FilterPassages.Refused _ -> ran.Inserted.IsEmpty
    | _ -> false

let private refusal (ran: FilterPassages.Ran) =
    match ran.Ending with
    | FilterPassages.Refused(code, enhanced, text) -> code, enhanced, text
    | other -> failtest ("not refused: " + string other)

[<Tests>]
let tests =
    testList
        "StoreOutageTests"
        [
            testCase "rows of stores sign" (fun () ->
                let ran = send (rows known) tables
                Expect.equal [ "example.com/s" ] (OpenDkimRuns.signed ran))

            for down in [ "signing"; "keys" ] do
                testCase ("mail of ours waits while it does not answer: " + down) (fun () ->
                    let ran = send (without down) tables
                    Expect.equal true (isDeferred ran)
                    Expect.contains "connection refused" (String.concat "\n" ran.Log))

            testCase "mail of strangers is verified all the same" (fun () ->
                let ran =
                    sendWith FilterPassages.outside (without "signing") ("AlwaysAddARHeader yes" :: tables)

                Expect.equal FilterPassages.Accepted ran.Ending
                Expect.equal 1 ran.Inserted.Length)

            testCase "without InternalHosts nobody knows whose mail it is" (fun () ->
                let ran = send (without "hosts") ("InternalHosts redis://127.0.0.1/hosts" :: tables)
                Expect.equal (451, "4.7.0", "resource unavailable") (refusal ran)
                Expect.contains "InternalHosts cannot be asked: connection refused" (String.concat "\n" ran.Log))

            testCase "but for those who have logged in" (fun () ->
                let way =
                    { FilterPassages.outside with
                        Macros = ("auth_type", "PLAIN") :: FilterPassages.outside.Macros
                    }

                let ran =
                    sendWith way (without "hosts") ("InternalHosts redis://127.0.0.1/hosts" :: tables)

                Expect.equal [ "example.com/s" ] (OpenDkimRuns.signed ran))

            for name in [ "PeerList"; "ExemptDomains"; "DontSignMailTo"; "BodyLengthDB" ] do
                testCase ("nothing of ours goes on unsigned without " + name) (fun () ->
                    let ran = send (without "set") ((name + " redis://127.0.0.1/set") :: tables)
                    Expect.equal (451, "4.7.0", "resource unavailable") (refusal ran))

            testCase "Domain in a store signs with KeyFile, and waits with it" (fun () ->
                let lines =
                    [ "Domain redis://127.0.0.1/domains"; "KeyFile /keys/rsa"; "Selector s" ]

                let ran = send (rows [ "domains:example.com", "" ]) lines
                Expect.equal [ "example.com/s" ] (OpenDkimRuns.signed ran)
                Expect.equal (451, "4.7.0", "resource unavailable") (refusal (send (without "domains") lines)))

            testCase "a message is asked for once, with all its forms" (fun () ->
                let mutable questions = []

                let ask (question: StoreQuestion) =
                    questions <- question :: questions
                    rows known question

                send ask tables |> ignore
                Expect.equal 2 questions.Length
                Expect.equal [ "one" ] questions.Head.Forms
                Expect.contains "joe@example.com" (String.concat " " questions.Tail.Head.Forms))

            testCase
                "a store that does not answer is asked again after a second, after two, and while a question waits by no other"
                (fun () ->
                    let began = DateTimeOffset.FromUnixTimeSeconds 1795000000L
                    let at (seconds: float) = began.AddSeconds seconds
                    let isAsked health seconds = StoreRules.mayAsk health (at seconds)
                    Expect.equal true (isAsked StoreHealth.Up 0.0)
                    let once = StoreRules.failed StoreHealth.Up began
                    Expect.equal [ false; false; true ] (List.map (isAsked once) [ 0.0; 0.9; 1.0 ])
                    let twice = StoreRules.failed once (at 1.0)
                    Expect.equal [ false; false; true ] (List.map (isAsked twice) [ 1.0; 2.9; 3.0 ])
                    let probed = StoreRules.probing StoreRules.defaults twice (at 3.0)
                    Expect.equal [ false; false; true ] (List.map (isAsked probed) [ 3.0; 7.9; 8.0 ])

                    let often =
                        List.fold (fun health _ -> StoreRules.failed health began) once [ 1..40 ]

                    Expect.equal [ false; true ] (List.map (isAsked often) [ 29.9; 30.0 ]))

            testCase "what no table has is not asked for" (fun () ->
                let mutable forms = []

                let ask (question: StoreQuestion) =
                    forms <- question.Forms @ forms
                    rows known question

                let program = OpenDkimRuns.start [] tables |> Starts.serving
                let mail = "From: \"a\000b\"@example.com\n\nhello\n"

                OpenDkimRuns.send program { FilterPassages.local with Rows = ask } mail
                |> ignore

                Expect.equal false (forms |> List.exists _.Contains('\000')))

            testCase "who logs in to a directory, and when a quiet connection is tried" (fun () ->
                let account lines =
                    let program =
                        [
                            "InternalHosts ldap://h/dc=x?note?sub?(k=$d)"
                            "LDAPAuthMechanism plain"
                            "LDAPBindPassword word"
                            "LDAPKeepaliveIdle 60"
                            "LDAPKeepaliveInterval 5"
                            "LDAPKeepaliveProbes 3"
                        ]
                        @ lines
                        |> OpenDkimRuns.start []
                        |> Starts.serving

                    match program.Stores |> List.map _.Store with
                    | [ Store.Ldap source ] ->
                        Expect.equal { Idle = 60; Interval = 5; Probes = 3 } source.Keepalive
                        source.Account
                    | _ -> failtest "no directory"

                let word = Secret.Of "word"
                Expect.equal (LdapAccount.Plain("joe", "", word)) (account [ "LDAPAuthUser joe" ])
                Expect.equal (LdapAccount.Plain("proxy", "", word)) (account [ "LDAPAuthName proxy" ])

                Expect.equal
                    (LdapAccount.Plain("proxy", "joe", word))
                    (account [ "LDAPAuthName proxy"; "LDAPAuthUser joe" ]))

            testCase "a password is told nowhere" (fun () ->
                let conf =
                    [
                        "KeyTable dsn:pgsql://u:geheim@db/mail/table=t?keycol=k k?datacol=d"
                        "SigningTable dsn:oracle://u:geheim@db/mail/table=t?keycol=k?datacol=d"
                        "LDAPBindPassword geheim"
                    ]

                match OpenDkimRuns.start [] conf with
                | Starts.Failed(text, code) ->
                    Expect.equal 78 code
                    Expect.contains "is no name of SQL" text
                    Expect.contains "there is no backend oracle" text
                    Expect.equal false (text.Contains "geheim")
                | _ -> failtest "it started")

            testCase "a set that is needed whole cannot be in a store" (fun () ->
                match OpenDkimRuns.start [] [ "SignHeaders redis://127.0.0.1/fields" ] with
                | Starts.Failed(text, 78) -> Expect.contains "every element of SignHeaders is needed at the start" text
                | _ -> failtest "it started")

            testCase "many recipients are asked for, and too many wait" (fun () ->
                let lines = "DontSignMailTo redis://127.0.0.1/set" :: tables
                let ask = rows (("set:r5@example.net", "") :: known)

                let way count =
                    { FilterPassages.local with
                        Recipients = List.init count (fun number -> "<r" + string number + "@example.net>")
                    }

                let ran = sendWith (way 10) ask lines
                Expect.equal [] (OpenDkimRuns.signed ran)
                Expect.equal FilterPassages.Accepted ran.Ending
                Expect.equal [ "example.com/s" ] (OpenDkimRuns.signed (sendWith (way 3) ask lines))
                Expect.equal (451, "4.7.0", "resource unavailable") (refusal (sendWith (way 10001) ask lines)))
        ]
