/// Sentences of a grammar, texts that are almost sentences, and the smallest text that still shows a difference. All of
/// it follows from a seed.
namespace Dkim.Tests.Conformance.Abnf

open System
open System.Collections.Generic
open System.Text

/// Makes sentences of about `size` octets at most. `invent` makes what stands for prose.
[<Sealed>]
type Sentences(rules: Rules, invent: Random -> string -> string) =
    // The fewest octets that a rule can be, by approximation from above.
    let shortest: Dictionary<string, int> =
        let lengths = Dictionary<string, int>()

        for name in rules.Keys do
            lengths[name] <- 1000000

        lengths

    let rec least (inner: Element) : int =
        match inner with
        | Range _ -> 1
        | Text(text, _) -> text.Length
        | Prose _ -> 1
        | Reference name -> shortest[name]
        | Sequence parts -> List.sumBy least parts |> min 1000000
        | Choice parts -> parts |> List.map least |> List.min
        | Repeat(times, _, part) -> if times = 0 then 0 else min 1000000 (times * least part)

    do
        let mutable changed = true

        while changed do
            changed <- false

            for KeyValue(name, inner) in rules do
                let length = least inner

                if length < shortest[name] then
                    shortest[name] <- length
                    changed <- true

    // The alternatives that some sentence took, by the list that they stand in.
    let taken = Dictionary<Element list, HashSet<int>>(HashIdentity.Reference)

    let octet (random: Random) (lowest: char) (highest: char) =
        match random.Next 6 with
        | 0 -> lowest
        | 1 -> highest
        | _ -> char (random.Next(int lowest, int highest + 1))

    let inAnyCase (random: Random) (text: string) =
        text
        |> String.map (fun c ->
            match random.Next 4 with
            | 0 -> Char.ToUpperInvariant c
            | 1 -> Char.ToLowerInvariant c
            | _ -> c)

    let times (random: Random) (room: int) least (most: int voption) =
        let most = ValueOption.defaultValue (least + 12) most

        if room <= 0 then
            least
        else
            match random.Next 12 with
            | 0 -> most
            | 1 -> least
            | _ ->
                let mutable count = least

                while count < most && random.Next 3 > 0 do
                    count <- count + 1

                count

    let rec write (random: Random) (size: int) (sentence: StringBuilder) (inner: Element) : unit =
        let room = size - sentence.Length

        match inner with
        | Range(lowest, highest) -> sentence.Append(octet random lowest highest) |> ignore
        | Text(text, true) -> sentence.Append text |> ignore
        | Text(text, false) ->
            sentence.Append(if random.Next 4 = 0 then inAnyCase random text else text)
            |> ignore
        | Prose wanted -> sentence.Append(invent random wanted) |> ignore
        | Reference name -> write random size sentence rules[name]
        | Sequence parts ->
            // No part takes all the room, or what comes last would always be short.
            parts
            |> List.iteri (fun place part ->
                let share = (size - sentence.Length) * 2 / (parts.Length - place + 1)
                write random (sentence.Length + max 0 share) sentence part)
        | Choice parts -> write random size sentence (pick random room parts)
        | Repeat(least, most, part) ->
            let parts = if most = ValueSome 1 then 1 else 2

            for _ in 1 .. times random room least most do
                // A long repetition ends when the room does.
                if size > sentence.Length || least > 0 then
                    write random (sentence.Length + max 0 (size - sentence.Length) / parts + 1) sentence part

    and pick random room parts =
        let fitting =
            if room > 0 then
                parts
            else
                let fewest = parts |> List.map least |> List.min
                parts |> List.filter (fun part -> least part = fewest)

        let chosen = fitting[random.Next fitting.Length]

        match taken.TryGetValue parts with
        | true, places -> places
        | false, _ ->
            taken[parts] <- HashSet<int>()
            taken[parts]
        |> _.Add(parts |> List.findIndex (fun part -> obj.ReferenceEquals(part, chosen)))
        |> ignore

        chosen

    /// Alternatives of a rule that no sentence made so far has taken: the numbers of each choice in it.
    member _.Untaken(rule: string) : int list =
        let rec choices inner =
            match inner with
            | Choice parts -> parts :: List.collect choices parts
            | Sequence parts -> List.collect choices parts
            | Repeat(_, _, part) -> choices part
            | Range _
            | Text _
            | Reference _
            | Prose _ -> []

        choices rules[rule]
        |> List.collect (fun parts ->
            match taken.TryGetValue parts with
            | true, places -> List.except places [ 0 .. parts.Length - 1 ]
            | false, _ -> [ 0 .. parts.Length - 1 ])

    /// A sentence of a rule.
    member _.Make (random: Random) (size: int) (rule: string) : string =
        let sentence = StringBuilder()
        write random size sentence (Reference(rule.ToLowerInvariant()))
        sentence.ToString()

module Mutation =
    // Octets that grammars of mail make much of.
    let private critical = " \t\r\n;=:,.@<>()[]\"\\/|*-_+~%019aAzZ\000\127\128\195\255"

    let private someOctet (random: Random) (sentence: string) =
        if sentence.Length > 0 && random.Next 3 = 0 then
            sentence[random.Next sentence.Length]
        else
            critical[random.Next critical.Length]

    /// The text with one octet deleted, inserted, replaced or exchanged with the next.
    let once (random: Random) (sentence: string) : string =
        let at = random.Next(sentence.Length + 1)

        match random.Next 4 with
        | 0 when at < sentence.Length -> sentence.Remove(at, 1)
        | 1 when at < sentence.Length -> sentence.Remove(at, 1).Insert(at, string (someOctet random sentence))
        | 2 when at + 1 < sentence.Length ->
            sentence.Substring(0, at)
            + string sentence[at + 1]
            + string sentence[at]
            + sentence.Substring(at + 2)
        | _ -> sentence.Insert(at, string (someOctet random sentence))

module Shrinking =
    // Leaves out pieces of a length wherever that can be done, from the left to the right.
    let private leaveOut (stillShows: string -> bool) (text: string) (length: int) : string =
        let rec from at (text: string) =
            if at + length > text.Length then
                text
            else
                let less = text.Remove(at, length)
                if stillShows less then from at less else from (at + 1) text

        from 0 text

    let private makePlain (stillShows: string -> bool) (text: string) (at: int) : string =
        if text[at] <> 'a' && (Char.IsAsciiLetterOrDigit text[at] || text[at] > '~') then
            let plain = text.Remove(at, 1).Insert(at, "a")
            if stillShows plain then plain else text
        else
            text

    /// The text with parts left out, and with octets made plain, as long as something about it remains true.
    let shrink (stillShows: string -> bool) (text: string) : string =
        let less = List.fold (leaveOut stillShows) text [ 64; 24; 8; 4; 2; 1; 1 ]
        List.fold (makePlain stillShows) less [ 0 .. less.Length - 1 ]

    /// A text as one line of printable ASCII.
    let show (text: string) : string =
        text
        |> String.collect (fun c ->
            match c with
            | '\r' -> "\\r"
            | '\n' -> "\\n"
            | '\t' -> "\\t"
            | '\\' -> "\\\\"
            | c when c < ' ' || c > '~' -> "\\x" + (int c).ToString "X2"
            | c -> string c)
