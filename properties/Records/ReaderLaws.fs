/// No text that a stranger can send makes a reader throw, and what it cannot read it refuses.
module Dkim.Properties.ReaderLaws

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

let private extentsFit (tags: TagList) =
    tags.Tags
    |> List.forall (fun tag ->
        int (Samples.endOf tag.Whole) <= tags.Text.Length
        && int (Samples.endOf tag.Value) <= int (Samples.endOf tag.Whole)
        && not (tags.Slice(tag.Value).Contains ';'))

let private isOneLine (told: string) = not (String.exists Char.IsControl told)

/// Every reader of the core that takes a stranger's text.
let private read (text: string) : bool =
    let field = Field.ofText "DKIM-Signature" text

    let header =
        Header.ofFields [ field; Field.ofText "From" text; Field.ofText "Sender" text ]

    let signature =
        match Signature.parse SignatureLimits.defaults field with
        | Ok signature ->
            int (Samples.endOf signature.ValueExtent) <= text.Length
            && signature.Value.Length > 0
        | Error error -> isOneLine (SignatureError.describe error)

    let domainKeys =
        match DomainKeySignature.parse SignatureLimits.defaults header 0 with
        | Ok signature -> int (Samples.endOf signature.ValueExtent) <= text.Length
        | Error error -> isOneLine (SignatureError.describe error)

    let record =
        match KeyRecord.parse 16384<octet> text with
        | Ok record ->
            match PublicKey.ofRecord record with
            | Ok key -> int key.Bits > 0
            | Error error -> isOneLine (KeyError.describe error)
        | Error error -> isOneLine (KeyError.describe error)

    let tags =
        match TagList.parse 65536<octet> text with
        | Ok tags -> extentsFit tags
        | Error error -> isOneLine (TagListError.describe error)

    let domain =
        match DomainName.tryCreate text with
        | Ok domain -> domain.Text.Length <= 253 && DomainName.tryCreate domain.Text = Ok domain
        | Error error -> isOneLine (NameError.describe error)

    let selector =
        match Selector.tryCreate text with
        | Ok selector -> Selector.tryCreate selector.Text = Ok selector
        | Error error -> isOneLine (NameError.describe error)

    Originator.addresses field |> ignore
    Originator.trySending header |> ignore
    PolicyRecord.tryAdsp text |> ignore
    PolicyRecord.tryDomainKeys text |> ignore
    PolicyRecord.trySenderSigning text |> ignore
    QuotedPrintable.tryDecode text |> ignore
    AuthenticationResults.parse field |> ignore

    signature && domainKeys && record && tags && domain && selector

let private trials = MailGenerators.trials 3000

[<Tests>]
let tests =
    testList
        "ReaderLaws"
        [
            testLaw trials "any text" (fun (AnyText text) -> read text)

            testLaw trials "any octets" (fun (AnyOctets octets) -> read (Octets.latin1 (ReadOnlySpan octets)))

            testLaw trials "well-formed text with damage" (fun (Damaged text) -> read text)

            testLaw trials "any private key" (fun (AnyText text) (Damaged damaged) ->
                [
                    text
                    damaged
                    "-----BEGIN PRIVATE KEY-----\n" + text + "\n-----END PRIVATE KEY-----"
                ]
                |> List.forall (fun text -> (SigningKey.parse (ValueSome "secret") text).IsError))
        ]
