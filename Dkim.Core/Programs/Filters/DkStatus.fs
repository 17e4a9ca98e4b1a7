/// What dk-filter makes of a message's DomainKeys signatures, and what it tells of them (dk-filter(8), RFC 4870 §3.7).
namespace Dkim.Core.Programs.Filters

open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Filters.Deciding

[<RequireQualifiedAccess>]
type internal DkStatus =
    | Good of SignatureResult
    | Bad of SignatureResult
    /// No record, or one that revokes the key.
    | NoKey of SignatureResult
    /// A record that does not serve: it will not get better by trying again.
    | BadKey of SignatureResult * text: string
    | CannotVerify of SignatureResult * reason: string
    | Syntax of SignatureResult * text: string
    | NoSignature

module internal DkStatus =
    let private ofKeyError (judged: SignatureResult) (error: KeyError) : DkStatus =
        match error with
        | NoKey
        | Revoked -> DkStatus.NoKey judged
        | SeveralKeys
        | MalformedRecord _
        | UnsupportedRecordVersion _
        | MissingKeyData
        | MalformedKeyData _
        | UnsupportedKeyType _
        | UnfitKeyType _
        | HashNotAllowed _
        | ServiceNotAllowed
        | SubdomainNotAllowed
        | GranularityMismatch
        | KeyTooLong _
        | RecordTooLong _
        | UntrustedKey _ -> DkStatus.BadKey(judged, Wording.ofKeyError judged.Key error)

    let private ofJudged (judged: SignatureResult) : DkStatus =
        match judged.Verdict with
        | Verdict.Pass -> DkStatus.Good judged
        | TempFail reason -> DkStatus.CannotVerify(judged, reason)
        | Altered -> DkStatus.Bad judged
        | PermFail(BadKey error) -> ofKeyError judged error
        | PermFail(Unacceptable cause) -> DkStatus.BadKey(judged, Unacceptable.describe cause)
        | PermFail refusal -> DkStatus.Syntax(judged, Wording.ofRefusal judged.Key refusal)

    let private rank (status: DkStatus) =
        match status with
        | DkStatus.Good _ -> 0
        | DkStatus.Bad _
        | DkStatus.NoKey _
        | DkStatus.BadKey _
        | DkStatus.CannotVerify _ -> 1
        | DkStatus.Syntax _ -> 2
        | DkStatus.NoSignature -> 3

    /// The status of a message: that of a good signature, else of the topmost that can be read, else of the topmost
    /// (RFC 4870 §3.7.3).
    let ofMessage (judged: SignatureResult list) : DkStatus =
        match judged with
        | [] -> DkStatus.NoSignature
        | _ -> judged |> List.map ofJudged |> List.minBy rank

    let signature (status: DkStatus) : SignatureResult voption =
        match status with
        | DkStatus.Good judged
        | DkStatus.Bad judged
        | DkStatus.NoKey judged
        | DkStatus.BadKey(judged, _)
        | DkStatus.CannotVerify(judged, _)
        | DkStatus.Syntax(judged, _) -> ValueSome judged
        | DkStatus.NoSignature -> ValueNone

    /// The result and the remark behind it.
    let result (status: DkStatus) : struct (ResultWord * string voption) =
        match status with
        | DkStatus.Good _ -> struct (ResultWord.Pass, ValueNone)
        | DkStatus.Bad _ -> struct (ResultWord.Fail, ValueNone)
        | DkStatus.NoKey _ -> struct (ResultWord.Neutral, ValueSome "no key")
        | DkStatus.BadKey _ -> struct (ResultWord.Neutral, ValueSome "bad key")
        | DkStatus.CannotVerify _ -> struct (ResultWord.TempError, ValueSome "key retrieval failed")
        | DkStatus.Syntax _ -> struct (ResultWord.Neutral, ValueSome "bad format")
        | DkStatus.NoSignature -> struct (ResultWord.Neutral, ValueSome "no signature")

    /// The clause of the result.
    let clause (header: Header) (status: DkStatus) : MethodResult =
        let struct (word, comment) = result status

        {
            Method = "domainkeys"
            MethodVersion = ValueNone
            Result = ResultWord.name word
            Comment = comment
            Reason = ValueNone
            Properties = SignatureResults.sendingProperty header
        }
