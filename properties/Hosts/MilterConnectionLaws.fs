/// Connections of MTAs over real sockets: what a connection says is what its session says.
module Dkim.Properties.MilterConnectionLaws

open System
open System.Diagnostics
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Dkim.MilterHost.Connections
open Dkim.MilterHost.Dialogue
open FsCheck
open FsCheck.FSharp
open Expecto
open Dkim.Tests
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Hosting
open Dkim.Hosting.Listening
open Dkim.Hosting.Names
open Dkim.Hosting.Resolving
open Dkim.Hosting.Sockets

/// Answers after a while, from another thread.
let private slow (delay: int) =
    { new IResolver with
        member _.Description = "slow"

        member _.AskAsync(_, cancellation) =
            ValueTask<Dkim.Core.Dns.Answer>(
                task {
                    do! Task.Delay(delay, cancellation)
                    return Dkim.Core.Dns.Answer.Found([ "yes" ], Dkim.Core.Dns.Security.Unchecked)
                }
            )

        member _.Dispose() = ()
    }

/// A milter that listens on loopback.
type private Serving(program: FateProgram, patience: Patience) =
    let stop = new CancellationTokenSource()
    let connections = new OpenConnections(TimeProvider.System)

    let listener =
        Listener
            .OpenAsync(
                {
                    Family = EndpointFamily.Any
                    Host = "127.0.0.1"
                    Port = 0
                }
            )
            .Result

    let served =
        listener.ServeAsync(
            (fun socket _ -> connections.ServeAsync(new MtaConnection(socket, program, patience))),
            ServeSettings(1000, TimeSpan.FromSeconds 10.0),
            (fun report -> program.Reports.Add report),
            stop.Token
        )

    member _.Connect() =
        let client =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        client.NoDelay <- true
        client.ReceiveTimeout <- 20000
        client.Connect(listener.Addresses[0])
        client

    member _.Stop(now: bool) =
        stop.Cancel()
        connections.Stop now

    member _.Ended = served

    interface IDisposable with
        member this.Dispose() =
            this.Stop true
            served.Wait()
            connections.Dispose()

let private same (actual: byte[]) (expected: byte[]) =
    Expect.equal (Convert.ToHexString expected) (Convert.ToHexString actual)

let private readAll (client: Socket) : byte[] =
    use all = new IO.MemoryStream()
    let buffer: byte[] = Array.zeroCreate 65536
    let mutable more = true

    while more do
        let count = client.Receive buffer
        more <- count > 0
        all.Write(buffer, 0, count)

    all.ToArray()

let private read (client: Socket) (count: int) : byte[] =
    let octets: byte[] = Array.zeroCreate count
    let mutable filled = 0

    while filled < count do
        let more = client.Receive(octets, filled, count - filled, SocketFlags.None)
        Expect.about "the connection ended" (fun () -> Expect.above 0 more)
        filled <- filled + more

    octets

let private open' = Packets.negotiate 6u 0x1ffu 0x1fffffu

/// Where the last reply of an end of body stands, for a session that has said nothing else since.
let private messageOf fate =
    [ Said.Mail fate; Said.Recipient; Said.Field; Said.EndOfHeader ]
    |> List.map Said.octetsOf
    |> Array.concat

let private endOfBody = Said.octetsOf Said.EndOfBody

/// Talks until the milter has agreed and knows the client.
let private greet (client: Socket) =
    client.Send(Array.append open' Packets.connect) |> ignore
    // The agreement, with the macros wanted, then the reply to the connection.
    let length =
        4 + 13 + 4 + "j {daemon_name}\000".Length + 4 + "i {mail_host}\000".Length

    read client (length + 5) |> ignore

let private pieces (stream: byte[]) (cuts: int list) =
    let rec cut at cuts =
        match cuts with
        | length :: rest when at < stream.Length ->
            let next = min stream.Length (at + length)
            stream[at .. next - 1] :: cut next rest
        | _ -> [ stream[at..] ]

    cut 0 cuts

let private said (resolver: IResolver) (stream: byte[]) cuts =
    use serving = new Serving(FateProgram([], resolver), Patience())
    use client = serving.Connect()

    try
        for piece in pieces stream cuts do
            client.Send piece |> ignore

        client.Shutdown SocketShutdown.Send
    with :? SocketException ->
        () // It has closed the connection and wants no more.

    try
        readAll client
    with :? SocketException ->
        [||]

let private fates = Gen.nonEmptyListOf (Gen.elements Fates.all)

let private whole fates =
    fates
    |> List.map (fun fate ->
        Array.concat
            [
                messageOf fate
                Said.octetsOf (Said.Piece 70)
                endOfBody
                Said.octetsOf Said.Abort
            ])
    |> Array.concat
    |> Array.append (Array.append (Packets.negotiate 6u 0x1ffu 0x1ffbffu) Packets.connect)

let private expected (stream: byte[]) =
    use talk = new MilterTalk(FateProgram [])
    talk.Hear stream
    talk.Output

let private cuts = Gen.listOf (Gen.elements [ 1; 2; 5; 40; 100; 1000 ])

let private trials = { Count = 100; Arbitraries = [] }

[<Tests>]
let tests =
    testList
        "MilterConnectionLaws"
        [
            testLaw trials "A connection says what its session says, whatever the segments" (fun () ->
                Prop.forAll (Arb.fromGen (Gen.zip fates cuts)) (fun (fates, cuts) ->
                    let stream = whole fates
                    use resolver = KeyFileResolver.Read("first yes\nround1 yes\nround2 yes", "none")
                    same (said resolver stream cuts) (expected stream)))

            testLaw { trials with Count = 30 } "Slow answers change nothing but the time" (fun () ->
                Prop.forAll (Arb.fromGen (Gen.zip fates cuts)) (fun (fates, cuts) ->
                    let stream = whole (List.truncate 3 fates)
                    use resolver = slow 3
                    same (said resolver stream cuts) (expected stream)))

            testCase "While names are looked up, the MTA hears that somebody is there" (fun () ->
                use resolver = slow 2500
                let patience = Patience(Progress = TimeSpan.FromMilliseconds 600.0)
                use serving = new Serving(FateProgram([], resolver), patience)
                use client = serving.Connect()
                greet client
                let clock = Stopwatch.StartNew()
                client.Send(Array.append (messageOf (Late(1, true))) endOfBody) |> ignore
                let progress = Packets.packet 'p' [||]
                same (read client 5) progress
                Expect.below (TimeSpan.FromSeconds 2.0) clock.Elapsed
                let mutable reply = read client 5

                while reply = progress do
                    reply <- read client 5

                same (reply) (Packets.packet 'a' [||]))

            testCase "A stop ends what is idle and lets a message on its way have its last word" (fun () ->
                use resolver = slow 300
                use serving = new Serving(FateProgram([], resolver), Patience())
                use idle = serving.Connect()
                use busy = serving.Connect()
                greet idle
                idle.Send(Array.append (messageOf (Late(0, true))) endOfBody) |> ignore
                same (read idle 5) (Packets.packet 'a' [||])
                greet busy
                busy.Send(messageOf (Late(2, true))) |> ignore
                busy.Send(Said.octetsOf (Said.Piece 10)) |> ignore
                same (read busy 5) (Packets.packet 'c' [||])
                serving.Stop false
                Expect.empty (readAll idle)
                busy.Send endOfBody |> ignore
                same (readAll busy) (Packets.packet 'a' [||])
                Expect.isTrue (serving.Ended.Wait 5000) "serving.Ended.Wait 5000")

            testCase "A stop lets an MTA that has just connected bring its message, and waits for no other" (fun () ->
                use resolver = slow 1

                use serving =
                    new Serving(FateProgram([], resolver), Patience(FirstMessage = TimeSpan.FromSeconds 1.0))

                use coming = serving.Connect()
                use silent = serving.Connect()
                greet coming
                greet silent
                serving.Stop false
                // It has been agreed that nothing is said to this.
                coming.Send(Packets.packet 'H' (Packets.texts [ "client" ])) |> ignore
                coming.Send(Array.append (messageOf (Late(0, true))) endOfBody) |> ignore
                same (readAll coming) (Packets.packet 'a' [||])
                Expect.empty (readAll silent)
                Expect.isTrue (serving.Ended.Wait 5000) "serving.Ended.Wait 5000")

            testCase "An MTA that says nothing for too long is let go" (fun () ->
                use resolver = slow 1

                use serving =
                    new Serving(FateProgram([], resolver), Patience(Command = TimeSpan.FromMilliseconds 200.0))

                use client = serving.Connect()
                greet client
                Expect.empty (readAll client))

            testRows
                "A packet of impossible length ends the connection and nothing else"
                [ 0u; 0x80000000u; 0xffffffffu; 0x80000001u ]
                (fun (length: uint32) ->
                    use resolver = slow 1
                    use serving = new Serving(FateProgram([], resolver), Patience())
                    use other = serving.Connect()
                    greet other
                    use client = serving.Connect()
                    greet client
                    client.Send(Packets.number length) |> ignore
                    Expect.empty (readAll client)
                    other.Send(Array.append (messageOf (Late(0, true))) endOfBody) |> ignore
                    same (read other 5) (Packets.packet 'a' [||]))

            testCase "A field of a mebibyte arrives, however it comes" (fun () ->
                use resolver = slow 1
                let program = FateProgram([], resolver)
                use serving = new Serving(program, Patience())
                use client = serving.Connect()
                greet client
                let value = String('x', 200_000)

                client.Send(
                    Array.concat
                        [
                            Said.octetsOf (Said.Mail(Late(0, true)))
                            Packets.field "Subject" value
                            Said.octetsOf Said.EndOfHeader
                            endOfBody
                        ]
                )
                |> ignore

                same (read client 5) (Packets.packet 'a' [||])
                Expect.equal [ "Subject:" + value ] program.Headers[0])

            testCase "Each message of a connection has questions of its own" (fun () ->
                use resolver = slow 1
                use serving = new Serving(FateProgram([], resolver), Patience())
                use client = serving.Connect()
                greet client

                // Two questions each, of which a message may ask twenty.
                for _ in 1..15 do
                    client.Send(Array.append (messageOf (Late(2, false))) endOfBody) |> ignore
                    same (read client 5) (Packets.packet 'a' [||]))
        ]
