/// Where a data set is, as a setting names it (opendkim(8) DATA SETS).
namespace Dkim.Core.Tables

open System
open Dkim.Core.Stores

/// A data set that is in the setting itself, in a file, or in a store.
type SetPlace =
    /// `csl:`, or a list between commas.
    | Inline of elements: string
    /// `file:`, or a path from the root: an entry on each line.
    | Lines of path: string
    /// `refile:`: a pattern on each line.
    | Patterns of path: string
    /// `shown`: as it may be told, without a password.
    | Stored of store: Store * shown: string
    /// `sql:`: the file that says where it is and how it is asked.
    | Statement of path: string

/// Why a setting names no data set that can be used.
type SetPlaceError =
    | UnknownSetType of name: string
    | NoPath
    /// What is wrong with what stands behind the kind of a store.
    | BadStore of kind: string * reason: string
    /// A kind of store that is known and not served; what takes its place.
    | NotServed of kind: string * instead: string

module SetPlace =
    let private files = "write its rows into a file, and file:PATH here"

    let private notServed: (string * string) list =
        [
            "memcache", "redis://HOST:PORT/PREFIX has the same layout"
            "lua", "there are no scripts; " + files
            "erlang", "socket: asks a service of your own; or " + files
            "repute", "there is no reputation service any more; leave it out"
        ]

    // The text before the first colon names a kind where that colon stands before the first comma. `[` begins an address.
    let private tryKind (text: string) : string voption =
        let colon = text.IndexOf ':'
        let comma = text.IndexOf ','

        if colon < 0 || text.StartsWith '[' || (comma >= 0 && comma < colon) then
            ValueNone
        else
            ValueSome(text.Substring(0, colon))

    let private ofPath (path: string) (place: string -> SetPlace) : Result<SetPlace, SetPlaceError> =
        if path = "" then Error NoPath else Ok(place path)

    /// A value of a setting as it may be told: without the password between `//` and the last `@`.
    let withoutPassword (text: string) : string =
        let start = text.IndexOf("//", StringComparison.Ordinal) + 2
        let at = text.LastIndexOf '@'
        let colon = if at < start then -1 else text.IndexOf(':', start)

        if start < 2 || colon < 0 || colon > at then
            text
        else
            text.Substring(0, colon + 1) + "***" + text.Substring at

    let private stored kind (store: Result<Store, string>) (prefix: string) (rest: string) =
        match store with
        | Ok store -> Ok(Stored(store, prefix + withoutPassword rest))
        | Error reason -> Error(BadStore(kind, reason))

    /// `PORT@HOST`, or the path of a Unix socket
    let private service (text: string) : Result<Store, string> =
        match text.Split('@', 2) |> List.ofArray with
        | [ port; host ] ->
            match Int32.TryParse port with
            | true, port when port > 0 && port <= 65535 && host <> "" ->
                Ok(Store.Lines(host.TrimStart('[').TrimEnd ']', port))
            | _ -> Error "write socket:PORT@HOST, or socket:PATH"
        | _ when text.StartsWith '/' -> Ok(Store.Lines(text, 0))
        | _ -> Error "write socket:PORT@HOST, or socket:PATH"

    let private ofKind (kind: string) (rest: string) : Result<SetPlace, SetPlaceError> =
        match kind.ToLowerInvariant() with
        | "csl" -> Ok(Inline rest)
        | "file" -> ofPath rest Lines
        | "refile" -> ofPath rest Patterns
        | "sql" -> ofPath rest Statement
        | "db"
        | "bdb" -> ofPath rest (fun path -> Stored(Store.Berkeley path, "db:" + path))
        | "mdb" -> ofPath rest (fun path -> Stored(Store.Lmdb path, "mdb:" + path))
        | "dsn" -> stored "dsn" (Dsn.parse rest) "dsn:" rest
        | "ldap"
        | "ldaps"
        | "ldapi" as kind -> stored kind (LdapUrl.parse (kind + ":" + rest)) (kind + ":") rest
        | "redis"
        | "rediss"
        | "rspamd+redis"
        | "rspamd+rediss" as kind -> stored kind (RedisUrl.parse (kind + ":" + rest)) (kind + ":") rest
        | "socket" -> stored "socket" (service rest) "socket:" rest
        | known ->
            match notServed |> List.tryFind (fst >> (=) known) with
            | Some(_, instead) -> Error(NotServed(known, instead))
            | None -> Error(UnknownSetType kind)

    /// Reads the value of a setting.
    let parse (text: string) : Result<SetPlace, SetPlaceError> =
        match tryKind text with
        | ValueSome kind -> ofKind kind (text.Substring(kind.Length + 1).Trim())
        | ValueNone when text.EndsWith(".db", StringComparison.Ordinal) -> Ok(Stored(Store.Berkeley text, text))
        | ValueNone when text.StartsWith '/' -> Ok(Lines text)
        | ValueNone -> Ok(Inline text)

    /// The data set that a value names by its kind, as opposed to a path; nothing where it names no kind that is known.
    let tryOfKind (text: string) : Result<SetPlace, SetPlaceError> voption =
        match tryKind text, parse text with
        | ValueNone, _
        | _, Error(UnknownSetType _) -> ValueNone
        | ValueSome _, place -> ValueSome place

    /// As it would be written.
    let show (place: SetPlace) : string =
        match place with
        | Inline elements -> "csl:" + elements
        | Lines path -> "file:" + path
        | Patterns path -> "refile:" + path
        | Statement path -> "sql:" + path
        | Stored(_, shown) -> shown

    /// What is wrong, in the words of the original where it has some.
    let describe (error: SetPlaceError) : string =
        match error with
        | UnknownSetType _ -> "dkimf_db_open(): Unknown database type"
        | NoPath -> "dkimf_db_open(): Invalid argument"
        | BadStore(kind, reason) -> "dkimf_db_open(): Invalid argument: " + kind + ": " + reason
        | NotServed(kind, instead) -> kind + ": data sets are not supported; " + instead
