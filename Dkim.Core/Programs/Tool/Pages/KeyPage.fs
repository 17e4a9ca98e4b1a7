/// The page of a published key: its record, what is wrong with it, and what to do.
module internal Dkim.Core.Programs.Tool.Pages.KeyPage

open Dkim.Core.KeyCheck
open Dkim.Core.Explaining
open Dkim.Core.Programs.Tool.Pages.Page

let private findings (all: KeyFinding list) : Html list =
    let row (found: KeyFinding) =
        [
            text found.Says
            (if found.IsAdvice then
                 badge Finding.Note "advice"
             else
                 badge Finding.Bad "WRONG")
            text found.Remedy
        ]

    match all with
    | [] -> []
    | all ->
        [
            table "What was found in it" [ "finding"; "weight"; "what to do" ] (all |> List.map row)
        ]

/// The page. `verdict` is the outcome in a sentence, `security` what DNSSEC says of the record, `publish` the lines that
/// put it right.
let report (record: ExplainedRecord) (verdict: string) security (publish: string voption) (footer: string) : Report =
    let isGood = record.Diagnosis.IsGood

    let remedy =
        match publish with
        | ValueSome lines ->
            [
                {
                    Heading = "Publish this in its place"
                    Body = [ preformatted [ lines.TrimEnd '\n' ] ]
                }
            ]
        | ValueNone -> []

    {
        Title = "DKIM key: " + record.Name
        Summary =
            [
                Html.Element(
                    Tag.P,
                    [],
                    [
                        badge (if isGood then Finding.Good else Finding.Bad) (if isGood then "good" else "not good")
                        text (": " + verdict + " (" + security + ")")
                    ]
                )
            ]
        Sections =
            [
                {
                    Heading = "The record"
                    Body = published record @ findings record.Diagnosis.Findings
                }
            ]
            @ remedy
        Footer = footer
    }
