/// What dkim-filter makes of a message's signatures: which of them decides, and what its verdict is called.
namespace Dkim.Core.Programs.Filters

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures





/// The status of a message.
[<RequireQualifiedAccess>]
type internal FilterStatus =
    | Good of SignatureResult
    /// Good but for what DNSSEC says of the key.
    | Doubted of SignatureResult * treatedAs: KeyTreatment
    | Bad of SignatureResult
    /// Good, and covering too little of the body.
    | Partial of SignatureResult
    | NoKey of SignatureResult
    | KeyUnavailable of SignatureResult * reason: string
    | Revoked of SignatureResult
    /// The field could not be read.
    | Syntax of SignatureResult * text: string
    /// Any other fault.
    | Unusable of SignatureResult * text: string
    | Unsigned
    /// Signed only by domains that are not trusted.
    | Untrusted
    /// The header has fields too many or too few.
    | BadFormat

module internal FilterStatus =
    let private coversEnough (minimum: MinimumSigned) (signature: Signature) (unsigned: int64<octet>) =
        match signature.BodyLength with
        | ValueNone -> true
        | ValueSome signed ->
            let body = signed + unsigned

            match minimum with
            | MinimumSigned.Octets least -> signed >= min least body
            | MinimumSigned.Percent least -> decimal signed * 100m >= decimal least * decimal body
            | MinimumSigned.AllBut most -> unsigned <= most

    let private treatment (verifying: FilterVerifying) (security: Security) : KeyTreatment =
        match security with
        | Security.Bogus -> verifying.BogusKey
        | Security.Insecure -> verifying.InsecureKey
        | _ -> KeyTreatment.Unchanged

    let private ofPass (verifying: FilterVerifying) (judged: SignatureResult) : FilterStatus =
        let enough =
            match verifying.Minimum, judged.Signature with
            | ValueSome minimum, ValueSome signature -> coversEnough minimum signature judged.UnsignedOctets
            | _ -> true

        match treatment verifying judged.KeySecurity with
        | _ when not enough -> FilterStatus.Partial judged
        | KeyTreatment.Unchanged -> FilterStatus.Good judged
        | doubt -> FilterStatus.Doubted(judged, doubt)

    let private ofRefusal (judged: SignatureResult) (refusal: Refusal) : FilterStatus =
        let text = FilterText.ofRefusal judged.Key refusal

        match refusal with
        | BodyAltered
        | HeaderAltered -> FilterStatus.Bad judged
        | BadKey NoKey -> FilterStatus.NoKey judged
        | BadKey Revoked -> FilterStatus.Revoked judged
        | BadSignature(MalformedTagList _) -> FilterStatus.Syntax(judged, text)
        | BadSignature _
        | BadKey _
        | Expired _
        | NotYetValid _
        | BodyShorter _
        | Unacceptable _ -> FilterStatus.Unusable(judged, text)

    /// The status that a signature gives a message.
    let ofJudged (verifying: FilterVerifying) (judged: SignatureResult) : FilterStatus =
        match judged.Verdict with
        | Verdict.Pass -> ofPass verifying judged
        | TempFail reason -> FilterStatus.KeyUnavailable(judged, reason)
        | PermFail refusal -> ofRefusal judged refusal

    // One that passes decides, else the first that could be read, else the first.
    let private rank (status: FilterStatus) =
        match status with
        | FilterStatus.Good _ -> 0
        | FilterStatus.Doubted _
        | FilterStatus.Partial _ -> 1
        | FilterStatus.Bad _
        | FilterStatus.NoKey _
        | FilterStatus.KeyUnavailable _
        | FilterStatus.Revoked _ -> 2
        | FilterStatus.Unusable(judged, _) -> if judged.Signature.IsSome then 2 else 3
        | FilterStatus.Syntax _ -> 4
        | FilterStatus.Unsigned
        | FilterStatus.Untrusted
        | FilterStatus.BadFormat -> 5

    /// Whether a signature is heeded at all: its domain is the author's or listed. One without a readable domain speaks
    /// for nobody, and is heeded so that its fault is told.
    let private isTrusted (listed: DomainName -> bool) (author: DomainName voption) (judged: SignatureResult) =
        judged.Signature
        |> ValueOption.forall (fun signature -> ValueSome signature.Domain = author || listed signature.Domain)

    /// The signatures that are heeded, and those that are not.
    let heeded
        (trusted: DomainList voption)
        (header: Header)
        (judged: SignatureResult list)
        : SignatureResult list * SignatureResult list =
        match trusted with
        | ValueNone -> judged, []
        | ValueSome list ->
            let listed domain = (DomainList.tryFind list domain).IsSome
            let author = FilterPractice.authorDomain header
            judged |> List.partition (isTrusted listed author)

    /// The status of a message by the signatures that are heeded.
    let ofMessage
        (verifying: FilterVerifying)
        (heeded: SignatureResult list)
        (ignored: SignatureResult list)
        : FilterStatus =
        match heeded, ignored with
        | [], [] -> FilterStatus.Unsigned
        | [], _ -> FilterStatus.Untrusted
        | _ -> heeded |> List.map (ofJudged verifying) |> List.minBy rank

    /// The signature that decided.
    let signature (status: FilterStatus) : SignatureResult voption =
        match status with
        | FilterStatus.Good judged
        | FilterStatus.Doubted(judged, _)
        | FilterStatus.Bad judged
        | FilterStatus.Partial judged
        | FilterStatus.NoKey judged
        | FilterStatus.KeyUnavailable(judged, _)
        | FilterStatus.Revoked judged
        | FilterStatus.Syntax(judged, _)
        | FilterStatus.Unusable(judged, _) -> ValueSome judged
        | FilterStatus.Unsigned
        | FilterStatus.Untrusted
        | FilterStatus.BadFormat -> ValueNone

    let private failWord (judged: SignatureResult) =
        if judged.Testing then "neutral" else "fail"

    let private keyComment (judged: SignatureResult) =
        let bits = judged.KeyBits |> ValueOption.map int |> ValueOption.defaultValue 0
        string bits + "-bit key" + FilterPractice.keyRemark judged.KeySecurity

    // A refusal by our own settings is a matter of policy (RFC 8601 §2.7.1).
    let private faultWord (judged: SignatureResult) =
        match judged.Verdict with
        | PermFail(Unacceptable(ShortKey _ | RefusedDomain | TooManySignatures _)) -> "policy"
        | _ -> "permerror"

    /// The result and the remark behind it.
    let result (status: FilterStatus) : struct (string * string voption) =
        match status with
        | FilterStatus.Good judged -> struct ("pass", ValueSome(keyComment judged))
        | FilterStatus.Doubted(judged, treatment) ->
            let word = if treatment = KeyTreatment.Fail then "fail" else "neutral"
            struct (word, ValueSome(keyComment judged))
        | FilterStatus.Bad judged -> struct (failWord judged, ValueSome "verification failed")
        | FilterStatus.Partial _ -> struct ("permerror", ValueSome "partial verification")
        | FilterStatus.NoKey _ -> struct ("neutral", ValueNone)
        | FilterStatus.KeyUnavailable _ ->
            struct ("temperror", ValueSome("verification error: " + FilterText.KeyUnavailable))
        | FilterStatus.Revoked _ -> struct ("permerror", ValueSome "revoked")
        | FilterStatus.Syntax(_, text) -> struct ("permerror", ValueSome("verification error: " + text))
        | FilterStatus.Unusable(judged, text) -> struct (faultWord judged, ValueSome("verification error: " + text))
        | FilterStatus.Unsigned
        | FilterStatus.Untrusted -> struct ("none", ValueSome "no signature")
        | FilterStatus.BadFormat -> struct ("permerror", ValueSome "bad format")
