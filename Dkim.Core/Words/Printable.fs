/// Printable text: what others wrote, as a log, a reply, a terminal, a service manager or a field of ours can take it. `tame`
/// is for sentences and fields, where what cannot stand is replaced; `escape` for lines of the log, where every octet can be
/// read again; `visible` for eyes that look for blanks and line ends.
module Dkim.Core.Words.Printable

open System
open System.Text

/// Control characters, line ends among them, replaced: they would end the line or the field, or hide in it.
let tame (text: string) : string =
    text |> String.map (fun c -> if Char.IsControl c then '?' else c)

/// The beginning of a text, tame.
let excerpt (limit: int) (text: string) : string =
    tame (text.Substring(0, min limit text.Length))

/// The most characters of what a message or the DNS says that stand in a sentence of ours.
[<Literal>]
let private MaxQuoted = 256

/// Text of a message or of the DNS for a sentence of ours.
let brief (text: string) : string = excerpt MaxQuoted text

/// Whether a character is printable ASCII.
let isAscii (c: char) : bool = c >= ' ' && c <= '~'

/// The same for what must be ASCII: everything else replaced.
let tameAscii (text: string) : string =
    text |> String.map (fun c -> if isAscii c then c else '?')

/// The most characters of a sentence.
[<Literal>]
let private MaxSentence = 400

/// A sentence of ASCII on one line, for a log or a reply: everything else is a blank.
let sentence (text: string) : string =
    text.Substring(0, min MaxSentence text.Length)
    |> String.map (fun c -> if isAscii c then c else ' ')

/// The most characters of an escaped text that are kept.
[<Literal>]
let MaxLength = 4000

let private isPlain (rune: Rune) =
    rune.Value >= int ' ' && rune.Value <= int '~'

// Characters up to U+00FF stand for one octet, as in text taken from a message; higher ones for those of their UTF-8.
let private appendOctets (line: StringBuilder) (rune: Rune) =
    let octets =
        if rune.Value <= 0xff then
            [| byte rune.Value |]
        else
            Encoding.UTF8.GetBytes(rune.ToString())

    for octet in octets do
        line.Append("\\x").Append(octet.ToString "x2") |> ignore

/// One line of printable ASCII: every control character and every octet that is not ASCII is written as `\xNN`, and what
/// is longer than `MaxLength` is cut and ends in `...`.
let escape (text: string) : string =
    if
        text.Length <= MaxLength
        && not (text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
    then
        text
    else
        let line = StringBuilder(min text.Length MaxLength + 16)
        let mutable runes = text.EnumerateRunes()

        while line.Length < MaxLength && runes.MoveNext() do
            let rune = runes.Current

            if isPlain rune then
                line.Append(char rune.Value) |> ignore
            else
                appendOctets line rune

        if line.Length >= MaxLength && runes.MoveNext() then
            line.Append "..." |> ignore

        line.ToString()

let private visibleOctet (c: char) : string =
    match c with
    | '\r' -> "\\r"
    | '\n' -> "\\n"
    | '\t' -> "\\t"
    | '\\' -> "\\\\"
    | c when isAscii c -> string c
    | c -> "\\x" + (int c).ToString "x2"

/// Latin-1 text with everything that cannot be seen escaped.
let visible (latin1: string) : string = String.collect visibleOctet latin1

/// The same, at most `limit` characters of it.
let visibleExcerpt (limit: int) (latin1: string) : string =
    if latin1.Length <= limit then
        visible latin1
    else
        visible (latin1.Substring(0, limit)) + "..."

// A space at the end of a line is what one looks for.
let private visibleLine (latin1: string) : string =
    let body, ending =
        if latin1.EndsWith("\r\n", StringComparison.Ordinal) then
            latin1.Substring(0, latin1.Length - 2), "\\r\\n"
        else
            latin1, ""

    let kept = body.TrimEnd ' '
    visible kept + String.replicate (body.Length - kept.Length) "\\x20" + ending

/// Octets of a line that are made visible; of longer ones the first and the last.
[<Literal>]
let private LongestLine = 2000

let private boundedLine (octets: ReadOnlySpan<byte>) : string =
    if octets.Length <= LongestLine then
        visibleLine (Octets.latin1 octets)
    else
        let tail = LongestLine / 4
        let head = LongestLine - tail

        visible (Octets.latin1 (octets.Slice(0, head)))
        + "... "
        + string (octets.Length - LongestLine)
        + " octets are left out here ..."
        + visibleLine (Octets.latin1 (octets.Slice(octets.Length - tail)))

/// The lines of octets, each with its end, of which at most `limit` are kept: the first and the last.
let visibleLines (limit: int) (octets: ReadOnlySpan<byte>) : string list =
    let crlf = ReadOnlySpan Octets.crlf

    let count =
        octets.Count crlf + (if octets.EndsWith crlf || octets.IsEmpty then 0 else 1)

    let head = if count <= limit then limit else limit * 2 / 3
    let mutable rest = octets
    let first = ResizeArray<string>()

    while first.Count < head && not rest.IsEmpty do
        let at = rest.IndexOf crlf
        let length = if at < 0 then rest.Length else at + 2
        first.Add(boundedLine (rest.Slice(0, length)))
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
            last.Add(boundedLine (rest.Slice from))
            rest <- rest.Slice(0, from)

        last.Reverse()

        List.ofSeq first
        @ [ "... " + string (count - limit) + " lines are left out here ..." ]
        @ List.ofSeq last
