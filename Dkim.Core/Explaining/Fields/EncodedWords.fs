/// Encoded words that were written anew, and a Subject of them that got a tag (RFC 2047).
module internal Dkim.Core.Explaining.Fields.EncodedWords

open System
open System.Text
open FParsec
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits
open Dkim.Core.Explaining.Bodies

/// The longest encoded word (RFC 2047 §2).
[<Literal>]
let private LongestWord = 75

/// Longer subjects are not looked at.
[<Literal>]
let private LongestSubject = 1000

type private Piece =
    | Plain of string
    | Encoded of charset: string * octets: string

let private octetsOf (letter: char) (text: string) : string =
    if letter = 'B' || letter = 'b' then
        TransferCoding.fromBase64 text
    else
        TransferCoding.fromQuotedPrintable (text.Replace('_', ' '))

/// `encoded-word = "=?" charset "?" encoding "?" encoded-text "?="`
let private encodedWord: Grammar.Parser<Piece> =
    let part label =
        Grammar.many1Chars label (fun c -> Grammar.isVisible c && c <> '?')

    pipe3
        (skipString "=?" >>. part "a charset" .>> skipChar '?')
        (anyOf "BbQq" .>> skipChar '?')
        (part "encoded text" .>> skipString "?=")
        (fun charset letter text -> Encoded(charset, octetsOf letter text))

let private plain =
    pipe2 anyChar (manySatisfy ((<>) '=')) (fun first rest -> Plain(string first + rest))

let private pieces: Grammar.Parser<Piece list> =
    many (attempt encodedWord <|> plain)

/// Octets and charset of what the words say; white space between two words is none of it (RFC 2047 §6.2).
let private decoded (subject: string) : struct (string * string) voption =
    let rec join (all: Piece list) =
        match all with
        | Encoded(_, one) :: Plain blank :: (Encoded _ :: _ as rest) when String.IsNullOrWhiteSpace blank ->
            one + join rest
        | Encoded(_, octets) :: rest -> octets + join rest
        | Plain text :: rest -> text + join rest
        | [] -> ""

    match Grammar.parseAll pieces subject with
    | Result.Ok all ->
        all
        |> List.tryPick (fun piece ->
            match piece with
            | Encoded(charset, _) -> Some charset
            | Plain _ -> None)
        |> Option.map (fun charset -> struct (join all, charset))
        |> Option.toValueOption
    | Result.Error _ -> ValueNone

/// The characters of octets in UTF-8, none of which an encoded word may cut (RFC 2047 §5).
let private characters (octets: string) : string list =
    let starts =
        [
            for at in 0 .. octets.Length - 1 do
                if octets[at] < '\128' || octets[at] > '\191' then
                    at
        ]

    (0 :: starts) @ [ octets.Length ]
    |> List.distinct
    |> List.pairwise
    |> List.map (fun (start, stop) -> octets.Substring(start, stop - start))

/// As many words as it takes.
let private inWords (encode: string -> string) (octets: string) : string =
    let add (words: string list) (character: string) =
        match words with
        | word :: rest when (encode (word + character)).Length <= LongestWord -> (word + character) :: rest
        | words -> character :: words

    characters octets
    |> List.fold add []
    |> List.rev
    |> List.map encode
    |> fun words -> String.Join("\r\n ", words)

let private quoted (isSafe: char -> bool) (octets: string) : string =
    octets
    |> String.collect (fun c ->
        if c = ' ' then "_"
        elif isSafe c then string c
        else "=" + (int c).ToString "X2")

let private quotings =
    [
        fun c -> Char.IsAsciiLetterOrDigit c || "!*+-/".Contains c
        fun c -> Grammar.isVisible c && not ("=?_".Contains c)
    ]

/// The ways in which programs encode octets.
let private encodings (charset: string) (octets: string) : string list =
    [
        for charset in List.distinct [ charset; charset.ToUpperInvariant(); charset.ToLowerInvariant() ] do
            let word letter text =
                "=?" + charset + "?" + letter + "?" + text + "?="

            let codings =
                (fun (text: string) -> word "B" (Convert.ToBase64String(Octets.ofLatin1 text)))
                :: (quotings |> List.map (fun isSafe text -> word "Q" (quoted isSafe text)))

            for encode in codings do
                encode octets
                inWords encode octets
    ]

let private isAscii (text: string) =
    text |> String.forall (fun c -> c < '\128')

/// Encoded from the first word that needs it to the last, or as a whole.
let private written (charset: string) (octets: string) : string list =
    if isAscii octets then
        [ octets ]
    else
        let words = octets.Split ' '
        let first = words |> Array.findIndex (isAscii >> not)
        let last = words |> Array.findIndexBack (isAscii >> not)
        let joined (part: string[]) = String.Join(' ', part)

        [
            yield! encodings charset octets
            for middle in encodings charset (joined words[first..last]) do
                joined [| yield! words[.. first - 1]; middle; yield! words[last + 1 ..] |]
        ]

/// Subjects that may have become this one when it got a prefix and was encoded anew, each with what is to be said.
let private untagged (_: Subject) (field: Field) : Wording seq =
    let subject = (Folds.unfoldWith " " field.ValueText).Trim()

    match
        if subject.Length > LongestSubject then
            ValueNone
        else
            decoded subject
    with
    | ValueNone -> Seq.empty
    | ValueSome(struct (octets, charset)) ->
        let cuts =
            [
                for at in 0 .. octets.Length - 2 do
                    if octets[at] = ' ' || octets[at] = ']' then
                        at + 1
            ]
            |> List.truncate 12

        seq {
            for cut in 0 :: cuts do
                let says =
                    if cut = 0 then
                        "was encoded anew"
                    else
                        "got the prefix \""
                        + Printable.visibleExcerpt 80 (octets.Substring(0, cut))
                        + "\" and was encoded anew"

                for form in written charset (octets.Substring cut) do
                    FieldEdit.value field says (" " + form)
        }

/// The encoded words of a field, from the first to the last.
let private stretch (value: string) : struct (int * int) voption =
    match value.IndexOf "=?", value.LastIndexOf "?=" with
    | first, last when first >= 0 && last > first -> ValueSome(struct (first, last + 2 - first))
    | _ -> ValueNone

/// A phrase of encoded words in other ones, as plain octets, or as encoded words where it is plain octets now.
let private rewritten (_: Subject) (field: Field) : Wording seq =
    let value = field.ValueText

    let inPlace (start: int) (length: int) (form: string) =
        FieldEdit.value field "was encoded anew" (value.Substring(0, start) + form + value.Substring(start + length))

    if value.Length > LongestSubject then
        Seq.empty
    else
        match stretch value with
        | ValueSome(struct (start, length)) ->
            match decoded (Folds.unfoldWith " " (value.Substring(start, length))) with
            | ValueSome(struct (octets, charset)) ->
                seq {
                    for form in octets :: ("\"" + octets + "\"") :: encodings charset octets do
                        inPlace start length form
                }
            | ValueNone -> Seq.empty
        | ValueNone when isAscii value -> Seq.empty
        | ValueNone ->
            let text = value.Trim()

            let stop =
                match text.IndexOf '<' with
                | -1 -> text.Length
                | at -> at

            let phrase = text.Substring(0, stop).Trim(' ', '"')

            seq {
                for charset in [ "utf-8"; "iso-8859-1" ] do
                    for form in written charset phrase do
                        FieldEdit.value
                            field
                            "was made plain octets of encoded words"
                            (" " + form + (if stop < text.Length then " " + text.Substring stop else ""))
            }

let private ascii (_: Subject) (field: Field) : Wording seq =
    let value = field.ValueText

    if isAscii value then
        Seq.empty
    else
        let octets = Octets.ofLatin1 value

        seq {
            match Octets.tryUtf8 (ReadOnlySpan octets) with
            | ValueSome text ->
                let was = FieldEdit.value field
                was "was hashed in Latin-1 by its signer" text

                was
                    "was hashed with ? for each letter that is not ASCII by its signer"
                    (String.map (fun c -> if c < '\128' then c else '?') text)
            | ValueNone -> ()

            FieldEdit.value
                field
                "was hashed in UTF-8 by its signer"
                (Octets.latin1 (ReadOnlySpan(Encoding.UTF8.GetBytes value)))

            FieldEdit.value
                field
                "was hashed with ? for each octet that is not ASCII by its signer"
                (String.map (fun c -> if c < '\128' then c else '?') value)
        }

let edits: FieldEdit list =
    [
        FieldEdit.make Modification.SubjectChanged [ "Exchange"; "Mailman"; "Sympa" ] [ "subject" ] untagged
        |> FieldEdit.alone
        FieldEdit.make
            Modification.FieldRewritten
            [ "Exchange" ]
            [ "from"; "to"; "cc"; "sender"; "reply-to"; "subject" ]
            rewritten
        |> FieldEdit.alone
        FieldEdit.make Modification.SignerFault [] [] ascii
    ]
