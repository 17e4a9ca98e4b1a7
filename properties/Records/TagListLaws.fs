module Dkim.Properties.TagListLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private limit = 65536<octet>

let private render (pairs: (string * string) list) (separator: string) =
    pairs
    |> List.map (fun (name, value) -> name + "=" + value)
    |> String.concat separator

let private values (tags: TagList) =
    tags.Tags |> List.map (fun tag -> tag.Name, tags.Slice tag.Value)

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "TagListLaws"
        [
            testLaw trials "what is written is read back" (fun (TagPairs pairs) (ending: bool) ->
                let text = render pairs ";" + (if ending then ";" else "")

                match TagList.parse limit text with
                | Ok tags -> values tags = pairs
                | Error _ -> false)

            testLaw trials "folding white space between the parts changes no value" (fun (TagPairs pairs) ->
                let text =
                    pairs
                    |> List.map (fun (name, value) -> "\r\n " + name + " \t=\r\n\t" + value + " ")
                    |> String.concat ";"

                match TagList.parse limit text with
                | Ok tags -> values tags = pairs
                | Error _ -> false)

            testLaw trials "the parts of a list are all of its text" (fun (TagPairs pairs) ->
                match TagList.parse limit (render pairs " ; ") with
                | Error _ -> false
                | Ok tags ->
                    let within (outer: Extent) (inner: Extent) =
                        inner.At >= outer.At && Samples.endOf inner <= Samples.endOf outer

                    tags.Tags
                    |> List.forall (fun tag ->
                        within tag.Whole tag.Value
                        && tags.Text[int tag.Whole.At - 1] = '='
                        && (int (Samples.endOf tag.Whole) = tags.Text.Length
                            || tags.Text[int (Samples.endOf tag.Whole)] = ';')))

            testLaw trials "a name twice is no list" (fun (TagPairs pairs) ->
                TagList.parse limit (render (pairs @ [ pairs.Head ]) ";") = Error(RepeatedTag(fst pairs.Head)))

            testLaw trials "a list longer than the limit is not read" (fun (TagPairs pairs) ->
                let text = render pairs ";"
                let shorter = (text.Length - 1) * 1<octet>
                TagList.parse shorter text = Error(TagListTooLong shorter))

            testLaw trials "base64 is read back, white space anywhere" (fun (octets: byte[]) (at: byte) ->
                let text = Convert.ToBase64String octets
                let spaced = text.Insert(int at % (text.Length + 1), " \r\n\t")
                TagList.tryBase64 spaced = (if octets.Length = 0 then ValueNone else ValueSome octets))

            testLaw trials "quoted-printable is read back, white space anywhere" (fun (AnyOctets octets) (at: byte) ->
                let text = Octets.latin1 (ReadOnlySpan octets)
                let encoded = QuotedPrintable.encode text

                let isSafe (c: char) =
                    c > ' ' && c < '\127' && c <> ';' && c <> '|'

                let spaced =
                    encoded
                    |> Seq.map string
                    |> Seq.toList
                    |> List.insertAt (int at % (encoded.Length + 1)) "\r\n "
                    |> String.concat ""

                String.forall isSafe encoded
                && QuotedPrintable.tryDecode encoded = ValueSome text
                && QuotedPrintable.tryDecode spaced = ValueSome text)
        ]
