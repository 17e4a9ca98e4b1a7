/// Texts in which `*` stands for any run of characters, and lists of them, compared without regard to case.
namespace Dkim.Core.Programs.Settings

open System

/// A text with `*` for any run of characters; everything else stands for itself.
[<NoComparison>]
type Pattern =
    private
        {
            written: string
            /// What stands between the stars, in lower case.
            parts: string[]
        }

    /// The pattern as it was written.
    member this.Text = this.written

module Pattern =
    let ofText (text: string) : Pattern =
        {
            written = text
            parts = text.ToLowerInvariant().Split '*'
        }

    /// Whether the parts between the first and the last follow each other within `text[from..last - 1]`.
    let rec private inOrder (parts: string[]) index (text: string) from last =
        if index = parts.Length - 1 then
            true
        else
            match text.IndexOf(parts[index], from, last - from, StringComparison.Ordinal) with
            | -1 -> false
            | at -> inOrder parts (index + 1) text (at + parts[index].Length) last

    /// Whether a whole text, already in lower case, is of the pattern.
    let internal matchesFolded (text: string) (pattern: Pattern) : bool =
        let parts = pattern.parts
        let first = parts[0]
        let last = parts[parts.Length - 1]

        if parts.Length = 1 then
            text = first
        else
            text.Length >= first.Length + last.Length
            && text.StartsWith(first, StringComparison.Ordinal)
            && text.EndsWith(last, StringComparison.Ordinal)
            && inOrder parts 1 text first.Length (text.Length - last.Length)

    /// Whether a whole text is of one of the patterns.
    let any (patterns: Pattern list) (text: string) : bool =
        let folded = text.ToLowerInvariant()
        patterns |> List.exists (matchesFolded folded)

    /// The items of a comma list without the blanks around them; empty ones do not count.
    let internal items (text: string) : string list =
        text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
        |> List.ofArray

    /// Patterns between commas.
    let internal listCodec shape : Codec<Pattern list> =
        {
            Shape = shape
            Parse = items >> List.map ofText >> Ok
            Show = List.map _.Text >> String.concat ","
        }
