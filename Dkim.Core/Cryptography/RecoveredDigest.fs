/// What an RSA signature says when it is opened with the public key (RFC 8017 §9.2): the digest that was signed, so that a
/// wrong key can be told from changed text, and guesses at the text cost a hash each.
namespace Dkim.Core.Cryptography

open System
open System.Numerics
open System.Security.Cryptography
open Dkim.Core.Records

/// What was found in a signature.
[<RequireQualifiedAccess>]
type RecoveredDigest =
    /// The digest of the text as it was signed.
    | Digest of Hash * byte[]
    /// Nothing that this key could have made.
    | OtherKey
    /// Signatures of this type cannot be opened.
    | Closed

module internal RecoveredDigest =
    // DigestInfo up to the digest itself (RFC 8017 §9.2 note 1).
    let private prefixes =
        [
            Sha256, Convert.FromHexString "3031300d060960864801650304020105000420"
            Sha1, Convert.FromHexString "3021300906052b0e03021a05000414"
        ]

    let private number (octets: byte[]) =
        BigInteger(ReadOnlySpan octets, isUnsigned = true, isBigEndian = true)

    let private filled (length: int) (value: BigInteger) : byte[] =
        let octets = value.ToByteArray(isUnsigned = true, isBigEndian = true)
        Array.append (Array.zeroCreate (max 0 (length - octets.Length))) octets

    /// The digest in `00 01 FF ... 00 DigestInfo`.
    let private tryDigest (encoded: byte[]) : (Hash * byte[]) option =
        prefixes
        |> List.tryPick (fun (hash, prefix) ->
            let length = int (Algorithms.hashLength hash)
            let start = encoded.Length - length - prefix.Length

            let padding =
                Array.init (max 0 start) (fun index -> if index = 0 || index = start - 1 then 0uy else 255uy)

            if start < 11 then
                None
            else
                padding[1] <- 1uy
                let expected = Array.append padding prefix

                if encoded.AsSpan(0, expected.Length).SequenceEqual(ReadOnlySpan expected) then
                    Some(hash, Array.sub encoded expected.Length length)
                else
                    None)

    /// Opens a signature with a key.
    let recover (record: KeyRecord) (signature: byte[]) : RecoveredDigest =
        match record.KeyType, RsaNumbers.parse record.KeyData with
        | Ed25519, _
        | _, Error _ -> RecoveredDigest.Closed
        | Rsa, Ok(struct (_, numbers: RSAParameters)) ->
            match numbers.Modulus, numbers.Exponent with
            | null, _
            | _, null -> RecoveredDigest.Closed
            | modulus, exponent ->
                let opened = BigInteger.ModPow(number signature, number exponent, number modulus)

                match tryDigest (filled modulus.Length opened) with
                | Some(hash, digest) -> RecoveredDigest.Digest(hash, digest)
                | None -> RecoveredDigest.OtherKey
