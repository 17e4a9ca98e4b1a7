/// Canonical forms of fields and bodies, by the sentences and examples of RFC 6376 and RFC 4870.
module Dkim.Tests.Core.CanonicalizationTests

open System
open System.Buffers
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

/// The example of RFC 6376 §3.4.5: header and body.
let private header = "A: X\r\nB : Y\t\r\n\tZ  \r\n"

let private body = " C \r\nD \t E\r\n\r\n\r\n"

let private canonicalHeader canon (text: string) =
    let sink = ArrayBufferWriter<byte>()
    let parsed = Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 text))
    CanonicalHeader.writeFields canon parsed.Fields sink
    Octets.latin1 sink.WrittenSpan

type private Sink() =
    let octets = ArrayBufferWriter<byte>()
    member _.Text = Octets.latin1 octets.WrittenSpan

    interface IOctetSink with
        member _.Write piece = octets.Write piece

let private canonicalBody canon (text: string) =
    let sink = Sink()

    let state =
        BodyFeed.feed canon (Body.start canon) (ReadOnlySpan(Octets.ofLatin1 text)) sink

    Body.finish canon state sink
    sink.Text

let private digestOf hash canon (text: string) =
    let request =
        {
            Hash = hash
            Canon = canon
            Limit = ValueNone
            Prefix = ReadOnlyMemory.Empty
        }

    use hasher = new BodyHasher([ request ])
    hasher.Feed(ReadOnlySpan(Octets.ofLatin1 text))

    match Digests.tryFind request (hasher.Finish()) with
    | ValueSome digest -> Convert.ToBase64String digest.Value
    | ValueNone -> "not there"

[<Tests>]
let tests =
    testList
        "CanonicalizationTests"
        [
            testCase "RFC6376-3.4.5-1 the worked examples" (fun () ->
                canonicalHeader RelaxedHeader header |> Expect.equal "a:X\r\nb:Y Z\r\n"
                canonicalBody RelaxedBody body |> Expect.equal " C\r\nD E\r\n"
                canonicalHeader SimpleHeader header |> Expect.equal header
                canonicalBody SimpleBody body |> Expect.equal " C \r\nD \t E\r\n")

            testRows
                "RFC6376-3.4.3-3 an empty body is one line end in simple"
                [ ""; "\r\n"; "\r\n\r\n\r\n" ]
                (fun (text: string) ->
                    digestOf Sha256 SimpleBody text
                    |> Expect.equal "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="

                    digestOf Sha1 SimpleBody text |> Expect.equal "uoq1oCgLlTqpdDX/iUbLy7J1Wic=")

            testRows "RFC6376-3.4.4-6 an empty body is nothing in relaxed" [ ""; "\r\n \t\r\n" ] (fun (text: string) ->
                digestOf Sha256 RelaxedBody text
                |> Expect.equal "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

                digestOf Sha1 RelaxedBody text |> Expect.equal "2jmj7l5rSw0yVb/vlWAYkK/YBwk=")

            testRows
                "RFC6376-3.4.3-1 RFC6376-3.4.3-2 simple drops empty lines at the end and ends the last"
                [
                    ("x", "x\r\n")
                    ("x\r\n", "x\r\n")
                    (" \r\n", " \r\n")
                    ("x \r\n\r\n", "x \r\n")
                ]
                (fun (text: string, expected: string) -> canonicalBody SimpleBody text |> Expect.equal expected)

            testRows
                "RFC6376-3.4.4-2 RFC6376-3.4.4-3 RFC6376-3.4.4-4 RFC6376-3.4.4-5 relaxed"
                [
                    ("x", "x\r\n")
                    ("x \t\r\n", "x\r\n")
                    ("\t\tx\r\n", " x\r\n")
                    ("a\r\n\r\n \r\nb\r\n \r\n\r\n", "a\r\n\r\n\r\nb\r\n")
                    ("a\t \tb", "a b\r\n")
                ]
                (fun (text: string, expected: string) -> canonicalBody RelaxedBody text |> Expect.equal expected)

            testRows
                "RFC4870-3.4.2.2-1 RFC4870-3.4.2.2-2 nofws begins with the line between header and body"
                [
                    ("a b\tc\r\n\r\nd \r\n\r\n", "\r\nabc\r\n\r\nd\r\n")
                    ("", "")
                    ("\r\n \r\n", "")
                ]
                (fun (text: string, expected: string) -> canonicalBody NofwsBody text |> Expect.equal expected)

            testRows
                "RFC6376-3.4.2 relaxed header fields"
                [
                    ("SUBJect: AbC\r\n", "subject:AbC\r\n")
                    ("Subject \t :\t x\r\n", "subject:x\r\n")
                    ("Subject:\r\n", "subject:\r\n")
                    ("Subject: a \t\r\n \t b \r\n", "subject:a b\r\n")
                    ("Subject: \r\n \r\n", "subject:\r\n")
                ]
                (fun (text: string, expected: string) -> canonicalHeader RelaxedHeader text |> Expect.equal expected)

            testCase "RFC6376-5.4.2-1 repeated names take fields from the bottom" (fun () ->
                let header =
                    Header.ofBlock (ReadOnlyMemory "Received: 1\r\nReceived: 2\r\nFrom: a\r\nReceived: 3\r\n"B)

                let names =
                    [ "received"; "From"; "Received"; "received"; "received"; "absent" ]
                    |> List.map FieldName.known

                Header.select names ValueNone header
                |> List.map (fun field -> Octets.latin1 field.Raw.Span)
                |> Expect.equal [ "Received: 3"; "From: a"; "Received: 2"; "Received: 1" ])

            testCase "a body of millions of empty lines or of blanks takes no memory and little time" (fun () ->
                for unit in [ "\r\n"; "a  b\t" ] do
                    let piece = Octets.ofLatin1 (String.replicate 8192 unit)
                    let before = GC.GetAllocatedBytesForCurrentThread()

                    use hasher =
                        new BodyHasher(
                            [
                                {
                                    Hash = Sha256
                                    Canon = RelaxedBody
                                    Limit = ValueNone
                                    Prefix = ReadOnlyMemory.Empty
                                }
                            ]
                        )

                    for _ in 1 .. 10_000_000 / piece.Length do
                        hasher.Feed(ReadOnlySpan piece)

                    hasher.Finish() |> ignore
                    Expect.below 100_000L (GC.GetAllocatedBytesForCurrentThread() - before))
        ]
