/// A mail of our own handed to a mail server: what is said after each reply.
module Dkim.Tests.Core.MailSubmissionTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

let private report = "To: abuse@example.com\r\nSubject: x\r\n\r\n.dot\r\nlast"

let private start (message: string) =
    MailSubmission.Begin("mx.example.org", ReadOnlyMemory(Octets.ofLatin1 message))

let private said (submission: MailSubmission) = Octets.latin1 submission.Say.Span

/// What is said after each reply, and how it ends.
let private talk message (replies: string list) =
    let turns =
        List.scan (fun (turn: MailSubmission) (reply: string) -> turn.Hear reply) (start message) replies

    turns |> List.map said, List.last turns

[<Tests>]
let tests =
    testList
        "MailSubmissionTests"
        [
            testCase "a mail without a sender, its dots doubled, to the address of To" (fun () ->
                let says, ending =
                    talk
                        report
                        [
                            "220 hello\r\n"
                            "250-x\r\n250 8BITMIME\r\n"
                            "250 ok\r\n"
                            "250 ok\r\n"
                            "354 go\r\n"
                            "250 kept\r\n"
                        ]

                Expect.equal
                    [
                        ""
                        "EHLO mx.example.org\r\n"
                        "MAIL FROM:<> BODY=8BITMIME\r\n"
                        "RCPT TO:<abuse@example.com>\r\n"
                        "DATA\r\n"
                        "To: abuse@example.com\r\nSubject: x\r\n\r\n..dot\r\nlast\r\n.\r\n"
                        "QUIT\r\n"
                    ]
                    says

                Expect.equal true ending.IsOver
                Expect.equal "" ending.Problem)

            testCase "those of Bcc get it, and nobody sees them" (fun () ->
                let message =
                    "To: abuse@example.com\r\nBcc: a@example.org, b@example.org\r\nSubject: x\r\n\r\ntext\r\n"

                let says, ending =
                    talk
                        message
                        [
                            "220 hello\r\n"
                            "250 x\r\n"
                            "250 ok\r\n"
                            "250 ok\r\n"
                            "250 ok\r\n"
                            "250 ok\r\n"
                            "354 go\r\n"
                            "250 kept\r\n"
                        ]

                Expect.equal
                    [
                        "RCPT TO:<abuse@example.com>\r\n"
                        "RCPT TO:<a@example.org>\r\n"
                        "RCPT TO:<b@example.org>\r\n"
                        "DATA\r\n"
                        "To: abuse@example.com\r\nSubject: x\r\n\r\ntext\r\n.\r\n"
                        "QUIT\r\n"
                    ]
                    (List.skip 3 says)

                Expect.equal "" ending.Problem
                let other = start "To: abuse@example.com\r\nBcc: nobody\r\n\r\n"
                Expect.equal true other.IsOver)

            testCase "a refusal at any step ends it and is told" (fun () ->
                let good =
                    [
                        "220 hello\r\n"
                        "250 x\r\n"
                        "250 ok\r\n"
                        "250 ok\r\n"
                        "354 go\r\n"
                        "250 kept\r\n"
                    ]

                for step in 0 .. good.Length - 1 do
                    for refusal in [ "451-4.3.0 not\r\n451 now\r\n"; "" ] do
                        let says, ending = talk report (List.truncate step good @ [ refusal ])
                        Expect.equal "QUIT\r\n" (List.last says)
                        Expect.equal true ending.IsOver
                        let line = (refusal.Split '\n')[0]
                        Expect.equal ("the mail server said: " + line.Trim()) ending.Problem)

            testRows
                "an address that could say more than one is not said"
                [
                    "a@example.com>\r\n RCPT TO:<b@example.com"
                    "a@example.com, b@example.com"
                    "\"a b\"@example.com"
                    "nobody"
                    ""
                ]
                (fun (address: string) ->
                    let submission = start ("To: " + address + "\r\n\r\n")
                    Expect.equal true submission.IsOver
                    Expect.equal "" (said submission)
                    Expect.equal "its recipient is no address" submission.Problem)

            testRows
                "a reply is whole with its last line"
                [
                    ("250 ok\r\n", true)
                    ("250\r\n", true)
                    ("250-one\r\n250 two\r\n", true)
                    ("250-one\r\n", false)
                    ("250 ok", false)
                    ("25\r\n", false)
                    ("", false)
                ]
                (fun (text: string, whole: bool) -> Expect.equal whole (MailSubmission.IsReply text))
        ]
