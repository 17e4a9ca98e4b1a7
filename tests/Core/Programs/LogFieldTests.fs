/// The vocabulary of log lines.
module Dkim.Tests.Core.LogFieldTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies.Smtp
open Dkim.Tests.Core
open Dkim.Tests.ProxyRuns
open Dkim.Tests.Starts

let private line facts =
    (LogLine.plain LogLevel.Info "what - done; message-id=<1@x>" |> LogLine.add facts).Line

let private fields zone program message =
    use passage = (program: ProxyProgram).NewMessage now
    passage.Feed(System.ReadOnlySpan(Octets.ofLatin1 (crlf message))) |> ignore
    passage.End()

    if not passage.Needs.IsEmpty then
        passage.Go(Finding.ofNames (answers zone) passage.Needs)

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

[<Tests>]
let tests =
    testList
        "LogFieldTests"
        [
            testCase "of a command that is refused the verb alone is told, behind which secrets may stand" (fun () ->
                let event =
                    SessionEvent.CommandRefused(
                        502,
                        "5.5.1 Command not implemented",
                        "BURL imap://joe:secret@host LAST\r\n"
                    )

                let conversation =
                    {
                        Client = "192.0.2.1"
                        Transaction = Transaction.start
                    }

                let told = SessionLog.told event conversation System.ReadOnlySpan.Empty
                Expect.contains "(BURL)" told.Line
                Expect.lacks "secret" told.Line

                for field in told.Fields do
                    for value in field.Values do
                        Expect.lacks "secret" value)

            testCase "what is new stands behind the sentence, in the order of the vocabulary" (fun () ->
                line
                    [
                        LogFields.fact LogField.Reply "250 2.0.0 ok"
                        LogFields.fact LogField.Sender "a@b"
                        LogFields.fact LogField.Recipients "c@d"
                        LogFields.fact LogField.Recipients "e@f"
                    ]
                |> Expect.equal
                    "what - done; message-id=<1@x>, sender=<a@b>, recipients=<c@d,e@f>, reply=<250 2.0.0 ok>")

            testRows
                "a sentence without attributes is parted from what is new"
                [ ("plain", "plain; sender=<a>"); ("what - done; ", "what - done; sender=<a>") ]
                (fun (sentence: string, expected: string) ->
                    (LogLine.plain LogLevel.Info sentence
                     |> LogLine.add [ LogFields.fact LogField.Sender "a" ])
                        .Line
                    |> Expect.equal expected)

            testRows
                "a value cannot look like more than one field"
                [
                    ("a>, reply=<250 x", "sender=<a???reply=?250?x>")
                    ("a\r\nb\u001b", "sender=<a??b?>")
                    ("", "sender=<>")
                ]
                (fun (value: string, expected: string) ->
                    LogFields.text [ LogFields.fact LogField.Sender value ] |> Expect.equal expected)

            testCase "a sentence keeps its blanks and loses its brackets" (fun () ->
                LogFields.text [ LogFields.fact LogField.Reason "not <x>, y\n" ]
                |> Expect.equal "reason=<not ?x?, y?>")

            testCase "of many recipients the first are listed" (fun () ->
                let values =
                    LogFields.recipients [ for number in 1..25 -> string number ] 10000
                    |> LogFields.values

                values[0].Values.Length |> Expect.equal 21
                values[0].Values |> List.last |> Expect.equal "+9980"

                LogFields.recipients [ "a" ] 1
                |> LogFields.text
                |> Expect.equal "recipients=<a>")

            testRows
                "a result is a word and a reason"
                [
                    ("pass", "pass", "")
                    ("fail (body has been altered)", "fail", "body has been altered")
                    ("invalid (public key: DNS error: (x))", "invalid", "public key: DNS error: (x)")
                ]
                (fun (text: string, word: string, reason: string) ->
                    LogFields.ofResult text
                    |> List.map _.Value
                    |> Expect.equal (if reason = "" then [ word ] else [ word; reason ]))

            testCase "a signed message is told with its signatures" (fun () ->
                fields [] (signer ()) message
                |> Expect.equal
                    [
                        "domain", "example.org,example.org"
                        "selector", "sel,sel"
                        "algorithm", "rsa-sha256,rsa-sha1"
                        "result", "signed"
                        "message_id", "1@x"
                    ])

            testCase "a judged message is told with its signatures, its result and the reason" (fun () ->
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
                    ])
        ]
