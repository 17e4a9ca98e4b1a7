/// The letters by which users of qmail-dk refuse results of verification.
namespace Dkim.Core.Programs.Qmail

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Signatures

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
