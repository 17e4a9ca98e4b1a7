/// Digests over the body, all wanted ones in one pass (RFC 6376 §3.7 step 1; RFC 4870 §3.4.2). Only here is something
/// mutable handed to a host: a hasher serves one message, on one thread at a time.
namespace Dkim.Core.Canonicalization

open System
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records

/// One digest that is wanted. `Limit` counts canonical octets (l=). `Prefix` is hashed first: the header of a DomainKeys
/// signature, which signs header and body as one text; for DKIM it is empty.
[<Struct; CustomEquality; NoComparison>]
type DigestRequest =
    {
        Hash: Hash
        Canon: BodyCanon
        Limit: int64<octet> voption
        Prefix: ReadOnlyMemory<byte>
    }

    override this.Equals(other: obj) =
        match other with
        | :? DigestRequest as request -> (this :> IEquatable<DigestRequest>).Equals request
        | _ -> false

    override this.GetHashCode() =
        HashCode.Combine(this.Hash, this.Canon, this.Limit, this.Prefix.Length)

    interface IEquatable<DigestRequest> with
        member this.Equals(other) =
            this.Hash = other.Hash
            && this.Canon = other.Canon
            && this.Limit = other.Limit
            && this.Prefix.Span.SequenceEqual other.Prefix.Span

/// A finished digest and how long the canonical body was, whatever part of it was hashed.
type BodyDigest =
    {
        Value: byte[]
        CanonicalLength: int64<octet>
    }

/// The digests of a message. One that was not requested is not there.
type Digests =
    private
        {
            found: (DigestRequest * BodyDigest) list
        }

module Digests =
    let internal ofList found = { found = found }

    let tryFind (request: DigestRequest) (digests: Digests) : BodyDigest voption =
        match List.tryFind (fun (known: DigestRequest, _) -> known = request) digests.found with
        | Some(_, digest) -> ValueSome digest
        | None -> ValueNone

/// Hashes the canonical octets of one request, up to its limit.
[<Sealed>]
type internal DigestStream(request: DigestRequest) =
    let hash = IncrementalHash.CreateHash(Hash.algorithm request.Hash)

    let mutable left =
        request.Limit |> ValueOption.defaultValue (Int64.MaxValue * 1L<octet>)

    do hash.AppendData request.Prefix.Span
    member _.Request = request
    member _.WantsMore = left > 0L<octet>

    member _.Append(octets: ReadOnlySpan<byte>) =
        let length = int (min (int64 octets.Length) (int64 left))

        if length > 0 then
            hash.AppendData(octets.Slice(0, length))
            left <- left - int64 length * 1L<octet>

    member _.Finish() = hash.GetHashAndReset()

    interface IDisposable with
        member _.Dispose() = hash.Dispose()

/// One canonical form of the body on its way into all digests that want it. Small pieces are gathered, because a hash
/// takes few large ones faster than many small ones.
[<Sealed>]
type internal CanonicalStream(canon: BodyCanon, digests: DigestStream[]) =
    let staging: byte[] = GC.AllocateUninitializedArray 8192
    let mutable staged = 0
    let mutable length = 0L
    let mutable state = Body.start canon

    let append (octets: ReadOnlySpan<byte>) =
        for digest in digests do
            digest.Append octets

    let flush () =
        if staged > 0 then
            append (ReadOnlySpan(staging, 0, staged))
            staged <- 0

    member _.WantsMore = digests |> Array.exists _.WantsMore

    member this.Feed(octets: ReadOnlySpan<byte>) =
        state <- BodyFeed.feed canon state octets this

    member this.Finish() : (DigestRequest * BodyDigest)[] =
        Body.finish canon state this
        flush ()

        digests
        |> Array.map (fun digest ->
            digest.Request,
            {
                Value = digest.Finish()
                CanonicalLength = length * 1L<octet>
            })

    interface IOctetSink with
        member _.Write(octets) =
            length <- length + int64 octets.Length

            if octets.Length > staging.Length - staged then
                flush ()

            if octets.Length >= 2048 then
                flush ()
                append octets
            else
                octets.CopyTo(staging.AsSpan staged)
                staged <- staged + octets.Length

/// Computes the digests of one message's body. Equal requests are computed once, and each canonical form is made once.
[<Sealed>]
type BodyHasher(requests: DigestRequest list) =
    let digests =
        requests |> List.distinct |> List.map (fun request -> new DigestStream(request))

    let streams =
        digests
        |> List.groupBy _.Request.Canon
        |> List.map (fun (canon, wanted) -> CanonicalStream(canon, Array.ofList wanted))
        |> Array.ofList

    /// False once no digest depends on what is still to come: the rest of the body need not be fed, though only a body
    /// fed whole has its length known.
    member _.WantsMore = streams |> Array.exists _.WantsMore

    /// A piece of the body, with CRLF line ends.
    member _.Feed(octets: ReadOnlySpan<byte>) : unit =
        for stream in streams do
            stream.Feed octets

    /// The end of the body. Called once.
    member _.Finish() : Digests =
        streams |> Seq.collect _.Finish() |> List.ofSeq |> Digests.ofList

    interface IDisposable with
        member _.Dispose() =
            for digest in digests do
                (digest :> IDisposable).Dispose()

module BodyHasher =
    /// The digests of the body of a message that lies there whole.
    let ofMail (requests: DigestRequest list) (mail: Mail) : Digests =
        use hasher = new BodyHasher(requests)
        hasher.Feed mail.Body.Span
        hasher.Finish()
