/// What tools do to the key of a record: PEM lines, another alphabet, base64 twice, signs lost, another type (RFC 4648 §4, §5,
/// RFC 7468 §2, RFC 8463 §4.2).
module internal Dkim.Core.KeyCheck.KeyMends

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.KeyCheck.RawText

let private lastDashes = 5

// From ----- to ----- on both sides of the key.
let rec private withoutArmour (text: string) : string =
    match text.IndexOf("-----", StringComparison.Ordinal) with
    | -1 -> text
    | start ->
        match text.IndexOf("-----", start + lastDashes, StringComparison.Ordinal) with
        | -1 -> text.Substring(0, start)
        | finish -> withoutArmour (text.Remove(start, finish + lastDashes - start))

let private pem: Mend =
    {
        Mistake = KeyMistake.PemPasted
        Says = "p= has the BEGIN and END lines of the key file in it"
        Remedy = "publish only the base64 between these lines, without line ends"
        IsPlain = false
        Undo = fun text -> unlessSame text (withoutArmour text)
    }

let private plus: Mend =
    {
        Mistake = KeyMistake.PlusLost
        Says = "blanks stand in p= where the key has +"
        Remedy = "enter the key again; a form that makes blanks of + wants %2B"
        IsPlain = false
        Undo =
            fun text ->
                text
                |> mapKey (String.map (fun c -> if c = ' ' then '+' else c))
                |> unlessSame text
    }

let private ofUrl (c: char) =
    match c with
    | '-' -> '+'
    | '_' -> '/'
    | c -> c

let private padded (value: string) : string =
    let bare = (TagList.withoutWhiteSpace value).TrimEnd '='

    match bare.Length % 4 with
    | 2 -> bare + "=="
    | 3 -> bare + "="
    | _ -> bare

let private alphabet: Mend =
    {
        Mistake = KeyMistake.BadBase64
        Says = "p= is written in the alphabet of web addresses, with - and _ for + and /"
        Remedy = "write + for - and / for _"
        IsPlain = false
        Undo = fun text -> text |> mapKey (String.map ofUrl >> padded) |> unlessSame text
    }

let private padding: Mend =
    {
        Mistake = KeyMistake.BadBase64
        Says = "p= does not end in as many = as base64 needs"
        Remedy = "copy the value of p= again, whole"
        IsPlain = false
        Undo = fun text -> text |> mapKey padded |> unlessSame text
    }

let private stray: Mend =
    {
        Mistake = KeyMistake.BadBase64
        Says = "p= has characters in it that are no base64"
        Remedy = "take them out"
        IsPlain = false
        Undo = fun text -> text |> mapKey (String.filter isBase64 >> padded) |> unlessSame text
    }

let private keyData (tags: RecordTags) : byte[] voption =
    KeyTags.tryValue "p" tags |> ValueOption.bind TagList.tryBase64

/// The record with its key changed, where it can be read and has one.
let private withKey (change: RecordTags -> byte[] -> RecordTags voption) (text: string) : string list =
    match KeyTags.tryRead text with
    | ValueNone -> []
    | ValueSome tags ->
        match keyData tags |> ValueOption.bind (change tags) with
        | ValueSome changed when changed <> tags -> [ KeyTags.write changed ]
        | _ -> []

// Base64 of base64, as a tool makes that encodes what is encoded already; it may have been a whole PEM file.
let private decoded (tags: RecordTags) (octets: byte[]) : RecordTags voption =
    if octets |> Array.forall (fun octet -> octet < 0x7Fuy) then
        let once =
            withoutArmour (Octets.latin1 (ReadOnlySpan octets)) |> TagList.withoutWhiteSpace

        ValueSome(KeyTags.put "p" once tags)
    else
        ValueNone

let private twice: Mend =
    {
        Mistake = KeyMistake.EncodedTwice
        Says = "p= is base64 of base64: it was encoded twice"
        Remedy = "publish what the base64 decodes to"
        IsPlain = false
        Undo = withKey decoded
    }

// What precedes the 32 octets where somebody published the whole SubjectPublicKeyInfo (RFC 8410 §4).
let private ed25519Info = Convert.FromHexString "302a300506032b6570032100"

[<Literal>]
let private Ed25519Length = 32

let private withInfo: Mend =
    {
        Mistake = KeyMistake.KeyTypeMismatch
        Says = "p= is an Ed25519 key with an algorithm identifier in front (44 octets)"
        Remedy = "publish k=ed25519 and base64 of the last 32 octets alone (RFC 8463 §4.2)"
        IsPlain = false
        Undo =
            withKey (fun tags octets ->
                if octets.AsSpan().StartsWith(ReadOnlySpan ed25519Info) then
                    tags
                    |> KeyTags.put "k" "ed25519"
                    |> KeyTags.put "p" (Convert.ToBase64String octets[ed25519Info.Length ..])
                    |> ValueSome
                else
                    ValueNone)
    }

let private ed25519: Mend =
    {
        Mistake = KeyMistake.KeyTypeMismatch
        Says = "p= is an Ed25519 key, but k=ed25519 is missing"
        Remedy = "add k=ed25519"
        IsPlain = false
        Undo =
            withKey (fun tags octets ->
                if octets.Length = Ed25519Length then
                    ValueSome(KeyTags.put "k" "ed25519" tags)
                else
                    ValueNone)
    }

let private rsa: Mend =
    {
        Mistake = KeyMistake.KeyTypeMismatch
        Says = "k= does not name the type of the key, which is RSA"
        Remedy = "write k=rsa"
        IsPlain = false
        Undo =
            withKey (fun tags octets ->
                if octets.Length > Ed25519Length && (KeyTags.tryValue "k" tags).IsSome then
                    ValueSome(KeyTags.put "k" "rsa" tags)
                else
                    ValueNone)
    }

/// In the order in which they are tried.
let all: Mend list =
    [ pem; plus; padding; alphabet; twice; withInfo; ed25519; rsa; stray ]
