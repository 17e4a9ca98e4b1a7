/// How long an answer of a store counts, and when a store that does not answer is asked again (opendkim.conf(5) TableCacheTime).
namespace Dkim.Core.Stores

open System
open Dkim.Core.Words

/// Settings of all stores of a filter.
type StoreTimes =
    {
        /// How long a row counts; zero: each look-up asks.
        Found: TimeSpan
        /// How long counts that there is none.
        Absent: TimeSpan
        /// How old an answer may be while the store does not answer.
        Stale: TimeSpan
        /// How long one message waits.
        Timeout: TimeSpan
    }

/// A store with how long its answers count.
type StoreUse =
    {
        /// The settings whose data sets it has, for the log.
        Name: string
        Store: Store
        Times: StoreTimes
    }

/// What an answer of some age is good for.
[<RequireQualifiedAccess>]
type Freshness =
    /// It counts.
    | Fresh
    /// It counts, and is to be asked for again now, so that nobody waits later.
    | Ageing
    /// It counts only while the store does not answer.
    | Stale
    | Gone

/// A store as it answered last.
[<RequireQualifiedAccess>]
type StoreHealth =
    | Up
    /// It has not answered since, and so many times; from `next` on one question may find out whether it does again.
    | Down of since: DateTimeOffset * failures: int * next: DateTimeOffset

/// For a host, which has the clock and the answers.
module StoreRules =
    let defaults: StoreTimes =
        {
            Found = TimeSpan.FromMinutes 1.0
            Absent = TimeSpan.FromSeconds 10.0
            Stale = TimeSpan.FromHours 1.0
            Timeout = TimeSpan.FromSeconds 5.0
        }

    /// The stores of data sets for whose times there is no setting.
    let usual (stores: (string * Store) list) : StoreUse list =
        stores
        |> List.map (fun (name, store) ->
            {
                Name = name
                Store = store
                Times = defaults
            })

    /// What a store is asked only to see whether it answers.
    [<Literal>]
    let Probe = "example.invalid"

    /// The most answers that are kept.
    [<Literal>]
    let MostAnswers = 100000

    /// The most memory that they take, in octets.
    [<Literal>]
    let MostOctets = 67108864L

    /// How much longer than its store's time an answer of the process may take.
    let grace = TimeSpan.FromSeconds 1.0

    /// Before a process that has ended is started again.
    let restart = TimeSpan.FromSeconds 1.0

    /// The memory that an answer takes, about, in octets.
    [<CompiledName "Octets">]
    let octets (form: string) (fields: string list) : int =
        200
        + 2 * form.Length
        + (fields |> List.sumBy (fun field -> 2 * field.Length + 50))

    /// What the log says when a store does not answer any more.
    [<CompiledName "DownLine">]
    let downLine (store: StoreUse) (reason: string) : string =
        "table "
        + store.Name
        + ": server down ("
        + Printable.brief reason
        + "), using cached answers"

    /// What the log says when it answers again.
    [<CompiledName "BackLine">]
    let backLine (store: StoreUse) (time: TimeSpan) : string =
        "table "
        + store.Name
        + ": server back after "
        + string (int time.TotalSeconds)
        + " s"

    /// The longest time between two questions to a store that does not answer.
    let private longestWait = TimeSpan.FromSeconds 30.0

    /// The last fifth of its time, in which an answer in use is asked for again.
    let private ageing = 0.8

    /// What an answer of this age is good for.
    [<CompiledName "Freshness">]
    let freshness (times: StoreTimes) (isFound: bool) (age: TimeSpan) : Freshness =
        let counts = if isFound then times.Found else times.Absent

        if age < counts * ageing then Freshness.Fresh
        elif age < counts then Freshness.Ageing
        elif age < times.Stale then Freshness.Stale
        else Freshness.Gone

    /// Whether a question may be put to a store now.
    [<CompiledName "MayAsk">]
    let mayAsk (health: StoreHealth) (now: DateTimeOffset) : bool =
        match health with
        | StoreHealth.Up -> true
        | StoreHealth.Down(_, _, next) -> next <= now

    /// A store after a question that it did not answer. The next is put after a second, then after two, and so on.
    [<CompiledName "Failed">]
    let failed (health: StoreHealth) (now: DateTimeOffset) : StoreHealth =
        let since, failures =
            match health with
            | StoreHealth.Up -> now, 1
            | StoreHealth.Down(since, failures, _) -> since, failures + 1

        let wait = TimeSpan.FromSeconds(Math.Pow(2.0, float (min failures 6 - 1)))
        StoreHealth.Down(since, failures, now + min wait longestWait)

    /// A store that is down with a question on its way: no other is put before that one has an end.
    [<CompiledName "Probing">]
    let probing (times: StoreTimes) (health: StoreHealth) (now: DateTimeOffset) : StoreHealth =
        match health with
        | StoreHealth.Up -> StoreHealth.Up
        | StoreHealth.Down(since, failures, _) -> StoreHealth.Down(since, failures, now + times.Timeout)
