/// Reports of failures: when one goes out, to whom, and what it holds (RFC 6651, RFC 6591, RFC 5965).
module Dkim.Tests.Conformance.ReportTests

open System
open System.Text
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Conformance.Mail

let private author = domain "example.com"

/// The letter's signature, with r=y, after a change to the message or to the answer for its key.
let private failed (edit: string -> string) (answers: (string * Answer) list) : Header * SignatureResult =
    let message = (sign [ request () ] letter).Replace("s=rsa;", "s=rsa; r=y;") |> edit

    let judged, _ = judgeBy VerifyPolicy.defaults (answerWith answers) message
    fst (split message), List.exactlyOne judged

let private altered =
    lazy (failed (fun text -> text.Replace("The last", "A last")) [])

let private recipient (verdict: Verdict) (record: string) =
    FailureReport.request verdict 0 (found record)
    |> ValueOption.bind (FailureReport.recipient author)

/// A reason to fail, and the token that asks for its reports.
let private reasons =
    [
        TempFail "timeout", "d"
        PermFail(BadKey NoKey), "d"
        PermFail(Unacceptable(ShortKey 512<bit>)), "p"
        PermFail(BadSignature(MissingTag "d")), "s"
        PermFail(BadKey MissingKeyData), "s"
        PermFail BodyAltered, "v"
        PermFail HeaderAltered, "v"
        PermFail(Expired 1L<sec>), "x"
        PermFail(BadKey Revoked), "o"
        PermFail(BodyShorter 1L<octet>), "o"
    ]

let private context: ReportContext =
    {
        UserAgent = "test/1"
        Host = "mx.example.net"
        From = "postmaster@example.net"
        BlindCopies = ValueNone
        Job = "4XqJob"
        Now = now
        MailFrom = ValueSome "<ada@example.com>"
        SourceIp = ValueSome "192.0.2.1"
        Delivery = DeliveryResult.Delivered
        Results = "mx.example.net; dkim=fail header.d=example.com"
        CanonicalBody = ValueNone
    }

let private render context header failure =
    FailureReport.render context "p@example.com" header failure

/// Header, then the parts of a multipart message, each with its own header.
let private parts (report: byte[]) : string list =
    let text = Octets.latin1 (ReadOnlySpan report)
    let boundary = (Regex.Match(text, "boundary=\"([^\"]+)\"")).Groups[1].Value
    text.Split("\r\n--" + boundary) |> List.ofArray

/// The fields of the part that machines read.
let private machine (report: byte[]) : (string * string) list =
    let part = (parts report)[2]
    let fields = part.Substring(part.IndexOf "\r\n\r\n" + 4)

    Regex.Replace(fields, "\r\n[ \t]+", "").Split("\r\n", StringSplitOptions.RemoveEmptyEntries)
    |> Array.map (fun line -> line.Substring(0, line.IndexOf ':'), line.Substring(line.IndexOf ':' + 1).Trim())
    |> List.ofArray

let private field name fields =
    fields |> List.filter (fst >> (=) name) |> List.map snd

let private reported context (header, judged) =
    machine (render context header (SignatureFailure judged))

[<Tests>]
let tests =
    testList
        "ReportTests"
        [
            testCase "RFC6651-3.2-1 the request stands below the signing domain" (fun () ->
                equal
                    {
                        Name = "_report._domainkey.example.com"
                        Type = RecordType.Txt
                    }
                    (FailureReport.question author))

            proves
                [ "RFC6651-3.3-3"; "RFC6651-5-1" ]
                (testCase "RFC6651-5.1-1 each token asks for its own reasons and for no other" (fun () ->
                    for verdict, token in reasons do
                        for asked in [ "d"; "o"; "p"; "s"; "u"; "v"; "x" ] do
                            let expected =
                                if asked = token then
                                    ValueSome "p@example.com"
                                else
                                    ValueNone

                            equal expected (recipient verdict ("ra=p; rr=" + asked))
                            equal expected (recipient verdict ("ra=p; rr=foo:" + asked))

                        equal (ValueSome "p@example.com") (recipient verdict "ra=p; rr=all")
                        equal (ValueSome "p@example.com") (recipient verdict "ra=p")
                        equal ValueNone (recipient verdict "ra=p; rr=foo")

                    equal ValueNone (recipient Verdict.Pass "ra=p")))

            testCase "RFC6651-3.3-1 a verdict is the same whether a report is asked for or not" (fun () ->
                let message = sign [ request () ] letter
                let plain = message.Replace("The last", "A last")
                equal (judge plain).Head.Verdict (snd altered.Value).Verdict
                equal [ author, snd altered.Value ] (FailureReport.candidates [ snd altered.Value ])
                // Without r=y, and for a signature that passes, no step is taken.
                equal [] (FailureReport.candidates (judge plain))
                equal [] (FailureReport.candidates (judge message)))

            testCase "RFC6651-3.3-5 a message leads to a few reports at most" (fun () ->
                let of' (index: int) =
                    let judged = snd altered.Value
                    let name = domain ("d" + string index + ".example")

                    { judged with
                        Signature =
                            judged.Signature
                            |> ValueOption.map (fun signature -> { signature with Domain = name })
                    }

                equal FailureReport.MostReports (FailureReport.candidates (List.init 100 of')).Length)

            proves
                [ "RFC6651-6.1-1" ]
                (testCase
                    "RFC5965-2-2 RFC6591-3.1-1 a report is about one message and one failure, and is ARF"
                    (fun () ->
                        let header, judged = altered.Value
                        let report = render context header (SignatureFailure judged)
                        let pieces = parts report
                        equal 5 pieces.Length
                        Expect.contains "multipart/report; report-type=feedback-report" pieces[0]
                        Expect.startsWith "\r\nContent-Type: message/feedback-report\r\n\r\n" pieces[2]
                        Expect.contains "Message-ID: <1@example.com>" pieces[3]
                        equal [ "auth-failure" ] (field "Feedback-Type" (machine report))))

            testCase "RFC6591-3.1-2 one method's result is told, once" (fun () ->
                equal [ context.Results ] (field "Authentication-Results" (reported context altered.Value)))

            testCase "RFC6591-3.1-3 RFC6591-3.1-4 what is known of the message is told, and no more" (fun () ->
                let full = reported context altered.Value
                equal [ "4XqJob" ] (field "Original-Envelope-Id" full)
                equal [ "<ada@example.com>" ] (field "Original-Mail-From" full)
                equal [ "192.0.2.1" ] (field "Source-IP" full)
                equal [ "example.com" ] (field "Reported-Domain" full)

                let little =
                    reported
                        { context with
                            MailFrom = ValueNone
                            SourceIp = ValueNone
                        }
                        altered.Value

                equal [] (field "Original-Mail-From" little)
                equal [] (field "Source-IP" little))

            testCase "RFC6591-3.2.2-1 the delivery result is one of four words" (fun () ->
                for delivery, name in
                    [
                        DeliveryResult.Delivered, "delivered"
                        DeliveryResult.Policy, "policy"
                        DeliveryResult.Reject, "reject"
                        DeliveryResult.Other, "other"
                    ] do
                    equal
                        [ name ]
                        (field "Delivery-Result" (reported { context with Delivery = delivery } altered.Value)))

            testCase "RFC6591-3.3-1 each kind of failure has its type, with domain and selector" (fun () ->
                let cases =
                    [
                        "bodyhash", altered.Value
                        "signature", failed (fun text -> text.Replace("Ferries", "Boats")) []
                        "revoked", failed id [ "rsa._domainkey.example.com", found "v=DKIM1; p=" ]
                        "signature", failed id [ "rsa._domainkey.example.com", noName ]
                    ]

                for expected, failure in cases do
                    let fields = reported context failure
                    equal [ expected ] (field "Auth-Failure" fields)
                    equal [ "example.com" ] (field "DKIM-Domain" fields)
                    equal [ "rsa" ] (field "DKIM-Selector" fields)

                let fields =
                    machine (render context (fst altered.Value) (PolicyFailure(author, "dkim=all")))

                equal [ "adsp" ] (field "Auth-Failure" fields)
                equal [ "dkim=all" ] (field "DKIM-ADSP-DNS" fields)
                equal [ "example.com" ] (field "Reported-Domain" fields))

            testCase
                "RFC6591-3.2.4-1 canonical header and body are those that were hashed, and no body is shown unasked"
                (fun () ->
                    // Only the body was changed, so that what is shown of the header is what b= signs.
                    let message = (sign [ request () ] letter).Replace("The last", "A last")
                    let failure = fst (split message), List.exactlyOne (judge message)
                    let signature = (snd failure).Signature.Value
                    let body = Encoding.Latin1.GetBytes "A last boat\r\nleaves at six.\r\n"

                    let fields =
                        reported
                            { context with
                                CanonicalBody = ValueSome(ReadOnlyMemory body)
                            }
                            failure

                    let decoded name =
                        Convert.FromBase64String(field name fields |> List.exactlyOne)

                    equal body (decoded "DKIM-Canonicalized-Body")
                    let canonical = Encoding.Latin1.GetString(decoded "DKIM-Canonicalized-Header")
                    Expect.startsWith "from:Ada <ada@example.com>\r\n" canonical
                    Expect.endsWith "b=" canonical

                    let digest =
                        Security.Cryptography.SHA256.HashData(decoded "DKIM-Canonicalized-Header")

                    equal true ((rsa ()).PublicKey.Verify(Sha256, digest, signature.Value))
                    equal [] (field "DKIM-Canonicalized-Body" (reported context failure)))

            testRows
                "RFC5965-3.2-1 RFC5965-3.1-1 no field comes twice, and addresses are written as they are"
                [ "192.0.2.1"; "2001:db8::1" ]
                (fun (address: string) ->
                    let fields =
                        reported
                            { context with
                                SourceIp = ValueSome address
                            }
                            altered.Value

                    Expect.unique (fields |> List.map fst)
                    equal [ address ] (field "Source-IP" fields)
                    equal [ "1" ] (field "Version" fields))

            testCase
                "RFC5965-7.1-1 the part for machines is ASCII in short lines, whatever the message holds"
                (fun () ->
                    let message =
                        (sign [ request () ] (letter.Replace("Ferries", "caf\233")))
                            .Replace("s=rsa;", "s=rsa; r=y; i=\195\169@example.com;")

                    let judged, _ = judgeBy VerifyPolicy.defaults (answerWith []) message

                    let report =
                        render
                            { context with
                                MailFrom = ValueSome "<\195\169@example.com>\r\nBcc: x"
                            }
                            (fst (split message))
                            (SignatureFailure(List.exactlyOne judged))

                    let part = (parts report)[2]
                    Expect.isTrue (part |> Seq.forall (fun c -> c < '\127' && (c >= ' ' || c = '\r' || c = '\n'))) part

                    Expect.isTrue
                        (part.Split "\r\n" |> Array.forall (fun line -> line.Length < 998))
                        "part.Split \"\\r\\n\" |> Array.forall (fun line -> line.Length < 998)"

                    Expect.lacks "\nBcc:" part)

            testCase "RFC5965-8-1 a report says that a machine wrote it" (fun () ->
                let head =
                    (parts (render context (fst altered.Value) (SignatureFailure(snd altered.Value))))[0]

                Expect.contains "\r\nAuto-Submitted: auto-generated\r\n" head)

            testCase "RFC6651-4-1 an ADSP record asks for reports by tags of its own, at the author's domain" (fun () ->
                let asked signed (text: string) =
                    (PolicyRecord.tryAdsp ("dkim=all; " + text)).Value.Tags
                    |> ReportRequest.ofPolicy signed

                let address signed text =
                    asked signed text |> ValueOption.bind _.LocalPart

                let postmaster = ValueSome "p"
                equal postmaster (address false "ra=p")
                equal postmaster (address false "ra=p; rr=all")
                equal postmaster (address false "ra=p; rr=s:u")
                equal postmaster (address true "ra=p; rr=s")
                equal ValueNone (address true "ra=p; rr=u")
                equal ValueNone (address false "ra=p; rr=s")
                equal ValueNone (address false "ra=p; rr=foo")
                equal ValueNone (address false "rr=all; rp=100")
                equal ValueNone (address false "ra=a@evil.example")
                equal ValueNone (address false "ra=a=40evil.example")
                equal 30 (asked false "ra=p; rp=30").Value.Percent
                equal ValueNone (asked false "ra=p; rp=101")
                equal (ValueSome "go away") (asked false "ra=p; rs=go=20away").Value.ReplyText)
        ]
