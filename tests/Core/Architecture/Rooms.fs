/// The rooms of Dkim.Core as its sources show them: a folder is a room, its files stand together in Dkim.Core.fsproj, and
/// what it needs of others stands in its opens.
module Dkim.Tests.Core.Rooms

open System
open System.IO
open System.Text.RegularExpressions

let private root =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "Dkim.Core"))

/// A file as Dkim.Core.fsproj names it.
type Source =
    {
        Path: string
        Lines: string[]
    }

    /// The folder, as `Programs/Tool`.
    member this.Room = (Path.GetDirectoryName this.Path |> string).Replace('\\', '/')

/// The files in compile order.
let sources: Source list =
    [
        for found in
            Regex.Matches(File.ReadAllText(Path.Combine(root, "Dkim.Core.fsproj")), "<Compile Include=\"(.+?)\"") do
            let path = found.Groups[1].Value

            {
                Path = path
                Lines = File.ReadAllLines(Path.Combine(root, path))
            }
    ]

/// The files that lie there, whether they are compiled or not.
let lying: string list =
    Directory.GetFiles(root, "*.fs", SearchOption.AllDirectories)
    |> Array.map (fun file -> Path.GetRelativePath(root, file).Replace('\\', '/'))
    |> Array.filter (fun path -> not (path.StartsWith "obj/" || path.StartsWith "bin/"))
    |> List.ofArray

/// The rooms in compile order.
let rooms: string list = sources |> List.map _.Room |> List.distinct

/// The namespace of a room.
let nameOf (room: string) : string = "Dkim.Core." + room.Replace('/', '.')

let private isComment (line: string) = (line.TrimStart()).StartsWith "//"

/// The other rooms that a file names, in its opens or in front of a name.
let opens (source: Source) : string list =
    source.Lines
    |> Array.filter (isComment >> not)
    |> Array.collect (fun line ->
        [|
            for found in Regex.Matches(line, @"\bDkim\.Core\.[A-Z][\w.]*") -> found.Value + "."
        |])
    |> Array.choose (fun name ->
        rooms
        |> List.filter (fun room -> name.StartsWith(nameOf room + ".", StringComparison.Ordinal))
        |> List.sortByDescending _.Length
        |> List.tryHead)
    |> Array.filter (fun room -> room <> source.Room)
    |> Array.distinct
    |> List.ofArray

/// The rooms that a room needs, in compile order.
let needs (room: string) : string list =
    let named =
        sources
        |> List.filter (fun source -> source.Room = room)
        |> List.collect opens
        |> Set.ofList

    rooms |> List.filter named.Contains

let private indent (line: string) = line.Length - line.TrimStart().Length

/// The functions of a file with the lines each takes; a function within another counts with it.
let functions (source: Source) : (string * int) list =
    let lines = source.Lines

    [
        for start in 0 .. lines.Length - 1 do
            let found =
                Regex.Match(
                    lines[start],
                    @"^ *(?:static )?(?:let|member|override|default)\s+(?:(?:inline|rec|private|internal|mutable) +)*(?:_\.|this\.)?(``.+?``|\(.+?\)|\w+)"
                )

            if found.Success then
                let within (line: string) =
                    line = ""
                    || indent line > indent lines[start]
                    || indent line = indent lines[start] && ")]|}".Contains(line.TrimStart()[0])

                let body = lines |> Seq.skip (start + 1) |> Seq.takeWhile within |> List.ofSeq

                let length =
                    1
                    + (body
                       |> List.tryFindIndexBack (fun line -> line <> "")
                       |> Option.map (fun last -> last + 1)
                       |> Option.defaultValue 0)

                found.Groups[1].Value, length
    ]

/// The public types of a file that no `///` explains.
let unexplained (source: Source) : string list =
    let lines = source.Lines

    let mutable isHidden =
        lines
        |> Array.exists (fun line -> Regex.IsMatch(line, @"^module (?:internal|private) [\w.]+$"))

    [
        for at in 0 .. lines.Length - 1 do
            let line = lines[at]

            if Regex.IsMatch(line, @"^module .*=$") then
                isHidden <- Regex.IsMatch(line, "^module (?:internal|private)")
            elif Regex.IsMatch(line, @"^(?:type|and|\[<)") then
                isHidden <- false

            let found =
                Regex.Match(line, @"^ *(?:type|and) (?!internal|private)(?:\[<.+?>\] )?([A-Z]\w*)")

            if found.Success && not isHidden then
                let above =
                    Array.FindLastIndex(lines, at - 1, (fun line -> not ((line.TrimStart()).StartsWith "[<")))

                if not ((lines[above].TrimStart()).StartsWith "///") then
                    found.Groups[1].Value
    ]
