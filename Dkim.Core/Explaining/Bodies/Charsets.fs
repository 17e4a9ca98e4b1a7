/// A body that was written in another charset, as octets or as quoted-printable.
module internal Dkim.Core.Explaining.Bodies.Charsets

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Explaining.Edits

/// What stands in windows-1252 where ISO 8859-1 has control characters, from 0x80 on.
let private windows =
    "\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178"

let private ofWindows (octet: char) : char =
    if octet >= '\128' && octet < '\160' then
        windows[int octet - 128]
    else
        octet

let private toUtf8 (letters: string) : string =
    Octets.latin1 (ReadOnlySpan(Encoding.UTF8.GetBytes letters))

/// UTF-8 in one octet for each letter, where all have one.
let private fromUtf8 (octet: char -> char) (text: string) : string =
    match Octets.tryUtf8 (ReadOnlySpan(Octets.ofLatin1 text)) with
    | ValueSome letters ->
        let octets = letters |> String.map octet

        if octets |> String.forall (fun c -> c <= '\255') then
            octets
        else
            text
    | ValueNone -> text

let private toWindows (letter: char) : char =
    match windows.IndexOf letter with
    | -1 -> letter
    | at -> char (128 + at)

let private conversions: (string * (string -> string)) list =
    [
        "was UTF-8, and was made ISO 8859-1", toUtf8
        "was UTF-8, and was made windows-1252", String.map ofWindows >> toUtf8
        "was ISO 8859-1, and was made UTF-8", fromUtf8 id
        "was windows-1252, and was made UTF-8", fromUtf8 toWindows
    ]

let private coded (convert: string -> string) (text: string) : string =
    TransferCoding.toQuotedPrintable (convert (TransferCoding.fromQuotedPrintable text))

let private all (_: Subject) (text: string) : Change seq =
    let hasHigh = text.AsSpan().IndexOfAnyExceptInRange('\000', '\127') >= 0

    let hasCoded =
        text.Contains("=E2", StringComparison.OrdinalIgnoreCase) || text.Contains '='

    seq {
        for says, convert in conversions do
            if hasHigh then
                BodyEdit.change ("the body " + says) 12L convert

        if hasCoded then
            for says, convert in conversions do
                BodyEdit.change ("the body " + says + " within quoted-printable") 40L (coded convert)
    }

let edits: Edit list =
    [
        BodyEdit.whole Modification.CharsetChanged [ "Exchange"; "Gmail"; "Mailman" ] all
    ]
