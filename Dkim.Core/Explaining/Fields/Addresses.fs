/// Address fields in other ways: quotation marks, phrases, comments, commas, domains (RFC 5322 §3.4).
module internal Dkim.Core.Explaining.Fields.Addresses

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits

let private names =
    [
        "from"
        "to"
        "cc"
        "bcc"
        "sender"
        "reply-to"
        "resent-from"
        "resent-to"
        "resent-cc"
        "resent-sender"
    ]

/// More mailboxes are not taken apart.
[<Literal>]
let private MostMailboxes = 200

/// The mailboxes of a list with the white space around them; commas in quotation marks, comments and angle brackets part none.
let private mailboxes (value: string) : string list =
    let found = ResizeArray<string>()
    let mutable start = 0
    let mutable quoted = false
    let mutable depth = 0

    for at in 0 .. value.Length - 1 do
        match value[at] with
        | '"' -> quoted <- not quoted
        | '('
        | '<' when not quoted -> depth <- depth + 1
        | ')'
        | '>' when not quoted -> depth <- depth - 1
        | ',' when not quoted && depth = 0 && found.Count < MostMailboxes ->
            found.Add(value.Substring(start, at - start))
            start <- at + 1
        | _ -> ()

    found.Add(value.Substring start)
    List.ofSeq found

/// A mailbox as white space in front, the phrase without white space at its end, the address with its brackets, and the rest.
let private taken (mailbox: string) : struct (string * string * string * string) voption =
    let lead = mailbox.Length - mailbox.TrimStart(' ', '\t', '\r', '\n').Length

    match mailbox.LastIndexOf '<', mailbox.LastIndexOf '>' with
    | first, last when first >= lead && last > first ->
        ValueSome(
            struct (mailbox.Substring(0, lead),
                    mailbox.Substring(lead, first - lead).TrimEnd(),
                    mailbox.Substring(first, last + 1 - first),
                    mailbox.Substring(last + 1))
        )
    | _ -> ValueNone

let private withPhrase (change: string -> string) (mailbox: string) : string =
    match taken mailbox with
    | ValueSome(struct (lead, phrase, address, rest)) when phrase <> "" ->
        match change phrase with
        | "" -> lead + address + rest
        | changed -> lead + changed + " " + address + rest
    | _ -> mailbox

let private inner (address: string) =
    address.Substring(1, address.Length - 2)

let private isAround (mark: char) (phrase: string) =
    phrase.Length > 1 && phrase[0] = mark && phrase[phrase.Length - 1] = mark

/// What became of mailboxes, and what each was.
let private changes: (string * (string -> string)) list =
    let unless isSo change (phrase: string) =
        if isSo phrase then phrase else change phrase

    let bare (mailbox: string) = mailbox.Trim()

    [
        "got quotation marks", withPhrase (fun phrase -> phrase.Replace("\"", ""))
        "lost its quotation marks", withPhrase (unless (isAround '"') (fun phrase -> "\"" + phrase + "\""))
        "got marks ' around its phrase", withPhrase (fun phrase -> phrase.Trim('"').Trim('\''))
        "lost marks ' around its phrase", withPhrase (unless (isAround '\'') (fun phrase -> "'" + phrase + "'"))
        "lost marks ' around its phrase", withPhrase (fun phrase -> "\"'" + phrase.Trim '"' + "'\"")
        "got a phrase", withPhrase (fun _ -> "")
        "got a phrase and angle brackets",
        (fun mailbox ->
            match taken mailbox with
            | ValueSome(struct (lead, _, address, rest)) -> lead + inner address + rest
            | ValueNone -> mailbox)
        "lost its angle brackets",
        (fun mailbox ->
            if mailbox.Contains '<' || not (mailbox.Contains '@') then
                mailbox
            else
                mailbox.Replace(bare mailbox, "<" + bare mailbox + ">"))
        "got a phrase in place of a comment",
        (fun mailbox ->
            match taken mailbox with
            | ValueSome(struct (lead, phrase, address, _)) when phrase <> "" ->
                lead + inner address + " (" + phrase.Trim '"' + ")"
            | _ -> mailbox)
        "got a comment",
        (fun mailbox ->
            match mailbox.LastIndexOf '(' with
            | at when at > 0 && mailbox.EndsWith ')' -> mailbox.Substring(0, at).TrimEnd()
            | _ -> mailbox)
        "got a comment in place of a phrase",
        (fun mailbox ->
            match mailbox.LastIndexOf '(' with
            | at when at > 0 && mailbox.EndsWith ')' ->
                let address = mailbox.Substring(0, at)
                let lead = address.Length - address.TrimStart().Length

                address.Substring(0, lead)
                + mailbox.Substring(at + 1, mailbox.Length - at - 2)
                + " <"
                + address.Trim()
                + ">"
            | _ -> mailbox)
        "lost a phrase that repeats the address",
        (fun mailbox ->
            match taken mailbox with
            | ValueSome(struct (lead, "", address, rest)) -> lead + "\"" + inner address + "\" " + address + rest
            | ValueSome _
            | ValueNone -> mailbox)
    ]

/// Mailboxes that are changed one by one.
[<Literal>]
let private MostSingle = 10

let private mailboxChanges (_: Subject) (field: Field) : Wording seq =
    let value = field.ValueText
    let parts = mailboxes value
    let joined (parts: string list) = String.Join(',', parts)

    seq {
        for says, change in changes do
            FieldEdit.value field says (joined (parts |> List.map change))

        if parts.Length > 1 && parts.Length <= MostSingle then
            for at in 0 .. parts.Length - 1 do
                for says, change in changes do
                    FieldEdit.value
                        field
                        (says + " in mailbox " + string (at + 1))
                        (joined (List.updateAt at (change parts[at]) parts))
    }

let private commas (_: Subject) (field: Field) : Wording seq =
    let flat = Folds.unfoldWith " " field.ValueText
    let tight = flat.Replace(", ", ",")
    let parts = mailboxes tight
    let was = FieldEdit.value field

    let spacedAt (at: int) =
        parts
        |> List.mapi (fun index part ->
            if index = 0 then part
            elif index = at then ", " + part
            else "," + part)
        |> String.concat ""

    let tightAt (at: int) =
        parts
        |> List.mapi (fun index part ->
            if index = 0 then part
            elif index = at then "," + part
            else ", " + part)
        |> String.concat ""

    seq {
        was "got a space after a comma" tight
        was "lost the space after a comma" (tight.Replace(",", ", "))
        was "lost a space before a comma" (tight.Replace(",", " , "))
        was "lost a comma at its end" (field.ValueText.TrimEnd() + ",")
        was "got a comma at its end" (field.ValueText.TrimEnd(' ', ','))

        if parts.Length > 2 && parts.Length <= MostSingle then
            for at in 1 .. parts.Length - 1 do
                was "got spaces after some commas" (spacedAt at)
                was "got a space after one comma" (tightAt at)
    }

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
let private uncompleted (_: Subject) (field: Field) : Wording seq =
    let value = field.ValueText

    seq {
        for domain in domains value do
            let labels = domain.Split '.'

            for kept in 0 .. min 3 (labels.Length - 1) do
                let before = String.Join('.', Array.truncate kept labels)
                let from = if kept = 0 then "" else "@" + before
                let added = domain.Substring before.Length

                FieldEdit.value
                    field
                    ("was rewritten: an address without it got the domain "
                     + Printable.visibleExcerpt 80 (added.TrimStart '.'))
                    (value.Replace("@" + domain, from))

            FieldEdit.value
                field
                ("was rewritten: " + domain + " was in capital letters")
                (value.Replace("@" + domain, "@" + domain.ToUpperInvariant()))
    }

/// A From of a list, put together again: the name that stands before `via`, and the address that the list has kept.
let private munged (subject: Subject) (field: Field) : Wording seq =
    let value = field.ValueText

    let phrase =
        match taken value with
        | ValueSome(struct (_, phrase, _, _)) ->
            match phrase.LastIndexOf(" via ", StringComparison.OrdinalIgnoreCase) with
            | at when at > 0 -> phrase.Substring(0, at).Trim('"', '\'')
            | _ -> phrase.Trim('"', '\'')
        | ValueNone -> ""

    seq {
        for kept in [ "Reply-To"; "X-Original-From"; "X-Original-Sender"; "Cc" ] do
            for mailbox in mailboxes (Subject.value kept subject) |> List.truncate 10 do
                let address =
                    match taken mailbox with
                    | ValueSome(struct (_, _, address, _)) -> address
                    | ValueNone -> "<" + mailbox.Trim() + ">"

                let says = "was rewritten; the original address is in " + kept
                FieldEdit.value field says (" " + inner address)
                FieldEdit.value field says (" " + address)
                FieldEdit.value field says (" " + phrase + " " + address)
                FieldEdit.value field says (" \"" + phrase + "\" " + address)
                FieldEdit.value field says (" " + mailbox.Trim())
    }

let usual: FieldEdit list =
    [
        FieldEdit.make Modification.FieldRewritten [ "Sendmail"; "Exchange" ] names commas
        FieldEdit.make Modification.FieldRewritten [ "Mailman"; "Sympa"; "Google Groups" ] [ "from" ] munged
        FieldEdit.make Modification.FieldRewritten [ "Sendmail"; "Exchange"; "Gmail" ] names mailboxChanges
    ]

let seldom: FieldEdit list =
    [
        FieldEdit.make Modification.FieldRewritten [ "Postfix"; "Sendmail" ] names uncompleted
    ]
