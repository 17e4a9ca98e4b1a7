/// Which signatures and keys dkim-filter heeds: whose they are, how much they cover, how old and how strong they are,
/// and what DNSSEC says of them.
module Dkim.Tests.Core.FilterTrustTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private lengths = signing (fun signing -> { signing with BodyLengths = true })

let private partial =
    lazy (signedBy lengths (plain.Replace("body\n", "0123456789\n")) + "0123456789\r\n")

// DNSSEC.
let private secure (security: Security) =
    { outside with
        Zone = [ secured security keyName (published rsa.Value); exists "example.com" ]
    }

[<Tests>]
let tests =
    testList
        "FilterTrustTests"
        [
            // TrustSignaturesFrom.
            testCase "only signatures of the author and of trusted domains are heeded" (fun () ->
                let trusting names =
                    { policy with
                        Lists.Trusted = ValueSome(DomainList.ofEntries names)
                    }

                let third =
                    signed.Value.Replace("From: Joe <joe@example.com>", "From: Joe <joe@other.example>")

                let mail =
                    let foreign =
                        signedBy thirdParty.Value (plain.Replace("joe@example.com", "joe@other.example"))

                    foreign

                let way =
                    { arriving.Value with
                        Zone = exists "other.example" :: arriving.Value.Zone
                    }

                let ran = runWith (trusting []) way mail
                Expect.equal [ "JOB1 ignoring signature from example.com" ] ran.Log
                Expect.equal [] ran.Changes
                Expect.equal Accepted ran.Ending
                Expect.equal [ keyName ] ran.Asked
                Expect.contains "dkim=pass" (results (runWith (trusting [ "example.com" ]) way mail))
                Expect.contains "dkim=pass" (results (runWith (trusting []) arriving.Value signed.Value))
                Expect.contains "dkim=fail" (results (runWith (trusting [ "example.com" ]) way third))

                let always =
                    { trusting [] with
                        Reporting =
                            { policy.Reporting with
                                AlwaysAddArHeader = true
                            }
                    }

                Expect.contains "dkim=none (no signature) header.i=unknown" (results (runWith always way mail)))

            testCase "a field that must be signed and is not makes a signature invalid" (fun () ->
                let strict name =
                    verifying (fun verifying ->
                        { verifying with
                            Policy =
                                { verifying.Policy with
                                    MustBeSigned = [ FieldName.known name ]
                                }
                        })

                let mail = signed.Value.Replace("Subject: hi", "Subject: hi\r\nX-Must: x")

                Expect.contains
                    "dkim=permerror (verification error: unprotected header field)"
                    (results (runWith (strict "x-must") arriving.Value mail))

                Expect.contains "dkim=pass" (results (runWith (strict "X-Mus") arriving.Value mail))
                Expect.contains "dkim=pass" (results (runWith (strict "Subject") arriving.Value mail)))

            // 12 octets are signed, 12 are not.
            testRows
                "RFC6376-6.1.3-5 Minimum in each of its forms"
                [
                    ("n", 12, true)
                    ("n", 13, false)
                    ("n", 1000, false)
                    ("%", 100, false)
                    ("%", 50, true)
                    ("%", 51, false)
                    ("+", 12, true)
                    ("+", 11, false)
                ]
                (fun (form: string, number: int, passes: bool) ->
                    let minimum =
                        match form with
                        | "n" -> MinimumSigned.Octets(int64 number * 1L<octet>)
                        | "%" -> MinimumSigned.Percent number
                        | _ -> MinimumSigned.AllBut(int64 number * 1L<octet>)

                    let strict =
                        verifying (fun verifying ->
                            { verifying with
                                Minimum = ValueSome minimum
                            })

                    let ran = runWith strict arriving.Value partial.Value

                    Expect.contains
                        (if passes then
                             "dkim=pass (1024-bit key)"
                         else
                             "dkim=permerror (partial verification)")
                        (results ran)

                    Expect.equal Accepted ran.Ending
                    // What is signed whole passes whatever is asked.
                    Expect.contains "dkim=pass" (results (runWith strict arriving.Value signed.Value))
                    // A short body that is covered by l= is signed whole as well.
                    let covered = signedBy lengths plain
                    Expect.contains "dkim=pass" (results (runWith strict arriving.Value covered)))

            testCase "a share of an empty body is no division by zero" (fun () ->
                let lengths =
                    { policy with
                        Signing =
                            { policy.Signing with
                                BodyLengths = true
                                BodyCanon = RelaxedBody
                            }
                    }

                let strict =
                    verifying (fun verifying ->
                        { verifying with
                            Minimum = ValueSome(MinimumSigned.Percent 100)
                        })

                let mail = signedBy lengths (plain.Replace("body\n", ""))
                Expect.contains "dkim=pass" (results (runWith strict arriving.Value mail)))

            testRows
                "RFC6376-6.1.1-7 a signature is heeded for as long as clocks may differ"
                [ (300, true); (301, false) ]
                (fun (late: int, passes: bool) ->
                    let mortal =
                        { policy with
                            Signing =
                                { policy.Signing with
                                    Lifetime = ValueSome 60L<sec>
                                }
                        }

                    let way =
                        { arriving.Value with
                            Now = now + 60L<sec> + int64 late * 1L<sec>
                        }

                    Expect.contains
                        (if passes then "dkim=pass" else "signature expired")
                        (results (runWith policy way (signedBy mortal plain))))

            proves
                [ "RFC8601-2.4-1" ]
                (testCase "RFC8301-3.1-4 RFC8301-3.2-5 SHA-1 and short keys never pass, unless they may" (fun () ->
                    let sha1 =
                        signedBy
                            { policy with
                                Signing.Algorithm = struct (Rsa, Sha1)
                            }
                            plain

                    Expect.contains
                        "dkim=permerror (verification error: sha1 is not secure)"
                        (results (runWith policy arriving.Value sha1))

                    let allowing =
                        verifying (fun verifying ->
                            { verifying with
                                Policy =
                                    { verifying.Policy with
                                        AllowSha1 = true
                                        MinimumRsaBits = 512<bit>
                                    }
                            })

                    Expect.contains "dkim=pass" (results (runWith allowing arriving.Value sha1))

                    let short =
                        signedBy
                            { policy with
                                Lists.Keys = SingleKey(filterKey "mail" rsa512.Value)
                            }
                            plain

                    let way = withKey (published rsa512.Value) outside

                    Expect.contains
                        "dkim=policy reason=\"verification error: key of 512 bits is too short\" header.i="
                        (results (runWith policy way short))

                    Expect.contains "dkim=pass (512-bit key)" (results (runWith allowing way short))))

            testCase "DNSSEC's word on a key is told, and a bogus key fails" (fun () ->
                let told security =
                    results (runWith policy (secure security) signed.Value)

                Expect.contains "dkim=pass (1024-bit key; secure key) " (told Security.Secure)
                Expect.contains "dkim=pass (1024-bit key; insecure key) " (told Security.Insecure)
                Expect.contains "dkim=fail (1024-bit key; bogus key) " (told Security.Bogus)
                Expect.contains "dkim=pass (1024-bit key) " (told Security.Unchecked))

            testCase "BogusKey and InsecureKey say what a key is worth" (fun () ->
                let treating bogus insecure =
                    verifying (fun verifying ->
                        { verifying with
                            BogusKey = bogus
                            InsecureKey = insecure
                        })

                let told policy security =
                    results (runWith policy (secure security) signed.Value)

                let mild = treating KeyTreatment.Neutral KeyTreatment.Unchanged
                Expect.contains "dkim=neutral (1024-bit key; bogus key)" (told mild Security.Bogus)
                let blind = treating KeyTreatment.Unchanged KeyTreatment.Fail
                Expect.contains "dkim=pass (1024-bit key; bogus key)" (told blind Security.Bogus)
                Expect.contains "dkim=fail (1024-bit key; insecure key)" (told blind Security.Insecure)

                let rejecting =
                    { blind with
                        Actions =
                            { policy.Actions with
                                BadSignature = Disposition.Reject
                            }
                    }

                Expect.equal
                    (Refused(550, "5.7.0", "bad DKIM signature data"))
                    (runWith rejecting (secure Security.Insecure) signed.Value).Ending)
        ]
