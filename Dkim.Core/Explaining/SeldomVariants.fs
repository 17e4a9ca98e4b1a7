/// Ways in which a header field may have been written that are many, or seldom met: each is tried by itself, after the
/// usual ones and not together with others.
module internal Dkim.Core.Explaining.SeldomVariants

open System
open Dkim.Core.Words
open Dkim.Core.Message

/// Fields that may hold what another field was.
[<Literal>]
let private MostCopies = 20

/// The originals that servers leave under a longer name: X-OriginalDate, X-Google-Original-Message-ID.
let private copies (header: Header) (field: Field) : (Modification * string * string) list =
    let name = field.Name

    header.Fields
    |> Seq.filter (fun other ->
        int other.Colon > int field.Colon
        && other.Name.EndsWith(name, StringComparison.OrdinalIgnoreCase))
    |> Seq.truncate MostCopies
    |> Seq.map (fun other ->
        Modification.FieldRewritten,
        "was rewritten; the original is in " + Printable.visibleExcerpt 80 other.Name,
        other.ValueText)
    |> List.ofSeq

/// More domains of a field are not looked at.
[<Literal>]
let private MostDomains = 20

/// The domains behind the at signs of a field, without repetition.
let private domains (value: string) : string list =
    let rec search (from: int) (found: string list) =
        match value.IndexOf('@', from) with
        | at when at < 0 || found.Length >= MostDomains -> List.rev found
        | at ->
            let length =
                value.AsSpan(at + 1).IndexOfAny(" \t\r\n<>,;:()[]@\"".AsSpan())
                |> fun length -> if length < 0 then value.Length - at - 1 else length

            search (at + 1) (value.Substring(at + 1, length) :: found)

    search 0 [] |> List.filter ((<>) "") |> List.distinct

/// Addresses without a domain, or with the first labels of it, before a server completed them.
let private uncompleted (value: string) : (Modification * string * string) list =
    [
        for domain in domains value do
            let labels = domain.Split '.'

            for kept in 0 .. min 3 (labels.Length - 1) do
                let before = String.Join('.', Array.truncate kept labels)
                let from = if kept = 0 then "" else "@" + before
                let added = domain.Substring before.Length

                Modification.FieldRewritten,
                "was rewritten: an address without it got the domain "
                + Printable.visibleExcerpt 80 (added.TrimStart '.'),
                value.Replace("@" + domain, from)
    ]

/// What a field may have been, in words, and its value.
let all (header: Header) (field: Field) : (Modification * string * string) list =
    let value = field.ValueText

    [
        yield! copies header field
        match field.Name.ToLowerInvariant() with
        | "date" ->
            for date in DateVariants.all value do
                Modification.FieldRewritten, "was rewritten: it was" + date, date
        | "subject" ->
            for says, subject in EncodedWords.untagged value do
                Modification.SubjectChanged, says, subject
        | "from"
        | "to"
        | "cc"
        | "sender"
        | "reply-to" -> yield! uncompleted value
        | _ -> ()
    ]
