/// Text that was appended to a body or put into it (RFC 6376 §5.3 note, §8.15): stretches of the canonical form that go.
module internal Dkim.Core.Explaining.Bodies.Insertions

open System
open Dkim.Core.Words
open Dkim.Core.Explaining.Edits

/// Octets for which a footer may begin in the middle of a line.
[<Literal>]
let private NearEnd = 4096

/// Bodies in which tags are looked at, and in which a stretch may have been inserted between any two octets, in octets.
[<Literal>]
let private MiddleLength = 262144

[<Literal>]
let private ShortEnough = 2000

/// What a candidate costs beside what is hashed.
let private perHash (subject: Subject) = Effort.PerHash + subject.FitsCost

/// A text from a place to the end.
let private footer (subject: Subject) (was: byte[]) (start: int) : Candidate =
    let octets = subject.BodyOctets
    let length = octets.Length - start

    Candidate.ofPieces
        (fun () ->
            "a footer of "
            + string length
            + " octets was appended: "
            + Lines.excerpt octets start length)
        [ Piece.ofBody subject start length was ]

let private footers (subject: Subject) (effort: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if octets.Length = 0 || not (effort.Spend(2L * int64 octets.Length)) then
        Seq.empty
    else
        let ends = Lines.ends octets
        // Footers are at the end: of too many places the last ones are tried.
        let room =
            max 0L (effort.Left - 2L * int64 octets.Length) / (perHash subject + 150L)

        let affordable = int (min (int64 ends.Length) room)

        Array.sub ends (ends.Length - affordable) affordable
        |> Seq.filter (fun at -> at < octets.Length)
        |> Seq.map (footer subject [||])

/// A footer that begins within a line, near the end only; a line end may have been added to that line.
let private midLineFooters (subject: Subject) (_: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if octets.Length = 0 || octets.Length > 65536 then
        Seq.empty
    else
        seq {
            for at in max 0 (octets.Length - NearEnd) .. octets.Length - 1 do
                footer subject [||] at

                if not (octets.AsSpan(at).StartsWith(ReadOnlySpan Octets.crlf)) then
                    footer subject Octets.crlf at
        }

/// A stretch that was put in.
let private stretch (subject: Subject) (start: int) (finish: int) : Candidate =
    let octets = subject.BodyOctets

    Candidate.ofPieces
        (fun () ->
            let struct (line, isAtStart) = Lines.numberAt octets start

            string (finish - start)
            + (if isAtStart then
                   " octets were inserted at line "
               else
                   " octets were inserted inside line ")
            + string line
            + " of the body: "
            + Lines.excerpt octets start (finish - start))
        [ Piece.ofBody subject start (finish - start) [||] ]

/// The longest stretch that is tried at each place of a body where not all pairs of places can be, in places.
[<Literal>]
let private LeastWidth = 24L

/// Stretches between any two of some places, the shorter ones alone where there are too many.
let private between (places: byte[] -> int[]) (most: int) (subject: Subject) (effort: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if
        octets.Length = 0
        || octets.Length > most
        || not (effort.Spend(4L * int64 octets.Length))
    then
        Seq.empty
    else
        let places = places octets
        let affordable = effort.Left / (int64 octets.Length + perHash subject)

        let width =
            int (min (int64 places.Length) (max LeastWidth (affordable / int64 places.Length)))

        seq {
            for first in 0 .. places.Length - 1 do
                for last in first + 1 .. min (places.Length - 1) (first + width) do
                    stretch subject places[first] places[last]
        }

/// Lines that stand in a body several times, and all of them were put in: banners in several parts.
let private repeated (subject: Subject) (effort: Effort) : Candidate seq =
    let octets = subject.BodyOctets

    if
        octets.Length = 0
        || octets.Length > MiddleLength
        || not (effort.Spend(20L * int64 octets.Length))
    then
        Seq.empty
    else
        let ends = Lines.ends octets
        let count = ends.Length - 1

        let line (at: int) =
            Octets.latin1 (ReadOnlySpan(octets, ends[at], ends[at + 1] - ends[at]))

        let lines = Array.init count line

        let several =
            [ 0 .. count - 1 ]
            |> List.groupBy (fun at -> lines[at])
            |> List.filter (fun (text, places) -> text <> "\r\n" && places.Length > 1 && places.Length <= 20)

        let isSame (places: int list) (further: int) =
            places
            |> List.forall (fun at -> at + further < count && lines[at + further] = lines[places.Head + further])

        seq {
            for _, places in several do
                let mutable length = 1

                while length <= 12 && (length = 1 || isSame places (length - 1)) do
                    let height = length

                    let pieces =
                        places
                        |> List.map (fun at -> Piece.ofBody subject ends[at] (ends[at + height] - ends[at]) [||])

                    Candidate.ofPieces
                        (fun () ->
                            "the same lines were inserted in "
                            + string places.Length
                            + " places of the body: "
                            + Lines.excerpt octets pieces.Head.Start pieces.Head.Length)
                        pieces

                    length <- length + 1
        }

let private edit modification paired undo : Edit =
    {
        Modification = modification
        KnownOf = [ "Mailman"; "Sympa"; "gateways that put banners in" ]
        Paired = paired
        Undo = undo
    }

let usual: Edit list =
    [
        edit Modification.TextAppended true footers
        edit Modification.TextInserted true (between Lines.ends Int32.MaxValue)
        edit Modification.TextAppended false midLineFooters
    ]

let seldom: Edit list =
    [
        edit Modification.TextInserted true repeated
        edit Modification.TextInserted false (between Lines.tagEnds MiddleLength)
        edit Modification.TextInserted false (between (fun octets -> [| 0 .. octets.Length |]) ShortEnough)
    ]
