/// The vocabulary of log lines.
module Dkim.Conformance.LogFieldTests

open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.ProxyRuns
open Dkim.Conformance.Starts

let private line facts =
    (LogLine.plain LogLevel.Info "what - done; message-id=<1@x>" |> LogLine.add facts).Line

[<Test>]
let ``what is new stands behind the sentence, in the order of the vocabulary`` () =
    line
        [
            LogFields.fact LogField.Reply "250 2.0.0 ok"
            LogFields.fact LogField.Sender "a@b"
            LogFields.fact LogField.Recipients "c@d"
            LogFields.fact LogField.Recipients "e@f"
        ]
    |> Expect.equal "what - done; message-id=<1@x>, sender=<a@b>, recipients=<c@d,e@f>, reply=<250 2.0.0 ok>"

[<TestCase("plain", "plain; sender=<a>")>]
[<TestCase("what - done; ", "what - done; sender=<a>")>]
let ``a sentence without attributes is parted from what is new`` (sentence: string, expected: string) =
    (LogLine.plain LogLevel.Info sentence
     |> LogLine.add [ LogFields.fact LogField.Sender "a" ])
        .Line
    |> Expect.equal expected

[<TestCase("a>, reply=<250 x", "sender=<a???reply=?250?x>")>]
[<TestCase("a\r\nb\u001b", "sender=<a??b?>")>]
[<TestCase("", "sender=<>")>]
let ``a value cannot look like more than one field`` (value: string, expected: string) =
    LogFields.text [ LogFields.fact LogField.Sender value ] |> Expect.equal expected

[<Test>]
let ``a sentence keeps its blanks and loses its brackets`` () =
    LogFields.text [ LogFields.fact LogField.Reason "not <x>, y\n" ]
    |> Expect.equal "reason=<not ?x?, y?>"

[<Test>]
let ``of many recipients the first are listed`` () =
    let values =
        LogFields.recipients [ for number in 1..25 -> string number ] 10000
        |> LogFields.values

    values[0].Values.Length |> Expect.equal 21
    values[0].Values |> List.last |> Expect.equal "+9980"

    LogFields.recipients [ "a" ] 1
    |> LogFields.text
    |> Expect.equal "recipients=<a>"

[<TestCase("pass", "pass", "")>]
[<TestCase("fail (body has been altered)", "fail", "body has been altered")>]
[<TestCase("invalid (public key: DNS error: (x))", "invalid", "public key: DNS error: (x)")>]
let ``a result is a word and a reason`` (text: string, word: string, reason: string) =
    LogFields.ofResult text
    |> List.map _.Value
    |> Expect.equal (if reason = "" then [ word ] else [ word; reason ])

let private fields zone program message =
    use passage = (program: ProxyProgram).NewMessage now
    passage.Feed(System.ReadOnlySpan(Octets.ofLatin1 (crlf message)))
    passage.End()

    if passage.Questions.Length > 0 then
        passage.Answer(answers zone passage.Questions)

    [
        for field in (List.last passage.Decision.Log).Fields -> field.Name, List.head field.Values
    ]

let private message =
    "From: joe@example.org\nSubject: hi\nMessage-ID: <1@x>\n\nbody\n"

let private signer () =
    startOut
        [ "key", fst rsa2048.Value ]
        [
            "--keyfile=key"
            "--selector=sel"
            "--relay=h"
            "--domain=example.org"
            "--signature=dkim"
            "--signature=domainkeys"
        ]
    |> serving

[<Test>]
let ``a signed message is told with its signatures`` () =
    fields [] (signer ()) message
    |> Expect.equal
        [
            "domain", "example.org,example.org"
            "selector", "sel,sel"
            "algorithm", "rsa-sha256,rsa-sha1"
            "result", "signed"
            "message_id", "1@x"
        ]

[<Test>]
let ``a judged message is told with its signatures, its result and the reason`` () =
    let head =
        match pass [] (signer ()) message with
        | Relayed(head, _), _, _ -> head
        | Refused _, _, _ -> ""

    let zone = [ "sel._domainkey.example.org", Text(snd rsa2048.Value) ]

    fields zone (startIn [] [ "--relay=h" ] |> serving) (head + crlf (message + "more\n"))
    |> Expect.equal
        [
            "domain", "example.org,example.org"
            "selector", "sel,sel"
            "algorithm", "rsa-sha256,rsa-sha1"
            "result", "fail"
            "reason", "body has been altered"
            "message_id", "1@x"
        ]
