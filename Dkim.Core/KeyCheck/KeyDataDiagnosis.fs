/// What became of the key in p= on its way from the private key into the zone, where nothing brings it back: cut off, mistyped,
/// another one (RFC 6376 §3.6.1).
module internal Dkim.Core.KeyCheck.KeyDataDiagnosis

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography

let private tagValue (name: string) (text: string) : string voption =
    match TagList.parse KeyTags.limit text with
    | Ok tags -> tags.TryValue name
    | Error _ -> ValueNone

/// A character that base64 cannot have.
let badCharacter (value: string) : char voption =
    match TagList.withoutWhiteSpace value |> Seq.tryFind (RawText.isBase64 >> not) with
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

let private wholeValue =
    "publish the whole value, in several strings of one record where a string is limited to 255 characters"

let private cutOff (text: string) : KeyFinding =
    KeyFinding.wrong
        KeyMistake.CutOff
        (if text.Length = 255 || text.Length = 256 then
             "the key in p= is cut off: only the first string of the record, of 255 characters, was published"
         else
             "the key in p= is cut off: its own length says that there should be more")
        wholeValue

/// More characters that differ are no slip of a hand.
[<Literal>]
let private MostSlips = 3

let private missingPiece (count: int) (after: int) : KeyFinding =
    KeyFinding.wrong
        KeyMistake.PieceMissing
        (string count
         + " characters are missing after character "
         + string after
         + " of p=")
        "publish the whole value: one of its pieces was left out"

let private extraPiece (count: int) (after: int) : KeyFinding =
    KeyFinding.wrong
        KeyMistake.ExtraCharacters
        (string count
         + " characters too many stand after character "
         + string after
         + " of p=")
        "take them out, or copy the value of p= again"

let private differs (where: string) : KeyFinding =
    KeyFinding.wrong
        KeyMistake.OtherKey
        ("p= differs from the public half of this private key in " + where + " only")
        "copy the value of p= again"

/// Where two values of the same length differ.
let private exchanged (own: string) (published: string) (same: int) (fromEnd: int) : KeyFinding voption =
    match [ 1 .. own.Length ] |> List.filter (fun at -> own[at - 1] <> published[at - 1]) with
    | places when places.Length <= MostSlips -> ValueSome(differs ("character " + String.Join(" and ", places)))
    | _ when same + fromEnd >= own.Length / 2 ->
        ValueSome(
            differs (
                "the characters from "
                + string (same + 1)
                + " to "
                + string (own.Length - fromEnd)
            )
        )
    | _ -> ValueNone

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
        [ 1..length ]
        |> List.tryFind (fun back -> own[own.Length - back] <> published[published.Length - back])
        |> Option.map (fun back -> back - 1)
        |> Option.defaultValue length

    let missing = own.Length - published.Length

    if published = "" || own = "" || own = published then
        ValueNone
    elif own.Equals(published, StringComparison.OrdinalIgnoreCase) then
        KeyFinding.wrong
            KeyMistake.WrongCase
            "p= differs from the public half of this private key in capitals and small letters only"
            "enter the value of p= where its capitals are kept"
        |> ValueSome
    elif missing > 0 && same = published.Length then
        KeyFinding.wrong
            KeyMistake.CutOff
            ("p= is cut off after character " + string same + " of " + string own.Length)
            wholeValue
        |> ValueSome
    elif missing > 0 && same + fromEnd >= published.Length then
        ValueSome(missingPiece missing same)
    elif missing < 0 && same + fromEnd >= own.Length then
        ValueSome(extraPiece -missing (min same own.Length))
    elif missing = 0 then
        exchanged own published same fromEnd
    elif same + fromEnd >= own.Length / 2 then
        ValueSome(
            differs (
                "the characters from "
                + string (same + 1)
                + " to "
                + string (own.Length - fromEnd)
            )
        )
    else
        ValueNone

let private privatePublished: KeyFinding =
    KeyFinding.wrong
        KeyMistake.PrivateKeyPublished
        "p= is the PRIVATE key: everybody can sign in your name now"
        "remove the record, make a new key under another selector, and publish the public half"

/// The line that begins the file of a private key, whatever became of its dashes.
let private hasPrivateLine (value: string) : bool = value.Contains "PRIVATE KEY"

/// Base64 that cannot be read: why.
let badBase64 (test: KeyUnderTest) (text: string) : KeyFinding =
    let value = tagValue "p" text |> ValueOption.defaultValue ""

    let isCut () =
        let packed = (TagList.withoutWhiteSpace value).TrimEnd '='

        match TagList.tryBase64 (packed.Substring(0, packed.Length / 4 * 4)) with
        | ValueSome octets -> isCutOff octets
        | ValueNone -> false

    match badCharacter value with
    | _ when hasPrivateLine value -> privatePublished
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
    | ValueNone when isCut () -> slip test text |> ValueOption.defaultValue (cutOff text)
    | ValueNone ->
        slip test text
        |> ValueOption.defaultValue (
            KeyFinding.wrong
                KeyMistake.BadBase64
                "p= is base64 of an impossible length: characters are missing"
                "copy the value of p= again, whole"
        )

let private isPrivateKey (octets: byte[]) : bool =
    let isKey (label: string) =
        let pem =
            Security.Cryptography.PemEncoding.WriteString(label.AsSpan(), ReadOnlySpan octets)

        (SigningKey.parse ValueNone pem).IsOk

    isKey "RSA PRIVATE KEY" || isKey "PRIVATE KEY"

/// Octets that are no key: what they are.
let badKeyData (test: KeyUnderTest) (text: string) (record: KeyRecord) (reason: string) : KeyFinding =
    let octets = record.KeyData
    let slipped = slip test text

    if ValueOption.exists hasPrivateLine (tagValue "p" text) then
        privatePublished
    elif slipped.IsSome then
        slipped.Value
    elif isCutOff octets then
        cutOff text
    elif isPrivateKey octets then
        privatePublished
    elif record.KeyType = Ed25519 && octets.Length > 44 then
        KeyFinding.wrong KeyMistake.KeyTypeMismatch "k=ed25519 stands beside an RSA key" "write k=rsa"
    else
        KeyFinding.wrong KeyMistake.BadKeyData ("p= is no key: " + reason) "copy the value of p= again"
