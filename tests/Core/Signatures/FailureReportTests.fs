/// Failure reports: who asks for them and gets them, and what they tell (RFC 5965, RFC 6591, RFC 6651).
module Dkim.Tests.Core.FailureReportTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Core

let private domain = DomainName.tryCreate "example.com" |> Expect.ok

let private bodyHash = String('A', 43) + "="

let private signature (tags: string) =
    "v=1; a=rsa-sha256; d=example.com; s=sel; h=from; bh="
    + bodyHash
    + "; b=AAAA"
    + tags

/// A header with one signature and its verdict, no key being there.
let private judged (tags: string) : Header * SignatureResult =
    let block =
        "DKIM-Signature: "
        + signature tags
        + "\r\nFrom: a@example.com\r\nSubject: caf\xe9\r\n"

    let header = Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 block))
    let plan = Verifier.plan VerifyPolicy.defaults 0L<sec> header
    use hasher = new BodyHasher(plan.Digests)
    let answer _ = Answer.NoSuchName Security.Unchecked
    header, List.exactlyOne (Verifier.conclude plan (hasher.Finish()) answer)

let private record (text: string) =
    Answer.Found([ text ], Security.Unchecked)

let private altered = PermFail BodyAltered

let private recipient verdict chance answer =
    FailureReport.request verdict chance answer
    |> ValueOption.bind (FailureReport.recipient domain)

let private context: ReportContext =
    {
        UserAgent = "test/1"
        Host = "mx.example.net"
        From = "postmaster@example.net"
        BlindCopies = ValueNone
        Job = "4Xq\r\nBcc: x"
        Now = 1750000000L<sec>
        MailFrom = ValueSome "<a@example.com>"
        SourceIp = ValueSome "192.0.2.1"
        Delivery = DeliveryResult.Delivered
        Results = "mx.example.net; dkim=permerror header.d=example.com"
        CanonicalBody = ValueNone
    }

/// The parts of a report, by the boundary that its header names.
let private parts (report: byte[]) =
    let text = Octets.latin1 (ReadOnlySpan report)
    let at = text.IndexOf "boundary=\"" + 10
    let boundary = text.Substring(at, text.IndexOf('"', at) - at)
    let pieces = text.Split("\r\n--" + boundary)
    Expect.equal 5 pieces.Length
    Expect.equal "--\r\n" pieces[4]
    pieces

[<Tests>]
let tests =
    testList
        "FailureReportTests"
        [
            testRows
                "RFC6651-3.1-1 only r=y asks for reports"
                [ ("; r=y", 1); ("; r=Y", 0); ("; r=n", 0); ("", 0) ]
                (fun (tags: string, count: int) ->
                    FailureReport.candidates [ snd (judged tags) ]
                    |> List.length
                    |> Expect.equal count)

            testCase "RFC6651-3.3-4 a domain gets one report of a message" (fun () ->
                let failed = snd (judged "; r=y")

                FailureReport.candidates [ failed; failed; failed ]
                |> List.length
                |> Expect.equal 1)

            testRows
                "RFC6651-3.2-2 RFC6651-3.2-3 RFC6651-3.2-5 RFC6651-3.2-7 who gets a report"
                ([
                    ("ra=postmaster", "postmaster@example.com")
                    ("ra=dkim=2Dreports; xx=unknown", "dkim-reports@example.com")
                    ("ra=p; rr=v", "p@example.com")
                    ("ra=p; rr=s:all", "p@example.com")
                    ("ra=p; rr=s:x", null)
                    ("ra=p; rr=unknown", null)
                    ("rr=all", null)
                    ("ra=a@evil.example", null)
                    ("ra=a=40evil.example", null)
                    ("ra=p; rp=0", null)
                    ("ra=p; rp=101", null)
                    ("ra=p; ra=q", null)
                    ("no tag list", null)
                ]
                : (string * (string | null)) list)
                (fun (text: string, expected: string | null) ->
                    recipient altered 0 (record text) |> Expect.equal (ValueOption.ofObj expected))

            testRows
                "RFC6651-3.2-4 rp= is the share of failures reported"
                [ (0, true); (29, true); (30, false); (99, false) ]
                (fun (chance: int, expected: bool) ->
                    (recipient altered chance (record "ra=p; rp=30")).IsSome
                    |> Expect.equal expected)

            testRows
                "RFC6651-3.2-7 each failure has its reason in rr="
                [
                    ("x", PermFail(Expired 1L<sec>), true)
                    ("v", PermFail(Expired 1L<sec>), false)
                    ("v", altered, true)
                    ("x", altered, false)
                    ("d", TempFail "timeout", true)
                    ("v", TempFail "timeout", false)
                ]
                (fun (reason: string, verdict: Verdict, expected: bool) ->
                    (recipient verdict 0 (record ("ra=p; rr=" + reason))).IsSome
                    |> Expect.equal expected)

            testRows
                "RFC6651-3.2-6 rs= has at most 256 characters"
                [ (256, true); (257, false) ]
                (fun (length: int, expected: bool) ->
                    (ReportRequest.tryParse ("ra=p; rs=" + String('a', length))).Value.ReplyText.IsSome
                    |> Expect.equal expected)

            testCase "RFC6651-3.3-2 anything but one record asks for nothing" (fun () ->
                let answers =
                    [
                        Answer.NoSuchName Security.Unchecked
                        Answer.Unavailable "timeout"
                        Answer.Found([], Security.Unchecked)
                        Answer.Found([ "ra=p"; "ra=p" ], Security.Unchecked)
                    ]

                for answer in answers do
                    recipient altered 0 answer |> Expect.equal ValueNone)

            testCase "RFC6651-3.2-6 rs= can hold no line end" (fun () ->
                (ReportRequest.tryParse "ra=p; rs=go=0D=0Aaway=20now").Value.ReplyText
                |> Expect.equal (ValueSome "goaway now"))

            testCase
                "RFC5965-2-1 RFC5965-3.1-1 RFC6591-3.1-1 RFC6591-3.1-5 a report has its three parts and each field once"
                (fun () ->
                    let header, failed = judged "; r=y"

                    let report =
                        FailureReport.render context "postmaster@example.com" header (SignatureFailure failed)

                    let pieces = parts report

                    pieces[0]
                    |> Expect.contains "Content-Type: multipart/report; report-type=feedback-report;\r\n boundary="

                    pieces[1] |> Expect.contains "\r\nContent-Type: text/plain"
                    pieces[2] |> Expect.contains "\r\nContent-Type: message/feedback-report\r\n\r\n"

                    // The header block, octet for octet, and no body.
                    pieces[3]
                    |> Expect.equal (
                        "\r\nContent-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nDKIM-Signature: "
                        + signature "; r=y"
                        + "\r\nFrom: a@example.com\r\nSubject: caf\xe9\r\n"
                    )

                    for name in
                        [
                            "Feedback-Type: auth-failure"
                            "User-Agent: test/1"
                            "Version: 1"
                            "Auth-Failure: signature"
                            "Authentication-Results: mx.example.net; dkim=permerror"
                            "DKIM-Domain: example.com"
                            "DKIM-Selector: sel"
                            "DKIM-Identity: @example.com"
                            "Reported-Domain: example.com"
                            "Source-IP: 192.0.2.1"
                            "Delivery-Result: delivered"
                        ] do
                        pieces[2].Split("\r\n" + name).Length |> Expect.equal 2)

            testRows
                "a report says what failed"
                [
                    BadKey KeyError.Revoked, "revoked"
                    BadKey ServiceNotAllowed, "signature"
                    BodyAltered, "bodyhash"
                    HeaderAltered, "signature"
                ]
                (fun (failure, told) ->
                    let header, failed = judged "; r=y"

                    let failed =
                        { failed with
                            Verdict = PermFail failure
                        }

                    let report =
                        FailureReport.render context "p@example.com" header (SignatureFailure failed)

                    Octets.latin1 (ReadOnlySpan report)
                    |> Expect.contains ("\r\nAuth-Failure: " + told + "\r\n"))

            testCase "nothing of a message can add a field to a report" (fun () ->
                let header, failed = judged "; r=y"

                let report =
                    FailureReport.render context "p@example.com" header (SignatureFailure failed)

                Octets.latin1 (ReadOnlySpan report) |> Expect.lacks "\nBcc:")

            testCase "RFC6591-3.2.4-1 the canonical header is exactly what was hashed" (fun () ->
                let header, failed = judged "; r=y"

                let machine =
                    (parts (FailureReport.render context "p@example.com" header (SignatureFailure failed)))[2]

                let start = machine.IndexOf "DKIM-Canonicalized-Header: " + 27

                let octets =
                    Convert.FromBase64String(machine.Substring(start).Replace("\r\n ", "").Split("\r\n")[0])

                let expected =
                    "From: a@example.com\r\nDKIM-Signature: "
                    + (signature "; r=y").Replace("b=AAAA", "b=")

                Octets.latin1 (ReadOnlySpan octets) |> Expect.equal expected)
        ]
