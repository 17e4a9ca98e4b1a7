/// Whole messages, the files of administrators, and the two protocols, which have one law more: what comes of them does
/// not depend on how the octets arrive.
module Dkim.Standards.Fuzzing.Programs

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open Dkim.Core
open Dkim.MilterHost
open Dkim.Properties
open Dkim.ProxyHost
open Dkim.Standards.Fuzzing.Readers

/// Chance that follows from a text alone, the same in every process.
let private chanceOf (text: string) : Random =
    let mutable value = 2166136261u

    for c in text do
        value <- (value ^^^ uint32 c) * 16777619u

    Random(int value)

let private octets (text: string) = Octets.ofLatin1 text

// Messages.

let private policy =
    { VerifyPolicy.defaults with
        AllowSha1 = true
        SignaturesVerified = 4
    }

let private now = 1767225600L<sec>

let private answer (question: Question) : Answer =
    if question.Name.StartsWith("gone", StringComparison.Ordinal) then
        Answer.NoSuchName Security.Unchecked
    else
        Answer.Found(Inputs.keyRecords, Security.Unchecked)

let private conclude (pieces: string list) : Result<Judged list, HeaderError> =
    let intake = Intake HeaderLimits.defaults
    let mutable hasher: BodyHasher voption = ValueNone
    let mutable plan: VerifyPlan voption = ValueNone

    let begin' () =
        match intake.Header with
        | ValueSome(Ok header) when plan.IsNone ->
            let made = Verifier.plan policy now header
            plan <- ValueSome made
            hasher <- ValueSome(new BodyHasher(made.Digests))
        | _ -> ()

    for piece in pieces do
        let given = octets piece
        let taken = intake.Feed(ReadOnlySpan given)
        begin' ()

        hasher
        |> ValueOption.iter (fun hasher -> hasher.Feed(ReadOnlySpan(given).Slice taken))

    intake.End()
    begin' ()

    match plan, intake.Header with
    | ValueSome plan, _ -> Ok(Verifier.conclude plan (hasher.Value.Finish()) answer)
    | ValueNone, ValueSome(Error error) -> Error error
    | ValueNone, _ -> raise (Broken "a message that ended has a header")

let private explain (text: string) (judged: Judged list) =
    match Mail.read HeaderLimits.defaults FileLines.CrLf (ReadOnlyMemory(octets text)) with
    | Error _ -> ()
    | Ok mail ->
        let effort = Effort.OfMessage()

        for one in judged do
            let known = Explanation.question one |> ValueOption.map answer
            let unknown = Answer.NoSuchName Security.Unchecked

            let explanation =
                Explanation.explain effort policy now mail (ValueOption.defaultValue unknown known) one

            must "an explanation has steps" (not (List.isEmpty explanation.Steps))

let private message (text: string) : Outcome =
    let random = chanceOf text
    let verdicts = Result.map (List.map (fun (judged: Judged) -> judged.Verdict))
    let whole = conclude [ text ]
    must "arrival changes no verdict" (verdicts (conclude (Inputs.cut random text)) = verdicts whole)

    match whole with
    | Error error -> HeaderError.describe error
    | Ok judged ->
        // Explanations try many variants of a message, so that they cost more than all the rest.
        if random.Next 16 = 0 then
            explain text judged

        judged
        |> List.truncate 3
        |> List.map (fun one -> String.filter (Char.IsAsciiDigit >> not) (Verdict.describe one.Verdict))
        |> String.concat "+"

[<Sealed>]
type private Sink() =
    let written = ArrayBufferWriter<byte> 256
    member _.Octets = written.WrittenSpan.ToArray()

    interface IOctetSink with
        member _.Write piece = written.Write piece

let private body (text: string) : Outcome =
    let random = chanceOf text

    for canon in [ SimpleBody; RelaxedBody; DomainKeysSimpleBody; NofwsBody ] do
        let stepped = Sink()
        let mutable state = Body.start canon

        for octet in octets text do
            state <- Body.step canon state octet stepped

        Body.finish canon state stepped
        let fed = Sink()
        let mutable state = Body.start canon

        for piece in Inputs.cut random text do
            state <- BodyFeed.feed canon state (ReadOnlySpan(octets piece)) fed

        Body.finish canon state fed
        must "pieces change no canonical form" (fed.Octets.AsSpan().SequenceEqual(ReadOnlySpan stepped.Octets))

    string (min 8 (text.Split("\r\n").Length)) + string (text.Contains '\t')

let private bodyText (random: Random) =
    let pieces =
        [|
            "a"
            "word "
            " "
            "\t"
            "\r\n"
            "\r\n\r\n"
            "\r"
            "\n"
            "  \r\n"
            String('x', 50)
            String(' ', 50)
        |]

    String.Join("", Array.init (random.Next 60) (fun _ -> Inputs.pick random pieces))

// Files.

let private told (problems: Problem list) =
    for problem in problems do
        must "a problem is one printable line" (not (Seq.exists Char.IsControl (Problem.describe problem)))

    string (min 3 problems.Length)

let private files (text: string) : Outcome =
    let struct (map, mapProblems) = SignatureMap.parse "map" text
    SignatureMap.find text map |> ignore
    let struct (peers, peerProblems) = PeerList.parse "peers" text
    PeerList.contains text ValueNone peers |> ignore

    let find path =
        if path = "file" then
            ValueSome(FileContents.Found(ReadOnlyMemory(octets text)))
        else
            ValueNone

    let settings = SettingsFile.read KeyAndToken DkimFilterTable.table find "file"
    let struct (_, practiceProblems) = LocalAdsp.parse "adsp" text
    let struct (_, domainProblems) = DomainList.parse "domains" text
    MacroTest.parse text |> MacroTest.show |> ignore

    told mapProblems
    + told peerProblems
    + told practiceProblems
    + told domainProblems
    + told settings.Problems

let private fileText (random: Random) =
    let lines =
        [|
            "example.com dkim(s=x, d=example.com)"
            "*.example.com domainkeys(key=/a/b, c=nofws), dkim(a=rsa-sha256)"
            "[192.0.2.1]/24"
            "!10.0.0.0/8"
            "::1"
            "Canonicalization relaxed/simple"
            "Include file"
            "Domain example.com,a.b # comment"
            "example.com:all"
            "key value \\# more"
            "SyslogFacility mail"
            ""
        |]

    String.Join("\n", Array.init (random.Next(1, 8)) (fun _ -> Inputs.pick random lines))

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
    let random = chanceOf text
    let parts = List.ofArray (text.Split '\255')

    let limits =
        DialogueLimits(
            CommandLine = 256,
            Reply = 1024,
            BareLineEnds =
                (if random.Next 2 = 0 then
                     BareLineEnds.Refuse
                 else
                     BareLineEnds.Normalize)
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
    let cut = hear (Inputs.cut (chanceOf text) text)
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
    [
        target "message" Inputs.message message
        target "body" bodyText body
        target "files" fileText files
        target "smtp" smtpText smtp
        target "milter" milterText milter
    ]
