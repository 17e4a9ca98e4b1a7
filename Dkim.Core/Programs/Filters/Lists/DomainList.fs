/// Lists of domains: those whose mail is signed, and those whose signatures are trusted (dkim-filter.conf(5) Domain,
/// TrustSignaturesFrom).
namespace Dkim.Core.Programs.Filters.Lists

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words
open Dkim.Core.Programs.Settings

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
        | Result.Ok name -> name
        | Result.Error _ -> bare.ToLowerInvariant()

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

    /// `domain = 1*( letter / digit / "-" / "_" / "." )`, labels of which may be of UTF-8
    let domain: Grammar.Parser<string> =
        let named (text: string) =
            Label.tryName 253 1 (text.TrimEnd '.')
            |> Result.map (fun _ -> text)
            |> Result.mapError (fun error -> "no domain: " + NameError.describe error)

        many1SatisfyL (fun c -> ListFile.isEntryChar c && c <> ':') "a domain"
        |> Grammar.checkedBy named

    /// `pattern = *( any character of a domain / "*" )`, with one star at least
    let private pattern: Grammar.Parser<string> =
        let isPatternChar c =
            c = '*' || c = '.' || c = '-' || c = '_' || Char.IsLetterOrDigit c

        attempt (
            manySatisfy (fun c -> c <> '*' && isPatternChar c)
            .>>. (pstring "*" .>>. manySatisfy isPatternChar)
        )
        |>> fun (start, (star, rest)) -> start + star + rest

    /// Reads a list of one domain or pattern on each line; `#` begins a comment. What is neither matches nothing and is told.
    let parse (path: string) (text: string) : struct (DomainList * Problem list) =
        let struct (entries, problems) =
            ListFile.read path "write example.com or *.example.com" (pattern <|> domain) text

        struct (ofEntries entries, problems)

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
