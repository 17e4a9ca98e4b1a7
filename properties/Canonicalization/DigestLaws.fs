module Dkim.Properties.DigestLaws

open System
open System.Buffers
open System.Security.Cryptography
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings

type private Sink() =
    let octets = ArrayBufferWriter<byte> 256
    member _.Octets = octets.WrittenSpan.ToArray()

    interface IOctetSink with
        member _.Write piece = octets.Write piece

let private canonical (canon: BodyCanon) (octets: byte[]) : byte[] =
    let sink = Sink()
    let mutable state = Body.start canon

    for octet in octets do
        state <- Body.step canon state octet sink

    Body.finish canon state sink
    sink.Octets

let private hash (kind: Hash) (octets: byte[]) =
    match kind with
    | Sha1 -> SHA1.HashData octets
    | Sha256 -> SHA256.HashData octets

let private requests (limit: int) (prefix: byte[]) : DigestRequest list =
    [
        for kind in [ Sha1; Sha256 ] do
            for canon in [ SimpleBody; RelaxedBody; DomainKeysSimpleBody; NofwsBody ] do
                for limit in [ ValueNone; ValueSome(int64 limit * 1L<octet>) ] do
                    {
                        Hash = kind
                        Canon = canon
                        Limit = limit
                        Prefix = ReadOnlyMemory prefix
                    }
    ]

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "DigestLaws"
        [
            proves
                [ "RFC6376-3.5-23"; "RFC6376-3.7-1" ]
                (testLaw
                    trials
                    "every digest is that of the prefix and the canonical octets up to the limit"
                    (fun (MailBody octets) cuts (limit: byte) ->
                        let prefix = Octets.ofLatin1 "prefix"
                        let wanted = requests (int limit) prefix
                        use hasher = new BodyHasher(wanted)

                        for piece in Cuts.pieces cuts octets do
                            hasher.Feed piece.Span

                        let digests = hasher.Finish()

                        wanted
                        |> List.forall (fun request ->
                            let whole = canonical request.Canon octets

                            let length =
                                request.Limit |> ValueOption.map int |> ValueOption.defaultValue whole.Length

                            let expected = hash request.Hash (Array.append prefix (Array.truncate length whole))

                            match Digests.tryFind request digests with
                            | ValueSome digest ->
                                digest.Value = expected
                                && digest.CanonicalLength = int64 whole.Length * 1L<octet>
                            | ValueNone -> false)))

            testLaw
                trials
                "once nothing more is wanted, nothing more matters"
                (fun (MailBody octets) (MailBody more) (limit: byte) ->
                    let request =
                        {
                            Hash = Sha256
                            Canon = RelaxedBody
                            Limit = ValueSome(int64 limit * 1L<octet>)
                            Prefix = ReadOnlyMemory.Empty
                        }

                    let value (rest: byte[]) =
                        use hasher = new BodyHasher([ request ])
                        hasher.Feed(ReadOnlySpan octets)

                        if hasher.WantsMore then
                            ValueNone
                        else
                            hasher.Feed(ReadOnlySpan rest)

                            Digests.tryFind request (hasher.Finish())
                            |> ValueOption.map (fun digest -> digest.Value)

                    value more = value [||])

            // Stretches that pass untouched, around all lengths at which octets wait or are hashed at once, between places where
            // something is left out.
            testCase "long stretches and short ones are hashed in their order" (fun () ->
                let lengths = [ 1; 2046; 2047; 2048; 2049; 5000; 8191; 8192; 8193 ]

                let request =
                    {
                        Hash = Sha256
                        Canon = RelaxedBody
                        Limit = ValueNone
                        Prefix = ReadOnlyMemory.Empty
                    }

                for first in lengths do
                    for second in lengths do
                        for third in lengths do
                            let octets =
                                Octets.ofLatin1 (
                                    String('a', first)
                                    + "  "
                                    + String('b', second)
                                    + "  "
                                    + String('c', third)
                                    + "\r\n"
                                )

                            use hasher = new BodyHasher([ request ])
                            hasher.Feed(ReadOnlySpan octets)

                            match Digests.tryFind request (hasher.Finish()) with
                            | ValueSome digest ->
                                let expected = Convert.ToHexString(hash Sha256 (canonical RelaxedBody octets))
                                let cut = String.Join(", ", [ first; second; third ])
                                Expect.about cut (fun () -> Expect.equal expected (Convert.ToHexString digest.Value))
                            | ValueNone -> failtest "no digest")

            testLaw
                trials
                "requests that differ in their prefix alone have digests of their own"
                (fun (MailBody octets) (prefixes: string list) ->
                    let wanted =
                        prefixes
                        |> List.map (fun prefix ->
                            {
                                Hash = Sha1
                                Canon = NofwsBody
                                Limit = ValueNone
                                // All of one length.
                                Prefix =
                                    ReadOnlyMemory(
                                        Octets.ofLatin1 (String.Concat(prefix, "12345678").Substring(0, 8))
                                    )
                            })

                    use hasher = new BodyHasher(wanted)
                    hasher.Feed(ReadOnlySpan octets)
                    let digests = hasher.Finish()

                    wanted
                    |> List.forall (fun request ->
                        let expected =
                            hash Sha1 (Array.append (request.Prefix.ToArray()) (canonical NofwsBody octets))

                        match Digests.tryFind request digests with
                        | ValueSome digest -> digest.Value = expected
                        | ValueNone -> false))
        ]
