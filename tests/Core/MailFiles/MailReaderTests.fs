/// Files in every form that people have them in: octets in, messages out.
module Dkim.Tests.Core.MailReaderTests

open System
open System.Diagnostics
open System.IO
open System.Text
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.MailFiles
open Dkim.Tests.Core

[<Literal>]
let private Limit = 1000000

let private message = "From: ann@example.com\nSubject: one\n\nHello.\n"

/// What a reader makes of octets that come in pieces of a size.
let private readIn (size: int) (octets: byte[]) : string list * FileForm list =
    let reader = MailReader(Limit, false)
    let found = MailSources.readAll reader (MailSources.pieces size octets)
    found |> List.map MailSources.textOf, reader.Forms

let private read (text: string) = readIn 100000 (Octets.ofLatin1 text)

let private separator = "From ann@example.com Fri Nov 20 12:00:00 2026\n"

let private mailbox (messages: string list) =
    messages |> List.map (fun text -> separator + text + "\n") |> String.concat ""

let private tree =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", ".."))

let private page = Path.Combine(tree, "docs", "tool.md")

let private table =
    let row (form: FormRow) =
        "| `" + form.Name + "` | " + form.KnownBy + " | " + form.Done + " |"

    let foreign (file: ForeignFile) =
        "| (no message) | " + file.Name + " | " + file.Remedy + " |"

    String.Join(
        "\n",
        [ "| `read_as` | known by | what is done |"; "|---|---|---|" ]
        @ (FileForm.rows |> List.map row)
        @ (ForeignFile.all |> List.distinctBy _.Name |> List.map foreign)
    )

[<Literal>]
let private Begin = "<!-- forms of files: made by MailReaderTests -->\n"

[<Literal>]
let private End = "\n<!-- end of forms -->"

[<Tests>]
let tests =
    testList
        "MailReaderTests"
        [
            testRows
                "each form gives the message that was sent"
                [
                    "as it is", message, []
                    "CRLF", message.Replace("\n", "\r\n"), []
                    "byte order mark", "\u00ef\u00bb\u00bf" + message, [ FileForm.ByteOrderMark ]
                    "empty lines", "\n\r\n" + message, [ FileForm.BlankLines ]
                    "mark and empty lines",
                    "\u00ef\u00bb\u00bf\n" + message,
                    [ FileForm.ByteOrderMark; FileForm.BlankLines ]
                    "a mailbox", mailbox [ message ], [ FileForm.Mbox ]
                    "Apple Mail",
                    string message.Length
                    + "   \n"
                    + message
                    + "<?xml version=\"1.0\"?>\n<plist/>\n",
                    [ FileForm.Emlx ]
                ]
                (fun (_: string, text: string, forms: FileForm list) ->
                    let found, said = read text
                    Expect.equal (forms, 1) (said, found.Length)
                    Expect.equal message (found[0].Replace("\r\n", "\n")))

            testRows
                "UTF-16, with a mark or without, is read as UTF-8"
                [
                    Encoding.Unicode, true
                    Encoding.Unicode, false
                    Encoding.BigEndianUnicode, true
                    Encoding.BigEndianUnicode, false
                ]
                (fun (encoding: Encoding, hasMark: bool) ->
                    let text = message + "Grüße\n"
                    let mark = if hasMark then encoding.GetPreamble() else [||]
                    let found, said = readIn 7 (Array.append mark (encoding.GetBytes text))
                    Expect.equal [ FileForm.Utf16 ] said
                    Expect.equal [ Octets.latin1 (ReadOnlySpan(Encoding.UTF8.GetBytes text)) ] found)

            testRows
                "blanks in front of all lines are taken off, and of no others"
                [ "  "; "\t"; "        " ]
                (fun (blanks: string) ->
                    let sent =
                        "Received: from a\n by b\nFrom: ann@example.com\nTo: bob@example.org\nDate: now\n\nHello.\n  Bob\n"

                    let copy = Regex.Replace(sent, "(?m)^(?=.)", blanks)
                    Expect.equal ([ sent ], [ FileForm.Indented ]) (read copy)
                    // The first line is often copied without them.
                    Expect.equal ([ sent ], [ FileForm.Indented ]) (read (copy.Substring blanks.Length)))

            testRows
                "a folded field is no copy with blanks"
                [
                    "Subject: a\n b: c\n\nx\n"
                    "X-Report: a\n From: b\n c\n\nx\n"
                    "From: a\nTo: b\nDate: c\n\n Received: x\n From: x\n To: y\n"
                ]
                (fun (text: string) -> Expect.equal ([ text ], []) (read text))

            testCase "a mailbox is cut at its lines, and not at what looks like them" (fun () ->
                let quoted = "A: b\n\n>From ann@example.com Fri Nov 20 12:00:00 2026\nB: c\n"
                let inText = "A: b\n\nFrom time to time\nB: c\n"
                let noBlank = "A: b\n\ntext\nFrom ann@example.com Fri Nov 20 12:00:00 2026\nB: c\n"

                let noField =
                    "A: b\n\ntext\n\nFrom ann@example.com Fri Nov 20 12:00:00 2026\nno field\n"

                let all = [ quoted; inText; noBlank; noField; message; "A: b\n" ]
                Expect.equal (all, [ FileForm.Mbox ]) (read (mailbox all))
                let crlf = (mailbox all).Replace("\n", "\r\n")
                Expect.equal (all |> List.map _.Replace("\n", "\r\n"), [ FileForm.Mbox ]) (read crlf))

            testRows
                "lines that begin a message"
                [
                    "From ann@example.com Fri Nov 20 12:00:00 2026", true
                    "From ann@example.com  Fri Nov  6 12:00:00 2026", true
                    "From - Fri Nov 20 12:00:00 2026", true
                    "From \"a b\"@example.com Fri Nov 20 12:00 MET 2026", true
                    "From MAILER-DAEMON Fri Nov 20 12:00:00 2026", true
                    "From -", true
                    "From ", true
                    "From: ann@example.com", false
                    "From now on", false
                    "From 12:00 on", false
                    "From 2026 on, at 12:00", false
                ]
                (fun (line: string, expected: bool) ->
                    Expect.equal expected (MailboxLines.isSeparator (ReadOnlySpan(Octets.ofLatin1 line))))

            testCase "of a mailbox no more than the longest message is kept, and what is longer is told of" (fun () ->
                // A line of a hundred MB, in pieces as a host reads them.
                let reader = MailReader(Limit, false)
                let octets (text: string) = ReadOnlyMemory(Octets.ofLatin1 text)

                let line = ReadOnlyMemory(Array.create 65536 (byte 'x'))
                let before = GC.GetAllocatedBytesForCurrentThread()
                let clock = Stopwatch.StartNew()

                let found =
                    seq {
                        octets (mailbox [ message ])
                        octets (separator + "A: b\n\n")
                        yield! Seq.replicate 1600 line
                        octets ("\n\n" + mailbox [ message ])
                    }
                    |> MailSources.readAll reader

                Expect.equal [ message; "! longer than 0 MiB"; message ] (found |> List.map MailSources.textOf)

                Expect.below (TimeSpan.FromSeconds 10.0) clock.Elapsed
                // The host's pieces come to a hundred times that.
                Expect.below 16000000L (GC.GetAllocatedBytesForCurrentThread() - before))

            testCase "a message that is too long is not kept" (fun () ->
                let reader = MailReader(Limit, false)
                let piece = Array.create 65536 (byte 'x')

                for _ in 1..100 do
                    reader.Feed(ReadOnlySpan piece)

                Expect.isTrue reader.HasEnded "nothing more is wanted"

                match reader.TryTake() with
                | ValueSome(Error(FileFault.TooLong limit)) -> Expect.equal Limit limit
                | _ -> failtest "a message")

            testRows
                "files of other programs are named, with what to do instead"
                [
                    "\u00d0\u00cf\u0011\u00e0\u00a1\u00b1\u001a\u00e1\u0000\u0000", "Outlook (.msg)", ".eml"
                    "!BDN\u0000", "Outlook (.pst", "mbox"
                    "\u0078\u009f\u003e\u0022\u0001", "TNEF", "take the message"
                    "%PDF-1.7\n", "PDF", "Show original"
                    "PK\u0003\u0004\u0014", "ZIP", "unpack it"
                    "BZh91AY", "bzip2", "bunzip2"
                ]
                (fun (text: string, name: string, remedy: string) ->
                    match read text with
                    | [ found ], [] ->
                        Expect.startsWith "! it is " found
                        Expect.contains name found
                        Expect.contains remedy found
                    | found -> failtest (string (fst found).Length))

            testCase "octets are one message where they are to be taken as they are" (fun () ->
                let text = "\u00ef\u00bb\u00bf" + mailbox [ message; message ]
                let reader = MailReader(Limit, true)
                reader.Feed(ReadOnlySpan(Octets.ofLatin1 text))
                reader.End()

                match reader.TryTake() with
                | ValueSome(Ok octets) -> Expect.equal text (Octets.latin1 octets.Span)
                | _ -> failtest "no message"

                Expect.equal [] reader.Forms)

            testRows
                "one > is taken off lines of From behind >"
                [
                    "a\r\n>From b\r\n>>From c\r\n> From d\r\nx >From e\r\n",
                    ValueSome "a\r\nFrom b\r\n>From c\r\n> From d\r\nx >From e\r\n"
                    ">From a", ValueSome "From a"
                    "x >From e\r\n", ValueNone
                    "From a\r\n>", ValueNone
                ]
                (fun (body: string, expected: string voption) ->
                    MailboxLines.unquoted (ReadOnlyMemory(Octets.ofLatin1 body))
                    |> ValueOption.map (fun octets -> Octets.latin1 octets.Span)
                    |> Expect.equal expected)

            testCase "each form has a row, a name of its own, and docs/tool.md has the table" (fun () ->
                let names = FileForm.rows |> List.map _.Name
                Expect.equal names (List.distinct names)

                for row in FileForm.rows do
                    Expect.equal (row.Name, row.Done) (FileForm.name row.Form, FileForm.describe row.Form)

                let text = File.ReadAllText page
                let start = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length
                let stop = text.IndexOf(End, start, StringComparison.Ordinal)
                Made.check page (text.Substring(0, start) + table + text.Substring stop))
        ]
