/// Generators that the laws share. They lean towards the characters that grammars care about, and shrink by parts.
namespace Dkim.Properties

open System
open FsCheck.FSharp
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

/// Any text: control characters, marks of the grammars, Latin-1 and beyond.
type AnyText = AnyText of string

/// Any octets, with the marks of mail among them more often than chance has it.
type AnyOctets = AnyOctets of byte[]

/// A domain of A-labels.
type AnyDomain = AnyDomain of string

/// A word that an option, a key or a value can be.
type AnyWord = AnyWord of string

/// An address with a dot-atom before the `@`.
type AnyAddress = AnyAddress of local: string * domain: string

/// A message of a header block and a body, mostly well formed.
type AnyMessage = AnyMessage of byte[]

module Generators =
    let private marks = "\r\n\t \"\\()<>@,;:/[]?=.!#$%&*+-_{|}~\000\127" |> List.ofSeq

    let private character =
        Gen.frequency
            [
                4, Gen.elements (List.ofSeq "abcxyzABC019")
                4, Gen.elements marks
                1, Gen.choose (0x80, 0xff) |> Gen.map char
                1, Gen.choose (0x100, 0x2fff) |> Gen.map char
            ]

    let private stringOf characters =
        Gen.listOf characters |> Gen.map (List.toArray >> String)

    let private nonEmpty characters =
        Gen.nonEmptyListOf characters |> Gen.map (List.toArray >> String)

    let private alphanumeric = Gen.elements (List.ofSeq "abcdefxyz0189")

    let private label =
        Gen.choose (1, 12)
        |> Gen.bind (fun length -> Gen.arrayOfLength length alphanumeric)
        |> Gen.map String

    let domain =
        Gen.choose (2, 5)
        |> Gen.bind (fun labels -> Gen.listOfLength labels label)
        |> Gen.map (String.concat ".")

    let word = nonEmpty (Gen.elements (List.ofSeq "abcXYZ019-_./$@"))

    let private localPart = nonEmpty (Gen.elements (List.ofSeq "abcXYZ019-_+"))

    /// Either half, then the text without one character.
    let private shrinkText (text: string) : string seq =
        seq {
            if text.Length > 1 then
                text.Substring(0, text.Length / 2)
                text.Substring(text.Length / 2)

            for index in 0 .. min 200 text.Length - 1 do
                text.Remove(index, 1)
        }

    let private line =
        Gen.oneof
            [
                Gen.map2
                    (fun name value -> name + ": " + value)
                    (Gen.elements [ "From"; "To"; "Subject"; "List-Id"; "Sender"; "Received"; "Message-ID"; "X" ])
                    (stringOf character)
                Gen.map2 (fun local domain -> "From: " + local + "@" + domain) localPart domain
                Gen.map (fun text -> "DKIM-Signature: v=1; " + text) (stringOf character)
                Gen.map (fun text -> "Authentication-Results: " + text) (stringOf character)
                stringOf character
            ]

    let private message =
        let lines = Gen.listOf line |> Gen.map (String.concat "\r\n")
        let between = Gen.elements [ "\r\n\r\n"; "\r\n"; "\n\n"; "" ]
        Gen.map3 (fun header gap body -> Octets.ofLatin1 (header + gap + body)) lines between (stringOf character)

    type Arbitraries =
        static member AnyText() =
            Arb.fromGenShrink (
                stringOf character |> Gen.map AnyText,
                fun (AnyText text) -> shrinkText text |> Seq.map AnyText
            )

        static member AnyOctets() =
            Arb.fromGenShrink (
                stringOf character |> Gen.map (Octets.ofLatin1 >> AnyOctets),
                fun (AnyOctets octets) ->
                    shrinkText (Octets.latin1 (ReadOnlySpan octets))
                    |> Seq.map (Octets.ofLatin1 >> AnyOctets)
            )

        static member AnyDomain() = Arb.fromGen (Gen.map AnyDomain domain)

        static member AnyWord() = Arb.fromGen (Gen.map AnyWord word)

        static member AnyAddress() =
            Arb.fromGen (Gen.map2 (fun local domain -> AnyAddress(local, domain)) localPart domain)

        static member AnyMessage() =
            Arb.fromGenShrink (
                Gen.map AnyMessage message,
                fun (AnyMessage octets) ->
                    shrinkText (Octets.latin1 (ReadOnlySpan octets))
                    |> Seq.map (Octets.ofLatin1 >> AnyMessage)
            )
