/// How dkim-filter ends messages whose signatures fail or that have none: every action, and quarantine.
module Dkim.Tests.Core.FilterEndingTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private endings (action: string) (text: string) =
    match action with
    | "accept" -> Disposition.Accept, Accepted
    | "discard" -> Disposition.Discard, Discarded
    | "tempfail" -> Disposition.TempFail, Deferred
    | _ -> Disposition.Reject, Refused(550, "5.7.0", text)

// Quarantine.
let private quarantining = marked (fun marks -> { marks with Quarantine = true })

[<Tests>]
let tests =
    testList
        "FilterEndingTests"
        [
            testCase
                "RFC6376-3.6.1-11 a failure under a key in testing is neutral and meets what unsigned mail meets"
                (fun () ->
                    let way = withKey (published rsa.Value + "; t=y") outside
                    Expect.contains "dkim=neutral (verification failed)" (results (runWith policy way altered.Value))

                    let ending bad missing =
                        let strict =
                            acting (fun actions ->
                                { actions with
                                    BadSignature = bad
                                    NoSignature = missing
                                })

                        (runWith strict way altered.Value).Ending

                    Expect.equal Accepted (ending Disposition.Reject Disposition.Accept)
                    Expect.equal Deferred (ending Disposition.Reject Disposition.TempFail))

            testCase
                "RFC6376-3.6.1-11 a failure under a key in testing is not held, and is refused as unsigned mail is"
                (fun () ->
                    let way = withKey (published rsa.Value + "; t=y") outside

                    let strict =
                        { acting (fun actions ->
                              { actions with
                                  NoSignature = Disposition.Reject
                              }) with
                            Reporting.Quarantine = true
                        }

                    let ran = runWith strict way altered.Value
                    Expect.equal (Refused(550, "5.7.0", "no DKIM signature data")) ran.Ending
                    Expect.isTrue (List.contains "JOB1: bad signature data" ran.Log) "logged all the same"

                    let holding = { strict with Actions = policy.Actions }

                    Expect.equal 1 (runWith holding way altered.Value).Changes.Length)

            testRows
                "RFC6376-6.3-2 every action for bad and for missing signatures"
                [ "accept"; "discard"; "tempfail"; "reject" ]
                (fun (name: string) ->
                    let action, expected = endings name "bad DKIM signature data"
                    let bad = acting (fun actions -> { actions with BadSignature = action })
                    Expect.equal expected (runWith bad arriving.Value altered.Value).Ending
                    let action, expected = endings name "no DKIM signature data"
                    let missing = acting (fun actions -> { actions with NoSignature = action })
                    Expect.equal expected (runWith missing unsigned plain).Ending

                    let always =
                        { missing with
                            Reporting =
                                { missing.Reporting with
                                    AlwaysAddArHeader = true
                                }
                        }
                    // That the field is added does not save it.
                    Expect.equal expected (runWith always unsigned plain).Ending)

            testCase "RFC6651-3.2-6 the sentence of the key record comes before our own" (fun () ->
                let rejecting =
                    acting (fun actions ->
                        { actions with
                            BadSignature = Disposition.Reject
                        })

                let way = withKey (published rsa.Value + "; rs=Call=20us=0D=0A250=20OK") outside

                Expect.equal
                    (Refused(550, "5.7.0", "Call us250 OK: bad DKIM signature data"))
                    (runWith rejecting way altered.Value).Ending)

            proves
                [ "RFC8601-4.2-1" ]
                (testCase "what is refused is not changed first" (fun () ->
                    let rejecting =
                        acting (fun actions ->
                            { actions with
                                BadSignature = Disposition.Reject
                            })

                    Expect.equal [] (runWith rejecting arriving.Value altered.Value).Changes))

            testCase "what fails or cannot be judged is quarantined, what is unsigned is not" (fun () ->
                let reason way mail =
                    quarantine (runWith quarantining way mail)

                Expect.equal (Some "dkim-filter: fail: verification failed") (reason arriving.Value altered.Value)

                // Under a key in testing the message is as one without a signature.
                let testing = withKey (published rsa.Value + "; t=y") outside
                Expect.equal None (reason testing altered.Value)

                Expect.equal
                    (Some "dkim-filter: neutral: verification failed")
                    (reason
                        { testing with
                            Zone = text "_adsp._domainkey.example.com" "dkim=all" :: testing.Zone
                        }
                        altered.Value)

                Expect.equal
                    (Some "dkim-filter: permerror: verification error: unsupported signature version")
                    (reason arriving.Value (forged "v=1;" "v=3;"))

                Expect.equal None (reason arriving.Value signed.Value)
                Expect.equal None (reason unsigned plain)

                let always =
                    { quarantining with
                        Reporting =
                            { policy.Reporting with
                                AlwaysAddArHeader = true
                            }
                    }

                Expect.equal None (quarantine (runWith always unsigned plain))

                let required =
                    { quarantining with
                        Roles =
                            { policy.Roles with
                                RequiredHeaders = true
                            }
                    }

                Expect.equal None (quarantine (runWith required unsigned "From: a@example.com\n\nbody\n")))

            testCase "the action still applies to what is quarantined" (fun () ->
                let rejecting =
                    { quarantining with
                        Actions =
                            { policy.Actions with
                                BadSignature = Disposition.Reject
                            }
                    }

                let ran = runWith rejecting arriving.Value altered.Value
                Expect.equal None (quarantine ran)
                Expect.equal (Refused(550, "5.7.0", "bad DKIM signature data")) ran.Ending)
        ]
