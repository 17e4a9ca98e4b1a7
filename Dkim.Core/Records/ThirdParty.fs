/// Signatures of others that an author's domain has authorized (RFC 6541).
namespace Dkim.Core.Records

open System.Text
open Dkim.Core.Words

/// How the record of an authorization names the signer (atpsh=).
[<Struct>]
type SignerNaming =
    /// `none`: by its domain.
    | PlainName
    /// By a hash of that.
    | HashedName of Hash

/// For whom a signature claims to be made: atps= and atpsh= (RFC 6541 §4.2).
type ThirdParty =
    {
        Author: DomainName
        Naming: SignerNaming
    }

module ThirdParty =
    let private alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

    // RFC 4648 §6, without padding.
    let private base32 (octets: byte[]) : string =
        let text = StringBuilder()
        let mutable held = 0
        let mutable bits = 0

        for octet in octets do
            held <- ((held <<< 8) ||| int octet) &&& 0xfff
            bits <- bits + 8

            while bits >= 5 do
                bits <- bits - 5
                text.Append alphabet[(held >>> bits) &&& 31] |> ignore

        if bits > 0 then
            text.Append alphabet[(held <<< (5 - bits)) &&& 31] |> ignore

        text.ToString()

    let private namings =
        NameTable [ "none", PlainName; "sha1", HashedName Sha1; "sha256", HashedName Sha256 ]

    /// What atpsh= says.
    let namingOf (text: string) : SignerNaming voption = namings.TryParse text

    let namingName (naming: SignerNaming) : string =
        match naming with
        | PlainName -> "none"
        | HashedName Sha1 -> "sha1"
        | HashedName Sha256 -> "sha256"

    /// The claim of a signature, which needs both tags; one that cannot be read is none.
    let ofTags (author: string voption) (naming: string voption) : ThirdParty voption =
        match author, ValueOption.bind namingOf naming with
        | ValueSome author, ValueSome naming ->
            match DomainName.tryCreate author with
            | Ok author -> ValueSome { Author = author; Naming = naming }
            | Error _ -> ValueNone
        | _ -> ValueNone

    /// The longest name of the DNS, in characters.
    [<Literal>]
    let private Longest = 253

    /// The name of the record that authorizes a signer; nothing where it would be too long for one (§4.3).
    let tryName (signer: DomainName) (claim: ThirdParty) : string voption =
        let signer = signer.Text.ToLowerInvariant()

        let label =
            match claim.Naming with
            | PlainName -> signer
            | HashedName hash -> base32 (Hash.digest hash (Encoding.ASCII.GetBytes signer))

        let name = (label + "._atps." + claim.Author.Text).ToLowerInvariant()
        if name.Length > Longest then ValueNone else ValueSome name

    let private limit = 4096<octet>

    /// Whether a record authorizes a signer: v=ATPS1, and no other domain in d= (§4.4).
    let authorizes (signer: DomainName) (record: string) : bool =
        match TagList.parse limit record with
        | Error _ -> false
        | Ok tags ->
            let isSigner (text: string) =
                match DomainName.tryCreate text with
                | Ok domain -> domain = signer
                | Error _ -> false

            tags.TryValue "v" = ValueSome "ATPS1"
            && tags.TryValue "d" |> ValueOption.forall isSigner
