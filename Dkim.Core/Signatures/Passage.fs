/// One message on its way through a program. The octets go in, questions come out, a decision ends it: the loop that
/// every host runs, whatever its program decides.
namespace Dkim.Core.Signatures

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Canonicalization

/// A decision that may need a second look at the DNS.
[<NoComparison; NoEquality>]
type Round<'decision> =
    | Decided of 'decision
    | Ask of Question list * ((Question -> Answer) -> Round<'decision>)

/// What a program wants of a message once it has seen the header, and how it goes on when it has that.
[<NoComparison; NoEquality>]
type Work<'decision> =
    {
        Questions: Question list
        Digests: DigestRequest list
        Conclude: Digests -> (Question -> Answer) -> Round<'decision>
    }

module Round =
    /// The round with its decision made into another.
    let rec map (change: 'a -> 'b) (round: Round<'a>) : Round<'b> =
        match round with
        | Decided decision -> Decided(change decision)
        | Ask(questions, next) -> Ask(questions, (fun answerTo -> map change (next answerTo)))

module Work =
    /// The work with its decision made into another.
    let map (change: 'a -> 'b) (work: Work<'a>) : Work<'b> =
        {
            Questions = work.Questions
            Digests = work.Digests
            Conclude = fun digests answerTo -> Round.map change (work.Conclude digests answerTo)
        }

    /// Nothing to look up or to hash.
    let decided (decision: 'decision) : Work<'decision> =
        {
            Questions = []
            Digests = []
            Conclude = fun _ _ -> Decided decision
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

/// The passage of one message, on one thread at a time. The order of calls: `Feed` as often as there are octets, `End`,
/// then `Answer` while there are `Questions`, then `Decision`.
[<Sealed>]
type Passage<'decision>(limits: HeaderLimits, start: Arrival -> Work<'decision>) =
    let intake = Intake limits
    let mutable work: Work<'decision> voption = ValueNone
    let mutable hasher: BodyHasher voption = ValueNone
    let mutable questions: Question list = []
    let mutable round: Round<'decision> voption = ValueNone

    let startWork (arrival: Arrival) =
        let begun = start arrival
        work <- ValueSome begun
        questions <- begun.Questions
        hasher <- ValueSome(new BodyHasher(begun.Digests))

    let startWhenComplete () =
        match work, intake.Header with
        | ValueNone, ValueSome header ->
            startWork
                {
                    Header = header
                    BodyAt = intake.BodyAt
                }
        | _ -> ()

    let proceed (next: Round<'decision>) =
        round <- ValueSome next

        questions <-
            match next with
            | Decided _ -> []
            | Ask(wanted, _) -> wanted

    let answerFrom (answers: IReadOnlyDictionary<Question, Answer>) (question: Question) =
        match answers.TryGetValue question with
        | true, answer -> answer
        | false, _ -> Answer.Unavailable "not asked"

    let conclude (answers: Question -> Answer) =
        match work, hasher with
        | ValueSome begun, ValueSome bodyHasher -> proceed (begun.Conclude (bodyHasher.Finish()) answers)
        | _ -> invalidOp "the message did not end"

    /// The header, from a host that gets it field by field; all octets fed are then body.
    member _.Begin(fields: Field seq) : unit =
        startWork
            {
                Header = HeaderLimits.check limits (Header.ofFields fields)
                BodyAt = 0L<octet>
            }

    /// Octets of the message as the next hop will see them: CRLF line ends, no dot-stuffing.
    member _.Feed(octets: ReadOnlySpan<byte>) : unit =
        let header = if work.IsSome then 0 else intake.Feed octets
        startWhenComplete ()

        match hasher with
        | ValueSome bodyHasher when header < octets.Length -> bodyHasher.Feed(octets.Slice header)
        | _ -> ()

    /// Whether the decision depends on octets that are still to come.
    member _.WantsMore: bool =
        match hasher with
        | ValueSome bodyHasher -> bodyHasher.WantsMore
        | ValueNone -> true

    /// What to look up now; empty when nothing is. It is set when the header is complete and again by `Answer`.
    member _.Questions: Question[] = Array.ofList questions

    /// The message is complete.
    member _.End() : unit =
        if work.IsNone then
            intake.End()
            startWhenComplete ()

        if questions.IsEmpty then
            conclude (fun _ -> Answer.Unavailable "not asked")

    /// The answers to `Questions`. One that is missing counts as unavailable.
    member _.Answer(answers: IReadOnlyDictionary<Question, Answer>) : unit =
        match round with
        | ValueNone -> conclude (answerFrom answers)
        | ValueSome(Ask(_, next)) -> proceed (next (answerFrom answers))
        | ValueSome(Decided _) -> invalidOp "nothing was asked"

    /// The decision, once nothing is asked any more.
    member _.Decision: 'decision =
        match round with
        | ValueSome(Decided decision) -> decision
        | _ -> invalidOp "the decision is not made"

    interface IDisposable with
        member _.Dispose() =
            match hasher with
            | ValueSome bodyHasher -> (bodyHasher :> IDisposable).Dispose()
            | ValueNone -> ()
