/// A data set of patterns. Of a text only the patterns are tried that end as it does after one of its at signs or dots, or
/// begin as it does up to an at sign; the few that have neither are tried in their order.
namespace Dkim.Core.Tables

open System
open System.Collections.Generic
open System.Numerics
open Dkim.Core.Words
open Dkim.Core.Tables.Patterns

[<Sealed>]
type internal PatternIndex(text: SetText, folds: bool) =
    let operators = Dictionary<int, OperatorPattern>()
    let unreadable = List<int>()
    // In descending order until the sets are complete.
    let others = List<int>()
    let next: int[] = Array.create text.Count -1

    let buckets: int[] =
        Array.create (int (BitOperations.RoundUpToPowerOf2(uint32 (text.Count + 1)))) -1

    let bucketOf (hash: uint32) =
        int (Folding.finish hash) &&& (buckets.Length - 1)

    // A whole text and a tail are hashed from the right, a head from the left.
    let ofTail (octets: ReadOnlySpan<byte>) =
        let mutable hash = Folding.Seed

        for at = octets.Length - 1 downto 0 do
            hash <- Folding.next hash (Folding.octet folds octets[at])

        hash

    let ofHead (octets: ReadOnlySpan<byte>) =
        let mutable hash = ~~~Folding.Seed

        for octet in octets do
            hash <- Folding.next hash (Folding.octet folds octet)

        hash

    // No bucket, of a pattern that no hash finds.
    let none = -1

    // The bucket of a pattern, where it has one.
    let place entry : int =
        let pattern = text.Key entry

        if StarPattern.isOne pattern then
            match StarPattern.handle pattern with
            | StarPattern.Whole -> bucketOf (~~~(ofTail pattern))
            | StarPattern.Tail at -> bucketOf (ofTail (pattern.Slice at))
            | StarPattern.Head length -> bucketOf (ofHead (pattern.Slice(0, length)))
            | StarPattern.NoHandle ->
                others.Add entry
                none
        else
            match OperatorPattern.tryParse folds (Octets.latin1 pattern) with
            | ValueSome pattern ->
                operators[entry] <- pattern
                others.Add entry
            | ValueNone -> unreadable.Add entry

            none

    // Backwards, so that each bucket begins with its first.
    do
        let places: int[] = Array.zeroCreate Folding.Together
        let found: int[] = Array.zeroCreate Folding.Together

        for last in text.Count - 1 .. -Folding.Together .. 0 do
            let count = min Folding.Together (last + 1)

            for at in 0 .. count - 1 do
                places[at] <- place (last - at)

            for at in 0 .. count - 1 do
                if places[at] <> none then
                    found[at] <- buckets[places[at]]

            for at in 0 .. count - 1 do
                if places[at] <> none then
                    next[last - at] <- buckets[places[at]]
                    buckets[places[at]] <- last - at

        others.Reverse()
        unreadable.Reverse()

    let matches (query: byte[]) entry =
        match operators.TryGetValue entry with
        | true, pattern -> pattern.Matches query
        | false, _ -> StarPattern.matches folds (text.Key entry) (ReadOnlySpan query)

    // The buckets that may hold a pattern of the query.
    let bucketsOf (query: byte[]) : List<int> =
        let found = List<int>()
        let mutable tail = Folding.Seed

        for at = query.Length - 1 downto 0 do
            tail <- Folding.next tail (Folding.octet folds query[at])

            if StarPattern.isTailStart query[at] then
                found.Add(bucketOf tail)

        found.Add(bucketOf (~~~tail))
        let mutable head = ~~~Folding.Seed

        for octet in query do
            head <- Folding.next head (Folding.octet folds octet)

            if octet = byte '@' then
                found.Add(bucketOf head)

        found

    /// Patterns that cannot be read, in order.
    member _.Unreadable: seq<int> = unreadable

    /// Whether some pattern is none that a hash finds.
    member _.HasOthers = others.Count > 0

    /// The first pattern that is the text; -1 where there is none.
    member _.Find(query: byte[]) : int =
        let mutable best = Int32.MaxValue

        for bucket in bucketsOf query do
            let mutable entry = buckets[bucket]

            while entry >= 0 && entry < best do
                if matches query entry then
                    best <- entry

                entry <- next[entry]

        let mutable at = 0

        while at < others.Count && others[at] < best do
            if matches query others[at] then
                best <- others[at]

            at <- at + 1

        if best = Int32.MaxValue then -1 else best

    /// Every pattern that is the text, in order.
    member _.FindAll(query: byte[]) : int list =
        let found = SortedSet<int>()

        for bucket in bucketsOf query do
            let mutable entry = buckets[bucket]

            while entry >= 0 do
                if matches query entry then
                    found.Add entry |> ignore

                entry <- next[entry]

        for entry in others do
            if matches query entry then
                found.Add entry |> ignore

        List.ofSeq found
