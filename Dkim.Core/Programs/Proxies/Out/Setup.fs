/// From the settings of dkimproxy.out to what signing needs: maps and keys.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Cryptography
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

module internal OutSetup =
    let private wanted kind path = { Path = path; Kind = kind }

    /// A map, what is wrong with it, and with single entries of it.
    type private LoadedMap = (struct (SignatureMap voption * Problem list * Problem list))

    let private noMap problems : LoadedMap = struct (ValueNone, problems, [])

    // The original's words where the file is not there.
    let private unread name path reason : LoadedMap =
        let remedy = reason + ": check the path and its permissions"
        noMap [ ProxySetup.broken name (ValueSome path) (path + ": file not found") remedy ]

    let private ofFile name path : Step<LoadedMap> =
        Step.file FileKind.Map path
        |> Step.map (fun contents ->
            match FileContents.text contents with
            | Error reason -> unread name path reason
            | Ok text ->
                let struct (map, problems) = SignatureMap.parse path text
                struct (ValueSome map, [], problems))

    let private ofTable name (table: Table) : LoadedMap =
        let struct (map, problems) = SignatureMap.ofTable name table

        let unreadable entry =
            ProxySetup.broken
                name
                (ValueSome table.Shown)
                (table.Located entry + ": " + table.Key entry + " cannot be read as a pattern")
                "write * for any text, and \\ before a character that stands for itself"

        struct (ValueSome map, List.map unreadable table.Unreadable, problems)

    let private ofSet name (place: SetPlace) : Step<LoadedMap> =
        SetReading.read id (fun store -> ofTable name (Table.OfStore(place, store))) (ofTable name) true place
        |> Step.map (fun read ->
            match read with
            | Ok loaded -> loaded
            | Error(SetFault.Unread(path, reason)) -> unread name path reason
            | Error(SetFault.NoPlace(path, reason)) ->
                noMap
                    [
                        ProxySetup.broken name (ValueSome path) (path + ": " + reason) "see opendkim.conf(5)"
                    ])

    /// The map that a setting names, if any.
    let private loadMap name (value: string voption) : Step<LoadedMap> =
        match value with
        | ValueNone -> Done(noMap [])
        | ValueSome text ->
            match SetPlace.tryOfKind text with
            | ValueNone -> ofFile name text
            | ValueSome(Ok(Lines path)) -> ofFile name path
            | ValueSome(Ok place) -> ofSet name place
            | ValueSome(Error error) ->
                let shown = SetPlace.withoutPassword text

                Done(
                    noMap
                        [
                            ProxySetup.broken name (ValueSome shown) (SetPlace.describe error) "see opendkim.conf(5)"
                        ]
                )

    let private keyPaths (program: OutProgram) : string list =
        OutProgram.specifiers program
        |> List.map (Effective.keyFile program.Settings)
        |> List.collect (fun path -> if path.IsSome then [ path.Value ] else [])
        |> List.distinct

    /// The files that hold secrets, to be watched and read again when they change.
    let secretFiles (program: OutProgram) : WantedFile list =
        let passphrase =
            match program.Settings.PassphraseFile with
            | ValueSome path -> [ wanted FileKind.Passphrase path ]
            | ValueNone -> []

        passphrase @ (keyPaths program |> List.map (wanted FileKind.PrivateKey))

    let private keyOf (passphrase: string voption) (contents: FileContents) : Result<SigningKey, string> =
        match contents.Problem with
        | ValueSome reason -> Error reason
        | ValueNone ->
            SigningKey.parse passphrase (Octets.latin1 contents.Octets.Span)
            |> Result.mapError PrivateKeyError.describe

    let private passphraseOf (program: OutProgram) (found: Found) : Result<string voption, string> =
        match program.Settings.PassphraseFile with
        | ValueNone -> Ok ValueNone
        | ValueSome path ->
            match FileContents.text (found.File(wanted FileKind.Passphrase path)) with
            | Ok text -> Ok(ValueSome((FileContents.lines text)[0]))
            | Error reason -> Error("passphrase file " + path + ": " + reason)

    // A file that was not found leaves its key as it was.
    let private withKeys (found: Found) (program: OutProgram) : OutProgram =
        let passphrase = passphraseOf program found

        let load (keys: Map<string, Result<SigningKey, string>>) path =
            match found.Files.TryGetValue(wanted FileKind.PrivateKey path), passphrase with
            | (false, _), _ -> keys
            | (true, _), Error reason -> keys.Add(path, Error reason)
            | (true, contents), Ok passphrase -> keys.Add(path, keyOf passphrase contents)

        { program with
            Keys = keyPaths program |> List.fold load program.Keys
        }

    let private needs (program: OutProgram) : Need list =
        secretFiles program |> List.map Need.File

    let private refreshed (found: Found) (program: OutProgram) : struct (OutProgram * LogLine list) =
        let fresh = withKeys found program

        let isNeeded path specifier =
            Effective.keyFile program.Settings specifier = ValueSome path
            && OutChecks.canSign program specifier
            && not (OutChecks.canSign fresh specifier)

        let keep (keys, problems) path =
            let kept reason old =
                let problem =
                    ProxyLog.warning
                        "settings"
                        ("cannot read keyfile " + path + ": " + reason + "; the key before it stays")
                    |> LogLine.add (KeyUse.facts (OutProgram.keyUses program) path)

                Map.add path (Ok old) keys, problem :: problems

            match fresh.Keys.TryFind path, program.Keys.TryFind path with
            | Some(Error reason), Some(Ok old) -> kept reason old
            | Some(Ok _), Some(Ok old) when OutProgram.specifiers program |> List.exists (isNeeded path) ->
                kept "the key in it does not fit the signatures to make" old
            | _ -> keys, problems

        let keys, problems = keyPaths program |> List.fold keep (fresh.Keys, [])
        struct ({ fresh with Keys = keys }, List.rev problems)

    /// The program with its keys read again, and what is wrong with those that stay as they were: whatever a signature
    /// could be made with before it can be made with after.
    let refresh (program: OutProgram) : Step<struct (OutProgram * LogLine list)> =
        Want(needs program, (fun found -> Done(refreshed found program)))

    /// The program that settings make, the problems that keep it from starting, and those of single map lines.
    let prepare (settings: OutSettings) : Step<struct (OutProgram * Problem list * Flaw list)> =
        Step.both (loadMap OutSettings.ListIdMapRow settings.ListIdMap) (loadMap OutSettings.SenderMapRow settings.SenderMap)
        |> Step.bind
            (fun (struct (struct (listIds, listProblems, listLines), struct (senders, senderProblems, senderLines))) ->
                let bare =
                    {
                        Settings = settings
                        ListIds = listIds
                        Senders = senders
                        Keys = Map.empty
                    }

                let ready (found: Found) =
                    let program = withKeys found bare
                    let problems = listProblems @ senderProblems @ OutChecks.problems program

                    let unread =
                        listLines @ senderLines
                        |> List.map (fun problem -> { Broken = problem; Facts = [] })

                    Done(struct (program, problems, unread @ OutChecks.mapFlaws program))

                match needs bare with
                | [] -> ready Found.Nothing
                | needs -> Want(needs, ready))
