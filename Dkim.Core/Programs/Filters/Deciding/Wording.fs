/// What the filters say, in the words of the originals: admins and their scripts look for them in logs, replies and
/// fields.
namespace Dkim.Core.Programs.Filters.Deciding

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running

module internal Wording =
    /// An address of the envelope without its brackets.
    let unbracketed (address: string) : string =
        address.Trim().TrimStart('<').TrimEnd('>')

    /// A line of the log. Arguments and lists may have said what is in it.
    let line (level: LogLevel) (text: string) : LogLine =
        LogLine.plain level (Printable.tame text)

    let private ofMissing (name: string) : string =
        match name with
        | "a" -> "signature algorithm missing"
        | "b" -> "signature data missing"
        | "bh" -> "body hash missing"
        | "c" -> "canonicalization missing"
        | "d" -> "domain tag missing"
        | "h" -> "header list missing"
        | "s" -> "selector tag missing"
        | "v" -> "unsupported signature version"
        | _ -> "signature syntax error"

    let private ofEmpty (name: string) : string =
        match name with
        | "a" -> "signature algorithm invalid"
        | "b" -> "signature data empty"
        | "bh" -> "body hash empty"
        | "c" -> "canonicalization missing"
        | "d" -> "domain tag empty"
        | "h" -> "header list tag empty"
        | "l" -> "body length value invalid"
        | "q" -> "query method invalid"
        | "s" -> "selector tag empty"
        | "v" -> "unsupported signature version"
        | _ -> "signature syntax error"

    let private ofMalformed (name: string) : string =
        match name with
        | "b" -> "signature data corrupt"
        | "bh" -> "body hash corrupt"
        | "i" -> "invalid domain coverage"
        | "l" -> "body length value invalid"
        | "q" -> "query method invalid"
        | "t"
        | "x" -> "signature timestamp order error"
        | _ -> "signature syntax error"

    let private ofCanon (text: string) : string =
        match Algorithms.headerCanons.TryParse(text.Split('/').[0]) with
        | ValueSome _ -> "invalid body canonicalization"
        | ValueNone -> "invalid header canonicalization"

    let private ofQuery (methods: string) : string =
        if
            methods.Split(':')
            |> Array.exists (fun one -> one.StartsWith("dns/", StringComparison.Ordinal))
        then
            "query option invalid"
        else
            "query method invalid"

    let ofSignatureError (error: SignatureError) : string =
        match error with
        | MalformedTagList _ -> "signature syntax error"
        | UnsupportedVersion _ -> "unsupported signature version"
        | MissingTag name -> ofMissing name
        | EmptyTag name -> ofEmpty name
        | MalformedTag(name, _) -> ofMalformed name
        | UnsupportedAlgorithm _ -> "signature algorithm invalid"
        | UnsupportedCanonicalization text -> ofCanon text
        | UnsupportedQuery methods -> ofQuery methods
        | TooManyNames limit -> "more than " + string limit + " names in header list"
        | UnfitBodyHash -> "body hash corrupt"
        | IdentityOutsideDomain -> "invalid domain coverage"
        | FromNotSigned -> "header list missing required entries"
        | ExpiresBeforeSigned -> "signature timestamp order error"
        | SenderUnknown -> "no sending address"
        | DomainNotOfSender -> "invalid domain coverage"
        | SenderNotSigned -> "header list missing required entries"

    let ofKeyError (key: KeyRecord voption) (error: KeyError) : string =
        match error with
        | NoKey -> "key not found in DNS"
        | SeveralKeys -> "multiple keys found"
        | MalformedRecord _
        | MissingKeyData
        | RecordTooLong _ -> "key DNS reply corrupt"
        | UnsupportedRecordVersion _ -> "unknown key version"
        | Revoked -> "key revoked"
        | UnsupportedKeyType _
        | UnfitKeyType _ -> "unknown key type"
        | HashNotAllowed _ ->
            match key with
            | ValueSome record when record.Hashes = ValueSome [] -> "unknown key hash"
            | _ -> "signature-key hash mismatch"
        | ServiceNotAllowed -> "not an e-mail key"
        | SubdomainNotAllowed -> "unauthorized subdomain"
        | GranularityMismatch -> "key granularity mismatch"
        | MalformedKeyData _
        | KeyTooLong _ -> "unable to apply public key"
        | UntrustedKey _ -> "key not secured by DNSSEC"

    /// Why a signature cannot be judged for now.
    [<Literal>]
    let KeyUnavailable = "key DNS query failed"

    /// Why a signature does not pass.
    let ofRefusal (key: KeyRecord voption) (refusal: Refusal) : string =
        match refusal with
        | BadSignature error -> ofSignatureError error
        | BadKey error -> ofKeyError key error
        | Expired _ -> "signature expired"
        | NotYetValid _ -> "signature timestamp in the future"
        | BodyShorter _ -> "length tag value exceeds body size"
        | BodyAltered
        | HeaderAltered -> "signature verification failed"
        | Unacceptable(UnsignedField _) -> "unprotected header field"
        | Unacceptable cause -> Unacceptable.describe cause
