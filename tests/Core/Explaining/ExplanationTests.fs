/// The steps of a verification as they are explained, and what z= adds to them.
module Dkim.Tests.Core.ExplanationTests

open System
open System.Security.Cryptography
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns

let private stepOf (part: string) (explained: Json.JsonElement) =
    explained.GetProperty("steps").EnumerateArray()
    |> Seq.find (fun step -> (text "title" step).Contains part)

let private linesOf (step: Json.JsonElement) =
    String.Join("\n", step.GetProperty("lines").EnumerateArray() |> Seq.map string)

[<Tests>]
let tests =
    testList
        "ExplanationTests"
        [
            testCase "another key is told from a changed header" (fun () ->
                let explained = judged "explain" otherRsa [] (signed rsa [] message)
                let step = stepOf "b= signs" explained
                Expect.equal "bad" (text "finding" step)
                Expect.contains "not made with the key in the DNS" (linesOf step)

                let changed = signed rsa [] message |> edit "12:00:00" "12:00:01"

                Expect.contains
                    "made with this key over the digest"
                    (linesOf (stepOf "b= signs" (judged "explain" rsa [] changed))))

            testCase "each step names its section, and the last one the result" (fun () ->
                let explained = judged "explain" rsa [] (signed rsa [ "--lifetime=60" ] message)
                let steps = explained.GetProperty("steps").EnumerateArray() |> List.ofSeq

                for step in steps do
                    Expect.isTrue ((text "section" step).StartsWith "RFC ") (text "title" step)

                Expect.equal "the result is pass" (text "title" (List.last steps))
                Expect.equal "RFC 6376 §3.5" (text "section" (stepOf "expired" explained)))

            testCase "the canonical forms are those that are hashed" (fun () ->
                let explained = judged "explain" rsa [] (signed rsa [] message)

                let bytes (name: string) =
                    Encoding.Latin1.GetBytes(text name explained)

                let computed = Convert.ToBase64String(SHA256.HashData(bytes "canonical_body"))
                Expect.contains computed (linesOf (stepOf "bh=" explained))
                Expect.contains "subject:Minutes of the meeting of last Monday\r\n" (text "canonical_header" explained)

                Expect.isTrue
                    ((text "canonical_header" explained).EndsWith "; b=")
                    "the signature itself comes last, without b=")

            testCase "z= shows the first octet that differs" (fun () ->
                let now =
                    signed rsa [ "--copies" ] message |> edit "Subject: Minutes" "Subject: Minuets"

                let difference = (judged "explain" rsa [] now).GetProperty("differences")[0]
                Expect.equal "Subject" (text "field" difference)
                // subject:Minu is alike.
                Expect.equal 12 (difference.GetProperty("at").GetInt32())
                Expect.contains "Minutes" (text "signed" difference)
                Expect.contains "Minuets" (text "present" difference)
                guessed "field-rewritten" "changed was only Subject" (guesses rsa [] now))

            testCase "z= shows a field that is gone" (fun () ->
                let now =
                    signed rsa [ "--copies" ] message |> edit "Message-ID: <1@example.com>\r\n" ""

                let difference = (judged "explain" rsa [] now).GetProperty("differences")[0]
                Expect.equal "Message-ID" (text "field" difference)
                Expect.equal Json.JsonValueKind.Null (difference.GetProperty("present").ValueKind))

            testCase "a field that cannot be read is shown with the reason" (fun () ->
                let ran =
                    dkim [ "z", rsa.Zone; "-", "DKIM-Signature: v=1; a=\x1b[31m\r\n\r\n" ] [ "explain"; "--zone=z" ]

                Expect.equal 0 ran.Code
                Expect.contains "\\x1b[31m" ran.Output
                Expect.lacks "\x1b" ran.Output)

            testCase "signatures are chosen by number" (fun () ->
                let twice = signed rsa [] (signed rsa [ "--scheme=domainkeys" ] message)

                let explain options =
                    dkim [ "z", rsa.Zone; "-", twice ] ([ "explain"; "--zone=z" ] @ options)

                Expect.contains "Signature 1 of 2: DKIM-Signature" (explain []).Output
                Expect.contains "Signature 2 of 2: DomainKey-Signature" (explain []).Output
                Expect.lacks "Signature 1" (explain [ "--signature=2" ]).Output
                Expect.equal 64 (explain [ "--signature=3" ]).Code)
        ]
