/// All edits of a header, in the order in which they are tried: what happens often stands above what happens seldom or is much
/// to try.
module internal Dkim.Core.Explaining.Fields.FieldEdits

open Dkim.Core.Explaining.Edits

let all: Edit list =
    let lift = List.map FieldEdit.lift

    lift Subjects.edits
    @ lift OtherFields.usual
    @ lift Addresses.usual
    @ lift ContentFields.edits
    @ lift Folds.usual
    @ Presence.usual
    @ SignerFaults.edits
    @ lift Addresses.seldom
    @ lift Folds.seldom
    @ lift Dates.edits
    @ lift EncodedWords.edits
    @ lift OtherFields.seldom
    @ Presence.seldom
