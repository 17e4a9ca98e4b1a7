/// Forged Authentication-Results: which fields of others any reader could take for ours, so that they go before ours is
/// added (RFC 8601 §5).
///
/// Readers differ. Some join words with white space between them, some drop comments, quotes, backslashes or controls,
/// some end the name at the first semicolon even in a comment. A field whose start every reader reads alike, a bare
/// name, is of the host it names; of any other, each of those readings is tried.
module Dkim.Core.Signatures.ForgedResults

open System
open System.Globalization
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message

let private isBare (c: char) =
    Char.IsAsciiLetterOrDigit c || c = '.' || c = '-' || c = '_' || c = '/'

let private isSpace (c: char) =
    c = ' ' || c = '\t' || c = '\r' || c = '\n'

/// The name that the field begins with, where no reader can see another: letters, digits, dots, hyphens, underscores and
/// slashes, one version at most, and then a semicolon or the end.
let private tryBare (value: string) : string voption =
    let semicolon = value.IndexOf ';'

    let start =
        (if semicolon < 0 then
             value
         else
             value.Substring(0, semicolon))

    let words =
        start.Split([| ' '; '\t'; '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries)

    match words with
    | [| name |] when String.forall isBare name -> ValueSome name
    | [| name; version |] when String.forall isBare name && String.forall Char.IsAsciiDigit version -> ValueSome name
    | _ -> ValueNone

/// Whether quotes hide a semicolon, comments nest, and backslashes hide what follows them.
[<Struct>]
type private Reading =
    {
        Quotes: bool
        Nesting: bool
        Escapes: bool
    }

/// What one reader sees before the first semicolon, with the comments left out that it knows; a comment or a
/// quoted string that never ends hides nothing.
let private seen (reading: Reading) (value: string) : string =
    let text = StringBuilder()
    let mutable depth = 0
    let mutable opened = 0
    let mutable isQuoted = false
    let mutable at = 0
    let mutable going = true

    while going && at < value.Length do
        let c = value[at]

        if c = '\\' && reading.Escapes && (depth > 0 || isQuoted) then
            at <- at + 1

            if depth = 0 && at < value.Length then
                text.Append value[at] |> ignore
        elif depth > 0 then
            if c = ')' then
                depth <- depth - 1
            elif c = '(' && reading.Nesting then
                depth <- depth + 1
        elif c = '"' && reading.Quotes then
            isQuoted <- not isQuoted
        elif c = '(' && not isQuoted then
            depth <- 1
            opened <- at
        elif c = ';' && not isQuoted then
            going <- false
        else
            text.Append c |> ignore

        at <- at + 1

    if depth > 0 then
        text.Append(value, opened, value.Length - opened).ToString()
    elif isQuoted then
        value
    else
        text.ToString()

let private readings =
    [
        for quotes in [ true; false ] do
            for nesting in [ true; false ] do
                for escapes in [ true; false ] do
                    {
                        Quotes = quotes
                        Nesting = nesting
                        Escapes = escapes
                    }
    ]

let private isDropped (c: char) =
    Char.IsWhiteSpace c
    || Char.IsControl c
    || c = '"'
    || c = '\\'
    || c = '('
    || c = ')'
    || CharUnicodeInfo.GetUnicodeCategory c = UnicodeCategory.Format

// Full-width forms and ideographic full stops are what a mapper to A-labels makes plain (UTS #46).
let private plain (c: char) =
    match c with
    | '\u3002'
    | '\uFF0E'
    | '\uFF61' -> '.'
    | c when c >= '\uFF01' && c <= '\uFF5E' -> char (int c - 0xFEE0)
    | c -> c

/// The longest U-label, in characters: each has at least one octet in its A-label of at most 63.
[<Literal>]
let private LongestLabel = 63

/// A text as names are compared, without all that a reader may pass over: lower case, and A-labels where `mapped`.
let private squeezed (mapped: bool) (text: string) : string =
    let kept = StringBuilder()

    for c in Octets.decoded text do
        if not (isDropped c) then
            kept.Append(plain c) |> ignore

    let label (text: string) =
        if text.Length > LongestLabel then
            text
        else
            Label.tryAscii text |> ValueOption.defaultValue text

    let name = kept.ToString().ToLowerInvariant()

    if mapped then
        String.Join('.', name.Split '.' |> Array.map label)
    else
        name

/// Whether `host` is `pattern`, or below it where the pattern begins with a dot.
let private isOf (pattern: string) (host: string) =
    let host = AuthenticationResults.comparable host

    if pattern.StartsWith '.' then
        host.EndsWith("." + AuthenticationResults.comparable (pattern.Substring 1), StringComparison.Ordinal)
    else
        host = AuthenticationResults.comparable pattern

/// Whether any reader could take a field for the work of `pattern`: a host or, with a dot in front, of one below a domain.
let internal mayBeOf (pattern: string) (field: Field) : bool =
    let value = field.ValueText

    match tryBare value with
    | ValueSome host -> isOf pattern host
    | ValueNone ->
        let name = AuthenticationResults.comparable (pattern.TrimStart '.')
        let texts = readings |> List.map (fun reading -> seen reading value)

        // Some readers pass over a semicolon that nothing stands before.
        let texts =
            if String.forall isSpace (value.Substring(0, max 0 (value.IndexOf ';'))) then
                value :: texts
            else
                texts

        let isMapped = name.Contains("xn--", StringComparison.Ordinal)

        texts
        |> List.distinct
        |> List.exists (fun text -> (squeezed isMapped text).Contains(name, StringComparison.Ordinal))

/// Whether every reader reads the start of the field alike.
let internal isBareStart (field: Field) : bool = (tryBare field.ValueText).IsSome

/// Whether any reader could find a result of one of the methods in the field.
let internal mayTellOf (methods: string list) (field: Field) : bool =
    let text = squeezed false field.ValueText

    methods
    |> List.exists (fun name -> text.Contains(name, StringComparison.OrdinalIgnoreCase))

/// Whether a field is of a version of the format that nobody here knows, so that it is not to be heeded (RFC 8601 §5).
let internal isOfOtherVersion (field: Field) : bool =
    match AuthenticationResults.tryStart field with
    | ValueSome(struct (_, version)) -> not (AuthenticationResults.isVersionOne version)
    | ValueNone -> false

/// Whether a field could be taken for the work of `host`, or is of a version that we cannot read, so that it must go before
/// ours is added (RFC 8601 §5).
let mustGo (host: string) (field: Field) : bool =
    field.Is AuthenticationResults.FieldName
    && (isOfOtherVersion field || mayBeOf host field)
