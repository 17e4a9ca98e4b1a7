/// What dkimproxy.out reads besides its settings: signature specifiers, and the maps that choose them by sender or list.
namespace Dkim.Core.Programs.Proxies.Out

open System
open System.Collections.Generic
open FParsec
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

/// `dkim(key=..., s=...)`: one signature, as far as it was said. What is missing comes from the settings.
type Specifier =
    {
        Scheme: Scheme
        Key: string voption
        Selector: string voption
        Domain: string voption
        Method: string voption
        Algorithm: string voption
        /// Accepted; which fields are signed is not up to the specifier.
        Headers: string voption
        Identity: string voption
    }

module Specifier =
    let private schemes = [ "dkim", Dkim; "domainkeys", DomainKeys ]

    let schemeName (scheme: Scheme) =
        schemes |> List.find (fun (_, known) -> known = scheme) |> fst

    /// A signature of which nothing is said but its type.
    let plain scheme =
        {
            Scheme = scheme
            Key = ValueNone
            Selector = ValueNone
            Domain = ValueNone
            Method = ValueNone
            Algorithm = ValueNone
            Headers = ValueNone
            Identity = ValueNone
        }

    // One row for each parameter: its names, and how it is read and written.
    let private parameters =
        [
            [ "key"; "keyfile" ], _.Key, (fun v s -> { s with Specifier.Key = v })
            [ "a"; "algorithm" ], _.Algorithm, (fun v s -> { s with Algorithm = v })
            [ "c"; "method" ], _.Method, (fun v s -> { s with Method = v })
            [ "d"; "domain" ], _.Domain, (fun v s -> { s with Domain = v })
            [ "s"; "selector" ], _.Selector, (fun v s -> { s with Selector = v })
            [ "h"; "headers" ], _.Headers, (fun v s -> { s with Headers = v })
            [ "i"; "identity" ], _.Identity, (fun v s -> { s with Identity = v })
        ]

    let private set (specifier: Specifier) (name: string, value: string) =
        match parameters |> List.tryFind (fun (names, _, _) -> List.contains name names) with
        | Some(_, _, put) -> Result.Ok(put (ValueSome value) specifier)
        | None -> Result.Error("unknown parameter " + name)

    let private ws: Grammar.Parser<unit> = skipManySatisfy Grammar.isWspChar
    let private word = many1SatisfyL (fun c -> Char.IsAsciiLetter c) "a word"

    /// `parameter = word *WSP "=" value`, the value without its surrounding white space, of which alone it cannot be
    let private parameter: Grammar.Parser<string * string> =
        let value =
            many1SatisfyL (fun c -> c <> ',' && c <> ')' && c <> '(') "a value"
            >>= fun text ->
                match text.Trim() with
                | "" -> fail "a value is missing"
                | trimmed -> preturn trimmed

        word .>> ws .>> skipChar '=' .>>. value

    /// `specifier = word [ "(" [ parameter *( "," parameter ) ] ")" ]`, white space anywhere between
    let private grammar: Grammar.Parser<string * (string * string) list> =
        let listed =
            between (skipChar '(' >>. ws) (skipChar ')' >>. ws) (sepBy parameter (skipChar ',' >>. ws))

        word .>> ws .>>. (listed <|>% [])

    /// `list = specifier *( "," specifier )`
    let private listGrammar = ws >>. sepBy1 grammar (skipChar ',' >>. ws)

    let private build (typeName: string, values: (string * string) list) : Result<Specifier, string> =
        match schemes |> List.tryFind (fun (name, _) -> name = typeName) with
        | None -> Result.Error("invalid signature type " + typeName)
        | Some(_, scheme) ->
            let step specifier value =
                specifier |> Result.bind (fun specifier -> set specifier value)

            values |> List.fold step (Result.Ok(plain scheme))

    let private invalid text =
        "invalid signature specifier: '" + text + "'"

    /// A specifier; the error is the original's.
    let parse (text: string) : Result<Specifier, string> =
        Grammar.parseAll (ws >>. grammar) text
        |> Result.mapError (fun _ -> invalid text)
        |> Result.bind build

    /// Specifiers between commas, of which there is at least one.
    let parseList (text: string) : Result<Specifier list, string> =
        let add all one =
            all |> Result.bind (fun all -> build one |> Result.map (fun one -> one :: all))

        Grammar.parseAll listGrammar text
        |> Result.mapError (fun _ -> invalid text)
        |> Result.bind (List.fold add (Result.Ok []))
        |> Result.map List.rev

    let show (specifier: Specifier) =
        let shown =
            parameters
            |> List.choose (fun (names, get, _) ->
                match get specifier with
                | ValueSome value -> Some(List.head names + "=" + value)
                | ValueNone -> None)

        let name = schemeName specifier.Scheme

        if List.isEmpty shown then
            name
        else
            name + "(" + String.Join(",", shown) + ")"

    let codec: Codec<Specifier> =
        {
            Shape = "dkim|domainkeys[(PARAMETER=VALUE,...)]"
            Parse = parse
            Show = show
        }

/// Macros in the values of `d` and `i`.
module internal Macro =
    type private Part =
        | Plain of string
        | Named of string

    /// `part = "$$" / "$" 1*ALPHA / 1*( any character but "$" )`
    let private part: Grammar.Parser<Part> =
        let name = many1SatisfyL Char.IsAsciiLetter "the name of a macro"

        (skipString "$$" >>% Plain "$")
        <|> (skipChar '$' >>. name |>> Named)
        <|> (many1Satisfy (fun c -> c <> '$') |>> Plain)

    /// The text with each macro replaced by what `value` says; the error names one that it does not know.
    let expand (value: string -> string voption) (text: string) : Result<string, string> =
        let add sofar part =
            match sofar, part with
            | Result.Error _, _ -> sofar
            | Result.Ok text, Plain more -> Result.Ok(text + more)
            | Result.Ok text, Named name ->
                match value name with
                | ValueSome more -> Result.Ok(text + more)
                | ValueNone -> Result.Error("unknown macro $" + name)

        match Grammar.parseAll (many part) text with
        | Result.Ok parts -> List.fold add (Result.Ok "") parts
        | Result.Error _ -> Result.Error("bad macro in " + text)

/// The right hand side of a map line, and where it stands. One that cannot be read fails the messages that need it.
type MapEntry =
    {
        Line: int
        Signatures: Result<Specifier list, string>
    }

/// A sender map or a list-id map. Keys are folded.
type SignatureMap =
    private
        {
            entries: Dictionary<string, MapEntry>
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

    let private problemOf path key (entry: MapEntry) =
        match entry.Signatures with
        | Result.Ok _ -> None
        | Result.Error reason ->
            Some
                {
                    Origin = InFile(path, entry.Line)
                    Name = key
                    Value = ValueNone
                    Fault = IllegalValue reason
                    Remedy = "write specifiers such as dkim(d=example.org) between commas"
                }

    /// Reads a map. A line without a value is ignored, the last of several with one key counts. Lines that cannot be
    /// read are problems too, for those who check their settings.
    let parse (path: string) (text: string) : struct (SignatureMap * Problem list) =
        let entries = Dictionary<string, MapEntry>(StringComparer.Ordinal)

        let add index text =
            match Grammar.parseAll line text with
            | Result.Ok(ValueSome(struct (key, value))) when value <> "" ->
                entries[key] <-
                    {
                        Line = index + 1
                        Signatures = Specifier.parseList value
                    }
            | _ -> ()

        FileContents.lines text |> Array.iteri add

        let problems =
            [ for pair in entries -> pair.Key, pair.Value ]
            |> List.sortBy (fun (_, entry) -> entry.Line)
            |> List.choose (fun (key, entry) -> problemOf path key entry)

        struct ({ entries = entries }, problems)

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

    /// The first key that the map has, and its entry.
    let find (text: string) (map: SignatureMap) : struct (string * MapEntry) voption =
        let rec search keys =
            match keys with
            | [] -> ValueNone
            | key :: rest ->
                match map.entries.TryGetValue key with
                | true, entry -> ValueSome(struct (key, entry))
                | false, _ -> search rest

        search (keysOf text)

    /// Every key with its entry, in the order of the lines.
    let entries (map: SignatureMap) : struct (string * MapEntry) list =
        [ for pair in map.entries -> struct (pair.Key, pair.Value) ]
        |> List.sortBy (fun (struct (_, entry)) -> entry.Line)
