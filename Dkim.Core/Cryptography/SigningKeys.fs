/// Private keys: PKCS#1 and PKCS#8 PEM, plain or encrypted, RSA and Ed25519 (RFC 8017, RFC 5958, RFC 8410, RFC 1421).
/// Nothing of a key is ever part of an error.
namespace Dkim.Core.Cryptography

open System
open System.Formats.Asn1
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Records

/// Why a text is no private key that could sign.
type PrivateKeyError =
    | NoPrivateKey
    /// There is a public key, but no private one.
    | OnlyPublicKey
    | PassphraseNeeded
    | WrongPassphrase
    | UnsupportedPrivateKey
    | MalformedPrivateKey

/// A private key, usable from several threads.
[<Sealed>]
type SigningKey
    internal (keyType: KeyType, bits: int<bit>, keyData: Lazy<byte[]>, sign: Hash -> byte[] -> byte[], verify) =
    let publicKey = PublicKey(keyType, bits, verify)
    member _.KeyType = keyType
    member _.Bits = bits

    /// The public half as p= holds it: SubjectPublicKeyInfo of RSA, the bare octets of Ed25519.
    member _.KeyData: byte[] = keyData.Value

    member _.PublicKey = publicKey

    /// The signature over a digest of the named hash.
    member _.Sign(hash: Hash, digest: byte[]) : byte[] = sign hash digest

    override _.ToString() = "private key"

module SigningKey =
    let private ofRsa (rsa: RSA) : SigningKey =
        let verify hash (digest: byte[]) (signature: byte[]) =
            rsa.VerifyHash(digest, signature, Hash.algorithm hash, RSASignaturePadding.Pkcs1)

        SigningKey(
            Rsa,
            rsa.KeySize * 1<bit>,
            // Encoding it takes a while, and who only signs has no use for it.
            lazy (rsa.ExportSubjectPublicKeyInfo()),
            (fun hash digest -> rsa.SignHash(digest, Hash.algorithm hash, RSASignaturePadding.Pkcs1)),
            verify
        )

    let private ofSeed (seed: byte[]) : SigningKey =
        let publicKey = Ed25519.publicKey seed

        SigningKey(
            Ed25519,
            256<bit>,
            Lazy<byte[]> publicKey,
            (fun _ digest -> Ed25519.sign seed publicKey digest),
            (fun _ digest signature -> Ed25519.verify publicKey digest signature)
        )

    let private ofImport (import: RSA -> unit) : SigningKey =
        let rsa = RSA.Create()

        try
            import rsa
            ofRsa rsa
        with _ ->
            rsa.Dispose()
            reraise ()

    [<Literal>]
    let private RsaOid = "1.2.840.113549.1.1.1"

    [<Literal>]
    let private Ed25519Oid = "1.3.101.112"

    /// The seed is an octet string within an octet string (RFC 8410 §7).
    let private readSeed (octets: byte[]) : byte[] =
        let seed = AsnReader(ReadOnlyMemory octets, AsnEncodingRules.BER).ReadOctetString()

        if seed.Length <> Ed25519.KeyLength then
            raise (AsnContentException())

        seed

    /// A PrivateKeyInfo (RFC 5958 §2).
    let private ofPkcs8 (der: byte[]) : Result<SigningKey, PrivateKeyError> =
        let info = AsnReader(ReadOnlyMemory der, AsnEncodingRules.BER).ReadSequence()
        info.ReadInteger() |> ignore

        match info.ReadSequence().ReadObjectIdentifier() with
        | RsaOid -> Ok(ofImport (fun rsa -> rsa.ImportPkcs8PrivateKey(ReadOnlySpan der) |> ignore))
        | Ed25519Oid -> Ok(ofSeed (readSeed (info.ReadOctetString())))
        | _ -> Error UnsupportedPrivateKey

    let private ofPkcs1 (der: byte[]) : SigningKey =
        ofImport (fun rsa -> rsa.ImportRSAPrivateKey(ReadOnlySpan der) |> ignore)

    // Octets that a wrong passphrase left readable padding on are no key all the same.
    let private decrypting (decrypt: unit -> Result<SigningKey, PrivateKeyError>) =
        try
            decrypt ()
        with
        | :? CryptographicException
        | :? AsnContentException -> Error WrongPassphrase

    let private ofEncryptedPkcs8 (passphrase: string) (der: byte[]) : Result<SigningKey, PrivateKeyError> =
        decrypting (fun () ->
            match EncryptedKeys.tryDecryptPkcs8 passphrase der with
            | ValueSome info -> ofPkcs8 info
            | ValueNone ->
                // The platform knows older encryptions, for RSA keys.
                Ok(ofImport (fun rsa -> rsa.ImportEncryptedPkcs8PrivateKey(passphrase, ReadOnlySpan der) |> ignore)))

    let private ofLegacy (passphrase: string) (block: EncryptedKeys.LegacyBlock) : Result<SigningKey, PrivateKeyError> =
        decrypting (fun () ->
            match block.Label, EncryptedKeys.tryDecryptLegacy passphrase block with
            | "RSA PRIVATE KEY", ValueSome der -> Ok(ofPkcs1 der)
            | _ -> Error UnsupportedPrivateKey)

    let private ofBlock
        (passphrase: string voption)
        (label: string)
        (der: byte[])
        : Result<SigningKey, PrivateKeyError> =
        match label, passphrase with
        | "RSA PRIVATE KEY", _ -> Ok(ofPkcs1 der)
        | "PRIVATE KEY", _ -> ofPkcs8 der
        | "ENCRYPTED PRIVATE KEY", ValueNone -> Error PassphraseNeeded
        | "ENCRYPTED PRIVATE KEY", ValueSome passphrase -> ofEncryptedPkcs8 passphrase der
        | _ -> Error UnsupportedPrivateKey

    /// The first block of the text whose label has such an end: its label and octets.
    let rec private tryFindBlock (ending: string) (text: string) : struct (string * byte[]) voption =
        let found, fields = PemEncoding.TryFind(text.AsSpan())

        let slice (range: Range) =
            text.AsSpan().Slice(range.Start.Value, range.End.Value - range.Start.Value).ToString()

        if not found then
            ValueNone
        else
            let label = slice fields.Label

            if label.EndsWith(ending, StringComparison.Ordinal) then
                ValueSome(struct (label, Convert.FromBase64String(slice fields.Base64Data)))
            else
                tryFindBlock ending (text.Substring fields.Location.End.Value)

    let private read (passphrase: string voption) (text: string) : Result<SigningKey, PrivateKeyError> =
        match EncryptedKeys.tryFindLegacy text, passphrase, tryFindBlock "PRIVATE KEY" text with
        | ValueSome _, ValueNone, _ -> Error PassphraseNeeded
        | ValueSome block, ValueSome passphrase, _ -> ofLegacy passphrase block
        | ValueNone, _, ValueSome(struct (label, der)) -> ofBlock passphrase label der
        | ValueNone, _, ValueNone when (tryFindBlock "PUBLIC KEY" text).IsSome -> Error OnlyPublicKey
        | ValueNone, _, ValueNone -> Error NoPrivateKey

    /// Reads the first private key of a text; whatever else the text holds is passed over.
    let parse (passphrase: string voption) (text: string) : Result<SigningKey, PrivateKeyError> =
        // What the platform throws for a key that cannot be read ends here.
        try
            read passphrase text
        with
        | :? CryptographicException
        | :? AsnContentException
        | :? FormatException -> Error MalformedPrivateKey

    /// A new RSA key with exponent 65537 (RFC 6376 §3.3.1).
    let generateRsa (bits: int<bit>) : SigningKey * string =
        let rsa = RSA.Create(int bits)
        ofRsa rsa, rsa.ExportPkcs8PrivateKeyPem()

    /// Octets of chance that an Ed25519 key is made of.
    [<Literal>]
    let Ed25519Entropy = 32

    // The PrivateKeyInfo of an Ed25519 key but for its last octets, the seed (RFC 8410 §7).
    let private ed25519Info = Convert.FromHexString "302e020100300506032b657004220420"

    /// A new Ed25519 key of `Ed25519Entropy` octets that nobody else knows.
    let generateEd25519 (entropy: byte[]) : SigningKey * string =
        let pem =
            PemEncoding.WriteString("PRIVATE KEY", ReadOnlySpan(Array.append ed25519Info entropy))

        ofSeed entropy, pem

module PrivateKeyError =
    /// The sentence for an admin, with the remedy where there is one.
    let describe (error: PrivateKeyError) : string =
        match error with
        | NoPrivateKey -> "no PEM block that ends in PRIVATE KEY"
        | OnlyPublicKey -> "a public key: name the file of the private key, whose PEM block ends in PRIVATE KEY"
        | PassphraseNeeded -> "the key is encrypted: name a file with its passphrase"
        | WrongPassphrase -> "the passphrase does not fit the key"
        | UnsupportedPrivateKey -> "neither an RSA nor an Ed25519 key"
        | MalformedPrivateKey -> "the PEM block of the private key is damaged: what it holds is no key"
