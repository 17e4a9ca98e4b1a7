/// The page of `dkim verify`: what came of all messages, by domain and one by one.
namespace Dkim.Core.Programs.Tool.Pages

open Dkim.Core.Words
open Dkim.Core.MailFiles
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Explaining
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Judging
open Dkim.Core.Programs.Tool.Judging.Judgement
open Dkim.Core.Programs.Tool.Pages.Page

/// Messages that a page has rows for, the latest first, and how many there were of each kind.
[<NoComparison; NoEquality>]
type internal PageMessages =
    {
        Passing: Judgement list
        CountPassing: int
        /// Without a signature that passes.
        Others: Judgement list
        CountOthers: int
    }

module internal PageMessages =
    let empty: PageMessages =
        {
            Passing = []
            CountPassing = 0
            Others = []
            CountOthers = 0
        }

    let private isPassing (judgement: Judgement) =
        match judgement.Outcome with
        | Ok all -> List.exists hasPassed all
        | Error _ -> false

    /// With one message more, which has no row where there are enough of its kind.
    let add (messages: PageMessages) (judgement: Judgement) : PageMessages =
        let kept (count: int) (rows: Judgement list) =
            if count < ToolLimits.PageMessages then
                judgement :: rows
            else
                rows

        if isPassing judgement then
            { messages with
                Passing = kept messages.CountPassing messages.Passing
                CountPassing = messages.CountPassing + 1
            }
        else
            { messages with
                Others = kept messages.CountOthers messages.Others
                CountOthers = messages.CountOthers + 1
            }

module internal MailboxPage =
    let private ofSignature (place: string) (judged: SignatureResult) : Html list =
        let named (get: Signature -> string) =
            match judged.Signature with
            | ValueSome signature -> code (get signature)
            | ValueNone -> text ""

        [
            code place
            outcome judged
            named _.Domain.Text
            named (fun signature -> signature.Selector.Text + ", " + signature.Algorithm)
            text (Verdict.describe judged.Verdict)
        ]

    /// A row for each signature of a message, or one that says why there is none.
    let private rows (judgement: Judgement) : Html list list =
        let place = JudgementText.place judgement

        let without finding word says =
            [ [ code place; badge finding word; text ""; text ""; text says ] ]

        match judgement.Outcome with
        | Error reason -> without Finding.Bad "not read" (Printable.tame reason)
        | Ok [] ->
            judgement.NoDkim
            |> ValueOption.map NoSignature.describe
            |> ValueOption.defaultValue ""
            |> without Finding.Note "none"
        | Ok all -> all |> List.map (ofSignature place)

    let private section (heading: string) (count: int) (latestFirst: Judgement list) : Section list =
        let left = count - latestFirst.Length

        if count = 0 then
            []
        else
            [
                {
                    Heading = heading + ": " + string count
                    Body =
                        [
                            table
                                "Their signatures, topmost first"
                                [ "message"; "result"; "domain"; "selector, algorithm"; "reason" ]
                                (latestFirst |> List.rev |> List.collect rows)
                        ]
                        @ (if left > 0 then
                               [ paragraph ("And " + string left + " messages more.") ]
                           else
                               [])
                }
            ]

    let private domains (tally: Tally) : Html list =
        let found = Tally.domains tally

        if found.Rows.IsEmpty then
            []
        else
            table
                "Signatures by domain and result"
                ("domain" :: found.Words)
                (found.Rows
                 |> List.map (fun (domain, cells) -> text domain :: List.map text cells))
            :: (DomainTable.left found |> List.map paragraph)

    /// The page.
    let report (tally: Tally) (messages: PageMessages) (footer: string) : Report =
        {
            Title = "DKIM: what was verified"
            Summary = paragraph (Tally.sentence tally + ".") :: domains tally
            Sections =
                section "Without a signature that passes" messages.CountOthers messages.Others
                @ section "With a signature that passes" messages.CountPassing messages.Passing
            Footer = footer
        }
