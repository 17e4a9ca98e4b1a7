/// The search for a change whose undoing makes the hash fit: each edit by itself, then two together, as far as the effort goes.
module internal Dkim.Core.Explaining.Edits.Search

open System
open System.Collections.Generic
open System.Security.Cryptography
open Dkim.Core.Words
open Dkim.Core.Records

/// What a part costs in a hash beside its octets.
[<Literal>]
let private PerPart = 150L

/// More candidates are not tried with each other.
[<Literal>]
let private MostPaired = 1500.0

/// Hashes of a subject with pieces of it as they were. Where all that follows a place was not there, what stands in front of it
/// is hashed once for all such candidates, so that footers from front to back cost little.
[<Sealed>]
type private Hasher(subject: Subject) =
    let fresh () =
        IncrementalHash.CreateHash(Hash.algorithm subject.Hash)

    let lengths = subject.Parts |> Array.scan (fun at part -> at + int64 part.Length) 0L

    let total = lengths[lengths.Length - 1]

    let limit =
        match subject.Body with
        | ValueSome { Limit = ValueSome limit } -> int64 limit
        | ValueSome { Limit = ValueNone }
        | ValueNone -> Int64.MaxValue

    let whole = fresh ()
    let mutable front = fresh ()
    let mutable part = 0
    let mutable offset = 0
    let mutable counted = 0L

    // Octets of the body are counted, for l=.
    let append (into: IncrementalHash) (at: int) (counted: int64) (octets: ReadOnlySpan<byte>) : int64 =
        if at < subject.BodyPart then
            into.AppendData octets
            counted
        else
            let length = int (min (int64 octets.Length) (limit - counted))
            into.AppendData(octets.Slice(0, length))
            counted + int64 length

    let advance into (part: int) (offset: int) (counted: int64) (toPart: int) (toOffset: int) : int64 =
        let mutable at = part
        let mutable from = offset
        let mutable counted = counted

        while at < toPart do
            let octets = subject.Parts[at]
            counted <- append into at counted (ReadOnlySpan(octets, from, octets.Length - from))
            at <- at + 1
            from <- 0

        if toOffset > from then
            append into at counted (ReadOnlySpan(subject.Parts[at], from, toOffset - from))
        else
            counted

    let place (part: int) (offset: int) = lengths[part] + int64 offset

    let isBehind (piece: Piece) =
        place part offset > place piece.Part piece.Start

    let isCutOff (pieces: Piece list) =
        match pieces with
        | [ piece ] -> piece.Was.Length = 0 && place piece.Part piece.Finish = total
        | _ -> false

    let cutOff (piece: Piece) : byte[] =
        if isBehind piece then
            front.Dispose()
            front <- fresh ()
            part <- 0
            offset <- 0
            counted <- 0L

        counted <- advance front part offset counted piece.Part piece.Start
        part <- piece.Part
        offset <- piece.Start
        front.GetCurrentHash()

    let replaced (pieces: Piece list) : byte[] =
        let mutable at = 0
        let mutable from = 0
        let mutable seen = 0L

        for piece in pieces do
            seen <- advance whole at from seen piece.Part piece.Start
            seen <- append whole piece.Part seen (ReadOnlySpan piece.Was)
            at <- piece.Part
            from <- piece.Finish

        advance whole at from seen subject.Parts.Length 0 |> ignore
        whole.GetHashAndReset()

    /// What the digest of these pieces will cost.
    member _.Cost(pieces: Piece list) : int64 =
        let hashed =
            if isCutOff pieces then
                let start = place pieces.Head.Part pieces.Head.Start

                if isBehind pieces.Head then
                    start
                else
                    start - place part offset
            else
                total
                + (pieces |> List.sumBy (fun piece -> int64 piece.Was.Length - int64 piece.Length))

        hashed
        + PerPart * int64 subject.Parts.Length
        + Effort.PerHash
        + subject.FitsCost

    /// The digest with pieces as they were, which are in order.
    member _.Digest(pieces: Piece list) : byte[] =
        if isCutOff pieces then
            cutOff pieces.Head
        else
            replaced pieces

    interface IDisposable with
        member _.Dispose() =
            front.Dispose()
            whole.Dispose()

/// What a candidate replaces, where that can be afforded and makes a difference.
let private piecesOf (subject: Subject) (effort: Effort) (candidate: Candidate) : Piece list voption =
    if not (effort.Spend candidate.Cost) then
        ValueNone
    else
        match candidate.Undone(), subject.Body with
        | Pieces pieces, _ when not pieces.IsEmpty && pieces |> List.exists (Piece.isChange subject) -> ValueSome pieces
        | Text text, ValueSome body when effort.Spend(4L * int64 text.Length) ->
            let was = Subject.canonicalBody body.Canon (ReadOnlySpan(Octets.ofLatin1 text))
            ValueSome [ Piece.whole subject subject.BodyPart was ]
        | _ -> ValueNone

/// A guess, and the parts of its subject as they were.
type private Found = { Guess: Guess; Was: byte[][] }

let private undo (subject: Subject) (pieces: Piece list) : byte[][] =
    let restore (octets: byte[]) (mine: Piece list) =
        let begun, last =
            mine
            |> List.mapFold (fun from piece -> Array.append octets[from .. piece.Start - 1] piece.Was, piece.Finish) 0

        Array.concat (begun @ [ octets[last..] ])

    subject.Parts
    |> Array.mapi (fun part octets ->
        match pieces |> List.filter (fun piece -> piece.Part = part) with
        | [] -> octets
        | mine -> restore octets mine)

let private guess (subject: Subject) (edit: Edit) (candidate: Candidate) (pieces: Piece list) : Found =
    {
        Guess =
            {
                Modification = edit.Modification
                Says = candidate.Says()
                KnownOf = edit.KnownOf
                Changes = []
            }
        Was = undo subject pieces
    }

/// The first candidate of an edit that fits.
let private single (subject: Subject) (effort: Effort) (edit: Edit) : Found option =
    use hasher = new Hasher(subject)
    use candidates = (edit.Undo subject effort).GetEnumerator()
    let mutable found = None
    let mutable goesOn = true

    while goesOn && found.IsNone && candidates.MoveNext() do
        let candidate = candidates.Current

        match piecesOf subject effort candidate with
        | ValueSome pieces ->
            goesOn <- effort.Spend(hasher.Cost pieces)

            if goesOn && subject.Fits(hasher.Digest pieces) then
                found <- Some(guess subject edit candidate pieces)
        | ValueNone -> goesOn <- effort.Spend PerPart

    found

let private both (one: Guess) (other: Guess) : Guess =
    { one with
        Says = one.Says + ", and " + other.Says
        KnownOf = List.distinct (one.KnownOf @ other.KnownOf)
    }

/// What of a subject is not as it was.
let private changes (subject: Subject) (was: byte[][]) : ChangedText list =
    let part isBody (choose: byte[][] -> byte[][]) =
        {
            IsBody = isBody
            Was = Array.concat (choose was)
            Is = Array.concat (choose subject.Parts)
        }

    [
        part false (Array.truncate subject.BodyPart)
        part true (Array.skip subject.BodyPart)
    ]
    |> List.filter (fun change -> not (change.Was.AsSpan().SequenceEqual(ReadOnlySpan change.Is)))

/// Each edit by itself: none takes more than a quarter of what is left.
let private singles (subject: Subject) (effort: Effort) (edits: Edit list) : Found option =
    edits |> List.tryPick (fun edit -> single subject (effort.Share 4L) edit)

/// Another body, and then one edit of what that leaves.
let private afterBody (subject: Subject) (effort: Effort) (edits: Edit list) : Found option =
    let follow (body: BodyText) (edit: Edit) (candidate: Candidate) =
        match
            (if effort.Spend candidate.Cost then
                 candidate.Undone()
             else
                 Unchanged)
        with
        | Text text when effort.Spend(8L * int64 text.Length) ->
            singles (Subject.withBody text body subject) (effort.Share 4L) edits
            |> Option.map (fun found ->
                { found with
                    Guess = both (guess subject edit candidate []).Guess found.Guess
                })
        | _ -> None

    match subject.Body with
    | ValueNone -> None
    | ValueSome body ->
        edits
        |> List.tryPick (fun edit ->
            edit.Undo subject (effort.Share 4L)
            |> Seq.takeWhile (fun _ -> effort.Spend PerPart)
            |> Seq.tryPick (follow body edit))

/// Candidates that are tried with each other, each with its pieces.
let private pool (subject: Subject) (effort: Effort) (edits: Edit list) (most: int) =
    let seen = HashSet<string>()

    let isNew (pieces: Piece list) =
        pieces
        |> List.map (fun piece ->
            String.Join(' ', piece.Part, piece.Start, piece.Length)
            + ":"
            + Octets.latin1 (ReadOnlySpan piece.Was))
        |> String.concat "|"
        |> seen.Add

    edits
    |> Seq.collect (fun edit ->
        edit.Undo subject (effort.Share 4L)
        |> Seq.map (fun candidate -> struct (edit, candidate)))
    |> Seq.takeWhile (fun _ -> effort.Spend PerPart)
    |> Seq.choose (fun (struct (edit, candidate)) ->
        match
            (if effort.Spend candidate.Cost then
                 candidate.Undone()
             else
                 Unchanged)
        with
        | Pieces pieces when pieces |> List.exists (Piece.isChange subject) && isNew pieces ->
            Some struct (edit, candidate, pieces)
        | _ -> None)
    |> Seq.truncate most
    |> Array.ofSeq

/// Two changes that do not touch each other.
let private pairs (subject: Subject) (effort: Effort) (edits: Edit list) : Found option =
    let cost =
        subject.Parts
        |> Array.sumBy (fun part -> int64 part.Length + PerPart)
        |> fun length -> length + Effort.PerHash + subject.FitsCost

    let most = min MostPaired (Math.Sqrt(2.0 * float (effort.Left / cost)))
    let pool = pool subject effort edits (int most)
    use hasher = new Hasher(subject)
    let mutable found = None
    let mutable first = 0

    while found.IsNone && first < pool.Length do
        let struct (edit, candidate, pieces) = pool[first]
        let mutable second = first + 1

        while found.IsNone && second < pool.Length do
            let struct (otherEdit, otherCandidate, otherPieces) = pool[second]

            match Piece.join pieces otherPieces with
            | ValueSome joined when effort.Spend(hasher.Cost joined) && subject.Fits(hasher.Digest joined) ->
                let one = guess subject edit candidate joined
                let other = guess subject otherEdit otherCandidate []

                found <-
                    Some
                        { one with
                            Guess = both one.Guess other.Guess
                        }
            | _ -> ()

            second <- second + 1

        first <- first + 1

    found

/// The first change that fits. Half of what is left is for other signatures.
let find (edits: Edit list) (subject: Subject) (effort: Effort) : Guess option =
    let effort = effort.Share 2L
    let paired = edits |> List.filter _.Paired

    [
        fun () -> singles subject effort edits
        fun () -> afterBody subject (effort.Share 2L) paired
        fun () -> pairs subject effort paired
    ]
    |> List.tryPick (fun search -> search ())
    |> Option.map (fun found ->
        { found.Guess with
            Changes = changes subject found.Was
        })
