/// Ed25519 as DKIM uses it: PureEdDSA over the SHA-256 of the header (RFC 8463 §3, RFC 8032 §5.1). The platform has none,
/// so BouncyCastle computes. Non-canonical points and S not below L are refused by it, small-order keys by us.
module internal Dkim.Core.Cryptography.Ed25519

open System
open Org.BouncyCastle.Math.EC.Rfc8032

/// Octets of a public key, and of the seed that a private key is.
[<Literal>]
let KeyLength = 32

[<Literal>]
let SignatureLength = 64

// The y coordinates of the points whose order divides eight. A signature under such a key proves nothing.
let private smallOrder: byte[] list =
    [
        String('0', 64)
        "01" + String('0', 62)
        "ec" + String('f', 60) + "7f"
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
    ]
    |> List.map Convert.FromHexString

let private hasSmallOrder (publicKey: byte[]) =
    let y = Array.copy publicKey
    y[KeyLength - 1] <- y[KeyLength - 1] &&& 0x7Fuy
    List.contains y smallOrder

/// Nothing is wrong with a public key as far as its octets show.
let checkPublicKey (publicKey: byte[]) : Result<unit, string> =
    if publicKey.Length <> KeyLength then
        Error("an Ed25519 key has " + string KeyLength + " octets")
    elif hasSmallOrder publicKey then
        Error "a point of small order"
    else
        Ok()

let publicKey (seed: byte[]) : byte[] =
    let key = Array.zeroCreate KeyLength
    Ed25519.GeneratePublicKey(seed, 0, key, 0)
    key

let sign (seed: byte[]) (publicKey: byte[]) (message: byte[]) : byte[] =
    let signature = Array.zeroCreate SignatureLength
    Ed25519.Sign(seed, 0, publicKey, 0, message, 0, message.Length, signature, 0)
    signature

let verify (publicKey: byte[]) (message: byte[]) (signature: byte[]) : bool =
    signature.Length = SignatureLength
    && Ed25519.Verify(signature, 0, publicKey, 0, message, 0, message.Length)
