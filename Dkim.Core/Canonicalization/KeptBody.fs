namespace Dkim.Core

open System
open System.Buffers

/// The canonical octets of a body, kept for whoever looks into a failure. A body that is longer than the limit is not
/// kept at all.
[<Sealed>]
type internal KeptBody(canon: BodyCanon, limit: int) =
    let octets = ArrayBufferWriter<byte>()
    let mutable state = Body.start canon
    let mutable fits = true

    member _.Canon = canon

    /// A piece of the body, with CRLF line ends.
    member this.Feed(piece: ReadOnlySpan<byte>) : unit =
        if fits then
            state <- BodyFeed.feed canon state piece this

    /// The octets, up to a length where there is one. Called once, at the end of the body.
    member this.Finish(length: int64<octet> voption) : ReadOnlyMemory<byte> voption =
        Body.finish canon state this

        match length with
        | _ when not fits -> ValueNone
        | ValueSome length when int64 length < int64 octets.WrittenCount ->
            ValueSome(octets.WrittenMemory.Slice(0, int length))
        | _ -> ValueSome octets.WrittenMemory

    interface IOctetSink with
        member _.Write(piece) =
            fits <- fits && octets.WrittenCount + piece.Length <= limit

            if fits then
                octets.Write piece
