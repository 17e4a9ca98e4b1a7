/// What runs under afl-fuzz came to, from the ledger beside the inputs that are kept, as docs/fuzzing.md tells it.
module Dkim.Tests.Conformance.Fuzzing.Figures

open System
open System.Globalization
open System.IO
open Dkim.Tests.Conformance.Fuzzing.Readers

let private ledger = Path.Combine(Corpus.folder, "ledger.tsv")

let document =
    Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "docs", "fuzzing.md"))

/// All runs of one target.
type Row =
    {
        Target: string
        /// Of processors, in whatever run.
        Seconds: int64
        Runs: int64
        /// The most that one run knew.
        Edges: int64
        /// Of the last run: the part of the edges that the same input reaches every time.
        Stability: string
        Findings: int64
        Last: string
    }

let private rowOf (line: string) : Row =
    let cells = line.Split '\t'

    {
        Target = cells[0]
        Seconds = int64 cells[1]
        Runs = int64 cells[2]
        Edges = int64 cells[3]
        Stability = cells[4]
        Findings = int64 cells[5]
        Last = cells[6]
    }

let rows () : Row list =
    File.ReadAllLines ledger |> Array.skip 1 |> Array.map rowOf |> List.ofArray

let private grouped (number: int64) =
    number.ToString("N0", CultureInfo.InvariantCulture)

let private line (targets: Target list) (row: Row) =
    let kept =
        targets
        |> List.tryFind (fun target -> target.Name = row.Target)
        |> Option.map (Corpus.kept >> List.length)
        |> Option.defaultValue 0

    [
        "`" + row.Target + "`"
        grouped row.Seconds
        grouped row.Runs
        grouped row.Edges
        row.Stability.TrimEnd '%' + " %"
        grouped (int64 kept)
        grouped row.Findings
    ]
    |> String.concat " | "
    |> fun cells -> "| " + cells + " |"

let private table (targets: Target list) : string =
    let rows = rows ()

    let hours =
        (float (List.sumBy _.Seconds rows) / 3600.0).ToString("0.00", CultureInfo.InvariantCulture)

    let sum =
        "**"
        + hours
        + " processor-hours, "
        + grouped (List.sumBy _.Runs rows)
        + " runs, "
        + grouped (List.sumBy _.Findings rows)
        + " findings**, the last on "
        + (rows |> List.map _.Last |> List.max)
        + "."

    [
        sum
        ""
        "| target | s of processors | runs | edges | stability | inputs kept | findings |"
        "|---|---|---|---|---|---|---|"
        yield! rows |> List.map (line targets)
        ""
    ]
    |> String.concat "\n"

[<Literal>]
let private Begin = "<!-- What follows is made by tools/fuzz -->\n"

[<Literal>]
let private End = "<!-- to here. -->"

/// The document's text with the present figures.
let written (targets: Target list) (text: string) : string =
    let from = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length
    let until = text.IndexOf(End, StringComparison.Ordinal)
    text.Substring(0, from) + table targets + text.Substring until
