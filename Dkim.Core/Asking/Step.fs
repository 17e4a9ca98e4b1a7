/// The one way in which the core asks: what it wants to know, and how it goes on when it knows.
namespace Dkim.Core.Asking

open Dkim.Core.Dns
open Dkim.Core.Stores

/// A value, or what has to be found first. A host finds all needs of a step, at the same time where it can, and calls
/// `Go` with what it found, until there is a value.
[<NoComparison; NoEquality>]
type Step<'result> =
    | Done of 'result
    | Want of needs: Need list * next: (Found -> Step<'result>)

    /// What to find out now; empty once there is a value.
    member this.Needs: Need list =
        match this with
        | Done _ -> []
        | Want(needs, _) -> needs

    /// The step after this one, given what was found of its needs.
    member this.Go(found: Found) : Step<'result> =
        match this with
        | Done _ -> this
        | Want(_, next) -> next found

    /// The value, once nothing is needed any more.
    member this.Value: 'result =
        match this with
        | Done value -> value
        | Want _ -> invalidOp "something is still to be found"

module Step =
    /// The step with its value made into another.
    let rec map (change: 'a -> 'b) (step: Step<'a>) : Step<'b> =
        match step with
        | Done value -> Done(change value)
        | Want(needs, next) -> Want(needs, next >> map change)

    /// One step after the other.
    let rec bind (follow: 'a -> Step<'b>) (step: Step<'a>) : Step<'b> =
        match step with
        | Done value -> follow value
        | Want(needs, next) -> Want(needs, next >> bind follow)

    /// Both at the same time: what either needs is asked at once.
    let rec both (one: Step<'a>) (other: Step<'b>) : Step<struct ('a * 'b)> =
        match one, other with
        | Done a, Done b -> Done(struct (a, b))
        | Want(needs, next), Want(more, follow) -> Want(needs @ more, (fun found -> both (next found) (follow found)))
        | Want(needs, next), Done _ -> Want(needs, (fun found -> both (next found) other))
        | Done _, Want(needs, follow) -> Want(needs, (fun found -> both one (follow found)))

    /// All at the same time, in the order of the list; it may be long.
    let rec all (steps: Step<'a> list) : Step<'a list> =
        if steps |> List.forall (fun (step: Step<'a>) -> step.IsDone) then
            steps |> List.map (fun (step: Step<'a>) -> step.Value) |> Done
        else
            Want(
                List.collect (fun (step: Step<'a>) -> step.Needs) steps,
                (fun found -> steps |> List.map (fun (step: Step<'a>) -> step.Go found) |> all)
            )

    /// A file as the host found it.
    let file (kind: FileKind) (path: string) : Step<FileContents> =
        let wanted = { Path = path; Kind = kind }
        Want([ Need.File wanted ], (fun found -> Done(found.File wanted)))

    /// What stores say; nothing is asked where there is no question.
    let rows (questions: StoreQuestion list) (next: Found -> 'a) : Step<'a> =
        match questions with
        | [] -> Done(next Found.Nothing)
        | _ -> Want(questions |> List.map Need.Rows, next >> Done)

    /// What servers reply that are asked one by one; nothing is asked where there are none.
    let askDirectly (questions: DirectQuestion list) (next: (DirectQuestion -> DirectAnswer) -> Step<'a>) : Step<'a> =
        match questions with
        | [] -> next Found.Nothing.Reply
        | _ -> Want(questions |> List.map Need.Direct, (fun found -> next found.Reply))

    /// The answers to questions for the DNS; nothing is asked where there are none.
    let lookUp (questions: Question list) (next: (Question -> Answer) -> Step<'a>) : Step<'a> =
        match questions with
        | [] -> next Found.Nothing.Answer
        | _ -> Want(questions |> List.map Need.Lookup, (fun found -> next found.Answer))
