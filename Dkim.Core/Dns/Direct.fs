/// What one name server says for itself, asked without recursion (RFC 1034 §4.3.1): for those who look whether all servers of a
/// zone say the same.
namespace Dkim.Core.Dns

open System
open System.Net

/// A question for one server.
[<Struct; NoComparison>]
type DirectQuestion =
    {
        Server: IPEndPoint
        Question: Question
    }

/// What the server replied.
[<NoComparison>]
type DirectAnswer =
    {
        Outcome: Outcome
        /// It answers for the zone itself (the AA bit).
        IsAuthoritative: bool
        /// Where the name is an alias: the name that it leads to.
        Alias: string voption
        /// The size of the reply, in octets; 0 where there was none.
        Octets: int
        /// It did not fit a datagram, so that it was asked for again by TCP (RFC 7766 §5).
        NeededTcp: bool
    }

    /// No reply that could be used; `reason` as in `Answer.Unavailable`.
    static member Failed(reason: string, neededTcp: bool) : DirectAnswer =
        {
            Outcome = Unavailable reason
            IsAuthoritative = false
            Alias = ValueNone
            Octets = 0
            NeededTcp = neededTcp
        }

/// Bounds of what servers are asked one by one.
module DirectLimits =
    /// Servers that are asked.
    [<Literal>]
    let Servers = 16

    /// Names of servers that are looked up.
    [<Literal>]
    let Names = 13

    /// Names above a key at which its zone may begin.
    [<Literal>]
    let Cuts = 8

    /// How long one server may take for one reply, of the time for a look-up in seconds.
    let wait (seconds: int) : TimeSpan =
        TimeSpan.FromSeconds(Math.Clamp(float seconds / 2.0, 1.0, 5.0))
