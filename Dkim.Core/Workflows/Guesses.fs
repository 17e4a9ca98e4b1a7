/// Guesses at what happened to a message after it was signed. A guess is named only when it makes the hash fit, so that
/// what is said is known and not supposed.
namespace Dkim.Core

open System

/// What may have happened.
[<RequireQualifiedAccess>]
type Happening =
    | TextAppended
    | TextInserted
    | SubjectChanged
    | FieldRefolded
    | LineEndsChanged
    | EncodingChanged
    | SpaceChanged
    | FinalNewlineChanged
    | NameCaseChanged
    | FieldRewritten
    | FieldAdded
    | LinesQuoted
    | OtherCanonicalization
    | OtherFields

/// A guess that fits.
type Guess = { Happening: Happening; Says: string }

module Happening =
    /// The name in JSON.
    let name (happening: Happening) : string =
        match happening with
        | Happening.TextAppended -> "text-appended"
        | Happening.TextInserted -> "text-inserted"
        | Happening.SubjectChanged -> "subject-changed"
        | Happening.FieldRefolded -> "field-refolded"
        | Happening.LineEndsChanged -> "line-ends-changed"
        | Happening.EncodingChanged -> "encoding-changed"
        | Happening.SpaceChanged -> "space-changed"
        | Happening.FinalNewlineChanged -> "final-newline-changed"
        | Happening.NameCaseChanged -> "name-case-changed"
        | Happening.FieldRewritten -> "field-rewritten"
        | Happening.FieldAdded -> "field-added"
        | Happening.LinesQuoted -> "lines-quoted"
        | Happening.OtherCanonicalization -> "other-canonicalization"
        | Happening.OtherFields -> "other-fields"

/// Octets made visible, for terminals and reports.
module Visible =
    let private octet (c: char) : string =
        match c with
        | '\r' -> "\\r"
        | '\n' -> "\\n"
        | '\t' -> "\\t"
        | '\\' -> "\\\\"
        | c when c >= ' ' && c <= '~' -> string c
        | c -> "\\x" + (int c).ToString "x2"

    /// Latin-1 text with everything that cannot be seen escaped.
    let text (latin1: string) : string = String.collect octet latin1

    /// The same, at most `limit` characters of it.
    let excerpt (limit: int) (latin1: string) : string =
        if latin1.Length <= limit then
            text latin1
        else
            text (latin1.Substring(0, limit)) + "..."

    // A space at the end of a line is what one looks for.
    let private line (latin1: string) : string =
        let body, ending =
            if latin1.EndsWith("\r\n", StringComparison.Ordinal) then
                latin1.Substring(0, latin1.Length - 2), "\\r\\n"
            else
                latin1, ""

        let kept = body.TrimEnd ' '
        text kept + String.replicate (body.Length - kept.Length) "\\x20" + ending

    /// More octets are not cut into lines.
    [<Literal>]
    let private Splittable = 16777216

    /// The lines of octets, each with its end, of which at most `limit` are kept: the first and the last.
    let lines (limit: int) (octets: ReadOnlySpan<byte>) : string list =
        let all =
            (Octets.latin1 (octets.Slice(0, min Splittable octets.Length))).Split "\r\n"

        let last = all.Length - 1

        let ended =
            all
            |> Array.mapi (fun index text -> if index < last then text + "\r\n" else text)
            |> Array.filter ((<>) "")

        if ended.Length <= limit then
            ended |> Array.map line |> List.ofArray
        else
            let head = limit * 2 / 3
            let tail = limit - head

            [
                yield! ended |> Array.take head |> Array.map line
                "... " + string (ended.Length - limit) + " lines are left out here ..."
                yield! ended |> Array.skip (ended.Length - tail) |> Array.map line
            ]
