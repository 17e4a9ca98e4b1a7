/// Keys in every form in which they are stored or published, and which are refused.
module Dkim.Tests.Core.SigningKeyTests

open System
open System.Formats.Asn1
open System.IO
open System.Security.Cryptography
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

let private pem (name: string) =
    File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Keys", name + ".pem"))

let private digest = SHA256.HashData "a header"B

let private verifies (signer: SigningKey) (other: SigningKey) =
    other.PublicKey.Verify(Sha256, digest, signer.Sign(Sha256, digest))

let private secret = ValueSome "secret"

let private record (keyType: string) (octets: byte[]) =
    KeyRecord.parse 16384<octet> ("v=DKIM1; k=" + keyType + "; p=" + Convert.ToBase64String octets)
    |> Result.bind PublicKey.ofRecord

let private spki (modulus: byte[]) (exponent: byte[]) =
    let rsa = RSA.Create(RSAParameters(Modulus = modulus, Exponent = exponent))
    rsa.ExportSubjectPublicKeyInfo()

let private bareKey (modulus: byte[]) (exponent: byte[]) =
    let writer = AsnWriter AsnEncodingRules.DER

    do
        use _ = writer.PushSequence()
        writer.WriteInteger(Numerics.BigInteger(ReadOnlySpan modulus, isUnsigned = true, isBigEndian = true))
        writer.WriteInteger(Numerics.BigInteger(ReadOnlySpan exponent, isUnsigned = true, isBigEndian = true))

    writer.Encode()

let private modulus (bits: int) =
    (RSA.Create bits).ExportParameters(false).Modulus |> nonNull

/// An EncryptedPrivateKeyInfo of so many rounds, with a cipher that nobody knows.
let private encrypted (rounds: int) =
    let writer = AsnWriter AsnEncodingRules.DER

    let sequence (write: unit -> unit) =
        use _ = writer.PushSequence()
        write ()

    let derivation () =
        writer.WriteObjectIdentifier "1.2.840.113549.1.5.12"

        sequence (fun () ->
            writer.WriteOctetString "salt"B
            writer.WriteInteger(int64 rounds))

    let parameters () =
        sequence derivation
        sequence (fun () -> writer.WriteObjectIdentifier "1.2.3")

    sequence (fun () ->
        sequence (fun () ->
            writer.WriteObjectIdentifier "1.2.840.113549.1.5.13"
            sequence parameters)

        writer.WriteOctetString "key"B)

    writer.Encode()

/// A key of 496 bits, the shortest that a digest of SHA-256 fits into: modulus and private exponent.
let private shortest =
    let first, second =
        let near (offset: int) =
            3I * Numerics.BigInteger.Pow(2I, 246) + Numerics.BigInteger offset

        near 13225, near 987654451

    let phi = (first - 1I) * (second - 1I)

    let rec inverse k =
        if (k * phi + 1I) % 65537I = 0I then
            (k * phi + 1I) / 65537I
        else
            inverse (k + 1I)

    first * second, inverse 1I

[<Tests>]
let tests =
    testList
        "SigningKeyTests"
        [
            testRows
                "every form of a key gives the same key"
                [
                    ("rsa-pkcs1", "rsa-pkcs1")
                    ("rsa-pkcs8", "rsa-pkcs1")
                    ("rsa-legacy-aes128", "rsa-pkcs1")
                    ("rsa-legacy-des3", "rsa-pkcs1")
                    ("rsa-pbes2", "rsa-pkcs1")
                    ("rsa-pbes1", "rsa-pkcs1")
                    ("ed25519-pkcs8", "ed25519-pkcs8")
                    ("ed25519-pbes2", "ed25519-pkcs8")
                    ("ed25519-des3", "ed25519-pkcs8")
                ]
                (fun (form: string, plain: string) ->
                    let key = SigningKey.parse secret (pem form) |> Expect.ok
                    let same = SigningKey.parse ValueNone (pem plain) |> Expect.ok
                    Expect.equal same.KeyData key.KeyData
                    Expect.isTrue (verifies key same) form)

            testRows
                "an encrypted key asks for its passphrase and knows a wrong one"
                [
                    "rsa-legacy-aes128"
                    "rsa-legacy-des3"
                    "rsa-pbes2"
                    "rsa-pbes1"
                    "ed25519-pbes2"
                ]
                (fun (form: string) ->
                    SigningKey.parse ValueNone (pem form)
                    |> Expect.error
                    |> Expect.equal PassphraseNeeded

                    SigningKey.parse (ValueSome "wrong") (pem form)
                    |> Expect.error
                    |> Expect.equal WrongPassphrase)

            testCase "text around the block is passed over" (fun () ->
                let text = "Bag Attributes\r\n  name: x\r\n" + pem "rsa-pkcs8" + "\nthe end\n"
                SigningKey.parse ValueNone text |> Expect.ok |> _.Bits |> Expect.equal 1024<bit>)

            testCase "what is no RSA or Ed25519 key is named so" (fun () ->
                SigningKey.parse ValueNone (pem "ec-pkcs8")
                |> Expect.error
                |> Expect.equal UnsupportedPrivateKey

                SigningKey.parse ValueNone "no key at all"
                |> Expect.error
                |> Expect.equal NoPrivateKey)

            testCase "a key cut anywhere is an error, never an exception" (fun () ->
                for name in
                    [
                        "rsa-pkcs1"
                        "rsa-legacy-aes128"
                        "rsa-pbes2"
                        "ed25519-pkcs8"
                        "ed25519-pbes2"
                    ] do
                    let text = pem name
                    let tail = text.Substring(text.IndexOf "-----END ")

                    for length in 0..7 .. text.Length - tail.Length - 2 do
                        SigningKey.parse secret (text.Substring(0, length) + "\n" + tail)
                        |> Expect.error
                        |> ignore)

            testCase "a private key shows nothing of itself" (fun () ->
                let key = SigningKey.parse ValueNone (pem "rsa-pkcs1") |> Expect.ok
                string (box key) |> Expect.equal "private key")

            testCase "RFC8463-3-1 Ed25519 signatures are those of RFC 8032" (fun () ->
                // RFC 8032 §7.1, test 3.
                let seed =
                    Convert.FromHexString "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"

                let message = Convert.FromHexString "af82"

                let expected =
                    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                    + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"

                Ed25519.sign seed (Ed25519.publicKey seed) message
                |> Convert.ToHexStringLower
                |> Expect.equal expected)

            testRows
                "RFC8032-5.1.7-1 keys of small order or another length are refused"
                [
                    "0000000000000000000000000000000000000000000000000000000000000000"
                    "0100000000000000000000000000000000000000000000000000000000000000"
                    "0000000000000000000000000000000000000000000000000000000000000080"
                    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
                    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
                    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"
                    "00"
                ]
                (fun (hex: string) ->
                    match record "ed25519" (Convert.FromHexString hex) |> Expect.error with
                    | MalformedKeyData _ -> ()
                    | other -> failtest (KeyError.describe other))

            testCase "RFC6376-3.6.1-5 both encodings of an RSA key give the same key" (fun () ->
                let n = modulus 1024
                let e = [| 1uy; 0uy; 1uy |]
                (record "rsa" (spki n e) |> Expect.ok).Bits |> Expect.equal 1024<bit>
                (record "rsa" (bareKey n e) |> Expect.ok).Bits |> Expect.equal 1024<bit>

                record "rsa" (Array.append (spki n e) [| 0uy |])
                |> Expect.error
                |> Expect.equal (MalformedKeyData "p= holds no RSA key"))

            testCase "RFC6376-8.13-1 exponents out of bounds are refused" (fun () ->
                let n = modulus 1024

                let exponents =
                    [ [| 1uy |]; [| 4uy |]; [| 2uy; 0uy; 0uy; 0uy; 1uy |]; Array.create 256 1uy ]

                for e in exponents do
                    record "rsa" (bareKey n e)
                    |> Expect.error
                    |> Expect.equal (MalformedKeyData "the exponent is not an odd number from 3 to 2^33"))

            testCase "RFC8301-3.2-4 a modulus of more than 8192 bits is refused before any arithmetic" (fun () ->
                let n = Array.create 1025 0xFFuy

                record "rsa" (bareKey n [| 3uy |])
                |> Expect.error
                |> Expect.equal (KeyTooLong 8200<bit>))

            testCase "rounds of a key derivation are counted before they are made" (fun () ->
                EncryptedKeys.tryDecryptPkcs8 "secret" (encrypted 10_000_000)
                |> Expect.equal ValueNone

                for rounds in [ 0; 10_000_001 ] do
                    let read () =
                        EncryptedKeys.tryDecryptPkcs8 "secret" (encrypted rounds) |> ignore

                    Expect.throws<AsnContentException> read)

            testCase "a digest behind the shortest padding is found in its signature" (fun () ->
                let modulus, exponent = shortest

                let encoded =
                    Array.concat
                        [
                            [| 1uy |]
                            Array.create 8 255uy
                            [| 0uy |]
                            Convert.FromHexString "3031300d060960864801650304020105000420"
                            digest
                        ]

                let signature =
                    Numerics.BigInteger.ModPow(
                        Numerics.BigInteger(ReadOnlySpan encoded, isUnsigned = true, isBigEndian = true),
                        exponent,
                        modulus
                    )

                let record =
                    let key = bareKey (modulus.ToByteArray(true, true)) [| 1uy; 0uy; 1uy |]

                    KeyRecord.parse 4096<octet> ("p=" + Convert.ToBase64String key) |> Expect.ok

                match RecoveredDigest.recover record (signature.ToByteArray(true, true)) with
                | RecoveredDigest.Digest(hash, found) -> (hash, found) |> Expect.equal (Sha256, digest)
                | _ -> failtest "the digest was not found")
        ]
