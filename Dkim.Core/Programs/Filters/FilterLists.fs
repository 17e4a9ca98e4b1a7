/// Lists that decide whose mail is signed and how it is judged: domains, macros of the MTA, policies of our own for the
/// domains of others.
namespace Dkim.Core

open System
open System.Collections.Generic

/// Domains whose mail is signed, or whose signatures are trusted.
[<NoComparison; NoEquality>]
type internal DomainList =
    private
        {
            texts: string list
            exact: HashSet<string>
            /// Not empty where an entry has a `*`: then every entry is a pattern.
            patterns: Pattern list
        }

module internal DomainList =
    /// A domain as it is compared: A-labels in lower case, or what it is where it cannot be a domain.
    let folded (text: string) : string =
        let bare = text.TrimEnd '.'

        match Label.tryName 253 1 bare with
        | Ok name -> name
        | Error _ -> bare.ToLowerInvariant()

    let ofEntries (entries: string list) : DomainList =
        if entries |> List.exists _.Contains('*') then
            {
                texts = entries
                exact = HashSet<string>()
                patterns = List.map Pattern.ofText entries
            }
        else
            {
                texts = entries
                exact = HashSet<string>(List.map folded entries, StringComparer.Ordinal)
                patterns = []
            }

    let empty = ofEntries []

    /// As they are written.
    let entries (list: DomainList) : string list = list.texts

    let private toDomain (name: string) : DomainName voption =
        DomainName.tryCreate name |> Result.toValueOption

    let rec private above (name: string) : string list =
        match name.IndexOf '.' with
        | -1 -> []
        | dot ->
            let parent = name.Substring(dot + 1)
            parent :: above parent

    /// The entry that a domain is, or the domain itself where entries are patterns and one matches it.
    let tryFind (list: DomainList) (domain: DomainName) : DomainName voption =
        if list.exact.Contains domain.Text || Pattern.any list.patterns domain.Text then
            ValueSome domain
        else
            ValueNone

    /// The nearest entry above a domain; nothing where entries are patterns.
    let tryFindAbove (list: DomainList) (domain: DomainName) : DomainName voption =
        match above domain.Text |> List.tryFind list.exact.Contains with
        | Some name -> toDomain name
        | None -> ValueNone

/// A macro of the MTA that shows a message to be local: any value, or one of a few.
type MacroTest =
    {
        /// Without braces.
        Name: string
        Values: string list
    }

module MacroTest =
    /// `name[=value[|value...]]`, with or without braces around the name.
    let parse (text: string) : MacroTest =
        let name, values =
            match text.IndexOf '=' with
            | -1 -> text, []
            | at -> text.Substring(0, at), List.ofArray (text.Substring(at + 1).Split '|')

        {
            Name = name.Trim().TrimStart('{').TrimEnd('}')
            Values = values |> List.map _.Trim()
        }

    let show (test: MacroTest) : string =
        match test.Values with
        | [] -> test.Name
        | values -> test.Name + "=" + String.Join('|', values)

    /// Whether the macro, of which `find` gives the value, is there and fits.
    let holds (find: string -> string voption) (test: MacroTest) : bool =
        match find test.Name with
        | ValueNone -> false
        | ValueSome value ->
            let isValue (wanted: string) =
                wanted.Equals(value, StringComparison.OrdinalIgnoreCase)

            List.isEmpty test.Values || List.exists isValue test.Values

    let internal codec: Codec<MacroTest list> =
        {
            Shape = "MACRO[=VALUE[|VALUE...]],..."
            Parse = Pattern.items >> List.map parse >> Ok
            Show = List.map show >> String.concat ","
        }

/// Practices that hold for the domains of others, whatever they publish (dkim-filter.conf(5) LocalADSP).
[<NoComparison; NoEquality>]
type internal LocalAdsp =
    private
        {
            /// By domain, with a dot in front where it means the domains below; the number of its line beside it.
            lines: Dictionary<string, struct (int * SigningPractice)>
        }

module internal LocalAdsp =
    let empty =
        {
            lines = Dictionary<string, struct (int * SigningPractice)>(StringComparer.Ordinal)
        }

    let private practices =
        [ "unknown", SignsSome; "all", SignsAll; "discardable", SignsAllItself ]

    let private tryPractice (word: string) =
        practices
        |> List.tryFind (fun (name, _) -> name.Equals(word, StringComparison.OrdinalIgnoreCase))
        |> Option.map snd

    let private key (domain: string) =
        if domain.StartsWith '.' then
            "." + DomainList.folded (domain.Substring 1)
        else
            DomainList.folded domain

    /// Reads `domain:policy` lines; the error is the original's.
    let parse (text: string) : Result<LocalAdsp, string> =
        let lines =
            Dictionary<string, struct (int * SigningPractice)>(StringComparer.Ordinal)

        let add (number: int, line: string) =
            let colon = line.LastIndexOf ':'
            let word = line.Substring(colon + 1).Trim()

            match tryPractice word with
            | Some practice when colon > 0 ->
                lines.TryAdd(key (line.Substring(0, colon).Trim()), struct (number, practice))
                |> ignore

                None
            | _ -> Some("unknown ADSP `" + word + "'")

        match FileContents.entries text |> List.tryPick add with
        | Some problem -> Error problem
        | None -> Ok { lines = lines }

    /// The practice for a domain: of the lines that match it the first.
    let tryFind (list: LocalAdsp) (domain: DomainName) : SigningPractice voption =
        let rec keys (name: string) =
            match name.IndexOf '.' with
            | -1 -> []
            | dot ->
                let parent = name.Substring(dot + 1)
                ("." + parent) :: keys parent

        let found =
            domain.Text :: keys domain.Text
            |> List.choose (fun key ->
                match list.lines.TryGetValue key with
                | true, line -> Some line
                | false, _ -> None)

        match found with
        | [] -> ValueNone
        | lines ->
            let struct (_, practice) = lines |> List.minBy (fun struct (number, _) -> number)
            ValueSome practice
