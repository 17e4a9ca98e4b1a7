/// What a program decided on a message, as the host sees it.
namespace Dkim.Core

open System

type LogLevel =
    | Debug = 0
    | Info = 1
    | Notice = 2
    | Warning = 3
    | Error = 4

/// One line for the log, free of control characters. `Text` has no ident, level or time.
type LogLine = { Level: LogLevel; Text: string }

/// What a proxy does with a message. Exactly one of the members is called, once.
type IProxyReply =
    /// Send `head` in place of the first `replaced` octets of the message as received, then the rest.
    abstract Relay: head: ReadOnlyMemory<byte> * replaced: int64 -> unit
    /// Answer the end of data with this code and text, and let the relay forget the transaction.
    abstract Refuse: code: int * text: string -> unit

/// A proxy's decision on one message.
[<Sealed>]
type ProxyDecision internal (log: LogLine list, tell: IProxyReply -> unit) =
    /// For syslog and standard error, in order.
    member _.Log = log

    member _.Tell(reply: IProxyReply) = tell reply
