/// Data sets that were read again since their files have changed: what comes of them, and what the log says.
module internal Dkim.Core.Programs.Filters.Renewal

open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Deciding

let private entries (table: Table) =
    string table.Count + (if table.Count = 1 then " entry" else " entries")

let private reloaded (name: string, table: Reading<Table>) : LogLine =
    name + ": " + table.Value.Shown + " reloaded, " + entries table.Value
    |> Wording.line LogLevel.Info

// One line for a data set; of the mistakes of a file the first, and how many there are.
let private unchanged (describe: Problem -> string) (problems: Problem list) : LogLine list =
    let line (first: Problem) (others: Problem list) =
        first.Name
        + " stays as it was: "
        + describe first
        + (if others.IsEmpty then
               ""
           else
               "; " + string others.Length + " more like it")
        |> Wording.line LogLevel.Error

    problems
    |> List.groupBy _.Name
    |> List.choose (fun (_, problems) ->
        match problems with
        | first :: others -> Some(line first others)
        | [] -> None)

/// What comes of data sets: those that are lost stay as they were, those that were found hold together where there is no
/// problem with them. `told` is what there is to say of them, `next` the filter that has them.
let ofSets
    (describe: Problem -> string)
    (lost: (string * Reading<Table>) list)
    (found: (string * Reading<Table>) list)
    (problems: Problem list)
    (told: string list)
    (next: unit -> FilterProgram)
    : TableRenewal =
    let stays = lost |> List.collect (fun (_, reading) -> reading.Problems)

    match found, problems with
    | [], _ ->
        {
            Next = ValueNone
            Log = unchanged describe stays
        }
    | _, [] ->
        {
            Next = ValueSome(next ())
            Log =
                unchanged describe stays
                @ List.map reloaded found
                @ List.map (Wording.line LogLevel.Notice) told
        }
    | _, problems ->
        {
            Next = ValueNone
            Log = unchanged describe (stays @ problems)
        }
