/// The rules of the house: which room may open which, and how large rooms, files and functions may be. What breaks a rule
/// today stands in a list of exceptions here, and a list may only become shorter: an entry that nothing needs fails.
module Dkim.Tests.Core.ArchitectureTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Tests.Core.Rooms

[<Literal>]
let private MostFiles = 12

[<Literal>]
let private MostLines = 400

[<Literal>]
let private LongestFunction = 60

/// Functions that are longer.
let private long: (string * string) list =
    [
        // The fast path of relaxed bodies is one loop; a call for each line would cost what it saves.
        "Canonicalization/BodyFeed.fs", "feedRelaxed"
    ]

/// What all programs share.
let private shared = [ "Programs/Settings"; "Programs/Running" ]

/// The program that looks at the others: `dkim postfix` reads the settings of dkim-filter.
[<Literal>]
let private Overview = "Programs/Tool"

/// The program that a room belongs to: `Programs/Filters` for `Programs/Filters/Lists`.
let private tryProgram (room: string) : string option =
    match List.ofArray (room.Split '/') with
    | "Programs" :: name :: _ when not (List.contains ("Programs/" + name) shared) -> Some("Programs/" + name)
    | _ -> None

/// The same on both sides, so that an exception that is not needed fails as well as one that is missing.
let private onlyThese (exceptions: 'a list) (found: 'a list) =
    Expect.equal (List.sort exceptions) (List.sort (List.distinct found))

let private tree =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", ".."))

let private page = Path.Combine(tree, "docs", "architecture.md")

/// The graph as docs/architecture.md shows it.
let private graph =
    let row room =
        let needed =
            match needs room with
            | [] -> "nothing"
            | needed -> needed |> List.map (fun needed -> "`" + needed + "/`") |> String.concat ", "

        "| `" + room + "/` | " + needed + " |"

    String.Join("\n", [ "| room | opens |"; "|---|---|" ] @ List.map row rooms)

[<Literal>]
let private Begin = "<!-- rooms: made by ArchitectureTests -->\n"

[<Literal>]
let private End = "\n<!-- end of rooms -->"

[<Tests>]
let tests =
    testList
        "ArchitectureTests"
        [
            testCase "the namespace of a file is its room" (fun () ->
                for source in sources do
                    let name = nameOf source.Room

                    Expect.about source.Path (fun () ->
                        source.Lines
                        |> Array.exists (fun line ->
                            line = "namespace " + name
                            || (line.StartsWith "module " && line.Contains(" " + name + ".")))
                        |> fun found -> Expect.isTrue found name))

            testCase "every file is compiled, and the files of a room stand together" (fun () ->
                Expect.equal (List.sort lying) (sources |> List.map _.Path |> List.sort)

                let turns =
                    sources
                    |> List.map _.Room
                    |> List.pairwise
                    |> List.filter (fun (one, next) -> one <> next)

                Expect.equal (rooms.Length - 1) turns.Length)

            testCase "no room opens a later one" (fun () ->
                let place room = List.findIndex ((=) room) rooms

                [
                    for room in rooms do
                        for needed in needs room do
                            if place needed > place room then
                                room, needed
                ]
                |> onlyThese [])

            testCase "no program opens another, but for the tool, which shows what they do" (fun () ->
                [
                    for room in rooms do
                        for needed in needs room do
                            match tryProgram room, tryProgram needed with
                            | Some program, Some other when program <> other && program <> Overview -> room, needed
                            | _ -> ()
                ]
                |> onlyThese [])

            testCase "a room has a dozen files" (fun () ->
                sources
                |> List.countBy _.Room
                |> List.filter (fun (_, count) -> count > MostFiles)
                |> onlyThese [])

            testCase "a file has 400 lines" (fun () ->
                sources
                |> List.filter (fun source -> source.Lines.Length > MostLines)
                |> List.map _.Path
                |> onlyThese [])

            testCase "a function has 60 lines" (fun () ->
                [
                    for source in sources do
                        for name, length in functions source do
                            if length > LongestFunction then
                                source.Path, name
                ]
                |> onlyThese long)

            testCase "every public type is explained" (fun () ->
                [
                    for source in sources do
                        for name in unexplained source do
                            source.Path, name
                ]
                |> onlyThese [])

            testCase "docs/architecture.md has the graph" (fun () ->
                let text = File.ReadAllText page
                let start = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length
                let stop = text.IndexOf(End, start, StringComparison.Ordinal)

                Made.check page (text.Substring(0, start) + graph + text.Substring stop))

            testCase "every source that docs/architecture.md names is there" (fun () ->
                let places =
                    [ "Dkim.Core"; "hosts" ]
                    |> List.collect (fun folder ->
                        Directory.EnumerateFiles(Path.Combine(tree, folder), "*.*s", SearchOption.AllDirectories)
                        |> List.ofSeq)

                let isThere (named: string) =
                    let path = "/" + named.Replace("P/", "Programs/")
                    places |> List.exists _.EndsWith(path, StringComparison.Ordinal)

                let named =
                    Regex.Matches(File.ReadAllText page, @"`([\w/]+\.(?:fs|cs))`")
                    |> Seq.map _.Groups[1].Value
                    |> List.ofSeq

                Expect.isTrue (named.Length > 30) "a walk names them"
                named |> List.filter (isThere >> not) |> onlyThese [])
        ]
