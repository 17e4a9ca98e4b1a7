/// The single tags of a signature, of either scheme, and what can be wrong with them (RFC 6376 §3.5).
namespace Dkim.Core.Records

open System
open Dkim.Core.Words
open Dkim.Core.Message

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
