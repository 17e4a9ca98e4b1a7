/// dkimproxy.in's decision: what is added, what is removed, what is refused.
module Dkim.Conformance.VerifyingDecisionTests

open System
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.ProxyRuns

let private plain =
    "From: Joe <joe@example.org>\nTo: you@example.net\nSubject: hi\nMessage-ID: <1@x>\n\nbody\n"

/// The message with the signatures that dkimproxy.out makes of it.
let private signed key arguments message =
    let files = [ "key", fst key ]

    let program =
        startOut
            files
            ([ "--keyfile=key"; "--selector=sel"; "--relay=h"; "--domain=example.org" ]
             @ arguments)
        |> serving

    match pass [] program message with
    | Relayed(head, _), _, _ -> head + crlf message
    | Refused _, _, _ -> ""

let private keyName = "sel._domainkey.example.org"
let private good = lazy (signed rsa2048.Value [] plain)
let private zone = lazy [ keyName, Text(snd rsa2048.Value) ]

let private start arguments =
    startIn [] ("--relay=h" :: arguments) |> serving

/// What is added on top: the two values.
let private results program zone message =
    match pass zone program message with
    | Relayed(head, _), _, _ ->
        match fieldsOf head with
        | ("Authentication-Results", results) :: ("X-DKIM-Authentication-Results", overall) :: _ -> results, overall
        | other ->
            Assert.Fail(string (box other))
            "", ""
    | Refused(code, text), _, _ -> string code, text

let private clause result =
    "mx.example.org; dkim=" + result + " header.i=@example.org"

[<Category "RFC6376-6.3-5">]
[<Category "RFC8601-4-3">]
[<Category "RFC8601-4.1-1">]
[<Test>]
let ``RFC8601-2.7.1-2 a good signature passes`` () =
    let outcome, log, asked = pass zone.Value (start []) good.Value

    match outcome with
    | Relayed(head, replaced) ->
        Expect.equal
            ("Authentication-Results: mx.example.org; dkim=pass header.i=@example.org\r\n"
             + "X-DKIM-Authentication-Results: pass\r\n")
            head

        Expect.equal 0L replaced
    | Refused _ -> Assert.Fail "refused"

    Expect.equal
        [
            "DKIM verify - pass; message-id=<1@x>, signer=<@example.org>, from=<joe@example.org>"
        ]
        log

    Expect.equal [ keyName ] asked

[<TestCase("sel", "gone")>]
[<TestCase("gone", "sel")>]
let ``of signatures that do not pass one that may yet do so speaks for the message`` (upper: string, lower: string) =
    let signedBy selector =
        signed rsa2048.Value [ "--signature=dkim(s=" + selector + ")" ]

    let _, overall =
        results (start []) [ keyName, Fails "SERVFAIL" ] (signedBy upper (signedBy lower plain))

    Expect.equal "invalid (public key: DNS error: SERVFAIL)" overall

[<Test>]
let ``RFC8601-2.7.1-1 an unsigned message has none`` () =
    let outcome, log, asked = pass [] (start []) plain

    Expect.equal
        (Relayed("Authentication-Results: mx.example.org; dkim=none\r\nX-DKIM-Authentication-Results: none\r\n", 0L))
        outcome

    Expect.equal [ "DKIM verify - none; message-id=<1@x>, from=<joe@example.org>" ] log
    Expect.equal [] asked

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

[<Category "RFC6376-6.3-6">]
[<Category "RFC6376-6.3-1">]
[<Test>]
let ``every cause has the original's words`` () =
    for change, zone, expected in outcomes do
        let actual = results (start []) zone (change good.Value)
        Expect.equal (clause expected, expected) actual

/// A broken signature field and its result. What has no identity that could be read shows none.
let private broken =
    [
        "v=2; a=rsa-sha256; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (unsupported version 2)"
        "a=rsa-sha256; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (missing v tag)"
        "v=1; a=rsa-md5; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (unsupported algorithm rsa-md5)"
        "v=1; a=(x)\"y; d=example.org; s=sel; h=from; bh=x; b=x", "invalid (unsupported algorithm ?x??y)"
        "v=1; a=rsa-sha256; s=sel; h=from; bh=x; b=x", "invalid (missing b tag)"
        "total nonsense", "invalid (bad syntax)"
    ]

[<Test>]
let ``broken signatures have the original's words`` () =
    for text, expected in broken do
        let actual = results (start []) [] ("DKIM-Signature: " + text + "\n" + plain)

        match expected with
        | "invalid (missing b tag)" -> Expect.contains "dkim=invalid (" (fst actual)
        | _ -> Expect.equal ("mx.example.org; dkim=" + expected, expected) actual

[<Category "RFC6376-3.9-2">]
[<Category "RFC6376-3.9-1">]
[<Test>]
let ``every signature has a clause, and the best speaks for all`` () =
    let both =
        signed rsa2048.Value [ "--signature=dkim(s=gone)"; "--signature=dkim"; "--signature=domainkeys" ] plain

    let expected =
        "mx.example.org; dkim=invalid (public key: not available) header.i=@example.org;"
        + " dkim=pass header.i=@example.org; domainkeys=pass header.from=joe@example.org"

    Expect.equal (expected, "pass") (results (start []) zone.Value both)

[<Test>]
let ``DomainKeys goes after Sender where there is one`` () =
    let text =
        signed rsa2048.Value [ "--signature=domainkeys" ] ("Sender: ann@example.org\n" + plain)

    Expect.equal
        ("mx.example.org; domainkeys=pass header.sender=ann@example.org", "pass")
        (results (start []) zone.Value text)

[<TestCase("\"Doe, J. x@evil.example\" <joe@example.org>, ann@evil.example")>]
[<TestCase("joe@example.org (ann@evil.example), ann@evil.example")>]
[<TestCase("Us: joe@example.org, ann@evil.example;, bob@evil.example")>]
[<TestCase("<joe@example.org>")>]
let ``RFC4870-3.1-2 the first address of From sends where there is no Sender`` (author: string) =
    let text =
        signed rsa2048.Value [ "--signature=domainkeys" ] (plain.Replace("Joe <joe@example.org>", author))

    Expect.equal
        ("mx.example.org; domainkeys=pass header.from=joe@example.org", "pass")
        (results (start []) zone.Value text)

[<Category "RFC6376-3.9-1">]
[<Category "RFC6376-3.9-2">]
[<Category "RFC6376-3.11-1">]
[<Category "RFC6376-6.3-5">]
[<Category "RFC8601-2.7.1-6">]
[<Category "RFC8601-2.7.1-7">]
[<Test>]
let ``RFC8601-2.7.1-8 registered words on request, with all that they can tell`` () =
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
    Expect.contains " header.d=example.org " temporary

[<Category "RFC6376-8.14-1">]
[<Test>]
let ``RFC6376-6.1.1-8 signatures of a domain that is refused are not accepted`` () =
    let told arguments =
        results (start ("--result_words=rfc8601" :: arguments)) zone.Value good.Value
        |> fst

    Expect.contains "dkim=policy " (told [ "--refuse_signatures_from=co.example,EXAMPLE.org" ])
    Expect.contains "dkim=pass " (told [ "--refuse_signatures_from=co.example" ])

    let text, exitCode =
        startIn [] [ "--relay=h"; "--refuse_signatures_from=a..b" ] |> failed

    Expect.contains "refuse_signatures_from" text
    Expect.equal 2 exitCode

[<Test>]
let ``RFC6008-4-1 signatures of one beginning are told apart in the field`` () =
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

    Expect.equal [ one + "F"; one + "G"; "HHHH" ] (parsed.Results |> List.map shown)

[<Category "RFC8301-3.1-4">]
[<Category "RFC8301-3.2-5">]
[<Test>]
let ``short keys and SHA-1 pass only by their settings`` () =
    let short = signed rsa768.Value [ "--min_rsa_bits=768" ] plain
    let shortZone = [ keyName, Text(snd rsa768.Value) ]
    Expect.equal "invalid (public key: too short)" (results (start []) shortZone short |> snd)
    Expect.equal "pass" (results (start [ "--min_rsa_bits=768" ]) shortZone short |> snd)

    let sha1 = signed rsa2048.Value [ "--signature=dkim(a=rsa-sha1)" ] plain

    Expect.equal "invalid (unsupported algorithm rsa-sha1)" (results (start []) zone.Value sha1 |> snd)
    Expect.equal "pass" (results (start [ "--allow_sha1" ]) zone.Value sha1 |> snd)

[<Category "RFC6376-6.2-1">]
[<Category "RFC6376-6.2-2">]
[<Category "RFC8601-4-2">]
[<Category "RFC8601-4-3">]
[<Category "RFC8601-4.1-1">]
[<Category "RFC5321-4.4-1">]
[<Test>]
let ``RFC8601-5-1 fields that claim our host go, the others stay where they are`` () =
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
        Expect.isTrue (full.Substring(int replaced).StartsWith "From: Joe") "no more is rewritten than must be"
    | Refused _, _, _ -> Assert.Fail "refused"

[<Test>]
let ``forged fields stay where the setting says so`` () =
    let text = "Authentication-Results: mx.example.org; dkim=pass\n" + plain

    match pass [] (start [ "--remove_forged=no" ]) text with
    | Relayed(_, replaced), _, _ -> Expect.equal 0L replaced
    | Refused _, _, _ -> Assert.Fail "refused"

[<TestCase(0)>]
[<TestCase(1)>]
[<TestCase(10)>]
let ``RFC8601-5-1 any number of forged fields goes`` (count: int) =
    let text =
        String.replicate count "Authentication-Results: mx.example.org; dkim=pass\n"
        + plain

    match pass [] (start []) text with
    | Relayed(head, replaced), _, _ ->
        let passed = head + (crlf text).Substring(int replaced)
        Expect.equal 1 (passed.Split("mx.example.org;").Length - 1)
        Expect.isTrue (passed.EndsWith(crlf plain)) "the rest is as it was"
    | Refused _, _, _ -> Assert.Fail "refused"

[<Test>]
let ``a header beyond the limits is not judged, and forged fields go from it`` () =
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
    | Refused _ -> Assert.Fail "refused"

    let refused, _, _ =
        pass [] (start [ "--max_header_fields=10"; "--reject-error" ]) many

    Expect.equal (Refused(550, "DKIM - permerror (more than 10 header fields)")) refused

[<Test>]
let ``RFC8601-5-1 a header too long to be searched for forged fields is refused`` () =
    let long = "X: " + String('y', 2000) + "\n" + plain

    match pass [] (start [ "--max_header_octets=1024" ]) long with
    | outcome, _, _ -> Expect.equal (Refused(552, "5.3.4 Message header too long")) outcome

[<Category "RFC6376-6.1-5">]
[<Test>]
let ``reject-error refuses for a while what cannot be looked up for now`` () =
    let failing = [ keyName, Fails "SERVFAIL" ]
    let outcome, log, _ = pass failing (start [ "--reject-error" ]) good.Value
    Expect.equal (Refused(450, "DKIM - temperror (public key: DNS error: SERVFAIL)")) outcome
    Expect.equal "verify error: public key: DNS error: SERVFAIL" log[0]

    for zone in [ zone.Value; [] ] do
        match pass zone (start [ "--reject-error" ]) good.Value with
        | Relayed _, _, _ -> ()
        | Refused(_, text), _, _ -> Assert.Fail text

[<Test>]
let ``one good signature is enough for reject-error`` () =
    let text =
        signed rsa2048.Value [ "--signature=dkim(s=broken)"; "--signature=dkim" ] plain

    let zone = ("broken._domainkey.example.org", Fails "timeout") :: zone.Value

    match pass zone (start [ "--reject-error" ]) text with
    | Relayed _, _, _ -> ()
    | Refused(_, text), _, _ -> Assert.Fail text

let private adsp practice =
    [
        "_adsp._domainkey.example.org", Text("dkim=" + practice)
        "example.org", Exists
    ]

let private domainKeysPolicy text = [ "_domainkey.example.org", Text text ]

let private senderSigning text =
    [ "_policy._domainkey.example.org", Text text ]

let private thirdParty =
    lazy (signed rsa2048.Value [ "--signature=dkim(d=other.example)" ] plain)

let private otherZone =
    lazy [ "sel._domainkey.other.example", Text(snd rsa2048.Value) ]

/// A message, a zone, and the reply of `reject-fail`; nothing where the message passes.
let private policies =
    lazy
        [
            plain, [], ""
            plain, adsp "unknown", ""
            plain, adsp "all", "none"
            plain, adsp "discardable", "none"
            plain, domainKeysPolicy "o=~", ""
            plain, domainKeysPolicy "o=-", "none"
            plain, domainKeysPolicy "o=-; t=y", ""
            plain, senderSigning "o=-", "none"
            plain, senderSigning "o=!", "none"
            plain,
            [
                "_adsp._domainkey.example.org", Fails "timeout"
                "example.org", Fails "timeout"
            ],
            ""
            good.Value, adsp "discardable" @ zone.Value, ""
            good.Value, adsp "discardable", "invalid (public key: not available)"
            thirdParty.Value, adsp "discardable" @ otherZone.Value, "pass"
            thirdParty.Value, adsp "all" @ otherZone.Value, ""
        ]

[<Category "RFC6376-6.3-2">]
[<Category "RFC8601-4.2-1">]
[<Category "RFC4870-3.6-1">]
[<Category "RFC5617-2.7-1">]
[<Category "RFC4870-3.7.6-1">]
[<Test>]
let ``reject-fail refuses what one of three policies wants refused`` () =
    for message, zone, detail in policies.Value do
        let outcome, _, _ = pass zone (start [ "--reject-fail" ]) message

        match outcome with
        | Refused(code, text) -> Expect.equal (550, "5.7.1 DKIM - " + detail) (code, text)
        | Relayed _ -> Expect.equal "" detail

[<Test>]
let ``RFC4870-3.2.3-5 reject-fail refuses no mail of a domain that tests DomainKeys`` () =
    let changed =
        (signed rsa2048.Value [ "--signature=domainkeys" ] plain).Replace("body", "b0dy")

    let refused key =
        match pass ((keyName, Text key) :: domainKeysPolicy "o=-") (start [ "--reject-fail" ]) changed with
        | Refused _, _, _ -> true
        | Relayed _, _, _ -> false

    let key = (snd rsa2048.Value).Replace("v=DKIM1; ", "")
    Expect.isTrue (refused key) "a policy for all mail"
    Expect.isTrue (not (refused ("t=y; " + key))) "in testing mode"

[<Category "RFC4870-3.6-2">]
[<Category "RFC4870-3.7.6-1">]
[<Test>]
let ``policies are asked for only with reject-fail, and only where they can matter`` () =
    let asked arguments zone message =
        let _, _, asked = pass zone (start arguments) message
        asked |> List.distinct |> List.sort

    Expect.equal [] (asked [] (adsp "all") plain)

    Expect.equal
        [
            "_adsp._domainkey.example.org"
            "_domainkey.example.org"
            "_policy._domainkey.example.org"
            "example.org"
        ]
        (asked [ "--reject-fail" ] (adsp "all") plain)

    Expect.equal [ keyName ] (asked [ "--reject-fail" ] zone.Value good.Value)
    Expect.equal [] (asked [ "--reject-fail" ] [] "Subject: no author\n\nx\n")

[<Test>]
let ``signatures beyond the limits have no clause`` () =
    let line =
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=sel; h=from; bh=x; b=x\n"

    let value =
        fst (results (start [ "--max_signatures=3" ]) [] (String.replicate 100 line + plain))

    Expect.equal 3 (value.Split("dkim=").Length - 1)

[<TestCase("i=\"a;b\"@example.org")>]
[<TestCase("i=x=0D=0Ay@example.org")>]
[<TestCase("s=a)b")>]
[<TestCase("d=ex\u0000ample.org")>]
[<TestCase("q=dns/txt:\u001b[2J")>]
let ``RFC8601-2.2-4 a hostile signature adds two fields and no more`` (tag: string) =
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
        | Refused _, _, _ -> Assert.Fail "refused"

[<TestCase("")>]
[<TestCase("\n")>]
[<TestCase("body only")>]
[<TestCase("DKIM-Signature\n\nx")>]
[<TestCase("DKIM-Signature:\nDomainKey-Signature:\n\nx")>]
[<TestCase("From: \u0000\u00ff\n\nx")>]
[<TestCase("DomainKey-Signature: a=rsa-sha1; d=b.example; s=x; b=x; q=dns; c=nofws\nFrom: a@b.example\n\n")>]
let ``any message has a decision`` (text: string) =
    let outcome, log, _ = pass [] (start [ "--reject-fail"; "--reject-error" ]) text
    Expect.isTrue (log.Length > 0) (string (box outcome))
