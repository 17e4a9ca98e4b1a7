/// Why a message has no signature that could be judged.
namespace Dkim.Core.MailFiles

open System
open Dkim.Core.Words
open Dkim.Core.Message

/// Why there is none. Lines are counted from the first of the header, from 1.
[<RequireQualifiedAccess>]
type NoSignature =
    | Empty
    | Html
    /// A print: fields that mail programs show, and none of those that a message has.
    | Printed
    /// The first line is no field.
    | NoHeader of line: string
    /// So many attached messages have one.
    | Attached of count: int
    /// The line is empty, and below it stands what looks like a signature.
    | Below of line: int
    /// The line begins with a blank, and so goes on with the field above it.
    | Folded of line: int * field: string
    | DomainKeysOnly
    /// Fields that only look alike.
    | OtherNames of names: string list
    | NoField of fields: int

module internal NoSignature =
    [<Literal>]
    let private Name = "DKIM-Signature"

    /// A name is shown up to here, in characters.
    [<Literal>]
    let private NameShown = 60

    let private has (name: string) (mail: Mail) =
        (Header.tryFind name mail.Header).IsSome

    let private isFieldName (name: string) =
        name <> "" && not (name.AsSpan().ContainsAnyExceptInRange('!', '~'))

    let private startsWith (prefix: string) (text: string) =
        text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)

    let private beginningOf (octets: ReadOnlyMemory<byte>) =
        (Octets.latin1 (octets.Span.Slice(0, min octets.Length 512))).TrimStart()

    let private isHtml (mail: Mail) : bool =
        let start = beginningOf mail.Octets

        startsWith "<!doctype html" start
        || startsWith "<html" start
        || startsWith "<?xml" start

    // Outlook prints Sent in place of Date, which no message has.
    let private isPrinted (mail: Mail) : bool =
        has "From" mail
        && has "Sent" mail
        && not (has "Received" mail || has "Date" mail || has "Message-ID" mail)

    let private isSignature (line: ReadOnlySpan<byte>) : bool =
        startsWith (Name + ":") (Octets.latin1 (line.Slice(0, min line.Length 40)))

    /// Whether the body begins with lines as a header has them, a signature among them. A header that is quoted further
    /// down is no part of this message's.
    let private isBelow (mail: Mail) : bool =
        let mutable rest =
            mail.Body.Span.Slice(0, min mail.Body.Length MailLimits.Searched).TrimStart "\r\n"B

        let mutable found = false

        while not rest.IsEmpty do
            let length = rest.IndexOf(ReadOnlySpan Octets.crlf)
            let line = if length < 0 then rest else rest.Slice(0, length)
            found <- found || isSignature line

            let goesOn =
                not line.IsEmpty
                && (Octets.isWsp line[0] || MailboxLines.fieldStart line = MailboxLines.IsField)

            rest <-
                if found || length < 0 || not goesOn then
                    ReadOnlySpan.Empty
                else
                    rest.Slice(length + 2)

        found

    let private countLines (octets: ReadOnlyMemory<byte>) =
        octets.Span.Count(ReadOnlySpan Octets.crlf)

    /// A signature that begins with a blank, within the field above it.
    let private tryFolded (mail: Mail) : NoSignature voption =
        let rec search (line: int) (fields: Field list) =
            match fields with
            | [] -> ValueNone
            | field :: others ->
                let lines = (Octets.latin1 field.Raw.Span).Split "\r\n"

                match
                    lines
                    |> Array.tryFindIndex (fun text -> startsWith (Name + ":") (text.TrimStart(' ', '\t')))
                with
                | Some at when at > 0 -> ValueSome(NoSignature.Folded(line + at, field.Name))
                | _ -> search (line + lines.Length) others

        search 1 (List.ofSeq mail.Header.Fields)

    let private alike (mail: Mail) : string list =
        let isAlike (name: string) =
            let letters = String.filter Char.IsLetter name
            letters.Contains("DKIMSignature", StringComparison.OrdinalIgnoreCase)

        mail.Header.Fields
        |> Seq.map _.Name
        |> Seq.filter isAlike
        |> Seq.truncate 3
        |> List.ofSeq

    /// Why a message has no DKIM-Signature field.
    let find (mail: Mail) : NoSignature =
        let first = Seq.tryHead mail.Header.Fields
        let attached = AttachedMessages.countSigned mail

        if mail.Octets.Span.Trim(" \t\r\n"B).IsEmpty then
            NoSignature.Empty
        elif has "DomainKey-Signature" mail then
            NoSignature.DomainKeysOnly
        elif isHtml mail then
            NoSignature.Html
        elif attached > 0 then
            NoSignature.Attached(attached)
        elif isBelow mail then
            NoSignature.Below(
                countLines (mail.Octets.Slice(0, mail.Octets.Length - mail.Body.Length))
                |> max 1
            )
        else
            match tryFolded mail, alike mail, first with
            | ValueSome folded, _, _ -> folded
            | ValueNone, (_ :: _ as names), _ -> NoSignature.OtherNames names
            | ValueNone, [], Some field when
                mail.Header.Fields |> Seq.exists (fun field -> isFieldName field.Name) |> not
                ->
                NoSignature.NoHeader(Octets.latin1 field.Raw.Span)
            | ValueNone, [], _ when isPrinted mail -> NoSignature.Printed
            | ValueNone, [], _ -> NoSignature.NoField mail.Header.Count

    /// The word for it in JSON.
    let name (why: NoSignature) : string =
        match why with
        | NoSignature.Empty -> "empty"
        | NoSignature.Html -> "html"
        | NoSignature.Printed -> "printed"
        | NoSignature.NoHeader _ -> "no-header"
        | NoSignature.Attached _ -> "attached"
        | NoSignature.Below _ -> "header-ended"
        | NoSignature.Folded _ -> "folded"
        | NoSignature.DomainKeysOnly -> "domainkeys-only"
        | NoSignature.OtherNames _ -> "other-names"
        | NoSignature.NoField _ -> "no-field"

    let private shown (text: string) = Printable.visibleExcerpt NameShown text

    /// In words, with what to do where something can be done.
    let describe (why: NoSignature) : string =
        match why with
        | NoSignature.Empty -> "there is nothing in it"
        | NoSignature.Html ->
            "this is a page in HTML, no message: save the message itself (Show original, Download, Save as .eml)"
        | NoSignature.Printed ->
            "this looks like a print of a message, without Date, Message-ID and Received: what was signed is not in it; \
             save the message itself (Show original, Save as .eml)"
        | NoSignature.NoHeader line -> "there is no header: its first line is no field: " + shown line
        | NoSignature.Attached 1 -> "a message that is attached to it has one (--attached judges that)"
        | NoSignature.Attached count ->
            string count
            + " messages that are attached to it have one (--attached judges those)"
        | NoSignature.Below line ->
            "the header ended early at line "
            + string line
            + ", because that is empty; a DKIM-Signature stands below it"
        | NoSignature.Folded(line, field) ->
            "the DKIM-Signature in line "
            + string line
            + " begins with a blank, and so is a part of the field above it, "
            + shown field
        | NoSignature.DomainKeysOnly ->
            "the header has no DKIM-Signature, only a DomainKey-Signature, which is historic (RFC 4870)"
        | NoSignature.OtherNames names ->
            "the header has no DKIM-Signature; "
            + String.Join(", ", names |> List.map shown)
            + " is another field, which only those who wrote it can check"
        | NoSignature.NoField 1 -> "the header has one field, and that is no DKIM-Signature"
        | NoSignature.NoField fields ->
            "the header has "
            + string fields
            + " fields, and none of them is a DKIM-Signature"
