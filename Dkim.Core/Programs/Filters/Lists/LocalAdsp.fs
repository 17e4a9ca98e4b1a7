/// Policies of our own for the domains of others (dkim-filter.conf(5) LocalADSP).
namespace Dkim.Core.Programs.Filters.Lists

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

/// Practices that hold for the domains of others, whatever they publish (dkim-filter.conf(5) LocalADSP).
[<NoComparison; NoEquality>]
type internal LocalAdsp =
    private
        {
            /// By domain, with a dot in front where it means the domains below; its place in the list beside it.
            lines: Dictionary<string, struct (int * SigningPractice)>
        }

module internal LocalAdsp =
    let empty =
        {
            lines = Dictionary<string, struct (int * SigningPractice)>(StringComparer.Ordinal)
        }

    let private practices =
        [ "unknown", SignsSome; "all", SignsAll; "discardable", SignsAllItself ]

    let private key (domain: string) =
        if domain.StartsWith '.' then
            "." + DomainList.folded (domain.Substring 1)
        else
            DomainList.folded domain

    /// `policy = "unknown" / "all" / "discardable"`; any other word is told as the original does.
    let private policy: Grammar.Parser<SigningPractice> =
        let known (word: string) =
            practices
            |> List.tryFind (fun (name, _) -> name.Equals(word, StringComparison.OrdinalIgnoreCase))
            |> Option.map (snd >> Result.Ok)
            |> Option.defaultValue (Result.Error("unknown ADSP `" + word + "'"))

        manySatisfy ListFile.isEntryChar |> Grammar.checkedBy known

    /// `entry = [ "." ] domain *WSP ":" *WSP policy`
    let private entry: Grammar.Parser<struct (string * SigningPractice)> =
        let domains =
            opt (pstring ".") .>>. DomainList.domain
            |>> fun (dot, domain) -> key (Option.defaultValue "" dot + domain)

        pipe2 (domains .>> ListFile.ws .>> skipChar ':' .>> ListFile.ws) policy (fun domain practice ->
            struct (domain, practice))

    /// Reads a list of one policy on each line; `#` begins a comment. All lines that mean nothing are told.
    let parse (path: string) (text: string) : struct (LocalAdsp * Problem list) =
        let struct (entries, problems) =
            ListFile.read path "write DOMAIN:unknown|all|discardable" entry text

        let lines =
            Dictionary<string, struct (int * SigningPractice)>(StringComparer.Ordinal)

        entries
        |> List.iteri (fun index (struct (domain, practice)) ->
            lines.TryAdd(domain, struct (index, practice)) |> ignore)

        struct ({ lines = lines }, problems)

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
            let struct (_, practice) = lines |> List.minBy (fun struct (place, _) -> place)
            ValueSome practice
