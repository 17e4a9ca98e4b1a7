/// What qmail-dk calls the result of DomainKeys (DomainKey-Status).
namespace Dkim.Core.Programs.Qmail

open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures

/// The result of DomainKeys for a whole message.
[<Struct; RequireQualifiedAccess>]
type DomainKeysStatus =
    | Good
    | Bad
    | NoSignature
    | NoKey
    | BadKey
    | CannotVerify
    | Syntax
    | NoResource
    | Revoked
    | Granularity

module DomainKeysStatus =
    /// The letter that DKVERIFY has for it.
    let letter (status: DomainKeysStatus) : char =
        match status with
        | DomainKeysStatus.Good -> 'A'
        | DomainKeysStatus.Bad -> 'B'
        | DomainKeysStatus.NoSignature -> 'C'
        | DomainKeysStatus.NoKey -> 'D'
        | DomainKeysStatus.BadKey -> 'E'
        | DomainKeysStatus.CannotVerify -> 'F'
        | DomainKeysStatus.Syntax -> 'G'
        | DomainKeysStatus.NoResource -> 'H'
        | DomainKeysStatus.Revoked -> 'J'
        | DomainKeysStatus.Granularity -> 'L'

    /// In the original's words.
    let internal word (status: DomainKeysStatus) : string =
        match status with
        | DomainKeysStatus.Good -> "good"
        | DomainKeysStatus.Bad -> "bad"
        | DomainKeysStatus.NoSignature -> "no signature"
        // Filters know the original's words, which do not tell these two apart.
        | DomainKeysStatus.NoKey
        | DomainKeysStatus.CannotVerify -> "no key"
        | DomainKeysStatus.BadKey
        | DomainKeysStatus.Granularity -> "bad key"
        | DomainKeysStatus.Syntax -> "bad format"
        | DomainKeysStatus.NoResource -> "no resources"
        | DomainKeysStatus.Revoked -> "revoked"

    /// The words of DomainKey-Status, always 12 characters.
    let text (status: DomainKeysStatus) : string = (word status).PadRight 12

    let private ofKeyError (error: KeyError) : DomainKeysStatus =
        match error with
        | NoKey
        | MissingKeyData -> DomainKeysStatus.NoKey
        | Revoked -> DomainKeysStatus.Revoked
        | GranularityMismatch -> DomainKeysStatus.Granularity
        | SeveralKeys
        | MalformedRecord _
        | UnsupportedRecordVersion _
        | MalformedKeyData _
        | UnsupportedKeyType _
        | UnfitKeyType _
        | HashNotAllowed _
        | ServiceNotAllowed
        | SubdomainNotAllowed
        | KeyTooLong _
        | RecordTooLong _
        | UntrustedKey _ -> DomainKeysStatus.BadKey

    let private ofVerdict (verdict: Verdict) : DomainKeysStatus =
        match verdict with
        | Pass -> DomainKeysStatus.Good
        | TempFail _ -> DomainKeysStatus.CannotVerify
        | PermFail(BadSignature _) -> DomainKeysStatus.Syntax
        | PermFail(BadKey error) -> ofKeyError error
        | PermFail(Unacceptable(ShortKey _)) -> DomainKeysStatus.BadKey
        | PermFail(Unacceptable(TooManySignatures _)) -> DomainKeysStatus.NoResource
        | PermFail(Expired _ | NotYetValid _ | BodyShorter _ | BodyAltered | HeaderAltered) -> DomainKeysStatus.Bad
        | PermFail(Unacceptable(InsecureHash _ | UnsignedOctets _ | UnsignedField _ | RefusedDomain)) ->
            DomainKeysStatus.Bad

    /// The status of a message: good if one signature is, else that of the topmost. A message without a sending address
    /// cannot have a status of its signatures (RFC 4870 §3.1).
    let ofMessage (header: Header) (judged: SignatureResult list) : DomainKeysStatus =
        let statuses =
            judged
            |> List.filter (fun one -> one.Scheme = DomainKeys)
            |> List.map (fun one -> ofVerdict one.Verdict)

        match Originator.trySending header, statuses with
        | ValueNone, _ -> DomainKeysStatus.Syntax
        | _, [] -> DomainKeysStatus.NoSignature
        | _ when List.contains DomainKeysStatus.Good statuses -> DomainKeysStatus.Good
        | _, topmost :: _ -> topmost

    /// The status that the letters of DKVERIFY see: where the key of the topmost signature is in testing mode a message
    /// must not fare worse than a good one (RFC 4870 §3.2.3 t=y).
    let counted (judged: SignatureResult list) (status: DomainKeysStatus) : DomainKeysStatus =
        match judged |> List.tryFind (fun one -> one.Scheme = DomainKeys) with
        | Some topmost when topmost.Testing -> DomainKeysStatus.Good
        | _ -> status
