/// What dk-filter tells of signatures, removes and reports, and how messages end.
module Dkim.Tests.Core.DkFilterVerifyingTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples
open Dkim.Tests.Core.DkFilterExamples

let private acting (change: Dispositions -> Dispositions) : FilterPolicy =
    { dkPolicy with
        Actions = change dkPolicy.Actions
    }

[<Tests>]
let tests =
    testList
        "DkFilterVerifyingTests"
        [
            testCase "RFC4870-3.8-1 each result" (fun () ->
                let told way mail = results (dkRunWith dkPolicy way mail)

                let from = " header.from=joe@example.com"
                Expect.equal ("mx.example.net; domainkeys=fail" + from) (told arriving.Value altered.Value)
                Expect.equal ("mx.example.net; domainkeys=neutral (no signature)" + from) (told outside plain)
                Expect.equal ("mx.example.net; domainkeys=neutral (no key)" + from) (told outside signed.Value)
                Expect.equal ("mx.example.net; domainkeys=neutral (no key)" + from) (told (withKey "p=") signed.Value)

                Expect.equal
                    ("mx.example.net; domainkeys=neutral (bad key)" + from)
                    (told (withKey "p=AAAA") signed.Value)

                Expect.equal
                    ("mx.example.net; domainkeys=neutral (bad key)" + from)
                    (told (withKey "nonsense") signed.Value)

                Expect.equal
                    ("mx.example.net; domainkeys=neutral (bad format)" + from)
                    (told arriving.Value ("DomainKey-Signature: nonsense\n" + plain))

                Expect.equal
                    ("mx.example.net; domainkeys=pass (testing)" + from)
                    (told (withKey (publishedKey.Value + "; t=y")) signed.Value)

                Expect.equal
                    ("mx.example.net; domainkeys=neutral (no signature) (testing)" + from)
                    (told
                        { outside with
                            Zone = [ text "_domainkey.example.com" "o=~; t=y" ]
                        }
                        plain))

            testCase "RFC4870-3.7.4-2 a key that cannot be used is no reason to try again" (fun () ->
                for record in [ "p=AAAA"; "nonsense"; "p="; "k=other; p=AAAA" ] do
                    Expect.equal Accepted (dkRunWith dkPolicy (withKey record) signed.Value).Ending

                Expect.equal Accepted (dkRunWith dkPolicy outside signed.Value).Ending)

            testCase "RFC4870-3.7.3-1 one that can be read decides, though one that cannot stands above it" (fun () ->
                let mail = "DomainKey-Signature: nonsense\n" + altered.Value
                Expect.contains "domainkeys=fail" (results (dkRunWith dkPolicy arriving.Value mail)))

            testCase "RFC4870-3.7.4-1 a lookup that fails ends by the action for DNS" (fun () ->
                let way =
                    { outside with
                        Zone = [ fails keyName ]
                    }

                let ran = dkRunWith dkPolicy way signed.Value
                Expect.equal Deferred ran.Ending
                Expect.equal "JOB1: key retrieval failed (s=mail, d=example.com): SERVFAIL" (List.last ran.Log)

                let accepting =
                    acting (fun actions ->
                        { actions with
                            DnsError = Disposition.Accept
                        })

                Expect.contains
                    "domainkeys=temperror (key retrieval failed)"
                    (results (dkRunWith accepting way signed.Value)))

            testRows
                "RFC4870-3.6-1 unsigned mail of a domain that signs all is missing its signature"
                [ ("o=-", true); ("o=~", false); ("", false) ]
                (fun (record: string, all: bool) ->
                    let rejecting =
                        acting (fun actions ->
                            { actions with
                                SignatureMissing = Disposition.Reject
                                NoSignature = Disposition.Discard
                            })

                    let way =
                        { outside with
                            Zone = [ text "_domainkey.example.com" record ]
                        }

                    let ran = dkRunWith rejecting way plain

                    Expect.equal
                        (if all then
                             Refused(550, "5.7.0", "DomainKeys signature missing")
                         else
                             Discarded)
                        ran.Ending

                    Expect.equal [ "_domainkey.example.com" ] ran.Asked)

            proves
                [ "RFC4870-3.7.6-1" ]
                (testCase "RFC4870-3.6-2 no policy is asked for where the signature is good" (fun () ->
                    Expect.equal [ keyName ] (dkRunWith dkPolicy arriving.Value signed.Value).Asked

                    Expect.equal
                        [ keyName; "_domainkey.example.com" ]
                        (dkRunWith dkPolicy arriving.Value altered.Value).Asked))

            testCase "RFC4870-3.6-3 no policy record means that some mail is signed" (fun () ->
                let rejecting =
                    acting (fun actions ->
                        { actions with
                            SignatureMissing = Disposition.Reject
                        })

                Expect.equal Accepted (dkRunWith rejecting outside plain).Ending

                let failing =
                    { outside with
                        Zone = [ fails "_domainkey.example.com" ]
                    }

                Expect.equal Accepted (dkRunWith rejecting failing plain).Ending)

            testCase "bad signatures end by their action" (fun () ->
                let rejecting =
                    acting (fun actions ->
                        { actions with
                            BadSignature = Disposition.Reject
                        })

                Expect.equal
                    (Refused(550, "5.7.0", "bad DomainKeys signature"))
                    (dkRunWith rejecting arriving.Value altered.Value).Ending

                Expect.equal
                    (Refused(550, "5.7.0", "DomainKeys signature syntax error"))
                    (dkRunWith rejecting arriving.Value ("DomainKey-Signature: nonsense\n" + plain)).Ending

                Expect.equal Accepted (dkRunWith dkPolicy arriving.Value altered.Value).Ending)

            testCase "RFC4870-3.2.3-5 RFC4870-3.6-1 who only tries his signatures is not refused, nor held" (fun () ->
                let strict =
                    { acting (fun _ -> DispositionCodecs.everyAction Disposition.Reject) with
                        Reporting.Quarantine = true
                    }

                let ending way mail =
                    let ran = dkRunWith strict way mail
                    Expect.equal 1 ran.Changes.Length
                    Expect.contains "(testing)" (results ran)
                    ran.Ending

                let policyTesting =
                    { outside with
                        Zone = [ text "_domainkey.example.com" "o=-; t=y"; text keyName publishedKey.Value ]
                    }

                Expect.equal Accepted (ending (withKey (publishedKey.Value + "; t=y")) altered.Value)
                Expect.equal Accepted (ending policyTesting altered.Value)
                Expect.equal Accepted (ending policyTesting plain)
                Expect.equal Accepted (ending policyTesting ("DomainKey-Signature: nonsense\n" + plain)))

            testCase "RFC4870-3.7.3-1 of several signatures a good one decides" (fun () ->
                let ran =
                    dkRunWith dkPolicy arriving.Value ("DomainKey-Signature: nonsense\r\n" + signed.Value)

                Expect.contains "domainkeys=pass" (results ran))

            testCase "RFC8601-5-1 forged results of ours go, of others stay" (fun () ->
                let claim value =
                    "Authentication-Results: " + value + "\r\n"

                let ran =
                    dkRunWith
                        dkPolicy
                        arriving.Value
                        (claim "mx.example.net; domainkeys=pass"
                         + claim "other.example; domainkeys=pass"
                         + claim "mx.example.net; dkim=pass"
                         + claim "MX.example.net; domainkeys=fail"
                         + signed.Value)

                Expect.equal [ "Authentication-Results", 4; "Authentication-Results", 1 ] ran.Deleted)

            testCase "what fails is quarantined" (fun () ->
                let quarantining =
                    { dkPolicy with
                        Reporting.Quarantine = true
                    }

                let reasons way mail =
                    (dkRunWith quarantining way mail).Changes
                    |> List.choose (fun change ->
                        match change with
                        | Quarantined reason -> Some reason
                        | _ -> None)

                Expect.equal [ "dk-filter: fail: bad signature" ] (reasons arriving.Value altered.Value)
                Expect.equal [] (reasons arriving.Value signed.Value)
                Expect.equal [] (reasons outside plain))

            testRows
                "a bad signature is reported to r= of the policy, within its domain"
                ([
                    ("o=~; r=admin@example.com", "admin@example.com")
                    ("o=~; r=admin@mail.example.com", "admin@mail.example.com")
                    ("o=~; r=admin", "admin@example.com")
                    ("o=~; r=victim@evil.example", null)
                    ("o=~; r=a b@example.com", null)
                    ("o=~", null)
                ]
                : (string * (string | null)) list)
                (fun (record: string, recipient: string | null) ->
                    let reporting =
                        { dkPolicy with
                            Reporting =
                                { dkPolicy.Reporting with
                                    SendReports = true
                                }
                        }

                    let way =
                        { outside with
                            Zone = [ text keyName publishedKey.Value; text "_domainkey.example.com" record ]
                        }

                    match sent (dkRunWith reporting way altered.Value), recipient with
                    | [], null -> ()
                    | [ report ], NonNull recipient ->
                        Expect.contains ("To: " + recipient + "\r\n") report
                        Expect.contains "User-Agent: Sendmail-DomainKeys-Filter/1.0.0\r\n" report
                        Expect.contains "domainkeys=fail header.from=joe@example.com\r\n" report
                    | other, _ -> failtest (string (box other))

                    Expect.equal [] (sent (dkRunWith dkPolicy way altered.Value))
                    Expect.equal [] (sent (dkRunWith reporting { way with Sender = ValueSome "<>" } altered.Value))
                    Expect.equal [] (sent (dkRunWith reporting way signed.Value)))
        ]
