/// The diagnosis of a published key: from what the DNS says to findings with remedies (RFC 6376 §3.6, RFC 8301 §3.2).
module Dkim.Core.KeyCheck.KeyDiagnosis

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures

/// What other records are found in its place.
let private foreignKind (text: string) : string option =
    [
        "v=spf1", "an SPF"
        "v=DMARC1", "a DMARC"
        "v=STSv1", "an MTA-STS"
        "dkim=", "an ADSP"
    ]
    |> List.tryFind (fun (start, _) -> text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
    |> Option.map snd

let private isHostName (text: string) =
    text.Contains '.' && (DomainName.tryCreate (text.TrimEnd '.')).IsOk

let private foreign (text: string) : KeyFinding option =
    match foreignKind text with
    | Some kind ->
        KeyFinding.wrong
            KeyMistake.OtherRecord
            ("this is " + kind + " record")
            "publish the DKIM key record under this name"
        |> Some
    | None when isHostName text ->
        KeyFinding.wrong
            KeyMistake.OtherRecord
            ("this is the name of a host, "
             + Printable.visibleExcerpt 260 text
             + ", and no key record")
            "publish it as a CNAME record, not as TXT"
        |> Some
    | None -> None

let private ofKeyError (test: KeyUnderTest) (text: string) (error: KeyError) : KeyFinding =
    match foreign text, error with
    | Some other, _ -> other
    | None, (MissingKeyData | NoKey) ->
        KeyFinding.wrong KeyMistake.MissingKey "the record has no p=, so it has no key" "add p= with the public key"
    | None, Revoked ->
        KeyFinding.wrong
            KeyMistake.Revoked
            "p= is empty: the key is revoked"
            "publish the key again, or sign with another selector"
    | None, UnsupportedRecordVersion _ ->
        KeyFinding.wrong KeyMistake.BadVersion "v= is not DKIM1, or not the first tag" "begin the record with v=DKIM1;"
    | None, UnsupportedKeyType name ->
        KeyFinding.wrong
            KeyMistake.KeyTypeMismatch
            ("k=" + Printable.visibleExcerpt 30 name + " is neither rsa nor ed25519")
            "write k=rsa or k=ed25519"
    | None, MalformedRecord(RepeatedTag name) ->
        KeyFinding.wrong
            KeyMistake.RecordsPasted
            ("the tag "
             + Printable.visible name
             + "= occurs twice: perhaps two records stand in one")
            "publish one record under each selector"
    | None, MalformedRecord other ->
        KeyFinding.wrong
            KeyMistake.BadSyntax
            ("the record is no list of tags: " + TagListError.describe other)
            "write it as v=DKIM1; k=rsa; p=..."
    | None, MalformedKeyData _ -> KeyDataDiagnosis.badBase64 test text
    | None, other -> KeyFinding.wrong KeyMistake.BadSyntax (KeyError.describe other) "write it as v=DKIM1; k=rsa; p=..."

let private lengthFindings (test: KeyUnderTest) (key: PublicKey) : KeyFinding list =
    let bits = string (int key.Bits)

    if key.KeyType = Ed25519 then
        []
    elif key.Bits < test.LeastRsaBits then
        [
            KeyFinding.wrong
                KeyMistake.KeyTooShort
                ("the key has "
                 + bits
                 + " bits; verifiers refuse keys under 1024 (RFC 8301 §3.2)")
                "make a key of 2048 bits under a new selector"
        ]
    elif key.Bits < 2048<bit> then
        [
            KeyFinding.advice
                KeyMistake.KeyTooShort
                ("the key has "
                 + bits
                 + " bits; signers should use at least 2048 (RFC 8301 §3.2)")
                "make a key of 2048 bits under a new selector"
        ]
    elif key.Bits > 4096<bit> then
        [
            KeyFinding.advice
                KeyMistake.KeyTooLong
                ("the key has " + bits + " bits; verifiers need not take more than 4096")
                "make a key of 2048 bits under a new selector"
        ]
    else
        []

let private privateFindings (test: KeyUnderTest) (text: string) (record: KeyRecord) : KeyFinding list =
    let sameRsa (key: SigningKey) =
        match RsaNumbers.parse record.KeyData, RsaNumbers.parse key.KeyData with
        | Ok(struct (_, one)), Ok(struct (_, other)) ->
            ReadOnlySpan(one.Modulus).SequenceEqual(ReadOnlySpan other.Modulus)
            && ReadOnlySpan(one.Exponent).SequenceEqual(ReadOnlySpan other.Exponent)
        | _ -> false

    match test.Private with
    | ValueNone -> []
    | ValueSome key when key.KeyType <> record.KeyType ->
        [
            KeyFinding.wrong
                KeyMistake.KeyTypeMismatch
                ("the private key is "
                 + Algorithms.keyTypes.Name key.KeyType
                 + ", the record says "
                 + Algorithms.keyTypes.Name record.KeyType)
                "publish the record of this private key"
        ]
    | ValueSome key when key.KeyData.AsSpan().SequenceEqual(ReadOnlySpan record.KeyData) || sameRsa key -> []
    | ValueSome _ ->
        KeyFinding.wrong
            KeyMistake.OtherKey
            "p= is not the public half of this private key"
            "publish the record of this private key, or sign with the key and selector that belong together"
        |> fun other -> [ KeyDataDiagnosis.slip test text |> ValueOption.defaultValue other ]

let private flagFindings (record: KeyRecord) : KeyFinding list =
    [
        match record.Hashes with
        | ValueSome hashes when not (List.contains Sha256 hashes) ->
            KeyFinding.wrong KeyMistake.HashNotAllowed "h= does not allow sha256" "remove h= or write h=sha256"
        | _ -> ()
        if not record.ForMail then
            KeyFinding.wrong KeyMistake.NotForMail "s= is neither * nor email: the key is not for mail" "remove s="
        match record.Granularity with
        | ValueSome "*"
        | ValueNone -> ()
        | ValueSome _ ->
            KeyFinding.advice
                KeyMistake.Granularity
                "g= limits the key to a local part for old verifiers; new ones pass it over"
                "remove g="
        if record.Testing then
            KeyFinding.advice
                KeyMistake.StillTesting
                "t=y is still on: verifiers treat the mail as if it were not signed"
                "remove y from t= once signing works"
    ]

/// DER whose sequence begins with a number: RSAPublicKey and not SubjectPublicKeyInfo (erratum 3017).
let private isBareRsaKey (octets: byte[]) : bool =
    let lengthOctets = if octets[1] < 0x80uy then 1 else int octets[1] - 0x80 + 1
    octets[1 + lengthOctets] = 0x02uy

let private recordFindings (test: KeyUnderTest) (text: string) (record: KeyRecord) : KeyFinding list =
    match PublicKey.ofRecord record with
    | Error(MalformedKeyData reason) -> [ KeyDataDiagnosis.badKeyData test text record reason ]
    | Error(KeyError.KeyTooLong bits) ->
        [
            KeyFinding.wrong
                KeyMistake.KeyTooLong
                ("the key has " + string (int bits) + " bits")
                "make a key of 2048 bits under a new selector"
        ]
    | Error error ->
        [
            KeyFinding.wrong KeyMistake.BadKeyData (KeyError.describe error) "copy the value of p= again"
        ]
    | Ok key ->
        let isBare = record.KeyType = Rsa && isBareRsaKey record.KeyData

        lengthFindings test key
        @ privateFindings test text record
        @ flagFindings record
        @ [
            if isBare then
                KeyFinding.advice
                    KeyMistake.BareRsaKey
                    "p= is a bare RSAPublicKey, which not every verifier reads"
                    "publish the SubjectPublicKeyInfo, as openssl rsa -pubout writes it"
        ]

// In a record that can be used: tags that verifiers pass over, though somebody meant something by them.
let private isConfusing (found: KeyFinding) : bool =
    match found.Mistake with
    | KeyMistake.EscapesPasted
    | KeyMistake.MissingSemicolon
    | KeyMistake.WrongCase -> true
    | _ -> false

let private textFindings (test: KeyUnderTest) (text: string) : KeyFinding list =
    match foreign (text.Trim()) with
    | Some other -> [ other ]
    | None ->
        let parse = KeyRecord.parse VerifyPolicy.defaults.RecordOctets
        let struct (mended, found) = RecordText.mend text

        match parse text with
        | Ok record when KeyDataDiagnosis.isUsable record ->
            // Verifiers take it as it is; what looks odd is odd for people alone.
            (found
             |> List.filter isConfusing
             |> List.map (fun one -> { one with IsAdvice = true }))
            @ recordFindings test text record
        | _ ->
            match parse mended with
            | Error error -> found @ [ ofKeyError test mended error ]
            | Ok record -> found @ recordFindings test mended record

/// Several records under one name: pieces of one, or one too many.
let private several (test: KeyUnderTest) (texts: string list) : KeyFinding list =
    let starts, pieces =
        texts
        |> List.partition _.TrimStart(' ', '"').StartsWith("v=", StringComparison.OrdinalIgnoreCase)

    let isPiece (text: string) =
        text.Length > 20
        && KeyDataDiagnosis.badCharacter (text.Trim(' ', '"')) = ValueNone

    if starts.Length = 1 && pieces |> List.forall isPiece then
        [
            KeyFinding.wrong
                KeyMistake.SplitOverRecords
                "the key is split over several TXT records; verifiers cannot know in which order they belong together"
                "publish one record that consists of several strings"
        ]
    else
        let kinds = texts |> List.choose foreignKind |> List.distinct

        let remedy =
            match kinds with
            | [] -> "leave one record under each selector"
            | kinds ->
                "remove "
                + String.Join(
                    " and ",
                    kinds
                    |> List.map (fun kind -> "the " + kind.Substring(kind.IndexOf ' ' + 1) + " record")
                )
                + " from this name"

        let among =
            match kinds with
            | [] -> ""
            | kinds ->
                ", among them "
                + String.Join(" and ", kinds |> List.map (fun kind -> kind + " record"))

        KeyFinding.wrong
            KeyMistake.SeveralRecords
            (string texts.Length
             + " TXT records stand under this name"
             + among
             + "; verifiers may take any of them")
            remedy
        :: (texts
            |> List.map (textFindings test)
            |> List.sortBy (List.filter (fun found -> not found.IsAdvice) >> List.length)
            |> List.head)

/// What the answer for the key's own name says. Where there are no records, `KeySearch` goes on.
let ofAnswer (test: KeyUnderTest) (answer: Answer) : KeyFinding list =
    match answer.Outcome with
    | _ when answer.Security = Security.Bogus ->
        [
            KeyFinding.wrong
                KeyMistake.Bogus
                "the record fails DNSSEC validation"
                "sign the zone again, or remove the DS record of its parent"
        ]
    | Unavailable reason ->
        [
            KeyFinding.wrong
                KeyMistake.NoAnswer
                ("the DNS gave no answer: " + Printable.visible reason)
                "try again; check the name servers of the domain"
        ]
    | NoSuchName
    | Records [] -> []
    | Records [ text ] -> textFindings test text
    | Records texts -> several test texts
