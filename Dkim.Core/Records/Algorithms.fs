/// The closed sets of names that signatures and keys use. One table for each serves both reading and printing. Names
/// match exactly, case included.
namespace Dkim.Core.Records

open System.Security.Cryptography
open Dkim.Core.Words

/// Which of the two signature schemes.
[<Struct>]
type Scheme =
    | Dkim
    | DomainKeys

/// The hash of a signature algorithm (RFC 6376 §3.3, RFC 8301 §3.1).
[<Struct>]
type Hash =
    | Sha1
    | Sha256

module Hash =
    /// The name that the platform's cryptography has for it.
    let internal algorithm (hash: Hash) : HashAlgorithmName =
        match hash with
        | Sha1 -> HashAlgorithmName.SHA1
        | Sha256 -> HashAlgorithmName.SHA256

    /// The digest of octets.
    let internal digest (hash: Hash) (octets: byte[]) : byte[] =
        match hash with
        | Sha1 -> SHA1.HashData octets
        | Sha256 -> SHA256.HashData octets

/// The kind of key of a signature algorithm (RFC 6376 §3.3, RFC 8463 §3).
[<Struct>]
type KeyType =
    | Rsa
    | Ed25519

/// How header fields are brought to a common form (RFC 6376 §3.4.1–2; RFC 4870 §3.4.2).
[<Struct>]
type HeaderCanon =
    | SimpleHeader
    | RelaxedHeader
    | NofwsHeader

/// How the body is brought to a common form (RFC 6376 §3.4.3–4; RFC 4870 §3.4.2). The two of DomainKeys begin with the
/// empty line between header and body, which they hash.
[<Struct>]
type BodyCanon =
    | SimpleBody
    | RelaxedBody
    | DomainKeysSimpleBody
    | NofwsBody

/// A closed set of values and their names, in the order of preference.
type internal NameTable<'value when 'value: equality>(rows: (string * 'value) list) =
    member _.TryParse(name: string) : 'value voption =
        match List.tryFind (fun (known, _) -> known = name) rows with
        | Some(_, value) -> ValueSome value
        | None -> ValueNone

    /// The first name of a value in the table.
    member _.Name(value: 'value) : string =
        rows |> List.find (fun (_, known) -> known = value) |> fst

module Algorithms =
    let internal hashes = NameTable [ "sha256", Sha256; "sha1", Sha1 ]

    let internal keyTypes = NameTable [ "rsa", Rsa; "ed25519", Ed25519 ]

    /// a= (RFC 6376 §3.3, RFC 8463 §3).
    let internal signing =
        NameTable
            [
                "rsa-sha256", struct (Rsa, Sha256)
                "rsa-sha1", struct (Rsa, Sha1)
                "ed25519-sha256", struct (Ed25519, Sha256)
            ]

    let internal headerCanons =
        NameTable [ "simple", SimpleHeader; "relaxed", RelaxedHeader ]

    let internal bodyCanons = NameTable [ "simple", SimpleBody; "relaxed", RelaxedBody ]

    /// c= of DomainKeys sets both halves (RFC 4870 §3.3).
    let internal domainKeysCanons =
        NameTable
            [
                "nofws", struct (NofwsHeader, NofwsBody)
                "simple", struct (SimpleHeader, DomainKeysSimpleBody)
            ]

    /// The name of a key type and hash as a= writes it.
    let name (keyType: KeyType) (hash: Hash) : string =
        keyTypes.Name keyType + "-" + hashes.Name hash

    /// Octets of a hash.
    let hashLength (hash: Hash) : int<octet> =
        match hash with
        | Sha1 -> 20<octet>
        | Sha256 -> 32<octet>

    /// The name of a canonicalization as c= writes it: both halves for DKIM, one word for DomainKeys.
    let canonName (header: HeaderCanon) (body: BodyCanon) : string =
        match header, body with
        | NofwsHeader, _ -> "nofws"
        | _, (DomainKeysSimpleBody | NofwsBody) -> "simple"
        | (SimpleHeader | RelaxedHeader), (SimpleBody | RelaxedBody) ->
            headerCanons.Name header + "/" + bodyCanons.Name body
