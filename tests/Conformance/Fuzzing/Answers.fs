/// What our resolver makes of the replies of a name server: it is asked for one name, over the loopback, and every query
/// that it sends gets the next reply of the input, by UDP or by TCP, as it asks.
module Dkim.Tests.Conformance.Fuzzing.Answers

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Hosting.Names
open Dkim.Hosting.Resolving
open Dkim.Tests.Conformance.Fuzzing.Readers
open Dkim.Tests.Conformance.Fuzzing.Replies

/// As much as a datagram can bring; TCP brings no more here.
[<Literal>]
let private Longest = 4096

let private backlog = 100

let private portOf (socket: Socket) =
    match socket.LocalEndPoint with
    | :? IPEndPoint as own -> own.Port
    | _ -> 0

/// Sockets of both kinds on one free port. The system chooses it for UDP; where TCP has it in use, it is asked again.
let rec private onOnePort () =
    let udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)

    let tcp =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

    udp.Bind(IPEndPoint(IPAddress.Loopback, 0))

    try
        tcp.Bind(IPEndPoint(IPAddress.Loopback, portOf udp))
        struct (udp, tcp)
    with :? SocketException as error when error.SocketErrorCode = SocketError.AddressAlreadyInUse ->
        udp.Dispose()
        tcp.Dispose()
        onOnePort ()

type private Server() =
    let struct (udp, tcp) = onOnePort ()

    let mutable replies: string[] = [||]
    let mutable queries = 0

    // With the number of the query, to which the first two octets are added.
    let next (query: byte[]) =
        let reply = replies[min (Interlocked.Increment &queries) replies.Length - 1]
        let octets = Octets.ofLatin1 (reply.Substring(0, min Longest reply.Length))

        for i in 0 .. min 2 octets.Length - 1 do
            octets[i] <- octets[i] + query[i]

        octets

    let serve () =
        let buffer = Array.zeroCreate Longest
        let mutable from: EndPoint = IPEndPoint(IPAddress.Any, 0)

        while true do
            let length = udp.ReceiveFrom(buffer, &from)
            udp.SendTo(next (Array.truncate length buffer), from) |> ignore

    let answer (stream: Stream) =
        let head = Array.zeroCreate 2
        stream.ReadExactly(head, 0, 2)
        let query = Array.zeroCreate (int head[0] * 256 + int head[1])
        stream.ReadExactly(query, 0, query.Length)
        let reply = next query
        stream.Write(ReadOnlySpan(Array.append [| byte (reply.Length / 256); byte reply.Length |] reply))

    let serveConnections () =
        while true do
            let client = tcp.Accept()

            let talk () =
                use stream = new NetworkStream(client, true)

                try
                    while true do
                        answer stream
                with :? IOException ->
                    ()

            Thread(talk, IsBackground = true).Start()

    do
        tcp.Listen backlog
        Thread(serve, IsBackground = true).Start()
        Thread(serveConnections, IsBackground = true).Start()

    member _.Address = IPEndPoint(IPAddress.Loopback, portOf udp)
    member _.Queries = Volatile.Read &queries

    member _.Give(next: string[]) =
        replies <- next
        Volatile.Write(&queries, 0)

let private server = lazy Server()

let private resolver =
    lazy
        Resolvers.Open(
            ResolverSettings(
                Forwarders = [| server.Value.Address |],
                Kind = ResolverKind.DnsClient,
                Caching = false,
                Time = TimeSpan.FromSeconds 3.0
            )
        )

// The names whose records may count: the one asked for, and those that aliases lead to from there.
let private reached (replies: Reply list) : Set<Name> =
    let answersTo (names: Set<Name>) reply =
        match reply.Questions with
        | [ name, Txt, 1 ] -> names.Contains name
        | _ -> false

    let rec grow (names: Set<Name>) =
        let more =
            replies
            |> List.filter (answersTo names)
            |> List.collect (fun reply -> reply.Answers |> List.map (fun record -> reply, record))
            |> List.choose (fun (reply, record) ->
                if record.Type = Alias && record.Class = 1 && names.Contains record.Owner then
                    match tryName reply.Octets record.At with
                    | ValueSome(struct (target, _)) -> Some target
                    | ValueNone -> None
                else
                    None)
            |> Set.ofList

        if Set.isSubset more names then
            names
        else
            grow (names + more)

    grow (Set.singleton asked)

// A reply in its form, without an error, not cut, that echoes the question for one of the names.
let private isAnswer (names: Set<Name>) (rcodes: int list) (reply: Reply) =
    let rcode = reply.Flags &&& 15 ||| (reply.Extended <<< 4)

    (match reply.Questions with
     | [ name, Txt, 1 ] -> names.Contains name
     | _ -> false)
    && reply.Flags &&& 0xfa00 = 0x8000
    && reply.Octets.StartsWith("\000\000", StringComparison.Ordinal)
    && List.contains rcode rcodes

let private judge (replies: Reply list) (answer: Answer) : Readers.Outcome =
    let names = reached replies

    match answer.Outcome with
    | Outcome.Records texts ->
        must "an answer is one to the question" (List.exists (isAnswer names [ 0; 3 ]) replies)

        let allowed =
            replies
            |> List.filter (isAnswer names [ 0; 3 ])
            |> List.collect (fun reply -> reply.Answers |> List.map (fun record -> reply, record))
            |> List.filter (fun (_, record) -> record.Type = Txt && record.Class = 1 && names.Contains record.Owner)
            |> List.map (fun (reply, record) -> tryText reply record)

        for text in texts do
            must "a record is of the name asked for" (List.contains (ValueSome text) allowed)

        must "records are bounded" (texts.Length <= 32)
        "records" + string (min 4 texts.Length)
    | Outcome.NoSuchName ->
        // Nobody is asked for such a name. DnsClient writes the three characters with a backslash, which no name may have.
        let impossible (name: Name) =
            not (String.forall (fun c -> c > ' ' && c <= '~' && not (Seq.contains c "\\;\"")) name)
            || name.Length > 253
            || name.Split '.'
               |> Array.exists (fun label -> label.Length = 0 || label.Length > 63)

        must
            "what does not exist was said not to"
            (List.exists (isAnswer names [ 3 ]) replies || Set.exists impossible names)

        "no such name"
    | Outcome.Unavailable reason ->
        must "a reason is one printable line" (not (String.exists Char.IsControl reason))
        reason

let private question: Question = { Name = asked; Type = RecordType.Txt }

let private read (text: string) : Readers.Outcome =
    let replies = text.Split Between

    // One after the other: the server answers whoever asks.
    lock server (fun () ->
        server.Value.Give replies

        let answer =
            resolver.Value.AskAsync(question, CancellationToken.None).AsTask().GetAwaiter().GetResult()

        let outcome = judge (replies |> Array.map Replies.read |> List.ofArray) answer
        outcome + string (min 20 server.Value.Queries))

let all: Target list =
    [
        {
            Name = "dns"
            Make = text
            Read = read
        }
    ]
