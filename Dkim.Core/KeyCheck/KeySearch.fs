/// The search for a key record that is not where it should be (RFC 6376 §3.6.2.1).
module Dkim.Core.KeyCheck.KeySearch

open System
open Dkim.Core.Dns

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
let private meantSelector (test: KeyUnderTest) : string voption =
    let text = test.Selector.Text

    match text.IndexOf(ending, StringComparison.OrdinalIgnoreCase) with
    | at when
        at > 0
        && (at + ending.Length = text.Length
            || text.Substring(at + ending.Length).Equals("." + test.Domain.Text, StringComparison.OrdinalIgnoreCase))
        ->
        ValueSome(text.Substring(0, at))
    | _ -> ValueNone

/// The questions that help where there is no record.
let questions (test: KeyUnderTest) : Question list =
    {
        Name = test.Name
        Type = RecordType.Cname
    }
    :: (otherPlaces test
        |> List.map (fun (name, _) -> { Name = name; Type = RecordType.Txt }))

let private isKeyAnswer (answer: Answer) =
    match answer.Outcome with
    | Records texts -> texts |> List.exists (fun text -> text.Contains "p=")
    | NoSuchName
    | Unavailable _ -> false

/// Where there is no record: what the answers to `questions` say of it.
let findings (test: KeyUnderTest) (exists: bool) (answerTo: Question -> Answer) : KeyFinding list =
    let alias =
        answerTo
            {
                Name = test.Name
                Type = RecordType.Cname
            }

    let elsewhere =
        otherPlaces test
        |> List.tryFind (fun (name, _) -> isKeyAnswer (answerTo { Name = name; Type = RecordType.Txt }))

    match alias.Outcome, elsewhere with
    | _ when (meantSelector test).IsSome ->
        let meant = (meantSelector test).Value

        [
            KeyFinding.wrong
                KeyMistake.WrongSelector
                ("the selector has _domainkey in it, which is put behind it anyway: "
                 + test.Name
                 + " was looked up")
                ("write --selector=" + meant)
        ]
    | Records(_ :: _), _ ->
        [
            KeyFinding.wrong
                KeyMistake.AliasGone
                (test.Name + " is a CNAME, and where it points there is no TXT record")
                "ask the service that the CNAME belongs to, or remove the CNAME and publish the record"
        ]
    | _, Some(name, why) ->
        [
            KeyFinding.wrong
                KeyMistake.WrongPlace
                (test.Name + " has no record, but " + name + " has one: " + why)
                ("publish the record as " + test.Name + ".")
        ]
    | _, None when exists ->
        [
            KeyFinding.wrong
                KeyMistake.NoTxtRecord
                (test.Name + " exists but has no TXT record")
                "publish the record with the type TXT"
        ]
    | _, None ->
        [
            KeyFinding.wrong
                KeyMistake.NotPublished
                (test.Name + " does not exist")
                "publish the record; check the spelling of selector and domain"
        ]
