module Dkim.Properties.HeaderCanonLaws

open System
open System.Buffers
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings

let private canonical (canon: HeaderCanon) (field: Field) : string =
    let sink = ArrayBufferWriter<byte> 64
    CanonicalHeader.writeField canon field sink
    Octets.latin1 sink.WrittenSpan

/// RFC 6376 §3.4.2, its sentences one after the other: names to lower case, unfold, one SP for each run of WSP, no WSP
/// at the end of the value or around the colon.
let private naiveRelaxed (name: string) (value: string) : string =
    let unfolded = value.Replace("\r\n", "")
    let reduced = Regex.Replace(unfolded, "[ \t]+", " ")
    name.Trim(' ', '\t').ToLowerInvariant() + ":" + reduced.Trim ' '

let private field (SomeField(name, value)) = Field.ofText name value

let private trials = MailGenerators.trials 1000

[<Tests>]
let tests =
    testList
        "HeaderCanonLaws"
        [
            proves
                [
                    "RFC6376-3.4.2-1"
                    "RFC6376-3.4.2-3"
                    "RFC6376-3.4.2-4"
                    "RFC6376-3.4.2-5"
                    "RFC6376-3.4.2-6"
                ]
                (testCase "relaxed is what the RFC says, for every short value" (fun () ->
                    let rec texts n =
                        if n = 0 then
                            Seq.singleton ""
                        else
                            texts (n - 1)
                            |> Seq.collect (fun text ->
                                [ " "; "\t"; "\r"; "\n"; "a"; "\r\n " ] |> Seq.map (fun part -> text + part))

                    for value in Seq.collect texts [ 0..6 ] do
                        if canonical RelaxedHeader (Field.ofText "A" value) <> naiveRelaxed "A" value then
                            failtest (value.Replace("\r", "\\r").Replace("\n", "\\n"))))

            testCase "relaxed is what the RFC says, for every octet of a name" (fun () ->
                for octet in [ 33..126 ] |> List.except [ int ':' ] do
                    let name = string (char octet)
                    Expect.equal (naiveRelaxed name " x") (canonical RelaxedHeader (Field.ofText name " x")))

            testLaw trials "relaxed is what the RFC says" (fun (SomeField(name, value)) ->
                canonical RelaxedHeader (Field.ofText name value) = naiveRelaxed name value)

            testLaw trials "simple is the field" (fun (some: SomeField) ->
                canonical SimpleHeader (field some) = Octets.latin1 (field some).Raw.Span)

            testLaw trials "nofws has no white space and keeps all else" (fun (some: SomeField) ->
                canonical NofwsHeader (field some) =
                    Regex.Replace(Octets.latin1 (field some).Raw.Span, "[ \t\r\n]", ""))

            testLaw trials "a canonical field is its own canonical form" (fun (some: SomeField) ->
                [ SimpleHeader; RelaxedHeader; NofwsHeader ]
                |> List.forall (fun canon ->
                    let once = canonical canon (field some)
                    canonical canon (Field.ofOctets (ReadOnlyMemory(Octets.ofLatin1 once))) = once))

            testLaw
                trials
                "without cuts the extent and nothing else"
                (fun (some: SomeField) (at: uint16) (length: uint16) ->
                    let field = field some
                    let value = field.ValueText
                    let start = int at % (value.Length + 1)
                    let count = int length % (value.Length - start + 1)

                    let extent =
                        {
                            At = start * 1<octet>
                            Length = count * 1<octet>
                        }

                    (CanonicalHeader.without extent field).ValueText = value.Remove(start, count))
        ]
