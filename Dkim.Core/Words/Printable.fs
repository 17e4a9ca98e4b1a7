/// Printable text: what others wrote, as a log, a reply, a terminal, a service manager or a field of ours can take it.
module Dkim.Core.Words.Printable

open System
open System.Text

/// Control characters, line ends among them, replaced: they would end the line or the field, or hide in it.
let tame (text: string) : string =
    text |> String.map (fun c -> if Char.IsControl c then '?' else c)

/// Whether a character is printable ASCII.
let isAscii (c: char) : bool = c >= ' ' && c <= '~'

/// The same for what must be ASCII: everything else replaced.
let tameAscii (text: string) : string =
    text |> String.map (fun c -> if isAscii c then c else '?')

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
