/// `dkim explain`: the explanations of a message's signatures, as text or JSON.
module internal Dkim.Core.Programs.Tool.Commands.Explain

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.MailFiles
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging
open Dkim.Core.Programs.Tool.Pages

[<Literal>]
let private Program = "dkim explain"

/// Lines of a canonical form that the text shows.
[<Literal>]
let private LinesShown = 60

/// Octets of a canonical body that JSON holds.
[<Literal>]
let private BodyShown = 1048576

let private mark (paint: Paint) (finding: Finding) =
    match finding with
    | Finding.Good -> paint.Good "ok" + " "
    | Finding.Bad -> paint.Bad "NO" + " "
    | Finding.Note -> paint.Note "??" + " "

let private lines (indent: string) (texts: string list) : string =
    texts |> List.map (fun text -> indent + text + "\n") |> String.concat ""

let private textOfStep (paint: Paint) (step: ExplainedStep) : string =
    "  "
    + mark paint step.Finding
    + step.Title
    + " ("
    + step.Section
    + ")\n"
    + lines "       " step.Lines

let private textOfDifference (found: FieldDifference) : string =
    match found.Present with
    | ValueNone -> lines "  " [ Printable.visible found.Name + " is gone; signed was " + found.Signed ]
    | ValueSome present ->
        lines
            "  "
            [
                Printable.visible found.Name
                + " differs from octet "
                + string (int found.At)
                + " on:"
                "  signed:  " + found.Signed
                "  present: " + present
            ]

let private paragraph (paint: Paint) (title: string) (body: string) : string =
    if body = "" then
        ""
    else
        "\n" + paint.Strong title + "\n" + body

let private points (paint: Paint) (texts: string list) : string =
    texts |> List.map (fun text -> paint.Wrapped("  * ", text)) |> String.concat ""

let private canonicalText (paint: Paint) (title: string) (octets: byte[]) : string =
    paragraph
        paint
        (title + ", " + string octets.Length + " octets:")
        (lines "  | " (Printable.visibleLines LinesShown (ReadOnlySpan octets)))

let private sentence (guess: Guess) : string =
    match guess.KnownOf with
    | [] -> guess.Says
    | known -> guess.Says + " [known of " + String.Join(", ", known) + "]"

let private guessText (paint: Paint) (explanation: Explanation) : string =
    let failed =
        explanation.Steps
        |> List.exists (fun step -> step.Finding = Finding.Bad && step.Section.Contains "§3.7")

    match explanation.Guesses with
    | [] when failed ->
        paragraph paint "What happened:" (lines "  " [ "none of the usual changes that were tried makes the hash fit" ])
    | [] -> ""
    | guesses ->
        paragraph paint "What happened (tried, and the hash fits):" (points paint (guesses |> List.map sentence))

let private textOf (paint: Paint) (number: int) (count: int) (explanation: Explanation) : string =
    let judged = explanation.Outcome

    let title =
        "Signature "
        + string number
        + " of "
        + string count
        + ": "
        + Layout.fieldName judged.Scheme

    paint.Strong title
    + "\n\n"
    + String.concat "" (explanation.Steps |> List.map (textOfStep paint))
    + paragraph
        paint
        "Compared with the copies in z= (RFC 6376 §3.5):"
        (explanation.Differences |> List.map textOfDifference |> String.concat "")
    + guessText paint explanation
    + paragraph paint "How far it can be narrowed:" (points paint explanation.Narrowed)
    + paragraph paint "What to do:" (points paint explanation.Advice)
    + canonicalText paint "The header as it was hashed" explanation.CanonicalHeader
    + canonicalText paint "The body as it was hashed" explanation.CanonicalBody

/// A field of the header that is none, or of an obsolete form (RFC 5322 §2.2, §4.5.8).
type private Irregular =
    {
        /// Counted from the top, from 1.
        Number: int
        Raw: string
        Says: string
    }

/// Irregular fields that are told of.
[<Literal>]
let private IrregularShown = 20

let private irregular (mail: Mail) : Irregular list =
    let block = Octets.latin1 (Mail.headerBlock mail).Span

    HeaderGrammar.read block
    |> Seq.indexed
    |> Seq.choose (fun (index, extent) ->
        let raw = block.Substring(int extent.Start, int extent.Length)

        match HeaderGrammar.describe raw extent.Form with
        | ValueSome says ->
            Some
                {
                    Number = index + 1
                    Raw = raw.Substring(0, min 64 raw.Length)
                    Says = says
                }
        | ValueNone -> None)
    |> Seq.truncate IrregularShown
    |> List.ofSeq

let private sayIrregular (one: Irregular) : string =
    "field "
    + string one.Number
    + " ("
    + Printable.visible one.Raw
    + "): "
    + one.Says

let private irregularText (found: Irregular list) : string =
    match found with
    | [] -> ""
    | found ->
        "Not what RFC 5322 §2.2 has for a header field:\n"
        + lines "  " (found |> List.map sayIrregular)
        + "\n"

let private jsonOfIrregular (one: Irregular) : Json =
    Json.Object
        [
            "number", Json.Number one.Number
            "field", Json.Text one.Raw
            "says", Json.Text one.Says
        ]

let private findingName (finding: Finding) =
    match finding with
    | Finding.Good -> "good"
    | Finding.Bad -> "bad"
    | Finding.Note -> "note"

let private jsonOfStep (step: ExplainedStep) : Json =
    Json.Object
        [
            "title", Json.Text step.Title
            "section", Json.Text step.Section
            "finding", Json.Text(findingName step.Finding)
            "lines", Json.List(step.Lines |> List.map Json.Text)
        ]

let private jsonOfDifference (found: FieldDifference) : Json =
    Json.Object
        [
            "field", Json.Text found.Name
            "at", Json.Number(int64 found.At)
            "signed", Json.Text found.Signed
            "present", found.Present |> Json.optional Json.Text
        ]

let private jsonOfGuess (guess: Guess) : Json =
    Json.Object
        [
            "guess", Json.Text(Modification.name guess.Modification)
            "says", Json.Text guess.Says
            "known_of", Json.List(guess.KnownOf |> List.map Json.Text)
        ]

let private jsonOf (index: int, explanation: Explanation) : Json =
    let body =
        ReadOnlySpan(explanation.CanonicalBody, 0, min BodyShown explanation.CanonicalBody.Length)

    let shown = Octets.latin1 body

    match JudgementText.jsonOfJudged (index, explanation.Outcome) with
    | Json.Object members ->
        Json.Object(
            members
            @ [
                "steps", Json.List(explanation.Steps |> List.map jsonOfStep)
                "canonical_header", Json.Text(Octets.latin1 (ReadOnlySpan explanation.CanonicalHeader))
                "canonical_body", Json.Text shown
                "canonical_body_octets", Json.Number explanation.CanonicalBody.Length
                "differences", Json.List(explanation.Differences |> List.map jsonOfDifference)
                "guesses", Json.List(explanation.Guesses |> List.map jsonOfGuess)
                "narrowed", Json.List(explanation.Narrowed |> List.map Json.Text)
                "advice", Json.List(explanation.Advice |> List.map Json.Text)
            ]
        )
    | other -> other

let private answerTo (answers: Question -> Answer) (judged: SignatureResult) : Answer =
    match Explanation.question judged with
    | ValueSome question -> answers question
    | ValueNone -> Answer.Unavailable "not asked"

/// Explains signatures one after the other; who waits long is told at which one it is.
let rec private explainEach (settings: ToolSettings) (effort: Effort) message (answers: Question -> Answer) chosen =
    command {
        match chosen with
        | [] -> return []
        | (number: int, index: int, judged: SignatureResult) :: others ->
            if settings.Deep then
                do! complain (Program + ": searching, signature " + string number)

            let! explanation =
                watch (fun () -> Explanation.explain message (answerTo answers judged) judged) (fun () ->
                    ToolProgress.Searching(number, effort.Spent))

            let! rest = explainEach settings effort message answers others
            return (number, index, explanation) :: rest
    }

/// Explains the signatures that are wanted, of all that were judged.
let private explainAll (settings: ToolSettings) source now (mail: Mail) all : Command<(int * int * Explanation) list> =
    command {
        let chosen =
            Judgement.indexed all
            |> List.mapi (fun position (index, judged) -> position + 1, index, judged)
            |> List.filter (fun (number, _, _) -> settings.Signature |> ValueOption.forall ((=) number))

        let questions =
            chosen
            |> List.choose (fun (_, _, judged) -> Explanation.question judged |> Option.ofValueOption)
            |> List.distinct

        let! answers = Keys.ask source questions

        let effort = if settings.Deep then Effort.Deep() else Effort.OfMessage()

        let message = ExplainedMail(effort, Keys.policy settings, now, mail, all)

        return! explainEach settings effort message answers chosen
    }

let private withoutSignature (mail: Mail) : string =
    "The message has no signature: "
    + NoSignature.describe (NoSignature.find mail)
    + ".\n"

let private report (settings: ToolSettings) (paint: Paint) (path: string) (mail: Mail) explained : string =
    let irregular = irregular mail

    if settings.Json then
        let signatures =
            explained
            |> List.map (fun (_, index, explanation) -> jsonOf (index, explanation))

        Json.render (
            Json.ofCommand
                [
                    "file", Json.Text path
                    "attached_signed", Json.Number(AttachedMessages.countSigned mail)
                    "no_dkim",
                    (if List.isEmpty explained then
                         JudgementText.jsonOfNone (NoSignature.find mail)
                     else
                         Json.Null)
                    "irregular_fields", Json.List(irregular |> List.map jsonOfIrregular)
                    "signatures", Json.List signatures
                ]
        )
        + "\n"
    elif List.isEmpty explained then
        irregularText irregular + withoutSignature mail
    else
        let count = Judgement.countOf mail

        irregularText irregular
        + (explained
           |> List.map (fun (number, _, explanation) -> textOf paint number count explanation)
           |> String.concat "\n")

let private page (path: string) (mail: Mail) all explained (now: int64<sec>) (file: string) : Command<unit> =
    command {
        let! footer = Output.footer (int64 now)

        let explained =
            explained |> List.map (fun (number, _, explanation) -> number, explanation)

        let notes = irregular mail |> List.map sayIrregular
        do! Output.write Program file (MessagePage.report path mail all explained notes footer)
    }

let run (settings: ToolSettings) (clock: int64<sec>) (operands: string list) : Command<int> =
    let problem (text: string) = Program + ": " + text

    command {
        let! path =
            match operands with
            | [] -> Ok "-"
            | [ path ] -> Ok path
            | _ -> Error "more than one message"
            |> orFail SysExit.Usage problem

        let! source = Keys.keySource settings
        let! mail = MailInput.one settings path

        let! mail =
            mail |> orFail SysExit.DataError (fun reason -> problem (path + ": " + reason))

        let now = settings.Now |> ValueOption.defaultValue clock
        let! struct (mail, all) = Judgement.judge settings source now mail
        let! explained = explainAll settings source now mail all

        match settings.Signature, explained, settings.Html with
        | ValueSome number, [], _ ->
            return! fail SysExit.Usage (problem ("the message has no signature " + string number))
        | _, _, ValueSome file ->
            do! page path mail all explained clock file
            return ExitCode.Success
        | _, _, ValueNone ->
            let! paint = Paint.choose settings
            do! print (report settings paint path mail explained)
            return ExitCode.Success
    }
