/// A data set in memory: parsed once, indexed, and asked for texts.
namespace Dkim.Core.Tables

open System
open System.Text

/// What a look-up finds.
[<RequireQualifiedAccess>]
type Lookup<'found> =
    | Found of 'found
    | Absent
    /// It could not be asked.
    | Unavailable of reason: string

/// An entry.
[<Struct>]
type Row =
    {
        /// Its place in the order of the set, from 0.
        Number: int
        /// As it is written, without white space at both ends.
        Value: string
    }

[<NoComparison; NoEquality>]
type private Contents =
    | Texts of ExactIndex
    | Matches of PatternIndex
    | Nothing of reason: string

/// A data set. It never changes. Usable from several threads.
[<Sealed>]
type Table private (place: SetPlace, text: SetText, contents: Contents) =
    /// Longer texts are in no table: no address and no name of a host is as long.
    static let longest = 1024

    static let octets (query: string) = Encoding.UTF8.GetBytes query

    let row entry : Row =
        {
            Number = entry
            Value = text.Value entry
        }

    let lookup (query: string) (one: int -> 'found) =
        if query.Length > longest then
            Lookup.Absent
        else
            let entry =
                match contents with
                | Texts index -> index.Find(ReadOnlySpan(octets query))
                | Matches index -> index.Find(octets query)
                | Nothing _ -> -1

            match contents, entry with
            | Nothing reason, _ -> Lookup.Unavailable reason
            | (Texts _ | Matches _), -1 -> Lookup.Absent
            | (Texts _ | Matches _), entry -> Lookup.Found(one entry)

    /// How many entries it has.
    member _.Count = text.Count

    /// Entries that are patterns.
    member _.IsPatterns = contents.IsMatches

    /// The first entry of a text.
    member _.Find(query: string) : Lookup<Row> = lookup query row

    /// Whether there is an entry of a text.
    member _.Has(query: string) : Lookup<unit> = lookup query ignore

    /// Every entry of a text, in order: of patterns all that match, else the first alone.
    member this.FindAll(query: string) : Lookup<Row list> =
        match contents with
        | Matches index when query.Length <= longest ->
            match index.FindAll(octets query) with
            | [] -> Lookup.Absent
            | entries -> Lookup.Found(List.map row entries)
        | Matches _
        | Texts _
        | Nothing _ -> lookup query (row >> List.singleton)

    /// The key of an entry.
    member _.Key(entry: int) : string =
        Dkim.Core.Words.Octets.latin1 (text.Key entry)

    /// The value of an entry.
    member _.Value(entry: int) : string = text.Value entry

    /// Whether an entry has so many fields between colons, none of them empty.
    member _.HasFields(entry: int, count: int) : bool = text.HasFields(entry, count)

    /// Where an entry stands, to be told: the file and its line, or the list.
    member _.Located(entry: int) : string =
        match place with
        | Inline _ -> SetPlace.show place
        | Lines path
        | Patterns path -> path + " line " + string (text.Line entry)

    /// Patterns that cannot be read.
    member _.Unreadable: int list =
        match contents with
        | Matches index -> List.ofSeq index.Unreadable
        | Texts _
        | Nothing _ -> []

    /// Whether entries are found by the text itself, so that texts that no entry has need not be asked for.
    member _.IsPlain =
        match contents with
        | Texts _ -> true
        | Matches index -> not index.HasOthers
        | Nothing _ -> true

    /// A list between commas. `folds`: capitals count as small letters.
    static member OfList(folds: bool, elements: string) : Table =
        let text = SetText.OfList elements
        Table(Inline elements, text, Texts(ExactIndex(text, folds)))

    /// The lines of a file.
    static member OfLines(folds: bool, path: string, contents: ReadOnlyMemory<byte>) : Table =
        let text = SetText.OfLines(contents, false)
        Table(Lines path, text, Texts(ExactIndex(text, folds)))

    /// The patterns of a file.
    static member OfPatterns(folds: bool, path: string, contents: ReadOnlyMemory<byte>) : Table =
        let text = SetText.OfLines(contents, true)
        Table(Patterns path, text, Matches(PatternIndex(text, folds)))

    /// A data set that could not be read.
    static member Unread(place: SetPlace, reason: string) : Table =
        Table(place, SetText.OfList "", Nothing reason)

module Lookup =
    /// The first that is not absent.
    let rec first (ask: 'query -> Lookup<'found>) (queries: 'query list) : Lookup<'found> =
        match queries with
        | [] -> Lookup.Absent
        | query :: rest ->
            match ask query with
            | Lookup.Absent -> first ask rest
            | answer -> answer

    let map (change: 'a -> 'b) (lookup: Lookup<'a>) : Lookup<'b> =
        match lookup with
        | Lookup.Found found -> Lookup.Found(change found)
        | Lookup.Absent -> Lookup.Absent
        | Lookup.Unavailable reason -> Lookup.Unavailable reason

module Row =
    /// The fields of a value between colons, so many of them at most: the last has the rest, with its colons.
    let fields (count: int) (value: string) : string list = value.Split(':', count) |> List.ofArray
