/// Mistakes of signers that hash another header than they name: each changes the whole (RFC 6376 §3.4, §3.7, §5.4.2).
module internal Dkim.Core.Explaining.Fields.SignerFaults

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Explaining.Edits

/// All signed parts as others.
let private wholly (subject: Subject) (says: string) (parts: unit -> byte[][]) : Candidate =
    {
        Says = fun () -> says
        Cost =
            4L
            * (subject.Signed |> Array.sumBy (fun field -> int64 field.Raw.Length + 200L))
        Undone =
            fun () ->
                parts ()
                |> Array.truncate subject.BodyPart
                |> Array.mapi (Piece.whole subject)
                |> List.ofArray
                |> Pieces
    }

let private mapped (subject: Subject) (change: Field -> Field) () : byte[][] =
    subject.Signed
    |> Array.mapi (fun at field -> Subject.canonical subject at (change field))

let private withValue (change: string -> string) (field: Field) : Field =
    Field.ofText field.Name (change field.ValueText)

let private all (subject: Subject) : Candidate list =
    let everywhere says change =
        wholly subject says (mapped subject (withValue change))

    [
        everywhere "all folded fields were unfolded or folded" (Folds.unfoldWith " ")
        everywhere "the folds of all fields had tabs" _.Replace("\r\n ", "\r\n\t")
        everywhere "the folds of all fields had spaces" _.Replace("\r\n\t", "\r\n ")
        everywhere "all fields got white space at their ends" _.TrimEnd(' ', '\t')
    ]

/// The fields with LF for CRLF.
let private withLf (subject: Subject) () : byte[][] =
    subject.Parts
    |> Array.map (fun part -> Octets.ofLatin1 ((Octets.latin1 (ReadOnlySpan part)).Replace("\r\n", "\n")))

/// The n-th mention of a name from the top, where it should be from the bottom (RFC 6376 §5.4.2).
let private fromTop (subject: Subject) () : byte[][] =
    let left = Dictionary<string, Stack<Field>>(StringComparer.OrdinalIgnoreCase)

    for field in subject.Signed do
        match left.TryGetValue field.Name with
        | true, same -> same.Push field
        | false, _ -> left[field.Name] <- Stack [ field ]

    subject.Signed
    |> Array.map (fun field -> left[field.Name].Pop())
    |> Array.mapi (Subject.canonical subject)

/// The fields but the signature in another order.
let private inOrder (subject: Subject) (order: int[] -> int[]) () : byte[][] =
    let places = order [| 0 .. subject.Touchable - 1 |]
    Array.append (places |> Array.map (fun at -> subject.Parts[at])) subject.Parts[subject.Touchable ..]

let private placeIn (subject: Subject) : int -> int =
    let places = Dictionary<ReadOnlyMemory<byte>, int>()

    for at in 0 .. subject.Header.Count - 1 do
        places[subject.Header.Fields[at].Raw] <- at

    fun index ->
        match places.TryGetValue subject.Signed[index].Raw with
        | true, at -> at
        | false, _ -> 0

let private orders (subject: Subject) : Candidate list =
    let ordered says order =
        wholly subject ("the signer hashed the fields " + says) (inOrder subject order)

    [
        ordered "in the order of the message, not of h=" (fun places -> Array.sortBy (placeIn subject) places)
        ordered "in the order of h= from its end" Array.rev
        ordered "in the order of the message from its end" (fun places ->
            Array.sortByDescending (placeIn subject) places)
        ordered "in the order of their names" (fun places ->
            places |> Array.sortBy (fun at -> subject.Signed[at].Name.ToLowerInvariant()))
        wholly subject "the signer took repeated fields from the top, not from the bottom" (fromTop subject)
    ]

let private rules (subject: Subject) : Candidate list =
    let other =
        match subject.Canon with
        | SimpleHeader -> RelaxedHeader, "relaxed"
        | RelaxedHeader -> SimpleHeader, "simple"
        | NofwsHeader -> SimpleHeader, "simple"

    [
        wholly
            subject
            ("the signer canonicalized the header by the rules of "
             + snd other
             + ", not as c= says")
            (mapped { subject with Canon = fst other } id)
    ]

/// The signature's own field in ways in which it must not be hashed.
let private ofOwn (subject: Subject) : Candidate list =
    if not subject.OwnLast then
        []
    else
        let own = subject.Signed.Length - 1
        let field = subject.Signed[own]
        let before = Array.truncate own subject.Parts

        let as' says (part: byte[]) =
            wholly subject ("the signer hashed " + says) (fun () -> Array.append before [| part |])

        let value says (text: string) =
            as' says (Subject.canonical subject own (Field.ofText field.Name text))

        let text = field.ValueText
        let trimmed = text.TrimEnd(' ', '\t', '\r', '\n')

        let beforeTag =
            if trimmed.EndsWith "b=" then
                trimmed.Substring(0, trimmed.Length - 2)
            else
                text

        [
            as'
                "a line end behind its own field, where none belongs (RFC 6376 §3.7)"
                (Subject.canonical subject -1 field)
            as' "the other fields alone, without its own (RFC 6376 §3.7)" [||]
            value "its own field without b=" beforeTag
            value "its own field without b= and the semicolon" (beforeTag.TrimEnd(' ', '\t', '\r', '\n', ';'))
            value "its own field with a semicolon at its end" (text + ";")
            value "its own field without the semicolon at its end" (text.TrimEnd(' ', ';'))
            value "its own field with a space at its end" (text + " ")
            value "its own field without folds" (Folds.unfoldWith " " text)
            value "its own field without white space" (Folds.unfoldWith "" text)
            wholly subject "the signer hashed its own field before the others" (fun () ->
                Array.append [| Subject.canonical subject -1 field |] before
                |> Array.mapi (fun at part ->
                    if at = own then
                        Array.sub part 0 (max 0 (part.Length - 2))
                    else
                        part))
        ]

/// A field that h= names once more than it occurs, hashed once more.
let private repeated (subject: Subject) : Candidate list =
    subject.Absent
    |> List.choose (fun (name, place) ->
        subject.Signed
        |> Array.tryFindIndex (fun field -> field.Is name)
        |> Option.map (fun at ->
            Candidate.ofPieces
                (fun () ->
                    "the signer hashed "
                    + Printable.visible name
                    + " twice, since h= names it twice (RFC 6376 §5.4.2)")
                [
                    {
                        Part = place
                        Start = 0
                        Length = 0
                        Was = subject.Parts[at]
                    }
                ]))

let private edit modification (candidates: Subject -> Candidate list) : Edit =
    {
        Modification = modification
        KnownOf = []
        Paired = false
        Undo =
            fun subject _ ->
                if subject.Signed.Length = 0 then
                    Seq.empty
                else
                    Seq.delay (fun () -> candidates subject)
    }

let edits: Edit list =
    [
        edit Modification.FieldRefolded all
        edit Modification.OtherCanonicalization rules
        edit Modification.LineEndsChanged (fun subject ->
            [
                wholly subject "line ends were LF when the header was signed" (withLf subject)
            ])
        edit Modification.OtherFields orders
        edit Modification.SignerFault ofOwn
        edit Modification.SignerFault repeated
    ]
