/// `sql:FILE`, a data set in SQL by a statement of the site's own. The file has lines of `NAME = VALUE`; a line that begins
/// with a blank goes on with the one before; `#` begins a comment line. `connection` is `BACKEND://[USER[:PASSWORD]@][PORT+]HOST/DATABASE`
/// as in `dsn:`; `query` a SELECT with `@key`, or with `@keys` for all texts of a look-up at once, whose first column is then
/// the text that was found; `tls` is `yes` where the server has to prove itself by a certificate.
module Dkim.Core.Stores.SqlFile

open System
open FParsec
open Dkim.Core.Words

let private name: Grammar.Parser<string> =
    skipManySatisfy Grammar.isWspChar
    >>. (choice (List.map pstring [ "connection"; "query"; "tls" ])
         <?> "connection, query or tls")
    .>> skipManySatisfy Grammar.isWspChar
    .>> skipChar '='

let private line: Grammar.Parser<string * string> =
    name .>>. (restOfLine false |>> _.Trim())

let private isComment (text: string) = text.TrimStart().StartsWith '#'

// Each line with its number and those that go on with it.
let private joined (lines: string list) : (int * string) list =
    lines
    |> List.indexed
    |> List.filter (fun (_, text) -> text.Trim() <> "" && not (isComment text))
    |> List.fold
        (fun sofar (number, text) ->
            match sofar with
            | (first, before) :: rest when Char.IsWhiteSpace text[0] -> (first, before + " " + text.Trim()) :: rest
            | _ -> (number + 1, text.Trim()) :: sofar)
        []
    |> List.rev

let private isQuestion (query: string) =
    query.Contains("@key", StringComparison.Ordinal)

let private store (values: Map<string, string>) : Result<Store, string> =
    let find name =
        values |> Map.tryFind name |> Option.defaultValue ""

    match Grammar.parseAll Dsn.connection (find "connection"), find "tls" with
    | _ when find "connection" = "" -> Result.Error "connection is missing"
    | _ when find "query" = "" -> Result.Error "query is missing"
    | _ when not (isQuestion (find "query")) -> Result.Error "query: there is neither @key nor @keys in it"
    | Result.Error reason, _ -> Result.Error("connection: " + reason)
    | Result.Ok source, ("" | "no" | "yes" as tls) ->
        Result.Ok(Store.Sql({ source with Tls = (tls = "yes") }, SqlQuery.Written(find "query")))
    | Result.Ok _, _ -> Result.Error "tls: write yes or no"

/// The data set of the lines of a file; the error names the line, or what is missing.
let parse (lines: string list) : Result<Store, string> =
    joined lines
    |> Results.traverse (fun (number, text) ->
        Grammar.parseAll line text
        |> Result.mapError (fun reason -> "line " + string number + ": " + reason))
    |> Result.bind (Map.ofList >> store)
