/// Replies of name servers (RFC 1035 §4): how they are made, honest and otherwise, and what stands in one by the letter of
/// the standard. Octets are Latin-1 text, as in every input.
module Dkim.Tests.Conformance.Fuzzing.Replies

open System
open Dkim.Tests.Conformance.Fuzzing.Inputs

[<Literal>]
let Txt = 16

[<Literal>]
let Alias = 5

/// A name as its labels, in small letters, with dots between them. A dot in a label is not told from these: DnsClient does
/// not tell, and only the servers of the root can have a name that reads as one of somebody else's.
type Name = string

/// A record of the section of answers.
type Record =
    {
        Owner: Name
        Type: int
        Class: int
        /// Where its data begin, and how long they are.
        At: int
        Length: int
    }

/// What of a reply can be read.
type Reply =
    {
        Octets: string
        Flags: int
        Questions: (Name * int * int) list
        /// Up to the first that cannot be read.
        Answers: Record list
        /// The upper part of the RCODE, of the first OPT record.
        Extended: int
    }

let private askedLabels = [ "sel"; "_domainkey"; "example"; "com" ]

let private textOf (labels: string list) : Name = String.Join('.', labels)

let asked: Name = textOf askedLabels

// Reading.

let private octet (text: string) at =
    if at < text.Length then
        ValueSome(int text[at])
    else
        ValueNone

let private word (text: string) at =
    if at + 2 <= text.Length then
        ValueSome((int text[at] <<< 8) ||| int text[at + 1])
    else
        ValueNone

/// The name at a place, and where it ends there. Longer ones than there may be are read as well, since DnsClient does.
let tryName (text: string) (at: int) : struct (Name * int) voption =
    let rec from at left : struct (string list * int) voption =
        match octet text at with
        | _ when left = 0 -> ValueNone
        | ValueSome 0 -> ValueSome(struct ([], at + 1))
        | ValueSome length when length < 64 && at + 1 + length <= text.Length ->
            match from (at + 1 + length) (left - 1) with
            | ValueSome(struct (rest, next)) ->
                ValueSome(struct (text.Substring(at + 1, length).ToLowerInvariant() :: rest, next))
            | ValueNone -> ValueNone
        | ValueSome length when length >= 192 ->
            match word text at with
            | ValueSome pointer ->
                match from (pointer &&& 0x3fff) (left - 1) with
                | ValueSome(struct (rest, _)) -> ValueSome(struct (rest, at + 2))
                | ValueNone -> ValueNone
            | ValueNone -> ValueNone
        | _ -> ValueNone

    from at 4000
    |> ValueOption.map (fun (struct (labels, next)) -> struct (textOf labels, next))

let private tryQuestion (text: string) at =
    match tryName text at with
    | ValueSome(struct (name, next)) ->
        match word text next, word text (next + 2) with
        | ValueSome kind, ValueSome group -> ValueSome(struct ((name, kind, group), next + 4))
        | _ -> ValueNone
    | ValueNone -> ValueNone

let private tryRecord (text: string) at =
    match tryName text at with
    | ValueSome(struct (owner, next)) ->
        match word text next, word text (next + 2), word text (next + 8) with
        | ValueSome kind, ValueSome group, ValueSome length when next + 10 + length <= text.Length ->
            let record =
                {
                    Owner = owner
                    Type = kind
                    Class = group
                    At = next + 10
                    Length = length
                }

            ValueSome(struct (record, next + 10 + length))
        | _ -> ValueNone
    | ValueNone -> ValueNone

// As many as there should be, or as can be read.
let private several (read: int -> struct ('a * int) voption) count at =
    let rec from count at found =
        match (if count > 0 then read at else ValueNone) with
        | ValueSome(struct (one, next)) -> from (count - 1) next (one :: found)
        | ValueNone -> struct (List.rev found, at)

    from count at []

let read (text: string) : Reply =
    let number at =
        ValueOption.defaultValue 0 (word text at)

    let struct (questions, at) = several (tryQuestion text) (number 4) 12
    let struct (answers, at) = several (tryRecord text) (number 6) at
    let struct (_, at) = several (tryRecord text) (number 8) at
    let struct (additional, _) = several (tryRecord text) (number 10) at

    {
        Octets = text
        Flags = number 2
        Questions = questions
        Answers = answers
        Extended =
            additional
            |> List.tryFind (fun record -> record.Type = 41)
            |> Option.map (fun record -> int text[record.At - 6])
            |> Option.defaultValue 0
    }

/// The strings of a TXT record, joined; nothing where one is longer than what is left.
let tryText (reply: Reply) (record: Record) : string voption =
    let rec from at (joined: string) =
        if at = record.At + record.Length then
            ValueSome joined
        else
            let length = int reply.Octets[at]

            if at + 1 + length > record.At + record.Length then
                ValueNone
            else
                from (at + 1 + length) (joined + reply.Octets.Substring(at + 1, length))

    from record.At ""

// Making.

let private two number =
    String [| char ((number >>> 8) &&& 255); char (number &&& 255) |]

let private spelled (labels: string list) =
    String.Concat(labels |> List.map (fun label -> string (char label.Length) + label))
    + "\000"

let private strings (random: Random) (text: string) =
    let size = pick random [| 255; 255; 3; 1 |]

    text.ToCharArray()
    |> Array.chunkBySize size
    |> Array.map (fun part -> string (char part.Length) + String part)
    |> String.Concat

let private names: string list[] =
    [|
        askedLabels
        [ "SEL"; "_DomainKey"; "EXAMPLE"; "com" ]
        [ "next"; "example"; "com" ]
        [ "last"; "example"; "net" ]
        [ "sel"; "_domainkey"; "example"; "net" ]
        [ "_domainkey"; "example"; "com" ]
        // The same letters in other labels.
        [ "sel._domainkey"; "example"; "com" ]
        [ "sel"; "_domainkey.example.com" ]
        [ "sel"; "_domainkey"; "example"; "com\000" ]
        [ "xn--0ca24w"; "example" ]
        [ "xn--bcher-kva"; "example" ]
        [ "\195\188"; "com" ]
        [ "a\\.b"; "com" ]
        [ String('a', 63); String('b', 63); String('c', 63); String('d', 63) ]
        []
    |]

let private texts =
    [|
        "v=DKIM1; p=abcd"
        "forged"
        ""
        "\000\255\128"
        "\\200\\\"; \195\188\239\191\189"
        String('x', 700)
    |]

// The first question's name lies at 12.
let private owner (random: Random) =
    match random.Next 6 with
    | 0
    | 1
    | 2 -> "\192\012"
    | 3 -> "\003sel\192\016"
    | 4 -> string (char (192 + random.Next 64)) + string (char (random.Next 256))
    | _ -> spelled (pick random names)

let private data (random: Random) kind =
    match kind with
    | Txt -> strings random (pick random texts)
    | Alias ->
        if random.Next 4 = 0 then
            owner random
        else
            spelled (pick random names)
    | 6 ->
        owner random
        + owner random
        + String('\000', 16)
        + "\000\000"
        + two (random.Next 500)
    | _ -> String(Array.init (random.Next 40) (fun _ -> char (random.Next 256)))

let private record (random: Random) (kind: int) (given: string) =
    let length =
        match random.Next 12 with
        | 0 -> random.Next 40
        | 1 -> 65535
        | _ -> given.Length

    let group = pick random [| 1; 1; 1; 1; 1; 3; 255 |]

    let life =
        pick random [| "\000\000\000\060"; "\255\255\255\255"; "\000\000\000\000" |]

    owner random + two kind + two group + life + two length + given

let private answers (random: Random) =
    let kind () =
        pick
            random
            [|
                Txt
                Txt
                Txt
                Txt
                Alias
                Alias
                1
                28
                15
                46
                35
                47
                11
                random.Next 300
            |]

    List.init (pick random [| 0; 1; 1; 1; 2; 3; 40 |]) (fun _ ->
        let kind = kind ()
        record random kind (data random kind))

let private question (random: Random) =
    let name = if random.Next 5 = 0 then pick random names else askedLabels

    spelled name
    + two (pick random [| Txt; Txt; Txt; Txt; Txt; Txt; 1 |])
    + two (pick random [| 1; 1; 1; 1; 1; 1; 3 |])

let private reply (random: Random) =
    let questions =
        List.init (pick random [| 1; 1; 1; 1; 1; 1; 0; 2 |]) (fun _ -> question random)

    let answers = answers random
    let authority = List.init (random.Next 2) (fun _ -> record random 6 (data random 6))

    let additional =
        List.init (random.Next 2) (fun _ ->
            let extended = pick random [| 0; 0; 0; 1 |]
            "\000" + two 41 + two 1232 + string (char extended) + "\000\000\000" + two 0)

    let count (items: string list) =
        two (items.Length + pick random [| 0; 0; 0; 0; 0; 0; 0; 1; -1; 255; 65535 |])

    let flags =
        match random.Next 10 with
        | 0 -> random.Next 65536
        | 1 -> 0x8380
        | 2 -> 0x8180 ||| random.Next 16
        | 3 -> 0x8183
        | _ -> 0x8180

    // The number is added to that of the query.
    let head = (if random.Next 12 = 0 then "\000\001" else "\000\000") + two flags
    let sections = [ questions; answers; authority; additional ]

    let whole =
        head
        + String.Concat(List.map count sections)
        + String.Concat(List.concat sections)

    if random.Next 10 = 0 then
        whole.Substring(0, random.Next whole.Length)
    else
        whole

/// An alias to another name, whose record comes with the next reply.
let private chain (random: Random) =
    let first =
        "\000\000\129\128\000\001\000\001\000\000\000\000"
        + spelled askedLabels
        + two Txt
        + two 1

    let target = pick random names
    let alias = "\192\012" + two Alias + two 1 + "\000\000\000\060"

    let second =
        "\000\000\129\128\000\001\000\001\000\000\000\000"
        + spelled target
        + two Txt
        + two 1

    let found = strings random "found"

    [
        first + alias + two (spelled target).Length + spelled target
        second
        + "\192\012"
        + two Txt
        + two 1
        + "\000\000\000\060"
        + two found.Length
        + found
    ]

/// Between the replies of an input.
[<Literal>]
let Between = "\255|\255"

/// Replies to the questions that come one after the other; the last goes for all that follow.
let text (random: Random) : string =
    match random.Next 4 with
    | 0 -> String.Join(Between, chain random)
    | _ -> String.Join(Between, List.init (pick random [| 1; 1; 1; 2; 3 |]) (fun _ -> reply random))
