/// The clauses of Authentication-Results that tell what became of signatures (RFC 8601 §2.7.1, §2.7.2).
module internal Dkim.Core.Signatures.SignatureResults

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records

// Signatures beyond the limits are not worth a word each: there may be thousands.
let isReported (judged: SignatureResult) =
    match judged.Verdict with
    | PermFail(Unacceptable(TooManySignatures _)) -> false
    | PermFail _
    | Verdict.Pass
    | TempFail _ -> true

let private property propertyType name value : ResultProperty =
    {
        Type = propertyType
        Name = name
        Value = value
    }

// A local part beyond ASCII stands as it is only in a message whose header has such text anyway (RFC 6532).
let identityText (header: Header) (identity: Identity) =
    let isAscii (field: Field) = Text.Ascii.IsValid field.Raw.Span

    if
        String.forall Char.IsAscii identity.LocalPart
        || not (Seq.forall isAscii header.Fields)
    then
        identity.ToString()
    else
        let octets = Text.Encoding.UTF8.GetBytes identity.LocalPart

        QuotedPrintable.encode (Octets.latin1 (ReadOnlySpan octets))
        + "@"
        + identity.Domain.Text

/// `header.from` or `header.sender`, after which of them DomainKeys went.
let sendingProperty (header: Header) : ResultProperty list =
    match Originator.trySending header with
    | ValueSome(struct (source, address)) ->
        let name = (Originator.sourceName source).ToLowerInvariant()
        [ property "header" name (Octets.decoded (address.ToString())) ]
    | ValueNone -> []

let identityProperties (header: Header) (judged: SignatureResult) : ResultProperty list =
    match judged.Scheme, judged.Signature with
    | Dkim, ValueSome signature -> [ property "header" "i" (identityText header signature.EffectiveIdentity) ]
    | Dkim, ValueNone -> []
    | DomainKeys, _ -> sendingProperty header

let private methodName (scheme: Scheme) =
    match scheme with
    | Dkim -> "dkim"
    | DomainKeys -> "domainkeys"

let methodResult scheme (word: ResultWord) comment properties : MethodResult =
    {
        Method = methodName scheme
        MethodVersion = ValueNone
        Result = ResultWord.name word
        Comment = comment
        Reason = ValueNone
        Properties = properties
    }

let private registeredOne (header: Header) (prefix: string) (judged: SignatureResult) : MethodResult =
    let word = Verdict.word judged.Verdict

    let told =
        match judged.Signature with
        | ValueSome signature when judged.Scheme = Dkim ->
            [
                property "header" "d" signature.Domain.Text
                property "header" "s" signature.Selector.Text
                property "header" "a" signature.Algorithm
                property "header" "b" prefix
            ]
        | _ -> []

    let reason =
        if word = ResultWord.Pass then
            ValueNone
        else
            ValueSome(Verdict.describe judged.Verdict)

    { methodResult judged.Scheme word ValueNone (identityProperties header judged @ told) with
        Reason = reason
    }

let private signatureText (judged: SignatureResult) =
    match judged.Signature with
    | ValueSome signature -> Convert.ToBase64String signature.Value
    | ValueNone -> ""

/// The clause of each signature, in the registered words (RFC 6008 tells signatures of one domain apart).
let registered (header: Header) (judged: SignatureResult list) : MethodResult list =
    let prefixes =
        judged |> List.map signatureText |> AuthenticationResults.signaturePrefixes

    List.map2 (registeredOne header) prefixes judged
