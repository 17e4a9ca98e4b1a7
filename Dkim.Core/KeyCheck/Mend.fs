/// A mistake that spoils the text of a key record, and how it is taken back (RFC 6376 §3.6.1).
namespace Dkim.Core.KeyCheck

open System

/// One way in which records are spoiled.
[<NoComparison; NoEquality>]
type internal Mend =
    {
        Mistake: KeyMistake
        Says: string
        Remedy: string
        /// Whether the text shows the mistake by itself; else only a key that comes out of it proves it was made.
        IsPlain: bool
        /// What the text may have been before; nothing where the mistake was not made.
        Undo: string -> string list
    }

    /// The finding of this mistake.
    member this.Finding: KeyFinding = KeyFinding.wrong this.Mistake this.Says this.Remedy

/// What mends have in common: looking at a text that may be no list of tags.
module internal RawText =
    let has (part: string) (text: string) : bool =
        text.Contains(part, StringComparison.OrdinalIgnoreCase)

    let isBase64 (c: char) : bool =
        Char.IsAsciiLetterOrDigit c || c = '+' || c = '/' || c = '='

    let isBlank (c: char) : bool = c = ' ' || c = '\t'

    /// Names that key records have.
    let isTagName (c: char) : bool =
        "vghknpst".Contains(Char.ToLowerInvariant c)

    /// The first place from `at` on that is no blank; the length where there is none.
    let rec pastBlanks (text: string) (at: int) : int =
        if at < text.Length && isBlank text[at] then
            pastBlanks text (at + 1)
        else
            at

    /// Whether a tag of a key record, with a value, may begin here. A single letter before = at the end of base64 is none,
    /// even where the next tag follows at once.
    let isTagAt (text: string) (at: int) : bool =
        let equals = pastBlanks text (at + 1)
        let value = pastBlanks text (equals + 1)

        isTagName text[at]
        && value < text.Length
        && text[equals] = '='
        && text[value] <> '='
        && text[value] <> ';'
        && not (isTagName text[value] && value + 1 < text.Length && text[value + 1] = '=')

    /// The name of a piece between semicolons, small; empty where it has none.
    let nameOf (piece: string) : string =
        piece.Substring(0, max 0 (piece.IndexOf '=')).Trim().ToLowerInvariant()

    /// The text with another value in the place of that of p=, which may hold anything but a semicolon.
    let mapKey (change: string -> string) (text: string) : string =
        text.Split ';'
        |> Array.map (fun piece ->
            if nameOf piece = "p" then
                let at = piece.IndexOf '=' + 1
                piece.Substring(0, at) + change (piece.Substring(at).Trim())
            else
                piece)
        |> fun pieces -> String.Join(';', pieces)

    /// The one candidate, unless it is the text itself.
    let unlessSame (text: string) (candidate: string) : string list =
        if candidate = text then [] else [ candidate ]
