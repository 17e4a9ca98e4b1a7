/// What dkim-filter tells of signatures, what it removes, and how messages end.
module Dkim.Conformance.FilterVerifyingTests

open System
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.FilterPassages

let private results (ran: Ran) = ran.Value "Authentication-Results"

let private verifying (change: FilterVerifying -> FilterVerifying) : FilterPolicy =
    { policy with
        Verifying = change policy.Verifying
    }

let private marked (change: FilterMarks -> FilterMarks) : FilterPolicy =
    { policy with
        Marks = change policy.Marks
    }

let private acting (change: FilterActions -> FilterActions) : FilterPolicy =
    { policy with
        Actions = change policy.Actions
    }

let private withKey (record: string) (way: Way) =
    { way with
        Zone = [ text keyName record; exists "example.com" ]
    }

let private altered = lazy signed.Value.Replace("body", "b0dy")

/// Changes the text of the signature's field.
let private forged (one: string) (other: string) : string =
    let mail = signed.Value
    let at = mail.IndexOf("From: ", StringComparison.Ordinal)
    mail.Substring(0, at).Replace(one, other) + mail.Substring at

/// The signature alone, with the end of its last line.
let private signatureOf (mail: string) =
    mail.Substring(0, mail.IndexOf("From: ", StringComparison.Ordinal))

// One sentence of RFC 8601 each, and the row of the original that gives the words.
[<Test>]
let ``RFC8601-2.7.1-2 a good signature passes, with the length of its key`` () =
    let ran = runWith policy arriving.Value signed.Value

    Expect.equal "mx.example.net; dkim=pass (1024-bit key) header.i=@example.com; x-dkim-adsp=pass" (results ran)

    Expect.equal Accepted ran.Ending

[<Test>]
let ``RFC8601-2.7.1-3 an altered body and an altered header fail`` () =
    let expected =
        "mx.example.net; dkim=fail (verification failed) header.i=@example.com; x-dkim-adsp=none"

    for mail in [ altered.Value; signed.Value.Replace("Subject: hi", "Subject: ho") ] do
        let ran = runWith policy arriving.Value mail
        Expect.equal expected (results ran)
        Expect.equal Accepted ran.Ending
        Expect.isTrue (List.contains "JOB1: bad signature data" ran.Log) "logged"

[<Test>]
let ``RFC6376-6.3-6 the log tells which of the two`` () =
    let log mail =
        String.concat "\n" (runWith policy arriving.Value mail).Log

    Expect.contains "JOB1 s=mail d=example.com body hash did not verify" (log altered.Value)

    Expect.contains
        "JOB1 s=mail d=example.com SSL error: signature did not verify"
        (log (signed.Value.Replace("Subject: hi", "Subject: ho")))

[<Test>]
let ``RFC6376-3.6.1-11 a failure under a key in testing is neutral and meets what unsigned mail meets`` () =
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

    Expect.equal Accepted (ending FilterAction.Reject FilterAction.Accept)
    Expect.equal Deferred (ending FilterAction.Reject FilterAction.TempFail)

[<Category "RFC6376-8.14-1">]
[<Test>]
let ``RFC6376-6.1.1-8 RefuseSignaturesFrom makes signatures of a domain a matter of policy`` () =
    let refusing =
        verifying (fun verifying ->
            { verifying with
                Policy =
                    { verifying.Policy with
                        RefusedDomains = Set [ "example.com" ]
                    }
            })

    let ran = runWith refusing arriving.Value signed.Value
    Expect.contains "dkim=policy reason=" (results ran)
    Expect.equal [] (ran.Asked |> List.filter ((=) keyName))

[<Test>]
let ``RFC6376-3.6.1-11 a failure under a key in testing is not held, and is refused as unsigned mail is`` () =
    let way = withKey (published rsa.Value + "; t=y") outside

    let strict =
        { acting (fun actions ->
              { actions with
                  NoSignature = FilterAction.Reject
              }) with
            Verifying =
                { policy.Verifying with
                    Quarantine = true
                }
        }

    let ran = runWith strict way altered.Value
    Expect.equal (Refused(550, "5.7.0", "no DKIM signature data")) ran.Ending
    Expect.isTrue (List.contains "JOB1: bad signature data" ran.Log) "logged all the same"

    let holding = { strict with Actions = policy.Actions }

    Expect.equal 1 (runWith holding way altered.Value).Changes.Length

/// The signature changed, or the record, and the result.
let private faults =
    let key = published rsa.Value

    [
        "v=1;", "v=2;", key, "unsupported signature version"
        "v=1; ", "", key, "unsupported signature version"
        "d=example.com;", "d=example.com; i=@other.example;", key, "invalid domain coverage"
        "t=1700000000;", "t=1; x=2;", key, "signature expired"
        "t=1700000000;", "t=1700000301;", key, "signature timestamp in the future"
        "t=1700000000;", "t=1700000000; x=1700000000;", key, "signature timestamp order error"
        "c=simple/simple;", "c=;", key, "invalid header canonicalization"
        "c=simple/simple;", "c=foo/simple;", key, "invalid header canonicalization"
        "c=simple/simple;", "c=simple/foo;", key, "invalid body canonicalization"
        "a=rsa-sha256; ", "", key, "signature algorithm missing"
        "a=rsa-sha256;", "a=rsa-md5;", key, "signature algorithm invalid"
        "h=From:To:Subject:Date:Message-ID;", "", key, "header list missing"
        "h=From:To:Subject:Date:Message-ID;", "h=;", key, "header list tag empty"
        "h=From:", "h=", key, "header list missing required entries"
        "t=1700000000;", "l=x;", key, "body length value invalid"
        "t=1700000000;", "q=http/x;", key, "query method invalid"
        "t=1700000000;", "q=dns/other;", key, "query option invalid"
        "d=example.com; ", "", key, "domain tag missing"
        "d=example.com;", "d=;", key, "domain tag empty"
        "s=mail;", "", key, "selector tag missing"
        "s=mail;", "s=;", key, "selector tag empty"
        "; b=", "; foo=", key, "signature data missing"
        "bh=", "foo=", key, "body hash missing"
        "bh=", "bh=; foo=", key, "body hash empty"
        "bh=", "bh=!", key, "body hash corrupt"
        "v=1;", "v=1;", "nonsense", "key DNS reply corrupt"
        "v=1;", "v=1;", "v=DKIM1; k=rsa", "key DNS reply corrupt"
        "v=1;", "v=1;", "v=DKIM2; p=AAAA", "unknown key version"
        "v=1;", "v=1;", key + "; h=foo", "unknown key hash"
        "v=1;", "v=1;", key + "; h=sha1", "signature-key hash mismatch"
        "v=1;", "v=1;", key + "; s=other", "not an e-mail key"
        "v=1;", "v=1;", key + "; g=", "key granularity mismatch"
        "v=1;", "v=1;", key + "; g=joe", "key granularity mismatch"
        "v=1;", "v=1;", key.Replace("k=rsa", "k=foo"), "unknown key type"
        "v=1;", "v=1;", "v=DKIM1; p=AAAA", "unable to apply public key"
        "t=1700000000;", "l=600;", key, "length tag value exceeds body size"
    ]

[<Test>]
let ``RFC6376-6.3-6 every fault has the original's words, is permanent and accepted`` () =
    for one, other, record, expected in faults do
        let mail = (forged ";\r\n\t" "; ").Replace(one, other)
        let ran = runWith policy (withKey record outside) mail

        Expect.contains
            ("mx.example.net; dkim=permerror (verification error: "
             + expected
             + ") header.i=")
            (results ran)

        Expect.equal Accepted ran.Ending
        Expect.contains ("verification error: " + expected) (String.concat "\n" ran.Log)

[<Test>]
let ``RFC6376-3.6.1-12 a key for the domain alone does not serve a subdomain`` () =
    let mail =
        (forged ";\r\n\t" "; ").Replace("d=example.com;", "d=example.com; i=@sub.example.com;")

    let ran = runWith policy (withKey (published rsa.Value + "; t=s") outside) mail

    Expect.equal
        "mx.example.net; dkim=permerror (verification error: unauthorized subdomain) header.i=@sub.example.com; x-dkim-adsp=none"
        (results ran)

[<Test>]
let ``more than one key record is an error`` () =
    let way =
        { outside with
            Zone =
                [
                    texts keyName [ published rsa.Value; published rsa.Value + ";n=x" ]
                    exists "example.com"
                ]
        }

    Expect.contains "multiple keys found" (results (runWith policy way signed.Value))

[<Test>]
let ``RFC8601-2.7.1-7 a revoked key is told`` () =
    let ran = runWith policy (withKey "v=DKIM1; p=" outside) signed.Value
    Expect.contains "dkim=permerror (revoked) header.i=@example.com" (results ran)
    Expect.equal Accepted ran.Ending

[<Test>]
let ``a key that does not exist is neutral and ends by the action for DNS`` () =
    let way =
        { outside with
            Zone = [ exists "example.com" ]
        }

    let ran = runWith policy way signed.Value
    Expect.equal Deferred ran.Ending
    Expect.equal [] ran.Changes

    Expect.equal "JOB1: key retrieval failed (s=mail, d=example.com): key not found in DNS" (List.last ran.Log)

    Expect.equal LogLevel.Error (List.last ran.Levels)

    let accepting =
        acting (fun actions ->
            { actions with
                DnsError = FilterAction.Accept
            })

    Expect.equal
        "mx.example.net; dkim=neutral header.i=@example.com; x-dkim-adsp=none"
        (results (runWith accepting way signed.Value))

    let rejecting =
        acting (fun actions ->
            { actions with
                DnsError = FilterAction.Reject
            })

    Expect.equal (Refused(550, "5.7.0", "DKIM key retrieval failed")) (runWith rejecting way signed.Value).Ending

[<Test>]
let ``RFC8601-2.7.1-6 RFC6376-6.3-3 a lookup that fails is a temporary failure, told where it is accepted`` () =
    let way =
        { outside with
            Zone = [ fails keyName; exists "example.com" ]
        }

    let ran = runWith policy way signed.Value
    Expect.equal Deferred ran.Ending
    Expect.equal "JOB1: key retrieval failed (s=mail, d=example.com): SERVFAIL" (List.last ran.Log)
    Expect.equal [ keyName ] ran.Asked

    let accepting =
        acting (fun actions ->
            { actions with
                DnsError = FilterAction.Accept
            })

    Expect.contains
        "dkim=temperror (verification error: key DNS query failed)"
        (results (runWith accepting way signed.Value))

[<Test>]
let ``a field that cannot be read is told, and forged results go all the same`` () =
    let mail =
        "DKIM-Signature: total nonsense\nAuthentication-Results: mx.example.net; dkim=pass\n"
        + plain.Replace("example.com", "example.org")

    let ran =
        runWith
            policy
            { outside with
                Zone = [ exists "example.org" ]
            }
            mail

    Expect.contains "dkim=permerror (verification error: signature syntax error) header.i=unknown" (results ran)
    Expect.equal [ "Authentication-Results", 1 ] ran.Deleted
    Expect.isTrue (List.contains "JOB1: syntax error: signature syntax error" ran.Log) "logged"

    let rejecting =
        acting (fun actions ->
            { actions with
                BadSignature = FilterAction.Reject
            })

    Expect.equal
        (Refused(550, "5.7.0", "DKIM signature syntax error"))
        (runWith
            rejecting
            { outside with
                Zone = [ exists "example.org" ]
            }
            mail)
            .Ending

let private unsigned =
    { outside with
        Zone = [ exists "example.com" ]
    }

[<Test>]
let ``RFC8601-2.7.1-1 unsigned mail gets no field, unless it always does`` () =
    let ran = runWith policy unsigned plain
    Expect.equal [] ran.Changes
    Expect.equal Accepted ran.Ending
    Expect.equal "JOB1: no signature data" (List.last ran.Log)
    let always = marked (fun marks -> { marks with AlwaysAddArHeader = true })

    Expect.equal
        "mx.example.net; dkim=none (no signature) header.i=unknown; x-dkim-adsp=none"
        (results (runWith always unsigned plain))

let private endings (action: string) (text: string) =
    match action with
    | "accept" -> FilterAction.Accept, Accepted
    | "discard" -> FilterAction.Discard, Discarded
    | "tempfail" -> FilterAction.TempFail, Deferred
    | _ -> FilterAction.Reject, Refused(550, "5.7.0", text)

[<TestCase("accept")>]
[<TestCase("discard")>]
[<TestCase("tempfail")>]
[<TestCase("reject")>]
let ``RFC6376-6.3-2 every action for bad and for missing signatures`` (name: string) =
    let action, expected = endings name "bad DKIM signature data"
    let bad = acting (fun actions -> { actions with BadSignature = action })
    Expect.equal expected (runWith bad arriving.Value altered.Value).Ending
    let action, expected = endings name "no DKIM signature data"
    let missing = acting (fun actions -> { actions with NoSignature = action })
    Expect.equal expected (runWith missing unsigned plain).Ending

    let always =
        { missing with
            Marks =
                { missing.Marks with
                    AlwaysAddArHeader = true
                }
        }
    // That the field is added does not save it.
    Expect.equal expected (runWith always unsigned plain).Ending

[<Test>]
let ``RFC6651-3.2-6 the sentence of the key record comes before our own`` () =
    let rejecting =
        acting (fun actions ->
            { actions with
                BadSignature = FilterAction.Reject
            })

    let way = withKey (published rsa.Value + "; rs=Call=20us=0D=0A250=20OK") outside

    Expect.equal
        (Refused(550, "5.7.0", "Call us250 OK: bad DKIM signature data"))
        (runWith rejecting way altered.Value).Ending

[<Category "RFC8601-4.2-1">]
[<Test>]
let ``what is refused is not changed first`` () =
    let rejecting =
        acting (fun actions ->
            { actions with
                BadSignature = FilterAction.Reject
            })

    Expect.equal [] (runWith rejecting arriving.Value altered.Value).Changes

// TrustSignaturesFrom.
[<Test>]
let ``only signatures of the author and of trusted domains are heeded`` () =
    let trusting names =
        verifying (fun verifying ->
            { verifying with
                IsTrusted = ValueSome(fun domain -> List.contains domain.Text names)
            })

    let third =
        signed.Value.Replace("From: Joe <joe@example.com>", "From: Joe <joe@other.example>")

    let mail =
        let foreign =
            signedBy
                { policy with
                    Roles =
                        { policy.Roles with
                            FindDomain = ValueSome(fun _ -> ValueSome(domain "example.com"))
                        }
                }
                (plain.Replace("joe@example.com", "joe@other.example"))

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
            Marks =
                { policy.Marks with
                    AlwaysAddArHeader = true
                }
        }

    Expect.contains "dkim=none (no signature) header.i=unknown" (results (runWith always way mail))

[<Test>]
let ``a field that must be signed and is not makes a signature invalid`` () =
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
    Expect.contains "dkim=pass" (results (runWith (strict "Subject") arriving.Value mail))

let private partial =
    lazy
        (let lengths =
            { policy with
                Signing =
                    { policy.Signing with
                        Length = WholeLength
                    }
            }

         signedBy lengths (plain.Replace("body\n", "0123456789\n")) + "0123456789\r\n")

/// 12 octets are signed, 12 are not.
[<TestCase("n", 12, true)>]
[<TestCase("n", 13, false)>]
[<TestCase("n", 1000, false)>]
[<TestCase("%", 50, true)>]
[<TestCase("%", 51, false)>]
[<TestCase("+", 12, true)>]
[<TestCase("+", 11, false)>]
let ``RFC6376-6.1.3-5 Minimum in each of its forms`` (form: string, number: int, passes: bool) =
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

[<Test>]
let ``a share of an empty body is no division by zero`` () =
    let lengths =
        { policy with
            Signing =
                { policy.Signing with
                    Length = WholeLength
                    BodyCanon = RelaxedBody
                }
        }

    let strict =
        verifying (fun verifying ->
            { verifying with
                Minimum = ValueSome(MinimumSigned.Percent 100)
            })

    let mail = signedBy lengths (plain.Replace("body\n", ""))
    Expect.contains "dkim=pass" (results (runWith strict arriving.Value mail))

[<TestCase(300, true)>]
[<TestCase(301, false)>]
let ``RFC6376-6.1.1-7 a signature is heeded for as long as clocks may differ`` (late: int, passes: bool) =
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
        (results (runWith policy way (signedBy mortal plain)))

[<Category "RFC8601-2.4-1">]
[<Test>]
let ``RFC8301-3.1-4 RFC8301-3.2-5 SHA-1 and short keys never pass, unless they may`` () =
    let sha1 =
        signedBy
            { policy with
                Signing = { policy.Signing with Hash = Sha1 }
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
                Roles =
                    { policy.Roles with
                        Keys = SingleKey(filterKey "mail" rsa512.Value)
                    }
            }
            plain

    let way = withKey (published rsa512.Value) outside

    Expect.contains
        "dkim=policy reason=\"verification error: key of 512 bits is too short\" header.i="
        (results (runWith policy way short))

    Expect.contains "dkim=pass (512-bit key)" (results (runWith allowing way short))

[<Test>]
let ``RFC6376-6.1-4 the first signature that passes decides, wherever it stands`` () =
    let broken = "DKIM-Signature: total nonsense\r\n"

    let other = signatureOf (forged "d=example.com" "d=third.example")

    for mail in [ broken + other + signed.Value; other + broken + signed.Value ] do
        let ran = runWith policy arriving.Value mail
        Expect.contains "dkim=pass (1024-bit key) header.i=@example.com" (results ran)
        Expect.isTrue (List.contains "message has signatures from third.example, example.com" ran.Log) "told"

[<Test>]
let ``RFC6376-8.4-1 no more keys are asked for than MaximumSignaturesToVerify`` () =
    let one =
        verifying (fun verifying ->
            { verifying with
                Policy =
                    { verifying.Policy with
                        SignaturesVerified = 1
                    }
            })

    let other = signatureOf (forged "s=mail" "s=other")

    let asked =
        (runWith one arriving.Value (signed.Value.Replace("DKIM-Signature", other + "DKIM-Signature"))).Asked

    Expect.equal
        1
        (asked
         |> List.filter _.Contains("._domainkey.")
         |> List.filter (fun name -> not (name.StartsWith "_adsp"))
         |> List.length)

// DNSSEC.
let private secure (security: Security) =
    { outside with
        Zone = [ secured security keyName (published rsa.Value); exists "example.com" ]
    }

[<Test>]
let ``DNSSEC's word on a key is told, and a bogus key fails`` () =
    let told security =
        results (runWith policy (secure security) signed.Value)

    Expect.contains "dkim=pass (1024-bit key; secure key) " (told Security.Secure)
    Expect.contains "dkim=pass (1024-bit key; insecure key) " (told Security.Insecure)
    Expect.contains "dkim=fail (1024-bit key; bogus key) " (told Security.Bogus)
    Expect.contains "dkim=pass (1024-bit key) " (told Security.Unchecked)

[<Test>]
let ``BogusKey and InsecureKey say what a key is worth`` () =
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
                    BadSignature = FilterAction.Reject
                }
        }

    Expect.equal
        (Refused(550, "5.7.0", "bad DKIM signature data"))
        (runWith rejecting (secure Security.Insecure) signed.Value).Ending

// Quarantine.
let private quarantining =
    verifying (fun verifying -> { verifying with Quarantine = true })

let private quarantine (ran: Ran) =
    ran.Changes
    |> List.tryPick (fun change ->
        match change with
        | Quarantined reason -> Some reason
        | _ -> None)

[<Test>]
let ``what fails or cannot be judged is quarantined, what is unsigned is not`` () =
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
            Marks =
                { policy.Marks with
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

    Expect.equal None (quarantine (runWith required unsigned "From: a@example.com\n\nbody\n"))

[<Test>]
let ``the action still applies to what is quarantined`` () =
    let rejecting =
        { quarantining with
            Actions =
                { policy.Actions with
                    BadSignature = FilterAction.Reject
                }
        }

    let ran = runWith rejecting arriving.Value altered.Value
    Expect.equal None (quarantine ran)
    Expect.equal (Refused(550, "5.7.0", "bad DKIM signature data")) ran.Ending

// Fields added and removed.
[<Test>]
let ``the field of presence stands above the results`` () =
    let both = marked (fun marks -> { marks with XHeader = true })

    match applied (runWith both arriving.Value signed.Value).Changes [ "Received: own" ] with
    | presence :: results :: _ ->
        Expect.equal "X-DKIM: Sendmail DKIM Filter v2.8.3 mx.example.net JOB1" presence
        Expect.isTrue (results.StartsWith "Authentication-Results: ") results
    | other -> Assert.Fail(string (box other))

    Expect.equal 1 (runWith both unsigned plain).Inserted.Length

[<Test>]
let ``the lines of the field are broken as ever`` () =
    let ran = runWith policy arriving.Value signed.Value

    Expect.equal
        [
            "Authentication-Results: mx.example.net; dkim=pass (1024-bit key)\r\n\theader.i=@example.com; x-dkim-adsp=pass"
        ]
        ran.Inserted

/// Counting from 25 without blanks, the word that makes 75 begins the next line, which counts from 8.
[<TestCase(49, false)>]
[<TestCase(50, true)>]
let ``a word that makes the line full begins the next`` (length: int, folds: bool) =
    let results =
        {
            ServiceId = "a"
            Version = ValueNone
            Results =
                [
                    {
                        Method = "dkim"
                        MethodVersion = ValueNone
                        Result = String('p', length - 2 - 5)
                        Comment = ValueNone
                        Reason = ValueNone
                        Properties = []
                    }
                ]
        }

    let field = FilterResults.field results
    Expect.equal folds (field.ValueText.Contains "\r\n\t")

[<Test>]
let ``RFC8601-2.2-5 RFC8601-2.5-1 the name of the service is the setting's, with the job where that is wanted`` () =
    let service change =
        let ran = runWith (marked change) arriving.Value signed.Value
        (results ran).Split(';').[0]

    Expect.equal
        "auth.example"
        (service (fun marks ->
            { marks with
                AuthservId = ValueSome "auth.example"
            }))

    Expect.equal
        "\"mx.example.net/JOB1\""
        (service (fun marks ->
            { marks with
                AuthservIdWithJobId = true
            }))

    let named policy macros =
        let ran = runWith policy { arriving.Value with Macros = macros } signed.Value
        (results ran).Split(';').[0]

    // The machine's own name where the MTA does not tell its, and never everybody's.
    Expect.equal "host.example.net" (named policy [])
    Expect.equal "host.example.net" (named policy [ "j", "localhost" ])

    let nobody =
        marked (fun marks ->
            { marks with
                AuthservId = ValueSome ""
                HostName = "localhost"
            })

    Expect.equal "localhost.localdomain" (named nobody [])

let private removed policy (fields: string list) : int list =
    let mail =
        String.Join("\n", fields) + "\n" + plain.Replace("example.com", "example.org")

    let ran =
        runWith
            policy
            { outside with
                Zone = [ exists "example.org" ]
            }
            mail

    ran.Deleted |> List.map snd

let private claim (value: string) = "Authentication-Results: " + value

[<Test>]
let ``RFC8601-5-1 ten forged fields go, the last one first`` () =
    let forged = claim "mx.example.net; dkim=pass header.i=@bank.example"
    Expect.equal [ 10; 9; 8; 7; 6; 5; 4; 3; 2; 1 ] (removed policy (List.replicate 10 forged))

    Expect.equal
        [ 3; 1 ]
        (removed
            policy
            [
                forged
                claim "other.example; dkim=pass"
                "X: y"
                forged
                claim "third.example; spf=pass"
            ])

[<TestCase("mx.example.net; dkim=pass", true)>]
[<TestCase("MX.Example.NET; DKIM=pass", true)>]
[<TestCase("mx.example.net/JOB7; dkim=pass", true)>]
[<TestCase("\"mx.example.net\"; dkim=pass", true)>]
[<TestCase("(a comment) mx.example.net; dkim=pass", true)>]
[<TestCase("mx.example.net.; dkim=pass", true)>]
[<TestCase("mx.example.net 1; spf=pass; dkim=none", true)>]
[<TestCase("mx.example.net; x-dkim-adsp=pass", true)>]
[<TestCase("mx.example.net; spf=pass", false)>]
[<TestCase("mx.example.net.evil.example; dkim=pass", false)>]
[<TestCase("other.example; dkim=pass", false)>]
[<TestCase("mx.example.net; dkim=", true)>]
[<TestCase("other.example; dkim=", false)>]
[<TestCase("other.example 2; dkim=pass", true)>]
let ``RFC8601-5-1 RFC8601-5-2 which claims go`` (value: string, goes: bool) =
    Expect.equal (if goes then [ 1 ] else []) (removed policy [ claim value ])

[<Test>]
let ``a field that cannot be read is told`` () =
    let mail =
        claim "other.example; dkim="
        + "\n"
        + plain.Replace("example.com", "example.org")

    let ran =
        runWith
            policy
            { outside with
                Zone = [ exists "example.org" ]
            }
            mail

    Expect.isTrue
        (List.contains
            (LogLevel.Warning, "JOB1 failed to parse Authentication-Results: header")
            (List.zip ran.Levels ran.Log))
        "warned"

[<Test>]
let ``RFC8601-5-4 RemoveARFrom and RemoveARAll take more`` () =
    let all = marked (fun marks -> { marks with RemoveArAll = true })
    Expect.equal [ 1 ] (removed all [ claim "mx.example.net; spf=pass" ])

    let listed =
        marked (fun marks ->
            { marks with
                RemoveArFrom = ValueSome [ "Other.Example"; ".inner.example"; ".b\u00fccher.example" ]
            })

    Expect.equal [ 1 ] (removed listed [ claim "other.example; dkim=pass" ])
    Expect.equal [ 1 ] (removed listed [ claim "a.inner.example; dkim=pass" ])
    Expect.equal [] (removed listed [ claim "inner.example; dkim=pass" ])
    Expect.equal [ 1 ] (removed listed [ claim "mx.xn--bcher-kva.example; dkim=pass" ])
    // What is readable of it is enough.
    Expect.equal [ 1 ] (removed listed [ claim "other.example; dkim=" ])
    Expect.equal [] (removed listed [ claim "third.example; dkim=" ])
    Expect.equal [] (removed listed [ claim "other.example; spf=pass" ])
    Expect.equal [ 1 ] (removed listed [ claim "mx.example.net; dkim=pass" ])

[<Test>]
let ``RFC8601-2.2-4 nothing of a signature gets out of its place`` () =
    let mail =
        (forged ";\r\n\t" "; ")
            .Replace("d=example.com;", "d=example.com; i=a=0D=0AX-Evil:=20y=22;dkim=3Dpass@example.com;")

    let ran = runWith policy arriving.Value mail
    let field = ran.Inserted |> List.exactlyOne

    for line in field.Split "\r\n" |> Array.skip 1 do
        Expect.isTrue (line.StartsWith '\t') field

[<Test>]
let ``success is told where it is wanted`` () =
    let telling = marked (fun marks -> { marks with SyslogSuccess = true })
    Expect.equal "JOB1 DKIM verification successful" (List.last (runWith telling arriving.Value signed.Value).Log)
    let ran = runWith telling arriving.Value signed.Value
    Expect.equal LogLevel.Info (List.last ran.Levels)
