/// What the hosts call. A proxy starts as a dialogue about files, since the core opens none: `Wanted` names them,
/// `Supply` brings them, until nothing is wanted and `Tell` says how the start ended.
namespace Dkim.Core

open System
open System.Collections.Generic
open System.Net

type LogLevel =
    | Debug = 0
    | Info = 1
    | Warning = 2
    | Error = 3

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

/// What a start needs to know of the machine.
type Machine =
    {
        /// The fully qualified name of the host.
        HostName: string
    }

/// A proxy that is ready to serve: settings, maps and keys. It never changes; `Refresh` makes another.
[<Sealed>]
type ProxyProgram internal (ident: string, settings: ProxySettings, relay: Endpoint, notices: LogLine list) =
    /// `dkimproxy.out` or `dkimproxy.in`, or what `syslog_ident` says.
    member _.Ident = ident

    member _.Settings = settings

    member _.Listen = ProxySettings.listeners settings

    member _.Relay = relay

    /// What to log before serving: weak or ineffective settings, keys that could not be read.
    member _.Notices = notices

    /// Whether a client at this address may speak to the proxy.
    member _.Admits(client: IPAddress) = ProxySettings.admits settings client

/// How a start ended. Exactly one of the members is called, once.
type IProxyStart =
    /// Write `text` to standard output and exit.
    abstract Print: text: string * exitCode: int -> unit
    /// Write `text` to standard error and exit.
    abstract Fail: text: string * exitCode: int -> unit
    abstract Serve: program: ProxyProgram -> unit

/// A start in progress. It never changes; `Supply` makes the next.
[<Sealed>]
type ProxyStart
    internal
    (load: (WantedFile -> FileContents voption) -> Loading<IProxyStart -> unit>, supplied: Map<WantedFile, FileContents>)
    =
    let find file =
        match supplied.TryGetValue file with
        | true, contents -> ValueSome contents
        | false, _ -> ValueNone

    let state = load find

    /// The files to read and supply now. Empty: `Tell` says how the start ended.
    member _.Wanted: WantedFile list =
        match state with
        | Wanting files -> files
        | Loaded _ -> []

    /// The start with these files, whether they could be read or not.
    member _.Supply(files: IReadOnlyDictionary<WantedFile, FileContents>) =
        let add (all: Map<WantedFile, FileContents>) (pair: KeyValuePair<WantedFile, FileContents>) =
            all.Add(pair.Key, pair.Value)

        ProxyStart(load, Seq.fold add supplied files)

    /// To be called when nothing is wanted.
    member _.Tell(reply: IProxyStart) =
        match state with
        | Loaded tell -> tell reply
        | Wanting _ -> reply.Fail("a file was wanted and not supplied", 75)
