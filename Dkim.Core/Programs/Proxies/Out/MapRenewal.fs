/// What the log says of maps that were read again since their files have changed.
module internal Dkim.Core.Programs.Proxies.Out.MapRenewal

open Dkim.Core.Words
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

let private stays (names: string list) (reason: string) : LogLine =
    String.concat ", " names + " stays as it was: " + reason
    |> Printable.tame
    |> LogLine.plain LogLevel.Error

/// A map that cannot be read.
let lost (problem: Problem) : LogLine =
    { problem with
        Name = ""
        Value = ValueNone
    }
    |> Problem.describe
    |> stays [ problem.Name ]

/// Maps that must not be used: of the reasons the first, and how many there are.
let refused (names: string list) (reasons: string list) : LogLine =
    match reasons with
    | [ reason ] -> stays names reason
    | first :: others -> stays names (first + "; " + string others.Length + " more like it")
    | [] -> stays names ""

/// Maps that are in force, and what there is to warn of that there was not before.
let taken (before: OutProgram) (next: OutProgram) (names: string list) : LogLine list =
    let entries (map: SignatureMap voption) =
        match map |> ValueOption.map (SignatureMap.entries >> List.length) with
        | ValueSome 1 -> "1 entry"
        | ValueSome count -> string count + " entries"
        | ValueNone -> "no entries"

    let line name =
        let map =
            if name = OutSettings.SenderMapRow then
                next.Senders
            else
                next.ListIds

        LogLine.plain LogLevel.Info (name + ": reloaded, " + entries map)

    let warnings = OutChecks.warnings next |> List.except (OutChecks.warnings before)

    List.map line names @ List.map (ProxyLog.warning "settings") warnings
