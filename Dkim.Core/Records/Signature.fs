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

/// Why a field is no signature that could be checked.
type SignatureError =
    | MalformedTagList of TagListError
    | UnsupportedVersion of version: string
    | MissingTag of name: string
    | EmptyTag of name: string
    | MalformedTag of name: string * reason: string
    | UnsupportedAlgorithm of name: string
    | UnsupportedCanonicalization of name: string
    | UnsupportedQuery of methods: string
    | TooManyNames of limit: int
    | UnfitBodyHash
    | IdentityOutsideDomain
    | FromNotSigned
    | ExpiresBeforeSigned
    | SenderUnknown
    | DomainNotOfSender
    | SenderNotSigned

/// What reading a signature may cost.
type SignatureLimits =
    {
        TagListOctets: int<octet>
        SignedNames: int
    }

module SignatureLimits =
    let defaults =
        {
            TagListOctets = 65536<octet>
            SignedNames = 1000
        }

/// Readers of single tags, shared by both schemes.
module internal SignatureTags =
    open FParsec
    open Dkim.Core.Words.Grammar

    let required (tags: TagList) (name: string) : Result<string, SignatureError> =
        match tags.TryValue name with
        | ValueNone -> Result.Error(MissingTag name)
        | ValueSome "" -> Result.Error(EmptyTag name)
        | ValueSome value -> Result.Ok value

    /// The value of an optional tag through a reader of its own.
    let optional (tags: TagList) (name: string) (read: string -> Result<'a, SignatureError>) =
        match tags.TryValue name with
        | ValueNone -> Result.Ok ValueNone
        | ValueSome value -> read value |> Result.map ValueSome

    let base64 (tags: TagList) (name: string) : Result<byte[], SignatureError> =
        required tags name
        |> Result.bind (fun value ->
            match TagList.tryBase64 value with
            | ValueSome octets -> Result.Ok octets
            | ValueNone -> Result.Error(MalformedTag(name, "not base64")))

    /// Text that may be UTF-8 (RFC 8616 §5).
    let utf8 (name: string) (value: string) : Result<string, SignatureError> =
        match Octets.tryUtf8 (ReadOnlySpan(Octets.ofLatin1 value)) with
        | ValueSome text -> Result.Ok text
        | ValueNone -> Result.Error(MalformedTag(name, "not UTF-8"))

    let domain (name: string) (value: string) : Result<DomainName, SignatureError> =
        utf8 name value
        |> Result.bind (
            DomainName.tryCreate
            >> Result.mapError (fun error -> MalformedTag(name, NameError.describe error))
        )

    let selector (value: string) : Result<Selector, SignatureError> =
        utf8 "s" value
        |> Result.bind (
            Selector.tryCreate
            >> Result.mapError (fun error -> MalformedTag("s", NameError.describe error))
        )

    let private fieldName: Parser<string> =
        many1Chars "a field name" (fun c -> isVisible c && c <> ':' && c <> ';')

    /// `hdr-name *( [FWS] ":" [FWS] hdr-name )` (RFC 6376 §3.5 h=), of at most `limit` names.
    let fieldNames (limit: int) (value: string) : Result<FieldName list, SignatureError> =
        if value |> Seq.filter ((=) ':') |> Seq.length >= limit then
            Result.Error(TooManyNames limit)
        else
            match parseAll (listOf ':' fieldName) value with
            | Result.Ok names -> Result.Ok(names |> List.map FieldName.known)
            | Result.Error reason -> Result.Error(MalformedTag("h", reason))

    /// `sig-q-tag-method = "dns/txt" / x-sig-q-tag-type ["/" x-sig-q-tag-args]`; a colon among the arguments would end it.
    let private queryMethod: Parser<string> =
        let isArgument c =
            isVisible c && c <> ':' && c <> ';' && c <> '|'

        let arguments =
            pchar '/' >>. many1Chars "arguments" isArgument |>> fun text -> "/" + text

        pipe2 hyphenatedWord (arguments <|>% "") (+)

    /// `sig-q-tag-method *([FWS] ":" [FWS] sig-q-tag-method)` (RFC 6376 §3.5 q=).
    let queryMethods (value: string) : Result<string list, SignatureError> =
        if value = "" then
            Result.Error(EmptyTag "q")
        else
            parseAll (listOf ':' queryMethod) value
            |> Result.mapError (fun reason -> MalformedTag("q", reason))

    /// Digits as a number; one too large to hold counts as the largest that can be held (RFC 6376 §3.5 t=, x=, l=).
    let private number (name: string) (mostDigits: int) (value: string) : Result<int64, SignatureError> =
        if value = "" || value.Length > 76 || not (String.forall Char.IsAsciiDigit value) then
            Result.Error(MalformedTag(name, "not a number"))
        else
            let digits = value.TrimStart '0'

            if digits.Length > mostDigits then Result.Ok Int64.MaxValue
            elif digits = "" then Result.Ok 0L
            else Result.Ok(Int64.Parse digits)

    /// Seconds since 1970; a value of more than twelve digits stands for a time without end.
    let time (name: string) (value: string) : Result<int64<sec>, SignatureError> =
        number name 12 value |> Result.map (fun seconds -> seconds * 1L<sec>)

    let length (value: string) : Result<int64<octet>, SignatureError> =
        number "l" 18 value |> Result.map (fun octets -> octets * 1L<octet>)

    /// The extent to cut for b=, as a part of the text after the colon.
    let valueExtent (tags: TagList) : Extent =
        match tags.TryFind "b" with
        | ValueSome tag -> tag.Whole
        | ValueNone -> { At = 0<octet>; Length = 0<octet> }

/// Steps that may fail, one after the other.
type internal ResultBuilder() =
    member inline _.Bind(result, [<FSharp.Core.InlineIfLambda>] next: 'a -> Result<'b, 'e>) : Result<'b, 'e> =
        match result with
        | Ok value -> next value
        | Error error -> Error error

    member inline _.Return(value: 'a) : Result<'a, 'e> = Ok value
    member inline _.ReturnFrom(result: Result<'a, 'e>) = result
    member inline _.Delay([<FSharp.Core.InlineIfLambda>] body: unit -> Result<'a, 'e>) = body
    member inline _.Run([<FSharp.Core.InlineIfLambda>] body: unit -> Result<'a, 'e>) = body ()

[<AutoOpen>]
module internal ResultBuilder =
    let result = ResultBuilder()

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

module SignatureError =
    /// The sentence for logs and for the comment of a result. Nothing of the message is in it but names of tags.
    let describe (error: SignatureError) : string =
        match error with
        | MalformedTagList error -> "signature syntax error: " + TagListError.describe error
        | UnsupportedVersion _ -> "unsupported signature version"
        | MissingTag name -> "signature without " + name + "="
        | EmptyTag name -> "empty " + name + "="
        | MalformedTag(name, reason) -> "bad " + name + "=: " + reason
        | UnsupportedAlgorithm _ -> "unsupported signature algorithm"
        | UnsupportedCanonicalization _ -> "unsupported canonicalization"
        | UnsupportedQuery _ -> "unsupported query method"
        | TooManyNames limit -> "more than " + string limit + " names in h="
        | UnfitBodyHash -> "bh= is not as long as the hash"
        | IdentityOutsideDomain -> "domain of i= is neither d= nor below it"
        | FromNotSigned -> "From field not signed"
        | ExpiresBeforeSigned -> "x= is not later than t="
        | SenderUnknown -> "no sending address"
        | DomainNotOfSender -> "d= is neither the sender's domain nor above it"
        | SenderNotSigned -> "field of the sending address not signed"
