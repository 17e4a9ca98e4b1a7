/// Patterns of `refile:` with operators of POSIX extended expressions besides `*`: brackets, groups, alternatives, `?`, and
/// a backslash before what stands for itself. `*` is any text, `.` and `+` are themselves. All alternatives are followed
/// at once, so that a match costs the product of the lengths whatever the pattern is.
namespace Dkim.Core.Tables

open System
open System.Collections.Generic

/// What a state waits for.
[<NoComparison; NoEquality>]
type internal PatternState =
    | Octet of isIn: bool[] * next: int
    | Fork of one: int * other: int
    | AtStart of next: int
    | AtEnd of next: int
    | Accept

/// A pattern that is ready to be matched.
[<Sealed>]
type internal OperatorPattern private (steps: PatternState[], start: int) =
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

    static member internal Of(steps: seq<PatternState>, start: int) =
        OperatorPattern(Array.ofSeq steps, start)

module internal OperatorPattern =
    /// Longer ones are refused.
    [<Literal>]
    let Longest = 1024

    /// A part of a pattern, as its text is read.
    [<NoComparison; NoEquality>]
    type private Part =
        | Set of bool[]
        | AnyText
        | Start
        | End
        | Sequence of Part list
        | Either of Part list
        | Perhaps of Part

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
        ]

    let private ofClass name : byte list =
        match classes |> List.tryFind (fst >> (=) name) with
        | Some(_, isIn) -> [ 0uy .. 127uy ] |> List.filter (char >> isIn)
        | None -> []

    /// `[` has been read: the octets up to `]`, and where it goes on.
    let rec private bracket (text: string) at (octets: byte list) : struct (byte list * int) voption =
        let closing =
            if at + 1 < text.Length then
                text.IndexOf(":]", at + 1)
            else
                -1

        if at >= text.Length then
            ValueNone
        elif text[at] = ']' && not octets.IsEmpty then
            ValueSome(struct (octets, at + 1))
        elif text[at] = '[' && at + 1 < text.Length && text[at + 1] = ':' && closing > 0 then
            match ofClass (text.Substring(at + 2, closing - at - 2)) with
            | [] -> ValueNone
            | known -> bracket text (closing + 2) (known @ octets)
        elif at + 2 < text.Length && text[at + 1] = '-' && text[at + 2] <> ']' then
            bracket text (at + 3) ([ byte text[at] .. byte text[at + 2] ] @ octets)
        else
            bracket text (at + 1) (byte text[at] :: octets)

    let private ofBracket (folds: bool) (text: string) at : struct (Part * int) voption =
        let isNot = at < text.Length && text[at] = '^'

        bracket text (if isNot then at + 1 else at) []
        |> ValueOption.map (fun (struct (octets, next)) ->
            let isIn = setOf folds octets
            struct (Set(if isNot then Array.map not isIn else isIn), next))

    let rec private choice folds (text: string) at depth : struct (Part * int) voption =
        match sequence folds text at depth [] with
        | ValueSome(struct (first, next)) when next < text.Length && text[next] = '|' ->
            choice folds text (next + 1) depth
            |> ValueOption.map (fun (struct (rest, next)) -> struct (Either [ first; rest ], next))
        | read -> read

    and private sequence folds text at depth (parts: Part list) : struct (Part * int) voption =
        if at >= text.Length || text[at] = '|' || (text[at] = ')' && depth > 0) then
            ValueSome(struct (Sequence(List.rev parts), at))
        else
            match part folds text at depth with
            | ValueSome(struct (part, next)) when next < text.Length && text[next] = '?' ->
                sequence folds text (next + 1) depth (Perhaps part :: parts)
            | ValueSome(struct (part, next)) -> sequence folds text next depth (part :: parts)
            | ValueNone -> ValueNone

    and private part folds text at depth : struct (Part * int) voption =
        let literal (c: char) next =
            ValueSome(struct (Set(setOf folds [ byte c ]), next))

        match text[at] with
        | '*' -> ValueSome(struct (AnyText, at + 1))
        | '^' -> ValueSome(struct (Start, at + 1))
        | '$' -> ValueSome(struct (End, at + 1))
        | '[' -> ofBracket folds text (at + 1)
        | '(' ->
            match choice folds text (at + 1) (depth + 1) with
            | ValueSome(struct (inner, next)) when next < text.Length -> ValueSome(struct (inner, next + 1))
            | _ -> ValueNone
        | '\\' when at + 1 < text.Length -> literal text[at + 1] (at + 2)
        | '\\'
        | '{'
        | '}'
        | '?'
        | ')' -> ValueNone
        | c -> literal c (at + 1)

    // Written from its end, so that each part knows what follows it.
    let rec private write (steps: List<PatternState>) (part: Part) (next: int) : int =
        let add step =
            steps.Add step
            steps.Count - 1

        match part with
        | Set isIn -> add (Octet(isIn, next))
        | Start -> add (AtStart next)
        | End -> add (AtEnd next)
        | AnyText ->
            let fork = add (Fork(next, next))
            let any = add (Octet(Array.create 256 true, fork))
            steps[fork] <- Fork(any, next)
            fork
        | Sequence parts -> List.foldBack (fun part next -> write steps part next) parts next
        | Either parts ->
            parts
            |> List.map (fun part -> write steps part next)
            |> List.reduce (fun one other -> add (Fork(one, other)))
        | Perhaps part -> add (Fork(write steps part next, next))

    /// Reads a pattern, one character for each octet; nothing where it cannot be read.
    let tryParse (folds: bool) (text: string) : OperatorPattern voption =
        if text.Length > Longest then
            ValueNone
        else
            match choice folds text 0 0 with
            | ValueSome(struct (part, next)) when next = text.Length ->
                let steps = List<PatternState> [ Accept ]
                let start = write steps part 0
                ValueSome(OperatorPattern.Of(steps, start))
            | _ -> ValueNone
