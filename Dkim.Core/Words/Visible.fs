/// Octets made visible, for terminals and reports.
module Dkim.Core.Words.Visible

open System

let private octet (c: char) : string =
    match c with
    | '\r' -> "\\r"
    | '\n' -> "\\n"
    | '\t' -> "\\t"
    | '\\' -> "\\\\"
    | c when Printable.isAscii c -> string c
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

/// Octets of a line that are shown; of longer ones the first and the last.
[<Literal>]
let private LongestLine = 2000

let private lineOf (octets: ReadOnlySpan<byte>) : string =
    if octets.Length <= LongestLine then
        line (Octets.latin1 octets)
    else
        let tail = LongestLine / 4
        let head = LongestLine - tail

        text (Octets.latin1 (octets.Slice(0, head)))
        + "... "
        + string (octets.Length - LongestLine)
        + " octets are left out here ..."
        + line (Octets.latin1 (octets.Slice(octets.Length - tail)))

/// The lines of octets, each with its end, of which at most `limit` are kept: the first and the last.
let lines (limit: int) (octets: ReadOnlySpan<byte>) : string list =
    let crlf = ReadOnlySpan Octets.crlf

    let count =
        octets.Count crlf + (if octets.EndsWith crlf || octets.IsEmpty then 0 else 1)

    let head = if count <= limit then limit else limit * 2 / 3
    let mutable rest = octets
    let first = ResizeArray<string>()

    while first.Count < head && not rest.IsEmpty do
        let at = rest.IndexOf crlf
        let length = if at < 0 then rest.Length else at + 2
        first.Add(lineOf (rest.Slice(0, length)))
        rest <- rest.Slice length

    if count <= limit then
        List.ofSeq first
    else
        let last = ResizeArray<string>()

        while last.Count < limit - head do
            let body =
                if rest.EndsWith crlf then
                    rest.Slice(0, rest.Length - 2)
                else
                    rest

            let start = body.LastIndexOf crlf
            let from = if start < 0 then 0 else start + 2
            last.Add(lineOf (rest.Slice from))
            rest <- rest.Slice(0, from)

        last.Reverse()

        List.ofSeq first
        @ [ "... " + string (count - limit) + " lines are left out here ..." ]
        @ List.ofSeq last
