/// The mail that dkimproxy.in refuses: with reject-error what cannot be judged, with reject-fail what a policy wants
/// refused.
module Dkim.Tests.Core.MailRefusalTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.ProxyRuns
open Dkim.Tests.Core.VerifyingRuns

let private adsp practice =
    [
        "_adsp._domainkey.example.org", Text("dkim=" + practice)
        "example.org", Exists
    ]

let private domainKeysPolicy text = [ "_domainkey.example.org", Text text ]

let private senderSigning text =
    [ "_policy._domainkey.example.org", Text text ]

let private thirdParty =
    lazy (signed rsa2048.Value [ "--signature=dkim(d=other.example)" ] plain)

let private otherZone =
    lazy [ "sel._domainkey.other.example", Text(snd rsa2048.Value) ]

/// A message, a zone, and the reply of `reject-fail`; nothing where the message passes.
let private policies =
    lazy
        [
            plain, [], ""
            plain, adsp "unknown", ""
            plain, adsp "all", "none"
            plain, adsp "discardable", "none"
            plain, domainKeysPolicy "o=~", ""
            plain, domainKeysPolicy "o=-", "none"
            plain, domainKeysPolicy "o=-; t=y", ""
            plain, senderSigning "o=-", "none"
            plain, senderSigning "o=!", "none"
            plain,
            [
                "_adsp._domainkey.example.org", Fails "timeout"
                "example.org", Fails "timeout"
            ],
            ""
            good.Value, adsp "discardable" @ zone.Value, ""
            good.Value, adsp "discardable", "invalid (public key: not available)"
            thirdParty.Value, adsp "discardable" @ otherZone.Value, "pass"
            thirdParty.Value, adsp "all" @ otherZone.Value, ""
        ]

[<Tests>]
let tests =
    testList
        "MailRefusalTests"
        [
            proves
                [ "RFC6376-6.1-5" ]
                (testCase "reject-error refuses for a while what cannot be looked up for now" (fun () ->
                    let failing = [ keyName, Fails "SERVFAIL" ]
                    let outcome, log, _ = pass failing (start [ "--reject-error" ]) good.Value
                    Expect.equal (Refused(450, "DKIM - temperror (public key: DNS error: SERVFAIL)")) outcome
                    Expect.equal "verify error: public key: DNS error: SERVFAIL" log[0]

                    for zone in [ zone.Value; [] ] do
                        match pass zone (start [ "--reject-error" ]) good.Value with
                        | Relayed _, _, _ -> ()
                        | Refused(_, text), _, _ -> failtest text))

            testCase "one good signature is enough for reject-error" (fun () ->
                let text =
                    signed rsa2048.Value [ "--signature=dkim(s=broken)"; "--signature=dkim" ] plain

                let zone = ("broken._domainkey.example.org", Fails "timeout") :: zone.Value

                match pass zone (start [ "--reject-error" ]) text with
                | Relayed _, _, _ -> ()
                | Refused(_, text), _, _ -> failtest text)

            proves
                [
                    "RFC6376-6.3-2"
                    "RFC8601-4.2-1"
                    "RFC4870-3.6-1"
                    "RFC5617-2.7-1"
                    "RFC4870-3.7.6-1"
                ]
                (testCase "reject-fail refuses what one of three policies wants refused" (fun () ->
                    for message, zone, detail in policies.Value do
                        let outcome, _, _ = pass zone (start [ "--reject-fail" ]) message

                        match outcome with
                        | Refused(code, text) -> Expect.equal (550, "5.7.1 DKIM - " + detail) (code, text)
                        | Relayed _ -> Expect.equal "" detail))

            testCase "RFC4870-3.2.3-5 reject-fail refuses no mail of a domain that tests DomainKeys" (fun () ->
                let changed =
                    (signed rsa2048.Value [ "--signature=domainkeys" ] plain).Replace("body", "b0dy")

                let refused key =
                    match pass ((keyName, Text key) :: domainKeysPolicy "o=-") (start [ "--reject-fail" ]) changed with
                    | Refused _, _, _ -> true
                    | Relayed _, _, _ -> false

                let key = (snd rsa2048.Value).Replace("v=DKIM1; ", "")
                Expect.isTrue (refused key) "a policy for all mail"
                Expect.isTrue (not (refused ("t=y; " + key))) "in testing mode")

            proves
                [ "RFC4870-3.6-2"; "RFC4870-3.7.6-1" ]
                (testCase "policies are asked for only with reject-fail, and only where they can matter" (fun () ->
                    let asked arguments zone message =
                        let _, _, asked = pass zone (start arguments) message
                        asked |> List.distinct |> List.sort

                    Expect.equal [] (asked [] (adsp "all") plain)

                    Expect.equal
                        [
                            "_adsp._domainkey.example.org"
                            "_domainkey.example.org"
                            "_policy._domainkey.example.org"
                            "example.org"
                        ]
                        (asked [ "--reject-fail" ] (adsp "all") plain)

                    Expect.equal [ keyName ] (asked [ "--reject-fail" ] zone.Value good.Value)
                    Expect.equal [] (asked [ "--reject-fail" ] [] "Subject: no author\n\nx\n")))
        ]
