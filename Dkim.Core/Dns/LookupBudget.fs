/// What look-ups may cost: those of one message, and all that are unanswered at the same time. Whoever sends mail chooses
/// the names that are looked up for it, so that names which nobody answers for are an attack.
namespace Dkim.Core.Dns

open System

/// What the look-ups of one message may cost.
type LookupBudget =
    {
        /// Distinct questions that are asked; the rest count as unavailable.
        Questions: int
        /// Of these, so many wait for their answers at the same time.
        AtOnce: int
        /// Spent waiting, over all of them.
        Time: TimeSpan
    }

module LookupBudget =
    /// Keys of as many signatures as are verified by default.
    [<Literal>]
    let private MostAtOnce = 10

    /// The policy of an author's domain: its record, and whether the domain exists (MX, A, AAAA).
    [<Literal>]
    let PolicyQuestions = 4

    /// Policies that a program asks of an author's domain: DomainKeys, sender signing practices, ADSP.
    [<Literal>]
    let MostPolicies = 3

    let private forEver = TimeSpan.FromDays 1.0

    /// So many seconds; 0: for as long as it takes.
    let timeOf (seconds: int) : TimeSpan =
        if seconds > 0 then
            TimeSpan.FromSeconds(float seconds)
        else
            forEver

    /// So many questions within so many seconds; 0 seconds: for as long as it takes.
    let ofQuestions (questions: int) (seconds: int) : LookupBudget =
        {
            Questions = questions
            AtOnce = MostAtOnce
            Time = timeOf seconds
        }

    // What was allowed before settings counted.
    [<Literal>]
    let private Fewest = 20

    /// What a message may ask of which so many signatures are verified: their keys, so many policies, and with
    /// `reports` what their domains want to be told (RFC 6651 §3.2).
    let questionsOf (signatures: int) (policies: int) (reports: bool) : int =
        max Fewest (signatures * (if reports then 2 else 1) + policies * PolicyQuestions)

/// What of the questions below one name waits for an answer, and how much of that is let.
[<Struct>]
type LookupShare =
    {
        /// Asked and not answered.
        Waiting: int
        /// So many may be.
        Allowed: int
    }

/// How a question ended, to those who ask the same servers next.
type LookupEnd =
    /// It was answered: the record, or that there is none.
    | Answered = 0
    /// Nothing came for as long as anybody waited.
    | Silent = 1
    /// The server failed.
    | Failed = 2

module LookupShare =
    /// A domain that has fallen silent is still tried.
    [<Literal>]
    let Least = 2

    /// The name whose servers answer for a question: of a key or policy the domain that publishes it, else the name
    /// without its first label (RFC 6376 §3.6.2.1).
    let parent (name: string) : string =
        let marker = "_domainkey."
        let at = name.IndexOf(marker, StringComparison.Ordinal)

        if at >= 0 then
            name.Substring(at + marker.Length)
        else
            name.Substring(name.IndexOf '.' + 1)

    /// Nothing known: half of all places, so that no domain can take them all.
    let first (places: int) : LookupShare =
        {
            Waiting = 0
            Allowed = max Least (places / 2)
        }

    let admits (share: LookupShare) : bool = share.Waiting < share.Allowed

    let enter (share: LookupShare) : LookupShare =
        { share with
            Waiting = share.Waiting + 1
        }

    /// Silence halves what is let, an answer doubles it.
    let leave (places: int) (ending: LookupEnd) (share: LookupShare) : LookupShare =
        let most = (first places).Allowed

        {
            Waiting = share.Waiting - 1
            Allowed =
                match ending with
                | LookupEnd.Answered -> min most (share.Allowed * 2)
                | LookupEnd.Silent -> max Least (share.Allowed / 2)
                | _ -> share.Allowed
        }

    /// Whether nothing need be remembered of it.
    let isFresh (places: int) (share: LookupShare) : bool =
        share.Waiting = 0 && share.Allowed = (first places).Allowed

/// How many look-ups may still go unanswered, over all messages of a run. A server that is dead uses that up in two rounds,
/// since a place that one look-up leaves is taken before the others end, and is not asked for the rest; one that answers
/// most of what it is asked earns more.
[<Struct>]
type LookupCredit =
    {
        /// In eighths of an unanswered look-up.
        Left: int
    }

module LookupCredit =
    /// Look-ups that wait for an answer at the same time.
    [<Literal>]
    let AtOnce = 100

    /// The reason of a name that was not asked for.
    [<Literal>]
    let NotAsked = "not asked, since the name servers do not answer"

    // An answer earns an eighth of what silence costs.
    [<Literal>]
    let private Silence = 8

    let full: LookupCredit = { Left = AtOnce * Silence }

    /// Whether nothing is asked any more.
    let isSpent (credit: LookupCredit) : bool = credit.Left <= 0

    /// What is left after a look-up.
    let after (answer: Answer) (credit: LookupCredit) : LookupCredit =
        match answer.Outcome with
        | Unavailable "timeout" -> { Left = credit.Left - Silence }
        | Unavailable _ -> credit
        | Records _
        | NoSuchName ->
            {
                Left = min full.Left (credit.Left + 1)
            }
