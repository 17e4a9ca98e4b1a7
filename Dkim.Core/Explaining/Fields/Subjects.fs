/// A Subject that got a prefix, a suffix or a tag.
module internal Dkim.Core.Explaining.Fields.Subjects

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits

/// Octets in which a prefix or a suffix is looked for, and places where it may end.
[<Literal>]
let private LongestAffix = 400

[<Literal>]
let private MostBlanks = 60

let private quoted (text: string) =
    "\"" + Printable.visibleExcerpt 80 text + "\""

/// A Subject without words at its front, without words at its end, and without a tag in brackets anywhere.
let private untagged (_: Subject) (field: Field) : Wording seq =
    let value = field.ValueText
    let cut = FieldEdit.value field
    let text = value.Substring(value.Length - value.TrimStart().Length)
    let lead = value.Substring(0, value.Length - text.Length)

    let blanks =
        [
            for at in 1 .. min LongestAffix (text.Length - 1) do
                if text[at] = ' ' || text[at] = '\t' then
                    at
        ]
        |> List.truncate MostBlanks

    let prefixed says cutAt =
        cut (says + " " + quoted (text.Substring(0, cutAt))) (lead + text.Substring cutAt)

    [
        for at in blanks do
            prefixed "got the prefix" (at + 1)
        if text.StartsWith '[' && text.Contains ']' then
            prefixed "got the prefix" (text.IndexOf ']' + 1)
        for at in blanks do
            cut ("got the suffix " + quoted (text.Substring at)) (lead + text.Substring(0, at))
        match text.IndexOf '[', text.IndexOf "] " with
        | first, last when first > 0 && last > first ->
            cut
                ("got the tag " + quoted (text.Substring(first, last + 1 - first)))
                (lead + text.Remove(first, last + 2 - first))
        | _ -> ()
        for reply in [ "Re: "; "RE: "; "Fwd: "; "AW: " ] do
            cut ("lost the prefix " + quoted reply) (lead + reply + text)
    ]

let edits: FieldEdit list =
    [
        FieldEdit.make
            Modification.SubjectChanged
            [ "Mailman"; "Sympa"; "SpamAssassin"; "Exchange" ]
            [ "subject" ]
            untagged
    ]
