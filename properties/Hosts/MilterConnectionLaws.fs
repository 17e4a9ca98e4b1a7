/// Connections of MTAs over real sockets: what a connection says is what its session says.
[<NUnit.Framework.TestFixture>]
module Dkim.Properties.MilterConnectionLaws

open System
open System.Diagnostics
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open FsCheck
open FsCheck.FSharp
open NUnit.Framework
open Dkim.Core
open Dkim.Hosting
open Dkim.MilterHost

/// Answers after a while, from another thread.
let private slow (delay: int) =
    { new IResolver with
        member _.Description = "slow"

        member _.AskAsync(_, cancellation) =
            ValueTask<Dkim.Core.Answer>(
                task {
                    do! Task.Delay(delay, cancellation)
                    return Dkim.Core.Answer.Found([ "yes" ], Dkim.Core.Security.Unchecked)
                }
            )

        member _.Dispose() = ()
    }

/// A milter that listens on loopback.
type private Serving(program: FateProgram, patience: Patience) =
    let stop = new CancellationTokenSource()
    let connections = new OpenConnections()

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
    Assert.That(Convert.ToHexString actual, Is.EqualTo(Convert.ToHexString expected))

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
        Assert.That(more, Is.GreaterThan 0, "the connection ended")
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

[<FsCheck.NUnit.Property(MaxTest = 100, QuietOnSuccess = true)>]
let ``A connection says what its session says, whatever the segments`` () =
    Prop.forAll (Arb.fromGen (Gen.zip fates cuts)) (fun (fates, cuts) ->
        let stream = whole fates
        use resolver = KeyFileResolver.Read("first yes\nround1 yes\nround2 yes", "none")
        same (said resolver stream cuts) (expected stream))

[<FsCheck.NUnit.Property(MaxTest = 30, QuietOnSuccess = true)>]
let ``Slow answers change nothing but the time`` () =
    Prop.forAll (Arb.fromGen (Gen.zip fates cuts)) (fun (fates, cuts) ->
        let stream = whole (List.truncate 3 fates)
        use resolver = slow 3
        same (said resolver stream cuts) (expected stream))

[<Test>]
let ``While names are looked up, the MTA hears that somebody is there`` () =
    use resolver = slow 2500
    let patience = Patience(Progress = TimeSpan.FromMilliseconds 600.0)
    use serving = new Serving(FateProgram([], resolver), patience)
    use client = serving.Connect()
    greet client
    let clock = Stopwatch.StartNew()
    client.Send(Array.append (messageOf (Late(1, true))) endOfBody) |> ignore
    let progress = Packets.packet 'p' [||]
    same (read client 5) progress
    Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds 2.0))
    let mutable reply = read client 5

    while reply = progress do
        reply <- read client 5

    same (reply) (Packets.packet 'a' [||])

[<Test>]
let ``A stop ends what is idle and lets a message on its way have its last word`` () =
    use resolver = slow 300
    use serving = new Serving(FateProgram([], resolver), Patience())
    use idle = serving.Connect()
    use busy = serving.Connect()
    greet idle
    greet busy
    busy.Send(messageOf (Late(2, true))) |> ignore
    busy.Send(Said.octetsOf (Said.Piece 10)) |> ignore
    same (read busy 5) (Packets.packet 'c' [||])
    serving.Stop false
    Assert.That(readAll idle, Is.Empty)
    busy.Send endOfBody |> ignore
    same (readAll busy) (Packets.packet 'a' [||])
    Assert.That(serving.Ended.Wait 5000)

[<Test>]
let ``An MTA that says nothing for too long is let go`` () =
    use resolver = slow 1

    use serving =
        new Serving(FateProgram([], resolver), Patience(Command = TimeSpan.FromMilliseconds 200.0))

    use client = serving.Connect()
    greet client
    Assert.That(readAll client, Is.Empty)

[<TestCase(0u)>]
[<TestCase(0x80000000u)>]
[<TestCase(0xffffffffu)>]
[<TestCase(0x00100002u)>]
let ``A packet of impossible length ends the connection and nothing else`` (length: uint32) =
    use resolver = slow 1
    use serving = new Serving(FateProgram([], resolver), Patience())
    use other = serving.Connect()
    greet other
    use client = serving.Connect()
    greet client
    client.Send(Packets.number length) |> ignore
    Assert.That(readAll client, Is.Empty)
    other.Send(Array.append (messageOf (Late(0, true))) endOfBody) |> ignore
    same (read other 5) (Packets.packet 'a' [||])

[<Test>]
let ``A field of a mebibyte arrives, however it comes`` () =
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
    Assert.That(program.Headers[0], Is.EqualTo<string list>([ "Subject:" + value ]))
