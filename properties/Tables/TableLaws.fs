/// Indexes of data sets answer as a walk from the first entry to the last would.
module Dkim.Properties.TableLaws

open System
open System.Net
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Tables

let private trials = MailGenerators.trials 1000

// Few letters, so that texts meet.
let private pieces =
    [| "*"; "@"; "."; "a"; "B"; "b"; "u"; "@a.b"; ".b"; "*@"; "@*."; "u@" |]

let private word (pieces: string[]) (choices: int list) : string =
    choices
    |> List.truncate 6
    |> List.map (fun choice -> pieces[abs (choice % pieces.Length)])
    |> String.concat ""

let private plain = pieces |> Array.filter (fun piece -> not (piece.Contains '*'))

let private octets (lines: string list) =
    ReadOnlyMemory(Encoding.UTF8.GetBytes(String.Join("\n", lines)))

let private numbered (keys: string list) =
    keys |> List.mapi (fun number key -> key + " " + string number)

/// A pattern, tried letter by letter with every length for each star.
let rec private matches (pattern: string) (text: string) : bool =
    if pattern = "" then
        text = ""
    elif pattern[0] = '*' then
        matches (pattern.Substring 1) text
        || (text <> "" && matches pattern (text.Substring 1))
    else
        text <> ""
        && Char.ToLowerInvariant pattern[0] = Char.ToLowerInvariant text[0]
        && matches (pattern.Substring 1) (text.Substring 1)

let private walk (isEntry: string -> bool) (keys: string list) : string list =
    keys |> List.indexed |> List.filter (snd >> isEntry) |> List.map (fst >> string)

let private found (lookup: Lookup<Row>) : string list =
    match lookup with
    | Lookup.Found row -> [ row.Value ]
    | Lookup.Absent -> []
    | Lookup.Unavailable reason -> [ reason ]

let private keysOf pieces (lists: int list list) =
    lists |> List.map (word pieces) |> List.filter ((<>) "")

let private same (one: string) (other: string) =
    one.Equals(other, StringComparison.OrdinalIgnoreCase)

/// The texts that a client is looked up by, all of them (opendkim.conf(5) InternalHosts).
let private naiveHost (keys: string list) (host: string) (address: IPAddress) : bool =
    let decide (text: string) =
        if List.exists (same ("!" + text)) keys then Some false
        elif List.exists (same text) keys then Some true
        else None

    let octets = address.GetAddressBytes()
    let text = address.ToString()

    let networks =
        [
            for bits in HostText.bits octets .. -1 .. 0 do
                let network = IPAddress(HostText.masked bits octets).ToString()
                network + "/" + string bits
                "[" + network + "]/" + string bits
        ]

    let ofName = host :: AddressForms.parents host |> List.tryPick decide

    let ofAddress = text :: ("[" + text + "]") :: networks |> List.tryPick decide

    ofName = Some true || ofAddress = Some true

let private hostPieces =
    [|
        "!"
        "192.0.2.1"
        "192.0.2.0/24"
        "192.0.0.0/16"
        "0.0.0.0/0"
        ".b"
        "a.b"
        "[192.0.2.1]"
        "192.0.2.1/32"
        "10.0.0.0/8"
    |]

[<Tests>]
let tests =
    testList
        "TableLaws"
        [
            testLaw
                trials
                "the first pattern of a table, and all of them"
                (fun (lists: int list list) (query: int list) ->
                    let keys = keysOf pieces lists
                    let query = word plain query
                    let table = Table.OfPatterns(true, "t", octets (numbered keys))
                    let expected = walk (fun pattern -> matches pattern query) keys

                    let all =
                        match table.FindAll query with
                        | Lookup.Found rows -> rows |> List.map _.Value
                        | Lookup.Absent
                        | Lookup.Unavailable _ -> []

                    found (table.Find query) = List.truncate 1 expected && all = expected)

            testLaw
                trials
                "the entry of a text in a file and in a list"
                (fun (lists: int list list) (query: int list) ->
                    let keys = keysOf plain lists
                    let query = word plain query
                    let file = Table.OfLines(true, "t", octets (numbered keys))

                    let list =
                        Table.OfList(
                            true,
                            String.Join(",", keys |> List.mapi (fun number key -> key + "=" + string number))
                        )

                    let expected = walk (same query) keys |> List.truncate 1
                    let expected = if query = "" then [] else expected
                    found (file.Find query) = expected && found (list.Find query) = expected)

            testLaw trials "capitals tell names of keys apart" (fun (lists: int list list) (query: int list) ->
                let keys = keysOf plain lists
                let query = word plain query
                let table = Table.OfLines(false, "t", octets (numbered keys))
                found (table.Find query) = (walk ((=) query) keys |> List.truncate 1))

            testLaw trials "a client in a list" (fun (lists: int list list) (host: int list) (last: byte) ->
                let keys =
                    lists |> List.map (List.truncate 2 >> word hostPieces) |> List.filter ((<>) "")

                let host = "h" + (word plain host).Replace("@", "").ToLowerInvariant()
                let address = IPAddress [| 192uy; 0uy; 2uy; last % 3uy |]
                let set = HostSet.ofTable (Table.OfLines(true, "t", octets keys))
                (set.Has(host, address) = Lookup.Found true) = naiveHost keys host address)

            testLaw trials "no text makes the readers throw" (fun (AnyText text) ->
                let table = Table.OfPatterns(true, "t", octets [ text ])
                table.Find text |> ignore
                table.FindAll text |> ignore
                SetPlace.parse text |> Result.map SetPlace.show |> ignore
                let set = HostSet.ofTable (Table.OfLines(true, "t", octets [ text ]))
                set.Has(text, IPAddress.Loopback) |> ignore
                HostSet.doubts set |> List.length >= 0)
        ]
