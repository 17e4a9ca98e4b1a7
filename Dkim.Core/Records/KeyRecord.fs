/// Public key records in the DNS: of DKIM (RFC 6376 §3.6.1, RFC 8463 §4) and of DomainKeys (RFC 4870 §3.2.3).
namespace Dkim.Core.Records

open Dkim.Core.Words
open Dkim.Core.Dns

/// Why a key cannot serve a signature.
type KeyError =
    | NoKey
    /// More than one record, to a verifier that does not choose.
    | SeveralKeys
    | MalformedRecord of TagListError
    | UnsupportedRecordVersion of version: string
    | MissingKeyData
    | Revoked
    | MalformedKeyData of reason: string
    | UnsupportedKeyType of name: string
    | UnfitKeyType of keyType: KeyType
    | HashNotAllowed of hash: Hash
    | ServiceNotAllowed
    | SubdomainNotAllowed
    | GranularityMismatch
    | KeyTooLong of bits: int<bit>
    | RecordTooLong of limit: int<octet>
    | UntrustedKey of Security

/// A key record as published. The key itself is still the octets of p=.
type KeyRecord =
    {
        KeyType: KeyType
        /// h=; nothing allows all hashes.
        Hashes: Hash list voption
        KeyData: byte[]
        /// s= names `*` or `email`.
        ForMail: bool
        /// t=y
        Testing: bool
        /// t=s: the domain of i= must equal d=.
        ExactDomain: bool
        /// g=, which only DomainKeys and the old filters heed (RFC 4870 §3.2.3).
        Granularity: string voption
        /// n=, as written.
        Notes: string voption
        /// The text of the record, by which keys are cached.
        Text: string
    }

module KeyRecord =
    open Dkim.Core.Words.Grammar

    let private words (value: string) : string list =
        match parseAll (listOf ':' (many1Chars "a word" (fun c -> isVisible c && c <> ':' && c <> ';'))) value with
        | Result.Ok names -> names
        | Result.Error _ -> []

    /// `v=`, where present, comes first and is exactly `DKIM1`; DomainKeys knows no version.
    let private checkVersion (tags: TagList) : Result<unit, KeyError> =
        match tags.TryFind "v" with
        | ValueNone -> Result.Ok()
        | ValueSome tag ->
            let version = tags.Slice tag.Value

            if tags.Tags.Head.Name = "v" && version = "DKIM1" then
                Result.Ok()
            else
                Result.Error(UnsupportedRecordVersion version)

    let private readKeyType (tags: TagList) : Result<KeyType, KeyError> =
        match tags.TryValue "k" with
        | ValueNone -> Result.Ok Rsa
        | ValueSome name ->
            match Algorithms.keyTypes.TryParse name with
            | ValueSome keyType -> Result.Ok keyType
            | ValueNone -> Result.Error(UnsupportedKeyType name)

    let private readKeyData (tags: TagList) : Result<byte[], KeyError> =
        match tags.TryValue "p" with
        | ValueNone -> Result.Error MissingKeyData
        | ValueSome "" -> Result.Error Revoked
        | ValueSome value ->
            match TagList.tryBase64 value with
            | ValueSome octets -> Result.Ok octets
            | ValueNone -> Result.Error(MalformedKeyData "p= is no base64")

    let private ofTags (tags: TagList) (keyType: KeyType) (keyData: byte[]) : KeyRecord =
        let listed name =
            tags.TryValue name |> ValueOption.map words

        let services = listed "s" |> ValueOption.defaultValue [ "*" ]
        let flags = listed "t" |> ValueOption.defaultValue []

        {
            KeyType = keyType
            Hashes =
                listed "h"
                |> ValueOption.map (List.choose (Algorithms.hashes.TryParse >> Option.ofValueOption))
            KeyData = keyData
            ForMail = List.contains "*" services || List.contains "email" services
            Testing = List.contains "y" flags
            ExactDomain = List.contains "s" flags
            Granularity = tags.TryValue "g"
            Notes = tags.TryValue "n"
            Text = tags.Text
        }

    /// Reads the text of one TXT record.
    let parse (limit: int<octet>) (text: string) : Result<KeyRecord, KeyError> =
        if text.Length > int limit then
            Result.Error(RecordTooLong limit)
        else
            match TagList.parse limit text with
            | Result.Error error -> Result.Error(MalformedRecord error)
            | Result.Ok tags ->
                checkVersion tags
                |> Result.bind (fun () -> readKeyType tags)
                |> Result.bind (fun keyType -> readKeyData tags |> Result.map (ofTags tags keyType))

    /// The name that a key stands under: selector, `_domainkey`, domain (RFC 6376 §3.6.2.1).
    let name (selector: Selector) (domain: DomainName) : string =
        selector.Text + "._domainkey." + domain.Text

    /// The record as it is published, v= first (RFC 6376 §3.6.1).
    let render (record: KeyRecord) : string =
        let optional name value =
            match value with
            | ValueSome text -> "; " + name + "=" + text
            | ValueNone -> ""

        let flags =
            [
                if record.Testing then
                    "y"
                if record.ExactDomain then
                    "s"
            ]

        "v=DKIM1"
        + optional
            "h"
            (record.Hashes
             |> ValueOption.map (List.map Algorithms.hashes.Name >> String.concat ":"))
        + "; k="
        + Algorithms.keyTypes.Name record.KeyType
        + optional "g" record.Granularity
        + optional "n" record.Notes
        + (if record.ForMail then "" else "; s=none")
        + (if flags.IsEmpty then
               ""
           else
               "; t=" + String.concat ":" flags)
        + "; p="
        + System.Convert.ToBase64String record.KeyData

module KeyError =
    /// The sentence for logs and for the comment of a result.
    let describe (error: KeyError) : string =
        match error with
        | NoKey -> "no key for signature"
        | SeveralKeys -> "several keys for signature"
        | MalformedRecord error -> "key syntax error: " + TagListError.describe error
        | UnsupportedRecordVersion _ -> "key record version is not DKIM1"
        | MissingKeyData -> "key record without p="
        | Revoked -> "key revoked"
        | MalformedKeyData reason -> "unusable key: " + reason
        | UnsupportedKeyType _ -> "unsupported key type"
        | UnfitKeyType _ -> "key type does not fit the signature algorithm"
        | HashNotAllowed hash -> "key does not allow " + Algorithms.hashes.Name hash
        | ServiceNotAllowed -> "key is not for email"
        | SubdomainNotAllowed -> "key does not allow i= below d="
        | GranularityMismatch -> "key is for another local part"
        | KeyTooLong bits -> "key of " + string (int bits) + " bits is too long"
        | RecordTooLong limit -> "key record longer than " + string (int limit) + " octets"
        | UntrustedKey Security.Bogus -> "key record fails DNSSEC validation"
        | UntrustedKey _ -> "key record is not secured by DNSSEC"
