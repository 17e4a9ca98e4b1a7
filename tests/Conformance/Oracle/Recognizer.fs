/// Whether a text is a sentence of a rule, and what its named parts are. Every derivation is followed, whatever the
/// order of alternatives, so that an ambiguous grammar has all its readings.
namespace Dkim.Tests.Conformance.Abnf

open System
open System.Collections.Generic

/// A named part of a sentence: the rule, and what is kept of the text that it derives.
type Part = { Rule: string; Kept: string }

/// What is kept of the text of a rule: given the rule, the whole text, and where the part begins and ends.
type Keep = string -> string -> int -> int -> string voption

[<RequireQualifiedAccess>]
type private Node =
    | Range of lowest: char * highest: char
    | Text of text: string * caseSensitive: bool
    | Nothing
    | Then of first: int * second: int
    | Either of int[]
    | Star of int
    | Named of rule: string * body: int
    | Judged of string

/// The rules as a graph of small nodes.
[<Sealed>]
type private Graph(rules: Rules) =
    let nodes = List<Node>()
    let named = Dictionary<string, int>()

    let add node =
        nodes.Add node
        nodes.Count - 1

    let rec compile (inner: Element) : int =
        match inner with
        | Range(lowest, highest) -> add (Node.Range(lowest, highest))
        | Text(text, caseSensitive) -> add (Node.Text(text, caseSensitive))
        | Prose sentence -> add (Node.Judged sentence)
        | Reference name -> rule name
        | Sequence parts -> chain (List.map compile parts)
        | Choice parts -> add (Node.Either(parts |> List.map compile |> Array.ofList))
        | Repeat(least, most, part) -> repeat least most (compile part)

    and chain (parts: int list) : int =
        match parts with
        | [] -> add Node.Nothing
        | [ only ] -> only
        | first :: rest -> add (Node.Then(first, chain rest))

    and repeat least (most: int voption) part =
        let rec upTo count =
            if count = 0 then
                add Node.Nothing
            else
                add (Node.Either [| add Node.Nothing; add (Node.Then(part, upTo (count - 1))) |])

        let tail =
            match most with
            | ValueNone -> add (Node.Star part)
            | ValueSome most -> upTo (most - least)

        chain (List.replicate least part @ [ tail ])

    // A rule that is under way has its node already: rules may contain themselves.
    and rule (name: string) : int =
        match named.TryGetValue name with
        | true, node -> node
        | false, _ ->
            let node = add (Node.Named(name, -1))
            named[name] <- node
            nodes[node] <- Node.Named(name, compile rules[name])
            node

    member _.Rule(name: string) = rule (name.ToLowerInvariant())
    member _.Item(node: int) = nodes[node]
    member _.Count = nodes.Count

/// Recognizes sentences of some rules. `judge` decides about the prose of the grammar. Not for several threads.
[<Sealed>]
type Recognizer(rules: Rules, judge: string -> string -> bool) =
    let graph = Graph rules
    let mutable text = ""
    // For each node and offset the ends of what it can derive from there, in increasing order.
    let mutable known: int[] voption[] = [||]

    let index node at = node * (text.Length + 1) + at

    let matches (word: string) caseSensitive at =
        String.Compare(
            word,
            0,
            text,
            at,
            word.Length,
            (if caseSensitive then
                 StringComparison.Ordinal
             else
                 StringComparison.OrdinalIgnoreCase)
        )
            =
            0

    let rec ends (node: int) (at: int) : int[] =
        let place = index node at

        match known[place] with
        | ValueNone ->
            // A rule that begins with itself would go round for ever here; none of the RFCs' does.
            let found = compute graph[node] at
            known[place] <- ValueSome found
            found
        | ValueSome found -> found

    and compute node at : int[] =
        match node with
        | Node.Nothing -> [| at |]
        | Node.Range(lowest, highest) ->
            if at < text.Length && text[at] >= lowest && text[at] <= highest then
                [| at + 1 |]
            else
                [||]
        | Node.Text(word, caseSensitive) ->
            if at + word.Length <= text.Length && matches word caseSensitive at then
                [| at + word.Length |]
            else
                [||]
        | Node.Then(first, second) -> union (ends first at) (ends second)
        | Node.Either choices -> union choices (fun choice -> ends choice at)
        | Node.Star part -> closure part at
        | Node.Named(_, body) -> ends body at
        | Node.Judged sentence ->
            [|
                for finish in at + 1 .. text.Length do
                    if judge sentence (text.Substring(at, finish - at)) then
                        finish
            |]

    and union (sources: int[]) (endsOf: int -> int[]) : int[] =
        match sources.Length with
        | 0 -> [||]
        | 1 -> endsOf sources[0]
        | _ ->
            let reached = SortedSet<int>()

            for source in sources do
                reached.UnionWith(endsOf source)

            Seq.toArray reached

    and closure part at : int[] =
        let reached = SortedSet<int> [ at ]
        let waiting = Queue<int> [ at ]

        while waiting.Count > 0 do
            for finish in ends part (waiting.Dequeue()) do
                if reached.Add finish then
                    waiting.Enqueue finish

        Seq.toArray reached

    let start (sentence: string) =
        text <- sentence
        let size = graph.Count * (sentence.Length + 1)

        if known.Length < size then
            known <- Array.zeroCreate size
        else
            Array.Clear(known, 0, size)

    let derives node at finish =
        Array.BinarySearch(ends node at, finish) >= 0

    /// Whether there is a rule of a name.
    member _.Has(rule: string) = Map.containsKey rule rules

    /// More readings than this are not told apart.
    static member MostReadings = 64

    /// Whether a text is a sentence of a rule.
    member _.Accepts (rule: string) (sentence: string) : bool =
        let node = graph.Rule rule
        start sentence
        derives node 0 sentence.Length

    /// The different lists of named parts that the derivations of a text have; none if it is no sentence of the rule.
    member _.Readings (rule: string) (keep: Keep) (sentence: string) : Part list list =
        let root = graph.Rule rule
        start sentence
        let memo = Dictionary<struct (int * int * int), Part list list>()

        let rec readings node at finish : Part list list =
            match memo.TryGetValue(struct (node, at, finish)) with
            | true, found -> found
            | false, _ ->
                let found = read graph[node] node at finish |> List.distinct

                if found.Length > Recognizer.MostReadings then
                    failwith ("too many readings of " + sentence)

                memo[struct (node, at, finish)] <- found
                found

        and read shape node at finish =
            match shape with
            | Node.Nothing
            | Node.Range _
            | Node.Text _
            | Node.Judged _ -> [ [] ]
            | Node.Either choices ->
                choices
                |> List.ofArray
                |> List.filter (fun choice -> derives choice at finish)
                |> List.collect (fun choice -> readings choice at finish)
            | Node.Then(first, second) ->
                ends first at
                |> List.ofArray
                |> List.filter (fun middle -> middle <= finish && derives second middle finish)
                |> List.collect (fun middle -> join (readings first at middle) (readings second middle finish))
            | Node.Star part -> if at = finish then [ [] ] else rest part node at finish
            | Node.Named(name, body) ->
                let inner = readings body at finish

                match keep name sentence at finish with
                | ValueSome kept -> inner |> List.map (fun parts -> { Rule = name; Kept = kept } :: parts)
                | ValueNone -> inner

        and rest part star at finish =
            ends part at
            |> List.ofArray
            |> List.filter (fun middle -> middle > at && middle <= finish && derives star middle finish)
            |> List.collect (fun middle -> join (readings part at middle) (readings star middle finish))

        and join firsts seconds =
            List.allPairs firsts seconds |> List.map (fun (first, second) -> first @ second)

        if derives root 0 sentence.Length then
            readings root 0 sentence.Length
        else
            []
