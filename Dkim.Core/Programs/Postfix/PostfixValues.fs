/// Values of Postfix's parameters: `$name`, lists, and milters (postconf(5), MILTER_README).
module internal Dkim.Core.Programs.Postfix.PostfixValues

open System
open FParsec
open Dkim.Core.Words

/// Parameters stand in each other no deeper, as in Postfix's own limit of macro calls.
[<Literal>]
let private Deepest = 100

/// Of what a value refers to no more is read, in characters: a file can ask for much more than it has.
[<Literal>]
let private MostRead = 8192

/// A list has no more milters.
[<Literal>]
let private MostMilters = 64

/// A part of a value.
type private Part =
    | Plain of string
    | Reference of string
    /// `${...}`: a name alone, or with what stands for it where it is set, or empty.
    | Braced of string

let private isNameChar (c: char) = Char.IsAsciiLetterOrDigit c || c = '_'

let private name: Grammar.Parser<string> = many1Satisfy isNameChar

/// `part = "$$" / "$" name / "$(" name ")" / "$" braced / 1*any`
let private part: Grammar.Parser<Part> =
    let reference =
        choice
            [
                skipChar '$' >>% Plain "$"
                attempt (between (skipChar '(') (skipChar ')') name) |>> Reference
                attempt PostfixLines.braced |>> Braced
                name |>> Reference
                preturn (Plain "$")
            ]

    (skipChar '$' >>. reference) <|> (many1Satisfy ((<>) '$') |>> Plain)

let private wsp: Grammar.Parser<unit> = skipManySatisfy PostfixLines.isBlank

/// What `${...}` asks: whether a name has a value, or how two values compare.
type private Test =
    | HasValue of string
    | Compared of left: string * operator: string * right: string

let private operators = [ "=="; "!="; "<="; ">="; "<"; ">" ]

let private test: Grammar.Parser<Test> =
    let compared =
        pipe3
            (PostfixLines.braced .>> wsp)
            (choice (operators |> List.map pstring) .>> wsp)
            (PostfixLines.braced .>> wsp)
            (fun left operator right -> Compared(left, operator, right))

    wsp >>. (compared <|> (name |>> HasValue)) .>> wsp

/// `branches = [ "?" text [ ":" text ] / ":" text ]`, where a text in braces may be followed by the other.
let private branches: Grammar.Parser<struct (string voption * string voption)> =
    let whole = manySatisfy (fun _ -> true)
    let inBraces = attempt (wsp >>. PostfixLines.braced .>> wsp)

    let yes =
        skipChar '?'
        >>. ((inBraces .>>. opt (skipChar ':' >>. (inBraces <|> whole)))
             <|> (whole |>> fun text -> text, None))
        |>> fun (yes, no) -> struct (ValueSome yes, Option.toValueOption no)

    let no =
        skipChar ':' >>. (inBraces <|> whole)
        |>> fun no -> struct (ValueNone, ValueSome no)

    yes <|> no <|> preturn (struct (ValueNone, ValueNone))

// Numbers as numbers, all else as text.
let private holds (left: string) operator (right: string) =
    let order =
        match Decimal.TryParse left, Decimal.TryParse right with
        | (true, left), (true, right) -> compare left right
        | _ -> String.CompareOrdinal(left, right)

    match operator with
    | "==" -> order = 0
    | "!=" -> order <> 0
    | "<=" -> order <= 0
    | ">=" -> order >= 0
    | "<" -> order < 0
    | _ -> order > 0

/// What may still be spent on a value.
type private Budget = { mutable Characters: int }

/// A value with everything in it expanded; what is too deep or too long is left out. `find` gives parameters as they are
/// written, nothing for those that nobody knows.
let expand (find: string -> string voption) (text: string) : string =
    let budget = { Characters = MostRead + text.Length }

    let rec whole depth (text: string) : string =
        budget.Characters <- budget.Characters - text.Length

        if depth > Deepest || budget.Characters < 0 then
            ""
        else
            match Grammar.parseAll (many part) text with
            | Result.Error _ -> text
            | Result.Ok parts -> parts |> List.map (one depth) |> String.concat ""

    and one depth part =
        match part with
        | Plain text -> text
        | Reference name -> valueOf depth name
        | Braced inner -> conditional depth inner

    and valueOf depth name =
        match find name with
        | ValueSome text -> whole (depth + 1) text
        | ValueNone -> ""

    and conditional depth (inner: string) =
        match Grammar.parseAll (test .>>. branches) inner with
        | Result.Error _ -> ""
        | Result.Ok(HasValue name, struct (ValueNone, ValueNone)) -> valueOf depth name
        | Result.Ok(test, struct (yes, no)) ->
            let isTrue =
                match test with
                | HasValue name -> valueOf depth name <> ""
                | Compared(left, operator, right) -> holds (whole (depth + 1) left) operator (whole (depth + 1) right)

            match (if isTrue then yes else no) with
            | ValueSome text -> whole (depth + 1) text
            | ValueNone -> ""

    whole 0 text

let private isSeparator c = PostfixLines.isBlank c || c = ','

/// `list = *( separator ) *( ( braced / 1*any ) *( separator ) )`
let private list: Grammar.Parser<struct (bool * string) list> =
    let item =
        (PostfixLines.braced |>> fun text -> struct (true, text))
        <|> (many1Satisfy (isSeparator >> not) |>> fun text -> struct (false, text))

    let separators = skipManySatisfy isSeparator
    separators >>. many (item .>> separators)

let private split (text: string) : struct (bool * string) list =
    match Grammar.parseAll list text with
    | Result.Ok items -> items
    | Result.Error _ -> []

/// The words of a list between commas or blanks.
let items (text: string) : string list =
    split text |> List.map (fun struct (_, item) -> item)

/// A milter of a list: where it is, and what holds for it alone.
[<Struct>]
type Milter =
    {
        Endpoint: string
        Own: Map<string, string>
    }

/// The milters of a list: `inet:HOST:PORT`, `unix:PATH`, or `{ ENDPOINT, name = value, ... }`.
let milters (text: string) : Milter list =
    let setting (text: string) =
        match text.IndexOf '=' with
        | -1 -> None
        | at -> Some(text.Substring(0, at).Trim(), text.Substring(at + 1).Trim())

    let ofItem struct (isBraced, text: string) =
        if not isBraced then
            [ { Endpoint = text; Own = Map.empty } ]
        else
            match text.Split([| ',' |], StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) with
            | [||] -> []
            | parts ->
                [
                    {
                        Endpoint = parts[0]
                        Own = parts |> Array.skip 1 |> Array.choose setting |> Map.ofArray
                    }
                ]

    split text |> List.collect ofItem |> List.truncate MostMilters

/// A list of milters as it is written.
let show (milters: Milter list) : string =
    let one (milter: Milter) =
        if milter.Own.IsEmpty then
            milter.Endpoint
        else
            let own = [ for pair in milter.Own -> ", " + pair.Key + " = " + pair.Value ]
            "{ " + milter.Endpoint + String.concat "" own + " }"

    String.Join(',', milters |> List.map one)
