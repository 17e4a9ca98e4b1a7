/// What forms, zone files and clipboards do to the text of a record as a whole: quotation marks, escapes, lines of zone
/// files, strings out of order (RFC 1035 §5.1, RFC 6376 §3.6.2.2).
module internal Dkim.Core.KeyCheck.PasteMends

open System
open Dkim.Core.KeyCheck.RawText

let private versionAt (text: string) =
    text.IndexOf("v=DKIM1", StringComparison.OrdinalIgnoreCase)

let private isOdd (c: char) = c > '~' || c < ' ' && c <> '\t'

let private oddCharacters: Mend =
    {
        Mistake = KeyMistake.OddCharacters
        Says = "the record has control characters or characters beyond ASCII, such as printed quotation marks"
        Remedy = "write the record again as plain text"
        IsPlain = true
        Undo = fun text -> unlessSame text (String.filter (isOdd >> not) text)
    }

let private escapes: Mend =
    {
        Mistake = KeyMistake.EscapesPasted
        Says = "backslashes before semicolons are part of the record"
        Remedy = "leave the backslashes out; only some zone files need them, and they are not published there"
        IsPlain = true
        Undo =
            fun text ->
                if text.Contains "\\;" || text.Contains "\\\"" then
                    [ text.Replace("\\;", ";").Replace("\\\"", "\""); text.Replace("\\", "") ]
                    |> List.distinct
                else
                    []
    }

let private webEscapes: Mend =
    {
        Mistake = KeyMistake.EscapesPasted
        Says = "characters of the record are written as % and two digits, as in the address of a web page"
        Remedy = "write the characters themselves"
        IsPlain = false
        Undo =
            fun text ->
                if has "%2" text || has "%3" text then
                    unlessSame text (Uri.UnescapeDataString text)
                else
                    []
    }

let private isZoneLine (text: string) =
    let before = text.Substring(0, max 0 (versionAt text))

    has "_domainkey" before
    || has "TXT" before
    || before.Contains '('
    || versionAt text < 0 && has "_domainkey" text && text.Contains '"'

// Between two strings of a zone file stand quotes and white space; inside p= both can go.
let private withoutQuotes (text: string) =
    text.Replace("\" \"", "").Replace("\"\"", "").Replace("\"", "")

// Behind the last string there may be a comment.
let private upToEnd (rest: string) =
    match rest.LastIndexOf '"' with
    | -1 ->
        let comment = rest.IndexOf("; -----", StringComparison.Ordinal)
        (if comment < 0 then rest else rest.Substring(0, comment)).TrimEnd(' ', ')')
    | closing -> rest.Substring(0, closing)

let private zoneLine: Mend =
    {
        Mistake = KeyMistake.ZoneLinePasted
        Says = "a whole line of a zone file was put into the record"
        Remedy = "enter only what stands between the quotation marks"
        IsPlain = true
        Undo =
            fun text ->
                let isCommented = text.Contains "; -----"

                let start =
                    match versionAt text with
                    | -1 -> text.IndexOf '"' + 1
                    | at -> at

                if isZoneLine text || isCommented then
                    unlessSame text (withoutQuotes (upToEnd (text.Substring start)))
                else
                    []
    }

let private quotes: Mend =
    {
        Mistake = KeyMistake.QuotesInside
        Says = "quotation marks are part of the record"
        Remedy =
            "leave the quotation marks out: they belong to zone files, where they end a string of at most 255 characters"
        IsPlain = true
        Undo =
            fun text ->
                let bare = text.Trim('\'', '`', ' ')

                if text.Contains '"' then [ withoutQuotes text ]
                elif bare <> text.Trim() then [ bare ]
                else []
    }

[<Literal>]
let private StringLength = 255

/// Strings of a record are told apart by nothing but their order: orders of so many are tried.
[<Literal>]
let private MostStrings = 4

/// All orders of a few things.
let rec orders (items: 'a list) : 'a list list =
    match items with
    | [] -> [ [] ]
    | _ ->
        [
            for item in items do
                for rest in orders (List.except [ item ] items) -> item :: rest
        ]

// The text as it was when strings of full length, the last one shorter, were put in this order.
let private inOrder (text: string) (order: int list) : string =
    let lengthOf index =
        if index = order.Length - 1 then
            text.Length - StringLength * (order.Length - 1)
        else
            StringLength

    let rec cut at (order: int list) =
        match order with
        | [] -> []
        | index :: rest -> (index, text.Substring(at, lengthOf index)) :: cut (at + lengthOf index) rest

    cut 0 order |> List.sortBy fst |> List.map snd |> String.concat ""

let private reordered (text: string) : string list =
    let count = (text.Length + StringLength - 1) / StringLength

    if count < 2 || count > MostStrings then
        []
    else
        orders [ 0 .. count - 1 ]
        |> List.map (inOrder text)
        |> List.filter (fun candidate -> versionAt candidate = 0 && candidate <> text)

// The end of p= may stand before the first tag.
let private rotated (text: string) : string list =
    let at = versionAt text

    if
        at >= 20
        && text.Substring(0, at) |> String.forall (fun c -> isBase64 c || isBlank c)
    then
        [ text.Substring at + text.Substring(0, at) ]
    else
        []

let private swapped: Mend =
    {
        Mistake = KeyMistake.StringsSwapped
        Says = "the strings of the record stand in the wrong order"
        Remedy = "publish the strings in the order in which the key tool prints them, in one record"
        IsPlain = false
        Undo = fun text -> List.distinct (rotated text @ reordered text)
    }

[<Literal>]
let private LeastRepeated = 24

/// Finding what is repeated takes the square of this.
[<Literal>]
let private LongestCompared = 1200

[<Literal>]
let private MostRepeats = 8

let private hasKeyText (part: string) =
    let mutable run = 0
    let mutable longest = 0

    for c in part do
        run <- if isBase64 c then run + 1 else 0
        longest <- max longest run

    longest >= LeastRepeated

/// What stands twice, one right behind the other, taken out once.
let private withoutRepeats (text: string) : string list =
    [
        for length in LeastRepeated .. text.Length / 2 do
            let mutable same = 0

            for at in 0 .. text.Length - length - 1 do
                same <- if text[at] = text[at + length] then same + 1 else 0

                if same = length && hasKeyText (text.Substring(at + 1, length)) then
                    text.Remove(at + 1, length)
    ]
    |> List.distinct
    |> List.truncate MostRepeats

let private doubled: Mend =
    {
        Mistake = KeyMistake.StringsDoubled
        Says = "a string of the record stands in it twice"
        Remedy = "publish each string once"
        IsPlain = false
        Undo =
            fun text ->
                if text.Length > LongestCompared || not (hasKeyText text) then
                    []
                else
                    withoutRepeats text
    }

let private versions (text: string) : int list =
    let rec from (at: int) found =
        match text.IndexOf("v=DKIM1", at, StringComparison.OrdinalIgnoreCase) with
        | -1 -> List.rev found
        | next -> from (next + 7) (next :: found)

    from 0 []

let private parts (text: string) : string list =
    match versions text with
    | []
    | [ _ ] -> []
    | starts ->
        List.zip starts (List.tail starts @ [ text.Length ])
        |> List.map (fun (start, finish) -> text.Substring(start, finish - start).TrimEnd(' ', ';'))
        // Of some nothing was left but the beginning.
        |> List.filter (fun part -> not (part.EndsWith("p=", StringComparison.OrdinalIgnoreCase)))

let private onceEach (text: string) : string list =
    let pieces =
        text.Split ';' |> List.ofArray |> List.filter (fun piece -> piece.Trim() <> "")

    let first = pieces |> List.distinctBy nameOf
    let last = List.rev pieces |> List.distinctBy nameOf |> List.rev

    if first.Length = pieces.Length then
        []
    else
        [ String.Join(';', first); String.Join(';', last) ] |> List.distinct

let private twoRecords: Mend =
    {
        Mistake = KeyMistake.RecordsPasted
        Says = "two records stand in one"
        Remedy = "publish one record under each selector"
        IsPlain = true
        Undo =
            fun text ->
                match parts text with
                | [] -> onceEach text
                | parts -> parts
    }

/// In the order in which they are tried.
let all: Mend list =
    [
        oddCharacters
        escapes
        webEscapes
        zoneLine
        quotes
        swapped
        doubled
        twoRecords
    ]
