/// Who signs for whom: what is told of it at a start, what of it cannot be meant, and what a reload must not change.
module Dkim.Tests.Core.SigningRuleTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters
open Dkim.Tests.Core

let private start files lines =
    FilterRuns.startConf (files @ FilterRuns.keys) ("Socket local:/s" :: lines)
    |> Starts.serving

let private rules (program: FilterProgram) = program.Rules |> List.map _.Text

let private notices files lines =
    (start files lines).Notices |> List.map _.Text |> String.concat "\n"

let private single = [ "Selector mail"; "KeyFile /keys/mail.private" ]

let private keptKey change =
    {
        Path = "/keys/mail.private"
        Reason = "permission denied"
        Change = change
    }

let private refused kept credentials before after =
    (start [] before).RefusesToFollow(start [] after, kept, credentials)

[<Tests>]
let tests =
    testList
        "SigningRuleTests"
        [
            testCase "of a long list the first hundred are lines, and the others are counted" (fun () ->
                let list =
                    "/list",
                    String.Join('\n', List.init 103 (fun n -> "*@d" + string n + ".example:*:/keys/mail.private"))

                let told = rules (start [ list ] [ "KeyList /list" ])
                Expect.equal 101 told.Length
                Expect.equal "and 3 more signing rules" (List.last told))

            testCase "each signing rule is a line" (fun () ->
                Expect.equal
                    [
                        "*@example.com: d=example.com s=mail rsa 2048 bits"
                        "*@example.org: d=example.org s=mail rsa 2048 bits"
                    ]
                    (rules (start [] ("Domain example.com,example.org" :: single)))

                let list =
                    "/list",
                    "*@example.com:example.com:/keys/ed\n*:*:/keys/other.pem\n*@example.com:example.com:/keys/mail.private\n"

                Expect.equal
                    [
                        "*@example.com: d=example.com s=ed ed25519"
                        "*@example.com: d=example.com s=mail.private rsa 2048 bits"
                        "*: d=* s=other.pem rsa 1024 bits"
                    ]
                    (rules (start [ list ] [ "KeyList /list" ])))

            testRows
                "what one key cannot mean is told"
                [
                    ("Domain joe@example.com", "Domain joe@example.com: is an address, no domain; write example.com")
                    ("", "Domain is not set, and nothing is signed")
                    ("Selector mail._domainkey",
                     "selector mail._domainkey: _domainkey is put behind it anyway; write mail")
                    ("SignatureAlgorithm ed25519-sha256",
                     "SignatureAlgorithm ed25519-sha256: an RSA key signs rsa-sha256")
                ]
                (fun (line: string, told: string) ->
                    let domain = if line.StartsWith "S" then [ "Domain example.com" ] else []
                    Expect.contains told (notices [] (domain @ single @ [ line ])))

            testCase "what a key list cannot mean is told" (fun () ->
                let told =
                    notices
                        [
                            "/list",
                            "example.com:example.com:/keys/mail.private\njoe@example.net:example.net:/keys/ed\n"
                        ]
                        [ "KeyList /list"; "Domain example.org,example.net" ]

                Expect.contains "the pattern example.com matches no sender's address; write *@example.com" told
                Expect.contains "selector mail.private: ends as the name of a file does; write mail" told
                Expect.contains "Domain example.org: KeyList has no key for every sender of it" told
                Expect.contains "Domain example.net: KeyList has no key for every sender of it" told

                Expect.equal
                    ""
                    (notices
                        [ "/list", "*@example.com:example.com:/keys/mail" ]
                        [ "KeyList /list"; "Domain example.com" ]))

            testCase "a key that stays as it was signs under no other name" (fun () ->
                let before = "Domain example.com" :: single
                let renamed = [ "Domain example.com"; "Selector new"; "KeyFile /keys/mail.private" ]
                let elsewhere = "Domain example.org" :: single
                Expect.equal [] (refused [] "" before renamed)

                for change in [ SecretChange.Same; SecretChange.Hidden ] do
                    let kept = [ keptKey change ]
                    Expect.equal [] (refused kept "" before before)

                    for after in [ renamed; elsewhere ] do
                        match refused kept "" before after with
                        | [ one ] ->
                            Expect.contains "/keys/mail.private: cannot be read again; the old key would sign" one
                        | other -> failtest (String.concat "\n" other))

            testCase "a key that has become another and cannot be read is no key to go on with" (fun () ->
                let before = "Domain example.com" :: single

                Expect.equal
                    [
                        "*@example.com: d=example.com s=mail rsa 2048 bits: "
                        + "/keys/mail.private cannot be read again (permission denied) and has changed: let this user read it, or restart"
                    ]
                    (refused [ keptKey SecretChange.Changed ] "" before before))

            testCase "a credential signs under the name of its start until a restart" (fun () ->
                let before = "Domain example.com" :: single
                let renamed = [ "Domain example.com"; "Selector new"; "KeyFile /keys/mail.private" ]
                Expect.equal [] (refused [] "/keys" before before)
                Expect.equal [] (refused [] "/keys" before ("Domain example.org" :: single))
                Expect.equal [] (refused [] "/key" before renamed)
                Expect.contains "a credential of the unit" (refused [] "/keys" before renamed |> String.concat "\n"))
        ]
