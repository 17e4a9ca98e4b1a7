/// What came of a message, as lines of text and as JSON.
module internal Dkim.Core.Programs.Tool.Judging.JudgementText

open System
open Dkim.Core.Words
open Dkim.Core.MailFiles
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Judging.Judgement

/// The word of `kind`.
let kindName (scheme: Scheme) : string =
    match scheme with
    | Dkim -> "dkim"
    | DomainKeys -> "domainkeys"

let jsonOfJudged (index: int, judged: SignatureResult) : Json =
    let ofSignature (get: Signature -> string) =
        judged.Signature |> ValueOption.map get |> Json.optional Json.Text

    Json.Object
        [
            "kind", Json.Text(kindName judged.Scheme)
            "index", Json.Number index
            "domain", ofSignature _.Domain.Text
            "selector", ofSignature _.Selector.Text
            "algorithm", ofSignature _.Algorithm
            "result", Json.Text(ResultWord.name (Verdict.word judged.Verdict))
            "reason", Json.Text(Verdict.describe judged.Verdict)
            "key_bits", judged.KeyBits |> Json.optional (fun bits -> Json.Number(int64 bits))
            "testing", Json.Bool judged.Testing
            "unsigned_octets", Json.Number(int64 judged.UnsignedOctets)
        ]

/// Why there is no DKIM-Signature.
let jsonOfNone (why: NoSignature) : Json =
    Json.Object
        [
            "reason", Json.Text(NoSignature.name why)
            "says", Json.Text(NoSignature.describe why)
        ]

/// One object on a line of its own.
let json (judgement: Judgement) : string =
    let number (value: int voption) =
        value |> Json.optional (int64 >> Json.Number)

    let signatures, error =
        match judgement.Outcome with
        | Ok all -> indexed all |> List.map jsonOfJudged, []
        | Error reason -> [], [ "error", Json.Text reason ]

    let noDkim =
        match judgement.NoDkim with
        | ValueSome why -> [ "no_dkim", jsonOfNone why ]
        | ValueNone -> []

    [
        "file", Json.Text judgement.Path
        "message", number judgement.Number
        "attached", number judgement.Attached
        "read_as", Json.List(judgement.Forms |> List.map (FileForm.name >> Json.Text))
        "signatures", Json.List signatures
    ]
    @ noDkim
    @ error
    |> Json.ofCommand
    |> Json.render
    |> fun line -> line + "\n"

/// Which message it is: its file, and its place there.
let place (judgement: Judgement) : string =
    let at (word: string) (number: int voption) =
        match number with
        | ValueSome number -> " " + word + " " + string number
        | ValueNone -> ""

    judgement.Path
    + at "message" judgement.Number
    + at "attached" judgement.Attached

let private keyWords (judged: SignatureResult) : string =
    match judged.Signature with
    | ValueNone -> ""
    | ValueSome signature ->
        let bits =
            match judged.KeyBits with
            | ValueSome bits -> " " + string (int bits) + " bits"
            | ValueNone -> ""

        " d="
        + signature.Domain.Text
        + " s="
        + signature.Selector.Text
        + " a="
        + signature.Algorithm
        + bits

let private wordOf (paint: Paint) (verdict: Verdict) : string =
    let word = ResultWord.name (Verdict.word verdict)

    match verdict with
    | Pass -> paint.Good word
    | PermFail _ -> paint.Bad word
    | TempFail _ -> paint.Note word

let private lineOf (paint: Paint) (place: string) (index: int, judged: SignatureResult) : string =
    let unsigned =
        if judged.UnsignedOctets > 0L<octet> then
            ", "
            + string (int64 judged.UnsignedOctets)
            + " octets of the body are not signed"
        else
            ""

    place
    + ": "
    + kindName judged.Scheme
    + " "
    + string (index + 1)
    + ": "
    + wordOf paint judged.Verdict
    + keyWords judged
    + " ("
    + Verdict.describe judged.Verdict
    + (if judged.Testing then ", the domain is testing" else "")
    + unsigned
    + ")\n"

/// A line for each signature, or one that says why there is none.
let lines (paint: Paint) (judgement: Judgement) : string =
    let place = Printable.tame (place judgement)

    let none (word: string) =
        match judgement.NoDkim with
        | ValueSome why -> place + ": " + word + ": " + NoSignature.describe why + "\n"
        | ValueNone -> ""

    match judgement.Outcome with
    | Error _ -> ""
    | Ok [] -> none "no signatures"
    | Ok all ->
        String.Join("", indexed all |> List.map (lineOf paint place))
        + none "no DKIM signature"
