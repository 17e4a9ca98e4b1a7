/// The lines of a key list: pattern, domain and the path of a key (dkim-filter(8) -K, dk-filter(8) -k).
namespace Dkim.Core.Programs.Filters.Lists

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

/// A line of a key list, before its key is read.
type internal KeyLine =
    {
        Number: int
        /// In lower case, the domain in A-labels: what the sender's address is compared with.
        Pattern: string
        Domain: DomainName voption
        Selector: Selector
        KeyPath: string
    }

module internal KeyLine =
    let private selectorOf (path: string) : Result<Selector, string> =
        Selector.tryCreate (path.Substring(path.LastIndexOf '/' + 1))
        |> Result.mapError (fun error -> "the last part of the path is no selector: " + NameError.describe error)

    /// The domain of signatures; nothing for the sender's own.
    let private domainOf (text: string) : Result<DomainName voption, string> =
        if text.StartsWith '*' then
            Result.Ok ValueNone
        else
            DomainName.tryCreate text
            |> Result.map ValueSome
            |> Result.mapError (fun error -> "no domain, and not *: " + NameError.describe error)

    let private joined (directory: string) (path: string) =
        if directory = "" || path.StartsWith '/' then
            path
        else
            directory.TrimEnd '/' + "/" + path

    /// What a line says.
    [<RequireQualifiedAccess>]
    type private Line =
        | Nothing
        | Directory of string
        | Key of pattern: string * domain: DomainName voption * path: string * Selector

    let private part label : Grammar.Parser<string> =
        many1SatisfyL ((<>) ':') label |>> _.Trim()

    /// `pattern = 1*( any character but ":" )`
    let private pattern =
        let notBlank text =
            if text = "" then
                Result.Error "a pattern is missing"
            else
                Result.Ok text

        part "a pattern of addresses" |> Grammar.checkedBy notBlank

    /// `domain = name / "*"`
    let private domain =
        part "the domain of signatures, or *" |> Grammar.checkedBy domainOf

    /// `path = 1*( any character )`, which may be colons
    let private path selectorOf : Grammar.Parser<struct (string * Selector)> =
        let named (text: string) =
            selectorOf text |> Result.map (fun selector -> struct (text, selector))

        many1SatisfyL (fun _ -> true) "the path of a key" |>> _.Trim()
        |> Grammar.checkedBy named

    /// `key = pattern ":" domain ":" path`, or `pattern ":" path` where DomainKeys signs, whose domain is the sender's
    let private key scheme selectorOf : Grammar.Parser<Line> =
        let colon = skipChar ':'
        let path = path selectorOf

        match scheme with
        | Dkim ->
            pipe3 (pattern .>> colon) (domain .>> colon) path (fun pattern domain (struct (path, selector)) ->
                Line.Key(pattern, domain, path, selector))
        | DomainKeys ->
            pipe2 (pattern .>> colon) path (fun pattern (struct (path, selector)) ->
                Line.Key(pattern, ValueNone, path, selector))

    /// `directory = "/" *( any character but ":" )`
    let private directory: Grammar.Parser<Line> =
        followedBy (skipChar '/' >>. skipManySatisfy ((<>) ':') >>. eof)
        >>. manySatisfy (fun _ -> true)
        |>> (_.Trim() >> Line.Directory)

    /// `line = "#" *any / *WSP [ directory / key ]`
    let private line scheme selectorOf : Grammar.Parser<Line> =
        let comment = skipChar '#' >>. skipManySatisfy (fun _ -> true) >>% Line.Nothing
        let said = (eof >>% Line.Nothing) <|> directory <|> key scheme selectorOf
        comment <|> (skipManySatisfy Char.IsWhiteSpace >>. said)

    /// What the value of a data set says: `domain ":" path`, or the path where DomainKeys signs.
    let ofValue (scheme: Scheme) (text: string) : Result<KeyLine, string> =
        match Grammar.parseAll (key scheme selectorOf) ("*:" + text) with
        | Result.Ok(Line.Key(pattern, domain, path, selector)) ->
            Result.Ok
                {
                    Number = 1
                    Pattern = pattern
                    Domain = domain
                    Selector = selector
                    KeyPath = path
                }
        | Result.Ok Line.Nothing
        | Result.Ok(Line.Directory _) -> Result.Error "a key is missing"
        | Result.Error reason -> Result.Error reason

    // Most lines of a long list name the same keys.
    let private remembered (selectorOf: string -> Result<Selector, string>) =
        let selectors = Dictionary<string, Result<Selector, string>>(StringComparer.Ordinal)

        fun path ->
            match selectors.TryGetValue path with
            | true, selector -> selector
            | false, _ ->
                let selector = selectorOf path
                selectors[path] <- selector
                selector

    /// Reads the lines of a list. A line of only a directory is the base of the paths that follow; `#` in the first
    /// column begins a comment. Errors are the original's and say where in the line, without the name of the file.
    let parse (scheme: Scheme) (text: string) : Result<KeyLine list, string list> =
        let lines = List<KeyLine>()
        let errors = List<string>()
        let mutable directory = ""
        let grammar = line scheme (remembered selectorOf)

        let readLine index (text: string) =
            match Grammar.parseAll grammar (text.TrimEnd()) with
            | Result.Ok Line.Nothing -> ()
            | Result.Ok(Line.Directory path) -> directory <- path
            | Result.Ok(Line.Key(pattern, domain, path, selector)) ->
                lines.Add
                    {
                        Number = index + 1
                        Pattern = Address.folded pattern
                        Domain = domain
                        Selector = selector
                        KeyPath = joined directory path
                    }
            | Result.Error reason -> errors.Add("line " + string (index + 1) + ": malformed: " + reason)

        FileContents.lines text |> Array.iteri readLine

        if errors.Count = 0 then
            Result.Ok(List.ofSeq lines)
        else
            Result.Error(List.ofSeq errors)
