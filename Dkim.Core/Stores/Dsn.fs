/// `dsn:`, a data set in SQL (opendkim(8) DATA SETS).
module Dkim.Core.Stores.Dsn

open System
open System.Text.RegularExpressions
open FParsec
open Dkim.Core.Words

let private backends =
    [
        "mysql", SqlBackend.MySql
        "pgsql", SqlBackend.PostgreSql
        "sqlite3", SqlBackend.Sqlite
    ]

/// The text with each `=XX` made into the octet that it stands for; octets above 127 are UTF-8.
let private decoded (text: string) : string =
    Regex.Replace(text.Replace("%", "%25"), "=([0-9A-Fa-f]{2})", "%$1")
    |> Uri.UnescapeDataString

let private part label (stop: string) : Grammar.Parser<string> =
    many1SatisfyL (fun c -> not (stop.Contains(c: char))) label |>> decoded

let private backend: Grammar.Parser<SqlBackend> =
    let known (name: string) =
        match
            backends
            |> List.tryFind (fun (known, _) -> known.Equals(name, StringComparison.OrdinalIgnoreCase))
        with
        | Some(_, backend) -> Result.Ok backend
        | None -> Result.Error("there is no backend " + name + "; there are mysql, pgsql and sqlite3")

    many1SatisfyL Char.IsAsciiLetterOrDigit "a backend" |> Grammar.checkedBy known

/// `[ user [ ":" password ] "@" ]`
let private account: Grammar.Parser<string * string> =
    let password =
        skipChar ':' >>. (manySatisfy (fun c -> c <> '@' && c <> '/') |>> decoded)

    let written =
        part "a user" ":@/" .>>. (opt password |>> Option.defaultValue "")
        .>> skipChar '@'

    attempt written <|>% ("", "")

let private port: Grammar.Parser<int> =
    let number (digits: string) =
        match Int32.TryParse digits with
        | true, port when port > 0 && port <= 65535 -> Result.Ok port
        | _ -> Result.Error "a port is a number from 1 to 65535"

    attempt (many1SatisfyL Char.IsAsciiDigit "a port" .>> skipChar '+')
    |> Grammar.checkedBy number

/// `[ port "+" ] host`, in which brackets may be around an address.
let private server: Grammar.Parser<int option * string> =
    opt port
    .>>. (manySatisfy ((<>) '/') |>> fun host -> (decoded host).TrimStart('[').TrimEnd ']')

let private optionName: Grammar.Parser<string> =
    choice (List.map pstring [ "table"; "keycol"; "datacol"; "filter" ])
    .>> skipChar '='

/// The name of the database ends where options begin: a path has more slashes.
let private database: Grammar.Parser<string> =
    manyCharsTill anyChar (attempt (skipChar '/' .>> followedBy optionName))
    |>> decoded

/// `table=T?keycol=K?datacol=A,B[?filter=F]`, in any order
let private options: Grammar.Parser<Map<string, string>> =
    sepBy1 (optionName .>>. (manySatisfy ((<>) '?') |>> decoded)) (skipChar '?')
    |>> Map.ofList

let private isName (name: string) =
    name <> ""
    && name
       |> String.forall (fun c -> Char.IsAsciiLetterOrDigit c || "_.$\"`".Contains c)

// Names go into the statement as they are.
let private columns (options: Map<string, string>) : Result<SqlQuery, string> =
    let find name =
        options |> Map.tryFind name |> Option.defaultValue ""

    let data =
        (find "datacol").Split(',', StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray

    let names =
        [
            "table", find "table"
            "keycol", find "keycol"
            for column in data do
                "datacol", column
        ]

    match names |> List.tryFind (snd >> isName >> not) with
    | Some(option, "") -> Result.Error(option + "= is missing")
    | Some(option, name) -> Result.Error(option + "=" + name + " is no name of SQL")
    | None when data.IsEmpty -> Result.Error "datacol= is missing"
    | None -> Result.Ok(SqlQuery.Columns(find "table", find "keycol", data, find "filter"))

let private source backend (user, password) (port: int option, host: string) (database: string) : SqlSource =
    // The original joins both without a slash; with nothing before the first one it is a path from the root.
    let path = if host = "" then "/" + database else host + database

    {
        Backend = backend
        User = user
        Password = Secret.Of password
        Host = if backend = SqlBackend.Sqlite then "" else host
        Port = ValueOption.ofOption port
        Database = if backend = SqlBackend.Sqlite then path else database
        Tls = false
    }

/// `BACKEND "://" [USER [":" PASSWORD] "@"] [PORT "+"] HOST "/" DATABASE`
let private sourceBefore (theEnd: Grammar.Parser<string>) : Grammar.Parser<SqlSource> =
    pipe4 (backend .>> skipString "://") account (server .>> skipChar '/') theEnd source

/// A server and its database, without a table.
let internal connection: Grammar.Parser<SqlSource> =
    sourceBefore (many1SatisfyL (fun _ -> true) "a database" |>> decoded)

/// What stands behind `dsn:`, as
/// `BACKEND://[USER[:PASSWORD]@][PORT+]HOST/DATABASE/table=T?keycol=K?datacol=A,B[?filter=F]`. In every part `=XX` is the
/// octet of two hexadecimal digits. The error has the position, and no text of the password.
let parse (text: string) : Result<Store, string> =
    let grammar = sourceBefore database .>>. (options |> Grammar.checkedBy columns)
    Grammar.parseAll grammar text |> Result.map Store.Sql
