/// `dkim verify`: all signatures of messages, mailboxes and folders, and what becomes of them.
module internal Dkim.Core.Programs.Tool.Commands.Verify

open Dkim.Core.Words
open Dkim.Core.MailFiles
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command
open Dkim.Core.Programs.Tool.Judging
open Dkim.Core.Programs.Tool.Judging.MailInput
open Dkim.Core.Programs.Tool.Judging.Judgement
open Dkim.Core.Programs.Tool.Pages

[<Literal>]
let private Program = "dkim verify"

/// What has been done, and what waits for answers.
[<NoComparison; NoEquality>]
type private Run =
    {
        Settings: ToolSettings
        Paint: Paint
        Source: Keys.KeySource
        Now: int64<sec>
        /// The latest first.
        Waiting: Awaiting list
        WaitingOctets: int
        Known: Map<Question, Answer>
        Tally: Tally
        /// What a page will have rows for; nothing where none is to be made.
        Shown: PageMessages
        /// Files that were begun, and all of them.
        Files: int
        OfFiles: int
        /// How often each note was called for.
        Notes: Map<string, int>
        IsSilenceTold: bool
    }

/// A note about a file; of the same kind the first ones alone.
let private note (path: string) (run: Run) (says: string) : Command<Run> =
    command {
        let before = run.Notes |> Map.tryFind says |> Option.defaultValue 0

        if before < ToolLimits.NotesOfAKind then
            do! complain ("dkim: " + path + ": note: " + says)

        return
            { run with
                Notes = run.Notes.Add(says, before + 1)
            }
    }

let rec private fold (each: 's -> 'a -> Command<'s>) (state: 's) (items: 'a list) : Command<'s> =
    command {
        match items with
        | [] -> return state
        | item :: others ->
            let! state = each state item
            return! fold each state others
    }

let private notes (path: string) (says: string list) (run: Run) : Command<Run> = fold (note path) run says

/// Prints what came of one message.
let private printOne (answers: Question -> Answer) (run: Run) (awaiting: Awaiting) : Command<Run> =
    command {
        let judgement = conclude answers awaiting

        if run.Settings.Html.IsNone then
            do!
                print (
                    if run.Settings.Json then
                        JudgementText.json judgement
                    else
                        JudgementText.lines run.Paint judgement
                )

        let place = JudgementText.place judgement

        match judgement.Outcome with
        | Error reason -> do! complain ("dkim: " + place + ": " + reason)
        | Ok _ -> ()

        // What was done to the file is told when it ends.
        let own =
            judgement.Forms
            |> List.filter (fun form -> form = FileForm.QuotedFrom || form = FileForm.MixedLines)
            |> List.map FileForm.describe

        let! run = notes place own run

        return
            { run with
                Tally = Tally.add run.Tally judgement
                Shown =
                    if run.Settings.Html.IsSome then
                        PageMessages.add run.Shown judgement
                    else
                        run.Shown
            }
    }

let private isUnasked (answer: Answer) =
    answer.Outcome = Unavailable LookupCredit.NotAsked

/// Names that are asked for, with those that are known; the first that are not asked are told of.
let private answer (run: Run) : Command<Run> =
    command {
        let wanted =
            run.Waiting
            |> List.collect questionsOf
            |> List.distinct
            |> List.filter (run.Known.ContainsKey >> not)

        let! answers = Keys.askAll run.Source wanted
        let fresh = wanted |> List.map (fun question -> question, answers question)
        let isSilent = fresh |> List.exists (snd >> isUnasked)

        if isSilent && not run.IsSilenceTold then
            do!
                complain
                    "dkim: warning: the name servers do not answer, and the names that are left are not asked for \
                     (--nameserver takes another one)"

        let known =
            if run.Known.Count > ToolLimits.KeptAnswers then
                Map.empty
            else
                run.Known

        return
            { run with
                Known =
                    fresh
                    |> List.fold (fun known (question, answer) -> Map.add question answer known) known
                IsSilenceTold = run.IsSilenceTold || isSilent
            }
    }

/// Ends what waits.
let private settle (run: Run) : Command<Run> =
    command {
        let waiting = List.rev run.Waiting
        let! run = answer run

        let answers question =
            run.Known
            |> Map.tryFind question
            |> Option.defaultValue (Answer.Unavailable "not asked")

        let run =
            { run with
                Waiting = []
                WaitingOctets = 0
            }

        return! fold (printOne answers) run waiting
    }

let private take (run: Run) (item: MailItem) : Command<Run> =
    command {
        let awaiting = await run.Settings run.Now item

        let octets =
            match awaiting.Awaited with
            | Ok awaited -> awaited.HeaderOctets
            | Error _ -> 0

        let run =
            { run with
                Waiting = awaiting :: run.Waiting
                WaitingOctets = run.WaitingOctets + octets
            }

        do! tell (ToolProgress.Reading(run.Tally.Messages + run.Waiting.Length, run.Files, run.OfFiles))

        if
            run.Waiting.Length >= ToolLimits.WaitingMessages
            || run.WaitingOctets >= ToolLimits.WaitingOctets
        then
            return! settle run
        else
            return run
    }

let private readFile (run: Run) (file: FileKind * string) : Command<Run> =
    command {
        let run = { run with Files = run.Files + 1 }
        let! struct (run, read) = MailInput.fold run.Settings file (fun _ -> true) take run
        return! notes read.Path (notesOf read) run
    }

/// Files that are to be read, and how many folders could not be looked at.
[<NoComparison; NoEquality>]
type private Wanted =
    {
        Files: (FileKind * string) list
        Missed: int
    }

/// The files of a folder that are read, with a word on those that are not.
let private filesOf (path: string) (listing: FolderListing) : Command<Wanted> =
    command {
        let mail = Folders.mailOf listing

        do!
            listing.Problems
            |> List.ofArray
            |> iter (fun problem -> complain ("dkim: " + problem))

        if mail.Unfinished > 0 then
            do!
                complain (
                    "dkim: "
                    + path
                    + ": note: "
                    + string mail.Unfinished
                    + " files in tmp of a Maildir, whose delivery has not ended, are left out"
                )

        return
            {
                Files = mail.Files |> List.map (fun path -> FileKind.Listed, path)
                Missed = listing.Problems.Length
            }
    }

/// The files that an operand means: itself, or those below it.
let private ofOperand (path: string) : Command<Wanted> =
    command {
        let! below =
            if path = "-" then
                fun rest -> rest ValueNone
            else
                listFiles path

        match below with
        | ValueSome listing -> return! filesOf path listing
        | ValueNone ->
            return
                {
                    Files = [ FileKind.Map, path ]
                    Missed = 0
                }
    }

/// The files that `--batch` means.
let private ofBatch (path: string) : Command<Wanted> =
    command {
        let! below = listFiles path

        match below with
        | ValueSome listing -> return! filesOf path listing
        | ValueNone ->
            let! contents = read FileKind.Configuration path

            let! text =
                FileContents.text contents
                |> orFail SysExit.NoInput (fun reason -> "dkim: " + path + ": " + reason)

            return
                {
                    Files =
                        FileContents.lines text
                        |> Array.filter ((<>) "")
                        |> Array.map (fun path -> FileKind.Listed, path)
                        |> List.ofArray
                    Missed = 0
                }
    }

/// All files that are to be read.
let private wanted (settings: ToolSettings) (operands: string list) : Command<Wanted> =
    let collect (part: string -> Command<Wanted>) (found: Wanted) (path: string) : Command<Wanted> =
        command {
            let! more = part path

            return
                {
                    Files = found.Files @ more.Files
                    Missed = found.Missed + more.Missed
                }
        }

    command {
        let operands =
            if operands.IsEmpty && settings.Batch.IsNone then
                [ "-" ]
            else
                operands

        let! named = fold (collect ofOperand) { Files = []; Missed = 0 } operands
        let batch = ValueOption.toList settings.Batch
        return! fold (collect ofBatch) named batch
    }

/// What stands below the lines of all messages, or the page in their place.
let private finish (run: Run) (clock: int64<sec>) : Command<unit> =
    command {
        if run.Tally.Messages = 0 then
            do! complain (Program + ": there is no message")

        match run.Settings.Html with
        | ValueSome file ->
            let! footer = Output.footer (int64 clock)
            do! MailboxPage.report run.Tally run.Shown footer |> Output.write Program file
        | ValueNone ->
            if not run.Settings.Json && (run.OfFiles <> 1 || run.Tally.Messages > 1) then
                do! print (Tally.summary run.Tally)
    }

let run (settings: ToolSettings) (clock: int64<sec>) (operands: string list) : Command<int> =
    command {
        let! paint = Paint.choose settings
        let! source = Keys.keySource settings
        let! wanted = wanted settings operands

        let run =
            {
                Settings =
                    { settings with
                        Json = settings.Json || settings.Batch.IsSome
                    }
                Paint = paint
                Source = source
                Now = settings.Now |> ValueOption.defaultValue clock
                Waiting = []
                WaitingOctets = 0
                Known = Map.empty
                Tally =
                    { Tally.empty with
                        Missed = wanted.Missed
                    }
                Shown = PageMessages.empty
                Files = 0
                OfFiles = wanted.Files.Length
                Notes = Map.empty
                IsSilenceTold = false
            }

        let! run = fold readFile run wanted.Files
        let! run = settle run

        do! finish run clock
        return Tally.exitCode settings.RequirePass run.Tally
    }
