/// The page of a published key: its record, what is wrong with it, and what to do.
module internal Dkim.Core.Programs.Tool.Pages.KeyPage

open Dkim.Core.KeyCheck
open Dkim.Core.Explaining
open Dkim.Core.Programs.Tool.Pages.Page

/// What the page tells.
type KeyReport =
    {
        Record: ExplainedRecord
        /// The outcome in a sentence.
        Verdict: string
        /// What DNSSEC says of the record.
        Security: string
        /// Each name server of the zone, and what it has; none where they were not asked.
        Servers: (string * string) list
        /// The lines that put the record right.
        Publish: string voption
    }

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

let private servers (all: (string * string) list) : Section list =
    match all with
    | [] -> []
    | all ->
        [
            {
                Heading = "The name servers"
                Body =
                    [
                        table
                            "What each of them has"
                            [ "server"; "says" ]
                            (all |> List.map (fun (server, says) -> [ text server; text says ]))
                    ]
            }
        ]

let private remedy (publish: string voption) : Section list =
    match publish with
    | ValueSome lines ->
        [
            {
                Heading = "Publish this in its place"
                // A page shows tabs by their numbers, and zone files take blanks in their place.
                Body = [ preformatted [ (lines.TrimEnd '\n').Replace("\t", "    ") ] ]
            }
        ]
    | ValueNone -> []

/// The page.
let report (key: KeyReport) (footer: string) : Report =
    let diagnosis = key.Record.Diagnosis

    {
        Title = "DKIM key: " + key.Record.Name
        Summary =
            [
                Html.Element(
                    Tag.P,
                    [],
                    [
                        badge
                            (if diagnosis.IsGood then Finding.Good else Finding.Bad)
                            (if diagnosis.IsGood then "good" else "not good")
                        text (": " + key.Verdict + " (" + key.Security + ")")
                    ]
                )
            ]
        Sections =
            [
                {
                    Heading = "The record"
                    Body = published key.Record @ findings diagnosis.Findings
                }
            ]
            @ servers key.Servers
            @ remedy key.Publish
        Footer = footer
    }
