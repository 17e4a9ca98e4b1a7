/// Which fields `h=` chooses, and how tag lists are read and their `b=` cut, against a model that was written down
/// sentence by sentence: for every text of a small scope, and for longer tag lists at random.
module Dkim.Tests.Conformance.SignedSpecificationTests

open System
open Expecto
open Dkim.Tests
open FsCheck.FSharp
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Specification
open Dkim.Tests.Conformance.Specification.Comparing

// The choice of fields and what is signed.

let private smallFields =
    let found = Collections.Generic.List<string>()

    Scopes.every [ "a"; "B"; ":"; " "; "\t"; "\r\n " ] (Scopes.upTo 4 5) (fun text ->
        if isField text then
            found.Add text)
    |> ignore

    List.ofSeq found

let private nameLists =
    [
        []
        [ "a" ]
        [ "A" ]
        [ "a"; "a" ]
        [ "b"; "a" ]
        [ "a"; "b" ]
        [ "a"; "a"; "a" ]
        [ "c"; "a" ]
        [ "b"; "b"; "a" ]
    ]

let private checkChosen (names: string list) (fields: string list) =
    let own = "S: b=AA AA; x=1"
    let header = Header.ofFields (fields |> List.map (memory >> Field.ofOctets))
    let selected = Header.select (List.map known names) ValueNone header
    let signature = Field.ofOctets (memory own)

    let tags =
        match TagList.parse 100<octet> signature.ValueText with
        | Ok tags -> tags
        | Error _ -> invalidOp "the text is a tag list"

    let cut = CanonicalHeader.without (tags.TryFind "b").Value.Whole signature

    for canon, model in List.take 2 fieldForms do
        let expected = Signed.hashed model names fields own

        let made =
            Octets.latin1 (ReadOnlySpan(CanonicalHeader.signedOctets canon selected cut))

        if made <> expected then
            differ ("h=" + String.Join(':', names)) (String.Join("|", fields)) expected made

// Tag lists.

let private checkTags (text: string) =
    let made =
        match TagList.parse 65536<octet> text with
        | Ok tags -> ValueSome tags
        | Error _ -> ValueNone

    match Signed.tags text, made with
    | ValueNone, ValueNone -> ()
    | ValueSome model, ValueSome tags ->
        let expected = model |> List.map (fun tag -> tag.Name, tag.Value, tag.Behind)

        let found =
            tags.Tags
            |> List.map (fun tag -> tag.Name, tags.Slice tag.Value, tags.Slice tag.Whole)

        if found <> expected then
            differ "tags" text (string expected.Length) (string found.Length)

        match tags.TryFind "b" with
        | ValueSome tag ->
            let cut = (CanonicalHeader.without tag.Whole (Field.ofText "S" text)).ValueText

            if cut <> Signed.withoutValue text then
                differ "b= cut" text (Signed.withoutValue text) cut
        | ValueNone -> ()
    | model, _ -> differ "tags" text (string model.IsSome) (string made.IsSome)

[<Tests>]
let tests =
    testList
        "SignedSpecificationTests"
        [
            proves
                [ "RFC6376-3.7-2"; "RFC6376-3.7-3"; "RFC6376-3.7-8" ]
                (testCase "of every pair of short fields h= chooses as the sentences say" (fun () ->
                    let mutable pairs = 0

                    for first in smallFields do
                        for second in smallFields do
                            for names in nameLists do
                                pairs <- pairs + 1
                                checkChosen names [ first; second ]

                    tell "fields" smallFields.Length
                    tell "pairs with a list of names" pairs))

            testCase "of every short header h= chooses as the sentences say" (fun () ->
                let mutable headers = 0
                let names = [ "a"; "A"; "b"; "B"; "c" ]

                let rec lists length =
                    if length = 0 then
                        [ [] ]
                    else
                        []
                        :: [
                            for rest in lists (length - 1) do
                                for name in names -> name :: rest
                        ]
                        |> List.distinct

                let fields =
                    lists 4 |> List.map (List.mapi (fun place name -> name + ":" + string place))

                let wanted = lists 3

                for header in fields do
                    for names in wanted do
                        headers <- headers + 1

                        let model = Signed.chosen names header |> List.map (fun place -> header[place])

                        let made =
                            Header.select
                                (List.map known names)
                                ValueNone
                                (Header.ofFields (header |> List.map (memory >> Field.ofOctets)))
                            |> List.map (fun field -> Octets.latin1 field.Raw.Span)

                        if made <> model then
                            differ
                                (String.Join(':', names))
                                (String.Join('|', header))
                                (String.Join('|', model))
                                (String.Join('|', made))

                tell "headers with a list of names" headers)

            proves
                [ "RFC6376-3.2-1"; "RFC6376-3.2-5"; "RFC6376-3.5-2"; "RFC6376-3.2-6" ]
                (testCase "every short tag list is read, and its b= cut, as the sentences say" (fun () ->
                    Scopes.every [ "b"; "="; ";"; " "; "\r\n" ] (Scopes.upTo 7 9) checkTags
                    |> tell "texts"

                    Scopes.every [ "b"; "c"; "_"; "1"; "="; ";"; "\t"; "\r"; "\n" ] (Scopes.upTo 5 6) checkTags
                    |> tell "texts of other characters"))

            testCase "long tag lists are read, and their b= cut, as the sentences say" (fun () ->
                let pieces =
                    [
                        "b"
                        "bh"
                        "c"
                        "="
                        "="
                        ";"
                        ";"
                        " "
                        "\r\n "
                        "\t"
                        "x=1;"
                        "b= AA\r\n\tAA ;"
                        "\195"
                    ]

                atRandom (Scopes.upTo 5000 200000) (mailText pieces |> Gen.map (fun text -> "x=y;" + text)) checkTags)
        ]
