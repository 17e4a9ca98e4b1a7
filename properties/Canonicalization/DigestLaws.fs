[<NUnit.Framework.TestFixture>]
[<FsCheck.NUnit.Properties(Arbitrary = [| typeof<Dkim.Properties.MailGenerators.Arbitraries> |],
                           MaxTest = 500,
                           QuietOnSuccess = true)>]
module Dkim.Properties.DigestLaws

open System
open System.Buffers
open System.Security.Cryptography
open NUnit.Framework
open FsCheck.NUnit
open Dkim.Core

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

[<Category "RFC6376-3.5-23">]
[<Category "RFC6376-3.7-1">]
[<Property>]
let ``every digest is that of the prefix and the canonical octets up to the limit``
    (MailBody octets)
    cuts
    (limit: byte)
    =
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
        | ValueNone -> false)

[<Property>]
let ``once nothing more is wanted, nothing more matters`` (MailBody octets) (MailBody more) (limit: byte) =
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

    value more = value [||]
