/// Other ways in which a header field may have been written before somebody changed it (RFC 5322 §2.2.3).
module internal Dkim.Core.Explaining.FieldVariants

open System
open Dkim.Core.Words
open Dkim.Core.Message

/// A value with other white space where it was folded.
let unfoldWith (space: string) (value: string) : string =
    value.Replace("\r\n\t", space).Replace("\r\n ", space)

/// The value folded anew: as many words to a line as fit.
let private refold (name: string) (width: int) (lead: string) (value: string) : string =
    let add (lines: string list, column: int) (word: string) =
        match lines with
        | line :: rest when column + 1 + word.Length <= width -> (line + " " + word) :: rest, column + 1 + word.Length
        | lines -> (lead + word) :: lines, 1 + word.Length

    let words = (unfoldWith " " value).Trim().Split(' ')

    let lines, _ =
        Array.fold add ([ " " + words[0] ], name.Length + 2 + words[0].Length) words[1..]

    String.Join("\r\n", List.rev lines)

let private titled (name: string) : string =
    name.Split '-'
    |> Array.map (fun word ->
        if word = "" then
            word
        else
            word.Substring(0, 1).ToUpperInvariant() + word.Substring(1).ToLowerInvariant())
    |> fun words -> String.Join('-', words)

let private usualNames =
    [
        "MIME-Version"
        "Message-ID"
        "CC"
        "Content-ID"
        "DKIM-Signature"
        "List-ID"
    ]

/// Ways to fold and space a value, which matter to simple only.
let spacings (name: string) (value: string) : (Modification * string * string * string) list =
    let folded says value =
        Modification.FieldRefolded, says, name, value

    let spaced says value =
        Modification.SpaceChanged, says, name, value

    [
        spaced "got white space at its end" (value.TrimEnd(' ', '\t'))
        spaced "lost a space at its end" (value + " ")
        spaced "got a space after the colon" (value.TrimStart(' '))
        spaced "lost the space after the colon" (" " + value)
        folded "was folded" (unfoldWith " " value)
        folded "was folded" (value.Replace("\r\n", ""))
        folded "was folded, which put white space into a word" (unfoldWith "" value)
        folded "was folded with a space in place of a tab" (value.Replace("\r\n ", "\r\n\t"))
        folded "was folded with a tab in place of a space" (value.Replace("\r\n\t", "\r\n "))
        for width in [ 78; 76; 75; 72; 70; 998 ] do
            folded "was folded anew" (refold name width " " value)
            folded "was folded anew" (refold name width "\t" value)
        folded "was folded anew" (value.Replace(", ", ",\r\n "))
        folded "was folded anew" (value.Replace(", ", ",\r\n\t"))
        for other in [ titled name; name.ToLowerInvariant(); name.ToUpperInvariant() ] @ usualNames do
            if other.Equals(name, StringComparison.OrdinalIgnoreCase) then
                Modification.NameCaseChanged, "was spelled " + other, other, value
    ]

/// A Subject without words at its front, without words at its end, and without a tag in brackets anywhere.
let private subjects (value: string) : (Modification * string * string) list =
    let cut says value =
        Modification.SubjectChanged, says, value

    let text = value.Substring(value.Length - value.TrimStart().Length)
    let lead = value.Substring(0, value.Length - text.Length)

    let blanks =
        [
            for at in 1 .. min 400 (text.Length - 1) do
                if text[at] = ' ' || text[at] = '\t' then
                    at
        ]
        |> List.truncate 60

    let prefixed says cutAt =
        cut (says + " \"" + Printable.visibleExcerpt 80 (text.Substring(0, cutAt)) + "\"") (lead + text.Substring cutAt)

    [
        for at in blanks do
            prefixed "got the prefix" (at + 1)
        if text.StartsWith '[' && text.Contains ']' then
            prefixed "got the prefix" (text.IndexOf ']' + 1)
        for at in blanks do
            cut
                ("got the suffix \"" + Printable.visibleExcerpt 80 (text.Substring at) + "\"")
                (lead + text.Substring(0, at))
        match text.IndexOf '[', text.IndexOf "] " with
        | first, last when first > 0 && last > first ->
            cut
                ("got the tag \""
                 + Printable.visibleExcerpt 80 (text.Substring(first, last + 1 - first))
                 + "\"")
                (lead + text.Remove(first, last + 2 - first))
        | _ -> ()
    ]

let private encodings = [ "8bit"; "7bit"; "quoted-printable"; "base64"; "binary" ]

let private unquoted (value: string) = value.Replace("\"", "")

let private quotedName (value: string) : string =
    match value.IndexOf '<' with
    | at when at > 0 && not (value.Contains '"') -> " \"" + value.Substring(0, at).Trim() + "\" " + value.Substring at
    | _ -> value

/// Fields in which a list has commas.
let private addresses (value: string) : (Modification * string * string) list =
    let rewritten says value =
        Modification.FieldRewritten, says, value

    let flat = unfoldWith " " value

    [
        rewritten "got quotation marks" (unquoted value)
        rewritten "lost its quotation marks" (quotedName value)
        rewritten "got a space after a comma" (flat.Replace(", ", ","))
        rewritten "lost the space after a comma" (flat.Replace(", ", ",").Replace(",", ", "))
    ]

/// Rewritings that servers are known for, by field.
let rewritings (header: Header) (field: Field) (value: string) : (Modification * string * string) list =
    let rewritten says value =
        Modification.FieldRewritten, says, value

    match field.Name.ToLowerInvariant() with
    | "subject" -> subjects value
    | "from" ->
        [
            for name in [ "X-Original-From"; "X-Google-Original-From"; "Reply-To"; "X-From" ] do
                match Header.tryFind name header with
                | ValueSome other -> rewritten ("was rewritten; the original is in " + name) other.ValueText
                | ValueNone -> ()
            yield! addresses value
        ]
    | "to"
    | "cc"
    | "sender"
    | "reply-to" -> addresses value
    | "content-transfer-encoding" ->
        [
            for encoding in encodings do
                Modification.EncodingChanged, "was " + encoding, " " + encoding
        ]
    | "content-type" ->
        [
            rewritten "got quotation marks" (unquoted value)
            rewritten "was written with other letters" (value.ToLowerInvariant())
        ]
    | _ -> []
