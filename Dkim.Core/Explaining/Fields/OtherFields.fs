/// A field whose value stands in another field now: under a longer name, as servers leave originals, or under any.
module internal Dkim.Core.Explaining.Fields.OtherFields

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits

/// Fields that may hold what another field was.
[<Literal>]
let private MostCopies = 60

let private others (subject: Subject) (field: Field) (isOne: Field -> bool) : Wording seq =
    subject.Header.Fields
    |> Seq.filter (fun other -> not (other.Equals field) && isOne other)
    |> Seq.truncate MostCopies
    |> Seq.map (fun other ->
        let says =
            if other.Is field.Name then
                "was another of that name"
            else
                "was rewritten; the original is in " + Printable.visibleExcerpt 80 other.Name

        FieldEdit.value field says other.ValueText)

let private isLonger (field: Field) (other: Field) =
    int other.Colon > int field.Colon
    && other.Name.EndsWith(field.Name, StringComparison.OrdinalIgnoreCase)

/// The originals that servers leave under a longer name: X-OriginalDate, X-Google-Original-Message-ID.
let private longer (subject: Subject) (field: Field) : Wording seq =
    seq {
        yield! others subject field (isLonger field)

        if field.Is "From" then
            yield! others subject field (fun other -> other.Is "Reply-To" || other.Is "X-From")
    }

let private any (subject: Subject) (field: Field) : Wording seq =
    seq {
        yield! others subject field (fun other -> other.Is field.Name)
        yield! others subject field (fun other -> not (isLonger field other || other.Is field.Name))
    }

let usual: FieldEdit list =
    [
        FieldEdit.make Modification.FieldRewritten [ "Cyrus"; "Gmail"; "Mailman" ] [] longer
    ]

let seldom: FieldEdit list =
    [ FieldEdit.make Modification.FieldRewritten [] [] any |> FieldEdit.alone ]
