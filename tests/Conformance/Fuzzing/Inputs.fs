/// Inputs for readers: sentences of their grammars, what is around them in mail, and damage of every size. All of it
/// follows from a seed.
module Dkim.Tests.Conformance.Fuzzing.Inputs

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Abnf

/// One of some.
let pick (random: Random) (choices: 'a[]) : 'a = choices[random.Next choices.Length]

// Pieces that readers of mail make much of, from single octets to whole parts.
let private pieces =
    [|
        yield!
            [
                " "
                "\t"
                "\r\n"
                "\r\n "
                "\r"
                "\n"
                "\000"
                ";"
                "="
                ":"
                ","
                "@"
                "."
                "("
                ")"
                "<"
                ">"
            ]
        yield!
            [
                "["
                "]"
                "\""
                "\\"
                "/"
                "*"
                "|"
                "%"
                "#"
                "$"
                "{"
                "}"
                "'"
                "~"
                "!"
                "\127"
                "\128"
                "\255"
            ]
        yield!
            [
                "\195\188"
                "\226\128\174"
                "=3D"
                "=3d"
                "=\r\n"
                "=?utf-8?Q?=3D?="
                "xn--bcher-kva"
                "\r\n.\r\n"
                "\n.\n"
            ]
        yield!
            [
                "v=1"
                "v=DKIM1"
                "b="
                "bh="
                "d="
                "h=From:From"
                "i=@"
                "l=0"
                "p="
                "t=y:s"
                "x=0"
                "c=relaxed/relaxed"
            ]
        yield!
            [
                "99999999999999999999"
                "-1"
                "0"
                "4294967296"
                "2147483648"
                "From"
                "none"
                "pass"
                "reason="
                "include"
            ]
        "((((((((((((((((((((((((("
        String('a', 64)
        String('a', 254)
        String(' ', 1000)
        String(';', 200)
        "a=b;a=b;"
        "<<<>>>"
        "-----BEGIN PRIVATE KEY-----\n"
        "-----END PRIVATE KEY-----\n"
    |]

let private damageOnce (random: Random) (pool: string) (text: string) : string =
    let at = random.Next(text.Length + 1)
    let length = min (text.Length - at) (random.Next(1, 2 + text.Length / 4))

    match random.Next 9 with
    | 0
    | 1 -> Mutation.once random text
    | 2 -> text.Insert(at, pick random pieces)
    | 3 -> text.Remove(at, length)
    | 4 -> text.Insert(at, text.Substring(at, length))
    | 5 -> text.Remove(at, length).Insert(at, pick random pieces)
    | 6 when text.Length > 0 ->
        let place = random.Next text.Length
        let flipped = char (int text[place] ^^^ (1 <<< random.Next 8) &&& 0xff)
        text.Remove(place, 1).Insert(place, string flipped)
    | 7 when pool <> "" ->
        // Part of another input in the place of one of this.
        let from = random.Next pool.Length
        let taken = pool.Substring(from, random.Next(1, 1 + pool.Length - from))
        text.Remove(at, length).Insert(at, taken)
    | _ -> text.Insert(at, (pick random pieces) + (pick random pieces))

/// The longest input.
[<Literal>]
let Longest = 20000

/// The text with some damage; `pool` is another input, of which parts may be taken.
let damaged (random: Random) (pool: string) (text: string) : string =
    let mutable result = text

    for _ in 1 .. pick random [| 1; 1; 1; 2; 3; 8 |] do
        result <- damageOnce random pool result

    result.Substring(0, min Longest result.Length)

/// A text cut into pieces at random.
let cut (random: Random) (text: string) : string list =
    let rec from at =
        if at >= text.Length then
            []
        else
            let size =
                min (text.Length - at) (random.Next(1, pick random [| 2; 8; 100; 5000 |]))

            text.Substring(at, size) :: from (at + size)

    from 0

// Fixed, so that a signed message that is kept verifies in any process.
let private rsa =
    let octets =
        [
            "MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAPBQqIe68Jvi3w4N"
            "BF03O9cidKOdt7VoUYo/nn7r42BIz0ca2oRLSZGYEebmQJovMUJONgPc4qUMEQ/B"
            "vc55z19t4Bz0ev+oekg+1iFh1Zbqliycc4kks6ItUX4WMDe5OGWqj0ogoF2ArcIM"
            "x7P2E7afCkWS6qkWnreYqukuSASDAgMBAAECgYBcWZK6PkOylDfFrYjszYoIfaw3"
            "KCft5b3YE+Szv7CsUq6dE5u/1TLbaYYPppJS7inO4kFtsJfEd2OjG3/2decTdXZt"
            "SXN/SYRpdlkhcUSDJx5ToxF69mOtNkTDLB3KUiTkZVuY+lm9i6xLm4hIymEAJLAR"
            "7Oy+/Gyr8aM6OCk/KQJBAP2YFzNWGfq9aY6gBKKdC6DMU+qZNZRUI0ua3QGQ3zrx"
            "nn1PtvcOeiV/1bwJCxMP4ikbYRZMEyppOEYSJnacTg8CQQDymFEOcHb+hTUu0V8M"
            "Os57LzZO8CuTuI2m1D6yZopaKKoaWiHLjGumyWFii11tR0cxl9r+MXpQO+CJFAUr"
            "vNZNAkBKwiNUxvUxrdUIbrPvHEzpQlMavb/F0mf1SdoNNCAayE/osS9G9cWceGsR"
            "27igDfamF6QvZo3f2tT0EzWzkbCRAkAEU8U2XbkxpwygzilE3ZOrTNdKJyyP0P3t"
            "2OFZa0zSeOE34R2zNMkCy5rKGDRNa7UQZGYKnLVS0w6ZQ1soQZENAkAFtUf18Eke"
            "3pu8dQZjDyl+z40MdRzSWuMRjRsfInEzcN5TtLzwXU1dlC4gu/687SWKTkmZ9Uf/"
            "auGIoGpeOEIN"
        ]

    let text =
        "-----BEGIN PRIVATE KEY-----\n"
        + String.Join('\n', octets)
        + "\n-----END PRIVATE KEY-----\n"

    match SigningKey.parse ValueNone text with
    | Ok key -> key, text
    | Error error -> invalidOp (PrivateKeyError.describe error)

let private ed25519 =
    SigningKey.generateEd25519 (Array.init SigningKey.Ed25519Entropy byte)

/// Private keys as their files are.
let privateKeys: string[] = [| snd rsa; snd ed25519 |]

/// The good key that stands at a path, RSA where the path is `key`; paths of one length more have the other.
let privateKeyAt (path: string) : FileContents =
    FileContents.Found(ReadOnlyMemory(Octets.ofLatin1 privateKeys[(path.Length + 1) % 2]))

/// Key records of good keys.
let keyRecords: string[] =
    [|
        "v=DKIM1; k=rsa; p=" + Convert.ToBase64String (fst rsa).KeyData
        "v=DKIM1; k=ed25519; p=" + Convert.ToBase64String (fst ed25519).KeyData
    |]

/// A signed message, in one of several ways.
let message (random: Random) : string =
    let canon =
        pick random [| "simple/simple"; "relaxed/relaxed"; "relaxed"; "simple/relaxed" |]

    let key, name =
        if random.Next 2 = 0 then
            fst rsa, "rsa-sha256"
        else
            fst ed25519, "ed25519-sha256"

    let body =
        pick random [| ""; "text\r\n"; "a  b \t\r\n\r\nc\r\n\r\n"; "=C3=BC=\r\n x\r\n"; "no end" |]

    let fields =
        [
            "From: "
            + pick
                random
                [|
                    "joe@example.com"
                    "Joe <joe@example.com>"
                    "\"J\\\"o\" (c) <j@mail.example.com>"
                |]
            "To: a@b, G: c@d, e@f;"
            "Subject: "
            + pick random [| "x"; "a\r\n  folded\tone"; "=?utf-8?Q?=C3=BC?="; "" |]
            "Sender: x@example.com"
            "Authentication-Results: mx.example.net; dkim=pass header.d=example.com"
        ]
        |> List.truncate (random.Next(1, 6))

    let bodyForm =
        if canon.EndsWith("/relaxed", StringComparison.Ordinal) then
            RelaxedBody
        else
            SimpleBody

    let request =
        {
            Hash = Sha256
            Canon = bodyForm
            Limit = ValueNone
            Prefix = ReadOnlyMemory.Empty
        }

    use hasher = new BodyHasher([ request ])
    hasher.Feed(ReadOnlySpan(Octets.ofLatin1 body))
    let digest = (Digests.tryFind request (hasher.Finish())).Value

    let unsigned =
        "DKIM-Signature: v=1; a="
        + name
        + "; c="
        + canon
        + "; d=example.com; s=s;\r\n\th=From:To:Subject:From"
        + pick
            random
            [|
                ""
                "; l=2"
                "; t=1000; x=9999999999"
                "; i=j=20k@mail.example.com"
                "; z=From:a|To:b"
                "; q=dns/txt"
            |]
        + "; bh="
        + Convert.ToBase64String digest.Value
        + ";\r\n b="

    let form =
        if canon.StartsWith("relaxed", StringComparison.Ordinal) then
            RelaxedHeader
        else
            SimpleHeader

    let header =
        Header.ofFields (
            fields
            |> List.map (fun text -> Field.ofOctets (ReadOnlyMemory(Octets.ofLatin1 text)))
        )

    let names = [ "From"; "To"; "Subject"; "From" ] |> List.map FieldName.known
    let own = Field.ofOctets (ReadOnlyMemory(Octets.ofLatin1 unsigned))

    let octets =
        CanonicalHeader.signedOctets form (Header.select names ValueNone header) own

    let value = key.Sign(Sha256, Security.Cryptography.SHA256.HashData octets)

    let text =
        StringBuilder(unsigned).Append(Convert.ToBase64String value).Append "\r\n"

    fields |> List.iter (fun field -> text.Append(field).Append "\r\n" |> ignore)
    text.Append("\r\n").Append(body).ToString()

/// Chance that follows from a text alone, the same in every process.
let chanceOf (text: string) : Random =
    let mutable value = 2166136261u

    for c in text do
        value <- (value ^^^ uint32 c) * 16777619u

    Random(int value)
