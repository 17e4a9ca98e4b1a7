/// What a signature covers beside the fields that h= of DKIM selects (RFC 6376 §3.7, RFC 4870 §3.4.2).
module internal Dkim.Core.Signatures.Coverage

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Canonicalization

/// The fields that a DomainKeys signature covers: those below it, and of these only the named where h= is there, in
/// the order of the message (RFC 4870 §3.3, §3.4.2).
let fields (header: Header) (position: int) (names: FieldName list voption) : Field seq =
    let below = (Header.below position header).Fields

    match names with
    | ValueNone -> below
    | ValueSome names ->
        let wanted =
            Collections.Generic.HashSet<string>(names |> Seq.map _.Text, StringComparer.OrdinalIgnoreCase)

        below |> Seq.filter (fun field -> wanted.Contains field.Name)

/// The digest over the body that a signature at a position of the header needs.
let digest (header: Header) (position: int) (signature: Signature) : DigestRequest =
    let prefix =
        match signature.Scheme with
        | Dkim -> ReadOnlyMemory.Empty
        | DomainKeys ->
            let sink = ArrayBufferWriter<byte> 4096

            let covered = fields header position signature.SignedFields
            CanonicalHeader.writeFields signature.HeaderCanon covered sink
            sink.WrittenMemory

    {
        Hash = signature.Hash
        Canon = signature.BodyCanon
        Limit = signature.BodyLength
        Prefix = prefix
    }
