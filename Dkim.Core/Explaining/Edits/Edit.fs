/// An edit undoes one kind of change: it names itself, says who is known for it, and yields what the message may have been.
namespace Dkim.Core.Explaining.Edits

open System

/// A stretch of one part, and the octets that stood in its place before.
[<Struct; NoComparison; NoEquality>]
type internal Piece =
    {
        Part: int
        Start: int
        Length: int
        Was: byte[]
    }

    member this.Finish = this.Start + this.Length

/// What a message was before a change.
[<NoComparison; NoEquality>]
type internal Undone =
    /// Stretches that were others, in order and apart from each other.
    | Pieces of Piece list
    /// Another body: Latin-1 text, with CRLF.
    | Text of string
    | Unchanged

/// One way in which a message may have been.
[<NoComparison; NoEquality>]
type internal Candidate =
    {
        Says: unit -> string
        /// What it costs to think of it, in octets.
        Cost: int64
        Undone: unit -> Undone
    }

/// One kind of change.
[<NoComparison; NoEquality>]
type internal Edit =
    {
        Modification: Modification
        KnownOf: string list
        /// Whether it is tried together with others. Kinds with very many candidates are not.
        Paired: bool
        /// Candidates, the likely ones first. What it costs to look for them beside trying them is taken from the effort.
        Undo: Subject -> Effort -> Candidate seq
    }

module internal Candidate =
    let ofPieces (says: unit -> string) (pieces: Piece list) : Candidate =
        {
            Says = says
            Cost = 0L
            Undone = fun () -> Pieces pieces
        }

module internal Piece =
    /// A part that was another as a whole.
    let whole (subject: Subject) (part: int) (was: byte[]) : Piece =
        {
            Part = part
            Start = 0
            Length = subject.Parts[part].Length
            Was = was
        }

    let ofBody (subject: Subject) (start: int) (length: int) (was: byte[]) : Piece =
        {
            Part = subject.BodyPart
            Start = start
            Length = length
            Was = was
        }

    /// Whether something else stands there now.
    let isChange (subject: Subject) (piece: Piece) : bool =
        not (ReadOnlySpan(subject.Parts[piece.Part], piece.Start, piece.Length).SequenceEqual(ReadOnlySpan piece.Was))

    let private isBefore (one: Piece) (other: Piece) =
        one.Part < other.Part || one.Part = other.Part && one.Finish <= other.Start

    let private isApart (one: Piece) (other: Piece) =
        let sameGap =
            one.Part = other.Part
            && one.Length = 0
            && other.Length = 0
            && one.Start = other.Start

        not sameGap && (isBefore one other || isBefore other one)

    /// The pieces of two changes in order, where neither touches what the other does.
    let join (one: Piece list) (other: Piece list) : Piece list voption =
        if one |> List.forall (fun piece -> other |> List.forall (isApart piece)) then
            one @ other
            |> List.sortBy (fun piece -> struct (piece.Part, piece.Start, piece.Length))
            |> ValueSome
        else
            ValueNone
