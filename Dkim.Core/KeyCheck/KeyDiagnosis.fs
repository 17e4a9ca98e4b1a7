/// The diagnosis of a published key: from what the DNS says to findings with remedies (RFC 6376 §3.6, RFC 8301 §3.2).
module Dkim.Core.KeyCheck.KeyDiagnosis

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.KeyCheck.RecordFaults

/// What other records are found in its place.
let private foreignKind (text: string) : string option =
    [
        "v=spf1", "an SPF"
        "v=DMARC1", "a DMARC"
        "v=STSv1", "an MTA-STS"
        "dkim=", "an ADSP"
    ]
    |> List.tryFind (fun (start, _) -> text.StartsWith(start, StringComparison.OrdinalIgnoreCase))
    |> Option.map snd

let private isHostName (text: string) =
    text.Contains '.' && (DomainName.tryCreate (text.TrimEnd '.')).IsOk

/// The record of the private key.
let internal ownRecord (test: KeyUnderTest) : Publish voption =
    test.Private |> ValueOption.map (KeyTags.ofKey >> KeyTags.write >> Publish.Txt)

let private foreign (test: KeyUnderTest) (text: string) : Diagnosis option =
    let told says remedy publish : Diagnosis option =
        Some
            {
                Findings = [ KeyFinding.wrong KeyMistake.OtherRecord says remedy ]
                Publish = publish
            }

    match foreignKind text with
    | Some kind -> told ("this is " + kind + " record") "publish the DKIM key record under this name" (ownRecord test)
    | None when isHostName text ->
        told
            ("this is the name of a host, "
             + Printable.visibleExcerpt 260 text
             + ", and no key record")
            "publish it as a CNAME record, not as TXT"
            (ValueSome(Publish.Alias((text.TrimEnd '.').ToLowerInvariant())))
    | None -> None

// In a record that can be used: tags that verifiers pass over, though somebody meant something by them.
let private isConfusing (mend: Mend) : bool =
    match mend.Mistake with
    | KeyMistake.EscapesPasted
    | KeyMistake.MissingSemicolon
    | KeyMistake.WrongCase -> true
    | _ -> false

let private confusions (text: string) (record: KeyRecord) : Fault list =
    let isSame (candidate: string) =
        KeyTags.tryUsable candidate
        |> ValueOption.exists (fun other -> other.KeyData = record.KeyData)

    MendSearch.table
    |> List.filter (fun mend -> isConfusing mend && List.exists isSame (mend.Undo text))
    |> List.map (fun mend ->
        let one = mend.Finding

        let mended (tags: RecordTags) =
            mend.Undo(KeyTags.write tags)
            |> List.tryFind isSame
            |> Option.bind (KeyTags.tryRead >> Option.ofValueOption)
            |> Option.defaultValue tags

        {
            Finding = { one with IsAdvice = true }
            Edit = ValueSome mended
        })

/// The record with all faults put right, where that can be done and a verifier can use what comes out of it.
let private repaired (test: KeyUnderTest) (isMended: bool) (tags: RecordTags voption) (faults: Fault list) =
    let isRight (text: string) =
        String.forall Printable.isAscii text
        && KeyTags.tryUsable text
           |> ValueOption.exists (fun record ->
               KeyTags.isOpen record
               && test.Private |> ValueOption.forall (fun key -> KeyTags.fits key record))

    let isOpen (fault: Fault) =
        fault.Edit.IsNone && not fault.Finding.IsAdvice

    let start =
        tags
        |> ValueOption.orElseWith (fun () -> test.Private |> ValueOption.map KeyTags.ofKey)

    match start with
    | ValueSome tags when not (List.exists isOpen faults) ->
        let edits = faults |> List.choose (fun fault -> Option.ofValueOption fault.Edit)
        let text = edits |> List.fold (fun tags edit -> edit tags) tags |> KeyTags.write

        if not isMended && edits.IsEmpty then ValueNone
        elif isRight text then ValueSome(Publish.Txt text)
        else ownRecord test
    | _ -> ValueNone

let private diagnosis test isMended (text: string) (findings: KeyFinding list) (faults: Fault list) : Diagnosis =
    {
        Findings = findings @ List.map _.Finding faults |> List.distinctBy _.Mistake
        Publish = repaired test isMended (KeyTags.tryRead text) faults
    }

let private ofAttempt test (attempt: MendSearch.Attempt) faults =
    diagnosis test true attempt.Text (attempt.Mends |> List.map _.Finding) faults

// No key comes out of it, or more than one: what can be seen is told, and why the rest cannot be read. Only the private key
// knows what was meant.
let private ofHopeless (test: KeyUnderTest) (text: string) : Diagnosis =
    let attempt = MendSearch.plain text

    let found =
        match KeyRecord.parse KeyTags.limit attempt.Text with
        | Error error -> ofAttempt test attempt [ keyFault test (ofKeyError test attempt.Text error) ]
        | Ok record -> ofAttempt test attempt (recordFaults test attempt.Text record)

    if test.Private.IsSome then
        found
    else
        { found with Publish = ValueNone }

/// What one text says.
let ofText (test: KeyUnderTest) (text: string) : Diagnosis =
    let mended () =
        MendSearch.find test.Private (text.Trim())

    match foreign test (text.Trim()), KeyTags.tryUsable text with
    | Some other, _ -> other
    | None, ValueSome record when KeyTags.isOpen record ->
        // Verifiers take it as it is; what looks odd is odd for people alone.
        diagnosis test false text [] (confusions text record @ recordFaults test text record)
    | None, ValueSome record ->
        match mended () with
        | ValueSome attempt when KeyTags.tryUsable attempt.Text |> ValueOption.exists KeyTags.isOpen ->
            KeyTags.tryUsable attempt.Text
            |> ValueOption.get
            |> recordFaults test attempt.Text
            |> ofAttempt test attempt
        | _ -> diagnosis test false text [] (recordFaults test text record)
    | None, ValueNone ->
        match mended () with
        | ValueNone -> ofHopeless test text
        | ValueSome attempt ->
            KeyTags.tryUsable attempt.Text
            |> ValueOption.get
            |> recordFaults test attempt.Text
            |> ofAttempt test attempt

/// The text as it should be published; nothing where that is not known.
let internal toPublish (test: KeyUnderTest) (text: string) : Publish voption =
    let found = ofText test text

    match found.Publish, KeyTags.tryRead text with
    | ValueNone, ValueSome tags when found.IsGood -> ValueSome(Publish.Txt(KeyTags.write tags))
    | publish, _ -> publish

/// Texts under one name that are judged; more are told of.
[<Literal>]
let private MostJudged = 8

/// Pieces whose orders are tried.
[<Literal>]
let private MostPieces = 4

/// The one record of a key among texts: of the private key, where it is at hand.
let private theRecord (test: KeyUnderTest) (texts: string list) : Publish voption =
    let usable =
        texts
        |> List.choose (fun text -> KeyTags.tryUsable text |> Option.ofValueOption)
        |> List.filter (fun record -> test.Private |> ValueOption.forall (fun key -> KeyTags.fits key record))

    match usable |> List.distinctBy _.KeyData with
    | [ record ] -> KeyTags.tryRead record.Text |> ValueOption.map (KeyTags.write >> Publish.Txt)
    | _ -> ValueNone

let private joined (start: string) (pieces: string list) : string list =
    let bare (text: string) = text.Trim(' ', '"')

    if pieces.Length > MostPieces then
        []
    else
        PasteMends.orders pieces
        |> List.map (fun pieces -> String.Join("", bare start :: List.map bare pieces))

let private split (test: KeyUnderTest) (whole: Publish voption) : Diagnosis =
    {
        Findings =
            [
                KeyFinding.wrong
                    KeyMistake.SplitOverRecords
                    "the key is split over several TXT records; verifiers cannot know in which order they belong together"
                    "publish one record that consists of several strings"
            ]
        Publish = whole |> ValueOption.orElseWith (fun () -> ownRecord test)
    }

let private oneTooMany (test: KeyUnderTest) (texts: string list) : Diagnosis =
    let named =
        texts
        |> List.choose foreignKind
        |> List.distinct
        |> List.map (fun kind -> kind + " record")

    let names = String.Join(" and ", named)

    let first =
        KeyFinding.wrong
            KeyMistake.SeveralRecords
            (string texts.Length
             + " TXT records stand under this name"
             + (if named.IsEmpty then "" else ", among them " + names)
             + "; verifiers may take any of them")
            (if named.IsEmpty then
                 "leave one record under each selector"
             else
                 "remove "
                 + String.Join(" and ", named |> List.map (fun kind -> "the" + kind.Substring(kind.IndexOf ' ')))
                 + " from this name")

    let judged =
        texts
        |> List.truncate MostJudged
        |> List.map (fun text -> struct (text, ofText test text))

    let mended =
        judged
        |> List.collect (fun (struct (text, one)) ->
            match one.Publish with
            | _ when (foreignKind text).IsSome -> []
            | ValueSome(Publish.Txt mended) -> [ mended ]
            | ValueSome(Publish.Alias _)
            | ValueNone -> [ text ])

    let nearest =
        judged
        |> List.map (fun (struct (_, one)) -> one.Findings)
        |> List.sortBy (List.filter (fun found -> not found.IsAdvice) >> List.length)
        |> List.head

    {
        Findings = first :: nearest
        Publish = theRecord test mended
    }

/// Several records under one name: pieces of one, or one too many.
let private several (test: KeyUnderTest) (texts: string list) : Diagnosis =
    let starts, pieces =
        texts
        |> List.partition _.TrimStart(' ', '"').StartsWith("v=", StringComparison.OrdinalIgnoreCase)

    let isPiece (text: string) =
        text.Length > 20
        && KeyDataDiagnosis.badCharacter (text.Trim(' ', '"')) = ValueNone

    match starts with
    | [ start ] when (KeyTags.tryUsable start).IsNone ->
        match theRecord test (joined start pieces) with
        | ValueSome whole -> split test (ValueSome whole)
        | ValueNone when List.forall isPiece pieces -> split test ValueNone
        | ValueNone -> oneTooMany test texts
    | _ -> oneTooMany test texts

/// What the answer for the key's own name says. Where there are no records, `KeySearch` goes on.
let ofAnswer (test: KeyUnderTest) (answer: Answer) : Diagnosis =
    let told mistake says remedy =
        Diagnosis.ofFindings [ KeyFinding.wrong mistake says remedy ]

    match answer.Outcome with
    | _ when answer.Security = Security.Bogus ->
        told
            KeyMistake.Bogus
            "the record fails DNSSEC validation"
            "sign the zone again, or remove the DS record of its parent"
    | Unavailable reason ->
        told
            KeyMistake.NoAnswer
            ("the DNS gave no answer: " + Printable.visible reason)
            "try again; check the name servers of the domain"
    | NoSuchName
    | Records [] -> Diagnosis.ofFindings []
    | Records [ text ] -> ofText test text
    | Records texts -> several test texts
