/// Tag lists and what is written in them, by the rules: first the list, then the rule of each tag.
module Dkim.Tests.Conformance.Oracle.TagLists

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Conformance.Abnf

let commonFiles =
    [ "core"; "smtp-names"; "smtp-mailbox"; "header"; "quoted-printable"; "dkim" ]

/// A tag as the rules see it: where its name and its value begin, and where they end.
type Spec =
    {
        Name: string
        NameAt: int
        At: int
        End: int
    }

// An empty value has no place: it may be before the white space or behind it.
let private keepPlaces rule (_: string) (at: int) (finish: int) =
    match rule with
    | "tag-name"
    | "dk-name"
    | "tag-value"
    | "dk-value" ->
        ValueSome(
            if at = finish then
                "0 0"
            else
                string at + " " + string finish
        )
    | _ -> ValueNone

let private place (part: Part) =
    let numbers = part.Kept.Split ' '
    struct (int numbers[0], int numbers[1])

/// The tags of a list, by all its derivations.
let lists (recognizer: Recognizer) (rule: string) (text: string) : Spec list list =
    recognizer.Readings rule keepPlaces text
    |> List.map (
        List.chunkBySize 2
        >> List.map (fun parts ->
            let struct (nameAt, nameEnd) = place parts[0]
            let struct (at, finish) = place parts[1]

            {
                Name = text.Substring(nameAt, nameEnd - nameAt)
                NameAt = nameAt
                At = at
                End = finish
            })
    )

let hasDouble (specs: Spec list) =
    (specs |> List.distinctBy _.Name).Length < specs.Length

/// The text that the rule of a tag is about: from its name to the end of its value.
let private tagText (text: string) (spec: Spec) =
    let finish =
        if spec.At = spec.End then
            text.IndexOf('=', spec.NameAt) + 1
        else
            spec.End

    text.Substring(spec.NameAt, finish - spec.NameAt)

let valueText (text: string) (spec: Spec) =
    text.Substring(spec.At, spec.End - spec.At)

let private tryTag name (specs: Spec list) =
    specs |> List.tryFind (fun spec -> spec.Name = name)

/// A list whose known tags keep to their rules; nothing if one does not, or a tag occurs twice (RFC 6376 §3.2).
let tryRead (recognizer: Recognizer) listRule (rules: (string * string) list) (text: string) : Spec list voption =
    match lists recognizer listRule text with
    | specs :: _ when not (hasDouble specs) ->
        let keeps (spec: Spec) =
            match List.tryFind (fun (name, _) -> name = spec.Name) rules with
            | Some(_, rule) -> recognizer.Accepts rule (tagText text spec)
            | None -> true

        if List.forall keeps specs then
            ValueSome specs
        else
            ValueNone
    | _ -> ValueNone

/// The values of a text as the sentences see them.
[<Struct>]
type Values(text: string, specs: Spec list) =
    member _.Has name = (tryTag name specs).IsSome

    member _.Or name preset =
        match tryTag name specs with
        | Some spec -> valueText text spec
        | None -> preset

    member _.Specs = specs

let present name (value: string) : Reading = [ name, value ]

let single name (value: string voption) : Reading =
    match value with
    | ValueSome value -> present name value
    | ValueNone -> []

let pick (random: Random) (choices: 'a list) = choices[random.Next choices.Length]

let space (random: Random) =
    pick random [ ""; ""; ""; " "; "\t"; "\r\n "; " \r\n\t" ]

/// A list out of good tags, of which a few are replaced by what the rules make.
let compose (sentences: Sentences) (random: Random) unknownRule (good: (string * string) list) rules optional =
    let changed = pick random [ 0; 0; 1; 1; 2 ]

    let tags =
        good @ List.filter (fun _ -> random.Next 3 = 0) optional
        |> List.map (fun (name, value) ->
            space random + name + space random + "=" + space random + value + space random)

    let replaced =
        List.replicate changed ()
        |> List.fold
            (fun (tags: string list) () ->
                let name, rule = pick random rules
                let made = space random + sentences.Make random 60 rule + space random

                tags
                |> List.filter (fun tag -> not (tag.TrimStart(' ', '\t', '\r', '\n').StartsWith(name + "=")))
                |> List.append [ made ])
            tags

    let unknown =
        if random.Next 4 = 0 then
            [ sentences.Make random 30 unknownRule ]
        else
            []

    let order = replaced @ unknown |> List.sortBy (fun _ -> random.Next())
    String.Join(';', order) + pick random [ ""; ""; ";"; "; " ]

let private folded (random: Random) (text: string) =
    text
    |> String.collect (fun c -> (if random.Next 20 = 0 then space random else "") + string c)

let base64 (random: Random) (octets: int) =
    let value: byte[] = Array.zeroCreate octets
    random.NextBytes value
    folded random (Convert.ToBase64String value)

let number (text: string) = Numerics.BigInteger.Parse text

let names (value: string) =
    (Meaning.withoutSpace value).Split ':' |> List.ofArray

/// The identity of i=: decoded, then an address of which the local part may be missing (RFC 6376 §3.5).

let list: Comparison =
    let show (name: string) at finish wholeAt wholeEnd =
        name, String.Join(' ', [ at; finish; wholeAt; wholeEnd ] |> List.map string)

    {
        Name = "tag list"
        Files = commonFiles
        Starts = [ "tag-list" ]
        Make = fun sentences random -> sentences.Make random 60 "tag-list"
        Allowed =
            fun recognizer text ->
                lists recognizer "tag-list" text
                |> List.filter (hasDouble >> not)
                |> List.map (
                    List.map (fun spec ->
                        let wholeAt = text.IndexOf('=', spec.NameAt) + 1
                        let semicolon = text.IndexOf(';', wholeAt)
                        show spec.Name spec.At spec.End wholeAt (if semicolon < 0 then text.Length else semicolon))
                )
        Product =
            fun text ->
                match TagList.parse 65536<octet> text with
                | Error _ -> ValueNone
                | Ok tags ->
                    tags.Tags
                    |> List.map (fun tag ->
                        let at, finish = int tag.Value.At, int (Dkim.Tests.Samples.endOf tag.Value)
                        let wholeAt, wholeEnd = int tag.Whole.At, int (Dkim.Tests.Samples.endOf tag.Whole)

                        if at = finish && at >= wholeAt && at <= wholeEnd then
                            show tag.Name 0 0 wholeAt wholeEnd
                        else
                            show tag.Name at finish wholeAt wholeEnd)
                    |> ValueSome
    }

/// The value of one tag alone, which the list gives without white space around it.
let private value name rule (meaning: string -> string voption) (product: string -> string voption) : Comparison =
    {
        Name = name
        Files = commonFiles
        Starts = [ rule ]
        Make = fun sentences random -> sentences.Make random 40 rule
        Allowed =
            fun recognizer text ->
                match lists recognizer "tag-list" ("x=" + text) with
                | [ spec ] :: _ when
                    not (text.Contains ';')
                    && recognizer.Accepts rule (valueText ("x=" + text) spec)
                    ->
                    meaning (valueText ("x=" + text) spec)
                    |> ValueOption.map (fun read -> [ present "" read ])
                    |> ValueOption.defaultValue []
                | _ -> []
        Product =
            fun text ->
                match TagList.parse 65536<octet> ("x=" + text) with
                | Ok tags when not (text.Contains ';') ->
                    tags.TryValue "x" |> ValueOption.bind product |> ValueOption.map (present "")
                | _ -> ValueNone
    }

let base64Value =
    value
        "base64"
        "base64string"
        (Meaning.ofBase64 >> ValueSome)
        (TagList.tryBase64 >> ValueOption.map Convert.ToHexString)

let quotedPrintable =
    value "quoted-printable" "dkim-quoted-printable" Meaning.ofQuotedPrintable QuotedPrintable.tryDecode
