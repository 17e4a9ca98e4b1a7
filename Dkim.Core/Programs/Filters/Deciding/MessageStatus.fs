/// What dkim-filter makes of a message's signatures: which of them decides, and what its verdict is called.
namespace Dkim.Core.Programs.Filters.Deciding

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings

/// The status of a message.
[<RequireQualifiedAccess>]
type internal MessageStatus =
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

module internal MessageStatus =
    let private coversEnough (minimum: MinimumSigned) (signature: Signature) (unsigned: int64<octet>) =
        match signature.BodyLength with
        | ValueNone -> true
        | ValueSome signed ->
            let body = signed + unsigned

            match minimum with
            | MinimumSigned.Octets least -> signed >= min least body
            | MinimumSigned.Percent least -> decimal signed * 100m >= decimal least * decimal body
            | MinimumSigned.AllBut most -> unsigned <= most

    let private treatment (verifying: VerifyingSettings) (security: Security) : KeyTreatment =
        match security with
        | Security.Bogus -> verifying.BogusKey
        | Security.Insecure -> verifying.InsecureKey
        | _ -> KeyTreatment.Unchanged

    let private ofPass (verifying: VerifyingSettings) (judged: SignatureResult) : MessageStatus =
        let enough =
            match verifying.Minimum, judged.Signature with
            | ValueSome minimum, ValueSome signature -> coversEnough minimum signature judged.UnsignedOctets
            | _ -> true

        match treatment verifying judged.KeySecurity with
        | _ when not enough -> MessageStatus.Partial judged
        | KeyTreatment.Unchanged -> MessageStatus.Good judged
        | doubt -> MessageStatus.Doubted(judged, doubt)

    let private ofRefusal (judged: SignatureResult) (refusal: Refusal) : MessageStatus =
        let text = Wording.ofRefusal judged.Key refusal

        match refusal with
        | BodyAltered
        | HeaderAltered -> MessageStatus.Bad judged
        | BadKey NoKey -> MessageStatus.NoKey judged
        | BadKey Revoked -> MessageStatus.Revoked judged
        | BadSignature(MalformedTagList _) -> MessageStatus.Syntax(judged, text)
        | BadSignature _
        | BadKey _
        | Expired _
        | NotYetValid _
        | BodyShorter _
        | Unacceptable _ -> MessageStatus.Unusable(judged, text)

    /// The status that a signature gives a message.
    let ofJudged (verifying: VerifyingSettings) (judged: SignatureResult) : MessageStatus =
        match judged.Verdict with
        | Verdict.Pass -> ofPass verifying judged
        | TempFail reason -> MessageStatus.KeyUnavailable(judged, reason)
        | PermFail refusal -> ofRefusal judged refusal

    // One that passes decides, else the first that could be read, else the first.
    let private rank (status: MessageStatus) =
        match status with
        | MessageStatus.Good _ -> 0
        | MessageStatus.Doubted _
        | MessageStatus.Partial _ -> 1
        | MessageStatus.Bad _
        | MessageStatus.NoKey _
        | MessageStatus.KeyUnavailable _
        | MessageStatus.Revoked _ -> 2
        | MessageStatus.Unusable(judged, _) -> if judged.Signature.IsSome then 2 else 3
        | MessageStatus.Syntax _ -> 4
        | MessageStatus.Unsigned
        | MessageStatus.Untrusted
        | MessageStatus.BadFormat -> 5

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
            let author = AdspLookup.authorDomain header
            judged |> List.partition (isTrusted listed author)

    /// The status of a message by the signatures that are heeded.
    let ofMessage
        (verifying: VerifyingSettings)
        (heeded: SignatureResult list)
        (ignored: SignatureResult list)
        : MessageStatus =
        match heeded, ignored with
        | [], [] -> MessageStatus.Unsigned
        | [], _ -> MessageStatus.Untrusted
        | _ -> heeded |> List.map (ofJudged verifying) |> List.minBy rank

    /// The signature that decided.
    let signature (status: MessageStatus) : SignatureResult voption =
        match status with
        | MessageStatus.Good judged
        | MessageStatus.Doubted(judged, _)
        | MessageStatus.Bad judged
        | MessageStatus.Partial judged
        | MessageStatus.NoKey judged
        | MessageStatus.KeyUnavailable(judged, _)
        | MessageStatus.Revoked judged
        | MessageStatus.Syntax(judged, _)
        | MessageStatus.Unusable(judged, _) -> ValueSome judged
        | MessageStatus.Unsigned
        | MessageStatus.Untrusted
        | MessageStatus.BadFormat -> ValueNone

    let private failWord (judged: SignatureResult) =
        if judged.Testing then
            ResultWord.Neutral
        else
            ResultWord.Fail

    let private keyComment (judged: SignatureResult) =
        let bits = judged.KeyBits |> ValueOption.map int |> ValueOption.defaultValue 0
        string bits + "-bit key" + AdspLookup.keyRemark judged.KeySecurity

    // A refusal by our own settings is a matter of policy (RFC 8601 §2.7.1).
    let private faultWord (judged: SignatureResult) =
        match judged.Verdict with
        | PermFail(Unacceptable(ShortKey _ | RefusedDomain | TooManySignatures _)) -> ResultWord.Policy
        | PermFail(Unacceptable(InsecureHash _ | UnsignedOctets _ | UnsignedField _))
        | PermFail(BadSignature _ | BadKey _ | Expired _ | NotYetValid _ | BodyShorter _ | BodyAltered | HeaderAltered)
        | Verdict.Pass
        | TempFail _ -> ResultWord.PermError

    /// The result and the remark behind it.
    let result (status: MessageStatus) : struct (ResultWord * string voption) =
        match status with
        | MessageStatus.Good judged -> struct (ResultWord.Pass, ValueSome(keyComment judged))
        | MessageStatus.Doubted(judged, treatment) ->
            let word =
                if treatment = KeyTreatment.Fail then
                    ResultWord.Fail
                else
                    ResultWord.Neutral

            struct (word, ValueSome(keyComment judged))
        | MessageStatus.Bad judged -> struct (failWord judged, ValueSome "verification failed")
        | MessageStatus.Partial _ -> struct (ResultWord.PermError, ValueSome "partial verification")
        | MessageStatus.NoKey _ -> struct (ResultWord.Neutral, ValueNone)
        | MessageStatus.KeyUnavailable _ ->
            struct (ResultWord.TempError, ValueSome("verification error: " + Wording.KeyUnavailable))
        | MessageStatus.Revoked _ -> struct (ResultWord.PermError, ValueSome "revoked")
        | MessageStatus.Syntax(_, text) -> struct (ResultWord.PermError, ValueSome("verification error: " + text))
        | MessageStatus.Unusable(judged, text) -> struct (faultWord judged, ValueSome("verification error: " + text))
        | MessageStatus.Unsigned
        | MessageStatus.Untrusted -> struct (ResultWord.None, ValueSome "no signature")
        | MessageStatus.BadFormat -> struct (ResultWord.PermError, ValueSome "bad format")
