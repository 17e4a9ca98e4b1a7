/// ABNF as data: the elements of RFC 5234 with the case-sensitive strings of RFC 7405, and their reader.
namespace Dkim.Tests.Conformance.Abnf

open System
open System.IO
open FParsec

/// What a rule consists of. Texts are octets, one character for each.
type Element =
    | Range of lowest: char * highest: char
    | Text of text: string * caseSensitive: bool
    | Reference of rule: string
    | Sequence of Element list
    | Choice of Element list
    | Repeat of least: int * most: int voption * Element
    /// A sentence in the place of a rule; a judge of its own decides.
    | Prose of string

type private RuleLine =
    {
        Name: string
        Adds: bool
        Element: Element
    }

/// Rules by name; names do not depend on case (RFC 5234 §2.1).
type Rules = Map<string, Element>

module private Reader =
    type Parser<'a> = FParsec.Primitives.Parser<'a, unit>

    let wsp: Parser<unit> = skipAnyOf " \t"

    let comment: Parser<unit> = skipChar ';' >>. skipRestOfLine false

    let lineEnd: Parser<unit> = optional comment >>. skipNewline

    /// `c-wsp = WSP / (c-nl WSP)`
    let space: Parser<unit> = skipMany (wsp <|> attempt (lineEnd >>. wsp))

    let name: Parser<string> =
        many1Satisfy2L Char.IsAsciiLetter (fun c -> Char.IsAsciiLetterOrDigit c || c = '-') "a rule name"

    let number: Parser<int> = many1SatisfyL Char.IsAsciiDigit "a number" |>> int

    let quoted (caseSensitive: bool) : Parser<Element> =
        between (skipChar '"') (skipChar '"') (manySatisfy ((<>) '"'))
        |>> fun text -> Text(text, caseSensitive)

    /// `num-val`: one octet, a range, or octets one after the other, which then mean their exact case.
    let numeric: Parser<Element> =
        let value (radix: int) isDigit =
            many1SatisfyL isDigit "a value"
            |>> fun (text: string) -> char (Convert.ToInt32(text, radix))

        let form radix isDigit =
            value radix isDigit
            >>= fun first ->
                choice
                    [
                        skipChar '-' >>. value radix isDigit |>> fun last -> Range(first, last)
                        many1 (skipChar '.' >>. value radix isDigit)
                        |>> fun rest -> Text(String(Array.ofList (first :: rest)), true)
                        preturn (Range(first, first))
                    ]

        choice
            [
                skipAnyOf "xX" >>. form 16 Char.IsAsciiHexDigit
                skipAnyOf "dD" >>. form 10 Char.IsAsciiDigit
                skipAnyOf "bB" >>. form 2 (fun c -> c = '0' || c = '1')
            ]

    let alternation, alternationRef = createParserForwardedToRef<Element, unit>()

    let element: Parser<Element> =
        choice
            [
                name |>> (fun name -> Reference(name.ToLowerInvariant()))
                between (skipChar '(' >>. space) (space >>. skipChar ')') alternation
                between (skipChar '[' >>. space) (space >>. skipChar ']') alternation
                |>> fun inner -> Repeat(0, ValueSome 1, inner)
                quoted false
                skipChar '%'
                >>. choice [ skipAnyOf "sS" >>. quoted true; skipAnyOf "iI" >>. quoted false; numeric ]
                between (skipChar '<') (skipChar '>') (manySatisfy ((<>) '>')) |>> Prose
            ]

    let repetition: Parser<Element> =
        let repeat =
            opt number .>>. opt (skipChar '*' >>. opt number)
            |>> function
                | None, None -> id
                | Some exactly, None -> fun inner -> Repeat(exactly, ValueSome exactly, inner)
                | least, Some most -> fun inner -> Repeat(Option.defaultValue 0 least, ValueOption.ofOption most, inner)

        pipe2 repeat element (fun repeat inner -> repeat inner)

    let private single wrap items =
        match items with
        | [ only ] -> only
        | several -> wrap several

    let concatenation: Parser<Element> =
        sepEndBy1
            repetition
            (notFollowedBy (space >>. anyOf "/)]=")
             >>. skipMany1 (wsp <|> attempt (lineEnd >>. wsp)))
        |>> single Sequence

    alternationRef.Value <-
        sepBy1 concatenation (attempt (space >>. skipChar '/') >>. space)
        |>> single Choice

    let rule: Parser<RuleLine> =
        pipe3
            (name .>> space)
            (stringReturn "=/" true <|> stringReturn "=" false .>> space)
            alternation
            (fun name adds inner ->
                {
                    Name = name.ToLowerInvariant()
                    Adds = adds
                    Element = inner
                })

    let rules: Parser<RuleLine list> =
        let blank = attempt (skipMany wsp >>. lineEnd)

        skipMany blank
        >>. many (rule .>> skipMany wsp .>> (lineEnd <|> eof) .>> skipMany blank)
        .>> eof

module Rules =
    let private add (rules: Rules) (line: RuleLine) : Rules =
        match Map.tryFind line.Name rules with
        | Some known when line.Adds -> Map.add line.Name (Choice [ known; line.Element ]) rules
        | None when line.Adds -> failwith ("=/ for a rule that is not there: " + line.Name)
        | Some _ -> failwith ("two rules of one name: " + line.Name)
        | None -> Map.add line.Name line.Element rules

    let private readLines (source: string) (text: string) =
        match run Reader.rules (text + "\n") with
        | Success(lines, _, _) -> lines
        | Failure(error, _, _) -> failwith (source + ": " + error)

    let rec private references (inner: Element) : string list =
        match inner with
        | Reference name -> [ name ]
        | Sequence parts
        | Choice parts -> List.collect references parts
        | Repeat(_, _, part) -> references part
        | Range _
        | Text _
        | Prose _ -> []

    /// Names that rules use and none defines.
    let undefined (rules: Rules) : string list =
        rules
        |> Map.toList
        |> List.collect (snd >> references)
        |> List.filter (fun name -> not (Map.containsKey name rules))
        |> List.distinct

    /// The rules that can be reached from one.
    let reachable (start: string) (rules: Rules) : Set<string> =
        let rec visit seen name =
            if Set.contains name seen then
                seen
            else
                List.fold visit (Set.add name seen) (references rules[name])

        visit Set.empty (start.ToLowerInvariant())

    /// Rules out of texts, the later ones adding to the earlier ones.
    let read (sources: (string * string) list) : Rules =
        sources
        |> List.collect (fun (source, text) -> readLines source text)
        |> List.fold add Map.empty

    /// The rules with some replaced, and others that only the replacements need.
    let replace (text: string) (rules: Rules) : Rules =
        readLines text text
        |> List.fold (fun rules line -> Map.add line.Name line.Element rules) rules

    let private folder = Path.Combine(__SOURCE_DIRECTORY__, "..", "abnf")

    /// The rules of some of the files in abnf/.
    let load (files: string list) : Rules =
        files
        |> List.map (fun file -> file, File.ReadAllText(Path.Combine(folder, file + ".abnf")))
        |> read
