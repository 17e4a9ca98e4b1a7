/// How signatures are made: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// What is put into signatures.
[<NoComparison>]
type internal SigningSettings =
    {
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        /// Ed25519 keys sign as Ed25519 does, whatever this says.
        Algorithm: struct (KeyType * Hash)
        /// Nothing: `omitted`.
        OmitHeaders: Pattern list voption
        /// Nothing: the fields that the standard recommends.
        SignHeaders: Pattern list voption
        AlwaysSignHeaders: FieldName list
        /// Names that h= has once more than the message has fields.
        OverSignHeaders: FieldName list
        /// l=
        BodyLengths: bool
        /// l= of no more than this.
        MaximumSignedBytes: int64<octet> voption
        /// x= counted from t=; nothing for no x=.
        Lifetime: int64<sec> voption
        /// z=
        Diagnostics: bool
        RemoveOldSignatures: bool
        /// dk-filter's -H: h= is written even where every field is signed.
        WithNames: bool
    }

module internal SigningSettings =
    let defaults: SigningSettings =
        {
            HeaderCanon = SimpleHeader
            BodyCanon = SimpleBody
            Algorithm = struct (Rsa, Sha256)
            OmitHeaders = ValueNone
            SignHeaders = ValueNone
            AlwaysSignHeaders = []
            OverSignHeaders = []
            BodyLengths = false
            MaximumSignedBytes = ValueNone
            Lifetime = ValueNone
            Diagnostics = false
            RemoveOldSignatures = false
            WithNames = true
        }

    /// Fields that are not signed where OmitHeaders says nothing (RFC 4871 §5.5).
    let private omitted =
        [ "Return-Path"; "Received"; "Comments"; "Keywords"; "Bcc" ]
        @ [ "Resent-Bcc"; "DKIM-Signature" ]
        |> List.map Pattern.ofText

    let private isFrom (name: string) =
        name.Equals("From", StringComparison.OrdinalIgnoreCase)

    /// Whether fields of a name are left out of signatures; From never is (RFC 6376 §5.4).
    let omits (signing: SigningSettings) (name: string) : bool =
        not (isFrom name)
        && Pattern.any (ValueOption.defaultValue omitted signing.OmitHeaders) name

    let private lists (signing: SigningSettings) (name: string) : bool =
        match signing.SignHeaders with
        | ValueSome patterns -> Pattern.any patterns name
        | ValueNone -> RecommendedFields.covers name

    /// Whether fields of a name are signed. The standard requires From, whatever the lists say (RFC 6376 §5.4).
    let covers (signing: SigningSettings) (name: string) : bool =
        isFrom name
        || lists signing name && not (omits signing name)
        || signing.OverSignHeaders |> List.exists _.Is(name)

    /// l=
    let length (signing: SigningSettings) : LengthTag =
        match signing.MaximumSignedBytes with
        | ValueSome octets -> AtMost octets
        | ValueNone when signing.BodyLengths -> WholeLength
        | ValueNone -> NoLength

    let private headers = Pattern.listCodec "NAME,..."

    /// Of l=.
    [<Literal>]
    let private Appendable = "l= lets others append to signed messages (RFC 6376 §8.2)"

    /// What the original has.
    let rows: Setting<SigningSettings> list =
        [
            Setting.make
                "Canonicalization"
                Codecs.canonicalization
                (fun s -> struct (s.HeaderCanon, s.BodyCanon))
                (fun (struct (header, body)) s ->
                    { s with
                        HeaderCanon = header
                        BodyCanon = body
                    })
            |> both 'c'
            |> Setting.says "the canonicalization of header and body in signatures"
            |> Setting.detail "One word is that of the header; the body is then simple."
            Setting.make "SignatureAlgorithm" Codecs.algorithm _.Algorithm (fun v s -> { s with Algorithm = v })
            |> both 'S'
            |> Setting.weakWhen
                (fun s -> s.Algorithm = struct (Rsa, Sha1))
                "SignatureAlgorithm rsa-sha1: verifiers no longer accept it (RFC 8301)"
            |> Setting.says "the algorithm of signatures"
            |> Setting.detail
                "An Ed25519 key always signs with ed25519-sha256. rsa-sha1 proves nothing any more (RFC 8301)."
            Setting.optional "OmitHeaders" headers _.OmitHeaders (fun v s -> { s with OmitHeaders = v })
            |> both 'o'
            |> Setting.says
                "fields not to sign (default: Return-Path, Received, Comments, Keywords, Bcc, Resent-Bcc, DKIM-Signature)"
            |> Setting.detail "A - omits none. From is signed whatever this says. A * stands for any characters."
            Setting.optional "SignHeaders" headers _.SignHeaders (fun v s -> { s with SignHeaders = v })
            |> key
            |> Setting.says "fields to sign, in place of those that the standard recommends"
            |> Setting.detail "From is signed whatever this says. A * stands for any characters."
            Setting.make "AlwaysSignHeaders" Codecs.fieldNames _.AlwaysSignHeaders (fun v s ->
                { s with AlwaysSignHeaders = v })
            |> key
            |> Setting.says "fields to name in h= though the message has none, so that none can be added"
            switch "BodyLengths" _.BodyLengths (fun v s -> { s with BodyLengths = v })
            |> key
            |> Setting.weakWhen _.BodyLengths Appendable
            |> Setting.says "write l=, the length of the body"
            |> Setting.detail "Insecure: what is appended to such a message does not break its signature."
            Setting.optional
                "MaximumSignedBytes"
                (Codecs.integer "OCTETS" 0L System.Int64.MaxValue
                 |> Codec.map (fun v -> v * 1L<octet>) int64)
                _.MaximumSignedBytes
                (fun v s -> { s with MaximumSignedBytes = v })
            |> key
            |> Setting.weakWhen _.MaximumSignedBytes.IsSome Appendable
            |> Setting.says "sign no more of the body than this, and write l="
            Setting.make "SignatureTTL" Codecs.lifetime _.Lifetime (fun v s -> { s with Lifetime = v })
            |> key
            |> Setting.says "how long signatures are good (x=); 0 for ever"
            switch "Diagnostics" _.Diagnostics (fun v s -> { s with Diagnostics = v })
            |> key
            |> Setting.says "copy the header into signatures (z=)"
            switch "RemoveOldSignatures" _.RemoveOldSignatures (fun v s -> { s with RemoveOldSignatures = v })
            |> key
            |> Setting.says "remove the signatures that a message has before signing it"
        ]

    /// What it did not have.
    let ofOurs: Setting<SigningSettings> list =
        [
            Setting.make "OverSignHeaders" Codecs.fieldNames _.OverSignHeaders (fun v s ->
                { s with OverSignHeaders = v })
            |> key
            |> Setting.says "fields that h= names once more than the message has them, so that none can be added"
        ]
