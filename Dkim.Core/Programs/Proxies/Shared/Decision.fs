/// What a proxy decides on a message, as data.
namespace Dkim.Core.Programs.Proxies.Shared

open System
open Dkim.Core.Programs.Running

/// What becomes of a message.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type ProxyDisposition =
    /// `head` goes in place of the first `replaced` octets of the message as received, then the rest.
    | Relay of head: ReadOnlyMemory<byte> * replaced: int64
    /// The end of data is answered with this code and text, and the relay forgets the transaction.
    | Refuse of code: int * text: string

/// A proxy's decision on one message.
[<NoComparison; NoEquality>]
type ProxyDecision =
    {
        /// For syslog and standard error, in order.
        Log: LogLine list
        Disposition: ProxyDisposition
    }
