/// Other ways to write a date that a server has put into the form of RFC 5322 §3.3.
module internal Dkim.Core.Explaining.Fields.Dates

open System
open System.Globalization
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits

let private written (format: string) (moment: DateTimeOffset) : string =
    moment.ToString(format, CultureInfo.InvariantCulture)

/// `+0100`
let private numeric (zone: TimeSpan) : string =
    (if zone < TimeSpan.Zero then "-" else "+")
    + zone.ToString("hhmm", CultureInfo.InvariantCulture)

/// Names that programs write behind an offset, or in its place.
let private names =
    [
        "+0000", [ "GMT"; "UTC"; "UT"; "WET" ]
        "+0100", [ "CET"; "BST"; "WEST" ]
        "+0200", [ "CEST"; "EET"; "SAST" ]
        "+0300", [ "EEST"; "MSK" ]
        "+0530", [ "IST" ]
        "+0800", [ "CST"; "HKT"; "SGT" ]
        "+0900", [ "JST"; "KST" ]
        "+1000", [ "AEST" ]
        "+1100", [ "AEDT" ]
        "-0300", [ "BRT"; "ADT" ]
        "-0400", [ "EDT"; "AST" ]
        "-0500", [ "EST"; "CDT" ]
        "-0600", [ "CST"; "MDT" ]
        "-0700", [ "MST"; "PDT" ]
        "-0800", [ "PST" ]
    ]

/// The zone in all its spellings.
let private spelled (zone: TimeSpan) : string list =
    let offset = numeric zone

    let named =
        names
        |> List.tryFind (fun (known, _) -> known = offset)
        |> Option.map snd
        |> Option.defaultValue []

    [
        offset
        if zone = TimeSpan.Zero then
            "-0000"
            "Z"
        for name in named do
            name
            offset + " (" + name + ")"
    ]

/// The zones that clocks are set to, from the date line to the date line.
let private zones: TimeSpan list =
    [
        for quarters in -48..2..56 do
            TimeSpan.FromMinutes(float quarters * 15.0)
        for quarters in [ 23; 35; 51 ] do
            TimeSpan.FromMinutes(float quarters * 15.0)
    ]

/// The same moment, written in other ways: without the day of the week or the seconds, with one digit for the day, in
/// another zone or by another name of it. None where the text is no date.
let variants (value: string) : string list =
    match MailDate.tryParse value with
    | ValueNone -> []
    | ValueSome moment ->
        [
            for zone in moment.Offset :: zones do
                let local = moment.ToOffset zone

                let days =
                    [ "ddd, dd MMM yyyy"; "ddd, d MMM yyyy"; "dd MMM yyyy"; "d MMM yyyy" ]
                    |> List.map (fun format -> written format local)
                    |> List.distinct

                let times =
                    [
                        written "HH:mm:ss" local
                        if local.Second = 0 then
                            written "HH:mm" local
                    ]

                for day in days do
                    for time in times do
                        for zone in spelled zone do
                            " " + day + " " + time + " " + zone

                // asctime(3), and date(1) in two forms.
                written " ddd MMM d HH:mm:ss yyyy" local

                for zone in spelled zone do
                    written " ddd MMM d HH:mm:ss" local + " " + zone + written " yyyy" local
            written " yyyy-MM-dd'T'HH:mm:ss'Z'" (moment.ToUniversalTime())
        ]
        |> List.distinct

let edits: FieldEdit list =
    [
        FieldEdit.make Modification.FieldRewritten [ "Exchange"; "Microsoft 365"; "Cyrus" ] [ "date" ] (fun _ field ->
            variants field.ValueText
            |> Seq.map (fun date -> FieldEdit.value field ("was rewritten: it was" + date) date))
        |> FieldEdit.alone
    ]
