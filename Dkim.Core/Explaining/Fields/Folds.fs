/// Other white space and folds of a field, and its name in other letters (RFC 5322 §2.2.3): what the canonicalization relaxed
/// hides, but for folds within a word.
module internal Dkim.Core.Explaining.Fields.Folds

open System
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Explaining.Edits

/// A value with other white space where it was folded.
let unfoldWith (space: string) (value: string) : string =
    value.Replace("\r\n\t", space).Replace("\r\n ", space)

/// The value folded anew: as many words to a line as fit.
let private refold (name: string) (width: int) (lead: string) (value: string) : string =
    let add (lines: string list, column: int) (word: string) =
        match lines with
        | line :: rest when column + 1 + word.Length <= width -> (line + " " + word) :: rest, column + 1 + word.Length
        | lines -> (lead + word) :: lines, 1 + word.Length

    let words = (unfoldWith " " value).Trim().Split(' ')

    let lines, _ =
        Array.fold add ([ " " + words[0] ], name.Length + 2 + words[0].Length) words[1..]

    String.Join("\r\n", List.rev lines)

let private titled (name: string) : string =
    name.Split '-'
    |> Array.map (fun word ->
        if word = "" then
            word
        else
            word.Substring(0, 1).ToUpperInvariant() + word.Substring(1).ToLowerInvariant())
    |> fun words -> String.Join('-', words)

let private usualNames =
    [
        "MIME-Version"
        "Message-ID"
        "CC"
        "Content-ID"
        "DKIM-Signature"
        "List-ID"
        "Reply-to"
    ]

let private spaces (_: Subject) (field: Field) : Wording seq =
    let spaced = FieldEdit.value field
    let value = field.ValueText

    [
        spaced "got white space at its end" (value.TrimEnd(' ', '\t'))
        spaced "lost a space at its end" (value + " ")
        spaced "got a space after the colon" (value.TrimStart(' '))
        spaced "lost the space after the colon" (" " + value)
        spaced "got a space after the colon in place of a tab" ("\t" + value.TrimStart ' ')
        spaced "lost one of two spaces after the colon" ("  " + value.TrimStart ' ')
        spaced "got spaces in place of tabs" (value.Replace(' ', '\t'))
        spaced "got one space in place of two" (" " + value.TrimStart(' ').Replace(" ", "  "))
        {
            Says = "lost the space before the colon"
            Name = field.Name + " "
            Value = value
        }
    ]

let private folds (_: Subject) (field: Field) : Wording seq =
    let folded = FieldEdit.value field
    let name, value = field.Name, field.ValueText

    [
        folded "was folded" (unfoldWith " " value)
        folded "was folded" (value.Replace("\r\n", ""))
        folded "was folded, which put white space into a word" (unfoldWith "" value)
        folded "was folded with a space in place of a tab" (value.Replace("\r\n ", "\r\n\t"))
        folded "was folded with a tab in place of a space" (value.Replace("\r\n\t", "\r\n "))
        for width in [ 78; 76; 75; 72; 70; 998 ] do
            folded "was folded anew" (refold name width " " value)
            folded "was folded anew" (refold name width "\t" value)
        folded "was folded anew" (value.Replace(", ", ",\r\n "))
        folded "was folded anew" (value.Replace(", ", ",\r\n\t"))
        folded "was folded anew" ("\r\n " + value.TrimStart ' ')
        folded "was folded anew" ("\r\n\t" + value.TrimStart ' ')
    ]

let private cases (_: Subject) (field: Field) : Wording seq =
    let name = field.Name

    [ titled name; name.ToLowerInvariant(); name.ToUpperInvariant() ] @ usualNames
    |> Seq.filter (fun other -> other.Equals(name, StringComparison.OrdinalIgnoreCase) && other <> name)
    |> Seq.map (fun other ->
        {
            Says = "was spelled " + other
            Name = other
            Value = field.ValueText
        })

/// Where a value is folded, at most this often.
let private foldsOf (most: int) (value: string) : int list =
    let rec search (from: int) (found: int list) =
        match value.IndexOf("\r\n", from, StringComparison.Ordinal) with
        | at when at < 0 || found.Length >= most -> found
        | at -> search (at + 2) (at :: found)

    search 0 []

/// More folds are not undone one by one, and of more not every choice is tried.
[<Literal>]
let private MostFolds = 40

[<Literal>]
let private MostChosen = 8

/// The value without some of its folds, which are given from the last to the first; `lead` is the white space that a fold has
/// put in, too.
let private without (lead: int) (folds: int list) (value: string) : string =
    folds
    |> List.fold (fun (text: string) at -> text.Remove(at, min (2 + lead) (text.Length - at))) value

/// Every choice of some folds of a few, or each by itself of many.
let private chosen (folds: int list) : int list list =
    if folds.Length <= MostChosen then
        folds
        |> List.fold (fun choices at -> choices @ (choices |> List.map (fun choice -> choice @ [ at ]))) [ [] ]
        |> List.filter (fun choice -> not choice.IsEmpty)
        |> List.sortBy List.length
    else
        folds |> List.map List.singleton

/// Folds that were put in one by one: Postfix cuts what is longer than a line may be.
let private each (subject: Subject) (field: Field) : Wording seq =
    let value = field.ValueText
    let leads = if subject.Canon = SimpleHeader then [ 1; 0 ] else [ 1 ]

    seq {
        for folds in chosen (foldsOf MostFolds value) do
            for lead in leads do
                let says =
                    if lead = 0 then
                        "was folded at " + string folds.Length + " of its words"
                    else
                        "was cut in " + string folds.Length + " places with CRLF and white space"

                FieldEdit.value field says (without lead folds value)
    }

/// More words are not folded anywhere.
[<Literal>]
let private MostWords = 60

[<Literal>]
let private FewWords = 10

/// Folds before any of the words, where they cannot be many: all choices of few, else one or two.
let private anywhere (subject: Subject) (field: Field) : Wording seq =
    let words = (unfoldWith " " field.ValueText).Trim(' ').Split ' '
    let gaps = words.Length

    let folded (lead: string) (places: int -> bool) =
        words
        |> Array.mapi (fun at word -> (if places at then lead else " ") + word)
        |> String.concat ""
        |> FieldEdit.value field "was folded in other places"

    if subject.Canon <> SimpleHeader || gaps > MostWords then
        Seq.empty
    else
        seq {
            for lead in [ "\r\n "; "\r\n\t" ] do
                if gaps <= FewWords then
                    for choice in 1 .. (1 <<< gaps) - 1 do
                        folded lead (fun at -> choice >>> at &&& 1 = 1)
                else
                    for one in 0 .. gaps - 1 do
                        for other in one .. gaps - 1 do
                            folded lead (fun at -> at = one || at = other)
        }

/// What programs are known for.
let usual: FieldEdit list =
    [
        FieldEdit.make Modification.SpaceChanged [] [] spaces |> FieldEdit.ownToo
        FieldEdit.make Modification.FieldRefolded [ "Exchange"; "Sendmail" ] [] folds
        |> FieldEdit.ownToo
        FieldEdit.make Modification.NameCaseChanged [ "Exchange" ] [] cases
        |> FieldEdit.ownToo
    ]

/// What there are many ways to.
let seldom: FieldEdit list =
    [
        FieldEdit.make Modification.LinesCut [ "Postfix"; "Sendmail" ] [] each
        FieldEdit.make Modification.FieldRefolded [] [] anywhere |> FieldEdit.alone
    ]
