/// Files with mail, in whatever form: what is read does not depend on how the octets came, and what is said is a line.
module Dkim.Tests.Conformance.Fuzzing.MailFiles

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.MailFiles
open Dkim.Tests
open Dkim.Tests.Conformance.Fuzzing.Readers
open Dkim.Tests.Conformance.Fuzzing.Lists

/// The longest message, in octets: short, so that it is passed.
[<Literal>]
let private Longest = 20000

let private separator = "From ann@example.com Fri Nov 20 12:00:00 2026\n"

let private make (random: Random) : string =
    let message = Inputs.message random
    let unix = message.Replace("\r\n", "\n")

    match random.Next 8 with
    | 0 -> message
    | 1 -> separator + unix + "\n" + separator + unix + "\n"
    | 2 -> (separator + unix + "\n" + separator + unix).Replace("\n", "\r\n")
    | 3 -> string unix.Length + "\n" + unix + "<plist/>"
    | 4 -> "\n\n  " + unix.Replace("\n", "\n  ")
    | 5 -> Octets.latin1 (ReadOnlySpan(Encoding.Unicode.GetBytes("\uFEFF" + unix)))
    | 6 ->
        "From: a@example.com\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + message
        + "\r\n--b--\r\n"
    | _ -> "\u00ef\u00bb\u00bf<html>\n" + unix

let private readIn (size: int) (octets: byte[]) : string list * FileForm list =
    let reader = MailReader(Longest, false)
    let found = MailSources.readAll reader (MailSources.pieces size octets)

    for one in found do
        match one with
        | Ok octets -> must "a message is no longer than it may be" (octets.Length <= Longest)
        | Error fault -> mustBeLine (FileFault.describe fault)

    found |> List.map MailSources.textOf, reader.Forms

let private why (text: string) : string =
    match Mail.read HeaderLimits.defaults FileLines.Auto (ReadOnlyMemory(Octets.ofLatin1 text)) with
    | Error error -> HeaderError.describe error
    | Ok mail ->
        let attached = AttachedMessages.all mail
        must "attached messages are bounded" (attached.Length <= MailLimits.Attached)

        must
            "what is attached is no longer than the message"
            (attached |> List.forall (fun one -> one.Length <= text.Length))

        let why = NoSignature.find mail
        mustBeLine (NoSignature.describe why)
        NoSignature.name why

let private read (text: string) : Outcome =
    let octets = Octets.ofLatin1 text
    let found, forms = readIn (max 1 octets.Length) octets
    must "octets in any pieces are the same messages" (readIn 7 octets = (found, forms))

    let first =
        match found with
        | message :: _ -> why message
        | [] -> "none"

    String.Join(' ', (forms |> List.map FileForm.name) @ [ string (min 3 found.Length); first ])

let all: Target list =
    [
        {
            Name = "mail-file"
            Make = make
            Read = read
        }
    ]
