/// Where a data set is, as a setting names it (opendkim(8) DATA SETS).
namespace Dkim.Core.Tables

open System

/// A data set that is in the setting itself, or in a file.
type SetPlace =
    /// `csl:`, or a list between commas.
    | Inline of elements: string
    /// `file:`, or a path from the root: an entry on each line.
    | Lines of path: string
    /// `refile:`: a pattern on each line.
    | Patterns of path: string

/// Why a setting names no data set that can be used.
type SetPlaceError =
    | UnknownSetType of name: string
    | NoPath
    /// A kind of store that is known and not served; what takes its place.
    | NotServed of kind: string * instead: string

module SetPlace =
    let private files = "write its rows into a file, and file:PATH here"

    let private notServed: (string * string) list =
        [
            "db", files
            "bdb", files
            "mdb", files
            "dsn", files
            "ldap", files
            "ldaps", files
            "ldapi", files
            "memcache", files
            "redis", files
            "socket", files
            "lua", "there are no scripts; " + files
            "erlang", files
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

    let private ofKind (kind: string) (rest: string) : Result<SetPlace, SetPlaceError> =
        match kind.ToLowerInvariant() with
        | "csl" -> Ok(Inline rest)
        | "file" -> ofPath rest Lines
        | "refile" -> ofPath rest Patterns
        | known ->
            match notServed |> List.tryFind (fst >> (=) known) with
            | Some(_, instead) -> Error(NotServed(known, instead))
            | None -> Error(UnknownSetType kind)

    /// Reads the value of a setting.
    let parse (text: string) : Result<SetPlace, SetPlaceError> =
        match tryKind text with
        | ValueSome kind -> ofKind kind (text.Substring(kind.Length + 1).Trim())
        | ValueNone when text.EndsWith(".db", StringComparison.Ordinal) -> Error(NotServed("db", files))
        | ValueNone when text.StartsWith '/' -> Ok(Lines text)
        | ValueNone -> Ok(Inline text)

    /// As it would be written.
    let show (place: SetPlace) : string =
        match place with
        | Inline elements -> "csl:" + elements
        | Lines path -> "file:" + path
        | Patterns path -> "refile:" + path

    /// What is wrong, in the words of the original where it has some.
    let describe (error: SetPlaceError) : string =
        match error with
        | UnknownSetType _ -> "dkimf_db_open(): Unknown database type"
        | NoPath -> "dkimf_db_open(): Invalid argument"
        | NotServed(kind, instead) -> kind + ": data sets are not supported; " + instead
