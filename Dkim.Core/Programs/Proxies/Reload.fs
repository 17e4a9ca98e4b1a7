/// Whether a running proxy takes over what a reload has read: the whole of it or nothing.
namespace Dkim.Core.Programs.Proxies

open System
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Out

/// What a reload looks at in a configuration.
type internal Reloadable =
    {
        /// What fails the messages that need it though it does not keep the proxy from starting, a line each.
        Flaws: string list
        KeyUses: KeyUse list
        /// Settings that take a restart, by name.
        Lasting: (string * string) list
    }

module ProxyReload =
    let private newUses (current: Reloadable) (next: Reloadable) : string list =
        next.KeyUses |> List.except current.KeyUses |> List.map _.Path |> List.distinct

    let private ofKept (newUses: string list) (kept: KeptSecret) : string option =
        match kept.Change with
        | SecretChange.Hidden when List.contains kept.Path newUses ->
            Some(
                KeptSecret.unread kept
                + ", so it may not be the key of its new selector or domain: restart"
            )
        | _ -> KeptSecret.refusal kept

    // The service manager hands credentials over at a start alone.
    let private ofCredentials (credentials: string) (current: Reloadable) (newUses: string list) : string list =
        let wasUsed path =
            current.KeyUses |> List.exists (fun used -> used.Path = path)

        let isCredential (path: string) =
            credentials <> ""
            && path.StartsWith(credentials.TrimEnd '/' + "/", StringComparison.Ordinal)

        newUses
        |> List.filter (fun path -> isCredential path && wasUsed path)
        |> List.map (fun path ->
            path
            + " is the credential of the start, which may not be the key of its new selector or domain: restart")

    let private ofLasting (current: Reloadable) (next: Reloadable) : string list =
        let changed =
            next.Lasting
            |> List.filter (fun setting -> not (List.contains setting current.Lasting))
            |> List.map fst

        if List.isEmpty changed then
            []
        else
            [ String.Join(", ", changed) + " changed, which takes a restart" ]

    /// Why a configuration whose maps were read again must not take the place of the one in force, a reason each.
    let internal ofMaps (current: Reloadable) (next: Reloadable) (credentials: string) : string list =
        next.Flaws @ ofCredentials credentials current (newUses current next)

    /// Why a configuration must not take the place of the one in force, a reason each; empty where it may. `kept` are the
    /// secrets that could not be read again, `credentials` is the directory of the unit's credentials, or nothing.
    let private refusals current next (kept: KeptSecret list) (credentials: string) : string list =
        let newUses = newUses current next

        next.Flaws
        @ List.choose (ofKept newUses) (List.distinct kept)
        @ ofCredentials credentials current newUses
        @ ofLasting current next

    /// The line of a reload that changes nothing.
    [<CompiledName "Refused">]
    let refused (reasons: string seq) : LogLine =
        let why = String.Join("; ", reasons)

        LogLine.plain LogLevel.Error ("not reloaded: " + why + "; all stays as it was")
        |> LogLine.says
            [
                LogFields.fact LogField.Result "not reloaded"
                LogFields.fact LogField.Reason why
            ]

    /// The line of a reload that does not apply, with domain and selector of the keys that could not be read again;
    /// nothing where it applies.
    let internal refusal current next (kept: KeptSecret list) (credentials: string) : LogLine voption =
        match refusals current next kept credentials with
        | [] -> ValueNone
        | reasons ->
            refused reasons
            |> LogLine.add (
                kept
                |> List.collect (fun one -> KeyUse.facts next.KeyUses one.Path)
                |> List.distinct
            )
            |> ValueSome
