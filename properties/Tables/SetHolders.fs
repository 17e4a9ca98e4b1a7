/// Every way to hold one set: a list, a file, a file of patterns, and stores of each kind, which are rows and the rules of
/// their engine: what an engine is asked is evaluated over the rows, and what it would say is read as a filter reads it.
module Dkim.Properties.SetHolders

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open Dkim.Core.Stores

/// Keys and values, in order.
type Rows = (string * string) list

/// A way to hold sets.
[<NoComparison; NoEquality>]
type Holder =
    {
        Name: string
        /// Whether keys are compared as octets, as engines without letters do.
        ComparesOctets: bool
        /// The value of the setting of a set, and the files that it takes.
        Place: string -> Rows -> struct (string * (string * string) list)
        /// What a store of it says, by the rows of a set.
        Ask: (string -> Rows) -> StoreQuestion -> StoreAnswer
    }

let same (one: string) (other: string) =
    one.Equals(other, StringComparison.OrdinalIgnoreCase)

// Names of keys alone are told apart by capitals.
let private isKey (set: string) (key: string) (text: string) =
    if set = "keys" then key = text else same key text

let private columns (set: string) : string list =
    match set with
    | "keys" -> [ "domain"; "selector"; "key" ]
    | "signing" -> [ "name"; "signer" ]
    | _ -> [ "note" ]

/// The value of a row in the columns of its set; what is missing is empty.
let private cells set (value: string) : string list =
    let cells = value.Split(':', (columns set).Length) |> List.ofArray
    cells @ List.replicate ((columns set).Length - cells.Length) ""

let private unasked _ _ : StoreAnswer =
    StoreAnswer.Unavailable "no store is named"

let private inMemory name place : Holder =
    {
        Name = name
        ComparesOctets = false
        Place = place
        Ask = unasked
    }

let private line separator (key: string, value: string) =
    if value = "" then key else key + separator + value

let private ofFile kind (lines: string list) : struct (string * (string * string) list) =
    let path = "/t/" + kind
    struct (path, [ path, String.Join("\n", lines) + "\n" ])

let private list =
    inMemory "list" (fun _ rows -> struct ("csl:" + String.Join(",", rows |> List.map (line "=")), []))

let private file =
    inMemory "file" (fun set rows ->
        let struct (path, files) = ofFile set (rows |> List.map (line " "))
        struct ("file:" + path, files))

/// How late the form of a key is asked for: addresses, domains, those below a domain from the nearest on, the rest.
let private turn (key: string) : int =
    let at = key.IndexOf '@'
    let domain = key.Substring(at + 1)

    match domain with
    | "*" -> if at > 0 then 1000 else 1001
    | _ when domain.StartsWith '.' -> 999 - 2 * (domain.Split '.').Length - (if at > 0 then 1 else 0)
    | _ -> if at > 0 then 0 else 1

/// The pattern that means a form of an address.
let private pattern (key: string) : string =
    let at = key.IndexOf '@'
    let user = if at < 0 then "*" else key.Substring(0, at)
    let domain = key.Substring(at + 1)

    match domain with
    | "*" when at < 0 -> "*"
    | _ when domain.StartsWith '.' -> user + "@*" + domain
    | _ -> user + "@" + domain

// Lines of patterns count in their order, so they are put into the order in which the forms are asked for.
let private patterns =
    inMemory "patterns" (fun set rows ->
        let rows =
            match set with
            | "signing" ->
                rows
                |> List.distinctBy (fun (key, _) -> key.ToLowerInvariant())
                |> List.sortBy (fst >> turn)
                |> List.map (fun (key, value) -> pattern key, value)
            | _ -> rows |> List.map (fun (key, value) -> key.Replace("[", "\\["), value)

        let struct (path, files) = ofFile set (rows |> List.map (line " "))
        struct ("refile:" + path, files))

let private select (rows: Rows) set (text: string) (parameters: string list) : string[][] =
    if Regex.Count(text, @"@k\d") <> parameters.Length then
        invalidOp ("parameters of " + text)

    [|
        for key, value in rows do
            if parameters |> List.exists (isKey set key) then
                Array.ofList (
                    if text.StartsWith "SELECT k," then
                        key :: cells set value
                    else
                        cells set value
                )
    |]

let private sql name place : Holder =
    {
        Name = name
        ComparesOctets = false
        Place = place
        Ask =
            fun rowsOf question ->
                match question.Store with
                | Store.Sql(_, query) ->
                    SqlStatement.requests query question.Forms
                    |> List.map (fun request ->
                        let set = Regex.Match(request.Text, @"FROM (\w+)").Groups[1].Value
                        select (rowsOf set) set request.Text request.Parameters)
                    |> Array.ofList
                    |> SqlStatement.answer query question.Forms
                | other -> invalidOp (string other)
    }

let private dsn =
    sql "dsn" (fun set _ ->
        let value =
            "dsn:pgsql://u:p@h/db/table="
            + set
            + "?keycol=k?datacol="
            + String.Join(",", columns set)

        struct (value, []))

let private statement name (text: string -> string) =
    sql name (fun set _ ->
        let path = "/t/" + set + ".sql"
        struct ("sql:" + path, [ path, "connection = mysql://h/db\nquery = " + text set + "\n" ]))

let private oneByOne =
    statement "sql, each" (fun set -> "SELECT " + String.Join(", ", columns set) + " FROM " + set + " WHERE k = @key")

let private together =
    statement "sql, all" (fun set ->
        "SELECT k, "
        + String.Join(", ", columns set)
        + " FROM "
        + set
        + " WHERE k IN @keys")

let private unescaped (text: string) =
    Regex.Replace(text, @"\\([0-9a-f]{2})", (fun found -> string (char (Convert.ToInt32(found.Groups[1].Value, 16)))))

let private entry set (key: string, value: string) : IReadOnlyDictionary<string, string[]> =
    let attributes = Dictionary<string, string[]>()
    attributes["k"] <- [| key |]

    for name, cell in List.zip (columns set) (cells set value) do
        if cell <> "" then
            attributes[name] <- [| cell |]

    attributes :> IReadOnlyDictionary<string, string[]>

// What a search asks for is the values of `k` in its filter, or the name that its base begins with.
let private ldap name (url: string -> string) : Holder =
    {
        Name = name
        ComparesOctets = false
        Place = fun set _ -> struct (url set, [])
        Ask =
            fun rowsOf question ->
                match question.Store with
                | Store.Ldap source ->
                    LdapSearch.requests source question.Forms
                    |> List.map (fun request ->
                        let set = Regex.Match(request.Base, @"ou=(\w+)").Groups[1].Value

                        let texts =
                            Regex.Matches(request.Filter + request.Base, @"\(k=([^)]*)\)|cn=(.*),ou")
                            |> Seq.map (fun found -> unescaped (found.Groups[1].Value + found.Groups[2].Value))
                            |> List.ofSeq

                        let entries =
                            rowsOf set
                            |> List.filter (fun (key, _) -> texts |> List.exists (isKey set key))
                            |> List.map (entry set)

                        struct (request, Array.ofList entries))
                    |> Array.ofList
                    |> LdapSearch.answer source
                | other -> invalidOp (string other)
    }

let private byFilter =
    ldap "ldap, by filter" (fun set ->
        "ldap://h/ou="
        + set
        + "?"
        + String.Join(",", columns set)
        + "?sub?(&(k=$d)(active=TRUE))")

let private byName =
    ldap "ldap, by name" (fun set ->
        "ldap://h/cn=$d,ou="
        + set
        + "?"
        + String.Join(",", columns set)
        + "?base?(objectClass=*)")

let private octets name place ask : Holder =
    {
        Name = name
        ComparesOctets = true
        Place = fun set _ -> struct (place set, [])
        Ask = ask
    }

let private value (rows: Rows) (form: string) : string voption =
    rows
    |> List.tryFind (fst >> (=) form)
    |> ValueOption.ofOption
    |> ValueOption.map snd

// Its commands are followed to their end.
let rec private served (get: string -> string voption) (hash: string -> string -> string voption) (step: RedisStep) =
    match step with
    | RedisStep.Answered answer -> answer
    | RedisStep.Keys(keys, _) -> keys |> List.map get |> Array.ofList |> step.Go |> served get hash
    | RedisStep.Hash(name, fields, _) -> fields |> List.map (hash name) |> Array.ofList |> step.Go |> served get hash

let private redis =
    octets "redis" (fun set -> "redis://127.0.0.1/" + set) (fun rowsOf question ->
        match question.Store with
        | Store.Redis(_, layout) ->
            let get (key: string) =
                let colon = key.IndexOf ':'
                value (rowsOf (key.Substring(0, colon))) (key.Substring(colon + 1))

            served get (fun _ _ -> ValueNone) (RedisRead.start layout question.Forms)
        | other -> invalidOp (string other))

let private eachForm (rows: Rows) (forms: string list) : StoreAnswer =
    forms
    |> List.choose (fun form ->
        match value rows form with
        | ValueSome found -> Some { Form = form; Fields = [ found ] }
        | ValueNone -> None)
    |> StoreAnswer.Rows

let private plain name place (setOf: Store -> string) =
    octets name place (fun rowsOf question -> eachForm (rowsOf (setOf question.Store)) question.Forms)

let private lastName (path: string) =
    IO.Path.GetFileNameWithoutExtension path |> string

let private berkeley =
    plain "db" (fun set -> "db:/t/" + set + ".db") (fun store ->
        match store with
        | Store.Berkeley path -> lastName path
        | other -> invalidOp (string other))

let private lmdb =
    plain "mdb" (fun set -> "mdb:/t/" + set) (fun store ->
        match store with
        | Store.Lmdb folder -> lastName folder
        | other -> invalidOp (string other))

let private lines =
    plain "socket" (fun set -> "socket:/t/" + set) (fun store ->
        match store with
        | Store.Lines(path, _) -> lastName path
        | other -> invalidOp (string other))

/// All of them.
let all: Holder list =
    [
        list
        file
        patterns
        dsn
        oneByOne
        together
        byFilter
        byName
        redis
        berkeley
        lmdb
        lines
    ]

/// rspamd's keys: only a KeyTable whose rows are named by their domains can be there, which is asked for beside a SigningTable
/// in `redis`.
let rspamd: Holder =
    { redis with
        Name = "rspamd"
        Place =
            fun set rows ->
                if set = "keys" then
                    struct ("rspamd+redis://127.0.0.1/hash?selector=selectors", [])
                else
                    redis.Place set rows
        Ask =
            fun rowsOf question ->
                let hash (name: string) (field: string) =
                    rowsOf "keys"
                    |> List.tryPick (fun (key, value) ->
                        match value.Split(':', 3), name with
                        | [| domain; selector; _ |], "selectors" when key = field && domain = key -> Some selector
                        | [| domain; selector; place |], "hash" when selector + "." + domain = field -> Some place
                        | _ -> None)
                    |> ValueOption.ofOption

                match question.Store with
                | Store.Redis(_, (RedisLayout.Rspamd _ as layout)) ->
                    served (fun _ -> ValueNone) hash (RedisRead.start layout question.Forms)
                | _ -> redis.Ask rowsOf question
    }
