/// What qmail-dk calls the results of verification, and the letters by which its users refuse them.
namespace Dkim.Core.Programs.Qmail

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures

/// The exit codes of qmail-queue(8) that qmail-dk has itself: up to 40 refuses for good, the others for now.
module QmailExit =
    [<Literal>]
    let RefusedForGood = 13

    [<Literal>]
    let NoPrivateKey = 32

    [<Literal>]
    let OutOfMemory = 51

    [<Literal>]
    let Timeout = 52

    [<Literal>]
    let CannotWrite = 53

    [<Literal>]
    let CannotRead = 54

    [<Literal>]
    let Configuration = 55

    [<Literal>]
    let NoHome = 61

    [<Literal>]
    let NoTemporaryFile = 63

    [<Literal>]
    let Internal = 81

    [<Literal>]
    let RefusedForNow = 82

    [<Literal>]
    let CannotExecute = 120

/// Why a message is not handed on.
type QmailRefusal =
    {
        Code: int
        /// In one line, for descriptor 2.
        Reason: string
        /// What the SMTP client is told where the caller reads that: D (for good) or Z (for now), then the text
        /// (qmail-queue(8) of notqmail 1.09, exit code 82). Empty where the code alone says it.
        Reply: string
    }

module internal QmailRefusal =
    let ofFault (code: int) (reason: string) : QmailRefusal =
        {
            Code = code
            Reason = reason
            Reply = ""
        }

    /// The letter of a setting refuses a result.
    let ofResult (setting: string) (method: string) (code: int) (letter: char) (words: string) : QmailRefusal =
        let isForGood = code = QmailExit.RefusedForGood

        {
            Code = code
            Reason = setting + " refuses the result " + string letter + " (" + words + ")"
            Reply =
                (if isForGood then "D" else "Z")
                + "message refused, "
                + method
                + ": "
                + words
                + (if isForGood then " (#5.7.1)" else " (#4.7.1)")
        }

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

/// The letters of DKIMVERIFY.
module internal DkimLetters =
    let private ofKeyError (error: KeyError) : char =
        match error with
        | NoKey -> 'Q'
        | Revoked -> 'N'
        | HashNotAllowed _
        | UnfitKeyType _ -> 'V'
        | MalformedKeyData _
        | UnsupportedKeyType _
        | KeyTooLong _ -> 'R'
        // It is of DomainKeys: RFC 6376 has no g=, so no DKIM signature gets the letter M of qmail-dkim.
        | GranularityMismatch
        | SeveralKeys
        | MalformedRecord _
        | UnsupportedRecordVersion _
        | MissingKeyData
        | ServiceNotAllowed
        | SubdomainNotAllowed
        | RecordTooLong _
        | UntrustedKey _ -> 'L'

    let private nameIsTooLong (judged: SignatureResult) =
        judged.Signature
        |> ValueOption.exists (fun signature -> (KeyRecord.name signature.Selector signature.Domain).Length > 253)

    let private ofSignatureError (judged: SignatureResult) (error: SignatureError) : char =
        match error with
        | UnsupportedVersion _ -> 'W'
        | FromNotSigned -> 'X'
        | MalformedTagList _
        | MissingTag _
        | EmptyTag _
        | MalformedTag _
        | UnsupportedAlgorithm _
        | UnsupportedCanonicalization _
        | UnsupportedQuery _
        | TooManyNames _
        | UnfitBodyHash
        | IdentityOutsideDomain
        | ExpiresBeforeSigned
        | SenderUnknown
        | DomainNotOfSender
        | SenderNotSigned -> if nameIsTooLong judged then 'O' else 'H'

    let private ofJudged (judged: SignatureResult) : char =
        match judged.Verdict with
        | Pass -> 'A'
        | TempFail _ -> 'P'
        | PermFail(BadSignature error) -> ofSignatureError judged error
        | PermFail(BadKey error) -> ofKeyError error
        | PermFail(Expired _) -> 'K'
        | PermFail(NotYetValid _) -> 'H'
        | PermFail(BodyShorter _ | BodyAltered) -> 'U'
        | PermFail HeaderAltered -> if judged.Testing then 'J' else 'I'
        | PermFail(Unacceptable(InsecureHash _)) -> 'V'
        | PermFail(Unacceptable(ShortKey _)) -> 'R'
        | PermFail(Unacceptable(UnsignedOctets _ | UnsignedField _ | RefusedDomain)) -> 'H'
        | PermFail(Unacceptable(TooManySignatures _)) -> 'H'

    let private isGood (judged: SignatureResult) = judged.Verdict = Pass

    let private ofGood (good: SignatureResult list) (all: SignatureResult list) : char =
        if good |> List.forall (fun one -> one.UnsignedOctets > 0L<octet>) then
            'E'
        elif good.Length = all.Length then
            'A'
        else
            'C'

    /// A header that was not looked at.
    [<Literal>]
    let Failed = 'G'

    /// What the letters stand for.
    let word (letter: char) : string =
        match letter with
        | 'A' -> "good signature"
        | 'C' -> "not all signatures are good"
        | 'D' -> "no good signature, and the domain is testing"
        | 'E' -> "a part of the body is not signed"
        | Failed -> "header beyond the limits"
        | 'H' -> "malformed signature"
        | 'I' -> "wrong signature"
        | 'J' -> "wrong signature, and the domain is testing"
        | 'K' -> "signature expired"
        | 'L' -> "unusable key record"
        | 'N' -> "key revoked"
        | 'O' -> "name of the key too long"
        | 'P' -> "key not to be had for now"
        | 'Q' -> "no key"
        | 'R' -> "unusable key"
        | 'S' -> "no signature"
        | 'U' -> "body altered"
        | 'V' -> "algorithm not allowed"
        | 'W' -> "unknown version"
        | 'X' -> "From not signed"
        | _ -> "no good signature"

    /// The letters of a message: one where a signature is good, else one for each signature and one for them all.
    let ofMessage (judged: SignatureResult list) : char list =
        let signatures = judged |> List.filter (fun one -> one.Scheme = Dkim)

        match signatures, signatures |> List.filter isGood with
        | [], _ -> [ 'S' ]
        | _, [] ->
            let overall =
                if signatures |> List.forall (fun one -> one.Testing) then
                    'D'
                else
                    'T'

            overall :: (signatures |> List.map ofJudged |> List.distinct)
        | _, good -> [ ofGood good signatures ]

/// The choice of what is refused.
module internal Letters =
    /// The exit code and the letter that refuses, for results of these letters under a setting; an upper-case letter
    /// counts before a lower-case one.
    let refusal (found: char list) (setting: string) : struct (int * char) voption =
        let has (letter: char) = setting.Contains letter

        let isRefusedForNow (letter: char) = has (Char.ToLowerInvariant letter)

        match List.tryFind has found, List.tryFind isRefusedForNow found with
        | Some letter, _ -> ValueSome(struct (QmailExit.RefusedForGood, letter))
        | None, Some letter -> ValueSome(struct (QmailExit.RefusedForNow, letter))
        | None, None -> ValueNone
