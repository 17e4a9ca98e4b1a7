/// The page of a message: its path, and each signature with its steps, what happened to it, its record, and what to do.
module internal Dkim.Core.Programs.Tool.Pages.MessagePage

open System
open System.Globalization
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Explaining
open Dkim.Core.Explaining.Edits
open Dkim.Core.Programs.Tool.Pages.Page

/// Lines of a canonical form that are shown.
[<Literal>]
let private LinesShown = 120

/// Characters of a field that are shown.
[<Literal>]
let private FieldShown = 400

let private excerpt (latin1: string) : Html =
    code (
        if latin1.Length <= FieldShown then
            latin1
        else
            latin1.Substring(0, FieldShown) + "..."
    )

let private whose (judged: SignatureResult) : string =
    match judged.Signature with
    | ValueSome signature -> signature.Domain.Text
    | ValueNone -> "cannot be read"

let private summary (explained: (int * Explanation) list) : Html list =
    match explained with
    | [] -> [ paragraph "The message has no signature." ]
    | explained ->
        let row (place: int) (number: int, explanation: Explanation) =
            let judged = explanation.Outcome

            let algorithm =
                match judged.Signature with
                | ValueSome signature -> signature.Selector.Text + ", " + signature.Algorithm
                | ValueNone -> ""

            [
                // The message and its path are the first two sections.
                link (place + 2) (string number)
                text (Layout.fieldName judged.Scheme)
                text (whose judged)
                text algorithm
                outcome judged
                text (Verdict.describe judged.Verdict)
            ]

        [
            table
                "The signatures of this message, topmost first"
                [ "number"; "field"; "domain"; "selector, algorithm"; "result"; "reason" ]
                (explained |> List.mapi row)
        ]

let private message (path: string) (mail: Mail) (notes: string list) : Section =
    let fields =
        [ "From"; "To"; "Subject"; "Date"; "Message-ID" ]
        |> List.choose (fun name ->
            match Header.tryFind name mail.Header with
            | ValueSome field -> Some(name, excerpt (field.ValueText.Trim()))
            | ValueNone -> None)

    {
        Heading = "The message"
        Body =
            [
                facts
                    "As its header says"
                    (fields
                     @ [
                         "file", text path
                         "size",
                         text (
                             string mail.Octets.Length
                             + " octets, of which "
                             + string mail.Body.Length
                             + " are the body"
                         )
                     ])
            ]
            @ (if notes.IsEmpty then
                   []
               else
                   [ heading "Not what RFC 5322 §2.2 has for a header field"; list notes ])
    }

let private timeOf (at: DateTimeOffset voption) : string =
    match at with
    | ValueSome at ->
        at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
        + " UTC"
    | ValueNone -> "not told"

/// A span of time in its two largest units.
let private spanOf (span: TimeSpan) : string =
    let length = span.Duration()

    let text =
        if length.TotalSeconds < 60.0 then
            string (int length.TotalSeconds) + " s"
        elif length.TotalMinutes < 60.0 then
            string length.Minutes + " min " + string length.Seconds + " s"
        elif length.TotalHours < 24.0 then
            string length.Hours + " h " + string length.Minutes + " min"
        else
            string (int length.TotalDays) + " d " + string length.Hours + " h"

    if span < TimeSpan.Zero then
        text + " back: clocks differ"
    else
        text

let private way (mail: Mail) (all: SignatureResult list) : Section =
    let signer (number: int) =
        match List.tryItem (number - 1) all with
        | Some judged -> "signature " + string number + ", " + whose judged
        | None -> "signature " + string number

    let row (place: int) (stop: MailStop) =
        match stop with
        | MailStop.Signed number ->
            [
                text (string (place + 1))
                text ("signed: " + signer number)
                text ""
                text ""
                text ""
                text ""
            ]
        | MailStop.Hop hop ->
            [
                text (string (place + 1))
                excerpt hop.By
                excerpt hop.From
                excerpt hop.With
                text (timeOf hop.At)
                text (hop.Delay |> ValueOption.map spanOf |> ValueOption.defaultValue "")
            ]

    {
        Heading = "Its path"
        Body =
            match MailPath.ofHeader mail.Header with
            | [] -> [ paragraph "No field tells by which servers it came." ]
            | stops ->
                [
                    table
                        "As the Received fields tell it, the first server first: each may write there what it likes"
                        [ "stop"; "server"; "has it from"; "by"; "at"; "after" ]
                        (stops |> List.mapi row)
                ]
    }

let private steps (explanation: Explanation) : Html =
    let row (step: ExplainedStep) =
        let finding =
            match step.Finding with
            | Finding.Good -> badge Finding.Good "ok"
            | Finding.Bad -> badge Finding.Bad "NO"
            | Finding.Note -> badge Finding.Note "note"

        [
            text step.Title
            finding
            Html.Element(
                Tag.Span,
                [],
                step.Lines
                |> List.map (fun line -> Html.Element(Tag.Code, [], [ text (line + "\n") ]))
            )
            text step.Section
        ]

    table
        "What a verifier asks, in its order"
        [ "step"; "found"; "seen"; "asked for by" ]
        (explanation.Steps |> List.map row)

let private change (change: ChangedText) : Html =
    sides
        (if change.IsBody then
             "The body in canonical form, as it was hashed"
         else
             "The signed fields in canonical form, as they were hashed")
        change.Was
        change.Is

let private guess (guess: Guess) : Html list =
    let known =
        match guess.KnownOf with
        | [] -> []
        | known -> [ paragraph ("Known of: " + String.Join(", ", known) + ".") ]

    paragraph (guess.Says + ".") :: known @ (guess.Changes |> List.map change)

let private happened (explanation: Explanation) : Html list =
    let isAltered =
        match explanation.Outcome.Verdict with
        | Altered -> true
        | Pass
        | PermFail _
        | TempFail _ -> false

    match explanation.Guesses with
    | [] when isAltered ->
        heading "What happened"
        :: paragraph "None of the usual changes that were tried makes the hash fit."
        :: (if explanation.Narrowed.IsEmpty then
                []
            else
                [ list explanation.Narrowed ])
    | [] -> []
    | guesses ->
        heading "What happened (undone, and the hash fits)"
        :: (guesses |> List.collect guess)

let private copies (explanation: Explanation) : Html list =
    let row (found: FieldDifference) =
        [
            code found.Name
            text (string (int found.At))
            Html.Element(Tag.Code, [], [ text found.Signed ])
            match found.Present with
            | ValueSome present -> Html.Element(Tag.Code, [], [ text present ])
            | ValueNone -> text "gone"
        ]

    match explanation.Differences with
    | [] -> []
    | differences ->
        [
            heading "Compared with the copies in z= (RFC 6376 §3.5)"
            table
                "Fields that are not as they were signed"
                [ "field"; "differs from octet"; "as signed"; "as it is" ]
                (differences |> List.map row)
        ]

/// A record, and what is wrong with it.
let private record (record: ExplainedRecord) : Html list =
    published record
    @ (match record.Diagnosis.Findings with
       | [] -> []
       | findings ->
           [
               list (
                   findings
                   |> List.map (fun found ->
                       (if found.IsAdvice then "advice: " else "wrong: ")
                       + found.Says
                       + "; "
                       + found.Remedy)
               )
           ])

let private canonical (title: string) (octets: byte[]) : Html list =
    if octets.Length = 0 then
        []
    else
        [
            heading (title + ", " + string octets.Length + " octets")
            preformatted (Printable.visibleLines LinesShown (ReadOnlySpan octets))
        ]

let private signature (number: int, explanation: Explanation) : Section =
    let advice =
        match explanation.Advice with
        | [] -> []
        | advice -> [ heading "What to do"; list advice ]

    let record =
        match explanation.Record with
        | ValueSome found -> heading "The record of the key" :: record found
        | ValueNone -> []

    {
        Heading = "Signature " + string number + ": " + whose explanation.Outcome
        Body =
            [
                Html.Element(
                    Tag.P,
                    [],
                    [
                        text (Layout.fieldName explanation.Outcome.Scheme + ": ")
                        outcome explanation.Outcome
                        text (", " + Verdict.describe explanation.Outcome.Verdict)
                    ]
                )
            ]
            @ advice
            @ happened explanation
            @ copies explanation
            @ [ heading "Step by step"; steps explanation ]
            @ record
            @ canonical "The header as it was hashed" explanation.CanonicalHeader
            @ canonical "The body as it was hashed" explanation.CanonicalBody
    }

/// The page. `all` are the signatures of the message, of which those are explained that are wanted, each with its number;
/// `notes` tell of fields that are none.
let report path (mail: Mail) all (explained: (int * Explanation) list) (notes: string list) (footer: string) : Report =
    {
        Title = "DKIM: " + path
        Summary = summary explained
        Sections = message path mail notes :: way mail all :: (explained |> List.map signature)
        Footer = footer
    }
