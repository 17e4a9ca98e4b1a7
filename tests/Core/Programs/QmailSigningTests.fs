/// The signatures of qmail-dk: their form, their keys, and mail that cannot be signed.
module Dkim.Tests.Core.QmailSigningTests

open System
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core
open Dkim.Tests.QmailRuns

// qmail-remote of notqmail and netqmail, octet for octet, and what an SMTP server makes of that.
let private received (queued: string) : string =
    let sent = StringBuilder()
    let mutable at = 0
    let mutable startsLine = true

    let isAt (octet: char) =
        at < queued.Length && queued[at] = octet

    while at < queued.Length do
        if startsLine && isAt '.' then
            sent.Append '.' |> ignore

        startsLine <- false

        if isAt '\r' then
            at <- at + 1
            sent.Append "\r\n" |> ignore

            if at = queued.Length || isAt '\n' then
                startsLine <- true
            else
                sent.Append queued[at] |> ignore
        elif isAt '\n' then
            sent.Append "\r\n" |> ignore
            startsLine <- true
        else
            sent.Append queued[at] |> ignore

        at <- at + 1

    let lines = sent.ToString().Split("\r\n")

    lines
    |> Array.map (fun line -> if line.StartsWith '.' then line.Substring 1 else line)
    |> fun lines -> String.Join("\r\n", lines)

[<Tests>]
let tests =
    testList
        "QmailSigningTests"
        [
            testCase "the signature has the form of the original" (fun () ->
                let text = domainKeys.Value

                let expected =
                    "Comment: DomainKeys? See http://antispam.yahoo.com/domainkeys\nDomainKey-Signature: a=rsa-sha1; q=dns; c=nofws;\n  s=default; d=example.org;\n  b="

                Expect.isTrue (text.StartsWith(expected, StringComparison.Ordinal)) text
                let value = text.Substring(expected.Length, text.IndexOf "  ;\n" - expected.Length)
                Expect.equal 128 (Convert.FromBase64String value).Length
                Expect.isTrue (text.EndsWith("  ;\n" + sample, StringComparison.Ordinal)) text
                Expect.lacks "\r" text)

            testCase "pieces of any size and either line end give the same signature" (fun () ->
                let files = [ "/etc/domainkeys/example.org/default", found (snd key.Value) ]
                let whole = head (decide (signing []) files [] sample)

                for size in [ 1; 2; 7; 61 ] do
                    let struct (outcome, _) = pass size (signing []) files [] sample
                    Expect.equal whole (head outcome)

                let mixed = sample.Replace("five\n", "five\r\n").Replace("there \n", "there \r\n")

                let outcome = decide (signing []) files [] mixed
                Expect.equal (Handed(whole, mixed)) outcome)

            testCase "key path and selector come from the template" (fun () ->
                let asked more text =
                    let struct (_, asked) = pass 4096 (signing more) [] [] text
                    asked

                Expect.equal [ "/etc/domainkeys/example.org/default" ] (asked [] sample)
                Expect.equal [ "/k/example.org%/p" ] (asked [ "DKSIGN", "/k/%%/p" ] sample)

                let withSender = "Sender: Bob <b@sender.test.example>\n" + sample

                Expect.equal
                    [ "/k/example.org/d"; "/k/sender.test.example/d" ]
                    (asked [ "DKSIGN", "/k/%/d"; "DKIMSIGN", "/k/%/d" ] withSender)
                // No path can leave the directory that the settings name.
                Expect.equal [] (asked [] "From: x@../../etc/passwd\n\n")
                Expect.equal [] (asked [] "From: x@[192.0.2.1]\n\n"))

            testCase "a missing key is an error only without a percent sign" (fun () ->
                Expect.equal (Handed("", sample)) (decide (signing []) [] [] sample)
                Expect.equal (Refused 32) (decide (signing [ "DKSIGN", "/k/private" ]) [] [] sample)
                Expect.equal (Refused 32) (decide (signing [ "DKSIGN", "" ]) [] [] sample)
                Expect.equal (Refused 32) (decide (signing [ "DKIMSIGN", "/k/private" ]) [] [] sample))

            testCase "a key that cannot be used is for now" (fun () ->
                let path = "/etc/domainkeys/example.org/default"

                Expect.equal
                    (Refused 55)
                    (decide (signing []) [ path, FileContents.Unreadable "Permission denied" ] [] sample)

                Expect.equal (Refused 55) (decide (signing []) [ path, found "no key" ] [] sample)
                Expect.equal (Refused 55) (decide (signing []) [ path, found (snd edKey.Value) ] [] sample)

                Expect.equal
                    (Refused 55)
                    (decide
                        (signing [ "DKSIGN", "/k/%/a b" ])
                        [ "/k/example.org/a b", found (snd key.Value) ]
                        []
                        sample))

            proves
                [ "RFC6376-3.3.3-1" ]
                (testCase "RFC8301-3.2-1 a short key makes no DKIM signature" (fun () ->
                    let short = SigningKey.generateRsa 1016<bit> |> snd
                    let files = [ "/k/example.org/d", found short ]
                    Expect.equal (Refused 55) (decide (signing [ "DKIMSIGN", "/k/%/d" ]) files [] sample)

                    Expect.contains
                        "DomainKey-Signature"
                        (head (decide (signing [ "DKSIGN", "/k/%/d" ]) files [] sample))))

            testCase "comments and blanks in a key file are passed over" (fun () ->
                let pem =
                    (snd key.Value).Replace("\n", "  \t\r\n").Replace("-----BEGIN", "# mine\n\n-----BEGIN")

                let files = [ "/etc/domainkeys/example.org/default", found pem ]
                Expect.contains "DomainKey-Signature" (head (decide (signing []) files [] sample)))

            proves
                [
                    "RFC4870-3.1-1"
                    "RFC4870-3.1-3"
                    "RFC4870-3.5.2-1"
                    "RFC4870-3.5.2-2"
                    "RFC6376-5.1-1"
                ]
                (testCase "a message that cannot be signed passes unsigned" (fun () ->
                    let files = [ "/etc/domainkeys/example.org/default", found (snd key.Value) ]

                    for text in
                        [
                            ""
                            "\n"
                            "\n\n"
                            "no header at all"
                            "To: x@example.org\n\nno author\n"
                            "From: a@example.org\nFrom: b@example.org\n\ntwo\n"
                            "Subject: no body, no end"
                            "From: a@other.example\n\n"
                            "DomainKey-Signature: a=rsa-sha1\nFrom: a@example.org\n\nsigned already\n"
                        ] do
                        Expect.equal (Handed("", text)) (decide (signing []) files [] text)

                    let long = "From: a@example.org\nX: " + String('x', 1100000) + "\n\nlong\n"
                    Expect.equal (Handed("", long)) (decide (signing []) files [] long)
                    Expect.equal [ "not signed: header longer than 1048576 octets" ] (told (signing []) files [] long)))

            testCase "a CR alone is hashed as the CRLF that qmail sends" (fun () ->
                let files = [ "/k/example.org/default", found (snd key.Value) ]
                let settings = [ "DKIMSIGN", "/k/%/default"; "DKSIGN", "/k/%/default" ]
                let random = Random 1
                let pieces = [| "\r"; "\r"; "\n"; "\r\n"; "."; "a"; " "; "bc\n" |]

                let texts =
                    [
                        "Subject: x\r y\nFrom: joe@example.org\n\nbody\rbody\n"
                        "Subject: x\rFrom: joe@example.org\n\nbody\n"
                        "From: joe@example.org\n\r"
                        "From: joe@example.org\n\nend\r"
                        for _ in 1..400 do
                            let body = Array.init (random.Next 12) (fun _ -> pieces[random.Next pieces.Length])
                            "From: joe@example.org\nSubject: x\n\n" + String.Join("", body) + "end\n"
                    ]

                for text in texts do
                    let struct (outcome, _) = pass (1 + random.Next 9) (signing settings) files [] text

                    if text.Contains "\r." && head outcome = "" then
                        Expect.equal
                            [
                                "not signed: a CR alone and a dot behind it, which SMTP makes a line whose dot is lost"
                            ]
                            (told (signing settings) files [] text)
                    else
                        let text = received (head outcome + text)
                        let both = start "qmail-dk" [ "DKVERIFY", ""; "DKIMVERIFY", "" ]
                        let results = head (decide both [] [ name, record "" ] text)
                        Expect.contains "DomainKey-Status: good " results
                        Expect.contains "dkim=pass" results)

            proves
                [ "RFC8463-5-2"; "RFC6376-4.2-1" ]
                (testCase "both schemes on one message, RSA and Ed25519" (fun () ->
                    let files =
                        [
                            "/k/example.org/default", found (snd key.Value)
                            "/k/example.org/ed", found (snd edKey.Value)
                        ]

                    let text =
                        signedBy [ "DKSIGN", "/k/%/default"; "DKIMSIGN", "/k/%/default  /k/%/ed" ] files

                    let edRecord =
                        Answer.Found(
                            [ "k=ed25519; p=" + Convert.ToBase64String (fst edKey.Value).KeyData ],
                            Security.Unchecked
                        )

                    let answers = [ name, record ""; "ed._domainkey.example.org", edRecord ]
                    let both = start "qmail-dk" [ "DKVERIFY", ""; "DKIMVERIFY", "" ]
                    let told = head (decide both [] answers text)
                    Expect.contains "DomainKey-Status: good        \nAuthentication-Results: mx.example.net;" told
                    let results = told.Replace("\n\t", " ")
                    Expect.equal 3 (results.Split("dkim=pass").Length)
                    Expect.contains "domainkeys=pass" results
                    Expect.isTrue (text.IndexOf "DKIM-Signature" < text.IndexOf "Comment:") text))

            testCase "RFC8463-6-1 keys of two types in files of one name are an error of configuration" (fun () ->
                let files =
                    [
                        "/k/example.org/mail", found (snd key.Value)
                        "/e/mail", found (snd edKey.Value)
                    ]

                Expect.equal (Refused 55) (decide (signing [ "DKIMSIGN", "/k/%/mail /e/mail" ]) files [] sample))
        ]
