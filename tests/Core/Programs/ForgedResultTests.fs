/// The results that dkimproxy.in removes because they claim to be its own, and what cannot add any.
module Dkim.Tests.Core.ForgedResultTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.ProxyRuns
open Dkim.Tests.Core.VerifyingRuns

[<Tests>]
let tests =
    testList
        "ForgedResultTests"
        [
            proves
                [
                    "RFC6376-6.2-1"
                    "RFC6376-6.2-2"
                    "RFC8601-4-2"
                    "RFC8601-4-3"
                    "RFC8601-4.1-1"
                    "RFC5321-4.4-1"
                ]
                (testCase "RFC8601-5-1 fields that claim our host go, the others stay where they are" (fun () ->
                    let forged =
                        [
                            "Authentication-Results: mx.example.org; dkim=pass\n"
                            "authentication-results:\n\t(x) MX.example.org. 1;\n\tdkim=pass\n"
                            "Authentication-Results : \"mx.example.org\"; dkim=pass\n"
                        ]

                    let other = "Authentication-Results: other.example; dkim=pass\n"

                    let text =
                        "Received: a\n"
                        + forged[0]
                        + forged[1]
                        + other
                        + "Received: b\n"
                        + forged[2]
                        + plain

                    match pass [] (start []) text with
                    | Relayed(head, replaced), _, _ ->
                        let full = crlf text
                        let passed = head + full.Substring(int replaced)

                        let added =
                            "Authentication-Results: mx.example.org; dkim=none\r\nX-DKIM-Authentication-Results: none\r\n"

                        Expect.equal (added + crlf ("Received: a\n" + other + "Received: b\n" + plain)) passed

                        Expect.isTrue
                            (full.Substring(int replaced).StartsWith "From: Joe")
                            "no more is rewritten than must be"
                    | Refused _, _, _ -> failtest "refused"))

            testCase "forged fields stay where the setting says so" (fun () ->
                let text = "Authentication-Results: mx.example.org; dkim=pass\n" + plain

                match pass [] (start [ "--remove_forged=no" ]) text with
                | Relayed(_, replaced), _, _ -> Expect.equal 0L replaced
                | Refused _, _, _ -> failtest "refused")

            testRows "RFC8601-5-1 any number of forged fields goes" [ 0; 1; 10 ] (fun (count: int) ->
                let text =
                    String.replicate count "Authentication-Results: mx.example.org; dkim=pass\n"
                    + plain

                match pass [] (start []) text with
                | Relayed(head, replaced), _, _ ->
                    let passed = head + (crlf text).Substring(int replaced)
                    Expect.equal 1 (passed.Split("mx.example.org;").Length - 1)
                    Expect.isTrue (passed.EndsWith(crlf plain)) "the rest is as it was"
                | Refused _, _, _ -> failtest "refused")

            testCase "a header beyond the limits is not judged, and forged fields go from it" (fun () ->
                let many =
                    String.replicate 20 "X: y\n"
                    + "Authentication-Results: mx.example.org; dkim=pass\n"
                    + plain

                let outcome, log, asked = pass [] (start [ "--max_header_fields=10" ]) many
                Expect.equal [] asked
                Expect.equal "verify error: more than 10 header fields" log[0]

                match outcome with
                | Relayed(head, replaced) ->
                    let passed = head + (crlf many).Substring(int replaced)
                    Expect.contains "dkim=permerror (more than 10 header fields)\r\n" passed
                    Expect.lacks "mx.example.org; dkim=pass" passed
                | Refused _ -> failtest "refused"

                let refused, _, _ =
                    pass [] (start [ "--max_header_fields=10"; "--reject-error" ]) many

                Expect.equal (Refused(550, "DKIM - permerror (more than 10 header fields)")) refused)

            testCase "RFC8601-5-1 a header too long to be searched for forged fields is refused" (fun () ->
                let long = "X: " + String('y', 2000) + "\n" + plain

                match pass [] (start [ "--max_header_octets=1024" ]) long with
                | outcome, _, _ -> Expect.equal (Refused(552, "5.3.4 Message header too long")) outcome)

            testRows
                "RFC8601-2.2-4 a hostile signature adds two fields and no more"
                [
                    "i=\"a;b\"@example.org"
                    "i=x=0D=0Ay@example.org"
                    "s=a)b"
                    "d=ex\u0000ample.org"
                    "q=dns/txt:\u001b[2J"
                ]
                (fun (tag: string) ->
                    let text =
                        "DKIM-Signature: v=1; a=rsa-sha256; h=from; "
                        + tag
                        + "; d=example.org; s=sel; bh=x; b=x\n"
                        + plain

                    for words in [ "original"; "rfc8601" ] do
                        match pass zone.Value (start [ "--result_words=" + words ]) text with
                        | Relayed(head, _), log, _ ->
                            Expect.equal 2 (fieldsOf head).Length
                            Expect.isTrue (log |> List.forall (Seq.forall (fun c -> c >= ' ' && c < '\127'))) "log"
                            let first = Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 head))
                            AuthenticationResults.parse first.Fields[0] |> Expect.ok |> ignore
                        | Refused _, _, _ -> failtest "refused")
        ]
