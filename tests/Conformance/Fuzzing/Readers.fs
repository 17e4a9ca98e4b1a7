/// What every reader of the core keeps to, whatever it is given: it does not throw, what it says is one line of
/// printable text, and what it has read it reads again from its own writing.
module Dkim.Tests.Conformance.Fuzzing.Readers

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.KeyCheck
open Dkim.Core.Explaining
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Oracle

/// What became of an input: a word or two for the kind of outcome, by which inputs that reach something new are known.
type Outcome = string

exception Broken of law: string

let internal must (law: string) (holds: bool) =
    if not holds then
        raise (Broken law)

/// One reader.
[<NoComparison; NoEquality>]
type Target =
    {
        Name: string
        Make: Random -> string
        /// Reads, and raises an exception where a law is broken. Where it needs chance, that follows from the input.
        Read: string -> Outcome
    }

let private oneLine (text: string) : Outcome =
    must "an error is one printable line" (not (String.exists Char.IsControl text))
    // Positions and limits do not make an outcome new.
    String.filter (Char.IsAsciiDigit >> not) text

let private fieldOf name text = Field.ofText name text

let private signature text : Outcome =
    let field = fieldOf "DKIM-Signature" text

    match Signature.parse SignatureLimits.defaults field with
    | Error error -> oneLine (SignatureError.describe error)
    | Ok signature ->
        must "b= lies in the field" (int (Dkim.Tests.Samples.endOf signature.ValueExtent) <= text.Length)
        let without = CanonicalHeader.without signature.ValueExtent field
        must "b= is cut" (without.ValueText.Length = text.Length - int signature.ValueExtent.Length)

        // A signer's own z= has no white space; a layout may cut it anywhere.
        let writable =
            { signature with
                CopiedFields = signature.CopiedFields |> ValueOption.map TagList.withoutWhiteSpace
            }

        for layout in [ Layout.dkimproxy; Layout.dkimFilter ] do
            match Signature.parse SignatureLimits.defaults (Layout.signed layout writable) with
            | Ok again ->
                must "b= is written as it was" (again.Value.AsSpan().SequenceEqual(ReadOnlySpan signature.Value))
                must "d= is written as it was" (again.Domain = signature.Domain && again.Selector = signature.Selector)
                must "h= is written as it was" (again.SignedFields = signature.SignedFields)
                must "times are written as they were" (again.BodyLength = signature.BodyLength)
            | Error error -> raise (Broken("its own writing is not read: " + SignatureError.describe error))

        Copies.parse signature |> ignore

        signature.Algorithm
        + string signature.Identity.IsSome
        + string signature.BodyLength.IsSome

let private domainKeys text : Outcome =
    let header =
        Header.ofFields [ fieldOf "DomainKey-Signature" text; fieldOf "From" " joe@example.com" ]

    match DomainKeySignature.parse SignatureLimits.defaults header 0 with
    | Error error -> oneLine (SignatureError.describe error)
    | Ok signature ->
        must "b= lies in the field" (int (Dkim.Tests.Samples.endOf signature.ValueExtent) <= text.Length)
        signature.CanonText + string signature.SignedFields.IsSome

let private tagList text : Outcome =
    match TagList.parse 65536<octet> text with
    | Error error -> oneLine (TagListError.describe error)
    | Ok tags ->
        for tag in tags.Tags do
            must
                "a value lies in its whole"
                (tag.Value.At >= tag.Whole.At
                 && Dkim.Tests.Samples.endOf tag.Value <= Dkim.Tests.Samples.endOf tag.Whole)

            must "no value has a semicolon" (not ((tags.Slice tag.Whole).Contains ';'))

            must
                "no value has white space around it"
                ((tags.Slice tag.Value).Trim(' ', '\t', '\r', '\n') = tags.Slice tag.Value)

            TagList.tryBase64 (tags.Slice tag.Value) |> ignore
            QuotedPrintable.tryDecode (tags.Slice tag.Value) |> ignore

        string (min 9 tags.Tags.Length)

let private keyTest =
    {
        Selector = Selector.tryCreate "s" |> Result.toOption |> Option.get
        Domain = DomainName.tryCreate "example.com" |> Result.toOption |> Option.get
        Private = ValueNone
        LeastRsaBits = 1024<bit>
    }

let private keyRecord text : Outcome =
    let diagnosis =
        KeyDiagnosis.ofAnswer keyTest (Answer.Found([ text ], Security.Unchecked))

    for finding in diagnosis.Findings do
        oneLine finding.Says |> ignore

    match diagnosis.Publish with
    | ValueSome(Publish.Txt mended) ->
        oneLine mended |> ignore
        must "what is to be published is a record" (KeyRecord.parse 16384<octet> mended).IsOk
    | ValueSome(Publish.Alias target) -> oneLine target |> ignore
    | ValueNone -> ()

    match KeyRecord.parse 16384<octet> text with
    | Error error -> oneLine (KeyError.describe error)
    | Ok record ->
        let key = PublicKey.ofRecord record

        match KeyRecord.parse 16384<octet> (KeyRecord.render record) with
        | Ok again -> must "a record is written as it was" ({ again with Text = record.Text } = record)
        | Error error ->
            must
                ("its own writing is not read: " + KeyError.describe error)
                (record.Granularity.IsSome || record.Notes.IsSome)

        match key with
        | Error error -> oneLine (KeyError.describe error)
        | Ok key ->
            must "a bad signature does not verify" (not (key.Verify(Sha256, Array.zeroCreate 32, Array.zeroCreate 64)))
            string key.KeyType

let private policies text : Outcome =
    let shape (record: PolicyRecord voption) =
        match record with
        | ValueSome record -> string (int (hash record.Practice)) + string record.Testing
        | ValueNone -> "-"

    let request (request: ReportRequest voption) =
        match request with
        | ValueSome request ->
            let isPrintable = String.forall (fun c -> c >= ' ' && c <= '~')
            must "a percentage is one" (request.Percent >= 0 && request.Percent <= 100)
            must "a reply is printable" (ValueOption.forall isPrintable request.ReplyText)

            must
                "an address needs no quotes"
                (ValueOption.forall (String.forall (fun c -> c > ' ' && c <= '~' && c <> '@')) request.LocalPart)

            string request.LocalPart.IsSome + string request.Reasons.IsSome
        | ValueNone -> "-"

    shape (PolicyRecord.tryAdsp text)
    + shape (PolicyRecord.tryDomainKeys text)
    + shape (PolicyRecord.trySenderSigning text)
    + request (ReportRequest.tryParse text)
    + request (ReportRequest.ofOldTags text)

let private results text : Outcome =
    let field = fieldOf "Authentication-Results" text
    let ours = ForgedResults.mustGo "mx.example.net" field

    match AuthenticationResults.parse field with
    | Error reason -> oneLine reason + string ours
    | Ok results ->
        let written = AuthenticationResults.field 78 results
        let after = written.ValueText.Replace("\r\n\t", "")
        must "what is written is one field" (after.IndexOfAny [| '\r'; '\n'; '\000' |] < 0)

        string (min 5 results.Results.Length)
        + string results.Version.IsSome
        + string ours

let private addresses text : Outcome =
    let header = Header.ofFields [ fieldOf "From" text; fieldOf "Sender" text ]
    Originator.trySending header |> ignore

    match Originator.addresses header.Fields[0] with
    | ValueNone -> "refused"
    | ValueSome found ->
        for address in found do
            must
                "a domain has no white space"
                (String.forall (fun c -> c > ' ') address.Domain || address.Domain.StartsWith '[')

            must "an address has both parts" (address.Domain <> "")

        let kind (address: Address) =
            [
                if address.LocalPart = "" then
                    "empty"
                if address.LocalPart.Contains ' ' then
                    "space"
                if address.LocalPart.Contains '"' then
                    "quote"
                if address.LocalPart.Contains '@' then
                    "at"
                if address.LocalPart.Contains '.' then
                    "dot"
                if String.exists Char.IsControl address.LocalPart then
                    "control"
                if not (String.forall Char.IsAscii address.LocalPart) then
                    "octets"
                if address.Domain.StartsWith '[' then
                    "literal"
                if not (String.forall Char.IsAscii address.Domain) then
                    "other"
            ]
            |> String.concat ","

        found |> List.truncate 3 |> List.map kind |> String.concat "+"

let private names text : Outcome =
    let domain =
        match DomainName.tryCreate text with
        | Ok domain ->
            must "a name is itself" (DomainName.tryCreate domain.Text = Ok domain)
            must "a name is short" (domain.Text.Length <= 253)
            "domain"
        | Error error -> oneLine (NameError.describe error)

    let selector =
        match Selector.tryCreate text with
        | Ok selector ->
            must "a selector is itself" (Selector.tryCreate selector.Text = Ok selector)
            "selector"
        | Error error -> oneLine (NameError.describe error)

    domain + selector

let private privateKey text : Outcome =
    match SigningKey.parse (ValueSome "secret") text with
    | Error error -> oneLine (PrivateKeyError.describe error)
    | Ok key ->
        let value = key.Sign(Sha256, Array.zeroCreate 32)

        string key.KeyType
        + string (key.PublicKey.Verify(Sha256, Array.zeroCreate 32, value))

/// Sentences of a comparison, under the rules of the RFC and under ours.
let private sentencesOf (comparison: Comparison) : Random -> string =
    let makers =
        lazy
            [|
                Grammars.sentences (Grammars.ofRfc comparison.Files)
                Grammars.sentences (Grammars.ours comparison.Files)
            |]

    fun random -> comparison.Make (Inputs.pick random makers.Value) random

let private recordSentences =
    [| Records.policy; Records.adsp; Records.report |] |> Array.map sentencesOf

let private named name =
    MailWords.all
    |> List.find (fun (comparison: Comparison) -> comparison.Name = name)

let private target name make read =
    {
        Name = name
        Make = make
        Read = read
    }

let private orGood (good: string[]) (make: Random -> string) (random: Random) =
    if random.Next 4 = 0 then
        Inputs.pick random good
    else
        make random

let all: Target list =
    [
        target "signature" (sentencesOf Signatures.signature) signature
        target "domainkeys" (sentencesOf Signatures.domainKeys) domainKeys
        target "tags" (sentencesOf TagLists.list) tagList
        target "key" (orGood Inputs.keyRecords (sentencesOf Records.key)) keyRecord
        target "policy" (fun random -> (Inputs.pick random recordSentences) random) policies
        target "results" (sentencesOf (named "Authentication-Results")) results
        target "addresses" (sentencesOf (named "addresses")) addresses
        target "names" (sentencesOf (named "domain name")) names
        target "private-key" (fun random -> Inputs.pick random Inputs.privateKeys) privateKey
    ]
