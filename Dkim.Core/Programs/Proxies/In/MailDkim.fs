/// Results in the words of Mail::DKIM, which filters behind dkimproxy.in look for.
namespace Dkim.Core.Programs.Proxies.In

open Dkim.Core.Records
open Dkim.Core.Signatures

module internal MailDkim =
    // What a message or a key record chose can only be a short word here.
    let private word (text: string) =
        text.Substring(0, min 32 text.Length)
        |> String.map (fun c ->
            if c > ' ' && c < '\127' && not ("()\\\";".Contains c) then
                c
            else
                '?')

    let private ofSignatureError (error: SignatureError) : string =
        match error with
        | MalformedTagList _ -> "bad syntax"
        | UnsupportedVersion version -> "unsupported version " + word version
        | MissingTag name
        | EmptyTag name -> "missing " + name + " tag"
        | MalformedTag("i", _)
        | IdentityOutsideDomain -> "bad identity"
        | MalformedTag(name, _) -> "bad " + name + " tag"
        | UnfitBodyHash -> "bad bh tag"
        | UnsupportedAlgorithm name -> "unsupported algorithm " + word name
        | UnsupportedCanonicalization name -> "unsupported canonicalization " + word name
        | UnsupportedQuery _ -> "unsupported query protocol"
        | TooManyNames _ -> "too many fields in h tag"
        | FromNotSigned -> "From field not signed"
        | ExpiresBeforeSigned -> "bad x tag"
        | SenderUnknown -> "no sender"
        | DomainNotOfSender -> "bad domain"
        | SenderNotSigned -> "sender not signed"

    let private ofKeyError (error: KeyError) : string =
        match error with
        | Revoked -> "revoked"
        | HashNotAllowed hash -> "does not support hash algorithm " + Algorithms.hashes.Name hash
        | ServiceNotAllowed -> "does not support email"
        | SubdomainNotAllowed -> "does not support subdomains"
        | GranularityMismatch -> "granularity mismatch"
        | UnfitKeyType _ -> "wrong key type"
        | KeyTooLong _ -> "too long"
        | UntrustedKey _ -> "not secure"
        | NoKey
        | SeveralKeys
        | MalformedRecord _
        | UnsupportedRecordVersion _
        | MissingKeyData
        | MalformedKeyData _
        | UnsupportedKeyType _
        | RecordTooLong _ -> "not available"

    let private ofUnacceptable (cause: Unacceptable) : string =
        match cause with
        | InsecureHash hash -> "unsupported algorithm rsa-" + Algorithms.hashes.Name hash
        | ShortKey _ -> "public key: too short"
        | UnsignedOctets _
        | UnsignedField _
        | RefusedDomain
        | TooManySignatures _ -> Unacceptable.describe cause

    let private ofRefusal (refusal: Refusal) : struct (ResultWord * string) =
        match refusal with
        | BodyAltered
        | BodyShorter _ -> struct (ResultWord.Fail, "body has been altered")
        | HeaderAltered -> struct (ResultWord.Fail, "message has been altered")
        | Expired _ -> struct (ResultWord.Invalid, "signature is expired")
        | NotYetValid _ -> struct (ResultWord.Invalid, "signature is from the future")
        | BadSignature error -> struct (ResultWord.Invalid, ofSignatureError error)
        | BadKey error -> struct (ResultWord.Invalid, "public key: " + ofKeyError error)
        | Unacceptable cause -> struct (ResultWord.Invalid, ofUnacceptable cause)

    /// Why a key could not be had, for a while.
    let unavailable (reason: string) = "public key: DNS error: " + word reason

    /// The result and, unless it is `pass`, the reason for it.
    let result (verdict: Verdict) : struct (ResultWord * string voption) =
        match verdict with
        | Verdict.Pass -> struct (ResultWord.Pass, ValueNone)
        | TempFail reason -> struct (ResultWord.Invalid, ValueSome(unavailable reason))
        | PermFail refusal ->
            let struct (word, reason) = ofRefusal refusal
            struct (word, ValueSome reason)

    /// The result with its reason in parentheses.
    let detail (verdict: Verdict) : string =
        match result verdict with
        | struct (word, ValueSome reason) -> ResultWord.name word + " (" + reason + ")"
        | struct (word, ValueNone) -> ResultWord.name word
