/// Laws of the diagnosis of key records: what hands and tools do to a good record is told as that, and taken back; a good
/// record is left alone; no key comes out of a text that did not have it.
module Dkim.Properties.KeyMendLaws

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.KeyCheck

let private keys =
    [
        for bits in [ 1024<bit>; 1280<bit>; 2048<bit>; 4096<bit> ] -> fst (SigningKey.generateRsa bits)
        for seed in 1..12 -> fst (SigningKey.generateEd25519 (Array.init 32 (fun index -> byte (index * seed + seed))))
    ]

/// A record in the form in which remedies are written, and its key.
type SoundRecord =
    {
        Tags: (string * string) list
        Key: SigningKey
    }

    member this.Text =
        this.Tags
        |> List.map (fun (name, value) -> name + "=" + value)
        |> String.concat "; "

    override this.ToString() = this.Text

/// Makes good records.
type KeyArbitraries =
    static member SoundRecord() : Arbitrary<SoundRecord> =
        let maybe tags =
            Gen.oneof [ Gen.constant []; Gen.elements tags |> Gen.map List.singleton ]

        let make (key: SigningKey) before (note: (string * string) list) after =
            let kind =
                if key.KeyType = Ed25519 then
                    [ "k", "ed25519" ]
                else
                    [ "k", "rsa" ]

            {
                Tags =
                    [ "v", "DKIM1" ]
                    @ before
                    @ kind
                    @ note
                    @ [ "p", Convert.ToBase64String key.KeyData ]
                    @ after
                Key = key
            }

        Gen.map4
            make
            (Gen.elements keys)
            (maybe [ "h", "sha256"; "h", "sha1:sha256" ])
            (maybe [ "n", "key=20of=202026" ])
            (maybe [ "t", "s"; "t", "y:s"; "s", "email"; "s", "*" ])
        |> Arb.fromGen

let private trials count =
    {
        Count = count
        Arbitraries = [ typeof<KeyArbitraries>; typeof<Generators.Arbitraries> ]
    }

let private testOf key : KeyUnderTest =
    {
        Selector = Expect.ok (Selector.tryCreate "s")
        Domain = Expect.ok (DomainName.tryCreate "example.com")
        Private = key
        LeastRsaBits = 1024<bit>
    }

let private diagnose key (texts: string list) : Diagnosis =
    KeyDiagnosis.ofAnswer (testOf key) (Answer.Found(texts, Security.Unchecked))

let private mistakes (diagnosis: Diagnosis) =
    diagnosis.Findings |> List.map (fun found -> KeyMistake.name found.Mistake)

let private value name (good: SoundRecord) =
    good.Tags
    |> List.tryFind (fst >> (=) name)
    |> Option.map snd
    |> Option.defaultValue ""

let private withTag name value (good: SoundRecord) : string =
    { good with
        Tags =
            good.Tags
            |> List.map (fun (other, old) -> other, (if other = name then value else old))
    }
        .Text

let private key (good: SoundRecord) = value "p" good

let private withKey text good = withTag "p" text good

let private quoted (text: string) =
    Publication.strings text
    |> List.map (fun piece -> "\"" + piece + "\"")
    |> String.concat " "

/// A way to spoil a record: the mistake as which it must be told, and what becomes of the record, by a number. Nothing where
/// the record cannot be spoiled so.
type private Damage = string * (int -> SoundRecord -> string list)

let private always (damage: SoundRecord -> string) : int -> SoundRecord -> string list = fun _ good -> [ damage good ]

let private onlyIf test (damage: SoundRecord -> string) : int -> SoundRecord -> string list =
    fun _ good -> if test good then [ damage good ] else []

let private pasted: Damage list =
    [
        "quotes-inside", always (fun good -> "\"" + good.Text + "\"")
        "quotes-inside", onlyIf (fun good -> good.Text.Length > 255) (fun good -> quoted good.Text)
        "quotes-inside", always (fun good -> "'" + good.Text + "'")
        "escapes-pasted", always (fun good -> good.Text.Replace(";", "\\;"))
        "escapes-pasted",
        onlyIf (fun good -> (key good).Contains '+' || (key good).Contains '/') (fun good ->
            good.Text.Replace("+", "%2B").Replace("/", "%2F"))
        "odd-characters", always (fun good -> "\u00e2\u0080\u009c" + good.Text + "\u00e2\u0080\u009d")
        "odd-characters",
        (fun pick good ->
            let p = key good
            [ withKey (p.Insert(1 + pick % (p.Length - 1), "\n")) good ])
        "zone-line-pasted", always (fun good -> "s._domainkey IN TXT ( " + quoted good.Text + " )")
        "zone-line-pasted", always (fun good -> "s._domainkey.example.com. 3600 IN TXT " + good.Text)
        "zone-line-pasted", always (fun good -> "( " + quoted good.Text + " ) ; ----- DKIM key s for example.com")
        "records-pasted", always (fun good -> good.Text + " " + good.Text)
        "records-pasted", always (fun good -> "v=DKIM1; k=rsa; p=" + good.Text)
        "strings-swapped",
        (fun pick good ->
            let text = good.Text
            let start = text.IndexOf("; p=", StringComparison.Ordinal) + 4
            let at = start + 4 + pick % (max 1 ((key good).Length - 24))
            let isLast = text.EndsWith(key good)

            if isLast && text.Length - at >= 20 then
                [ text.Substring at + text.Substring(0, at) ]
            else
                [])
        "strings-swapped",
        (fun pick good ->
            match Publication.strings good.Text with
            | [ first; second; third ] ->
                [ [ first; third; second ]; [ second; first; third ]; [ third; second; first ] ]
                |> List.item (pick % 3)
                |> String.concat ""
                |> List.singleton
            | [ first; second ] when second.Length >= 20 && good.Text.EndsWith(key good) -> [ second + first ]
            | _ -> [])
        "strings-doubled",
        (fun pick good ->
            let strings = Publication.strings good.Text

            if strings.Length > 1 && strings[strings.Length - 1].Length >= 60 then
                let twice = pick % strings.Length

                strings
                |> List.mapi (fun index piece -> if index = twice then piece + piece else piece)
                |> String.concat ""
                |> List.singleton
            else
                [])
    ]

// Behind a note nobody knows where it ends.
let private hasNote (good: SoundRecord) = value "n" good <> ""

let private places (sign: string) (text: string) =
    [
        for at in 0 .. text.Length - sign.Length do
            if text.Substring(at, sign.Length) = sign then
                at
    ]

let private without (sign: string) (left: string) : int -> SoundRecord -> string list =
    fun pick good ->
        let text = good.Text
        let found = places sign text

        if hasNote good then
            []
        else
            let at = found[pick % found.Length]
            [ text.Remove(at, sign.Length).Insert(at, left) ]

let private tagged: Damage list =
    [
        "missing-semicolon", without "; " " "
        "missing-semicolon", without "; " ""
        "missing-semicolon", onlyIf (hasNote >> not) (fun good -> good.Text.Replace("; ", " "))
        "missing-semicolon", onlyIf (hasNote >> not) (fun good -> good.Text.Replace(";", ","))
        "missing-semicolon", onlyIf (hasNote >> not) (fun good -> good.Text.Replace("; ", ""))
        "bad-syntax",
        always (fun good ->
            good.Tags
            |> List.map (fun (name, value) -> name + ": " + value)
            |> String.concat "; ")
        "bad-syntax", always (fun good -> good.Text.Replace(";", ";;"))
        "wrong-case", always (fun good -> "V=dkim1" + good.Text.Substring 7)
        "wrong-case",
        always (fun good ->
            good.Tags
            |> List.map (fun (name, value) -> name.ToUpperInvariant() + "=" + value)
            |> String.concat "; ")
        "bad-version", always (fun good -> good.Text.Replace("v=DKIM1", "v=DKIM2"))
        "bad-version", always (fun good -> good.Text.Substring 2)
        "bad-version", always (fun good -> good.Text.Substring 9 + "; v=DKIM1")
        "missing-key", always (fun good -> good.Text.Replace("p=", ""))
    ]

let private keyed: Damage list =
    [
        "pem-pasted",
        always (fun good -> withKey ("-----BEGIN PUBLIC KEY-----" + key good + "-----END PUBLIC KEY-----") good)
        "plus-lost",
        onlyIf (fun good -> (key good).IndexOf '+' > 0) (fun good -> withKey ((key good).Replace('+', ' ')) good)
        "bad-base64",
        onlyIf (fun good -> (key good).Contains '+' || (key good).Contains '/') (fun good ->
            withKey ((key good).Replace('+', '-').Replace('/', '_')) good)
        "bad-base64", onlyIf (fun good -> (key good).EndsWith '=') (fun good -> withKey ((key good).TrimEnd '=') good)
        "bad-base64", always (fun good -> withKey (key good + ".") good)
        "encoded-twice",
        always (fun good -> withKey (Convert.ToBase64String(Text.Encoding.ASCII.GetBytes(key good))) good)
        "key-type-mismatch", always (fun good -> withTag "k" (if value "k" good = "rsa" then "ed25519" else "rsa") good)
        "key-type-mismatch", always (fun good -> withTag "k" (value "k" good + "-sha256") good)
        "hash-not-allowed", onlyIf (fun good -> value "h" good <> "") (fun good -> withTag "h" "sha1" good)
        "not-for-mail", onlyIf (fun good -> value "s" good <> "") (fun good -> withTag "s" "web" good)
    ]

let private damages = pasted @ tagged @ keyed

// Where a tag shuts mail out, the remedy is to leave it out.
let private remedied (mistake: string) (good: SoundRecord) : string =
    let tags name =
        { good with
            Tags = good.Tags |> List.filter (fst >> (<>) name)
        }
            .Text

    match mistake with
    | "hash-not-allowed" -> tags "h"
    | "not-for-mail" -> tags "s"
    | _ -> good.Text

let private explain (text: string) (mistake: string) (told: Diagnosis) =
    let words =
        String.Join(", ", mistakes told)
        + " -> "
        + string told.Publish
        + "\nwanted "
        + mistake
        + "\nof "
        + text

    Prop.label words

let private isTold (mistake: string) (good: SoundRecord) (texts: string list) : Property =
    let own = mistakes (diagnose (ValueSome good.Key) [ good.Text ])
    let wanted = remedied mistake good

    [ ValueSome good.Key; ValueNone ]
    |> List.map (fun key ->
        let told = diagnose key texts
        let others = mistakes told |> List.except own

        let isRight =
            others = [ mistake ]
            && told.Publish |> ValueOption.exists (fun publish -> publish = Publish.Txt wanted)

        isRight |> Prop.ofTestable |> explain (String.Join("\n", texts)) mistake told)
    |> List.reduce (fun one other -> one .&. other)

let private normal (text: string) =
    text.Replace(' ', '+').Replace('-', '+').Replace('_', '/')

let private isSubsequence (part: string) (text: string) =
    let rec from (at: int) (index: int) =
        at = part.Length
        || (match text.IndexOf(part[at], index) with
            | -1 -> false
            | found -> from (at + 1) (found + 1))

    from 0 0

/// The longest that stands in front of the numbers of an RSA key: what kind of key it is (RFC 5280 §4.1), in octets.
[<Literal>]
let private LongestKind = 24

// The value of p= as it is written; its last character may have bits that no octet has.
let private written (record: string) : string =
    record.Split ';'
    |> Array.map _.Trim()
    |> Array.tryFind _.StartsWith("p=")
    |> Option.map (fun tag -> tag.Substring(2).Replace(" ", "").TrimEnd '=')
    |> Option.defaultValue "no p="

// What the text may have for a key: its own characters, what they decode to, the end of what they decode to, and the numbers of
// an RSA key without what kind of key it is.
let private hasKey (text: string) (mended: string) (record: KeyRecord) : bool =
    let bare = written mended
    let plain = Uri.UnescapeDataString text

    let isNumbersOf (octets: byte[]) =
        octets.Length + LongestKind >= record.KeyData.Length
        && record.KeyData.AsSpan().EndsWith(ReadOnlySpan octets)

    let decodes =
        text.Split([| ';'; '"'; ' ' |])
        |> Array.choose (fun piece -> TagList.tryBase64 (piece.Trim().Replace("p=", "")) |> Option.ofValueOption)
        |> Array.exists (fun octets ->
            isSubsequence bare (Octets.latin1 (ReadOnlySpan octets))
            || octets.AsSpan().EndsWith(ReadOnlySpan record.KeyData)
            || isNumbersOf octets)

    isSubsequence bare (normal text) || isSubsequence bare (normal plain) || decodes

let private inventsNothing (text: string) : bool =
    let told = diagnose ValueNone [ text ]

    match told.Publish with
    | ValueNone
    | ValueSome(Publish.Alias _) -> true
    | ValueSome(Publish.Txt mended) ->
        match KeyRecord.parse 16384<octet> mended with
        | Ok record -> (PublicKey.ofRecord record).IsOk && hasKey text mended record
        | Error _ -> false

let private mangle (picks: int list) (text: string) : string =
    picks
    |> List.truncate 6
    |> List.fold
        (fun (text: string) pick ->
            if text = "" then
                text
            else
                let at = abs (pick / 7) % text.Length

                match abs pick % 7 with
                | 0 -> text.Remove(at, 1)
                | 1 -> text.Insert(at, " ")
                | 2 -> text.Insert(at, "\"")
                | 3 -> text.Insert(at, string text[abs pick % text.Length])
                | 4 -> text.Substring at + text.Substring(0, at)
                | 5 -> text.Remove(at, min 50 (text.Length - at))
                | _ -> text.Insert(at, ";"))
        text

[<Tests>]
let tests =
    testList
        "KeyMendLaws"
        [
            for index, (mistake, damage) in List.indexed damages do
                testLaw
                    (trials 60)
                    ("what is spoiled is told as that and put right: " + mistake + " " + string index)
                    (fun (good: SoundRecord) (NonNegativeInt pick) ->
                        match damage pick good with
                        | [] -> Prop.ofTestable true
                        | texts -> isTold mistake good texts)

            testLaw (trials 200) "a record of strings is put together again" (fun (good: SoundRecord) ->
                match Publication.strings good.Text with
                | [ _ ] -> Prop.ofTestable true
                | [ first; second ] when second.Length > 20 -> isTold "split-over-records" good [ first; second ]
                | _ -> Prop.ofTestable true)

            testLaw (trials 100) "of several records the key is left" (fun (good: SoundRecord) (first: bool) ->
                let other = [ "v=spf1 mx -all" ]
                isTold "several-records" good (if first then other @ [ good.Text ] else good.Text :: other))

            testLaw (trials 500) "a good record is left alone" (fun (good: SoundRecord) (NonNegativeInt pick) ->
                let p = key good
                let spaced = withKey (p.Insert(pick % p.Length, " ")) good

                [ good.Text; good.Text + ";"; good.Text.Replace("; ", ";"); spaced ]
                |> List.forall (fun text ->
                    [ ValueSome good.Key; ValueNone ]
                    |> List.forall (fun key ->
                        let told = diagnose key [ text ]
                        told.IsGood && told.Publish = ValueNone)))

            testLaw (trials 2000) "no key comes out of a text that did not have it" (fun (AnyText text) ->
                inventsNothing text && inventsNothing ("v=DKIM1; k=ed25519; p=" + text))

            testLaw (trials 1000) "nor out of a record that was spoiled at random" (fun (good: SoundRecord) picks ->
                inventsNothing (mangle picks good.Text))

            testLaw
                (trials 500)
                "with the private key nothing else is to be published"
                (fun (good: SoundRecord) (other: SoundRecord) picks ->
                    match (diagnose (ValueSome other.Key) [ mangle picks good.Text ]).Publish with
                    | ValueSome(Publish.Txt mended) ->
                        match KeyRecord.parse 16384<octet> mended with
                        | Ok record -> KeyTags.fits other.Key record
                        | Error _ -> false
                    | ValueSome(Publish.Alias _)
                    | ValueNone -> true)
        ]
