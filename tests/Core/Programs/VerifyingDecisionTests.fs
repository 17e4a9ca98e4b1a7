/// dkimproxy.in's decision: the result of each signature, in the original's words and in registered ones.
module Dkim.Tests.Core.VerifyingDecisionTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns
open Dkim.Tests.Core.VerifyingRuns

/// A change of the signed message or of the zone, and the result in the original's words.
let private outcomes =
    let replace (one: string) (other: string) (text: string) = text.Replace(one, other)
    let record (text: string) = [ keyName, Text text ]
    let published = snd rsa2048.Value

    [
        replace "body" "b0dy", zone.Value, "fail (body has been altered)"
        replace "Subject: hi" "Subject: ho", zone.Value, "fail (message has been altered)"
        id, [], "invalid (public key: not available)"
        id, record "nonsense", "invalid (public key: not available)"
        id, record "v=DKIM1; p=", "invalid (public key: revoked)"
        id, [ keyName, Fails "SERVFAIL" ], "invalid (public key: DNS error: SERVFAIL)"
        id, [ keyName, Fails "timeout" ], "invalid (public key: DNS error: timeout)"
        id, record ("h=sha1;" + published), "invalid (public key: not available)"
        id, record (published + "; h=sha1"), "invalid (public key: does not support hash algorithm sha256)"
        id, record (published + "; s=other"), "invalid (public key: does not support email)"
        id, record (snd ed25519.Value), "invalid (public key: wrong key type)"
        replace "t=1700000000" "t=1700009999", zone.Value, "invalid (signature is from the future)"
        replace "t=1700000000" "t=1; x=2", zone.Value, "invalid (signature is expired)"
    ]

[<Tests>]
let tests =
    testList
        "VerifyingDecisionTests"
        [
            proves
                [ "RFC6376-6.3-5"; "RFC8601-4-3"; "RFC8601-4.1-1" ]
                (testCase "RFC8601-2.7.1-2 a good signature passes" (fun () ->
                    let outcome, log, asked = pass zone.Value (start []) good.Value

                    match outcome with
                    | Relayed(head, replaced) ->
                        Expect.equal
                            ("Authentication-Results: mx.example.org; dkim=pass header.i=@example.org\r\n"
                             + "X-DKIM-Authentication-Results: pass\r\n")
                            head

                        Expect.equal 0L replaced
                    | Refused _ -> failtest "refused"

                    Expect.equal
                        [
                            "DKIM verify - pass; message-id=<1@x>, signer=<@example.org>, from=<joe@example.org>"
                        ]
                        log

                    Expect.equal [ keyName ] asked))

            testRows
                "of signatures that do not pass one that may yet do so speaks for the message"
                [ ("sel", "gone"); ("gone", "sel") ]
                (fun (upper: string, lower: string) ->
                    let signedBy selector =
                        signed rsa2048.Value [ "--signature=dkim(s=" + selector + ")" ]

                    let _, overall =
                        results (start []) [ keyName, Fails "SERVFAIL" ] (signedBy upper (signedBy lower plain))

                    Expect.equal "invalid (public key: DNS error: SERVFAIL)" overall)

            testCase "RFC8601-2.7.1-1 an unsigned message has none" (fun () ->
                let outcome, log, asked = pass [] (start []) plain

                Expect.equal
                    (Relayed(
                        "Authentication-Results: mx.example.org; dkim=none\r\nX-DKIM-Authentication-Results: none\r\n",
                        0L
                    ))
                    outcome

                Expect.equal [ "DKIM verify - none; message-id=<1@x>, from=<joe@example.org>" ] log
                Expect.equal [] asked)

            proves
                [ "RFC6376-6.3-6"; "RFC6376-6.3-1" ]
                (testCase "every cause has the original's words" (fun () ->
                    for change, zone, expected in outcomes do
                        let actual = results (start []) zone (change good.Value)
                        Expect.equal (clause expected, expected) actual))

            testCase "broken signatures have the original's words" (fun () ->
                for text, expected in broken do
                    let actual = results (start []) [] ("DKIM-Signature: " + text + "\n" + plain)

                    match expected with
                    | "invalid (missing b tag)" -> Expect.contains "dkim=invalid (" (fst actual)
                    | _ -> Expect.equal ("mx.example.org; dkim=" + expected, expected) actual)

            proves
                [ "RFC6376-3.9-2"; "RFC6376-3.9-1" ]
                (testCase "every signature has a clause, and the best speaks for all" (fun () ->
                    let both =
                        signed
                            rsa2048.Value
                            [ "--signature=dkim(s=gone)"; "--signature=dkim"; "--signature=domainkeys" ]
                            plain

                    let expected =
                        "mx.example.org; dkim=invalid (public key: not available) header.i=@example.org;"
                        + " dkim=pass header.i=@example.org; domainkeys=pass header.from=joe@example.org"

                    Expect.equal (expected, "pass") (results (start []) zone.Value both)))

            testCase "DomainKeys goes after Sender where there is one" (fun () ->
                let text =
                    signed rsa2048.Value [ "--signature=domainkeys" ] ("Sender: ann@example.org\n" + plain)

                Expect.equal
                    ("mx.example.org; domainkeys=pass header.sender=ann@example.org", "pass")
                    (results (start []) zone.Value text))

            testRows
                "RFC4870-3.1-2 the first address of From sends where there is no Sender"
                [
                    "\"Doe, J. x@evil.example\" <joe@example.org>, ann@evil.example"
                    "joe@example.org (ann@evil.example), ann@evil.example"
                    "Us: joe@example.org, ann@evil.example;, bob@evil.example"
                    "<joe@example.org>"
                ]
                (fun (author: string) ->
                    let text =
                        signed
                            rsa2048.Value
                            [ "--signature=domainkeys" ]
                            (plain.Replace("Joe <joe@example.org>", author))

                    Expect.equal
                        ("mx.example.org; domainkeys=pass header.from=joe@example.org", "pass")
                        (results (start []) zone.Value text))

            proves
                [
                    "RFC6376-3.9-1"
                    "RFC6376-3.9-2"
                    "RFC6376-3.11-1"
                    "RFC6376-6.3-5"
                    "RFC8601-2.7.1-6"
                    "RFC8601-2.7.1-7"
                ]
                (testCase "RFC8601-2.7.1-8 registered words on request, with all that they can tell" (fun () ->
                    let text =
                        signed rsa2048.Value [ "--signature=dkim(s=gone)"; "--signature=dkim" ] plain

                    let program = start [ "--result_words=rfc8601" ]
                    let value = fst (results program zone.Value text)

                    let parsed =
                        AuthenticationResults.parse (Field.ofText "Authentication-Results" (" " + value))
                        |> Expect.ok

                    Expect.equal [ "permerror"; "pass" ] (parsed.Results |> List.map _.Result)
                    Expect.equal [ ValueSome "no key for signature"; ValueNone ] (parsed.Results |> List.map _.Reason)

                    for result in parsed.Results do
                        Expect.equal [ "i"; "d"; "s"; "a"; "b" ] (result.Properties |> List.map _.Name)
                        Expect.equal "rsa-sha256" result.Properties[3].Value
                        Expect.equal 8 result.Properties[4].Value.Length

                    let temporary = fst (results program [ keyName, Fails "timeout" ] good.Value)
                    Expect.contains "dkim=temperror reason=\"key unavailable: timeout\"" temporary
                    Expect.contains " header.d=example.org " temporary))

            proves
                [ "RFC6376-8.14-1" ]
                (testCase "RFC6376-6.1.1-8 signatures of a domain that is refused are not accepted" (fun () ->
                    let told arguments =
                        results (start ("--result_words=rfc8601" :: arguments)) zone.Value good.Value
                        |> fst

                    Expect.contains "dkim=policy " (told [ "--refuse_signatures_from=co.example,EXAMPLE.org" ])
                    Expect.contains "dkim=pass " (told [ "--refuse_signatures_from=co.example" ])

                    let text, exitCode =
                        startIn [] [ "--relay=h"; "--refuse_signatures_from=a..b" ] |> failed

                    Expect.contains "refuse_signatures_from" text
                    Expect.equal 2 exitCode))

            testCase "RFC6008-4-1 signatures of one beginning are told apart in the field" (fun () ->
                let one = "AAAABBBBCCCCDDDDEEEE"

                let field value =
                    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh="
                    + String('A', 43)
                    + "=; b="
                    + value
                    + "\n"

                let text = field (one + "FFFF") + field (one + " GGGG") + field "HHHH" + plain
                let value = fst (results (start [ "--result_words=rfc8601" ]) [] text)

                let parsed =
                    AuthenticationResults.parse (Field.ofText "Authentication-Results" (" " + value))
                    |> Expect.ok

                let shown (result: MethodResult) =
                    result.Properties |> List.find (fun property -> property.Name = "b") |> _.Value

                Expect.equal [ one + "F"; one + "G"; "HHHH" ] (parsed.Results |> List.map shown))

            proves
                [ "RFC8301-3.1-4"; "RFC8301-3.2-5" ]
                (testCase "short keys and SHA-1 pass only by their settings" (fun () ->
                    let short = signed rsa768.Value [ "--min_rsa_bits=768" ] plain
                    let shortZone = [ keyName, Text(snd rsa768.Value) ]
                    Expect.equal "invalid (public key: too short)" (results (start []) shortZone short |> snd)
                    Expect.equal "pass" (results (start [ "--min_rsa_bits=768" ]) shortZone short |> snd)

                    let sha1 = signed rsa2048.Value [ "--signature=dkim(a=rsa-sha1)" ] plain

                    Expect.equal "invalid (unsupported algorithm rsa-sha1)" (results (start []) zone.Value sha1 |> snd)
                    Expect.equal "pass" (results (start [ "--allow_sha1" ]) zone.Value sha1 |> snd)))

            testCase "signatures beyond the limits have no clause" (fun () ->
                let line =
                    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=x; b=x\n"

                let value =
                    fst (results (start [ "--max_signatures=3" ]) [] (String.replicate 100 line + plain))

                Expect.equal 3 (value.Split("dkim=").Length - 1))

            testRows
                "any message has a decision"
                [
                    ""
                    "\n"
                    "body only"
                    "DKIM-Signature\n\nx"
                    "DKIM-Signature:\nDomainKey-Signature:\n\nx"
                    "From: \u0000\u00ff\n\nx"
                    "DomainKey-Signature: a=rsa-sha1; d=b.example; s=x; b=x; q=dns; c=nofws\nFrom: a@b.example\n\n"
                ]
                (fun (text: string) ->
                    let outcome, log, _ = pass [] (start [ "--reject-fail"; "--reject-error" ]) text
                    Expect.isTrue (log.Length > 0) (string (box outcome)))
        ]
