/// What a signature was made over, in the parts that changes may have touched (RFC 6376 §3.7, RFC 4870 §3.4).
namespace Dkim.Core.Explaining.Edits

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization

/// A body that was hashed.
[<NoComparison; NoEquality>]
type internal BodyText =
    {
        Canon: BodyCanon
        /// Octets of the canonical form that l= covers.
        Limit: int64<octet> voption
        /// Latin-1 text, with CRLF.
        Text: string
    }

/// A text whose hash does not fit, and how to tell one that does. Parts are the signed fields in canonical form, each with its
/// line end, and then the body: for the header of DKIM there is no body, for its body there are no fields, and DomainKeys
/// hashes both as one.
[<NoComparison; NoEquality>]
type internal Subject =
    {
        Hash: Hash
        Canon: HeaderCanon
        /// The header of the message, whatever of it is signed.
        Header: Header
        /// The signed fields in order, the signature's own without b= as the last.
        Signed: Field[]
        /// Whether the last one is the signature itself, which no line end follows.
        OwnLast: bool
        /// Names of h= that no field stands for, each with its place among the signed fields.
        Absent: (string * int) list
        Body: BodyText voption
        Parts: byte[][]
        Fits: byte[] -> bool
        /// What a call of `Fits` costs.
        FitsCost: int64
    }

    /// Fields that a server may have touched: not the signature itself.
    member this.Touchable =
        if this.OwnLast then
            this.Signed.Length - 1
        else
            this.Signed.Length

    /// The part that is the body.
    member this.BodyPart = this.Signed.Length

    /// The body in canonical form; nothing where none was hashed.
    member this.BodyOctets = if this.Body.IsSome then this.Parts[this.BodyPart] else [||]

module internal Subject =
    [<Sealed>]
    type private Collector(capacity: int) =
        let octets = ArrayBufferWriter<byte> capacity
        member _.Octets = octets.WrittenSpan

        interface IOctetSink with
            member _.Write(piece: ReadOnlySpan<byte>) = octets.Write piece

    /// The canonical form of a body, whatever l= says.
    let canonicalBody (canon: BodyCanon) (body: ReadOnlySpan<byte>) : byte[] =
        let sink = Collector(body.Length + 16)
        let state = BodyFeed.feed canon (Body.start canon) body sink
        Body.finish canon state sink
        sink.Octets.ToArray()

    /// The canonical form of a field in place of a signed one.
    let canonical (subject: Subject) (index: int) (field: Field) : byte[] =
        let sink = ArrayBufferWriter<byte> 256
        CanonicalHeader.writeField subject.Canon field sink

        if not (subject.OwnLast && index = subject.Signed.Length - 1) then
            sink.Write(ReadOnlySpan Octets.crlf)

        sink.WrittenSpan.ToArray()

    let private bodyParts (body: BodyText voption) : byte[][] =
        match body with
        | ValueSome body -> [| canonicalBody body.Canon (ReadOnlySpan(Octets.ofLatin1 body.Text)) |]
        | ValueNone -> [||]

    /// The parts as they are.
    let withParts (subject: Subject) : Subject =
        { subject with
            Parts = Array.append (subject.Signed |> Array.mapi (canonical subject)) (bodyParts subject.Body)
        }

    /// The same message with another body.
    let withBody (text: string) (body: BodyText) (subject: Subject) : Subject =
        let body = ValueSome { body with Text = text }

        { subject with
            Body = body
            Parts = Array.append subject.Parts[.. subject.BodyPart - 1] (bodyParts body)
        }

    /// The value of the topmost field of a name, without white space at its ends; empty where there is none.
    let value (name: string) (subject: Subject) : string =
        match Header.tryFind name subject.Header with
        | ValueSome field -> field.ValueText.Trim()
        | ValueNone -> ""
