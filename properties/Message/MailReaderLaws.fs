/// Laws of files with mail: a mailbox gives back what was put in, and it does not matter where its octets were cut.
module Dkim.Properties.MailReaderLaws

open System
open System.Text
open Expecto
open FsCheck
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.MailFiles

let private read (cuts: Cuts) (octets: byte[]) : string list * FileForm list =
    let reader = MailReader(4000, false)
    let found = MailSources.readAll reader (Cuts.pieces cuts octets)
    found |> List.map MailSources.textOf, reader.Forms

let private separator = "From ann@example.com Fri Nov 20 12:00:00 2026\n"

/// Lines of mailboxes, headers and what looks like them.
let private lines =
    [
        "From: ann@example.com"
        "Received: x"
        "DKIM-Signature: v=1"
        separator.TrimEnd '\n'
        "From -"
        "From here on"
        ">From here on"
        ""
        ""
        " To: b"
        " From: b"
        "12"
        "text"
        "\u00ef\u00bb\u00bfA: b"
        "<html>"
        String.replicate 1100 "From 12:00 2026 "
    ]

let private text (choices: byte list) (ending: string) =
    choices
    |> List.map (fun choice -> lines[int choice % lines.Length] + ending)
    |> String.concat ""

let private message (choices: byte list) = "A: b\n" + text choices "\n"

/// As mboxrd has it.
let private quoted (message: string) =
    RegularExpressions.Regex.Replace(message, "(?m)^(>*From )", ">$1")

let private unquoted (message: string) =
    MailboxLines.unquoted (ReadOnlyMemory(Octets.ofLatin1 message))
    |> ValueOption.map (fun octets -> Octets.latin1 octets.Span)
    |> ValueOption.defaultValue message

let private trials = MailGenerators.trials 500

[<Tests>]
let tests =
    testList
        "MailReaderLaws"
        [
            testLaw trials "a mailbox gives back its messages" (fun (NonEmptyArray(bodies: byte list[])) cuts ->
                let messages =
                    bodies
                    |> List.ofArray
                    |> List.map message
                    |> List.filter (fun text -> text.Length < 3000)

                let file =
                    messages
                    |> List.map (fun text -> separator + quoted text + "\n")
                    |> String.concat ""

                messages.IsEmpty
                || (let found, forms = read cuts (Octets.ofLatin1 file)
                    List.map unquoted found = messages && forms = [ FileForm.Mbox ]))

            testLaw
                trials
                "any cut of a file gives the same"
                (fun (choices: byte list) (isMailbox: bool) (ending: bool) cuts ->
                    let ending = if ending then "\n" else "\r\n"
                    let front = if isMailbox then separator + "A: b" + ending else ""
                    let octets = Octets.ofLatin1 (front + text choices ending)
                    let whole = Cuts [ max 1 octets.Length ]
                    let utf16 = Encoding.Unicode.GetBytes(Octets.latin1 (ReadOnlySpan octets))

                    read cuts octets = read whole octets
                    && read cuts utf16 = read (Cuts [ max 1 utf16.Length ]) utf16)

            testLaw trials "any octets are read, and no message is longer than it may be" (fun (octets: byte[]) cuts ->
                let found, _ = read cuts octets
                found |> List.forall (fun text -> text.Length <= 4000))
        ]
