/// A data set that is asked for texts: parsed once and indexed in memory, or the answers of a store to one question.
namespace Dkim.Core.Tables

open System
open System.Collections.Generic
open System.Text
open Dkim.Core.Stores
open Dkim.Core.Tables.Patterns

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
    /// In a store, which has not been asked.
    | Elsewhere of Store
    /// The values that a store has for the texts that it was asked for.
    | Answers of Dictionary<string, string>
    | Nothing of reason: string

/// A data set. It never changes. Usable from several threads.
[<Sealed>]
type Table private (place: SetPlace, text: SetText, contents: Contents) =
    static let octets (query: string) = Encoding.UTF8.GetBytes query

    let row entry : Row =
        {
            Number = entry
            Value = text.Value entry
        }

    let indexed (one: int -> 'found) (entry: int) =
        if entry < 0 then Lookup.Absent else Lookup.Found(one entry)

    // Of a set in memory its entry, of a store's answer its value.
    let lookup (query: string) (ofEntry: int -> 'found) (ofValue: string -> 'found) =
        if query.Length > StoreQuestion.LongestForm then
            Lookup.Absent
        else
            match contents with
            | Texts index -> indexed ofEntry (index.Find(ReadOnlySpan(octets query)))
            | Matches index -> indexed ofEntry (index.Find(octets query))
            | Answers rows when rows.ContainsKey query -> Lookup.Found(ofValue rows[query])
            | Answers _ -> Lookup.Absent
            | Elsewhere _ -> Lookup.Unavailable "not asked"
            | Nothing reason -> Lookup.Unavailable reason

    let stored value : Row = { Number = 0; Value = value }

    /// How many entries it has.
    member _.Count = text.Count

    /// Entries that are patterns.
    member _.IsPatterns = contents.IsMatches

    /// The first entry of a text.
    member _.Find(query: string) : Lookup<Row> = lookup query row stored

    /// Whether there is an entry of a text.
    member _.Has(query: string) : Lookup<unit> = lookup query ignore ignore

    /// Every entry of a text, in order: of patterns all that match, else the first alone.
    member this.FindAll(query: string) : Lookup<Row list> =
        match contents with
        | Matches index when query.Length <= StoreQuestion.LongestForm ->
            match index.FindAll(octets query) with
            | [] -> Lookup.Absent
            | entries -> Lookup.Found(List.map row entries)
        | Matches _
        | Texts _
        | Elsewhere _
        | Answers _
        | Nothing _ -> lookup query (row >> List.singleton) (stored >> List.singleton)

    member private _.Entries: SetText = text

    /// Tells entries of another set, in order and as long as `tell` says so: every one whose first field is no entry of this
    /// set in memory, and of the others those that have to be looked up to know.
    member _.Unnamed(other: Table, tell: int -> bool) : unit =
        let mutable from = 0
        let mutable goes = true

        while goes && from < other.Count do
            let count = min Folding.Together (other.Count - from)

            let named =
                match contents with
                | Texts index -> index.HasFirstFields(other.Entries, from, count)
                | Matches _
                | Elsewhere _
                | Answers _
                | Nothing _ -> Array.zeroCreate count

            for at in 0 .. count - 1 do
                if goes && not named[at] then
                    goes <- tell (from + at)

            from <- from + count

    /// The key of an entry.
    member _.Key(entry: int) : string =
        Dkim.Core.Words.Octets.latin1 (text.Key entry)

    /// The value of an entry.
    member _.Value(entry: int) : string = text.Value entry

    /// Whether an entry has so many fields between colons, none of them empty.
    member _.HasFields(entry: int, count: int) : bool = text.HasFields(entry, count)

    /// The number of the line that an entry stands on, from 1; of a list, of the element.
    member _.Line(entry: int) : int = text.Line entry

    /// Where an entry stands, to be told: the file and its line, or the list.
    member _.Located(entry: int) : string =
        match place with
        | Inline _
        | Stored _
        | Statement _ -> SetPlace.show place
        | Lines path
        | Patterns path -> path + " line " + string (text.Line entry)

    /// The file that it was read from.
    member _.File: string voption =
        match place with
        | Lines path
        | Patterns path -> ValueSome path
        | Inline _
        | Stored _
        | Statement _ -> ValueNone

    /// Where it is, as a setting would name it.
    member _.Shown: string = SetPlace.show place

    /// Patterns that cannot be read.
    member _.Unreadable: int list =
        match contents with
        | Matches index -> List.ofSeq index.Unreadable
        | Texts _
        | Elsewhere _
        | Answers _
        | Nothing _ -> []

    /// Whether entries are found by the text itself, so that texts that no entry has need not be asked for.
    member _.IsPlain =
        match contents with
        | Texts _ -> true
        | Matches index -> not index.HasOthers
        | Elsewhere _
        | Answers _ -> false
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

    /// A data set that a store has.
    static member OfStore(place: SetPlace, store: Store) : Table =
        Table(place, SetText.OfList "", Elsewhere store)

    /// Why it cannot be asked.
    member _.Problem: string voption =
        match contents with
        | Nothing reason -> ValueSome reason
        | Elsewhere _ -> ValueSome "not asked"
        | Texts _
        | Matches _
        | Answers _ -> ValueNone

    /// The store that has it.
    member _.Store: Store voption =
        match contents with
        | Elsewhere store -> ValueSome store
        | Texts _
        | Matches _
        | Answers _
        | Nothing _ -> ValueNone

    /// The same with what its store said, for the texts of that question.
    member _.With(answer: StoreAnswer) : Table =
        match answer with
        | StoreAnswer.Unavailable reason -> Table(place, text, Nothing reason)
        | StoreAnswer.Rows rows ->
            let values =
                rows
                |> Seq.map (fun row -> KeyValuePair(row.Form, String.Join(':', row.Fields)))

            Table(place, text, Answers(Dictionary(values, StringComparer.Ordinal)))

    /// A data set that could not be read.
    static member Unread(place: SetPlace, reason: string) : Table =
        Table(place, SetText.OfList "", Nothing reason)

module Table =
    /// The stores that data sets are in, each once, with the settings that name it.
    let stores (tables: (string * Table voption) list) : (string * Store) list =
        tables
        |> List.choose (fun (name, table) ->
            table
            |> ValueOption.bind _.Store
            |> ValueOption.map (fun store -> name, store)
            |> ValueOption.toOption)
        |> List.groupBy snd
        |> List.map (fun (store, named) -> String.Join(", ", List.map fst named), store)

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
