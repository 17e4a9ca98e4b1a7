/// Private keys under a passphrase, decrypted with the platform's ciphers: PKCS#8 with PBES2 (RFC 8018 §6.2, RFC 5958 §3)
/// and the older PEM headers of OpenSSL (RFC 1421 §4.6.1). The platform itself reads the first for RSA only and the
/// second not at all; BouncyCastle's readers need reflection that native code has not.
module internal Dkim.Core.Cryptography.EncryptedKeys

open System
open System.Formats.Asn1
open System.Security.Cryptography
open System.Text

/// More rounds of key derivation than this are taken for an attack on the reader.
[<Literal>]
let private MostRounds = 10_000_000

/// A block cipher in CBC mode.
type private Cipher =
    | AesCbc of keyOctets: int
    | TripleDesCbc

let private keyOctets (cipher: Cipher) =
    match cipher with
    | AesCbc octets -> octets
    | TripleDesCbc -> 24

let private decrypt (cipher: Cipher) (key: byte[]) (iv: byte[]) (octets: byte[]) : byte[] =
    use algorithm: SymmetricAlgorithm =
        match cipher with
        | AesCbc _ -> Aes.Create()
        | TripleDesCbc -> TripleDES.Create()

    if iv.Length <> algorithm.BlockSize / 8 then
        raise (CryptographicException())

    algorithm.Key <- key
    algorithm.DecryptCbc(octets, iv)

let private tryCipherOfOid (oid: string) =
    match oid with
    | "2.16.840.1.101.3.4.1.2" -> ValueSome(AesCbc 16)
    | "2.16.840.1.101.3.4.1.22" -> ValueSome(AesCbc 24)
    | "2.16.840.1.101.3.4.1.42" -> ValueSome(AesCbc 32)
    | "1.2.840.113549.3.7" -> ValueSome TripleDesCbc
    | _ -> ValueNone

let private tryCipherOfName (name: string) =
    match name with
    | "AES-128-CBC" -> ValueSome(AesCbc 16)
    | "AES-192-CBC" -> ValueSome(AesCbc 24)
    | "AES-256-CBC" -> ValueSome(AesCbc 32)
    | "DES-EDE3-CBC" -> ValueSome TripleDesCbc
    | _ -> ValueNone

let private tryHashOfPrf (oid: string) =
    match oid with
    | "1.2.840.113549.2.7" -> ValueSome HashAlgorithmName.SHA1
    | "1.2.840.113549.2.9" -> ValueSome HashAlgorithmName.SHA256
    | "1.2.840.113549.2.10" -> ValueSome HashAlgorithmName.SHA384
    | "1.2.840.113549.2.11" -> ValueSome HashAlgorithmName.SHA512
    | _ -> ValueNone

[<Literal>]
let private Pbes2 = "1.2.840.113549.1.5.13"

[<Literal>]
let private Pbkdf2 = "1.2.840.113549.1.5.12"

/// PBKDF2-params: salt, rounds, an optional key length, and the pseudorandom function, by default HMAC with SHA-1
/// (RFC 8018 A.2).
let private readDerivation (parameters: AsnReader) : struct (byte[] * int * HashAlgorithmName voption) =
    let salt = parameters.ReadOctetString()
    let mutable rounds = 0

    if not (parameters.TryReadInt32 &rounds) || rounds < 1 || rounds > MostRounds then
        raise (AsnContentException())

    if parameters.HasData && parameters.PeekTag() = Asn1Tag.Integer then
        parameters.ReadInteger() |> ignore

    let hash =
        if parameters.HasData then
            tryHashOfPrf (parameters.ReadSequence().ReadObjectIdentifier())
        else
            ValueSome HashAlgorithmName.SHA1

    struct (salt, rounds, hash)

/// The PrivateKeyInfo inside an EncryptedPrivateKeyInfo; nothing if it is encrypted in another way than by PBES2 with
/// PBKDF2. Throws CryptographicException where the passphrase does not fit, AsnContentException for broken DER.
let tryDecryptPkcs8 (passphrase: string) (der: byte[]) : byte[] voption =
    let info = AsnReader(ReadOnlyMemory der, AsnEncodingRules.BER).ReadSequence()
    let scheme = info.ReadSequence()

    if scheme.ReadObjectIdentifier() <> Pbes2 then
        ValueNone
    else
        let parameters = scheme.ReadSequence()
        let derivation = parameters.ReadSequence()
        let encryption = parameters.ReadSequence()

        if derivation.ReadObjectIdentifier() <> Pbkdf2 then
            ValueNone
        else
            let struct (salt, rounds, hash) = readDerivation (derivation.ReadSequence())

            match hash, tryCipherOfOid (encryption.ReadObjectIdentifier()) with
            | ValueSome hash, ValueSome cipher ->
                let iv = encryption.ReadOctetString()

                let key =
                    Rfc2898DeriveBytes.Pbkdf2(passphrase, salt, rounds, hash, keyOctets cipher)

                ValueSome(decrypt cipher key iv (info.ReadOctetString()))
            | _ -> ValueNone

/// A PEM block with the headers of RFC 1421: what was encrypted, how, and with which salt.
type LegacyBlock =
    {
        Label: string
        CipherName: string
        Iv: byte[]
        Octets: byte[]
    }

/// Finds a block that its headers call encrypted. Throws FormatException where its text is broken.
let tryFindLegacy (text: string) : LegacyBlock voption =
    let between (first: string) (last: string) (from: int) =
        match text.IndexOf(first, from, StringComparison.Ordinal) with
        | -1 -> ValueNone
        | at ->
            let start = at + first.Length

            match text.IndexOf(last, start, StringComparison.Ordinal) with
            | -1 -> ValueNone
            | finish -> ValueSome(struct (text.Substring(start, finish - start).Trim(), finish))

    match text.IndexOf("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal) with
    | -1 -> ValueNone
    | headers ->
        match text.LastIndexOf("-----BEGIN ", headers, StringComparison.Ordinal), between "DEK-Info:" "\n" headers with
        | begins, ValueSome(struct (dek, at)) when begins >= 0 && dek.Contains ',' ->
            match between "-----BEGIN " "-----" begins, between "\n" "-----END " at with
            | ValueSome(struct (label, _)), ValueSome(struct (data, _)) ->
                ValueSome
                    {
                        Label = label
                        CipherName = dek.Substring(0, dek.IndexOf ',')
                        Iv = Convert.FromHexString(dek.Substring(dek.IndexOf ',' + 1).Trim())
                        Octets = Convert.FromBase64String data
                    }
            | _ -> ValueNone
        | _ -> ValueNone

// OpenSSL's EVP_BytesToKey with MD5 and one round, which the format has fixed for good.
let private legacyKey (passphrase: string) (salt: byte[]) (octets: int) : byte[] =
    let secret = Array.append (Encoding.UTF8.GetBytes passphrase) salt

    let rec extend (key: byte[]) (last: byte[]) =
        if key.Length >= octets then
            Array.sub key 0 octets
        else
            let next = MD5.HashData(Array.append last secret)
            extend (Array.append key next) next

    extend [||] [||]

/// The octets of a legacy block; nothing if its cipher is not known. Throws CryptographicException where the passphrase
/// does not fit.
let tryDecryptLegacy (passphrase: string) (block: LegacyBlock) : byte[] voption =
    tryCipherOfName block.CipherName
    |> ValueOption.map (fun cipher ->
        let key = legacyKey passphrase (Array.truncate 8 block.Iv) (keyOctets cipher)
        decrypt cipher key block.Iv block.Octets)
