namespace Dkim.Core.Canonicalization

open System
open System.Buffers
open Dkim.Core.Records

/// The canonical octets of a body, kept for whoever looks into a failure. A body that is longer than the limit is not
/// kept at all.
[<Sealed>]
type internal KeptBody(canon: BodyCanon, limit: int) =
    let octets = ArrayBufferWriter<byte>()
    let mutable state = Body.start canon
    let mutable fits = true

    /// Longer bodies are left out of reports.
    static member LongestInReport = 65536

    /// Longer bodies are not left in files.
    static member LongestInFile = 1048576

    member _.Canon = canon

    /// A piece of the body, with CRLF line ends.
    member this.Feed(piece: ReadOnlySpan<byte>) : unit =
        if fits then
            state <- BodyFeed.feed canon state piece this

    /// The octets. Called once, at the end of the body.
    member this.Finish() : ReadOnlyMemory<byte> voption =
        Body.finish canon state this

        if fits then ValueSome octets.WrittenMemory else ValueNone

    /// Those that fit, at the end of the body.
    static member Finished(bodies: KeptBody list) : (BodyCanon * ReadOnlyMemory<byte>) list =
        bodies
        |> List.choose (fun body ->
            match body.Finish() with
            | ValueSome octets -> Some(body.Canon, octets)
            | ValueNone -> None)

    interface IOctetSink with
        member _.Write(piece) =
            fits <- fits && octets.WrittenCount + piece.Length <= limit

            if fits then
                octets.Write piece
