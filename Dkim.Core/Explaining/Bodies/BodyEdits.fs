/// All edits of a body, in the order in which they are tried: what happens often stands above what happens seldom or is much to
/// try.
module internal Dkim.Core.Explaining.Bodies.BodyEdits

open Dkim.Core.Explaining.Edits

let all: Edit list =
    LineEnds.unseenBody
    @ Reencodings.edits
    @ LineChanges.edits
    @ LongLines.edits
    @ Charsets.edits
    @ LineEnds.ofSigners
    @ Insertions.usual
    @ LineEnds.single
    @ Banners.edits
    @ LongLines.seldom
    @ Insertions.seldom
