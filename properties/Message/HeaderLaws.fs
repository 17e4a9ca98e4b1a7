module Dkim.Properties.HeaderLaws

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private text (field: Field) = Octets.latin1 field.Raw.Span

let private ofNames (names: byte list) =
    names
    |> List.mapi (fun index name -> Field.ofText (string (char (int 'A' + int name % 4))) (string index))
    |> Header.ofFields

let private name (letter: byte) =
    FieldName.known (string (char (int 'a' + int letter % 5)))

/// A header block and body through an intake, in pieces.
let private takeIn (octets: byte[]) cuts =
    let intake = Intake HeaderLimits.defaults
    use body = new MemoryStream()

    for piece in Cuts.pieces cuts octets do
        let taken = intake.Feed piece.Span
        body.Write(piece.Span.Slice taken)

    intake.End()

    let fields =
        match intake.Header with
        | ValueSome(Ok header) -> header.Fields |> Seq.map text |> List.ofSeq
        | _ -> []

    fields, int64 intake.BodyAt, body.ToArray()

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "HeaderLaws"
        [
            testLaw trials "a message in any pieces is the same header and body" (fun (AnyMessage octets) cuts ->
                takeIn octets cuts = takeIn octets (Cuts [ max 1 octets.Length ]))

            testLaw trials "header and body are the whole message" (fun (AnyMessage octets) cuts ->
                let fields, bodyAt, body = takeIn octets cuts
                let header = octets |> Array.truncate (int bodyAt)
                let rebuilt = String.concat "\r\n" fields

                // Between the last field and the body stand its line end and the empty line, as far as they were there.
                Array.append header body = octets
                && (Octets.latin1 (ReadOnlySpan header)).StartsWith(rebuilt, StringComparison.Ordinal)
                && (Octets.latin1 (ReadOnlySpan header)).Substring(rebuilt.Length).Replace("\r\n", "") = "")

            testLaw trials "fields written are the fields read" (fun (letter: Letter) ->
                let fields =
                    letter.Fields |> List.map (fun (SomeField(name, value)) -> name + ":" + value)

                let block = fields |> List.map (fun field -> field + "\r\n") |> String.concat ""

                let read =
                    (Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 block))).Fields
                    |> Seq.map text
                    |> List.ofSeq

                read = fields)

            testLaw
                trials
                "each mention of a name takes the next field from the bottom"
                (fun (fields: byte list) (names: byte list) ->
                    let header = ofNames fields
                    let names = names |> List.map name

                    // The definition of RFC 6376 §5.4.2, by repeated search.
                    let rec naive (left: Field list) (names: FieldName list) =
                        match names with
                        | [] -> []
                        | name :: rest ->
                            match left |> List.tryFindIndexBack (fun field -> name.Is field.Name) with
                            | Some index -> left[index] :: naive (List.removeAt index left) rest
                            | None -> naive left rest

                    Header.select names ValueNone header = naive (List.ofSeq header.Fields) names)

            testLaw
                trials
                "the signature itself is never taken"
                (fun (fields: byte list) (names: byte list) (at: byte) ->
                    let header = ofNames (1uy :: fields)
                    let except = int at % header.Count
                    let selected = Header.select (names |> List.map name) (ValueSome except) header
                    not (List.contains header.Fields[except] selected))

            testLaw trials "an address is found among names, comments and folds" (fun (AnyAddress(local, domain)) ->
                let address = local + "@" + domain

                let forms =
                    [
                        address
                        "Ada Example <" + address + ">"
                        "\"Ada, (the) first\" <" + address + "> (comment)"
                        "\r\n\t(a (nested) comment)\r\n Ada <" + address + ">, Eve <eve@example.net>"
                        "friends: " + address + ", b@example.net;"
                        "<@route.example:" + address + ">"
                    ]

                forms
                |> List.forall (fun form ->
                    match Originator.tryFirst (Field.ofText "From" (" " + form)) with
                    | ValueSome found -> found.LocalPart = local && found.Domain = domain && string found = address
                    | ValueNone -> false))

            testLaw trials "a domain is below itself and its parents only" (fun (AnyDomain text) (AnyDomain other) ->
                match
                    DomainName.tryCreate text,
                    DomainName.tryCreate ("x." + text),
                    DomainName.tryCreate ("x" + text),
                    DomainName.tryCreate other
                with
                | Ok domain, Ok below, Ok beside, Ok another ->
                    domain.IsWithin domain
                    && below.IsWithin domain
                    && not (domain.IsWithin below)
                    && not (beside.IsWithin domain)
                    && another.IsWithin domain = (other = text || other.EndsWith("." + text, StringComparison.Ordinal))
                | _ -> text.Length > 250)

            testLaw trials "names compare without case" (fun (AnyDomain text) ->
                DomainName.tryCreate (text.ToUpperInvariant()) = DomainName.tryCreate text)
        ]
