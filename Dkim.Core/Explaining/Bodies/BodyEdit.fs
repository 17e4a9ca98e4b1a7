/// Edits of a body as a whole: Latin-1 text, with CRLF.
namespace Dkim.Core.Explaining.Bodies

open System
open Dkim.Core.Explaining.Edits

/// One way back, in words, and what it costs for each octet of a body.
[<NoComparison; NoEquality>]
type internal Change =
    {
        Says: string
        Undo: string -> string
        Cost: int64
    }

module internal BodyEdit =
    let change says cost undo : Change =
        {
            Says = says
            Undo = undo
            Cost = cost
        }

    /// Each line by itself.
    let lines (edit: string -> string) (body: string) : string =
        String.Join("\r\n", body.Split "\r\n" |> Array.map edit)

    let private candidate (body: BodyText) (change: Change) : Candidate =
        {
            Says = fun () -> change.Says
            Cost = change.Cost * int64 body.Text.Length
            Undone =
                fun () ->
                    let text = change.Undo body.Text
                    if text = body.Text then Unchanged else Text text
        }

    let private undo (changes: Subject -> string -> Change seq) (subject: Subject) (effort: Effort) : Candidate seq =
        match subject.Body with
        | ValueSome body when effort.Spend(2L * int64 body.Text.Length) ->
            changes subject body.Text |> Seq.map (candidate body)
        | ValueSome _
        | ValueNone -> Seq.empty

    /// An edit whose candidates are other bodies.
    let whole modification knownOf (changes: Subject -> string -> Change seq) : Edit =
        {
            Modification = modification
            KnownOf = knownOf
            Paired = true
            Undo = undo changes
        }

    /// One that is not tried together with others.
    let alone (edit: Edit) : Edit = { edit with Paired = false }
