/// How slowly a client may send a message before it is sent away: a floor under the rate, and a total.
namespace Dkim.Core.Programs.Proxies.Smtp

open System

/// Bounds on the time of one message. A bound of 0 is none.
[<Struct>]
type DataPace =
    {
        /// Seconds in which a client may be as slow as it likes.
        Grace: int
        /// Octets in each minute after these, on average over all of them.
        Floor: int
        /// Seconds for the whole message.
        Longest: int
    }

module DataPace =
    /// Milliseconds from the beginning of a message to the moment when a client is too slow that has sent so many octets
    /// and sends no more; nothing where it may take its time.
    [<CompiledName "Allows">]
    let allows (pace: DataPace) (octets: int64) : int64 =
        let total =
            if pace.Longest = 0 then
                Int64.MaxValue
            else
                int64 pace.Longest * 1000L

        let paid =
            if pace.Floor = 0 then
                Int64.MaxValue
            else
                let minutes = min octets (Int64.MaxValue / 200000L) * 60000L / int64 pace.Floor
                int64 pace.Grace * 1000L + minutes

        min total paid
