/// One message on its way through a program. The octets go in, needs come out, a decision ends it: the loop that every
/// host runs, whatever its program decides.
namespace Dkim.Core.Signatures

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Canonicalization

/// What a program wants of a message once it has seen the header, and how it goes on when it has that.
[<NoComparison; NoEquality>]
type Work<'decision> =
    {
        Questions: Question list
        Digests: DigestRequest list
        Conclude: Digests -> (Question -> Answer) -> Step<'decision>
    }

module Work =
    /// The work with its decision made into another.
    let map (change: 'a -> 'b) (work: Work<'a>) : Work<'b> =
        {
            Questions = work.Questions
            Digests = work.Digests
            Conclude = fun digests answerTo -> Step.map change (work.Conclude digests answerTo)
        }

    /// Nothing to look up or to hash.
    let decided (decision: 'decision) : Work<'decision> =
        {
            Questions = []
            Digests = []
            Conclude = fun _ _ -> Done decision
        }

/// What is known of a message when its body begins.
[<NoComparison; NoEquality>]
type Arrival =
    {
        /// The header, or why it is not looked at.
        Header: Result<Header, HeaderError>
        /// Octets of the message before its body, the empty line among them.
        BodyAt: int64<octet>
    }

/// The passage of one message, on one thread at a time. The order of calls: `Feed` as often as there are octets, with
/// `Go` before more of them while `HoldsBody` is true; `End`, then `Go` while there are `Needs`, then `Decision`.
[<Sealed>]
type Passage<'decision>(limits: HeaderLimits, start: Arrival -> Step<Work<'decision>>) =
    let intake = Intake limits
    // While something has to be found out before it is known what is done with the message.
    let mutable choosing: Step<Work<'decision>> voption = ValueNone
    let mutable work: Work<'decision> voption = ValueNone
    let mutable hasher: BodyHasher voption = ValueNone
    let mutable needs: Need list = []
    let mutable step: Step<'decision> voption = ValueNone
    let mutable ended = false

    let choose (chosen: Step<Work<'decision>>) =
        match chosen with
        | Want(wanted, _) ->
            choosing <- ValueSome chosen
            needs <- wanted
        | Done begun ->
            choosing <- ValueNone
            work <- ValueSome begun
            needs <- begun.Questions |> List.map Need.Lookup
            hasher <- ValueSome(new BodyHasher(begun.Digests))

    let startWhenComplete () =
        match work, choosing, intake.Header with
        | ValueNone, ValueNone, ValueSome header ->
            start
                {
                    Header = header
                    BodyAt = intake.BodyAt
                }
            |> choose
        | _ -> ()

    let proceed (next: Step<'decision>) =
        step <- ValueSome next
        needs <- next.Needs

    let conclude (found: Found) =
        match work, hasher with
        | ValueSome begun, ValueSome bodyHasher -> proceed (begun.Conclude (bodyHasher.Finish()) found.Answer)
        | _ -> invalidOp "the message did not end"

    let concludeWhenKnown () =
        if ended && needs.IsEmpty then
            conclude Found.Nothing

    /// The header, from a host that gets it field by field; all octets fed are then body.
    member _.Begin(fields: Field seq) : unit =
        start
            {
                Header = HeaderLimits.check limits (Header.ofFields fields)
                BodyAt = 0L<octet>
            }
        |> choose

    /// Octets of the message as the next hop will see them: CRLF line ends, no dot-stuffing. How many of them were taken:
    /// all, unless `HoldsBody` is true now; the others are to be fed again.
    member _.Feed(octets: ReadOnlySpan<byte>) : int =
        let header =
            if work.IsSome || choosing.IsSome then
                0
            else
                intake.Feed octets

        startWhenComplete ()

        match hasher with
        | _ when choosing.IsSome -> header
        | ValueSome bodyHasher ->
            if header < octets.Length then
                bodyHasher.Feed(octets.Slice header)

            octets.Length
        | ValueNone -> octets.Length

    /// Whether the needs have to be found before more octets are fed: without them it is not known what is done with the
    /// message.
    member _.HoldsBody = choosing.IsSome

    /// Whether the decision depends on octets that are still to come.
    member _.WantsMore: bool =
        match hasher with
        | ValueSome bodyHasher -> bodyHasher.WantsMore
        | ValueNone -> true

    /// What to find out now; empty when nothing is. It is set when the header is complete and again by `Go`.
    member _.Needs: Need list = needs

    /// The message is complete.
    member _.End() : unit =
        ended <- true

        if work.IsNone && choosing.IsNone then
            intake.End()
            startWhenComplete ()

        concludeWhenKnown ()

    /// What was found of `Needs`. What is missing counts as unavailable.
    member _.Go(found: Found) : unit =
        match choosing, step with
        | ValueSome chosen, _ ->
            choose (chosen.Go found)
            concludeWhenKnown ()
        | ValueNone, ValueNone -> conclude found
        | ValueNone, ValueSome next when next.IsDone -> invalidOp "nothing was asked"
        | ValueNone, ValueSome next -> proceed (next.Go found)

    /// The decision, once nothing is needed any more.
    member _.Decision: 'decision =
        match step with
        | ValueSome(Done decision) -> decision
        | _ -> invalidOp "the decision is not made"

    interface IDisposable with
        member _.Dispose() =
            match hasher with
            | ValueSome bodyHasher -> (bodyHasher :> IDisposable).Dispose()
            | ValueNone -> ()
