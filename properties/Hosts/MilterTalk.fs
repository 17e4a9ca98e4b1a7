/// One side of a milter's dialogue: an MTA's packets, and a program whose decisions the messages themselves ask for.
namespace Dkim.Properties

open System
open System.Buffers
open System.Buffers.Binary
open System.Collections.Generic
open System.Net
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Hosting
open Dkim.Hosting.Names
open Dkim.Hosting.Resolving
open Dkim.MilterHost.Dialogue
open Dkim.MilterHost.Running
open Dkim.Tests

/// What becomes of a message. The MAIL command says which, so that a stream of octets says all.
type internal Fate =
    /// Decided when the body has been seen, after so many rounds of questions.
    | Late of rounds: int * wantsBody: bool
    /// Decided before the body.
    | Early
    /// What is done is known only after a question at the end of the header: it then is decided, or seen to its end.
    | Choosing of isEarly: bool
    | FailsAtHeader
    | FailsAtEnd
    /// The decision asks for what the protocol does not allow.
    | ChangesTooEarly

module internal Packets =
    let packet (command: char) (data: byte[]) : byte[] =
        let head = Array.zeroCreate 5
        BinaryPrimitives.WriteInt32BigEndian(Span head, data.Length + 1)
        head[4] <- byte command
        Array.append head data

    let text (text: string) = Octets.ofLatin1 text

    let texts (parts: string list) : byte[] =
        parts |> List.map (fun part -> text (part + "\000")) |> Array.concat

    let number (value: uint32) : byte[] =
        let octets = Array.zeroCreate 4
        BinaryPrimitives.WriteUInt32BigEndian(Span octets, value)
        octets

    let negotiate (version: uint32) (actions: uint32) (steps: uint32) =
        packet 'O' (Array.concat [ number version; number actions; number steps ])

    let connect = packet 'C' (text "client.example.com\0004\000\025192.0.2.1\000")

    let field (name: string) (value: string) = packet 'L' (texts [ name; value ])

    /// The packets of a stream, which must consist of whole ones.
    let split (stream: byte[]) : (char * byte[]) list =
        let rec next at =
            if at = stream.Length then
                []
            else
                let length = BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(stream, at, 4))

                (char stream[at + 4], stream[at + 5 .. at + 3 + length])
                :: next (at + 4 + length)

        next 0

module internal Fates =
    let all =
        [
            for rounds in 0..2 do
                for wantsBody in [ false; true ] do
                    Late(rounds, wantsBody)
            Early
            Choosing true
            Choosing false
            FailsAtHeader
            FailsAtEnd
            ChangesTooEarly
        ]

    let sender (fate: Fate) =
        let index = List.findIndex ((=) fate) all
        "<" + string index + ">"

    let ofSender (sender: string) = all[int (sender.Trim('<', '>'))]

    /// Whether the last word stands when the header is complete.
    let isEarly fate =
        match fate with
        | Early
        | FailsAtHeader
        | ChangesTooEarly -> true
        | Choosing isEarly -> isEarly
        | Late _
        | FailsAtEnd -> false

    let wantsBody fate =
        match fate with
        | Late(_, wants) -> wants
        | Choosing isEarly -> not isEarly
        | _ -> false

/// The program: each message meets its fate, and the last ones change the header as asked.
[<Sealed>]
type internal FateProgram(edits: MilterChange list, resolver: IResolver) =
    let reports = List<string>()
    let headers = List<string list>()
    let macros = List<string voption list>()
    let holdings = Holdings(TimeProvider.System)

    let decision changes ending : MilterDecision =
        {
            Log = []
            Changes = changes
            Reply = ending
            Signatures = ValueNone
        }

    let changed = decision edits MilterReply.Accept

    let rec ask rounds : Step<MilterDecision> =
        if rounds = 0 then
            Done changed
        else
            let question =
                {
                    Name = "round" + string rounds
                    Type = RecordType.Txt
                }

            Step.lookUp [ question ] (fun answerTo ->
                match answerTo question with
                | { Outcome = Records _ } -> ask (rounds - 1)
                | _ -> Done(decision [] MilterReply.Discard))

    let digest =
        {
            Hash = Sha256
            Canon = SimpleBody
            Limit = ValueNone
            Prefix = ReadOnlyMemory.Empty
        }

    let work fate : Work<MilterDecision> =
        let questions, following =
            match fate with
            | Late(0, _) -> [], 0
            | Late(rounds, _) ->
                [
                    {
                        Name = "first"
                        Type = RecordType.Txt
                    }
                ],
                rounds - 1
            | _ -> [], 0

        {
            Questions = questions
            Digests = if Fates.wantsBody fate then [ digest ] else []
            Conclude =
                fun _ _ ->
                    match fate with
                    | FailsAtEnd -> invalidOp "on purpose"
                    | _ -> ask following
        }

    let refusal =
        Finish(decision [] (MilterReply.Refuse(550, "5.7.1", "100% refused\r\n")))

    let start (envelope: MilterEnvelope) : Step<AfterHeader> =
        headers.Add [ for field in envelope.Header.Fields -> Octets.latin1 field.Raw.Span ]

        macros.Add
            [
                envelope.Macros.Find "i"
                envelope.Macros.Find "daemon_name"
                envelope.Macros.FindAtConnect "daemon_name"
            ]

        match Fates.ofSender envelope.Sender.Value with
        | Early -> Done refusal
        | FailsAtHeader -> invalidOp "on purpose"
        | ChangesTooEarly -> Done(Finish(decision [ MilterChange.Quarantine "too early" ] MilterReply.Accept))
        | Choosing isEarly ->
            Want(
                [ Need.Login IPAddress.Loopback ],
                fun _ -> Done(if isEarly then refusal else Proceed(work (Late(1, true))))
            )
        | fate -> Done(Proceed(work fate))

    let parts: MilterHandler =
        {
            HeaderLimits = HeaderLimits.defaults
            WantsRecipient = [| fun _ -> true |]
            MostRecipients = 0
            FixLineEnds = false
            TooLarge = fun _ _ -> Finish(decision [] MilterReply.TempFail)
            Start = start
        }

    new(edits) = FateProgram(edits, KeyFileResolver.Read("first yes\nround1 yes\nround2 yes", "none"))

    member _.Reports = reports
    member _.Headers = headers
    /// The job and the name of the daemon, as each message has them at the end of its header.
    member _.Macros = macros

    interface IMilterService with
        member _.Clock = TimeProvider.System

        member _.WantedMacros =
            {
                AtConnect = [ "j"; "daemon_name" ]
                AtEndOfHeader = [ "i"; "mail_host" ]
            }

        member _.Holdings = holdings
        member _.Quarantines = false
        member _.Redirects = false
        member _.IgnoresSome = true
        member _.SkipsBodies = true
        member _.Ignores client = client.HostName = "ignored"
        member _.NewMessage client = new MilterMessage(parts, client)

        member _.NewNeeds() =
            MessageNeeds(MessageLookups(resolver, LookupBudget.ofQuestions 20 10))

        member _.Mail _ = ()
        member _.Keep(_, _) = ()
        member _.Log line = reports.Add line.Text

/// The dialogue, fed as a connection feeds it.
[<Sealed>]
type internal MilterTalk(program: FateProgram) =
    let output = ArrayBufferWriter<byte>()
    let session = new MilterSession(program, output)
    let mutable kept: byte[] = [||]

    let answer () =
        while session.Waiting do
            session.TakeNeeds()
            |> Finding.ofNames (fun _ -> Answer.Found([ "yes" ], Security.Unchecked))
            |> session.Go

    member _.Closed = session.Closed
    member _.Output = output.WrittenSpan.ToArray()

    member _.Hear(octets: byte[]) : unit =
        kept <- Array.append kept octets
        let mutable again = true

        while again do
            let used = session.Receive(ReadOnlySpan kept)
            kept <- kept[used..]
            again <- session.Waiting || session.Paused
            answer ()

    member _.Stop() = session.Stop()

    interface IDisposable with
        member _.Dispose() = session.Dispose()
