/// What real servers and signers were seen to break, and that it is named: one short message for each kind.
module Dkim.Tests.Core.BreakageTests

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns
open Dkim.Tests.Core.BreakageExamples

let private named (name: string) (rows: (string * 'row) list) (body: 'row -> unit) : Test =
    testNamed name (rows |> List.map (fun (name, row) -> name, [], row)) body

[<Tests>]
let tests =
    testList
        "BreakageTests"
        [
            testCase "what is signed by hand passes" (fun () ->
                Expect.equal "pass" (text "result" (judged "verify" rsa [] (asRsa "from:to:subject" id))))

            named "changes of a body are named" bodies (fun (before, extra, after, name, says) ->
                for options in [ []; simple ] do
                    withBody options extra before
                    |> fun message -> message.Substring(0, message.Length - before.Length) + after
                    |> guesses rsa []
                    |> guessed name says)

            named "changes of a field are named" headers (fun (before, after, name, says) ->
                let field = before.Substring(0, before.IndexOf ':')

                let others = fields |> List.filter (fun (known, _) -> known <> field) |> block

                signed rsa [] (before + "\r\n" + others + "\r\n" + lines)
                |> edit before after
                |> guesses rsa []
                |> guessed name says)

            testCase "a body that a list has made a part is found" (fun () ->
                let wrapped =
                    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                    + parts ("Content-Type: text/plain\r\n\r\n" + lines) "\r\nA list.\r\n"

                signed rsa [ "--sign=From"; "--sign=Subject" ] (block fields + "\r\n" + lines)
                |> edit ("\r\n" + lines) wrapped
                |> guesses rsa []
                |> guessed "body-wrapped" "the signed body is part 1")

            testCase "several fields that were added though h= forbids it are found" (fun () ->
                asRsa "from:to:subject:list-id:list-post:list-help" id
                |> edit "From: " "List-Id: <l.example.org>\r\nList-Post: <mailto:l>\r\nList-Help: <mailto:h>\r\nFrom: "
                |> guesses rsa []
                |> guessed "field-added" "the fields List-Id, List-Post, List-Help were added")

            testCase "an empty field that was removed is found" (fun () ->
                for sign in [ "cc:\r\n"; "cc: \r\n" ] do
                    signed rsa [] (block fields + "Cc:" + sign.Substring 3 + "\r\n" + lines)
                    |> edit ("Cc:" + sign.Substring 3) ""
                    |> guesses rsa []
                    |> guessed "field-removed" "which is not here")

            testCase "faults of signers are named" (fun () ->
                asRsa "from:to:subject" (fun text -> text + "\r\n")
                |> guesses rsa []
                |> guessed "signer-fault" "a line end behind its own field"

                asRsa "from:cc:to" (fun text -> text.Replace("to:bob", "cc:\r\nto:bob"))
                |> guesses rsa []
                |> guessed "field-removed" "h= names cc, which is not here"

                byHand "ed25519-sha256" "" "from:to" id (fun octets -> (key ed25519).Sign(Sha256, octets))
                |> guesses ed25519 []
                |> guessed "signer-fault" "b= signs the header itself")

            (testCase "a signature that is an octet short is not called good" (fun () ->
                let signature = explained rsa [] (shortened ())

                Expect.equal [ "bad" ] (steps "b= signs" signature |> List.map fst)

                Expect.contains
                    "b= has 127 octets, and this key makes 128 (RFC 8017 §8.2.2)"
                    (steps "b= signs" signature |> List.head |> snd)

                guesses rsa [] (shortened ())
                |> guessed "signer-fault" "octets of b= are missing"))

            testCase "names of h= that have no field are told from those that are sealed" (fun () ->
                let told names =
                    asRsa names id |> explained rsa [] |> steps "b= signs" |> List.head |> snd

                Expect.contains
                    "which are not here; absent when it was signed, or removed since: x-mailer"
                    (told "from:x-mailer")

                Expect.lacks "once more" (told "from:x-mailer")
                Expect.contains "once more than they occur, so that none can be added: from" (told "from:to:from")
                Expect.lacks "not here" (told "from:to:from"))

            testCase "a header that an empty line cuts is found" (fun () ->
                let message =
                    signed rsa [] (block fields + "\r\n" + lines) |> edit "From: " "\r\nFrom: "

                Expect.equal [ "header-cut" ] (guesses rsa [] message |> List.map fst)
                let signature = explained rsa [] message
                Expect.contains "which are not here" (steps "b= signs" signature |> List.head |> snd))

            testCase "a key of another type judges nothing" (fun () ->
                let ran =
                    dkim
                        [ "z", ed25519.Zone; "-", signed rsa [] (block fields + "\r\n" + lines) ]
                        [ "explain"; "--zone=z"; "--line-ends=crlf" ]

                Expect.contains "?? b= signs this header" ran.Output
                Expect.contains "the key is ed25519, which cannot judge a signature of rsa-sha256" ran.Output
                Expect.lacks "What happened" ran.Output)

            testCase "a record that testkey calls wrong is called so" (fun () ->
                let zone = "{\"s._domainkey.example.com\": [\"\\\"v=DKIM1; p=AAAA\\\"\"]}"

                let found =
                    explained { rsa with Zone = zone } [] (signed rsa [] (block fields + "\r\n" + lines))
                    |> steps "the key may serve"

                Expect.equal [ "bad" ] (List.map fst found)
                Expect.contains "quotation marks are part of the record" (snd found.Head))

            testRows
                "a signature that expired since it was received"
                [ "1795176060", [ "note" ]; "1795176020", [] ]
                (fun (expires: string, expected) ->
                    let found =
                        byHand "rsa-sha256" ("x=" + expires + "; ") "from:to" id withRsa
                        |> withReceived
                        |> explained rsa [ "--now=1800000000" ]
                        |> steps "when it was received"

                    Expect.equal expected (List.map fst found))

            testCase "what programs do to files is undone, and told" (fun () ->
                let good = signed rsa [] (block fields + "\r\n" + lines)
                let cut = good.IndexOf "\r\n\r\n" + 4
                let header, body = good.Substring(0, cut), good.Substring cut
                let unix (text: string) = text.Replace("\r\n", "\n")

                let verified options message =
                    let ran = dkim [ "z", rsa.Zone; "-", message ] ([ "verify"; "--zone=z" ] @ options)
                    ran.Output.Contains "dkim 1: pass", ran.Errors

                let mixed =
                    "dkim: -: note: line ends are mixed: LF in the header is taken for CRLF\n"

                let mark =
                    "dkim: -: note: the byte order mark in front of the first field is passed over\n"

                for message, note in
                    [
                        good, ""
                        unix good, ""
                        "\u00ef\u00bb\u00bf" + good, mark
                        "\u00ef\u00bb\u00bf" + unix good, mark
                        "Received: by a.example\n" + good, mixed
                        "From ann Fri Nov 20 12:00:00 2026\n" + good,
                        "dkim: -: note: read as a mailbox (mbox) of 1 message\n"
                        unix header + body, mixed
                        "\u00ef\u00bb\u00bf" + unix header + body, mark + mixed
                        // Taken for lines they would be no fields, so they are octets of one.
                        "X-Note: one\ntwo\r\n" + good, ""
                    ] do
                    Expect.equal (true, note) (verified [] message)

                for message in [ "\u00ef\u00bb\u00bf" + good; unix header + body ] do
                    Expect.equal (false, "") (verified [ "--line-ends=crlf" ] message))

            testCase "a bare LF of the body stays one below a header with LF" (fun () ->
                let good = signed rsa simple (block fields + "\r\nOne\ntwo\r\n")
                let cut = good.IndexOf "\r\n\r\n" + 4
                let file = good.Substring(0, cut).Replace("\r\n", "\n") + good.Substring cut
                let ran = dkim [ "z", rsa.Zone; "-", file ] [ "verify"; "--zone=z" ]
                // The canonicalization simple has been told of the lines that were folded, and they are what they were.
                Expect.contains "dkim 1: pass" ran.Output)

            testCase "a signed message that is attached is told of" (fun () ->
                let attached (inner: string) =
                    block fields
                    + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
                    + inner
                    + "\r\n--b--\r\n"

                let inner = signed rsa [] (block fields + "\r\n" + lines)

                let told message =
                    let count =
                        json (dkim [ "z", rsa.Zone; "-", message ] [ "explain"; "--zone=z"; "--json" ])

                    (dkim [ "z", rsa.Zone; "-", message ] [ "explain"; "--zone=z" ]).Output,
                    count.GetProperty("attached_signed").GetInt32()

                let says, count = told (attached inner)
                Expect.equal 1 count
                Expect.contains "a message that is attached to it has one" says
                let says, count = told (attached (block fields + "\r\n" + lines))
                Expect.equal 0 count
                Expect.startsWith "The message has no signature: the header has " says

                Expect.equal 1 (snd (told (block fields + "Content-Type: message/rfc822\r\n\r\n" + inner))))
        ]
