/// How a signature was judged and why (RFC 6376 §6.1, RFC 8601 §2.7.1). Every rejection has its own cause; one function
/// names the result, another tells the cause in words.
namespace Dkim.Core.Signatures

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records

/// What local policy does not accept, though the signature may be good (RFC 8601 §2.4).
type Unacceptable =
    | InsecureHash of Hash
    | ShortKey of bits: int<bit>
    | UnsignedOctets of count: int64<octet>
    | UnsignedField of name: string
    | RefusedDomain
    | TooManySignatures of limit: int

/// Why a signature does not pass, for good.
type Refusal =
    | BadSignature of SignatureError
    | BadKey of KeyError
    | Expired of at: int64<sec>
    | NotYetValid of from: int64<sec>
    | BodyShorter of claimed: int64<octet>
    | BodyAltered
    | HeaderAltered
    | Unacceptable of Unacceptable

/// What verifying a signature gave (RFC 6376 §6.1: SUCCESS, PERMFAIL, TEMPFAIL).
type Verdict =
    | Pass
    | PermFail of Refusal
    | TempFail of reason: string

/// The words for a result (RFC 8601 §2.7.1), and one of Mail::DKIM's.
[<Struct; RequireQualifiedAccess>]
type ResultWord =
    | None
    | Pass
    | Fail
    | Policy
    | Neutral
    | TempError
    | PermError
    /// Mail::DKIM's, for a signature that cannot be judged, for now or for good.
    | Invalid

module ResultWord =
    let name (word: ResultWord) : string =
        match word with
        | ResultWord.None -> "none"
        | ResultWord.Pass -> "pass"
        | ResultWord.Fail -> "fail"
        | ResultWord.Policy -> "policy"
        | ResultWord.Neutral -> "neutral"
        | ResultWord.TempError -> "temperror"
        | ResultWord.PermError -> "permerror"
        | ResultWord.Invalid -> "invalid"

module Unacceptable =
    let describe (cause: Unacceptable) : string =
        match cause with
        | InsecureHash hash -> Algorithms.hashes.Name hash + " is not secure"
        | ShortKey bits -> "key of " + string (int bits) + " bits is too short"
        | UnsignedOctets count -> string (int64 count) + " octets of the body are not signed"
        | UnsignedField name -> name + " field not signed"
        | RefusedDomain -> "signatures of this domain are not accepted"
        | TooManySignatures limit -> "not among the first " + string limit + " signatures"

module Verdict =
    // Broken syntax is neutral; what was read and is of no use is permerror.
    let private ofSignatureError (error: SignatureError) : ResultWord =
        match error with
        | MalformedTagList _
        | MalformedTag _ -> ResultWord.Neutral
        | MissingTag _
        | EmptyTag _
        | UnsupportedVersion _
        | UnsupportedAlgorithm _
        | UnsupportedCanonicalization _
        | UnsupportedQuery _
        | UnfitBodyHash
        | TooManyNames _
        | IdentityOutsideDomain
        | FromNotSigned
        | ExpiresBeforeSigned
        | SenderUnknown
        | DomainNotOfSender
        | SenderNotSigned -> ResultWord.PermError

    let private ofRefusal (refusal: Refusal) : ResultWord =
        match refusal with
        | BadSignature error -> ofSignatureError error
        | BadKey _
        | Expired _
        | NotYetValid _
        | BodyShorter _ -> ResultWord.PermError
        | BodyAltered
        | HeaderAltered -> ResultWord.Fail
        // Withdrawn by the standard itself (RFC 8301 §3.1), so no matter of local policy.
        | Unacceptable(InsecureHash _) -> ResultWord.PermError
        | Unacceptable _ -> ResultWord.Policy

    /// The word of RFC 8601 §2.7.1 for a verdict.
    let word (verdict: Verdict) : ResultWord =
        match verdict with
        | Pass -> ResultWord.Pass
        | TempFail _ -> ResultWord.TempError
        | PermFail refusal -> ofRefusal refusal

    let private describeRefusal (refusal: Refusal) : string =
        match refusal with
        | BadSignature error -> SignatureError.describe error
        | BadKey error -> KeyError.describe error
        | Expired _ -> "signature expired"
        | NotYetValid _ -> "signature is from the future"
        | BodyShorter _ -> "l= exceeds the body"
        | BodyAltered -> "body hash did not verify"
        | HeaderAltered -> "signature did not verify"
        | Unacceptable cause -> Unacceptable.describe cause

    /// The cause in words, for logs and comments. Nothing that a message or record chose is in it.
    let describe (verdict: Verdict) : string =
        match verdict with
        | Pass -> "good signature"
        | PermFail refusal -> describeRefusal refusal
        | TempFail reason -> "key unavailable: " + reason

[<AutoOpen>]
module internal Alteration =
    /// The message is not the one that was signed: its body or its header does not verify.
    [<return: Struct>]
    let (|Altered|_|) (verdict: Verdict) : unit voption =
        match verdict with
        | PermFail(BodyAltered | HeaderAltered) -> ValueSome()
        | PermFail(BadSignature _ | BadKey _ | Expired _ | NotYetValid _ | BodyShorter _ | Unacceptable _)
        | Pass
        | TempFail _ -> ValueNone

/// One signature of a message and what became of it.
type SignatureResult =
    {
        Scheme: Scheme
        Field: Field
        /// Where the field stands in the header, the topmost being 0.
        Position: int
        /// Nothing where the field could not be read.
        Signature: Signature voption
        Verdict: Verdict
        /// The key record that decided.
        Key: KeyRecord voption
        KeyBits: int<bit> voption
        KeySecurity: Security
        /// Octets of the canonical body that l= leaves out; known only if the body was fed whole.
        UnsignedOctets: int64<octet>
    }

    /// The key says t=y.
    member this.Testing = this.Key |> ValueOption.exists _.Testing
