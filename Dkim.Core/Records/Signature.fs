/// A signature of either scheme, and how DKIM writes it (RFC 6376 §3.5, RFC 8463, RFC 8616).
namespace Dkim.Core.Records

open System
open Dkim.Core.Words
open Dkim.Core.Message

/// The agent or user on whose behalf a message is signed (RFC 6376 §3.5 i=). The local part may be empty.
type Identity =
    {
        LocalPart: string
        Domain: DomainName
    }

    override this.ToString() = this.LocalPart + "@" + this.Domain.Text

/// A signature as its field states it. Of a DomainKeys signature the parts that it lacks are empty.
type Signature =
    {
        Scheme: Scheme
        KeyType: KeyType
        Hash: Hash
        HeaderCanon: HeaderCanon
        BodyCanon: BodyCanon
        /// The single word that c= was, or what it would be: printed as given, because fields are hashed as written.
        CanonText: string
        Domain: DomainName
        Selector: Selector
        /// h=; a DomainKeys signature without it covers all fields below it.
        SignedFields: FieldName list voption
        Identity: Identity voption
        /// l=, in canonical octets. Absent and 0 differ.
        BodyLength: int64<octet> voption
        SignedAt: int64<sec> voption
        ExpiresAt: int64<sec> voption
        /// z=, as written.
        CopiedFields: string voption
        /// r=y (RFC 6651 §3.1)
        ReportsWanted: bool
        /// atps= and atpsh= (RFC 6541 §4.2)
        ThirdParty: ThirdParty voption
        BodyHash: byte[]
        Value: byte[]
        /// Where the value of b= stands in the octets after the colon, white space around it included: cut here.
        ValueExtent: Extent
    }

    /// i=, or `@` and d= (RFC 6376 §3.5).
    member this.EffectiveIdentity: Identity =
        this.Identity
        |> ValueOption.defaultValue { LocalPart = ""; Domain = this.Domain }

    /// The name of a=.
    member this.Algorithm: string = Algorithms.name this.KeyType this.Hash

module Signature =
    open SignatureTags

    let private readVersion (tags: TagList) =
        required tags "v"
        |> Result.bind (fun version ->
            if version = "1" then
                Ok()
            else
                Error(UnsupportedVersion version))

    let private readAlgorithm (tags: TagList) =
        required tags "a"
        |> Result.bind (fun name ->
            match Algorithms.signing.TryParse name with
            | ValueSome known -> Ok known
            | ValueNone -> Error(UnsupportedAlgorithm name))

    /// c=: one word is the header's, the body is then simple; without it both are simple.
    let internal readCanon (text: string) : Result<struct (HeaderCanon * BodyCanon), SignatureError> =
        let known header body =
            match Algorithms.headerCanons.TryParse header, Algorithms.bodyCanons.TryParse body with
            | ValueSome header, ValueSome body -> Ok(struct (header, body))
            | _ -> Error(UnsupportedCanonicalization text)

        match text.Split '/' with
        | [| header |] -> known header "simple"
        | [| header; body |] -> known header body
        | _ -> Error(UnsupportedCanonicalization text)

    /// q=: one of the methods must be ours; unknown ones are passed over.
    let private checkQuery (tags: TagList) =
        optional tags "q" queryMethods
        |> Result.bind (fun methods ->
            if methods |> ValueOption.forall (List.contains "dns/txt") then
                Ok()
            else
                Error(UnsupportedQuery(String.Join(':', ValueOption.get methods))))

    let private readIdentity (value: string) : Result<Identity, SignatureError> =
        let malformed reason = Error(MalformedTag("i", reason))

        match QuotedPrintable.tryDecode value with
        | ValueNone -> malformed "not quoted-printable"
        | ValueSome decoded ->
            match decoded.LastIndexOf '@' with
            | -1 -> malformed "no @"
            | at ->
                result {
                    let! local = utf8 "i" (decoded.Substring(0, at))
                    let! domain = domain "i" (decoded.Substring(at + 1))

                    if local.Length > 256 || String.exists Char.IsControl local then
                        return! malformed "a local part that no mailbox has"
                    else
                        return { LocalPart = local; Domain = domain }
                }

    let private checkLength (hash: Hash) (bodyHash: byte[]) =
        if bodyHash.Length = int (Algorithms.hashLength hash) then
            Ok()
        else
            Error UnfitBodyHash

    /// What §6.1.1 asks once every tag was read.
    let private checkWhole (signature: Signature) : Result<Signature, SignatureError> =
        let signsFrom =
            match signature.SignedFields with
            | ValueSome names -> names |> List.exists _.Is("From")
            | ValueNone -> false

        match signature.SignedAt, signature.ExpiresAt with
        | _ when not (signature.EffectiveIdentity.Domain.IsWithin signature.Domain) -> Error IdentityOutsideDomain
        | _ when not signsFrom -> Error FromNotSigned
        | ValueSome signed, ValueSome expires when expires <= signed -> Error ExpiresBeforeSigned
        | _ -> Ok signature

    let private ofTags (limits: SignatureLimits) (tags: TagList) : Result<Signature, SignatureError> =
        result {
            do! readVersion tags
            let! struct (keyType, hash) = readAlgorithm tags
            let! value = base64 tags "b"
            let! bodyHash = base64 tags "bh"
            do! checkLength hash bodyHash
            let canonText = tags.TryValue "c" |> ValueOption.defaultValue "simple/simple"
            let! struct (headerCanon, bodyCanon) = readCanon canonText
            let! domain = required tags "d" |> Result.bind (domain "d")
            let! names = required tags "h" |> Result.bind (fieldNames limits.SignedNames)
            let! selector = required tags "s" |> Result.bind selector
            let! identity = optional tags "i" readIdentity
            let! bodyLength = optional tags "l" length
            do! checkQuery tags
            let! signedAt = optional tags "t" (time "t")
            let! expiresAt = optional tags "x" (time "x")

            return!
                checkWhole
                    {
                        Scheme = Dkim
                        KeyType = keyType
                        Hash = hash
                        HeaderCanon = headerCanon
                        BodyCanon = bodyCanon
                        CanonText = canonText
                        Domain = domain
                        Selector = selector
                        SignedFields = ValueSome names
                        Identity = identity
                        BodyLength = bodyLength
                        SignedAt = signedAt
                        ExpiresAt = expiresAt
                        CopiedFields = tags.TryValue "z"
                        ReportsWanted = (tags.TryValue "r" = ValueSome "y")
                        ThirdParty = ThirdParty.ofTags (tags.TryValue "atps") (tags.TryValue "atpsh")
                        BodyHash = bodyHash
                        Value = value
                        ValueExtent = valueExtent tags
                    }
        }

    /// Reads a DKIM-Signature field (RFC 6376 §6.1.1). Times are not judged here.
    let parse (limits: SignatureLimits) (field: Field) : Result<Signature, SignatureError> =
        TagList.parse limits.TagListOctets field.ValueText
        |> Result.mapError MalformedTagList
        |> Result.bind (ofTags limits)
