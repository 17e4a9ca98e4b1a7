/// What dkim-filter tells of signatures: good ones, every fault, and keys that are not there.
module Dkim.Tests.Core.FilterVerifyingTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

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

/// The signature alone, with the end of its last line.
let private signatureOf (mail: string) =
    mail.Substring(0, mail.IndexOf("From: ", StringComparison.Ordinal))

[<Tests>]
let tests =
    testList
        "FilterVerifyingTests"
        [
            // One sentence of RFC 8601 each, and the row of the original that gives the words.
            testCase "RFC8601-2.7.1-2 a good signature passes, with the length of its key" (fun () ->
                let ran = runWith policy arriving.Value signed.Value

                Expect.equal
                    "mx.example.net; dkim=pass (1024-bit key) header.i=@example.com; x-dkim-adsp=pass"
                    (results ran)

                Expect.equal Accepted ran.Ending)

            testCase "RFC8601-2.7.1-3 an altered body and an altered header fail" (fun () ->
                let expected =
                    "mx.example.net; dkim=fail (verification failed) header.i=@example.com; x-dkim-adsp=none"

                for mail in [ altered.Value; signed.Value.Replace("Subject: hi", "Subject: ho") ] do
                    let ran = runWith policy arriving.Value mail
                    Expect.equal expected (results ran)
                    Expect.equal Accepted ran.Ending
                    Expect.isTrue (List.contains "JOB1: bad signature data" ran.Log) "logged")

            testCase "RFC6376-6.3-6 the log tells which of the two" (fun () ->
                let log mail =
                    String.concat "\n" (runWith policy arriving.Value mail).Log

                Expect.contains "JOB1 s=mail d=example.com body hash did not verify" (log altered.Value)

                Expect.contains
                    "JOB1 s=mail d=example.com SSL error: signature did not verify"
                    (log (signed.Value.Replace("Subject: hi", "Subject: ho"))))

            proves
                [ "RFC6376-8.14-1" ]
                (testCase
                    "RFC6376-6.1.1-8 RefuseSignaturesFrom makes signatures of a domain a matter of policy"
                    (fun () ->
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
                        Expect.equal [] (ran.Asked |> List.filter ((=) keyName))))

            testCase "RFC6376-6.3-6 every fault has the original's words, is permanent and accepted" (fun () ->
                for one, other, record, expected in faults do
                    let mail = (forged ";\r\n\t" "; ").Replace(one, other)
                    let ran = runWith policy (withKey record outside) mail

                    Expect.contains
                        ("mx.example.net; dkim=permerror (verification error: "
                         + expected
                         + ") header.i=")
                        (results ran)

                    Expect.equal Accepted ran.Ending
                    Expect.contains ("verification error: " + expected) (String.concat "\n" ran.Log))

            testCase "RFC6376-3.6.1-12 a key for the domain alone does not serve a subdomain" (fun () ->
                let mail =
                    (forged ";\r\n\t" "; ").Replace("d=example.com;", "d=example.com; i=@sub.example.com;")

                let ran = runWith policy (withKey (published rsa.Value + "; t=s") outside) mail

                Expect.equal
                    "mx.example.net; dkim=permerror (verification error: unauthorized subdomain) header.i=@sub.example.com; x-dkim-adsp=none"
                    (results ran))

            testCase "more than one key record is an error" (fun () ->
                let way =
                    { outside with
                        Zone =
                            [
                                texts keyName [ published rsa.Value; published rsa.Value + ";n=x" ]
                                exists "example.com"
                            ]
                    }

                Expect.contains "multiple keys found" (results (runWith policy way signed.Value)))

            testCase "RFC8601-2.7.1-7 a revoked key is told" (fun () ->
                let ran = runWith policy (withKey "v=DKIM1; p=" outside) signed.Value
                Expect.contains "dkim=permerror (revoked) header.i=@example.com" (results ran)
                Expect.equal Accepted ran.Ending)

            testCase "a key that does not exist is neutral and ends by the action for DNS" (fun () ->
                let way =
                    { outside with
                        Zone = [ exists "example.com" ]
                    }

                let ran = runWith policy way signed.Value
                Expect.equal Deferred ran.Ending
                Expect.equal [] ran.Changes

                Expect.equal
                    "JOB1: key retrieval failed (s=mail, d=example.com): key not found in DNS"
                    (List.last ran.Log)

                Expect.equal LogLevel.Error (List.last ran.Levels)

                let accepting =
                    acting (fun actions ->
                        { actions with
                            DnsError = Disposition.Accept
                        })

                Expect.equal
                    "mx.example.net; dkim=neutral header.i=@example.com; x-dkim-adsp=none"
                    (results (runWith accepting way signed.Value))

                let rejecting =
                    acting (fun actions ->
                        { actions with
                            DnsError = Disposition.Reject
                        })

                Expect.equal
                    (Refused(550, "5.7.0", "DKIM key retrieval failed"))
                    (runWith rejecting way signed.Value).Ending)

            testCase
                "RFC8601-2.7.1-6 RFC6376-6.3-3 a lookup that fails is a temporary failure, told where it is accepted"
                (fun () ->
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
                                DnsError = Disposition.Accept
                            })

                    Expect.contains
                        "dkim=temperror (verification error: key DNS query failed)"
                        (results (runWith accepting way signed.Value)))

            testCase "a field that cannot be read is told, and forged results go all the same" (fun () ->
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

                Expect.contains
                    "dkim=permerror (verification error: signature syntax error) header.i=unknown"
                    (results ran)

                Expect.equal [ "Authentication-Results", 1 ] ran.Deleted
                Expect.isTrue (List.contains "JOB1: syntax error: signature syntax error" ran.Log) "logged"

                let rejecting =
                    acting (fun actions ->
                        { actions with
                            BadSignature = Disposition.Reject
                        })

                Expect.equal
                    (Refused(550, "5.7.0", "DKIM signature syntax error"))
                    (runWith
                        rejecting
                        { outside with
                            Zone = [ exists "example.org" ]
                        }
                        mail)
                        .Ending)

            testCase "RFC8601-2.7.1-1 unsigned mail gets no field, unless it always does" (fun () ->
                let ran = runWith policy unsigned plain
                Expect.equal [] ran.Changes
                Expect.equal Accepted ran.Ending
                Expect.equal "JOB1: no signature data" (List.last ran.Log)
                let always = marked (fun marks -> { marks with AlwaysAddArHeader = true })

                Expect.equal
                    "mx.example.net; dkim=none (no signature) header.i=unknown; x-dkim-adsp=none"
                    (results (runWith always unsigned plain)))

            testCase "RFC6376-6.1-4 the first signature that passes decides, wherever it stands" (fun () ->
                let broken = "DKIM-Signature: total nonsense\r\n"

                let other = signatureOf (forged "d=example.com" "d=third.example")

                for mail in [ broken + other + signed.Value; other + broken + signed.Value ] do
                    let ran = runWith policy arriving.Value mail
                    Expect.contains "dkim=pass (1024-bit key) header.i=@example.com" (results ran)

                    Expect.isTrue
                        (List.contains "message has signatures from third.example, example.com" ran.Log)
                        "told")

            testCase "RFC6376-8.4-1 no more keys are asked for than MaximumSignaturesToVerify" (fun () ->
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
                    (runWith one arriving.Value (signed.Value.Replace("DKIM-Signature", other + "DKIM-Signature")))
                        .Asked

                Expect.equal
                    1
                    (asked
                     |> List.filter _.Contains("._domainkey.")
                     |> List.filter (fun name -> not (name.StartsWith "_adsp"))
                     |> List.length))

            testCase "success is told where it is wanted" (fun () ->
                let telling = marked (fun marks -> { marks with SyslogSuccess = true })

                Expect.equal
                    "JOB1 DKIM verification successful"
                    (List.last (runWith telling arriving.Value signed.Value).Log)

                let ran = runWith telling arriving.Value signed.Value
                let line = List.last ran.Lines
                Expect.isTrue (line.StartsWith "JOB1 DKIM verification successful; domain=<") line
                Expect.isTrue (line.EndsWith ", algorithm=<rsa-sha256>, result=<pass>") line
                Expect.equal LogLevel.Info (List.last ran.Levels))
        ]
