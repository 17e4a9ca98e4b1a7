/// The maps of dkimproxy.out, which choose signatures by sender or by list: files of its own form, and data sets.
namespace Dkim.Core.Programs.Proxies.Out

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings

/// What a map says of a key. An entry that cannot be read fails the messages that need it.
type MapEntry =
    {
        /// Its line, or its place in the order of a data set, from 0.
        Number: int
        Signatures: Result<Specifier list, string>
    }

[<NoComparison; NoEquality>]
type private MapContents =
    /// The lines of a file. Keys are folded.
    | OfLines of Dictionary<string, MapEntry>
    /// A data set in memory, with its entries in order.
    | OfSet of Table * MapEntry[]
    /// A data set in a store.
    | OfStore of Table

/// A sender map or a list-id map.
[<NoComparison; NoEquality>]
type SignatureMap =
    private
        {
            /// What its entries are told by: the path of the file, or the setting.
            source: string
            contents: MapContents
        }

module SignatureMap =
    /// Longer addresses than this, which no mail system knows, match only `.` (RFC 5321 §4.5.3.1).
    [<Literal>]
    let private LookupLimit = 512

    let private isKeyChar (c: char) = not (Char.IsWhiteSpace c)

    /// `line = *WSP [ ( "#" / ";" ) *any / key [ 1*WSP value ] ]`
    let private line: Grammar.Parser<struct (string * string) voption> =
        let rest = manySatisfy (fun _ -> true)
        let comment = skipAnyOf "#;" >>. rest >>% ValueNone

        let entry =
            many1Satisfy isKeyChar .>>. rest
            |>> fun (key, value) -> ValueSome(struct (Address.folded key, value.Trim()))

        spaces >>. (comment <|> entry <|>% ValueNone)

    /// Where an entry stands.
    let internal origin (map: SignatureMap) (entry: MapEntry) : Origin =
        match map.contents with
        | OfSet(table, _) -> InFile(map.source, table.Line entry.Number)
        | OfLines _
        | OfStore _ -> InFile(map.source, entry.Number)

    let private problemOf (map: SignatureMap) (struct (key, entry: MapEntry)) =
        match entry.Signatures with
        | Result.Ok _ -> None
        | Result.Error reason ->
            Some
                {
                    Origin = origin map entry
                    Name = key
                    Value = ValueNone
                    Fault = IllegalValue reason
                    Remedy = "write specifiers such as dkim(d=example.org) between commas"
                }

    /// Every key with its entry, in their order; of a store none is known.
    let entries (map: SignatureMap) : struct (string * MapEntry) list =
        match map.contents with
        | OfLines entries ->
            [ for pair in entries -> struct (pair.Key, pair.Value) ]
            |> List.sortBy (fun (struct (_, entry)) -> entry.Number)
        | OfSet(table, entries) -> [ for entry in entries -> struct (table.Key entry.Number, entry) ]
        | OfStore _ -> []

    /// With the problems of its entries, for those who check their settings.
    let private withProblems (map: SignatureMap) : struct (SignatureMap * Problem list) =
        struct (map, entries map |> List.choose (problemOf map))

    /// Reads a map. A line without a value is ignored, the last of several with one key counts. Lines that cannot be
    /// read are problems too.
    let parse (path: string) (text: string) : struct (SignatureMap * Problem list) =
        let entries = Dictionary<string, MapEntry>(StringComparer.Ordinal)

        let add index text =
            match Grammar.parseAll line text with
            | Result.Ok(ValueSome(struct (key, value))) when value <> "" ->
                entries[key] <-
                    {
                        Number = index + 1
                        Signatures = Specifier.parseList value
                    }
            | _ -> ()

        FileContents.lines text |> Array.iteri add

        withProblems
            {
                source = path
                contents = OfLines entries
            }

    /// The map that a data set is. `name`: the setting, by which the elements of a list are told.
    let ofTable (name: string) (table: Table) : struct (SignatureMap * Problem list) =
        let entry number =
            {
                Number = number
                Signatures = Specifier.parseList (table.Value number)
            }

        withProblems
            {
                source = table.File |> ValueOption.defaultValue name
                contents =
                    if table.Store.IsSome then
                        OfStore table
                    else
                        OfSet(table, Array.init table.Count entry)
            }

    /// Its data set, where it is one.
    let table (map: SignatureMap) : Table voption =
        match map.contents with
        | OfLines _ -> ValueNone
        | OfSet(table, _)
        | OfStore table -> ValueSome table

    /// Whether it is in a store.
    let isStored (map: SignatureMap) : bool = map.contents.IsOfStore

    let rec private parents (domain: string) : string list =
        match domain.IndexOf '.' with
        | -1 -> if domain = "" then [ "." ] else [ domain; "." ]
        | dot -> domain :: parents (domain.Substring(dot + 1))

    /// The keys that stand for an address, a domain or a list, the most exact first: the address, the address without
    /// `+extension`, the domain, each parent, and `.` for everything.
    let keysOf (text: string) : string list =
        let wanted = Address.folded text

        match wanted.LastIndexOf '@' with
        | _ when wanted.Length > LookupLimit -> [ "." ]
        | -1 -> parents wanted
        | at ->
            let domains = parents (wanted.Substring(at + 1))

            match wanted.IndexOf '+' with
            | plus when plus > 0 && plus < at -> wanted :: (wanted.Substring(0, plus) + wanted.Substring at) :: domains
            | _ -> wanted :: domains

    let private operators = "*[](){}|?^$\\".ToCharArray()

    /// The domain that a key is for; nothing for everyone, and where a pattern leaves it open.
    let domainOf (key: string) : string voption =
        match key.Substring(key.LastIndexOf '@' + 1) with
        | "."
        | "" -> ValueNone
        | domain when domain.IndexOfAny operators >= 0 -> ValueNone
        | domain -> ValueSome domain

    /// What its store has to be asked about an address, a domain or a list; nothing where it is in none.
    let question (text: string) (map: SignatureMap) : StoreQuestion voption =
        table map
        |> ValueOption.bind _.Store
        |> ValueOption.map (fun store -> StoreQuestion.ofForms store (keysOf text))

    /// The same map with what its store said to its question.
    let withAnswer (answer: StoreAnswer) (map: SignatureMap) : SignatureMap =
        match map.contents with
        | OfStore table ->
            { map with
                contents = OfStore(table.With answer)
            }
        | OfLines _
        | OfSet _ -> map

    // Patterns are tried on the whole text. One that is too long is nobody's: only what matches everything matches it.
    let private ofPatterns (text: string) (table: Table) (entries: MapEntry[]) =
        let wanted = Address.folded text

        table.Find(if wanted.Length > LookupLimit then "" else wanted)
        |> Lookup.map (fun row -> struct (table.Key row.Number, entries[row.Number]))

    /// The first key that the map has, and its entry. A store that was not asked is unavailable.
    let find (text: string) (map: SignatureMap) : Lookup<struct (string * MapEntry)> =
        let first (look: string -> Lookup<MapEntry>) =
            keysOf text
            |> Lookup.first (fun key -> look key |> Lookup.map (fun entry -> struct (key, entry)))

        match map.contents with
        | OfLines entries ->
            first (fun key ->
                match entries.TryGetValue key with
                | true, entry -> Lookup.Found entry
                | false, _ -> Lookup.Absent)
        | OfSet(table, entries) when table.IsPatterns -> ofPatterns text table entries
        | OfSet(table, entries) -> first (table.Find >> Lookup.map (fun row -> entries[row.Number]))
        | OfStore table ->
            first (
                table.Find
                >> Lookup.map (fun row ->
                    {
                        Number = row.Number
                        Signatures = Specifier.parseRow row.Value
                    })
            )
