/// What the policy of an author's domain makes of a message.
module Dkim.Tests.Core.FilterPracticeTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private discarding =
    verifying (fun verifying -> { verifying with AdspDiscard = true })

[<Tests>]
let tests =
    testList
        "FilterPracticeTests"
        [
            testRows
                "RFC5617-5.4-1 a domain that signs everything makes unsigned mail suspicious"
                [
                    ("dkim=unknown", "unknown", false)
                    ("dkim=all", "fail", true)
                    ("dkim=discardable", "discard", true)
                    ("dkim=other", "unknown", false)
                    ("no policy", "none", false)
                ]
                (fun (record: string, word: string, suspicious: bool) ->
                    let ran = runWith policy (practice record) plain
                    Expect.equal Accepted ran.Ending
                    Expect.equal suspicious (not ran.Inserted.IsEmpty)

                    if suspicious then
                        Expect.equal
                            ("mx.example.net; dkim=none (no signature) header.i=unknown; x-dkim-adsp=" + word)
                            (results ran)

                    let always =
                        { policy with
                            Reporting =
                                { policy.Reporting with
                                    AlwaysAddArHeader = true
                                }
                        }

                    Expect.isTrue
                        ((results (runWith always (practice record) plain)).EndsWith("x-dkim-adsp=" + word))
                        word)

            testCase "RFC5617-4.3-1 the domain is looked for together with its policy" (fun () ->
                let asked = (runWith policy (practice "dkim=all") plain).Asked

                Expect.equal [ "_adsp._domainkey.example.com"; "example.com"; "example.com"; "example.com" ] asked)

            testCase
                "RFC5617-2.7-1 a good signature of the author's own domain settles the matter without a question"
                (fun () -> Expect.equal [ keyName ] (runWith policy arriving.Value signed.Value).Asked)

            testCase "RFC5617-2.7-1 a good signature of another domain does not" (fun () ->
                let third =
                    signedBy thirdParty.Value (plain.Replace("joe@example.com", "joe@other.example"))

                let way =
                    { outside with
                        Zone =
                            text "_adsp._domainkey.other.example" "dkim=discardable"
                            :: exists "other.example"
                            :: zone.Value
                    }

                let ran = runWith policy way third
                Expect.contains "dkim=pass" (results ran)
                Expect.contains "x-dkim-adsp=discard" (results ran))

            testCase "the author decides, whoever sent the message" (fun () ->
                let ran =
                    runWith policy (practice "dkim=all") ("Sender: list@lists.example\n" + plain)

                Expect.contains "x-dkim-adsp=fail" (results ran)
                Expect.isTrue (List.contains "_adsp._domainkey.example.com" ran.Asked) "asked")

            testCase "ADSPDiscard refuses what the domain wants discarded, and nothing else" (fun () ->
                let ran = runWith discarding (practice "dkim=discardable") plain
                Expect.equal (Refused(550, "5.7.1", "rejected due to DKIM ADSP evaluation")) ran.Ending
                Expect.equal [] ran.Changes

                Expect.isTrue
                    (List.contains
                        (LogLevel.Notice, "JOB1 rejected per sender domain policy")
                        (List.zip ran.Levels ran.Log))
                    "told"

                Expect.equal Accepted (runWith discarding (practice "dkim=all") plain).Ending
                Expect.equal Accepted (runWith policy (practice "dkim=discardable") plain).Ending

                let way =
                    { arriving.Value with
                        Zone = (practice "dkim=discardable").Zone @ arriving.Value.Zone
                    }

                Expect.equal Accepted (runWith discarding way signed.Value).Ending)

            testCase "RFC6651-4-1 the sentence of the policy record comes before our own" (fun () ->
                Expect.equal
                    (Refused(550, "5.7.1", "Ask us: rejected due to DKIM ADSP evaluation"))
                    (runWith discarding (practice "dkim=discardable; rs=Ask=20us") plain).Ending)

            testCase "ADSPNoSuchDomain refuses authors in domains that do not exist" (fun () ->
                let strict =
                    verifying (fun verifying ->
                        { verifying with
                            AdspNoSuchDomain = true
                        })

                let nowhere = { outside with Zone = [] }
                let ran = runWith strict nowhere plain
                Expect.equal (Refused(550, "5.7.1", "sender domain does not exist")) ran.Ending
                Expect.isTrue (List.contains "JOB1 sender domain does not exist" ran.Log) "told"
                Expect.equal Accepted (runWith strict (practice "dkim=unknown") plain).Ending
                let mild = runWith policy nowhere plain
                Expect.equal Accepted mild.Ending
                Expect.equal [] mild.Changes)

            testCase "LocalADSP comes before what a domain publishes, and asks nobody" (fun () ->
                let struct (lines, _) =
                    LocalAdsp.parse "adsp" "example.com:discardable\n.example.com:all\n"

                let own = { policy with Lists.LocalAdsp = lines }

                let ran = runWith own (practice "dkim=unknown") plain
                Expect.contains "x-dkim-adsp=discard" (results ran)
                Expect.equal [] ran.Asked

                let sub =
                    runWith own (practice "dkim=unknown") (plain.Replace("joe@example.com", "joe@a.example.com"))

                Expect.contains "x-dkim-adsp=fail" (results sub))

            testCase "RFC5617-4.3-4 a policy that cannot be had is a temporary error, and told" (fun () ->
                let way =
                    { outside with
                        Zone = [ exists "example.com"; fails "_adsp._domainkey.example.com" ]
                    }

                let always =
                    { policy with
                        Reporting =
                            { policy.Reporting with
                                AlwaysAddArHeader = true
                            }
                    }

                let ran = runWith always way plain
                Expect.isTrue ((results ran).EndsWith "x-dkim-adsp=temperror") (results ran)
                Expect.equal Accepted ran.Ending
                Expect.isTrue (List.contains "JOB1 ADSP query: SERVFAIL" ran.Log) "told"

                // What cannot be judged by its signature then ends as a failure of the DNS.
                let broken = signed.Value.Replace("v=1;", "v=3;")
                Expect.equal Deferred (runWith policy way broken).Ending
                Expect.equal Accepted (runWith policy (practice "dkim=unknown") broken).Ending)

            testCase "DNSSEC's word on a policy is told, and a bogus policy ignored" (fun () ->
                let way security =
                    { outside with
                        Zone =
                            [
                                exists "example.com"
                                secured security "_adsp._domainkey.example.com" "dkim=all"
                            ]
                    }

                let always change =
                    { verifying change with
                        Reporting =
                            { policy.Reporting with
                                AlwaysAddArHeader = true
                            }
                    }

                let told policy security =
                    results (runWith policy (way security) plain)

                Expect.contains "x-dkim-adsp=fail (secure policy)" (told (always id) Security.Secure)
                Expect.contains "x-dkim-adsp=fail (insecure policy)" (told (always id) Security.Insecure)
                Expect.contains "x-dkim-adsp=none (bogus policy)" (told (always id) Security.Bogus)

                let other =
                    always (fun verifying ->
                        { verifying with
                            ApplyBogusPolicy = true
                            ApplyInsecurePolicy = false
                        })

                Expect.contains "x-dkim-adsp=none (insecure policy)" (told other Security.Insecure)
                Expect.contains "x-dkim-adsp=fail (bogus policy)" (told other Security.Bogus))

            testCase "suspicious mail is quarantined, other unsigned mail is not" (fun () ->
                let quarantining = marked (fun marks -> { marks with Quarantine = true })

                let quarantined record =
                    (runWith quarantining (practice record) plain).Changes
                    |> List.contains (Quarantined "dkim-filter: none: no signature")

                Expect.isTrue (quarantined "dkim=all") "all"
                Expect.isTrue (not (quarantined "dkim=unknown")) "unknown")

            proves
                [ "RFC6591-3.1-2"; "RFC6591-3.1-3" ]
                (testCase "a display name that lacks its quotes does not hide the author" (fun () ->
                    let ran =
                        runWith policy (practice "dkim=all") (plain.Replace("Joe <joe", "Joe, Inc. <joe"))

                    Expect.contains "x-dkim-adsp=fail" (results ran)))
        ]
