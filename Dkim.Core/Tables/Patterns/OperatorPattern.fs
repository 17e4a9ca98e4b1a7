/// Patterns of `refile:` with operators of POSIX extended expressions besides `*`: brackets, groups, alternatives, `?`, and
/// a backslash before what stands for itself. `*` is any text, `.` and `+` are themselves. All alternatives are followed
/// at once, so that a match costs the product of the lengths whatever the pattern is.
namespace Dkim.Core.Tables.Patterns

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words

/// A pattern that is ready to be matched.
[<Sealed>]
type internal OperatorPattern(states: PatternStates) =
    let steps = states.Steps
    let start = states.Start

    let rec enter (text: byte[]) at (marks: bool[]) (states: List<int>) state =
        if not marks[state] then
            marks[state] <- true

            match steps[state] with
            | Fork(one, other) ->
                enter text at marks states one
                enter text at marks states other
            | AtStart next ->
                if at = 0 then
                    enter text at marks states next
            | AtEnd next ->
                if at = text.Length then
                    enter text at marks states next
            | Octet _
            | Accept -> states.Add state

    /// Whether a text is the pattern, from its first octet to its last.
    member _.Matches(text: byte[]) : bool =
        let mutable states = List<int>()
        enter text 0 (Array.zeroCreate steps.Length) states start
        let mutable at = 0

        while at < text.Length && states.Count > 0 do
            let following = List<int>()
            let marks: bool[] = Array.zeroCreate steps.Length

            for state in states do
                match steps[state] with
                | Octet(isIn, next) when isIn[int text[at]] -> enter text (at + 1) marks following next
                | Octet _
                | Fork _
                | AtStart _
                | AtEnd _
                | Accept -> ()

            states <- following
            at <- at + 1

        at = text.Length && states.Exists(fun state -> steps[state].IsAccept)

module internal OperatorPattern =
    /// Longer ones are refused.
    [<Literal>]
    let Longest = 1024

    let private setOf (folds: bool) (octets: seq<byte>) : bool[] =
        let isIn: bool[] = Array.zeroCreate 256

        for octet in octets do
            isIn[int octet] <- true

            if folds && Char.IsAsciiLetter(char octet) then
                isIn[int (octet ^^^ 32uy)] <- true

        isIn

    let private classes: (string * (char -> bool)) list =
        [
            "alpha", Char.IsAsciiLetter
            "digit", Char.IsAsciiDigit
            "alnum", Char.IsAsciiLetterOrDigit
            "lower", Char.IsAsciiLetterLower
            "upper", Char.IsAsciiLetterUpper
            "xdigit", Char.IsAsciiHexDigit
            "space", (fun c -> c = ' ' || c >= '\t' && c <= '\r')
            "blank", Grammar.isWspChar
            "punct", (fun c -> c > ' ' && c <= '~' && not (Char.IsAsciiLetterOrDigit c))
            "cntrl", Char.IsControl
            "print", (fun c -> c >= ' ' && c <= '~')
            "graph", (fun c -> c > ' ' && c <= '~')
        ]

    // As it is: FParsec's own make a LF of each CR.
    let private octet (isIn: char -> bool) : Grammar.Parser<byte> =
        fun stream ->
            let c = stream.Peek()

            if c <= '\255' && isIn c then
                stream.Skip()
                Reply(byte c)
            else
                Reply(ReplyStatus.Error, expected "a character")

    /// `class = "[:" name ":]"`
    let private namedClass: Grammar.Parser<byte list> =
        between (skipString "[:") (skipString ":]") (many1Satisfy (fun c -> c <> ':' && c <> ']'))
        |> attempt
        >>= fun name ->
            match classes |> List.tryFind (fst >> (=) name) with
            | Some(_, isIn) -> [ 0uy .. 127uy ] |> List.filter (char >> isIn) |> preturn
            | None -> fail "an unknown class"

    /// `range = octet "-" octet`, the second of which closes no bracket.
    let private range (isFirst: char -> bool) : Grammar.Parser<byte list> =
        attempt (octet isFirst .>> skipChar '-' .>>. octet ((<>) ']'))
        >>= fun (first, last) ->
            if first <= last then
                preturn [ first..last ]
            else
                fail "a range that runs backwards"

    let private element (isFirst: char -> bool) : Grammar.Parser<byte list> =
        namedClass <|> range isFirst <|> (octet isFirst |>> List.singleton)

    /// `bracket = "[" ["^"] element *element "]"`, where a `]` that comes first is an element: whether each octet is in it.
    let bracket (folds: bool) : Grammar.Parser<bool[]> =
        let elements =
            pipe2 (element (fun _ -> true)) (many (element ((<>) ']'))) (fun first rest -> List.concat (first :: rest))

        skipChar '[' >>. (opt (skipChar '^')) .>>. elements .>> skipChar ']'
        |>> fun (isNot, octets) ->
            let isIn = setOf folds octets
            if isNot.IsSome then Array.map not isIn else isIn

    let private isPlain (c: char) = not ("*^$[(\\{}?)|".Contains c)

    /// `choice = sequence *("|" sequence)`, `sequence = *(part ["?"])`,
    /// `part = "*" / "^" / "$" / bracket / "(" choice ")" / "\" octet / plain`
    let private choice (folds: bool) : Grammar.Parser<PatternPart> =
        let choice, later = createParserForwardedToRef ()
        let one (octet: byte) = Set(setOf folds [ octet ])

        let part =
            [
                skipChar '*' >>% Repeated(PatternPart.any, 0, ValueNone)
                skipChar '^' >>% Start
                skipChar '$' >>% End
                bracket folds |>> Set
                between (skipChar '(') (skipChar ')') choice
                skipChar '\\' >>. octet (fun _ -> true) |>> one
                octet isPlain |>> one
            ]
            |> List.reduce (<|>)

        let sequence =
            many (
                pipe2 part (opt (skipChar '?')) (fun part mark ->
                    if mark.IsSome then Repeated(part, 0, ValueSome 1) else part)
            )
            |>> Sequence

        later.Value <- sepBy1 sequence (skipChar '|') |>> Either
        choice

    let private folding = choice true
    let private exact = choice false

    /// Reads a pattern, one character for each octet; nothing where it cannot be read.
    let tryParse (folds: bool) (text: string) : OperatorPattern voption =
        if text.Length > Longest then
            ValueNone
        else
            match Grammar.parseAll (if folds then folding else exact) text with
            | Result.Ok part -> ValueSome(OperatorPattern(PatternPart.states part))
            | Result.Error _ -> ValueNone
