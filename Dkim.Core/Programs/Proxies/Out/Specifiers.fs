/// Signature specifiers of dkimproxy.out: the signatures that a setting or a line of a map asks for.
namespace Dkim.Core.Programs.Proxies.Out

open System
open FParsec
open Dkim.Core.Words
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

    let private listOf (problem: string) (text: string) : Result<Specifier list, string> =
        let add all one =
            all |> Result.bind (fun all -> build one |> Result.map (fun one -> one :: all))

        Grammar.parseAll listGrammar text
        |> Result.mapError (fun _ -> problem)
        |> Result.bind (List.fold add (Result.Ok []))
        |> Result.map List.rev

    /// Specifiers between commas, of which there is at least one.
    let parseList (text: string) : Result<Specifier list, string> = listOf (invalid text) text

    /// The same of the row of a store, which may hold a private key: the error does not tell it.
    let parseRow (text: string) : Result<Specifier list, string> =
        listOf "invalid signature specifier in the row" text

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
