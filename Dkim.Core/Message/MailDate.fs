/// Dates of mail: Date, and the end of Received (RFC 5322 §3.3, §4.3).
module internal Dkim.Core.Message.MailDate

open System
open FParsec
open Dkim.Core.Words

let private months =
    [
        "Jan"
        "Feb"
        "Mar"
        "Apr"
        "May"
        "Jun"
        "Jul"
        "Aug"
        "Sep"
        "Oct"
        "Nov"
        "Dec"
    ]

/// Hours from UTC of the zones that have names (`obs-zone`).
let private namedZones =
    [
        "UT", 0
        "UTC", 0
        "GMT", 0
        "Z", 0
        "EST", -5
        "EDT", -4
        "CST", -6
        "CDT", -5
        "MST", -7
        "MDT", -6
        "PST", -8
        "PDT", -7
    ]

let private digits (least: int) (most: int) : Grammar.Parser<int> =
    manyMinMaxSatisfyL least most Char.IsAsciiDigit "a number" |>> int
    .>> Grammar.cfws

/// `day-name ","`
let private dayOfWeek =
    Grammar.many1Chars "a day" Char.IsAsciiLetter
    .>> Grammar.cfws
    .>> skipChar ','
    .>> Grammar.cfws

let private month: Grammar.Parser<int> =
    choice (months |> List.mapi (fun index name -> stringCIReturn name (index + 1)))
    .>> Grammar.cfws

/// `year = 4*DIGIT`, and the years of two and three digits (RFC 5322 §4.3).
let private year =
    digits 2 4
    |>> fun year ->
        if year >= 1000 then year
        elif year < 50 then year + 2000
        else year + 1900

/// `hour ":" minute [ ":" second ]`
let private timeOfDay: Grammar.Parser<TimeSpan> =
    let colon = skipChar ':' >>. Grammar.cfws

    pipe3 (digits 2 2) (colon >>. digits 2 2) (opt (colon >>. digits 2 2)) (fun hour minute second ->
        TimeSpan(hour, minute, Option.defaultValue 0 second))

/// `zone = ("+" / "-") 4DIGIT`
let private zone: Grammar.Parser<TimeSpan> =
    let numeric =
        (charReturn '+' 1 <|> charReturn '-' -1)
        .>>. (manyMinMaxSatisfyL 4 4 Char.IsAsciiDigit "a zone" |>> int)
        |>> fun (sign, hours) -> TimeSpan(sign * (hours / 100), sign * (hours % 100), 0)

    let named =
        Grammar.many1Chars "a zone" Char.IsAsciiLetter
        |>> fun name ->
            namedZones
            |> List.tryFind (fun (known, _) -> known.Equals(name, StringComparison.OrdinalIgnoreCase))
            |> Option.map snd
            |> Option.defaultValue 0
            |> fun hours -> TimeSpan(hours, 0, 0)

    numeric <|> named .>> Grammar.cfws

/// `date-time = [ day-of-week "," ] date time [CFWS]`
let private dateTime =
    let date = Grammar.cfws >>. optional dayOfWeek >>. tuple3 (digits 1 2) month year

    tuple3 date timeOfDay zone

/// The moment that a date names.
let tryParse (text: string) : DateTimeOffset voption =
    match Grammar.parseAll dateTime text with
    | Result.Ok((day, month, year), time, zone) when
        day >= 1
        && year >= 1970
        && year < 9999
        && day <= DateTime.DaysInMonth(year, month)
        && time < TimeSpan.FromHours 25.0
        && abs zone.TotalHours <= 14.0
        ->
        let local = DateTime(year, month, day, 0, 0, 0, DateTimeKind.Unspecified).Add time
        ValueSome(DateTimeOffset(local, zone))
    | _ -> ValueNone
