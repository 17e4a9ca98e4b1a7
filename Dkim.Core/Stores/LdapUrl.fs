/// `ldap:`, `ldaps:` and `ldapi:`, a data set in a directory (opendkim(8) DATA SETS, RFC 4516).
module Dkim.Core.Stores.LdapUrl

open System
open FParsec
open Dkim.Core.Words

/// More servers of one data set are not tried.
[<Literal>]
let private MostServers = 8

let private decoded (text: string) = Uri.UnescapeDataString text

let private isEnd c = c = '/' || c = '?'

let private scheme: Grammar.Parser<string> =
    choice (List.map pstringCI [ "ldaps"; "ldapi"; "ldap" ]) .>> skipString "://"
    |>> _.ToLowerInvariant()

let private port: Grammar.Parser<int> =
    let number (digits: string) =
        match Int32.TryParse digits with
        | true, port when port > 0 && port <= 65535 -> Result.Ok port
        | _ -> Result.Error "a port is a number from 1 to 65535"

    skipChar ':' >>. many1SatisfyL Char.IsAsciiDigit "a port"
    |> Grammar.checkedBy number

let private host: Grammar.Parser<string> =
    let bracketed =
        between (skipChar '[') (skipChar ']') (many1SatisfyL ((<>) ']') "an address")

    bracketed <|> (manySatisfy (fun c -> c <> ':' && not (isEnd c)) |>> decoded)

/// `scheme "://" [ host [ ":" port ] ]`
let private server: Grammar.Parser<LdapServer> =
    let ofParts (scheme: string) (host: string) (port: int option) =
        match scheme with
        | "ldapi" ->
            {
                Tls = false
                Host = if host = "" then "/var/run/slapd/ldapi" else host
                Port = 0
            }
        | scheme ->
            {
                Tls = (scheme = "ldaps")
                Host = if host = "" then "localhost" else host
                Port = port |> Option.defaultValue (if scheme = "ldaps" then 636 else 389)
            }

    pipe3 scheme host (opt port) ofParts

let private section: Grammar.Parser<string> =
    skipChar '?' >>. manySatisfy ((<>) '?') |>> decoded

let private scope (text: string) : Result<LdapScope, string> =
    match text.ToLowerInvariant() with
    | ""
    | "base" -> Result.Ok LdapScope.Base
    | "one" -> Result.Ok LdapScope.One
    | "sub" -> Result.Ok LdapScope.Sub
    | other -> Result.Error("there is no scope " + other + "; there are base, one and sub")

let private source (servers: LdapServer list) (place: string) (sections: string list) : Result<LdapSource, string> =
    let section index =
        sections |> List.tryItem index |> Option.defaultValue ""

    // An empty one at the end is allowed for.
    let attributes =
        (section 0).TrimEnd(',').Split(',', StringSplitOptions.TrimEntries)
        |> List.ofArray

    match scope (section 1), section 2 with
    | Result.Error reason, _ -> Result.Error reason
    | _ when sections.Length > 3 -> Result.Error "extensions are not supported"
    | _ when attributes |> List.contains "" -> Result.Error "an attribute has no name"
    | _ when not (place.Contains '$' || (section 2).Contains '$') ->
        Result.Error "neither the base nor the filter has $d or $D, so every text would find the same"
    | Result.Ok scope, filter ->
        Result.Ok
            {
                Servers = servers
                Base = place
                Scope = scope
                Filter = if filter = "" then "(objectClass=*)" else filter
                Attributes = attributes
                Account = LdapAccount.Anonymous
                StartTls = false
                Keepalive = LdapKeepalive.System
            }

/// The first URL has everything: base, attributes, scope and filter.
let private search: Grammar.Parser<LdapSource> =
    let parts =
        tuple3 server (skipChar '/' >>. manySatisfy ((<>) '?') |>> decoded) (many section)

    parts
    |> Grammar.checkedBy (fun (server, place, sections) -> source [ server ] place sections)

/// URLs between blanks: the first says what is looked for, the others name servers besides.
let parse (text: string) : Result<Store, string> =
    match text.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray with
    | [] -> Result.Error "there is no URL"
    | first :: others when others.Length < MostServers ->
        Grammar.parseAll search first
        |> Result.bind (fun source ->
            others
            |> Results.traverse (Grammar.parseAll (server .>> skipMany anyChar))
            |> Result.map (fun more ->
                Store.Ldap
                    { source with
                        Servers = source.Servers @ more
                    }))
    | _ -> Result.Error("there are more than " + string MostServers + " servers")
