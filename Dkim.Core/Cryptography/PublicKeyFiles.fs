/// Public keys as files and p= have them: SubjectPublicKeyInfo and bare RSAPublicKey, in PEM or as octets (RFC 5280 §4.1.2.7,
/// RFC 8017 A.1.1, RFC 8410 §4, RFC 7468 §13).
module Dkim.Core.Cryptography.PublicKeyFile

open System
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Records

// What precedes the 32 octets of an Ed25519 key in a SubjectPublicKeyInfo.
let private ed25519Info = Convert.FromHexString "302a300506032b6570032100"

/// The SubjectPublicKeyInfo of an RSA key in either form; nothing where it is none.
let tryInfo (octets: byte[]) : byte[] voption =
    match RsaNumbers.parse octets with
    | Error _ -> ValueNone
    | Ok(struct (_, numbers)) ->
        // The platform refuses some numbers.
        try
            use rsa = RSA.Create numbers
            ValueSome(rsa.ExportSubjectPublicKeyInfo())
        with :? CryptographicException ->
            ValueNone

/// A public key and its octets as p= holds them.
let private ofOctets (octets: byte[]) : Result<struct (KeyType * byte[]), PrivateKeyError> =
    if octets.AsSpan().StartsWith(ReadOnlySpan ed25519Info) then
        let bare = octets[ed25519Info.Length ..]

        match Ed25519.checkPublicKey bare with
        | Ok() -> Ok(struct (Ed25519, bare))
        | Error _ -> Error MalformedPrivateKey
    else
        match tryInfo octets with
        | ValueSome info -> Ok(struct (Rsa, info))
        | ValueNone -> Error MalformedPrivateKey

/// The key of the first block of a PEM text, where that is a public key.
let parse (text: string) : Result<struct (KeyType * byte[]), PrivateKeyError> =
    let found, fields = PemEncoding.TryFind(text.AsSpan())

    let slice (range: Range) =
        text.AsSpan().Slice(range.Start.Value, range.End.Value - range.Start.Value).ToString()

    if not found then
        Error NoPrivateKey
    else
        match slice fields.Label with
        | "PUBLIC KEY"
        | "RSA PUBLIC KEY" ->
            match TagList.tryBase64 (slice fields.Base64Data) with
            | ValueSome octets -> ofOctets octets
            | ValueNone -> Error MalformedPrivateKey
        | _ -> Error NoPrivateKey
