/// Messages out of files and standard input, whatever form they have there, one after the other.
module internal Dkim.Core.Programs.Tool.Judging.MailInput

open System
open Dkim.Core.Message
open Dkim.Core.MailFiles
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// One message of a file, or why there is none.
[<NoComparison; NoEquality>]
type MailItem =
    {
        Path: string
        /// Its place in a mailbox, from 1.
        Number: int voption
        /// Its place among the messages that are attached to that one, from 1.
        Attached: int voption
        Forms: FileForm list
        Mail: Result<Mail, string>
    }

/// A file of which everything that was wanted was read.
type FileRead =
    {
        Path: string
        Forms: FileForm list
        /// Messages that it has, as far as it was read.
        Messages: int
    }

/// One file on its way.
[<NoComparison; NoEquality>]
type private Reading =
    {
        Path: string
        Lines: FileLines
        Attached: bool
        Source: IMailSource
        Reader: MailReader
        MostUnpacked: int64
        /// Octets that came.
        Octets: int64
        Messages: int
    }

let private isRaw (lines: FileLines) = lines = FileLines.CrLf

/// Attached messages of one.
let private attachedTo (item: MailItem) (mail: Mail) : MailItem list =
    let inner index octets =
        { item with
            Attached = ValueSome(index + 1)
            Forms = item.Forms @ [ FileForm.Attached ]
            Mail =
                Mail.read HeaderLimits.defaults FileLines.Auto octets
                |> Result.mapError HeaderError.describe
        }

    match AttachedMessages.all mail with
    | [] ->
        [
            { item with
                Mail = Error "no message is attached to it"
            }
        ]
    | octets -> List.mapi inner octets

/// What is judged of a message in a file: the message, or those that are attached to it.
let private itemsOf (reading: Reading) (found: Result<ReadOnlyMemory<byte>, FileFault>) : MailItem list =
    let forms = reading.Reader.Forms

    let item =
        {
            Path = reading.Path
            Number =
                if List.contains FileForm.Mbox forms then
                    ValueSome reading.Messages
                else
                    ValueNone
            Attached = ValueNone
            Forms = forms
            Mail = Error ""
        }

    match found with
    | Error fault ->
        [
            { item with
                Mail = Error(FileFault.describe fault)
            }
        ]
    | Ok octets ->
        match Mail.read HeaderLimits.defaults reading.Lines octets with
        | Error error ->
            [
                { item with
                    Mail = Error(HeaderError.describe error)
                }
            ]
        | Ok mail ->
            let repairs = mail.Repairs |> List.map FileForm.ofRepair

            let item =
                { item with
                    Forms = forms @ repairs
                    Mail = Ok mail
                }

            if reading.Attached then attachedTo item mail else [ item ]

/// Gives each what was asked for, until it wants no more.
let rec private giveAll each wants (state: 's) (items: MailItem list) : Command<'s> =
    command {
        match items with
        | item :: others when wants state ->
            let! state = each state item
            return! giveAll each wants state others
        | _ -> return state
    }

/// The messages that are complete.
let rec private drain each wants (reading: Reading) (state: 's) : Command<struct (Reading * 's)> =
    command {
        match reading.Reader.TryTake() with
        | ValueSome found when wants state ->
            let reading =
                { reading with
                    Messages = reading.Messages + 1
                }

            let! state = giveAll each wants state (itemsOf reading found)
            return! drain each wants reading state
        | _ -> return struct (reading, state)
    }

/// Takes a piece; whether the file goes on after it.
let private take (reading: Reading) (piece: FileContents) : Command<struct (Reading * bool)> =
    command {
        let reader = reading.Reader

        match piece.Problem with
        | ValueSome reason ->
            reader.Fail(FileFault.Unreadable reason)
            return struct (reading, false)
        | ValueNone when piece.Octets.IsEmpty ->
            reader.End()
            return struct (reading, false)
        | ValueNone when
            reading.Octets = 0L
            && not (isRaw reading.Lines)
            && not reader.IsUnpacked
            && MailReader.IsPacked piece.Octets.Span
            ->
            reader.Unpacked()
            do! unpack reading.Source
            return struct (reading, true)
        | ValueNone ->
            let octets = reading.Octets + int64 piece.Octets.Length

            if reader.IsUnpacked && octets > reading.MostUnpacked then
                reader.Fail(FileFault.UnpackedTooLong reading.MostUnpacked)
            else
                reader.Feed piece.Octets.Span

            return struct ({ reading with Octets = octets }, not reader.HasEnded)
    }

let rec private go each wants (reading: Reading) (state: 's) : Command<struct (Reading * 's)> =
    command {
        let! piece = nextPiece reading.Source
        let! struct (reading, goesOn) = take reading piece
        let! struct (reading, state) = drain each wants reading state

        if goesOn && wants state then
            return! go each wants reading state
        else
            return struct (reading, state)
    }

let private limits: ReadLimits =
    {
        Message = FileContents.MessageLimit
        Unpacked = MailLimits.Unpacked
    }

/// Goes through the messages of a file within limits, as long as more are wanted.
let foldWithin
    (limits: ReadLimits)
    (settings: ToolSettings)
    (kind: FileKind, path: string)
    (wants: 's -> bool)
    (each: 's -> MailItem -> Command<'s>)
    (state: 's)
    : Command<struct ('s * FileRead)> =
    command {
        let! source = openMail kind path

        let reading =
            {
                Path = path
                Lines = settings.Lines
                Attached = settings.Attached
                Source = source
                Reader = MailReader(limits.Message, isRaw settings.Lines)
                MostUnpacked = limits.Unpacked
                Octets = 0L
                Messages = 0
            }

        let! struct (reading, state) = go each wants reading state
        do! close source

        return
            struct (state,
                    {
                        Path = path
                        Forms = reading.Reader.Forms
                        Messages = reading.Messages
                    })
    }

/// Goes through the messages of a file, as long as more are wanted.
let fold settings file wants each state : Command<struct ('s * FileRead)> =
    foldWithin limits settings file wants each state

/// What was done to a file as a whole, in words; what was done to single messages is not among it.
let notesOf (read: FileRead) : string list =
    read.Forms
    |> List.map (fun form ->
        match form with
        | FileForm.Mbox when read.Messages = 1 -> "read as a mailbox (mbox) of 1 message"
        | FileForm.Mbox -> "read as a mailbox (mbox) of " + string read.Messages + " messages"
        | form -> FileForm.describe form)

/// What was done to a message beside what was done to its file.
let ownNotesOf (item: MailItem) (read: FileForm list) : string list =
    item.Forms |> List.except read |> List.map FileForm.describe

let private note (path: string) (says: string) : Command<unit> =
    complain ("dkim: " + path + ": note: " + says)

/// A file as one message to sign. Nothing is undone that would have to be done again to what is printed.
let plain (settings: ToolSettings) (path: string) : Command<Result<Mail, string>> =
    command {
        let! contents = read FileKind.Map path

        match contents.Problem, ForeignFile.tryFind contents.Octets.Span with
        | ValueSome reason, _ -> return Error reason
        | ValueNone, ValueSome file -> return Error(ForeignFile.describe file)
        | ValueNone, ValueNone when MailReader.IsPacked contents.Octets.Span ->
            return Error "it is compressed with gzip: undo that (gunzip)"
        | ValueNone, ValueNone ->
            match Mail.read HeaderLimits.defaults settings.Lines contents.Octets with
            | Error error -> return Error(HeaderError.describe error)
            | Ok mail ->
                do! mail.Repairs |> iter (FileRepair.describe >> note path)
                return Ok mail
    }

/// The message of a file that a command is about, with notes of what was done so that it could be read. Of a mailbox, and of
/// attached messages, it is the one of that number, else the first; a second one is told of.
let one (settings: ToolSettings) (path: string) : Command<Result<Mail, string>> =
    let number = settings.Number |> ValueOption.defaultValue 1

    let wants (seen: MailItem list) =
        seen.Length < (if settings.Number.IsSome then number else 2)

    let each (seen: MailItem list) (item: MailItem) : Command<MailItem list> =
        command {
            do! tell (ToolProgress.Reading(seen.Length + 1, 1, 1))
            return item :: seen
        }

    command {
        let! struct (found, read) = fold settings (FileKind.Map, path) wants each []
        let found = List.rev found

        match List.tryItem (number - 1) found with
        | None when found.IsEmpty -> return Error "there is no message in it"
        | None -> return Error("it has no message " + string number)
        | Some item ->
            do!
                read.Forms
                |> List.filter ((<>) FileForm.Mbox)
                |> iter (FileForm.describe >> note path)

            do! ownNotesOf item read.Forms |> iter (note path)

            if settings.Number.IsNone && found.Length > 1 then
                do! note path "it has several messages, and this is about the first; --number takes another"

            return item.Mail
    }
