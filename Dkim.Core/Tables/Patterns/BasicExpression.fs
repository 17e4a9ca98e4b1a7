/// POSIX basic regular expressions, with `\|`, `\+` and `\?` as GNU has them, as regcomp(3) takes them without flags:
/// the leftmost of the longest matches in a text. All ways of matching are followed at once, so that looking for a match
/// costs the product of the lengths at most, whatever the expression is. There are no references to groups.
namespace Dkim.Core.Tables.Patterns

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words

/// An expression that is ready to be looked for.
[<Sealed>]
type internal BasicExpression(states: PatternStates) =
    let steps = states.Steps
    let start = states.Start

    // States of one place in the text, each with where the match that leads to it begins; the earliest first.
    let rec enter (text: byte[]) at (marks: bool[]) (states: List<struct (int * int)>) state began =
        if not marks[state] then
            marks[state] <- true

            match steps[state] with
            | Fork(one, other) ->
                enter text at marks states one began
                enter text at marks states other began
            | AtStart next ->
                if at = 0 then
                    enter text at marks states next began
            | AtEnd next ->
                if at = text.Length then
                    enter text at marks states next began
            | Octet _
            | Accept -> states.Add(struct (state, began))

    /// The first match from a place on, as its start and its end; nothing where there is none. `effort` is lessened by the
    /// states that are followed; where it is used up, nothing is found.
    member _.Find(text: byte[], from: int, effort: byref<int64>) : struct (int * int) voption =
        let mutable found: struct (int * int) voption = ValueNone
        let mutable states = List<struct (int * int)>()
        let mutable at = from
        let mutable goes = true

        while goes do
            let marks: bool[] = Array.zeroCreate steps.Length
            let current = List<struct (int * int)>()

            for struct (state, began) in states do
                match steps[state] with
                | Octet(isIn, next) when isIn[int text[at - 1]] -> enter text at marks current next began
                | Octet _
                | Fork _
                | AtStart _
                | AtEnd _
                | Accept -> ()

            if found.IsNone then
                enter text at marks current start at

            for struct (state, began) in current do
                match steps[state], found with
                | Accept, ValueNone -> found <- ValueSome(struct (began, at))
                | Accept, ValueSome(struct (first, _)) when began <= first -> found <- ValueSome(struct (began, at))
                | _ -> ()

            match found with
            | ValueSome(struct (first, _)) -> current.RemoveAll(fun (struct (_, began)) -> began > first) |> ignore
            | ValueNone -> ()

            effort <- effort - int64 current.Count - 1L
            states <- current
            goes <- at < text.Length && effort > 0L && (found.IsNone || states.Count > 0)
            at <- at + 1

        if effort > 0L then found else ValueNone

    /// Whether there is a match without an octet.
    member this.MatchesNothing: bool =
        let mutable effort = Int64.MaxValue
        this.Find([||], 0, &effort).IsSome

module internal BasicExpression =
    /// Longer ones are refused.
    [<Literal>]
    let Longest = 1024

    /// The most states of an expression, which `\{` can multiply.
    [<Literal>]
    let private MostStates = 20000

    let private one (octet: byte) =
        Set(Array.init 256 (fun other -> byte other = octet))

    // As they are: FParsec's own make a LF of each CR.
    let private plain (isIn: char -> bool) : Grammar.Parser<PatternPart> =
        fun stream ->
            let c = stream.Peek()

            if c <= '\255' && isIn c then
                stream.Skip()
                Reply(one (byte c))
            else
                Reply(ReplyStatus.Error, expected "a character")

    let private endOfBranch: Grammar.Parser<unit> =
        followedBy (eof <|> skipString "\\)" <|> skipString "\\|")

    /// `escaped = "\" octet`, where letters and digits have meanings that are not served.
    let private escaped: Grammar.Parser<PatternPart> =
        let special = notFollowedBy (skipSatisfy (fun c -> "(){}|+?<>`'".Contains c))

        let unserved =
            followedBy (skipSatisfy Char.IsAsciiLetterOrDigit)
            >>. failFatally "\\ before a letter or a digit is not supported; groups cannot be referred to"

        attempt (skipChar '\\' >>. special) >>. (unserved <|> plain (fun _ -> true))

    let private number: Grammar.Parser<int> =
        many1Satisfy Char.IsAsciiDigit
        >>= fun digits ->
            if digits.Length <= 3 && int digits <= 255 then
                preturn (int digits)
            else
                fail "a number of repetitions is at most 255"

    /// `bounds = "\{" number [ "," [ number ] ] "\}"`
    let private bounds: Grammar.Parser<struct (int * int voption)> =
        let most = skipChar ',' >>. opt number

        between (skipString "\\{") (skipString "\\}") (number .>>. opt most)
        >>= fun (least, most) ->
            match most with
            | None -> preturn (struct (least, ValueSome least))
            | Some None -> preturn (struct (least, ValueNone))
            | Some(Some most) when most >= least -> preturn (struct (least, ValueSome most))
            | Some(Some _) -> fail "fewer repetitions at most than at least"

    let private repetition: Grammar.Parser<struct (int * int voption)> =
        choice
            [
                skipChar '*' >>% struct (0, ValueNone)
                skipString "\\+" >>% struct (1, ValueNone)
                skipString "\\?" >>% struct (0, ValueSome 1)
                bounds
            ]

    /// `expression = branch *("\|" branch)`, `branch = ["^"] ["*"] *(part *repetition) ["$"]`,
    /// `part = "\(" expression "\)" / bracket / "." / escaped / octet`
    let private expression: Grammar.Parser<PatternPart> =
        let expression, later = createParserForwardedToRef ()

        let part =
            choice
                [
                    between (skipString "\\(") (skipString "\\)") expression
                    OperatorPattern.bracket false |>> Set
                    skipChar '.' >>% PatternPart.any
                    attempt (skipChar '$' >>. endOfBranch) >>% End
                    escaped
                    plain (fun c -> c <> '\\' && c <> '[' && c <> '*')
                ]

        let repeated =
            pipe2 part (many repetition) (fun part bounds ->
                bounds
                |> List.fold (fun part (struct (least, most)) -> Repeated(part, least, most)) part)

        let branch =
            pipe3
                (opt (skipChar '^' >>% Start))
                (opt (skipChar '*' >>% one (byte '*')))
                (many repeated)
                (fun start star parts -> Sequence(Option.toList start @ Option.toList star @ parts))

        later.Value <- sepBy1 branch (attempt (skipString "\\|")) |>> Either
        expression

    /// Reads an expression, one character for each octet.
    let parse (text: string) : Result<BasicExpression, string> =
        if text.Length > Longest then
            Result.Error("longer than " + string Longest + " characters")
        else
            match Grammar.parseAll expression text with
            | Result.Error reason -> Result.Error reason
            | Result.Ok part when PatternPart.size part > int64 MostStates -> Result.Error "too many repetitions"
            | Result.Ok part -> Result.Ok(BasicExpression(PatternPart.states part))
