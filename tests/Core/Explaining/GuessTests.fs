/// What is guessed of changes on the way that broke a signature.
module Dkim.Tests.Core.GuessTests

open System
open System.Security.Cryptography
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining.Bodies
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.In
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns

let private quotedBody =
    "Gr=C3=BC=C3=9Fe,\r\n\r\nFrom now on a =3D b.\r\n.hidden\r\nThe end.\r\n"

let private asQuoted (text: string) =
    text
    |> edit body quotedBody
    |> edit "Encoding: 8bit" "Encoding: quoted-printable"

let private asBase64 (text: string) =
    let encoded = Convert.ToBase64String(Encoding.Latin1.GetBytes body) + "\r\n"
    text |> edit body encoded |> edit "Encoding: 8bit" "Encoding: base64"

/// What is guessed of a body whose hash is that of another.
let private found (body: string) (was: string) =
    let wanted = SHA256.HashData(Encoding.Latin1.GetBytes was)

    let subject: Subject =
        {
            Hash = Sha256
            Canon = SimpleHeader
            Header = Header.empty
            Signed = [||]
            OwnLast = false
            Absent = []
            Body =
                ValueSome
                    {
                        Canon = SimpleBody
                        Limit = ValueNone
                        Text = body
                    }
            Parts = [||]
            Fits = fun digest -> digest.AsSpan().SequenceEqual(ReadOnlySpan wanted)
            FitsCost = 0L
        }

    match Search.find BodyEdits.all (Subject.withParts subject) (Effort.OfMessage()) with
    | Some guess -> Modification.name guess.Modification, guess.Says
    | None -> "", ""

[<Tests>]
let tests =
    testList
        "GuessTests"
        [
            testCase "a message that passes needs no guess" (fun () ->
                Expect.equal [] (guesses rsa [] (signed rsa [] message)))

            testCase "a footer is found and measured" (fun () ->
                let footer = "-- \r\nlist footer\r\n"

                signed rsa simple message + footer
                |> guesses rsa []
                |> guessed "text-appended" ("a footer of " + string footer.Length + " octets"))

            testCase "a footer in the middle of a line is found" (fun () ->
                signed rsa simple (header + "no line end")
                |> fun text -> text + "footer\r\n"
                |> guesses rsa []
                |> guessed "text-appended" "\"footer\\r\\n\"")

            testCase "a banner above the body is found" (fun () ->
                signed rsa [] message
                |> edit "\r\n\r\nGr" "\r\n\r\nCAUTION: from outside\r\n\r\nGr"
                |> guesses rsa []
                |> guessed "text-inserted" "at line 1 of the body: \"CAUTION")

            testRows "a Subject prefix is found" [ "[list] "; "Re: "; "[EXTERNAL] [list] " ] (fun (prefix: string) ->
                for keys in [ rsa; ed25519 ] do
                    signed keys [] message
                    |> edit "Subject: " ("Subject: " + prefix)
                    |> guesses keys []
                    |> guessed "subject-changed" ("the prefix \"" + prefix))

            testCase "a tag within the Subject is found" (fun () ->
                signed rsa [] (edit "Minutes" "Re: minutes" message)
                |> edit "Re: minutes" "Re: [list] minutes"
                |> guesses rsa []
                |> guessed "subject-changed" "the tag \"[list]\"")

            testCase "a fold with another space is found" (fun () ->
                signed rsa simple message
                |> edit "meeting\r\n of" "meeting\r\n\tof"
                |> guesses rsa []
                |> guessed "field-refolded" "Subject was folded with a tab in place of a space")

            testCase "an unfolded field is found where it was folded by a server" (fun () ->
                let long =
                    "Subject: one two three four five six seven eight nine ten eleven twelve thirteen fourteen"

                let unfolded =
                    edit "Subject: Minutes of the meeting\r\n of last Monday" long message

                signed rsa simple unfolded
                |> edit "nine ten" "nine\r\n ten"
                |> guesses rsa []
                |> guessed "field-refolded" "Subject was folded")

            testCase "LF for CRLF is found" (fun () ->
                let unix = header + body.Replace("\r\n", "\n")

                signed rsa simple unix
                |> fun text -> text.Replace("\r\n", "\n").Replace("\n", "\r\n")
                |> guesses rsa []
                |> guessed "line-ends-changed" "LF when the body was signed")

            testCase "CRLF that became LF is found" (fun () ->
                signed rsa simple message
                |> edit "hidden\r\n" "hidden\n"
                |> guesses rsa []
                |> guessed "line-ends-changed" "LF was CRLF")

            testCase "8bit that became quoted-printable or base64 is found, in body and header" (fun () ->
                for change, name in [ asQuoted, "quoted-printable"; asBase64, "base64" ] do
                    let found = signed rsa [] message |> change |> guesses rsa []
                    guessed "encoding-changed" ("8bit was changed to " + name) found
                    guessed "encoding-changed" "Content-Transfer-Encoding was 8bit" found)

            testCase "quoted-printable and base64 that became 8bit are found" (fun () ->
                for change, name in [ asQuoted, "quoted-printable"; asBase64, "base64" ] do
                    let was = change message
                    let signature = (signed rsa [] was).Replace(was, "")

                    signature + message
                    |> guesses rsa []
                    |> guessed "encoding-changed" (name + " was changed to 8bit"))

            testCase "a part of a multipart message that was encoded anew is found" (fun () ->
                let multipart (encoding: string) (body: string) =
                    message.Substring(0, message.IndexOf "Content-Type")
                    + "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\nContent-Type: text/plain\r\n"
                    + "Content-Transfer-Encoding: "
                    + encoding
                    + "\r\n\r\n"
                    + body
                    + "--b1--\r\n"

                let was = multipart "8bit" body
                let signature = (signed rsa [] was).Replace(was, "")

                signature + multipart "quoted-printable" quotedBody
                |> guesses rsa []
                |> guessed "encoding-changed" "8bit was changed to quoted-printable")

            testCase "trailing space is found in body and header" (fun () ->
                signed rsa simple message
                |> edit "end.\r\n" "end. \r\n"
                |> guesses rsa []
                |> guessed "space-changed" "white space was added at ends of lines"

                signed rsa simple message
                |> edit "<1@example.com>" "<1@example.com> "
                |> guesses rsa []
                |> guessed "space-changed" "Message-ID got white space at its end")

            testCase "a lost space of the signature mark is found" (fun () ->
                signed rsa simple (message + "-- \r\nAnn\r\n")
                |> edit "-- \r\n" "--\r\n"
                |> guesses rsa []
                |> guessed "space-changed" "signature mark")

            testCase "changed dots and From at line starts are found" (fun () ->
                let now = signed rsa [] message

                edit "\r\n.hidden" "\r\n..hidden" now
                |> guesses rsa []
                |> guessed "lines-quoted" "dots were doubled"

                edit "\r\nFrom now" "\r\n>From now" now
                |> guesses rsa []
                |> guessed "lines-quoted" ">From")

            testCase "the case of a field name is found" (fun () ->
                signed rsa simple message
                |> edit "Message-ID:" "Message-Id:"
                |> guesses rsa []
                |> guessed "name-case-changed" "Message-Id was spelled Message-ID")

            testCase "a From that a list rewrote is found" (fun () ->
                signed rsa [] message
                |> edit
                    "From: Ann Able <ann@example.com>\r\n"
                    "From: Ann via list <list@example.net>\r\nX-Original-From: Ann Able <ann@example.com>\r\n"
                |> guesses rsa []
                |> guessed "field-rewritten" "the original is in X-Original-From")

            testCase "a field that was added though sealed is found" (fun () ->
                signed rsa [ "--seal" ] message
                |> edit "MIME-Version" "Cc: dan@example.org\r\nMIME-Version"
                |> guesses rsa []
                |> guessed "field-added" "a field Cc was added")

            testCase "two changes are found together" (fun () ->
                signed rsa simple message
                |> edit "Subject: " "Subject: [list] "
                |> edit "MIME-Version: " "Mime-Version: "
                |> guesses rsa []
                |> guessed "subject-changed" ", and Mime-Version was spelled")

            testCase "header and body are guessed at separately" (fun () ->
                let found =
                    signed rsa [] message + "footer\r\n"
                    |> edit "Subject: " "Subject: [list] "
                    |> guesses rsa []

                guessed "text-appended" "footer" found
                guessed "subject-changed" "[list] " found)

            testCase "lines that are too long or too many are left out in the middle" (fun () ->
                let visible (text: string) =
                    Printable.visibleLines 6 (ReadOnlySpan(Encoding.Latin1.GetBytes text))

                Expect.equal [] (visible "")
                Expect.equal [ "a\\r\\n"; "b" ] (visible "a\r\nb")
                Expect.equal [ "\\r\\n"; "a \\r\\n".Replace(" ", "\\x20") ] (visible "\r\na \r\n")
                let lines = String.concat "" [ for i in 1..9 -> string i + "\r\n" ]

                Expect.equal
                    [
                        "1\\r\\n"
                        "2\\r\\n"
                        "3\\r\\n"
                        "4\\r\\n"
                        "... 3 lines are left out here ..."
                        "8\\r\\n"
                        "9\\r\\n"
                    ]
                    (visible lines)

                Expect.equal 7 (visible (lines + "end")).Length
                Expect.equal "end" (List.last (visible (lines + "end")))
                let long = (visible (String('x', 5000) + "\r\n")).Head
                Expect.contains "x... 3002 octets are left out here ...x" long
                Expect.isTrue (long.EndsWith "x\\r\\n") long)

            testCase "quoted-printable and back" (fun () ->
                let random = Random 2

                let pieces =
                    [|
                        "a"
                        " "
                        "\t"
                        "="
                        "\r\n"
                        "\u00e4"
                        "."
                        "=4"
                        "=4x"
                        "=\r\n"
                        " \r\n"
                        "b c d e f g h i j k l m n"
                    |]

                for _ in 1..500 do
                    let text =
                        String.concat "" [ for _ in 1 .. random.Next 30 -> pieces[random.Next pieces.Length] ]

                    let encoded = TransferCoding.toQuotedPrintable text
                    Expect.equal text (TransferCoding.fromQuotedPrintable encoded)
                    Expect.isTrue (encoded.Split "\r\n" |> Array.forall (fun line -> line.Length <= 76)) encoded

                Expect.equal "a=b\r\n=4xZ" (TransferCoding.fromQuotedPrintable "a=3Db \t\r\n=4x=\r\nZ"))

            testCase "a change that nothing explains yields no guess" (fun () ->
                Expect.equal [] (signed rsa [] message |> edit "The end" "The und" |> guesses rsa [])
                Expect.equal [] (signed rsa [] message |> edit "12:00:00" "12:00:01" |> guesses rsa []))

            testCase "DomainKeys signatures are explained too" (fun () ->
                let now = signed rsa [ "--scheme=domainkeys" ] message
                guessed "text-appended" "footer" (guesses rsa [] (now + "footer\r\n"))
                guessed "subject-changed" "[list] " (guesses rsa [] (edit "Subject: " "Subject: [list] " now)))

            testCase "signers that do not end the body as they should are found" (fun () ->
                Expect.equal
                    ("final-newline-changed", "the signer hashed the body without its last line end")
                    (found "one\r\ntwo\r\n" "one\r\ntwo")

                for lines in 1..8 do
                    Expect.equal
                        ("final-newline-changed",
                         "the signer did not remove the empty lines at the end: there were "
                         + string lines)
                        (found "one\r\n" ("one\r\n" + String.replicate lines "\r\n")))

            testCase "signers with another canonicalization are found" (fun () ->
                Expect.equal "other-canonicalization" (fst (found "one  two\r\n" "one two\r\n")))

            testWithin (TimeSpan.FromSeconds 60.0) "a long body is guessed at in bounded time" (fun () ->
                let long = String.replicate 40000 "A line of a long body, with words.\r\n"
                Expect.equal ("", "") (found long "something else")
                Expect.equal "text-appended" (fst (found (long + "footer\r\n") long)))

            testWithin
                (TimeSpan.FromSeconds 60.0)
                "a header as large as can be is guessed at in bounded time"
                (fun () ->
                    let fields =
                        String.replicate 900 ("Subject: " + String.replicate 80 "[list] word " + "\r\n")

                    for keys in [ rsa; ed25519 ] do
                        signed keys simple (fields + message)
                        |> edit "12:00:00" "12:00:01"
                        |> guesses keys []
                        |> Expect.equal [])

            testCase "a header that is too large is refused with the reason" (fun () ->
                let ran =
                    dkim [ "z", rsa.Zone; "-", String.replicate 100000 "A: b\r\n" + "\r\n" ] [ "explain"; "--zone=z" ]

                Expect.equal 65 ran.Code
                Expect.contains "more than 2000 header fields" ran.Errors)
        ]
