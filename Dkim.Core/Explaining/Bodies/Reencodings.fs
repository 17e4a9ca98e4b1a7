/// Transfer encodings that a server changed, in the whole body or in some parts of it, and what it did with the field that names
/// them (RFC 2045 §6, RFC 6376 §5.3).
module internal Dkim.Core.Explaining.Bodies.Reencodings

open System
open Dkim.Core.Explaining.Edits

/// What an encoding was before, and the way back.
[<NoComparison; NoEquality>]
type private Coding =
    {
        Now: string
        Was: string
        Undo: string -> string
    }

let private codings: Coding list =
    [
        {
            Now = "quoted-printable"
            Was = "8bit"
            Undo = TransferCoding.fromQuotedPrintable
        }
        {
            Now = "base64"
            Was = "8bit"
            Undo = TransferCoding.fromBase64
        }
        {
            Now = "8bit"
            Was = "quoted-printable"
            Undo = TransferCoding.toQuotedPrintable
        }
        {
            Now = "8bit"
            Was = "base64"
            Undo = TransferCoding.toBase64
        }
        {
            Now = "quoted-printable"
            Was = "base64"
            Undo = TransferCoding.fromQuotedPrintable >> TransferCoding.toBase64
        }
        {
            Now = "base64"
            Was = "quoted-printable"
            Undo = TransferCoding.fromBase64 >> TransferCoding.toQuotedPrintable
        }
    ]

let private isNow (coding: Coding) (encoding: string) =
    encoding.StartsWith(coding.Now, StringComparison.OrdinalIgnoreCase)

/// Where the field stood in the header of a part.
[<RequireQualifiedAccess>]
type private FieldPlace =
    | Here
    /// Counted from 0, on top.
    | At of int
    | Nowhere

/// A part with its encoding undone.
let private restored (text: string) (leaf: MimeParts.Leaf) (coding: Coding) (place: FieldPlace) : string =
    let struct (lines, at) = MimeParts.encodingAt text leaf
    let named = lines[at].IndexOf(coding.Now, StringComparison.OrdinalIgnoreCase)

    let field =
        lines[at].Substring(0, named)
        + coding.Was
        + lines[at].Substring(named + coding.Now.Length)

    let others = Array.removeAt at lines

    let header =
        match place with
        | FieldPlace.Here -> Array.updateAt at field lines
        | FieldPlace.At place -> Array.insertAt (min place others.Length) field others
        | FieldPlace.Nowhere -> others

    String.Join("\r\n", header)
    + "\r\n\r\n"
    + coding.Undo(text.Substring(leaf.Body, leaf.Finish - leaf.Body))

/// Parts that are looked at one by one.
[<Literal>]
let private MostParts = 6

/// What each part may have been, the likely first, and last as it is.
let private choices (text: string) (coding: Coding) (leaf: MimeParts.Leaf) : FieldPlace voption list =
    let struct (lines, at) = MimeParts.encodingAt text leaf

    let places =
        [
            for place in 0 .. min 3 (lines.Length - 1) do
                if place <> at then
                    ValueSome(FieldPlace.At place)
        ]

    if at < 0 || not (isNow coding (MimeParts.encodingOf text leaf)) then
        [ ValueNone ]
    else
        ValueSome FieldPlace.Here :: places
        @ [ ValueSome FieldPlace.Nowhere; ValueNone ]

/// Every combination of the choices, in their order.
let rec private combined (all: 'a list list) : 'a list seq =
    match all with
    | [] -> Seq.singleton []
    | choices :: others ->
        seq {
            for choice in choices do
                for rest in combined others do
                    choice :: rest
        }

let private says (coding: Coding) (chosen: FieldPlace voption list) : string =
    let isTouched (choice: FieldPlace voption) = choice.IsSome

    let parts =
        if chosen |> List.forall isTouched || chosen.Length = 1 then
            ""
        else
            chosen
            |> List.indexed
            |> List.filter (snd >> isTouched)
            |> List.map (fun (at, _) -> string (at + 1))
            |> fun numbers -> " in part " + String.Join(", ", numbers)

    let moved =
        if
            chosen
            |> List.exists (fun choice ->
                match choice with
                | ValueSome(FieldPlace.At _) -> true
                | _ -> false)
        then
            ", and the field that names it was moved within its part"
        elif chosen |> List.contains (ValueSome FieldPlace.Nowhere) then
            ", and a field that names it was added"
        else
            ""

    "the transfer encoding "
    + coding.Was
    + " was changed to "
    + coding.Now
    + parts
    + moved

let private inParts (text: string) (leaves: MimeParts.Leaf list) (coding: Coding) : Change seq =
    let tried =
        leaves
        |> List.filter (fun leaf -> isNow coding (MimeParts.encodingOf text leaf))

    let back (leaves: MimeParts.Leaf list) (chosen: FieldPlace voption list) (_: string) =
        List.zip leaves chosen
        |> List.choose (fun (leaf, choice) ->
            match choice with
            | ValueSome place -> Some(struct (leaf.Header, leaf.Finish, restored text leaf coding place))
            | ValueNone -> None)
        |> MimeParts.replaced text

    let change leaves chosen =
        BodyEdit.change (says coding chosen) 20L (back leaves chosen)

    seq {
        if not tried.IsEmpty then
            change tried (tried |> List.map (fun _ -> ValueSome FieldPlace.Here))

            for place in 0..3 do
                change tried (tried |> List.map (fun _ -> ValueSome(FieldPlace.At place)))

            if tried.Length <= MostParts then
                for chosen in combined (tried |> List.map (choices text coding)) do
                    change tried chosen
    }

let private all (subject: Subject) (text: string) : Change seq =
    let encoding = Subject.value "Content-Transfer-Encoding" subject
    let contentType = Subject.value "Content-Type" subject

    match MimeParts.leaves contentType text with
    | [] ->
        codings
        |> Seq.filter (fun coding -> isNow coding encoding)
        |> Seq.map (fun coding -> BodyEdit.change (says coding [ ValueSome FieldPlace.Here ]) 20L coding.Undo)
    | leaves -> codings |> Seq.collect (inParts text leaves)

/// A part of a multipart that may be the body as it was signed.
let private unwrapped (subject: Subject) (_: string) : Change seq =
    let contentType = Subject.value "Content-Type" subject

    let part number besides decode =
        BodyEdit.change
            ("the signed body is part "
             + string number
             + " of what a list has made a multipart"
             + besides)
            6L
            (fun body ->
                match MimeParts.tryPart contentType number body with
                | ValueSome part -> decode part
                | ValueNone -> body)

    if contentType.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) then
        [
            part 1 "" id
            part 1 ", which made it quoted-printable" TransferCoding.fromQuotedPrintable
            part 1 ", which made it base64" TransferCoding.fromBase64
            part 2 "" id
            part 2 ", which made it quoted-printable" TransferCoding.fromQuotedPrintable
            part 2 ", which made it base64" TransferCoding.fromBase64
            part 1 ", and took a line end from it" (fun body -> body + "\r\n")
            part 3 "" id
        ]
    else
        []

/// More boundaries are not put in each other's place.
[<Literal>]
let private MostRenamed = 12

/// A boundary that stands somewhere else in the message, where a server renamed it.
let private renamed (subject: Subject) (text: string) : Change seq =
    let contentType = Subject.value "Content-Type" subject

    let known =
        subject.Header.Fields
        |> Seq.truncate 200
        |> Seq.collect (fun field -> MimeParts.boundaries (field.ValueText + "\r\n"))
        |> Seq.append (MimeParts.boundaries (text.Substring(0, min text.Length 65536)))
        |> Seq.distinct
        |> Seq.truncate MostRenamed
        |> List.ofSeq

    seq {
        for boundary in MimeParts.boundaries (contentType + "\r\n") @ known |> List.distinct do
            for other in known do
                if other <> boundary then
                    BodyEdit.change
                        ("the boundary of a multipart was renamed: it was "
                         + Dkim.Core.Words.Printable.visibleExcerpt 80 other)
                        6L
                        _.Replace("--" + boundary, "--" + other)
    }

/// Fields of an encoding within a body that says nothing of octets: of multiparts, and where nothing had to be encoded.
let private named (_: Subject) (_: string) : Change seq =
    let was (before: string) (now: string) =
        let field (encoding: string) =
            "Content-Transfer-Encoding: " + encoding

        BodyEdit.change
            ("a part or multipart within the body said " + before + ", which was made " + now)
            20L
            (BodyEdit.lines (fun line ->
                if line.Equals(field now, StringComparison.OrdinalIgnoreCase) then
                    field before
                else
                    line))

    [
        was "8bit" "7bit"
        was "7bit" "8bit"
        was "binary" "8bit"
        was "8BIT" "8bit"
        was "7BIT" "7bit"
    ]

let edits: Edit list =
    [
        BodyEdit.whole Modification.EncodingChanged [ "Postfix"; "Sendmail"; "Exchange"; "qmail with a patch" ] all
        BodyEdit.whole Modification.EncodingChanged [ "Postfix"; "Sendmail" ] named
        BodyEdit.whole Modification.BodyWrapped [ "Mailman"; "Sympa"; "Exchange" ] unwrapped
        BodyEdit.whole Modification.BoundaryRenamed [ "Exchange"; "Gmail" ] renamed
    ]
