/// The reports that dkim-filter sends: of which messages, to whom, and what they tell.
module Dkim.Tests.Core.FilterReportTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private reporting =
    { policy with
        Reporting =
            { policy.Reporting with
                SendReports = true
                SendAdspReports = true
            }
    }

/// The owner of the key asks for reports with these tags.
let private asking (tags: string) : Way =
    withKey (published rsa.Value + tags) outside

let private isSilent (way: Way) mail =
    Expect.equal [] (sent (runWith reporting way mail))

[<Tests>]
let tests =
    testList
        "FilterReportTests"
        [
            testRows
                "a bad signature is reported to the key's owner who asks for it"
                [
                    ("; r=dkim-reports", 1)
                    ("; r=dkim-reports; ro=v", 1)
                    ("; r=dkim-reports; ro=s:all", 1)
                    ("; r=dkim-reports; rf=arf", 1)
                    ("; r=dkim-reports; rf=x:arf", 1)
                    ("; r=dkim-reports; rf=x", 0)
                    ("; r=dkim-reports; ro=s:x", 0)
                    ("; r=dkim-reports; rp=0", 0)
                    ("; r=a@evil.example", 0)
                    ("", 0)
                ]
                (fun (tags: string, count: int) ->
                    Expect.equal count (sent (runWith reporting (asking tags) altered.Value)).Length)

            testCase "rp=0 asks for no report, whatever the chance" (fun () ->
                // Which share a signature falls into follows from its first octets; of hundreds each share has some.
                let bodies = [ for number in 1..500 -> string number + "\n" ]

                let reports tags =
                    bodies
                    |> List.sumBy (fun body ->
                        let mail = (signedBy policy (plain.Replace("body\n", body))) + "more\r\n"
                        (sent (runWith reporting (asking tags) mail)).Length)

                Expect.equal 0 (reports "; r=dkim-reports; rp=0")
                let few = reports "; r=dkim-reports; rp=10"
                Expect.isTrue (few > 0 && few < 150) (string few))

            testCase "two bad signatures of a domain make one report" (fun () ->
                let field =
                    altered.Value.Substring(0, altered.Value.IndexOf("From: ", StringComparison.Ordinal))

                let way = asking "; r=dkim-reports"
                Expect.equal 1 (sent (runWith reporting way (field + altered.Value))).Length)

            testCase "RFC6651-5-1 nothing but a bad signature is reported" (fun () ->
                let way = asking "; r=dkim-reports"
                Expect.equal [] (sent (runWith reporting way signed.Value))
                Expect.equal [] (sent (runWith reporting way (altered.Value.Replace("v=1;", "v=3;"))))
                Expect.equal [] (sent (runWith policy way altered.Value)))

            testCase "RFC5965-2-1 RFC6591-3.1-1 the report tells the case" (fun () ->
                let report =
                    sent (runWith reporting (asking "; r=dkim-reports") altered.Value)
                    |> List.exactlyOne

                for part in
                    [
                        "From: dkim@host.example.net\r\n"
                        "To: dkim-reports@example.com\r\n"
                        "Subject: DKIM failure report for JOB1\r\n"
                        "\r\n\r\n--=_report-"
                        "Content-Type: message/feedback-report\r\n"
                        "Feedback-Type: auth-failure\r\n"
                        "User-Agent: Sendmail-DKIM-Filter/2.8.3\r\n"
                        "Original-Envelope-Id: JOB1\r\n"
                        "Original-Mail-From: joe@example.com\r\n"
                        "Source-IP: 192.0.2.7\r\n"
                        "Reporting-MTA: dns; mx.example.net\r\n"
                        "Auth-Failure: bodyhash\r\n"
                        "Delivery-Result: delivered\r\n"
                        "DKIM-Selector: mail\r\n"
                        "DKIM-Canonicalized-Body: "
                        + Convert.ToBase64String(Octets.ofLatin1 "b0dy\r\n")
                        + "\r\n"
                        "Authentication-Results: mx.example.net; dkim=fail (verification failed) header.i=@example.com\r\n"
                        "Subject: hi\r\n"
                    ] do
                    Expect.contains part report)

            testCase "RFC6591-3.2.2-1 the report tells what became of the message" (fun () ->
                let result action =
                    let acting =
                        { reporting with
                            Actions =
                                { policy.Actions with
                                    BadSignature = action
                                }
                        }

                    sent (runWith acting (asking "; r=x") altered.Value) |> List.exactlyOne

                Expect.contains "Delivery-Result: reject\r\n" (result Disposition.Reject)
                Expect.contains "Delivery-Result: other\r\n" (result Disposition.Discard))

            testCase "RFC6591-3.2.4-1 a body too long to keep is left out" (fun () ->
                let long = String.replicate 3000 "0123456789012345678901234567890\n"
                let mail = signedBy policy (plain.Replace("body\n", long)) + "more\r\n"

                let report = sent (runWith reporting (asking "; r=x") mail) |> List.exactlyOne

                Expect.lacks "DKIM-Canonicalized-Body" report
                Expect.contains "DKIM-Canonicalized-Header" report)

            testRows
                "RFC6591-3.2.4-1 the canonical body is cut where l= cuts it"
                [ "simple"; "relaxed" ]
                (fun (canon: string) ->
                    let lengths =
                        { policy with
                            Signing =
                                { policy.Signing with
                                    BodyLengths = true
                                    BodyCanon = if canon = "simple" then SimpleBody else RelaxedBody
                                }
                        }

                    let mail =
                        (signedBy lengths (plain.Replace("body\n", "one  two\n"))).Replace("one  two", "two  one")
                        + "appended\r\n"

                    let report = sent (runWith reporting (asking "; r=x") mail) |> List.exactlyOne
                    let hashed = if canon = "simple" then "two  one\r\n" else "two one\r\n"
                    let encoded = Convert.ToBase64String(Octets.ofLatin1 hashed)
                    Expect.contains ("\r\nDKIM-Canonicalized-Body: " + encoded + "\r\n") report)

            testCase "RFC5965-3.2-1 the address of the client is written as IPv6 is" (fun () ->
                let way =
                    { asking "; r=x" with
                        Client = client "mail.example.org" "2001:DB8:0:0::7"
                    }

                Expect.contains
                    "\r\nSource-IP: 2001:db8::7\r\n"
                    (sent (runWith reporting way altered.Value) |> List.exactlyOne))

            testRows "RFC5965-8-1 nothing answers the null sender" [ "<>"; "" ] (fun (sender: string) ->
                isSilent
                    { asking "; r=x" with
                        Sender = ValueSome sender
                    }
                    altered.Value)

            testCase "RFC5965-8-1 nothing answers a report or another machine" (fun () ->
                for field in
                    [
                        "Content-Type: multipart/report; report-type=feedback-report"
                        "content-type:\tMultipart/Report;x=y"
                        "Auto-Submitted: auto-generated"
                    ] do
                    isSilent (asking "; r=x") (field + "\r\n" + altered.Value)

                Expect.equal
                    1
                    (sent (runWith reporting (asking "; r=x") ("Auto-Submitted: no\r\n" + altered.Value))).Length

                isSilent
                    { asking "; r=x" with
                        Sender = ValueNone
                        Macros = ("mail_addr", "") :: outside.Macros
                    }
                    altered.Value)

            testCase "RFC6651-3.3-5 reports end with what may be sent" (fun () ->
                let sentOf reports =
                    let way =
                        { asking "; r=x" with
                            Reports = reports
                        }

                    (sent (runWith reporting way altered.Value)).Length

                Expect.equal (1, 0) (sentOf 1, sentOf 0))

            testCase "RFC6651-3.3-1 who signs with r=y is told as the record of his reports says" (fun () ->
                let wanting = altered.Value.Replace("v=1;", "v=1; r=y;")

                let way record =
                    { outside with
                        Zone = text "_report._domainkey.example.com" record :: (asking "").Zone
                    }

                let ran = runWith reporting (way "ra=abuse") wanting
                Expect.contains "To: abuse@example.com\r\n" (sent ran |> List.exactlyOne)
                Expect.equal [] (sent (runWith reporting (way "ra=abuse; rr=x") wanting))
                Expect.equal [] (sent (runWith reporting (way "ra=abuse") altered.Value))

                Expect.isTrue
                    (not (List.contains "_report._domainkey.example.com" (runWith policy (way "ra=a") wanting).Asked))
                    "asked"

                let twice =
                    { way "ra=abuse" with
                        Zone = text "_report._domainkey.example.com" "ra=abuse" :: (asking "; r=x").Zone
                    }

                Expect.contains "To: x@example.com\r\n" (sent (runWith reporting twice wanting) |> List.exactlyOne))

            testRows
                "RFC6651-3.2-6 RFC6651-3.3-1 the sentence of the record of reports comes before our own"
                [
                    ("rs=Ask=20us=0D=0A250=20OK", "Ask us250 OK: ")
                    ("ra=abuse; rs=Ask=20us; rr=v", "Ask us: ")
                    ("ra=abuse; rs=Ask=20us; rr=x", "")
                    ("ra=abuse; rs=Ask=20us; rp=0", "")
                    ("ra=abuse", "")
                ]
                (fun (record: string, sentence: string) ->
                    let rejecting =
                        { reporting with
                            Actions =
                                { policy.Actions with
                                    BadSignature = Disposition.Reject
                                }
                        }

                    let way =
                        { outside with
                            Zone = text "_report._domainkey.example.com" record :: (asking "").Zone
                        }

                    let ending mail = (runWith rejecting way mail).Ending
                    let wanting = altered.Value.Replace("v=1;", "v=1; r=y;")
                    Expect.equal (Refused(550, "5.7.0", sentence + "bad DKIM signature data")) (ending wanting)
                    Expect.equal (Refused(550, "5.7.0", "bad DKIM signature data")) (ending altered.Value))

            proves
                [ "RFC6651-4-1" ]
                (testRows
                    "suspicious mail is reported to the author's domain if it asks for that"
                    [
                        ("dkim=all; r=policy", true)
                        ("dkim=all; r=policy; ro=u", true)
                        ("dkim=all; r=policy; ro=s", false)
                        ("dkim=all; ra=policy; rr=u", true)
                        ("dkim=unknown; r=policy", false)
                        ("dkim=all", false)
                    ]
                    (fun (record: string, reported: bool) ->
                        match sent (runWith reporting (practice record) plain) with
                        | [ report ] when reported ->
                            Expect.contains "To: policy@example.com\r\n" report
                            Expect.contains "Auth-Failure: adsp\r\n" report
                            Expect.contains "Authentication-Results: mx.example.net; x-dkim-adsp=fail\r\n" report
                        | [] when not reported -> ()
                        | other -> failtest (string (box other))

                        let unasked =
                            { reporting with
                                Reporting =
                                    { reporting.Reporting with
                                        SendAdspReports = false
                                    }
                            }

                        Expect.equal [] (sent (runWith unasked (practice record) plain))))

            testCase "suspicious mail with some signature is reported as such" (fun () ->
                let third =
                    signedBy thirdParty.Value (plain.Replace("joe@example.com", "joe@other.example"))

                let count record =
                    let way =
                        { outside with
                            Zone =
                                text "_adsp._domainkey.other.example" record
                                :: exists "other.example"
                                :: zone.Value
                        }

                    (sent (runWith reporting way third)).Length

                Expect.equal 1 (count "dkim=all; r=x; ro=s")
                Expect.equal 0 (count "dkim=all; r=x; ro=u"))
        ]
