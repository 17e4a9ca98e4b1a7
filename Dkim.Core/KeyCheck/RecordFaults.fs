/// What is wrong with a record as a whole: its key, its length, its owner, its flags (RFC 6376 §3.6.1, RFC 8301 §3.2).
module internal Dkim.Core.KeyCheck.RecordFaults

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography

/// A finding, and what of the record it changes; nothing where the finding leaves open what should be there.
[<NoComparison; NoEquality>]
type internal Fault =
    {
        Finding: KeyFinding
        Edit: (RecordTags -> RecordTags) voption
    }

/// A finding that leaves open what should be there.
let openFault (finding: KeyFinding) : Fault = { Finding = finding; Edit = ValueNone }

/// What the public half of the private key puts right.
let keyFault (test: KeyUnderTest) (finding: KeyFinding) : Fault =
    {
        Finding = finding
        Edit =
            match finding.Mistake with
            | KeyMistake.PrivateKeyPublished -> ValueNone
            | _ -> test.Private |> ValueOption.map KeyTags.withKey
    }

/// Why a text is no record.
let ofKeyError (test: KeyUnderTest) (text: string) (error: KeyError) : KeyFinding =
    match error with
    | MissingKeyData
    | NoKey ->
        KeyFinding.wrong KeyMistake.MissingKey "the record has no p=, so it has no key" "add p= with the public key"
    | Revoked ->
        KeyFinding.wrong
            KeyMistake.Revoked
            "p= is empty: the key is revoked"
            "publish the key again, or sign with another selector"
    | UnsupportedRecordVersion _ ->
        KeyFinding.wrong KeyMistake.BadVersion "v= is not DKIM1, or not the first tag" "begin the record with v=DKIM1;"
    | UnsupportedKeyType name ->
        KeyFinding.wrong
            KeyMistake.KeyTypeMismatch
            ("k=" + Printable.visibleExcerpt 30 name + " is neither rsa nor ed25519")
            "write k=rsa or k=ed25519"
    | MalformedRecord(RepeatedTag name) ->
        KeyFinding.wrong
            KeyMistake.RecordsPasted
            ("the tag "
             + Printable.visible name
             + "= occurs twice: perhaps two records stand in one")
            "publish one record under each selector"
    | MalformedRecord other ->
        KeyFinding.wrong
            KeyMistake.BadSyntax
            ("the record is no list of tags: " + TagListError.describe other)
            "write it as v=DKIM1; k=rsa; p=..."
    | MalformedKeyData _ -> KeyDataDiagnosis.badBase64 test text
    | other -> KeyFinding.wrong KeyMistake.BadSyntax (KeyError.describe other) "write it as v=DKIM1; k=rsa; p=..."

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
    match test.Private with
    | ValueNone -> []
    | ValueSome key when KeyTags.fits key record -> []
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
    | ValueSome _ ->
        KeyFinding.wrong
            KeyMistake.OtherKey
            "p= is not the public half of this private key"
            "publish the record of this private key, or sign with the key and selector that belong together"
        |> fun other -> [ KeyDataDiagnosis.slip test text |> ValueOption.defaultValue other ]

let private without name : (RecordTags -> RecordTags) voption = ValueSome(KeyTags.without name)

let private flagFaults (record: KeyRecord) : Fault list =
    [
        match record.Hashes with
        | ValueSome hashes when not (List.contains Sha256 hashes) ->
            {
                Finding =
                    KeyFinding.wrong KeyMistake.HashNotAllowed "h= does not allow sha256" "remove h= or write h=sha256"
                Edit = without "h"
            }
        | _ -> ()
        if not record.ForMail then
            {
                Finding =
                    KeyFinding.wrong
                        KeyMistake.NotForMail
                        "s= is neither * nor email: the key is not for mail"
                        "remove s="
                Edit = without "s"
            }
        match record.Granularity with
        | ValueSome "*"
        | ValueNone -> ()
        | ValueSome _ ->
            KeyFinding.advice
                KeyMistake.Granularity
                "g= limits the key to a local part for old verifiers; new ones pass it over"
                "remove g="
            |> openFault
        if record.Testing then
            KeyFinding.advice
                KeyMistake.StillTesting
                "t=y is still on: verifiers treat the mail as if it were not signed"
                "remove y from t= once signing works"
            |> openFault
    ]

/// DER whose sequence begins with a number: RSAPublicKey and not SubjectPublicKeyInfo (erratum 3017).
let private isBareRsaKey (octets: byte[]) : bool =
    let lengthOctets = if octets[1] < 0x80uy then 1 else int octets[1] - 0x80 + 1
    octets[1 + lengthOctets] = 0x02uy

let private bareFaults (record: KeyRecord) : Fault list =
    if record.KeyType = Rsa && isBareRsaKey record.KeyData then
        [
            {
                Finding =
                    KeyFinding.advice
                        KeyMistake.BareRsaKey
                        "p= is a bare RSAPublicKey, which not every verifier reads"
                        "publish the SubjectPublicKeyInfo, as openssl rsa -pubout writes it"
                Edit =
                    PublicKeyFile.tryInfo record.KeyData
                    |> ValueOption.map (Convert.ToBase64String >> KeyTags.put "p")
            }
        ]
    else
        []

/// What is wrong with a record that could be read.
let recordFaults (test: KeyUnderTest) (text: string) (record: KeyRecord) : Fault list =
    match PublicKey.ofRecord record with
    | Error(MalformedKeyData reason) -> [ keyFault test (KeyDataDiagnosis.badKeyData test text record reason) ]
    | Error(KeyError.KeyTooLong bits) ->
        KeyFinding.wrong
            KeyMistake.KeyTooLong
            ("the key has " + string (int bits) + " bits")
            "make a key of 2048 bits under a new selector"
        |> openFault
        |> List.singleton
    | Error error ->
        KeyFinding.wrong KeyMistake.BadKeyData (KeyError.describe error) "copy the value of p= again"
        |> keyFault test
        |> List.singleton
    | Ok key ->
        (lengthFindings test key |> List.map openFault)
        @ (privateFindings test text record |> List.map (keyFault test))
        @ flagFaults record
        @ bareFaults record
