/// Generators of bodies, headers, tag lists and records. Their alphabets are small, so that what matters meets often, and
/// they shrink to the shortest text that still fails.
namespace Dkim.Properties

open System
open System.Text.RegularExpressions
open FsCheck.FSharp
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings

/// A body made of what canonicalization looks at, with runs long enough for vector instructions.
type MailBody = MailBody of byte[]

/// Where to cut something into pieces: the lengths of the pieces, used over and over.
type Cuts = Cuts of int list

/// A header field that a signature may cover: name, then value with folds.
type SomeField = SomeField of name: string * value: string

/// A field of a mailbox, other fields, and a body.
type Letter =
    { Fields: SomeField list; Body: byte[] }

/// A tag list: names in order, each once, and values without white space at their ends.
type TagPairs = TagPairs of (string * string) list

/// A signature as a signer could write it.
type GoodSignature = GoodSignature of Signature

/// A key record as it could be published.
type GoodRecord = GoodRecord of KeyRecord

/// A well-formed text with a few octets changed, dropped or doubled.
type Damaged = Damaged of string

module Cuts =
    /// The pieces of a text, in order.
    let pieces (Cuts lengths) (octets: byte[]) : ReadOnlyMemory<byte> list =
        let rec cut at lengths rest =
            if at >= octets.Length then
                List.rev rest
            else
                match lengths with
                | [] -> List.rev (ReadOnlyMemory(octets, at, octets.Length - at) :: rest)
                | length :: more ->
                    let taken = min length (octets.Length - at)
                    cut (at + taken) more (ReadOnlyMemory(octets, at, taken) :: rest)

        let enough =
            if lengths.IsEmpty then
                []
            else
                List.replicate (octets.Length + 1) lengths |> List.concat

        cut 0 (enough |> List.truncate (octets.Length + lengths.Length + 1)) []

module MailGenerators =
    let private text (characters: string) least most =
        Gen.choose (least, most)
        |> Gen.bind (fun length -> Gen.arrayOfLength length (Gen.elements (List.ofSeq characters)))
        |> Gen.map String

    let private part =
        Gen.frequency
            [
                4, Gen.elements [ " "; "\t"; "\r\n"; "\r"; "\n"; "a"; "\r\n\r\n"; " \r\n" ]
                2, text "ab" 1 6
                1, text "x" 28 70
                1, text " \t" 1 40
                1, Gen.map (fun n -> String.replicate n "\r\n") (Gen.choose (1, 20))
            ]

    let private body = Gen.listOf part |> Gen.map (String.concat "" >> Octets.ofLatin1)

    let private shrinkText (text: string) : string seq =
        seq {
            if text.Length > 1 then
                text.Substring(0, text.Length / 2)
                text.Substring(text.Length / 2)

            for index in 0 .. min 100 text.Length - 1 do
                text.Remove(index, 1)
        }

    let private shrinkOctets (octets: byte[]) : byte[] seq =
        shrinkText (Octets.latin1 (ReadOnlySpan octets)) |> Seq.map Octets.ofLatin1

    let private value =
        Gen.frequency
            [
                3, Gen.elements [ "a"; "b"; " "; "  "; "\t"; "\r\n "; "\r\n\t "; "z" ]
                1, text "aZ=;:" 1 9
                1, Gen.elements [ "\195\169"; "\160"; "\000"; "\r"; "\n" ]
            ]
        |> Gen.listOf
        |> Gen.map (String.concat "")

    // A line end inside a field is a fold.
    let private wellFolded (value: string) =
        Regex.Replace(value, "\r\n(?![ \t])", "\r\n ")

    let private field =
        Gen.map2
            (fun name value -> SomeField(name, wellFolded value))
            (Gen.elements [ "To"; "Subject"; "subject"; "X"; "Received"; "DKIM-Sig"; "X-b" ])
            value

    let private mailbox =
        Gen.elements
            [
                "From", " Ada <ada@example.com>"
                "from", "ada@example.com"
                "From", "\r\n\tAda  Example\r\n <ada@mail.example.com>"
            ]
        |> Gen.map SomeField

    let private letter =
        Gen.map3
            (fun above fields body ->
                {
                    Fields = (above :: fields)
                    Body = body
                })
            mailbox
            (Gen.listOf field)
            body

    let private tagValue =
        Gen.oneof
            [
                text "abZ09+/=:|-_.@%" 0 30
                Gen.elements [ "a b"; "a\r\n\tb"; "x \t y"; "\195\169" ]
            ]

    let private tags =
        Gen.nonEmptyListOf (Gen.map2 (fun name value -> name, value) (text "abdvZ_9" 1 3) tagValue)
        |> Gen.map (fun pairs ->
            pairs
            |> List.map (fun (name, value) -> (if Char.IsAsciiLetter name[0] then name else "t" + name), value)
            |> List.distinctBy fst
            |> TagPairs)

    let private known (result: Result<'a, 'e>) : 'a =
        match result with
        | Ok value -> value
        | Error _ -> invalidOp "a generator made what it should not"

    let private domainName =
        Generators.domain |> Gen.map (DomainName.tryCreate >> known)

    let private selector =
        Gen.oneof
            [
                text "abz09" 1 12
                Gen.map2 (fun a b -> a + "." + b) (text "ab" 1 4) (text "xy" 1 4)
            ]
        |> Gen.map (Selector.tryCreate >> known)

    let private optional (gen: FsCheck.Gen<'a>) : FsCheck.Gen<'a voption> =
        Gen.frequency [ 1, Gen.constant ValueNone; 2, Gen.map ValueSome gen ]

    let private octets length =
        Gen.arrayOfLength length (Gen.choose (0, 255) |> Gen.map byte)

    let private names =
        Gen.listOf (Gen.elements [ "from"; "To"; "subject"; "X-Long-Name-Of-A-Field"; "received"; "x=y" ])
        |> Gen.map (fun more -> "From" :: more |> List.map FieldName.known)

    let private identity (domain: DomainName) : FsCheck.Gen<Identity> =
        let subdomain = known (DomainName.tryCreate ("sub." + domain.Text))

        Gen.map2
            (fun local domain -> { LocalPart = local; Domain = domain })
            (text "abZ.+ =;\"|\u00e9\u4e2d" 0 12)
            (Gen.elements [ domain; subdomain ])

    let private time =
        Gen.choose (0, Int32.MaxValue)
        |> Gen.map (fun seconds -> int64 seconds * 1L<sec>)

    let private algorithm =
        Gen.elements [ Rsa, Sha256, 256; Rsa, Sha1, 128; Ed25519, Sha256, 64 ]

    let private signature =
        gen {
            let! domain = domainName
            let! selector = selector
            let! keyType, hash, length = algorithm
            let! header = Gen.elements [ SimpleHeader; RelaxedHeader ]
            let! body = Gen.elements [ SimpleBody; RelaxedBody ]
            let! names = names
            let! identity = optional (identity domain)

            let! bodyLength =
                optional (Gen.choose (0, 1000000) |> Gen.map (fun n -> int64 n * 1L<octet>))

            let! signedAt = optional time
            let! lifetime = optional (Gen.choose (1, 1000000))
            let! bodyHash = octets (int (Algorithms.hashLength hash))
            let! value = octets length

            return
                {
                    Scheme = Dkim
                    KeyType = keyType
                    Hash = hash
                    HeaderCanon = header
                    BodyCanon = body
                    CanonText = Algorithms.canonName header body
                    Domain = domain
                    Selector = selector
                    SignedFields = ValueSome names
                    Identity = identity
                    BodyLength = bodyLength
                    SignedAt = signedAt
                    ExpiresAt =
                        lifetime
                        |> ValueOption.map (fun seconds ->
                            ValueOption.defaultValue 0L<sec> signedAt + int64 seconds * 1L<sec>)
                    CopiedFields = ValueNone
                    ReportsWanted = false
                    ThirdParty = ValueNone
                    BodyHash = bodyHash
                    Value = value
                    ValueExtent = { At = 0<octet>; Length = 0<octet> }
                }
        }

    let private record =
        gen {
            let! keyType = Gen.elements [ Rsa; Ed25519 ]
            let! hashes = optional (Gen.elements [ [ Sha256 ]; [ Sha1 ]; [ Sha1; Sha256 ] ])
            let! length = Gen.choose (1, 60)
            let! data = octets length
            let! forMail = Gen.elements [ true; false ]
            let! testing = Gen.elements [ true; false ]
            let! exact = Gen.elements [ true; false ]
            let! granularity = optional (Gen.elements [ ""; "*"; "ada"; "ada*" ])
            let! notes = optional (text "abc=20" 0 8)

            return
                {
                    KeyType = keyType
                    Hashes = hashes
                    KeyData = data
                    ForMail = forMail
                    Testing = testing
                    ExactDomain = exact
                    Granularity = granularity
                    Notes = notes
                    Text = ""
                }
        }

    /// A text with one to four edits.
    let damaged (text: string) : FsCheck.Gen<string> =
        let edit (text: string) =
            gen {
                let! at = Gen.choose (0, text.Length)
                let! length = Gen.choose (0, min 12 (text.Length - at))

                let! mark =
                    Gen.elements [ ";"; "="; "\r\n"; "\r\n "; "\r"; " "; ":"; "\000"; "\255"; "a"; "%" ]

                let! kind = Gen.choose (0, 3)

                return
                    match kind with
                    | 0 -> text.Remove(at, length)
                    | 1 -> text.Insert(at, mark)
                    | 2 -> text.Insert(at, text.Substring(at, length))
                    | _ -> text.Substring(0, at)
            }

        gen {
            let! count = Gen.choose (1, 4)
            let! first = edit text
            let mutable damaged = first

            for _ in 2..count do
                let! next = edit damaged
                damaged <- next

            return damaged
        }

    let private wellFormed =
        [
            " v=1; a=rsa-sha256; c=relaxed/simple; d=example.com; s=sel; i=a=20b@sub.example.com; t=1; x=2; l=3;\r\n"
            + "\th=from : to;\r\n\tq=dns/txt; z=From:a|To:b; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=QUJD"
            " a=rsa-sha1; q=dns; c=nofws; d=example.com; s=sel; h=from:to; b=QUJD"
            "v=DKIM1; h=sha256; k=ed25519; n=note; s=email; t=y:s; p=QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU="
            " Ada (a (nested) one) <@route.example:ada@example.com>, group: \"b\\\"c\"@[192.0.2.1];"
            "dkim=discardable; t=y"
            "o=-; t=y; r=ada@example.com"
        ]

    type Arbitraries =
        static member MailBody() =
            Arb.fromGenShrink (Gen.map MailBody body, fun (MailBody octets) -> shrinkOctets octets |> Seq.map MailBody)

        static member Cuts() =
            Arb.fromGenShrink (
                Gen.map Cuts (Gen.nonEmptyListOf (Gen.choose (1, 90))),
                fun (Cuts lengths) ->
                    seq {
                        if lengths.Length > 1 then
                            Cuts lengths.Tail
                            Cuts [ lengths.Head ]
                        elif lengths.Head > 1 then
                            Cuts [ 1 ]
                    }
            )

        static member SomeField() =
            Arb.fromGenShrink (
                field,
                fun (SomeField(name, value)) ->

                    shrinkText value
                    |> Seq.map wellFolded
                    |> Seq.filter (fun shorter -> shorter.Length < value.Length)
                    |> Seq.map (fun shorter -> SomeField(name, shorter))
            )

        static member Letter() =
            Arb.fromGenShrink (
                letter,
                fun letter ->
                    seq {
                        for index in 1 .. letter.Fields.Length - 1 do
                            { letter with
                                Fields = List.removeAt index letter.Fields
                            }

                        for body in shrinkOctets letter.Body do
                            { letter with Body = body }
                    }
            )

        static member TagPairs() =
            Arb.fromGenShrink (
                tags,
                fun (TagPairs pairs) ->
                    seq {
                        for index in 0 .. pairs.Length - 1 do
                            if pairs.Length > 1 then
                                TagPairs(List.removeAt index pairs)
                    }
            )

        static member GoodSignature() =
            Arb.fromGenShrink (
                Gen.map GoodSignature signature,
                fun (GoodSignature signature) ->
                    seq {
                        if signature.Identity.IsSome then
                            GoodSignature { signature with Identity = ValueNone }

                        if signature.BodyLength.IsSome then
                            GoodSignature
                                { signature with
                                    BodyLength = ValueNone
                                }

                        if signature.ExpiresAt.IsSome then
                            GoodSignature { signature with ExpiresAt = ValueNone }
                    }
            )

        static member GoodRecord() = Arb.fromGen (Gen.map GoodRecord record)

        static member Damaged() =
            Arb.fromGenShrink (
                Gen.elements wellFormed |> Gen.bind damaged |> Gen.map Damaged,
                fun (Damaged text) -> shrinkText text |> Seq.map Damaged
            )

    /// So many trials of whatever both kinds of generators make.
    let trials (count: int) : Trials =
        {
            Count = count
            Arbitraries = [ typeof<Generators.Arbitraries>; typeof<Arbitraries> ]
        }
