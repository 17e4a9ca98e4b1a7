/// The two protocols: what is said does not depend on how the octets arrive.
module Dkim.Tests.Conformance.Fuzzing.Dialogues

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Tool.Running
open Dkim.MilterHost.Dialogue
open Dkim.Properties
open Dkim.ProxyHost.Dialogue
open Dkim.Tests.Conformance.Fuzzing.Readers

let private octets (text: string) = Octets.ofLatin1 text

// SMTP.

/// A conversation through the proxy: the client's octets, then the replies of the relay, with an octet 255 before each.
[<Sealed>]
type private Talk(limits: DialogueLimits, client: string list, replies: string list, replyPieces: string -> string list) as this
    =
    let toClient = ArrayBufferWriter<byte>()
    let toRelay = ArrayBufferWriter<byte>()
    let messages = StringBuilder()
    let dialogue = SmtpDialogue(limits, toClient, toRelay, this)
    let replies = Queue<string> replies
    let pieces = Queue<string> client
    let mutable waiting = ""

    let relaySays () =
        for piece in replyPieces (replies.Dequeue()) do
            dialogue.FromRelay(ReadOnlySpan(octets piece))

    let clientSays () =
        if waiting = "" then
            waiting <- pieces.Dequeue()

        let taken = dialogue.FromClient(ReadOnlySpan(octets waiting))
        waiting <- waiting.Substring taken

    let rec drive steps =
        must "a conversation comes to an end" (steps < 100000)

        match dialogue.Phase with
        | Phase.Closed -> ()
        | Phase.Deciding ->
            if messages.ToString().Contains "REFUSE" then
                dialogue.Refuse(550, "5.7.1 no")
            else
                dialogue.Deliver()
                dialogue.Delivered()

            drive (steps + 1)
        | _ when dialogue.AwaitsRelay && replies.Count > 0 ->
            relaySays ()
            drive (steps + 1)
        | _ when dialogue.WantsClient && (waiting <> "" || pieces.Count > 0) ->
            clientSays ()
            drive (steps + 1)
        | _ when dialogue.AwaitsRelay -> dialogue.RelayLost "gone"
        | _ -> dialogue.ClientEnded()

    member _.Run() : string =
        drive 0
        Octets.latin1 toClient.WrittenSpan + "\255" + messages.ToString()

    member _.ToRelay = Octets.latin1 toRelay.WrittenSpan

    member _.Phase = dialogue.Phase

    interface IDialogueSink with
        member _.Command _ = ()
        member _.Begin() = messages.Append "\255" |> ignore

        member _.Spoilt _ = ()
        member _.Happened _ = ()

        member _.Text octets =
            messages.Append(Octets.latin1 octets) |> ignore

let private isClean (text: string) =
    text.Replace("\r\n", "").IndexOfAny [| '\r'; '\n'; '\000' |] < 0

let private smtp (text: string) : Outcome =
    let random = Inputs.chanceOf text
    let parts = List.ofArray (text.Split '\255')

    let limits =
        DialogueLimits(
            CommandLine = 256,
            Reply = 1024,
            BareNewlines =
                (if random.Next 2 = 0 then
                     BareNewlines.Reject
                 else
                     BareNewlines.Normalize)
        )

    let whole = Talk(limits, [ parts.Head ], parts.Tail, List.singleton)
    let seen = whole.Run()

    let other =
        Talk(limits, Inputs.cut random parts.Head, parts.Tail, Inputs.cut random)

    let seenOther = other.Run()
    // What a client that does not wait says after the relay broke off may still be answered, or not.
    let brokeOff = seen.Contains "421 " || seenOther.Contains "421 "
    must "arrival changes nothing that is said" (brokeOff || seenOther = seen)
    must "the relay gets whole lines" (isClean whole.ToRelay && isClean other.ToRelay)

    string whole.Phase
    + string (min 6 (seen.Split("\r\n").Length))
    + string (min 4 (whole.ToRelay.Split("\r\n").Length))

let private smtpText (random: Random) =
    let commands =
        [|
            "EHLO c"
            "HELO c"
            "LHLO c"
            "MAIL FROM:<a@b>"
            "RCPT TO:<c@d>"
            "DATA"
            "RSET"
            "NOOP"
            "QUIT"
            "AUTH LOGIN"
            "AUTH PLAIN eA=="
            "STARTTLS"
            "BDAT 3"
            "."
            ".."
            "*"
            "a: b"
            ""
            "text"
            "REFUSE"
            "\n."
            ".\r"
        |]

    let replies =
        [|
            "250 ok"
            "250-a\r\n250-PIPELINING\r\n250 b"
            "354 go"
            "354 go"
            "451 no"
            "550 no"
            "421 gone"
            "334 eA=="
            "220 x"
        |]

    let transaction =
        "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nFrom: x\r\n\r\n..text\r\n.\r\n"

    let client =
        String.Join(
            "",
            Array.init (random.Next(1, 12)) (fun _ ->
                if random.Next 4 = 0 then
                    transaction
                else
                    Inputs.pick random commands + "\r\n")
        )

    let relay =
        String.Join(
            "",
            Array.init (random.Next(1, 14)) (fun place ->
                let reply = if place % 4 = 3 then "354 go" else "250 ok"

                "\255"
                + (if random.Next 3 = 0 then
                       Inputs.pick random replies
                   else
                       reply)
                + "\r\n")
        )

    "EHLO c\r\n" + client + "\255220 relay\r\n" + relay

// The milter protocol.

let private hear (pieces: string list) =
    let program = FateProgram []
    use talk = new MilterTalk(program)

    for piece in pieces do
        if not talk.Closed then
            talk.Hear(octets piece)

    talk.Output

let private milter (text: string) : Outcome =
    let whole = hear [ text ]
    let cut = hear (Inputs.cut (Inputs.chanceOf text) text)
    must "arrival changes nothing that is said" (whole.AsSpan().SequenceEqual(ReadOnlySpan cut))
    let answers = Packets.split whole |> List.map fst
    String(answers |> List.truncate 12 |> Array.ofList)

let private milterText (random: Random) =
    let packet command data = Packets.packet command data

    let said () =
        match random.Next 12 with
        | 0 -> Packets.connect
        | 1 -> packet 'H' (Packets.texts [ "c.example" ])
        | 2 -> packet 'D' (Array.append (octets "M") (Packets.texts [ "i"; "Q1"; "{mail_addr}"; "a@b" ]))
        | 3
        | 4 -> packet 'M' (Packets.texts [ "<" + string (random.Next Fates.all.Length) + ">" ])
        | 5 -> packet 'R' (Packets.texts [ "<c@d>" ])
        | 6 -> Packets.field "From" " joe@example.com"
        | 7 -> Packets.field "Subject" "a\r\n b"
        | 8 -> packet 'N' [||]
        | 9 -> packet 'B' (octets "text\r\n")
        | 10 -> packet 'E' [||]
        | _ -> packet (Inputs.pick random [| 'A'; 'Q'; 'K'; 'T'; 'U'; 'O'; 'Z' |]) [||]

    let message () =
        Array.concat
            [
                packet 'M' (Packets.texts [ "<" + string (random.Next Fates.all.Length) + ">" ])
                packet 'R' (Packets.texts [ "<c@d>" ])
                Packets.field "From" " joe@example.com"
                packet 'N' [||]
                packet 'B' (octets "text\r\n")
                packet 'E' [||]
            ]

    let offer =
        Packets.negotiate
            (uint32 (random.Next(2, 7)))
            0x1ffu
            (Inputs.pick random [| 0x1fffffu; 0x7fu; 0u; uint32 (random.Next 0x1fffff) |])

    let rest =
        Array.concat (Array.init (random.Next(1, 8)) (fun _ -> if random.Next 3 = 0 then message () else said ()))

    Octets.latin1 (ReadOnlySpan(Array.concat [ offer; Packets.connect; rest ]))

let private target name make read : Target =
    {
        Name = name
        Make = make
        Read = read
    }

let all: Target list =
    [ target "smtp" smtpText smtp; target "milter" milterText milter ]
