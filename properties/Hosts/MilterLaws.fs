/// The dialogue of the milters against a model of it.
module Dkim.Properties.MilterLaws

open System
open FsCheck
open FsCheck.FSharp
open Expecto
open Dkim.Core.Programs.Filters.Milter
open Dkim.Tests

let private said =
    Gen.frequency
        [
            4, Gen.elements [ 'C'; 'M'; 'R'; 'N'; 'E' ] |> Gen.map Macros
            1, Gen.elements [ Connect; Ignored; Helo; Abort; QuitForAnother; Quit; Unknown; Again; Junk ]
            3, Gen.elements Fates.all |> Gen.map Mail
            3, Gen.elements [ Recipient; Data; Field; EndOfHeader; EndOfBody ]
            2, Gen.elements [ 0; 1; 300; 65535 ] |> Gen.map Piece
        ]

/// A message as MTAs send it, or the beginning of one.
let private message =
    gen {
        let! fate = Gen.elements Fates.all
        let! fields = Gen.choose (0, 3)
        let! pieces = Gen.choose (0, 2)

        let whole =
            [ Macros 'M'; Mail fate; Recipient; Data ]
            @ List.replicate fields Field
            @ [ Macros 'N'; EndOfHeader ]
            @ List.replicate pieces (Piece 300)
            @ [ Macros 'E'; EndOfBody ]

        let! length =
            Gen.frequency [ 4, Gen.constant whole.Length; 1, Gen.choose (0, whole.Length) ]

        let! ending = Gen.elements [ []; [ Abort ] ]
        return List.truncate length whole @ ending
    }

let private conversation =
    Gen.frequency
        [
            5, Gen.listOf message |> Gen.map List.concat
            2, Gen.listOf said
            3, Gen.map2 (fun messages rest -> List.concat messages @ rest) (Gen.listOf message) (Gen.listOf said)
        ]
    |> Gen.map (fun said -> Connect :: Helo :: said)

/// What MTAs offer: versions, and steps by the bit.
let private offer =
    gen {
        let! version = Gen.choose (2, 7)
        let! bits = Gen.choose (0, 0x1fffff)
        let! steps = Gen.elements [ 0x1fffff; 0x1ff; 0x7f; 0x0; bits; 0x1fffff &&& ~~~0x400 ]
        return Packets.negotiate (uint32 version) 0x1ffu (uint32 steps)
    }

/// With what is said in any order, shorter by one.
let private shrunk (others: 'a) (conversation: Said list) =
    Seq.init conversation.Length (fun index -> others, List.removeAt index conversation)

let private talks =
    Arb.fromGenShrink (Gen.zip offer conversation, (fun (offer, said) -> shrunk offer said))

let private agreedSteps (output: byte[]) =
    match Packets.split output with
    | ('O', data) :: _ -> Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(data, 8, 4))
    | _ -> failwith "no agreement"

let private replies (output: byte[]) =
    Packets.split output |> List.tail |> List.map fst |> String.Concat

let private hear (pieces: byte[] list) =
    use talk = new MilterTalk(FateProgram [])

    for piece in pieces do
        talk.Hear piece

    struct (talk.Output, talk.Closed)

/// The header that the MTA has in the end, as it sends it on.
module private Mta =
    let insert (index: int) field (header: string list) =
        List.insertAt (min index header.Length) field header

    let private isNamed (name: string) (field: string) =
        field.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)

    let delete (name: string) (occurrence: int) (header: string list) =
        let places =
            header |> List.indexed |> List.filter (snd >> isNamed name) |> List.map fst

        match List.tryItem (occurrence - 1) places with
        | Some place -> List.removeAt place header
        | None -> header

    let private asSent spaceKept (name: string) (value: string) =
        let colon = if spaceKept then ":" else ": "
        name + colon + value.Replace("\n", "\r\n")

    let apply spaceKept (header: string list) (reply: char, data: byte[]) =
        let number () =
            Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(data, 0, 4))

        let texts from =
            (Dkim.Core.Words.Octets.latin1 (ReadOnlySpan(data, from, data.Length - from))).Split '\000'

        match reply with
        | 'i' ->
            let parts = texts 4
            insert (number ()) (asSent spaceKept parts[0] parts[1]) header
        | 'h' ->
            let parts = texts 0
            insert header.Length (asSent spaceKept parts[0] parts[1]) header
        | 'm' ->
            let parts = texts 4
            Expect.equal [| parts[0]; ""; "" |] parts
            delete parts[0] (number ()) header
        | _ -> header

let private fieldText = Gen.elements [ "a"; "b c"; "x\r\n\ty"; "1=\r\n 2"; "" ]
let private fieldName = Gen.elements [ "A"; "Subject"; "Authentication-Results" ]

let private edit =
    Gen.oneof
        [
            Gen.map3
                (fun index name text -> MilterChange.Insert(index, Dkim.Core.Message.Field.ofText name (" " + text)))
                (Gen.choose (0, 2))
                fieldName
                fieldText
            Gen.map2 (fun name occurrence -> MilterChange.Delete(name, occurrence)) fieldName (Gen.choose (1, 3))
        ]

let private edited (header: string list) (change: MilterChange) =
    match change with
    | MilterChange.Insert(index, field) -> Mta.insert index (Dkim.Core.Words.Octets.latin1 field.Raw.Span) header
    | MilterChange.Delete(name, occurrence) -> Mta.delete name occurrence header
    | MilterChange.Quarantine _
    | MilterChange.RemoveRecipient _
    | MilterChange.AddRecipient _
    | MilterChange.Send _
    | MilterChange.Keep _ -> header

let private trials = { Count = 100; Arbitraries = [] }

[<Tests>]
let tests =
    testList
        "MilterLaws"
        [
            testLaw { trials with Count = 3000 } "Any order of commands is answered as the model says" (fun () ->
                Prop.forAll talks (fun (offer, conversation) ->
                    let struct (output, closed) = hear (offer :: List.map Said.octetsOf conversation)
                    let steps = agreedSteps output
                    let mutable state = MilterModel.start
                    let expected = Text.StringBuilder()

                    for said in conversation do
                        let struct (next, reply) = MilterModel.step steps state said
                        expected.Append reply |> ignore
                        state <- next

                    Expect.equal (string expected) (replies output)
                    Expect.equal state.Closed closed))

            testLaw { trials with Count = 2000 } "Wherever the stream is cut, the replies are the same" (fun () ->
                let cuts = Gen.listOf (Gen.elements [ 1; 2; 3; 4; 5; 6; 7; 20; 299; 4000 ])

                Prop.forAll (Arb.fromGen (Gen.zip3 offer conversation cuts)) (fun (offer, conversation, cuts) ->
                    let stream = Array.concat (offer :: List.map Said.octetsOf conversation)

                    let rec cut at cuts =
                        match cuts with
                        | length :: rest when at < stream.Length ->
                            let next = min stream.Length (at + length)
                            stream[at .. next - 1] :: cut next rest
                        | _ -> [ stream[at..] ]

                    let struct (whole, closed) = hear [ stream ]
                    let struct (pieces, closedToo) = hear (cut 0 (cuts @ cuts @ cuts))
                    Expect.equal (Convert.ToHexString whole) (Convert.ToHexString pieces)
                    Expect.equal closed closedToo))

            testLaw
                { trials with Count = 2000 }
                "A message that is sent to its end has one last word, whatever happens to it"
                (fun () ->
                    Prop.forAll
                        (Arb.fromGen (Gen.zip offer (Gen.nonEmptyListOf (Gen.elements Fates.all))))
                        (fun (offer, fates) ->
                            let whole fate =
                                [ Mail fate; Recipient; Field; EndOfHeader; Piece 10; EndOfBody ]

                            use talk = new MilterTalk(FateProgram [])
                            talk.Hear(Array.concat [ offer; Said.octetsOf Connect ])

                            for fate in fates do
                                let before = talk.Output.Length
                                let mutable left = whole fate

                                // An MTA that has the last word sends nothing more of the message.
                                let finals () =
                                    Packets.split talk.Output[before..]
                                    |> List.filter (fun (reply, _) -> "artdy".Contains reply)
                                    |> List.length

                                while not left.IsEmpty && finals () = 0 do
                                    talk.Hear(Said.octetsOf left.Head)
                                    left <- left.Tail

                                Expect.equal 1 (finals ())

                            Expect.isFalse talk.Closed "talk.Closed"))

            testLaw
                { trials with Count = 2000 }
                "No octets whatever make it throw, and it says nothing after the end"
                (fun (octets: byte[]) (valid: bool) ->
                    use talk = new MilterTalk(FateProgram [])

                    if valid then
                        talk.Hear(Array.concat [ Packets.negotiate 6u 0x1ffu 0x1fffffu; Said.octetsOf Connect ])

                    talk.Hear octets
                    let output = talk.Output.Length

                    if talk.Closed then
                        talk.Hear(Said.octetsOf (Mail Early))
                        Expect.equal output talk.Output.Length)

            testCase
                "Macros last as long as what they were sent for, the first value wins, and that of connect is known"
                (fun () ->
                    let define (stage: string) values =
                        Packets.packet 'D' (Array.append (Packets.text stage) (Packets.texts values))

                    let whole between =
                        [
                            Said.octetsOf (Said.Mail(Late(0, false)))
                            between
                            Said.octetsOf Said.EndOfHeader
                            Said.octetsOf Said.EndOfBody
                        ]
                        |> Array.concat

                    let program = FateProgram []
                    use talk = new MilterTalk(program)

                    [
                        Packets.negotiate 6u 0x1ffu 0x1fffffu
                        define "C" [ "{daemon_name}"; "MTA"; "{unused}"; "" ]
                        Packets.connect
                        define "M" [ "{i}"; "Q1" ]
                        whole [||]
                        whole [||]
                        define "M" [ "i"; "Q3" ]
                        whole (define "N" [ "i"; "Q4"; "{daemon_name}"; "other" ])
                        define "M" [ "x"; "i" ]
                        whole (define "R" [ "i" ])
                        define "M" [ "i"; "Q5" ]
                        Said.octetsOf (Said.Mail Early)
                        Said.octetsOf Said.Abort
                        whole [||]
                        Said.octetsOf Said.QuitForAnother
                        Packets.connect
                        whole (define "N" [ "i"; "Q6"; "{daemon_name}"; "late" ])
                    ]
                    |> List.iter talk.Hear

                    Expect.equal
                        [
                            "Q1 MTA MTA"
                            "- MTA MTA"
                            "Q3 MTA MTA"
                            " MTA MTA"
                            "- MTA MTA"
                            "Q6 late -"
                        ]
                        (program.Macros
                         |> Seq.map (List.map (ValueOption.defaultValue "-") >> String.concat " ")
                         |> List.ofSeq))

            testCase "A client that is left alone leaves the next one of the connection to the filter" (fun () ->
                let program = FateProgram []
                use talk = new MilterTalk(program)

                let message =
                    [ Mail(Late(0, false)); Recipient; Field; EndOfHeader; EndOfBody ]
                    |> List.map Said.octetsOf
                    |> Array.concat

                [
                    Packets.negotiate 6u 0x1ffu 0x1fffffu
                    Said.octetsOf Ignored
                    message
                    Said.octetsOf QuitForAnother
                    Packets.connect
                    message
                ]
                |> List.iter talk.Hear

                Expect.equal 1 program.Headers.Count)

            testCase "A message gives back the room of its header" (fun () ->
                use talk = new MilterTalk(FateProgram [])
                talk.Hear(Array.append (Packets.negotiate 6u 0x1ffu 0x1fffffu) Packets.connect)
                let header = Packets.field "Subject" (String('x', 200_000))
                let before = talk.Output.Length

                // More than all connections may hold together.
                for _ in 1..400 do
                    talk.Hear(Said.octetsOf (Mail(Late(0, false))))
                    talk.Hear header
                    talk.Hear(Array.append (Said.octetsOf EndOfHeader) (Said.octetsOf EndOfBody))

                Packets.split talk.Output[before..]
                |> List.map (fst >> string)
                |> List.countBy id
                |> Expect.equal [ "a", 400 ])

            testRows
                "An MTA that cannot change headers is let go with a reason"
                [
                    (1u, 0x1ffu, false)
                    (6u, 0x001u, false)
                    (6u, 0x010u, false)
                    (2u, 0x011u, true)
                ]
                (fun (version: uint32, actions: uint32, served: bool) ->
                    let program = FateProgram []
                    use talk = new MilterTalk(program)
                    talk.Hear(Packets.negotiate version actions 0x7fu)
                    Expect.equal (not served) talk.Closed
                    Expect.equal served (talk.Output.Length > 0)
                    Expect.equal (if served then 0 else 1) program.Reports.Count)

            testRows
                "An old MTA that cannot insert gets fields appended"
                [ (0x11u, "h"); (0x3fu, "i") ]
                (fun (actions: uint32, added: string) ->
                    let field = Dkim.Core.Message.Field.ofText "X-A" " b"
                    use talk = new MilterTalk(FateProgram [ MilterChange.Insert(1, field) ])
                    talk.Hear(Array.append (Packets.negotiate 2u actions 0x7fu) Packets.connect)

                    for said in [ Said.Mail(Late(0, false)); Said.Recipient; Said.EndOfHeader; Said.EndOfBody ] do
                        talk.Hear(Said.octetsOf said)

                    let reply, data = Packets.split talk.Output |> List.rev |> List.item 1
                    Expect.equal added (string reply)

                    Expect.isTrue
                        ((Dkim.Core.Words.Octets.latin1 (ReadOnlySpan data)).EndsWith("X-A\000b\000"))
                        "(Dkim.Core.Words.Octets.latin1 (ReadOnlySpan data)).EndsWith(\"X-A\\000b\\000\")")

            testLaw
                { trials with Count = 2000 }
                "The header that the MTA sends on is the one decided on, and the one seen is the one it had"
                (fun (spaceKept: bool) ->
                    let field = Gen.map2 (fun name text -> name + ": " + text) fieldName fieldText

                    Prop.forAll (Arb.fromGen (Gen.zip (Gen.listOf field) (Gen.listOf edit))) (fun (header, edits) ->
                        let program = FateProgram edits
                        use talk = new MilterTalk(program)
                        let steps = if spaceKept then 0x1fffffu else 0x0fffffu

                        talk.Hear(
                            Array.concat
                                [
                                    Packets.negotiate 6u 0x1ffu steps
                                    Said.octetsOf Connect
                                    Said.octetsOf (Mail(Late(1, true)))
                                ]
                        )

                        for field: string in header do
                            let colon = field.IndexOf ':'

                            let value =
                                field.Substring(colon + (if spaceKept then 1 else 2)).Replace("\r\n", "\n")

                            talk.Hear(Packets.field (field.Substring(0, colon)) value)

                        let before = talk.Output.Length
                        talk.Hear(Array.concat [ Said.octetsOf EndOfHeader; Said.octetsOf EndOfBody ])
                        let told = Packets.split talk.Output[before..]
                        Expect.equal "a" (string (fst (List.last told)))
                        Expect.equal header program.Headers[0]

                        Expect.equal (List.fold edited header edits) (List.fold (Mta.apply spaceKept) header told)))
        ]
