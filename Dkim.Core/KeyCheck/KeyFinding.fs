/// What can be wrong with a published key record, and how it is told (RFC 6376 §3.6).
namespace Dkim.Core.KeyCheck

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography

/// What can be wrong with a published key.
[<RequireQualifiedAccess>]
type KeyMistake =
    | NotPublished
    | WrongPlace
    | WrongSelector
    | WrongDomain
    | AliasGone
    | NoTxtRecord
    | NoAnswer
    | Bogus
    | SeveralRecords
    | SplitOverRecords
    | RecordsPasted
    | ZoneLinePasted
    | StringsSwapped
    | StringsDoubled
    | QuotesInside
    | EscapesPasted
    | OddCharacters
    | WrongCase
    | MissingSemicolon
    | OtherRecord
    | BadSyntax
    | BadVersion
    | MissingKey
    | Revoked
    | BadBase64
    | CutOff
    | PieceMissing
    | ExtraCharacters
    | PlusLost
    | EncodedTwice
    | PemPasted
    | PrivateKeyPublished
    | BadKeyData
    | KeyTypeMismatch
    | OtherKey
    | KeyTooShort
    | KeyTooLong
    | HashNotAllowed
    | NotForMail
    | Granularity
    | StillTesting
    | BareRsaKey
    | ServersDiffer
    | ServerFails
    | NeedsTcp
    | TcpFails
    | StaleAnswer

/// One finding. Advice leaves the key usable.
type KeyFinding =
    {
        Mistake: KeyMistake
        IsAdvice: bool
        Says: string
        Remedy: string
    }

/// What belongs under the name of a key.
[<RequireQualifiedAccess>]
type Publish =
    /// The text of a TXT record.
    | Txt of text: string
    /// The name that an alias leads to, without its final dot.
    | Alias of target: string

/// All that is wrong, and what puts it right.
type Diagnosis =
    {
        Findings: KeyFinding list
        /// What to publish in place of what there is; nothing where that is not known for certain, or nothing is wrong.
        Publish: Publish voption
    }

    /// The key can be used.
    member this.IsGood = this.Findings |> List.forall _.IsAdvice

/// A key that is to be checked.
[<NoComparison; NoEquality>]
type KeyUnderTest =
    {
        Selector: Selector
        Domain: DomainName
        /// The private key, where it is at hand.
        Private: SigningKey voption
        LeastRsaBits: int<bit>
    }

    member this.Name = KeyRecord.name this.Selector this.Domain

module KeyMistake =
    /// The name in JSON.
    let name (mistake: KeyMistake) : string =
        match mistake with
        | KeyMistake.NotPublished -> "not-published"
        | KeyMistake.WrongPlace -> "wrong-place"
        | KeyMistake.WrongSelector -> "wrong-selector"
        | KeyMistake.WrongDomain -> "wrong-domain"
        | KeyMistake.AliasGone -> "alias-gone"
        | KeyMistake.NoTxtRecord -> "no-txt-record"
        | KeyMistake.NoAnswer -> "no-answer"
        | KeyMistake.Bogus -> "bogus"
        | KeyMistake.SeveralRecords -> "several-records"
        | KeyMistake.SplitOverRecords -> "split-over-records"
        | KeyMistake.RecordsPasted -> "records-pasted"
        | KeyMistake.ZoneLinePasted -> "zone-line-pasted"
        | KeyMistake.StringsSwapped -> "strings-swapped"
        | KeyMistake.StringsDoubled -> "strings-doubled"
        | KeyMistake.QuotesInside -> "quotes-inside"
        | KeyMistake.EscapesPasted -> "escapes-pasted"
        | KeyMistake.OddCharacters -> "odd-characters"
        | KeyMistake.WrongCase -> "wrong-case"
        | KeyMistake.MissingSemicolon -> "missing-semicolon"
        | KeyMistake.OtherRecord -> "other-record"
        | KeyMistake.BadSyntax -> "bad-syntax"
        | KeyMistake.BadVersion -> "bad-version"
        | KeyMistake.MissingKey -> "missing-key"
        | KeyMistake.Revoked -> "revoked"
        | KeyMistake.BadBase64 -> "bad-base64"
        | KeyMistake.CutOff -> "cut-off"
        | KeyMistake.PieceMissing -> "piece-missing"
        | KeyMistake.ExtraCharacters -> "extra-characters"
        | KeyMistake.PlusLost -> "plus-lost"
        | KeyMistake.EncodedTwice -> "encoded-twice"
        | KeyMistake.PemPasted -> "pem-pasted"
        | KeyMistake.PrivateKeyPublished -> "private-key-published"
        | KeyMistake.BadKeyData -> "bad-key-data"
        | KeyMistake.KeyTypeMismatch -> "key-type-mismatch"
        | KeyMistake.OtherKey -> "other-key"
        | KeyMistake.KeyTooShort -> "key-too-short"
        | KeyMistake.KeyTooLong -> "key-too-long"
        | KeyMistake.HashNotAllowed -> "hash-not-allowed"
        | KeyMistake.NotForMail -> "not-for-mail"
        | KeyMistake.Granularity -> "granularity"
        | KeyMistake.StillTesting -> "still-testing"
        | KeyMistake.BareRsaKey -> "bare-rsa-key"
        | KeyMistake.ServersDiffer -> "servers-differ"
        | KeyMistake.ServerFails -> "server-fails"
        | KeyMistake.NeedsTcp -> "needs-tcp"
        | KeyMistake.TcpFails -> "tcp-fails"
        | KeyMistake.StaleAnswer -> "stale-answer"

module KeyFinding =
    let internal wrong mistake says remedy =
        {
            Mistake = mistake
            IsAdvice = false
            Says = says
            Remedy = remedy
        }

    let internal advice mistake says remedy =
        { wrong mistake says remedy with
            IsAdvice = true
        }

module internal Diagnosis =
    /// Findings for which there is nothing to publish.
    let ofFindings (findings: KeyFinding list) : Diagnosis =
        {
            Findings = findings
            Publish = ValueNone
        }
