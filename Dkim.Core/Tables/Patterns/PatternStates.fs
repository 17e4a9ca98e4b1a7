/// Patterns as states, of which all that a text may be in are followed at once: what a grammar reads as parts becomes states,
/// each of which knows what follows it.
namespace Dkim.Core.Tables.Patterns

open System.Collections.Generic

/// A part of a pattern, as its text is read.
[<NoComparison; NoEquality>]
type internal PatternPart =
    /// One octet, by whether each of the 256 is in it.
    | Set of bool[]
    /// Where a text begins.
    | Start
    /// Where it ends.
    | End
    | Sequence of PatternPart list
    /// One of them, of which there is one at least.
    | Either of PatternPart list
    /// At least so many, and at most so many.
    | Repeated of PatternPart * least: int * most: int voption

/// What a state waits for.
[<NoComparison; NoEquality>]
type internal PatternState =
    | Octet of isIn: bool[] * next: int
    | Fork of one: int * other: int
    | AtStart of next: int
    | AtEnd of next: int
    | Accept

/// The states of a pattern.
[<NoComparison; NoEquality>]
type internal PatternStates =
    {
        Steps: PatternState[]
        /// The first of them.
        Start: int
    }

module internal PatternPart =
    /// Any octet.
    let any: PatternPart = Set(Array.create 256 true)

    /// How many states there are of a part, at most.
    let rec size (part: PatternPart) : int64 =
        match part with
        | Set _
        | Start
        | End -> 1L
        | Sequence parts -> List.sumBy size parts
        | Either parts -> 1L + List.sumBy size parts
        | Repeated(part, least, most) -> (2L + size part) * int64 (max 1 (ValueOption.defaultValue (least + 1) most))

    // Written from its end, so that each part knows what follows it.
    let rec private write (steps: List<PatternState>) (part: PatternPart) (next: int) : int =
        let add step =
            steps.Add step
            steps.Count - 1

        match part with
        | Set isIn -> add (Octet(isIn, next))
        | Start -> add (AtStart next)
        | End -> add (AtEnd next)
        | Sequence parts -> List.foldBack (fun part next -> write steps part next) parts next
        | Either parts ->
            parts
            |> List.map (fun part -> write steps part next)
            |> List.reduce (fun one other -> add (Fork(one, other)))
        | Repeated(part, least, most) ->
            let perhaps next =
                match most with
                | ValueNone ->
                    let fork = add (Fork(next, next))
                    steps[fork] <- Fork(write steps part fork, next)
                    fork
                | ValueSome most ->
                    List.fold
                        (fun following _ -> add (Fork(write steps part following, next)))
                        next
                        [ least + 1 .. most ]

            List.fold (fun next _ -> write steps part next) (perhaps next) [ 1..least ]

    /// The states of a part that is a whole pattern.
    let states (part: PatternPart) : PatternStates =
        let steps = List<PatternState> [ Accept ]
        let start = write steps part 0

        {
            Steps = Array.ofSeq steps
            Start = start
        }
