/// Private keys: PKCS#1 and PKCS#8 PEM, plain or encrypted, RSA and Ed25519 (RFC 8017, RFC 5958, RFC 8410, RFC 1421).
/// Nothing of a key is ever part of an error.
namespace Dkim.Core

open System
open System.Formats.Asn1
open System.IO
open System.Security.Cryptography
open Org.BouncyCastle.Crypto
open Org.BouncyCastle.Crypto.Parameters
open Org.BouncyCastle.OpenSsl
open Org.BouncyCastle.Security

/// Why a text is no private key that could sign.
type PrivateKeyError =
    | NoPrivateKey
    | PassphraseNeeded
    | WrongPassphrase
    | UnsupportedPrivateKey
    | MalformedPrivateKey

/// A private key, usable from several threads.
[<Sealed>]
type SigningKey internal (keyType: KeyType, bits: int<bit>, keyData: byte[], sign: Hash -> byte[] -> byte[], verify) =
    let publicKey = PublicKey(keyType, bits, verify)
    member _.KeyType = keyType
    member _.Bits = bits

    /// The public half as p= holds it: SubjectPublicKeyInfo of RSA, the bare octets of Ed25519.
    member _.KeyData: byte[] = keyData

    member _.PublicKey = publicKey

    /// The signature over a digest of the named hash.
    member _.Sign(hash: Hash, digest: byte[]) : byte[] = sign hash digest

    override _.ToString() = "private key"

module SigningKey =
    let private ofRsa (rsa: RSA) : SigningKey =
        let verify hash (digest: byte[]) (signature: byte[]) =
            rsa.VerifyHash(digest, signature, PublicKey.hashName hash, RSASignaturePadding.Pkcs1)

        SigningKey(
            Rsa,
            rsa.KeySize * 1<bit>,
            rsa.ExportSubjectPublicKeyInfo(),
            (fun hash digest -> rsa.SignHash(digest, PublicKey.hashName hash, RSASignaturePadding.Pkcs1)),
            verify
        )

    let private ofSeed (seed: byte[]) : SigningKey =
        let publicKey = Ed25519.publicKey seed

        SigningKey(
            Ed25519,
            256<bit>,
            publicKey,
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
    let private Ed25519Oid = "1.3.101.112"

    /// The seed of an Ed25519 PrivateKeyInfo; nothing if the key is of another kind (RFC 8410 §7).
    let private tryEd25519Seed (der: byte[]) : byte[] voption =
        let info = AsnReader(ReadOnlyMemory der, AsnEncodingRules.BER).ReadSequence()
        info.ReadInteger() |> ignore

        if info.ReadSequence().ReadObjectIdentifier() <> Ed25519Oid then
            ValueNone
        else
            let inner =
                AsnReader(ReadOnlyMemory(info.ReadOctetString()), AsnEncodingRules.BER).ReadOctetString()

            if inner.Length = Ed25519.KeyLength then
                ValueSome inner
            else
                raise (AsnContentException())

    let private ofPkcs8 (der: byte[]) : SigningKey =
        match tryEd25519Seed der with
        | ValueSome seed -> ofSeed seed
        | ValueNone -> ofImport (fun rsa -> rsa.ImportPkcs8PrivateKey(ReadOnlySpan der) |> ignore)

    let private ofParameters (key: AsymmetricKeyParameter) : Result<SigningKey, PrivateKeyError> =
        match key with
        | :? RsaPrivateCrtKeyParameters as rsa ->
            let octets (number: Org.BouncyCastle.Math.BigInteger) = number.ToByteArrayUnsigned()

            let padded length number =
                Array.append (Array.zeroCreate (length - (octets number).Length)) (octets number)

            let length = (octets rsa.Modulus).Length
            let half = (length + 1) / 2

            let numbers =
                RSAParameters(
                    Modulus = octets rsa.Modulus,
                    Exponent = octets rsa.PublicExponent,
                    D = padded length rsa.Exponent,
                    P = padded half rsa.P,
                    Q = padded half rsa.Q,
                    DP = padded half rsa.DP,
                    DQ = padded half rsa.DQ,
                    InverseQ = padded half rsa.QInv
                )

            Ok(ofImport _.ImportParameters(numbers))
        | :? Ed25519PrivateKeyParameters as ed25519 -> Ok(ofSeed (ed25519.GetEncoded()))
        | _ -> Error UnsupportedPrivateKey

    let private decryptPkcs8 (passphrase: string) (der: byte[]) : Result<SigningKey, PrivateKeyError> =
        try
            Ok(ofImport (fun rsa -> rsa.ImportEncryptedPkcs8PrivateKey(passphrase, ReadOnlySpan der) |> ignore))
        with :? CryptographicException ->
            // The platform decrypts RSA keys only; what it cannot take may be Ed25519.
            ofParameters (PrivateKeyFactory.DecryptKey(passphrase.ToCharArray(), der))

    /// A PEM block with RFC 1421 headers, which the platform does not read.
    let private decryptLegacy (passphrase: string) (pem: string) : Result<SigningKey, PrivateKeyError> =
        let finder =
            { new IPasswordFinder with
                member _.GetPassword() = passphrase.ToCharArray()
            }

        match PemReader(new StringReader(pem), finder).ReadObject() with
        | :? AsymmetricCipherKeyPair as pair -> ofParameters pair.Private
        | :? AsymmetricKeyParameter as key -> ofParameters key
        | _ -> Error UnsupportedPrivateKey

    let private ofBlock
        (passphrase: string voption)
        (label: string)
        (der: byte[])
        : Result<SigningKey, PrivateKeyError> =
        match label, passphrase with
        | "RSA PRIVATE KEY", _ -> Ok(ofImport (fun rsa -> rsa.ImportRSAPrivateKey(ReadOnlySpan der) |> ignore))
        | "PRIVATE KEY", _ -> Ok(ofPkcs8 der)
        | "ENCRYPTED PRIVATE KEY", ValueNone -> Error PassphraseNeeded
        | "ENCRYPTED PRIVATE KEY", ValueSome passphrase -> decryptPkcs8 passphrase der
        | _ -> Error UnsupportedPrivateKey

    /// The first block of the text whose label ends in PRIVATE KEY: its label and octets.
    let rec private tryFindBlock (text: string) : struct (string * byte[]) voption =
        let found, fields = PemEncoding.TryFind(text.AsSpan())

        let slice (range: Range) =
            text.AsSpan().Slice(range.Start.Value, range.End.Value - range.Start.Value).ToString()

        if not found then
            ValueNone
        else
            let label = slice fields.Label

            if label.EndsWith("PRIVATE KEY", StringComparison.Ordinal) then
                ValueSome(struct (label, Convert.FromBase64String(slice fields.Base64Data)))
            else
                tryFindBlock (text.Substring fields.Location.End.Value)

    let private read (passphrase: string voption) (text: string) : Result<SigningKey, PrivateKeyError> =
        if text.Contains "Proc-Type: 4,ENCRYPTED" then
            match passphrase with
            | ValueSome passphrase -> decryptLegacy passphrase (text.Substring(max 0 (text.IndexOf "-----BEGIN ")))
            | ValueNone -> Error PassphraseNeeded
        else
            match tryFindBlock text with
            | ValueSome(struct (label, der)) -> ofBlock passphrase label der
            | ValueNone -> Error NoPrivateKey

    /// Reads the first private key of a text; whatever else the text holds is passed over.
    let parse (passphrase: string voption) (text: string) : Result<SigningKey, PrivateKeyError> =
        // What the libraries throw for a key that cannot be read, or read with this passphrase, ends here.
        try
            read passphrase text
        with
        | :? InvalidCipherTextException
        | :? PasswordException -> Error WrongPassphrase
        | :? PemException when passphrase.IsSome -> Error WrongPassphrase
        | :? CryptographicException
        | :? AsnContentException
        | :? PemException
        | :? IOException
        | :? ArgumentException
        | :? FormatException
        | :? InvalidOperationException -> Error MalformedPrivateKey

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
        | PassphraseNeeded -> "the key is encrypted: name a file with its passphrase"
        | WrongPassphrase -> "the passphrase does not fit the key"
        | UnsupportedPrivateKey -> "neither an RSA nor an Ed25519 key"
        | MalformedPrivateKey -> "the key cannot be read"
