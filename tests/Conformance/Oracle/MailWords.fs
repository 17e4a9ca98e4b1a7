/// The grammars of names, addresses, results and of what they are made of.
module Dkim.Tests.Conformance.Oracle.MailWords

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Conformance.Abnf

let private unit name files rule (product: string -> Reading voption) : Comparison =
    {
        Name = name
        Files = files
        Starts = [ rule ]
        Make = fun sentences random -> sentences.Make random 40 rule
        Allowed = fun recognizer text -> if recognizer.Accepts rule text then [ [] ] else []
        Product = product
    }

let private withReading (meaning: string -> Reading voption) (comparison: Comparison) =
    { comparison with
        Allowed =
            fun recognizer text ->
                comparison.Allowed recognizer text
                |> List.choose (fun _ -> meaning text |> Option.ofValueOption)
    }

let private ofResult (result: Result<'a, 'b>) (show: 'a -> string) : Reading voption =
    match result with
    | Ok value -> ValueSome [ "", show value ]
    | Error _ -> ValueNone

let private read text : Reading = [ "", text ]

let private dkimFiles =
    [ "core"; "smtp-names"; "smtp-mailbox"; "header"; "quoted-printable"; "dkim" ]

let private names = [ "core"; "smtp-names" ]

// Names are given as UTF-8 here and made as octets.
let private asText (octets: string) (create: string -> Result<'a, NameError>) =
    match Octets.tryUtf8 (ReadOnlySpan(Octets.ofLatin1 octets)) with
    | ValueSome text -> create text
    | ValueNone -> Error EmptyName

let private domainName =
    unit "domain name" names "domain-name" (fun text -> ofResult (asText text DomainName.tryCreate) _.Text)
    |> withReading (Meaning.ofName 253 >> ValueOption.map read)

let private selector =
    unit "selector" names "selector" (fun text -> ofResult (asText text Selector.tryCreate) _.Text)
    |> withReading (Meaning.ofName 200 >> ValueOption.map read)

// A semicolon ends a tag, so that no name in h= can have one.
let private fieldName =
    unit "field name" dkimFiles "hdr-name" (fun text ->
        FieldName.tryCreate text |> ValueOption.map (fun name -> read name.Text))
    |> withReading (fun text ->
        if text.Contains ';' then
            ValueNone
        else
            ValueSome(read text))

let private ofGrammar grammar (show: 'a -> string) text =
    ofResult (Grammar.parseAll grammar text) show

let private fws =
    unit "folding white space" dkimFiles "FWS" (fun text ->
        match ofGrammar Grammar.fws string text with
        | ValueSome [ _, "True" ] -> ValueSome []
        | _ -> ValueNone)

let private word =
    unit "hyphenated word" dkimFiles "hyphenated-word" (ofGrammar Grammar.hyphenatedWord id)
    |> withReading (read >> ValueSome)

let private quotedString =
    unit
        "quoted string"
        [ "core"; "mail" ]
        "quoted-string"
        (ofGrammar (FParsec.Primitives.(>>.) Grammar.cfws Grammar.quotedString) id)
    |> withReading (Meaning.ofMail >> read >> ValueSome)

// A field value that was cut from a header has no line end without white space behind it.
let private isFieldValue (text: string) =
    let rec from (at: int) =
        match text.IndexOf("\r\n", at, StringComparison.Ordinal) with
        | -1 -> true
        | found ->
            found + 2 < text.Length
            && (text[found + 2] = ' ' || text[found + 2] = '\t')
            && from (found + 2)

    from 0

let private keepAddress rule (text: string) at finish =
    match rule with
    | "addr-spec" -> ValueSome(Meaning.ofAddress (text.Substring(at, finish - at)))
    | _ -> ValueNone

let private addresses: Comparison =
    {
        Name = "addresses"
        Files = [ "core"; "mail" ]
        Starts = [ "address-list" ]
        Make = fun sentences random -> sentences.Make random (if random.Next 3 = 0 then 160 else 60) "address-list"
        Allowed =
            fun recognizer text ->
                recognizer.Readings "address-list" keepAddress text
                |> List.map (List.map (fun part -> "", part.Kept))
        Product =
            fun text ->
                Originator.addresses (Field.ofText "From" text)
                |> ValueOption.map (List.map (fun address -> "", address.ToString()))
    }

let private reduce (text: string) = Meaning.ofMail text

let private keepResult rule (text: string) at finish =
    let whole = lazy (text.Substring(at, finish - at))

    match rule with
    | "authserv-id"
    | "quoted-id" -> ValueSome("id " + reduce whole.Value)
    | "authres-version" -> ValueSome("version " + string (int64 (reduce whole.Value)))
    | "method" -> ValueSome("method " + (reduce whole.Value).Split('/')[0])
    | "method-version" -> ValueSome("method version " + string (int64 (reduce whole.Value)))
    | "result" -> ValueSome("result " + whole.Value)
    | "reasonspec"
    | "quoted-reason" ->
        let value = reduce whole.Value
        ValueSome("reason " + value.Substring(value.IndexOf '=' + 1))
    | "ptype" -> ValueSome("type " + whole.Value)
    | "property" -> ValueSome("property " + whole.Value)
    | "pvalue"
    | "quoted-pvalue" -> ValueSome("value " + reduce whole.Value)
    | _ -> ValueNone

let private results: Comparison =
    {
        Name = "Authentication-Results"
        Files = [ "core"; "smtp-names"; "mail"; "mime"; "results" ]
        Starts = [ "authres-payload" ]
        Make =
            fun sentences random ->
                // A property is the last and smallest part of a field, so that it needs room of its own.
                if random.Next 3 = 0 then
                    sentences.Make random 20 "authserv-id"
                    + ";"
                    + sentences.Make random 20 "methodspec"
                    + " "
                    + sentences.Make random 80 "propspec"
                else
                    let sentence = sentences.Make random 120 "authres-payload"
                    sentence.Substring(0, sentence.Length - 2)
        Allowed =
            fun recognizer text ->
                recognizer.Readings "authres-payload" keepResult (text + "\r\n")
                |> List.map (List.map (fun part -> "", part.Kept))
        Product =
            fun text ->
                match AuthenticationResults.parse (Field.ofText "Authentication-Results" text) with
                | Error _ -> ValueNone
                | Ok results ->
                    ValueSome
                        [
                            yield! read ("id " + results.ServiceId)
                            match results.Version with
                            | ValueSome version -> yield! read ("version " + string version)
                            | ValueNone -> ()
                            for result in results.Results do
                                yield! read ("method " + result.Method)

                                match result.MethodVersion with
                                | ValueSome version -> yield! read ("method version " + string version)
                                | ValueNone -> ()

                                yield! read ("result " + result.Result)

                                match result.Reason with
                                | ValueSome reason -> yield! read ("reason " + reason)
                                | ValueNone -> ()

                                for property in result.Properties do
                                    yield! read ("type " + property.Type)
                                    yield! read ("property " + property.Name)
                                    yield! read ("value " + property.Value)
                        ]
    }

/// Comparisons of field values, which a header gives only in the form that folds leave.
let ofFields = [ addresses; results; quotedString ]

let all: Comparison list =
    [ domainName; selector; fieldName; fws; word; quotedString; addresses; results ]

/// Whether a text can stand where a comparison reads it.
let fits (comparison: Comparison) (text: string) =
    not (List.exists (fun (field: Comparison) -> field.Name = comparison.Name) ofFields)
    || isFieldValue text
