/// Public keys from the octets of p= (RFC 6376 §3.6.1, RFC 8463 §4.2), ready to verify with.
namespace Dkim.Core.Cryptography

open System
open System.Collections.Concurrent
open System.Formats.Asn1
open System.Numerics
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Records

/// A key that was checked and can be used from several threads.
[<Sealed; AllowNullLiteral(false)>]
type PublicKey internal (keyType: KeyType, bits: int<bit>, verify: Hash -> byte[] -> byte[] -> bool) =
    member _.KeyType = keyType

    /// The length of the modulus; 256 for Ed25519.
    member _.Bits = bits

    /// Whether a signature over a digest of the named hash is good.
    member _.Verify(hash: Hash, digest: byte[], signature: byte[]) : bool = verify hash digest signature

/// RSA numbers out of DER (RFC 8017 A.1.1, RFC 5280 §4.1.2.7).
module internal RsaNumbers =
    [<Literal>]
    let private RsaEncryption = "1.2.840.113549.1.1.1"

    /// RSA keys are verified up to this length; longer ones cost too much (RFC 6376 §8.13, RFC 8301 §3.2).
    let longest = 8192<bit>

    let private readPair (sequence: AsnReader) : struct (BigInteger * BigInteger) =
        let modulus = sequence.ReadInteger()
        let exponent = sequence.ReadInteger()
        sequence.ThrowIfNotEmpty()
        struct (modulus, exponent)

    let private read (octets: byte[]) : struct (BigInteger * BigInteger) =
        let reader = AsnReader(ReadOnlyMemory octets, AsnEncodingRules.DER)
        let outer = reader.ReadSequence()
        reader.ThrowIfNotEmpty()

        if outer.PeekTag() = Asn1Tag.Integer then
            readPair outer
        else
            let algorithm = outer.ReadSequence()
            let oid = algorithm.ReadObjectIdentifier()
            let mutable unused = 0
            let inner = outer.ReadBitString &unused
            outer.ThrowIfNotEmpty()

            if oid <> RsaEncryption || unused <> 0 then
                raise (AsnContentException())

            let key = AsnReader(ReadOnlyMemory inner, AsnEncodingRules.DER)
            let sequence = key.ReadSequence()
            key.ThrowIfNotEmpty()
            readPair sequence

    // The reader throws for what is no DER; this is where it stops.
    let private tryRead (octets: byte[]) =
        try
            ValueSome(read octets)
        with :? AsnContentException ->
            ValueNone

    let private check (struct (modulus: BigInteger, exponent: BigInteger)) =
        let bits = int (modulus.GetBitLength()) * 1<bit>

        if modulus.Sign <= 0 || modulus.IsEven then
            Error(MalformedKeyData "the modulus is no product of odd primes")
        elif bits > longest then
            Error(KeyTooLong bits)
        elif
            exponent < BigInteger 3
            || exponent.IsEven
            || exponent > BigInteger.Pow(BigInteger 2, 33)
        then
            Error(MalformedKeyData "the exponent is not an odd number from 3 to 2^33")
        else
            Ok(
                struct (bits,
                        RSAParameters(
                            Modulus = modulus.ToByteArray(isUnsigned = true, isBigEndian = true),
                            Exponent = exponent.ToByteArray(isUnsigned = true, isBigEndian = true)
                        ))
            )

    /// The numbers of a SubjectPublicKeyInfo, which everybody publishes, or of a bare RSAPublicKey, which the RFC names
    /// (erratum 3017).
    let parse (octets: byte[]) : Result<struct (int<bit> * RSAParameters), KeyError> =
        match tryRead octets with
        | ValueNone -> Error(MalformedKeyData "p= holds no RSA key")
        | ValueSome numbers -> check numbers

module PublicKey =
    // OpenSSL refuses some keys only when they are used.
    let private verifyRsa (rsa: RSA) (hash: Hash) (digest: byte[]) (signature: byte[]) =
        try
            rsa.VerifyHash(digest, signature, Hash.algorithm hash, RSASignaturePadding.Pkcs1)
        with :? CryptographicException ->
            false

    let private ofRsa (octets: byte[]) : Result<PublicKey, KeyError> =
        match RsaNumbers.parse octets with
        | Error error -> Error error
        | Ok(struct (bits, numbers)) ->
            try
                Ok(PublicKey(Rsa, bits, verifyRsa (RSA.Create numbers)))
            with :? CryptographicException ->
                Error(MalformedKeyData "p= holds an RSA key that cannot be used")

    let private ofEd25519 (octets: byte[]) : Result<PublicKey, KeyError> =
        match Ed25519.checkPublicKey octets with
        | Error reason -> Error(MalformedKeyData reason)
        | Ok() -> Ok(PublicKey(Ed25519, 256<bit>, (fun _ digest signature -> Ed25519.verify octets digest signature)))

    let private create (record: KeyRecord) : Result<PublicKey, KeyError> =
        match record.KeyType with
        | Rsa -> ofRsa record.KeyData
        | Ed25519 -> ofEd25519 record.KeyData

    [<Literal>]
    let private Generation = 2048

    // Two generations bound the memory: when the young one is full it becomes the old one, which is forgotten.
    let mutable private young =
        ConcurrentDictionary<string, Result<PublicKey, KeyError>>()

    let mutable private old =
        ConcurrentDictionary<string, Result<PublicKey, KeyError>>()

    let private remember (text: string) (key: Result<PublicKey, KeyError>) =
        if young.Count >= Generation then
            old <- young
            young <- ConcurrentDictionary()

        young[text] <- key
        key

    /// The key of a record. Reading a key costs several verifications, so keys are kept by the text of their record; the
    /// answer is the same with or without that.
    let ofRecord (record: KeyRecord) : Result<PublicKey, KeyError> =
        match young.TryGetValue record.Text with
        | true, key -> key
        | false, _ ->
            match old.TryGetValue record.Text with
            | true, key -> remember record.Text key
            | false, _ -> remember record.Text (create record)
