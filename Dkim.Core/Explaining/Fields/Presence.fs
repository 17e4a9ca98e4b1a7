/// Fields that were added, removed, emptied, filled or put into another order after signing (RFC 6376 §5.4, §5.4.2).
module internal Dkim.Core.Explaining.Fields.Presence

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits

let private nameOf (field: Field) = Printable.visibleExcerpt 80 field.Name

let private removed (subject: Subject) (at: int) = Piece.whole subject at [||]

/// A field that h= names, and that was not there.
let private addedOne (subject: Subject) (_: Effort) : Candidate seq =
    Seq.init subject.Touchable (fun at ->
        Candidate.ofPieces
            (fun () ->
                "a field "
                + nameOf subject.Signed[at]
                + " was added after signing, though the signature forbids that")
            [ removed subject at ])

let private severalAdded (subject: Subject) (places: int list) : Candidate =
    Candidate.ofPieces
        (fun () ->
            "the fields "
            + String.Join(", ", places |> List.map (fun at -> nameOf subject.Signed[at]))
            + " were added after signing, though the signature forbids that")
        (places |> List.map (removed subject))

/// Fields of which every choice is tried; of more, stretches in the order of h=.
[<Literal>]
let private MostChosen = 12

let private addedSeveral (subject: Subject) (_: Effort) : Candidate seq =
    let count = subject.Touchable

    seq {
        for length in 2 .. count - 1 do
            for first in 0 .. count - length do
                severalAdded subject [ first .. first + length - 1 ]

        if count <= MostChosen then
            for choice in 1 .. (1 <<< count) - 2 do
                let places = [ 0 .. count - 1 ] |> List.filter (fun at -> choice >>> at &&& 1 = 1)

                if places.Length > 1 then
                    severalAdded subject places
    }

/// A field in front of one of the signed.
let private inserted (subject: Subject) (place: int) (name: string) (value: string) : Piece =
    {
        Part = place
        Start = 0
        Length = 0
        // The place is never that of the signature itself, which has no line end, but before it.
        Was = Subject.canonical subject -1 (Field.ofText name value)
    }

let private isAnywhere (subject: Subject) (name: string) =
    (Header.tryFind name subject.Header).IsSome

let private emptySays =
    ", which is not here, and what was signed is an empty one: it was removed, or the signer took an absent field for an \
     empty one (RFC 6376 §5.4.2)"

let private removedEmpty (subject: Subject) (_: Effort) : Candidate seq =
    let never =
        subject.Absent |> List.filter (fun (name, _) -> not (isAnywhere subject name))

    let candidate (absent: (string * int) list) (value: string) =
        Candidate.ofPieces
            (fun () ->
                "h= names "
                + String.Join(", ", absent |> List.map (fst >> Printable.visible))
                + emptySays)
            (absent |> List.map (fun (name, place) -> inserted subject place name value))

    seq {
        for value in [ ""; " " ] do
            for absent in subject.Absent do
                candidate [ absent ] value

            if never.Length > 1 then
                candidate never value

            if subject.Absent.Length > max 1 never.Length then
                candidate subject.Absent value
    }

/// What fields that were removed mostly said.
let private usualValues: (string * string list) list =
    [
        "mime-version", [ "1.0" ]
        "content-transfer-encoding", [ "7bit"; "8bit"; "quoted-printable"; "base64"; "7Bit"; "binary" ]
        "content-type",
        [
            for text in [ "text/plain"; "text/html" ] do
                text

                for charset in [ "utf-8"; "UTF-8"; "us-ascii"; "US-ASCII"; "iso-8859-1"; "ISO-8859-1" ] do
                    text + "; charset=" + charset
                    text + "; charset=\"" + charset + "\""
        ]
        "content-language", [ "en-US"; "en"; "de-DE"; "de"; "fr"; "fr-FR" ]
        "content-disposition", [ "inline" ]
        "importance", [ "normal"; "Normal"; "high"; "High" ]
        "x-priority", [ "3"; "1"; "3 (Normal)"; "1 (Highest)" ]
        "x-msmail-priority", [ "Normal"; "High" ]
        "priority", [ "normal"; "urgent" ]
        "precedence", [ "bulk"; "list"; "junk" ]
        "auto-submitted", [ "auto-generated"; "auto-replied"; "no" ]
        "list-unsubscribe-post", [ "List-Unsubscribe=One-Click" ]
        "to",
        [
            "undisclosed-recipients:;"
            "undisclosed-recipients: ;"
            "Undisclosed recipients:;"
        ]
        "user-agent", []
    ]

/// More fields whose values a removed field may have had are not looked at.
[<Literal>]
let private MostValues = 60

let private removedUsual (subject: Subject) (_: Effort) : Candidate seq =
    let usual (name: string) =
        usualValues
        |> List.tryFind (fun (known, _) -> known.Equals(name, StringComparison.OrdinalIgnoreCase))
        |> Option.map (snd >> List.map (fun value -> " " + value, ": it said " + value))
        |> Option.defaultValue []

    let ofOthers =
        subject.Header.Fields
        |> Seq.truncate MostValues
        |> Seq.map (fun field -> field.ValueText, ": it said what is in " + nameOf field)

    seq {
        for name, place in subject.Absent do
            for value, says in Seq.append (usual name) ofOthers do
                Candidate.ofPieces
                    (fun () -> "a field " + Printable.visible name + " was removed" + says)
                    [ inserted subject place name value ]
    }

/// Values of To for mail that names nobody.
let private undisclosed =
    [
        " undisclosed-recipients:;"
        " undisclosed-recipients: ;"
        " Undisclosed recipients:;"
        " Undisclosed-Recipient:;"
        " undisclosed-recipients:"
        " \"Undisclosed recipients\":;"
        " unlisted-recipients:; (no To-header on input)"
        " Recipient list not shown:;"
    ]

let private filled (_: Subject) (field: Field) : Wording seq =
    [
        FieldEdit.value field "was empty when it was signed" ""
        FieldEdit.value field "was empty when it was signed" " "
    ]

let private namedNobody (_: Subject) (field: Field) : Wording seq =
    undisclosed
    |> Seq.map (fun value -> FieldEdit.value field ("named nobody when it was signed:" + value) value)

/// More fields of one name are not put into all orders.
[<Literal>]
let private MostPermuted = 5

let rec private permutations (items: int list) : int list list =
    match items with
    | [] -> [ [] ]
    | items ->
        items
        |> List.collect (fun first ->
            permutations (List.filter ((<>) first) items)
            |> List.map (fun rest -> first :: rest))

let private reordered (subject: Subject) (_: Effort) : Candidate seq =
    let groups =
        [ 0 .. subject.Touchable - 1 ]
        |> List.groupBy (fun at -> subject.Signed[at].Name.ToLowerInvariant())
        |> List.filter (fun (_, places) -> places.Length > 1)

    seq {
        for _, places in groups do
            let orders =
                if places.Length <= MostPermuted then
                    permutations places
                else
                    [
                        List.rev places
                        places.Tail @ [ places.Head ]
                        List.last places :: List.truncate (places.Length - 1) places
                    ]

            for order in orders do
                Candidate.ofPieces
                    (fun () ->
                        "the fields "
                        + nameOf subject.Signed[places.Head]
                        + " were put into another order")
                    (List.map2 (fun at from -> Piece.whole subject at subject.Parts[from]) places order)
    }

let private edit modification knownOf paired undo : Edit =
    {
        Modification = modification
        KnownOf = knownOf
        Paired = paired
        Undo = undo
    }

let usual: Edit list =
    [
        edit Modification.FieldAdded [ "Mailman"; "Sympa" ] true addedOne
        edit Modification.FieldsReordered [ "Exchange" ] true reordered
        FieldEdit.make
            Modification.FieldRewritten
            [ "Sendmail"; "Exchange" ]
            [ "to"; "cc"; "bcc"; "reply-to"; "subject" ]
            filled
        |> FieldEdit.lift
        FieldEdit.make Modification.FieldRewritten [ "Sendmail"; "Postfix" ] [ "to"; "cc"; "bcc" ] namedNobody
        |> FieldEdit.lift
        edit Modification.FieldRemoved [ "Exchange"; "Postfix" ] true removedEmpty
    ]

let seldom: Edit list =
    [
        edit Modification.FieldAdded [ "Mailman"; "Sympa" ] false addedSeveral
        edit Modification.FieldRemoved [ "Exchange"; "Mailman" ] false removedUsual
    ]
