/// Canonical forms of bodies and fields, and the cuts of messages and header blocks, against a model that was written
/// down sentence by sentence: for every text of a small scope, and for longer ones at random. `DKIM_FULL_SCOPE=1` widens
/// the scopes; docs/specification.md has the counts of both.
module Dkim.Tests.Conformance.CanonicalSpecificationTests

open System
open System.Buffers
open System.Security.Cryptography
open Expecto
open Dkim.Tests
open FsCheck.FSharp
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Specification
open Dkim.Tests.Conformance.Specification.Comparing

// Bodies.

let private bodies =
    [
        SimpleBody, Canonical.simpleBody
        RelaxedBody, Canonical.relaxedBody
        DomainKeysSimpleBody, Canonical.domainKeysSimpleBody
        NofwsBody, Canonical.nofwsBody
    ]

let private bodyOf (sink: Sink) (canon: BodyCanon) (octets: byte[]) (cut: int) =
    sink.Clear()

    let begun =
        BodyFeed.feed canon (Body.start canon) (ReadOnlySpan(octets, 0, cut)) sink

    let fed =
        BodyFeed.feed canon begun (ReadOnlySpan(octets, cut, octets.Length - cut)) sink

    Body.finish canon fed sink
    sink.Text

let private checkBody (sink: Sink) (text: string) =
    let octets = Octets.ofLatin1 text

    for canon, model in bodies do
        let expected = model text

        // Whole, and cut somewhere: where depends on the text, so that all cuts occur.
        for cut in [ 0; (HashCode.Combine text &&& 0xffff) % (text.Length + 1) ] do
            let made = bodyOf sink canon octets cut

            if made <> expected then
                differ (Algorithms.canonName SimpleHeader canon) text expected made

let private fieldOf (canon: HeaderCanon) (field: Field) =
    let sink = ArrayBufferWriter<byte> 64
    CanonicalHeader.writeField canon field sink
    Octets.latin1 sink.WrittenSpan

let private checkField (text: string) =
    if isField text then
        for canon, model in fieldForms do
            let made = fieldOf canon (Field.ofOctets (memory text))

            if made <> model text then
                differ "field" text (model text) made

[<Tests>]
let tests =
    testList
        "CanonicalSpecificationTests"
        [
            proves
                [ "RFC6376-3.4.3-1"; "RFC6376-3.4.4-1" ]
                (testCase "every short body is made canonical as the sentences say" (fun () ->
                    let sink = Sink()

                    Scopes.every [ "a"; " "; "\t"; "\r"; "\n" ] (Scopes.upTo 8 9) (checkBody sink)
                    |> tell "bodies"))

            testCase "long bodies are made canonical as the sentences say" (fun () ->
                let sink = Sink()

                let pieces =
                    [
                        "a"
                        "bcd"
                        " "
                        "\t"
                        "   "
                        "\r\n"
                        "\r\n\r\n"
                        "\r"
                        "\n"
                        String('x', 40)
                        String(' ', 40)
                    ]

                atRandom (Scopes.upTo 3000 100000) (mailText pieces) (checkBody sink))

            proves
                [ "RFC6376-3.5-23" ]
                (testCase "l= counts octets of the canonical body, for every short body and every count" (fun () ->
                    let mutable lengths = 0

                    let check (text: string) =
                        for canon, model in List.take 2 bodies do
                            let canonical = model text

                            let request length =
                                {
                                    Hash = Sha256
                                    Canon = canon
                                    Limit = ValueSome(int64 length * 1L<octet>)
                                    Prefix = ReadOnlyMemory.Empty
                                }

                            let requests = List.init (canonical.Length + 2) request
                            use hasher = new BodyHasher(requests)
                            hasher.Feed((memory text).Span)
                            let digests = hasher.Finish()

                            requests
                            |> List.iteri (fun length request ->
                                lengths <- lengths + 1
                                let kept = canonical.Substring(0, min length canonical.Length)
                                let expected = SHA256.HashData(Octets.ofLatin1 kept)
                                let digest = (Digests.tryFind request digests).Value

                                if
                                    digest.Value <> expected
                                    || int64 digest.CanonicalLength <> int64 canonical.Length
                                then
                                    differ
                                        ("l=" + string length)
                                        text
                                        (Convert.ToHexString expected)
                                        (Convert.ToHexString digest.Value))

                    Scopes.every [ "a"; " "; "\r\n" ] (Scopes.upTo 5 7) check |> tell "bodies"
                    tell "lengths" lengths))

            proves
                [ "RFC6376-3.4.1-1"; "RFC6376-3.4.2-1" ]
                (testCase "every short field is made canonical as the sentences say" (fun () ->
                    let mutable fields = 0

                    let check text =
                        if isField text then
                            fields <- fields + 1
                            checkField text

                    Scopes.every [ "a"; "A"; ":"; " "; "\t"; "\r"; "\n" ] (Scopes.upTo 6 7) check
                    |> tell "texts"

                    // With a name before them all texts but those of broken line ends are fields.
                    Scopes.every [ "a"; ":"; " "; "\t"; "\r"; "\n" ] (Scopes.upTo 6 7) (fun text ->
                        check ("B:" + text))
                    |> tell "values"

                    tell "fields among them" fields))

            testCase "long fields are made canonical as the sentences say" (fun () ->
                let pieces = [ "a"; "Bc"; ":"; " "; "\t"; "\r\n "; "\r\n\t"; "\r"; "\n"; ";"; "=" ]

                atRandom
                    (Scopes.upTo 3000 100000)
                    (mailText pieces |> Gen.map (fun value -> "Name:" + value))
                    checkField)

            testCase "every short block is cut into fields as the sentences say" (fun () ->
                let check (text: string) =
                    let expected = Canonical.fields text

                    let made =
                        (Header.ofBlock (memory text)).Fields
                        |> Seq.map (fun field -> Octets.latin1 field.Raw.Span)
                        |> List.ofSeq

                    if made <> expected then
                        differ "fields" text (String.Join('|', expected)) (String.Join('|', made))

                Scopes.every [ "a"; ":"; " "; "\r"; "\n" ] (Scopes.upTo 7 8) check
                |> tell "blocks")

            testCase
                "every short message is cut into header and body as the sentences say, however it arrives"
                (fun () ->
                    let mutable cuts = 0

                    let check (text: string) =
                        let struct (header, body) = Canonical.split text
                        let octets = Octets.ofLatin1 text

                        for cut in 0 .. text.Length do
                            cuts <- cuts + 1
                            let intake = Intake HeaderLimits.defaults
                            let first = intake.Feed(ReadOnlySpan(octets, 0, cut))

                            let second =
                                if first < cut then
                                    0
                                else
                                    intake.Feed(ReadOnlySpan(octets, cut, octets.Length - cut))

                            intake.End()
                            let bodyAt = int (int64 intake.BodyAt)

                            let made =
                                intake.Header.Value
                                |> Result.map (fun header ->
                                    header.Fields
                                    |> Seq.map (fun field -> Octets.latin1 field.Raw.Span)
                                    |> List.ofSeq)

                            if
                                made <> Ok(Canonical.fields header)
                                || text.Substring bodyAt <> body
                                || first + second <> bodyAt
                            then
                                differ ("message cut at " + string cut) text body (text.Substring bodyAt)

                    Scopes.every [ "a"; " "; "\r"; "\n" ] (Scopes.upTo 6 8) check |> tell "messages"
                    tell "cuts" cuts)
        ]
