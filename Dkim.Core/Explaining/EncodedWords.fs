/// A Subject of encoded words, as servers decode it, put a tag in front and encode it anew (RFC 2047).
module internal Dkim.Core.Explaining.EncodedWords

open System
open FParsec
open Dkim.Core.Words

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
let untagged (value: string) : (string * string) list =
    let subject = (FieldVariants.unfoldWith " " value).Trim()

    match
        if subject.Length > LongestSubject then
            ValueNone
        else
            decoded subject
    with
    | ValueNone -> []
    | ValueSome(struct (octets, charset)) ->
        let cuts =
            [
                for at in 0 .. octets.Length - 2 do
                    if octets[at] = ' ' || octets[at] = ']' then
                        at + 1
            ]
            |> List.truncate 12

        [
            for cut in 0 :: cuts do
                let says =
                    if cut = 0 then
                        "was encoded anew"
                    else
                        "got the prefix \""
                        + Printable.visibleExcerpt 80 (octets.Substring(0, cut))
                        + "\" and was encoded anew"

                for form in written charset (octets.Substring cut) do
                    says, " " + form
        ]
