/// The search for a key record that is not where it should be (RFC 6376 §3.6.2.1).
module Dkim.Core.KeyCheck.KeySearch

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records

/// Names under which a record that is missing may have been put, and why.
let otherPlaces (test: KeyUnderTest) : (string * string) list =
    let selector, domain = test.Selector.Text, test.Domain.Text

    [
        test.Name + "." + domain, "the domain was added once more: the name in the zone file lacks its final dot"
        selector + "." + domain, "_domainkey is missing in the name"
        selector + "._domainkey." + selector + "._domainkey." + domain, "the name was entered into a form that adds it"
        selector + "_domainkey." + domain, "the dot after the selector is missing"
        selector + ".domainkey." + domain, "the underscore of _domainkey is missing"
        selector + "._domainkeys." + domain, "_domainkey has no s at its end"
        "_domainkey." + domain, "the selector is missing in the name"
    ]
    |> List.filter (fun (name, _) -> name.Length <= 253)

let private ending = "._domainkey"

/// The selector that was meant where _domainkey stands behind it, the domain too perhaps.
let private meantSelector (selector: Selector) (domain: DomainName) : string voption =
    let text = selector.Text

    match text.IndexOf(ending, StringComparison.OrdinalIgnoreCase) with
    | at when
        at > 0
        && (at + ending.Length = text.Length
            || text.Substring(at + ending.Length).Equals("." + domain.Text, StringComparison.OrdinalIgnoreCase))
        ->
        ValueSome(text.Substring(0, at))
    | _ -> ValueNone

/// The domain that was meant where _domainkey stands before it, the selector too perhaps.
let private meantDomain (domain: DomainName) : string voption =
    let text = domain.Text
    let marker = "_domainkey."

    match text.LastIndexOf(marker, StringComparison.Ordinal) with
    | -1 -> ValueNone
    | at ->
        let rest = text.Substring(at + marker.Length)

        if (at = 0 || text[at - 1] = '.') && (DomainName.tryCreate rest).IsOk then
            ValueSome rest
        else
            ValueNone

/// What is wrong with a selector or a domain in which `_domainkey` stands, since that is put between them anyway.
let slip (selector: Selector) (domain: DomainName) : KeyFinding voption =
    match meantSelector selector domain, meantDomain domain with
    | ValueSome meant, _ ->
        KeyFinding.wrong
            KeyMistake.WrongSelector
            ("the selector has _domainkey in it, which is put behind it anyway: "
             + KeyRecord.name selector domain
             + " was looked up")
            ("write --selector=" + meant)
        |> ValueSome
    | ValueNone, ValueSome meant ->
        KeyFinding.wrong
            KeyMistake.WrongDomain
            ("the domain has _domainkey in it, which is put before it anyway: "
             + KeyRecord.name selector domain
             + " was looked up")
            ("write --domain=" + meant)
        |> ValueSome
    | ValueNone, ValueNone -> ValueNone

/// The questions that help where there is no record.
let questions (test: KeyUnderTest) : Question list =
    {
        Name = test.Name
        Type = RecordType.Cname
    }
    :: (otherPlaces test
        |> List.map (fun (name, _) -> { Name = name; Type = RecordType.Txt }))

let private keyText (answer: Answer) : string option =
    match answer.Outcome with
    | Records texts -> texts |> List.tryFind (fun text -> text.Contains "p=")
    | NoSuchName
    | Unavailable _ -> None

/// Where there is no record: what the answers to `questions` say of it.
let diagnosis (test: KeyUnderTest) (exists: bool) (answerTo: Question -> Answer) : Diagnosis =
    let alias =
        answerTo
            {
                Name = test.Name
                Type = RecordType.Cname
            }

    let elsewhere =
        otherPlaces test
        |> List.tryPick (fun (name, why) ->
            keyText (answerTo { Name = name; Type = RecordType.Txt })
            |> Option.map (fun text -> name, why, text))

    let told mistake says remedy publish : Diagnosis =
        {
            Findings = [ KeyFinding.wrong mistake says remedy ]
            Publish = publish
        }

    let own = KeyDiagnosis.ownRecord test

    match slip test.Selector test.Domain, alias.Outcome, elsewhere with
    | ValueSome slipped, _, _ -> Diagnosis.ofFindings [ slipped ]
    | ValueNone, Records(_ :: _), _ ->
        told
            KeyMistake.AliasGone
            (test.Name + " is a CNAME, and where it points there is no TXT record")
            "ask the service that the CNAME belongs to, or remove the CNAME and publish the record"
            own
    | ValueNone, _, Some(name, why, text) ->
        told
            KeyMistake.WrongPlace
            (test.Name + " has no record, but " + name + " has one: " + why)
            ("publish the record as " + test.Name + ".")
            (KeyDiagnosis.toPublish test text)
    | ValueNone, _, None when exists ->
        told
            KeyMistake.NoTxtRecord
            (test.Name + " exists but has no TXT record")
            "publish the record with the type TXT"
            own
    | ValueNone, _, None ->
        told
            KeyMistake.NotPublished
            (test.Name + " does not exist")
            "publish the record; check the spelling of selector and domain"
            own
