/// The forms in which people have messages in files, as tables: what each is known by, and what is done about it.
namespace Dkim.Core.MailFiles

open System
open Dkim.Core.Words
open Dkim.Core.Message

/// What was undone so that a file could be read as the messages that were sent.
[<Struct; RequireQualifiedAccess>]
type FileForm =
    | Gzip
    | Utf16
    | ByteOrderMark
    | BlankLines
    | Emlx
    | Mbox
    | Indented
    | MixedLines
    | QuotedFrom
    | Attached

/// One form: its name in JSON, what it is known by, and what is done and said.
type FormRow =
    {
        Form: FileForm
        Name: string
        KnownBy: string
        Done: string
    }

/// A file that holds no message as it was sent, known by its first octets.
type ForeignFile =
    {
        Name: string
        Start: string
        Remedy: string
    }

module FileForm =
    /// All forms, in the order in which they are looked for; what one leaves is looked at for the next.
    let rows: FormRow list =
        let row form name knownBy action =
            {
                Form = form
                Name = name
                KnownBy = knownBy
                Done = action
            }

        [
            row FileForm.Gzip "gzip" "octets 1F 8B 08" "it was compressed with gzip"
            row
                FileForm.Utf16
                "utf-16"
                "a byte order mark of UTF-16, or NUL as every second octet"
                "it was UTF-16, and is read as UTF-8"
            row
                FileForm.ByteOrderMark
                "byte-order-mark"
                "octets EF BB BF"
                "the byte order mark in front of the first field is passed over"
            row
                FileForm.BlankLines
                "blank-lines"
                "empty lines, then a header field"
                "empty lines in front of the first field are passed over"
            row
                FileForm.Emlx
                "emlx"
                "a line with a number, then a header field (Apple Mail)"
                "the first line, a length, and what stands behind the message are left out"
            row
                FileForm.Mbox
                "mbox"
                "a line `From`, whom it is of and when, then a header field (RFC 4155)"
                "it is a mailbox, and each of its messages is read"
            row
                FileForm.Indented
                "indented"
                "each line of the header begins with the same blanks, as copies of what browsers show do"
                "the blanks in front of the lines are taken off"
            row
                FileForm.MixedLines
                "mixed-lines"
                "CRLF, but LF in lines of the header"
                "line ends are mixed: LF in the header is taken for CRLF"
            row
                FileForm.QuotedFrom
                "quoted-from"
                "lines `>From ` in the body; tried where a signature does not pass"
                "one > is taken off the lines that mailboxes have as >From"
            row
                FileForm.Attached
                "attached"
                "`--attached`, and a part message/rfc822, in base64 too"
                "the message that is attached is read"
        ]

    let private rowOf (form: FileForm) : FormRow =
        rows |> List.find (fun row -> row.Form = form)

    /// The name of a form in JSON.
    let name (form: FileForm) : string = (rowOf form).Name

    /// What was done, in words.
    let describe (form: FileForm) : string = (rowOf form).Done

    /// What `Mail.read` has undone.
    let ofRepair (repair: FileRepair) : FileForm =
        match repair with
        | FileRepair.ByteOrderMark -> FileForm.ByteOrderMark
        | FileRepair.HeaderLines -> FileForm.MixedLines

module ForeignFile =
    /// All that are known. Outlook's file has the text of a message in pieces, from which what was signed cannot be made.
    let all: ForeignFile list =
        let row name start remedy =
            {
                Name = name
                Start = start
                Remedy = remedy
            }

        [
            row
                "a message of Outlook (.msg)"
                "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"
                "it does not have the text that was signed: save the message as .eml (Outlook on the web, or another mail \
                 program), or have it forwarded as an attachment"
            row
                "a folder of Outlook (.pst, .ost)"
                "!BDN"
                "export the message as .eml, or the folder as mbox, from another mail program"
            row
                "TNEF, winmail.dat of Outlook"
                "\x78\x9F\x3E\x22"
                "it does not have the text that was signed: take the message that it came with"
            row "compressed with bzip2" "BZh" "undo that: bunzip2"
            row "compressed with xz" "\xFD7zXZ\x00" "undo that: unxz"
            row "compressed with zstd" "\x28\xB5\x2F\xFD" "undo that: unzstd"
            row "a ZIP archive" "PK\x03\x04" "unpack it"
            row
                "a PDF"
                "%PDF-"
                "a print of a message does not have what was signed: save the message itself (Show original, Save as .eml)"
            row "an image" "\x89PNG" "a picture of a message has nothing of it: save the message itself"
            row "an image" "\xFF\xD8\xFF" "a picture of a message has nothing of it: save the message itself"
        ]

    /// What a file is that begins with these octets and holds no message.
    let tryFind (head: ReadOnlySpan<byte>) : ForeignFile voption =
        let text = Octets.latin1 (head.Slice(0, min 16 head.Length))

        match
            all
            |> List.tryFind (fun file -> text.StartsWith(file.Start, StringComparison.Ordinal))
        with
        | Some file -> ValueSome file
        | None -> ValueNone

    /// In words, with what to do instead.
    let describe (file: ForeignFile) : string =
        "it is " + file.Name + ", no message: " + file.Remedy
