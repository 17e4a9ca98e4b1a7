/// Edits of single fields, made edits of the header: each signed field by itself, and all that were changed alike.
namespace Dkim.Core.Explaining.Fields

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Explaining.Edits

/// One way in which a field may have been written.
[<Struct>]
type internal Wording =
    {
        /// What follows the name of the field in a sentence.
        Says: string
        Name: string
        Value: string
    }

/// One kind of change to a field.
[<NoComparison; NoEquality>]
type internal FieldEdit =
    {
        Modification: Modification
        KnownOf: string list
        Paired: bool
        /// The fields that it may touch, in small letters; where there are none, all.
        Names: string list
        /// Whether the signature's own field may be touched, too.
        Own: bool
        Was: Subject -> Field -> Wording seq
    }

module internal FieldEdit =
    /// What looking at a field costs, and thinking of a wording.
    [<Literal>]
    let private PerField = 1000L

    [<Literal>]
    let private PerWording = 300L

    /// Another value under the same name.
    let value (field: Field) (says: string) (value: string) : Wording =
        {
            Says = says
            Name = field.Name
            Value = value
        }

    let make modification knownOf names (was: Subject -> Field -> Wording seq) : FieldEdit =
        {
            Modification = modification
            KnownOf = knownOf
            Paired = true
            Names = names
            Own = false
            Was = was
        }

    /// One that is not tried together with others.
    let alone (edit: FieldEdit) : FieldEdit = { edit with Paired = false }

    /// One that may touch the signature itself.
    let ownToo (edit: FieldEdit) : FieldEdit = { edit with Own = true }

    let private touches (edit: FieldEdit) (field: Field) =
        edit.Names.IsEmpty
        || edit.Names |> List.contains (field.Name.ToLowerInvariant())

    let private nameList (names: string seq) =
        String.Join(", ", names |> Seq.map (Printable.visibleExcerpt 80))

    /// Changes of the same words to several fields, which one program may have made.
    let private together (alike: Dictionary<string, List<struct (string * Piece)>>) : Candidate seq =
        alike
        |> Seq.filter (fun pair -> pair.Value.Count > 1)
        |> Seq.map (fun pair ->
            let pieces = pair.Value |> Seq.map (fun (struct (_, piece)) -> piece) |> List.ofSeq

            Candidate.ofPieces
                (fun () ->
                    nameList (pair.Value |> Seq.map (fun (struct (name, _)) -> name))
                    + " "
                    + pair.Key)
                pieces)

    /// More different sentences are not looked at for fields that were changed alike.
    [<Literal>]
    let private MostAlike = 200

    /// The first wording of a sentence for each field counts.
    let private note (alike: Dictionary<string, List<struct (string * Piece)>>) says (name: string) (piece: Piece) =
        match alike.TryGetValue says with
        | true, known ->
            let struct (_, last) = known[known.Count - 1]

            if last.Part < piece.Part then
                known.Add(struct (name, piece))
        | false, _ ->
            if alike.Count < MostAlike then
                alike[says] <- List [ struct (name, piece) ]

    let private undo (edit: FieldEdit) (subject: Subject) (effort: Effort) : Candidate seq =
        let alike = Dictionary<string, List<struct (string * Piece)>>()

        let count =
            if edit.Own then
                subject.Signed.Length
            else
                subject.Touchable

        seq {
            for index in 0 .. count - 1 do
                let field = subject.Signed[index]

                if effort.Spend(PerField + int64 field.Raw.Length) && touches edit field then
                    for wording in edit.Was subject field do
                        if effort.Spend(PerWording + int64 wording.Value.Length) then
                            let was = Subject.canonical subject index (Field.ofText wording.Name wording.Value)

                            let piece = Piece.whole subject index was

                            if Piece.isChange subject piece then
                                note alike wording.Says field.Name piece

                                Candidate.ofPieces
                                    (fun () -> Printable.visibleExcerpt 80 field.Name + " " + wording.Says)
                                    [ piece ]

            yield! together alike
        }

    /// The edit of a header.
    let lift (edit: FieldEdit) : Edit =
        {
            Modification = edit.Modification
            KnownOf = edit.KnownOf
            Paired = edit.Paired
            Undo = undo edit
        }
