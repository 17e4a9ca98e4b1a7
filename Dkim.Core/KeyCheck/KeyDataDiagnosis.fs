/// What became of the key in p= on its way from the private key into the zone: cut off, mistyped, encoded twice, of another
/// type (RFC 6376 §3.6.1, RFC 8463 §4.2).
module internal Dkim.Core.KeyCheck.KeyDataDiagnosis

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures

let private tagValue (name: string) (text: string) : string voption =
    match TagList.parse 65536<octet> text with
    | Ok tags -> tags.TryValue name
    | Error _ -> ValueNone

/// A character that base64 cannot have.
let badCharacter (value: string) : char voption =
    let isGood c =
        Char.IsAsciiLetterOrDigit c || c = '+' || c = '/' || c = '='

    match TagList.withoutWhiteSpace value |> Seq.tryFind (isGood >> not) with
    | Some c -> ValueSome c
    | None -> ValueNone

/// A DER length that claims more octets than there are.
let private isCutOff (octets: byte[]) : bool =
    octets.Length > 4
    && octets[0] = 0x30uy
    && (match octets[1] with
        | 0x81uy -> int octets[2] + 3 > octets.Length
        | 0x82uy -> (int octets[2] <<< 8) + int octets[3] + 4 > octets.Length
        | length -> length < 0x80uy && int length + 2 > octets.Length)

let private cutOff: KeyFinding =
    KeyFinding.wrong
        KeyMistake.CutOff
        "the key in p= is cut off: its own length says that there should be more"
        "publish the whole value, in several strings of one record where a string is limited to 255 characters"

/// More characters that differ are no slip of a hand.
[<Literal>]
let private MostSlips = 3

/// How p= came about from the public half of the private key, where that can be told.
let slip (test: KeyUnderTest) (text: string) : KeyFinding voption =
    let published =
        tagValue "p" text
        |> ValueOption.map TagList.withoutWhiteSpace
        |> ValueOption.defaultValue ""

    let own =
        test.Private
        |> ValueOption.map (fun key -> Convert.ToBase64String key.KeyData)
        |> ValueOption.defaultValue ""

    let length = min own.Length published.Length
    let same = own.AsSpan().CommonPrefixLength(published.AsSpan())

    let fromEnd =
        seq { 1..length }
        |> Seq.takeWhile (fun back -> own[own.Length - back] = published[published.Length - back])
        |> Seq.length

    let missing = own.Length - published.Length

    if published = "" || own = "" || own = published then
        ValueNone
    elif missing > 0 && same = published.Length then
        ValueSome cutOff
    elif missing > 0 && same + fromEnd >= published.Length then
        KeyFinding.wrong
            KeyMistake.PieceMissing
            (string missing
             + " characters are missing after character "
             + string same
             + " of p=")
            "publish the whole value: one of its pieces was left out"
        |> ValueSome
    elif missing = 0 then
        match [ 1 .. own.Length ] |> List.filter (fun at -> own[at - 1] <> published[at - 1]) with
        | places when places.Length <= MostSlips ->
            KeyFinding.wrong
                KeyMistake.OtherKey
                ("p= differs from the public half of this private key in character "
                 + String.Join(" and ", places)
                 + " only")
                "copy the value of p= again"
            |> ValueSome
        | _ -> ValueNone
    else
        ValueNone

/// Base64 that cannot be read: why.
let badBase64 (test: KeyUnderTest) (text: string) : KeyFinding =
    let value = tagValue "p" text |> ValueOption.defaultValue ""

    let isCut () =
        let packed = (TagList.withoutWhiteSpace value).TrimEnd '='

        match TagList.tryBase64 (packed.Substring(0, packed.Length / 4 * 4)) with
        | ValueSome octets -> isCutOff octets
        | ValueNone -> false

    match badCharacter value with
    | _ when value.Contains "-----BEGIN" || value.Contains "KEY-----" ->
        KeyFinding.wrong
            KeyMistake.PemPasted
            "p= has the BEGIN and END lines of the key file in it"
            "publish only the base64 between these lines, without line ends"
    | ValueSome c ->
        KeyFinding.wrong
            KeyMistake.BadBase64
            ("p= has the character '"
             + Printable.visible (string c)
             + "' in it, which is no base64")
            "copy the value of p= again"
    | ValueNone when isCut () -> slip test text |> ValueOption.defaultValue cutOff
    | ValueNone ->
        slip test text
        |> ValueOption.defaultValue (
            KeyFinding.wrong
                KeyMistake.BadBase64
                "p= is base64 of an impossible length: characters are missing, perhaps the = at its end"
                "copy the value of p= again, whole"
        )

let private isPrivateKey (octets: byte[]) : bool =
    let isKey (label: string) =
        let pem =
            Security.Cryptography.PemEncoding.WriteString(label.AsSpan(), ReadOnlySpan octets)

        (SigningKey.parse ValueNone pem).IsOk

    isKey "RSA PRIVATE KEY" || isKey "PRIVATE KEY"

// What precedes the 32 octets where somebody published the whole SubjectPublicKeyInfo (RFC 8410 §4).
let private ed25519Info = Convert.FromHexString "302a300506032b6570032100"

/// Whether a verifier can use the key.
let isUsable (record: KeyRecord) = (PublicKey.ofRecord record).IsOk

/// Base64 of base64, as a tool makes that encodes what is encoded already.
let private isTwiceEncoded (record: KeyRecord) : bool =
    let once = Octets.latin1 (ReadOnlySpan record.KeyData)
    let text = "k=" + Algorithms.keyTypes.Name record.KeyType + "; p=" + once

    match KeyRecord.parse VerifyPolicy.defaults.RecordOctets text with
    | Ok inner -> isUsable inner
    | Error _ -> false

/// Octets that are no key: what they are.
let badKeyData (test: KeyUnderTest) (text: string) (record: KeyRecord) (reason: string) : KeyFinding =
    let octets = record.KeyData
    let slipped = slip test text

    if slipped.IsSome then
        slipped.Value
    elif isCutOff octets then
        cutOff
    elif isTwiceEncoded record then
        KeyFinding.wrong
            KeyMistake.BadKeyData
            "p= is base64 of base64: it was encoded twice"
            ("write p=" + Octets.latin1 (ReadOnlySpan octets))
    elif isPrivateKey octets then
        KeyFinding.wrong
            KeyMistake.PrivateKeyPublished
            "p= is the PRIVATE key: everybody can sign in your name now"
            "remove the record, make a new key under another selector, and publish the public half"
    elif octets.AsSpan().StartsWith(ReadOnlySpan ed25519Info) then
        KeyFinding.wrong
            KeyMistake.KeyTypeMismatch
            "p= is an Ed25519 key with an algorithm identifier in front (44 octets)"
            "publish k=ed25519 and base64 of the last 32 octets alone (RFC 8463 §4.2)"
    elif record.KeyType = Rsa && octets.Length = 32 then
        KeyFinding.wrong KeyMistake.KeyTypeMismatch "p= is an Ed25519 key, but k=ed25519 is missing" "add k=ed25519"
    elif record.KeyType = Ed25519 && octets.Length > 44 then
        KeyFinding.wrong KeyMistake.KeyTypeMismatch "k=ed25519 stands beside an RSA key" "write k=rsa"
    else
        KeyFinding.wrong KeyMistake.BadKeyData ("p= is no key: " + reason) "copy the value of p= again"
