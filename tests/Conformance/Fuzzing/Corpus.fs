/// Inputs that are kept: of each target those that `tools/fuzz --afl` found to reach something of their own, as few and as
/// short as can be; and where a run begins.
module Dkim.Tests.Conformance.Fuzzing.Corpus

open System
open System.Formats.Tar
open System.IO
open System.IO.Compression
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Fuzzing.Readers

/// The folder of what is kept, one archive for each target.
let folder = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "corpus"))

/// The folder of inputs that broke a law once; a test reads them all again.
let findings =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "findings"))

/// So many of a target's own making begin a run.
[<Literal>]
let private Made = 40

/// Longer ones only cost time: what afl-fuzz makes of them is hardly ever shorter.
[<Literal>]
let private LongestMade = 4000

let private archive (target: Target) =
    Path.Combine(folder, target.Name + ".tar.gz")

let private octetsOf (entry: TarEntry) : byte[] =
    match entry.DataStream with
    | null -> [||]
    | stream ->
        use octets = new MemoryStream()
        stream.CopyTo octets
        octets.ToArray()

/// What is kept of a target.
let kept (target: Target) : string list =
    if File.Exists(archive target) then
        use packed =
            new GZipStream(File.OpenRead(archive target), CompressionMode.Decompress)

        use tar = new TarReader(packed)

        let rec rest () =
            match tar.GetNextEntry true with
            | null -> []
            | entry -> Octets.latin1 (ReadOnlySpan(octetsOf entry)) :: rest ()

        rest ()
    else
        []

/// The names of the findings of a target; one name may begin as another's does.
let findingsOf (targets: Target list) (target: Target) : string list =
    let isOf (name: string) (target: Target) =
        name.StartsWith(target.Name + "-", StringComparison.Ordinal)

    Directory.GetFiles findings
    |> Array.map (Path.GetFileName >> string)
    |> Array.filter (fun name ->
        isOf name target
        && not (
            targets
            |> List.exists (fun other -> other.Name.Length > target.Name.Length && isOf name other)
        ))
    |> List.ofArray

let finding (name: string) : string =
    Octets.latin1 (ReadOnlySpan(File.ReadAllBytes(Path.Combine(findings, name))))

/// Writes what a run of a target begins with into a folder, each input as a file: what is kept, what was found, and some
/// of its own making.
let seed (targets: Target list) (target: Target) (into: string) : unit =
    let random = Random 1

    let made =
        List.init Made (fun _ -> target.Make random)
        |> List.filter (fun text -> text.Length > 0 && text.Length <= LongestMade)

    let found = findingsOf targets target |> List.map finding
    Directory.CreateDirectory into |> ignore

    made @ kept target @ found
    |> List.distinct
    |> List.iteri (fun place text -> File.WriteAllBytes(Path.Combine(into, place.ToString "d4"), Octets.ofLatin1 text))
