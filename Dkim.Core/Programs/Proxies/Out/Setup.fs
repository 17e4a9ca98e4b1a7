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
        Step.file FileKind.Table path
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

    /// The files of maps, by the settings that name them; none where they cannot be seen any more from another root.
    let mapFiles (settings: OutSettings) : (string * WantedFile) list =
        let path (text: string) =
            match SetPlace.tryOfKind text with
            | ValueNone -> ValueSome text
            | ValueSome(Ok(Lines path | Patterns path)) -> ValueSome path
            | ValueSome(Ok(Inline _ | Stored _ | Statement _))
            | ValueSome(Error _) -> ValueNone

        [
            OutSettings.ListIdMapRow, settings.ListIdMap
            OutSettings.SenderMapRow, settings.SenderMap
        ]
        |> List.filter (fun _ -> settings.Proxy.Chroot.IsNone)
        |> List.choose (fun (name, value) ->
            value
            |> ValueOption.bind path
            |> ValueOption.map (fun path -> name, wanted FileKind.Table path)
            |> ValueOption.toOption)

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

    // A program with keys of these files, which is asked for none where there is none.
    let private withSecrets (files: WantedFile list) (program: OutProgram) : Step<OutProgram> =
        match files with
        | [] -> Done program
        | _ -> Want(List.map Need.File files, (fun found -> Done(withKeys found program)))

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
        Want(secretFiles program |> List.map Need.File, (fun found -> Done(refreshed found program)))

    // The flaws of a program, with others that are known.
    let private flaws (program: OutProgram) (known: Problem list) : Flaw list =
        (known |> List.map (fun problem -> { Broken = problem; Facts = [] }))
        @ OutChecks.mapFlaws program

    /// The program that settings make, the problems that keep it from starting, and those of single map lines.
    let prepare (settings: OutSettings) : Step<struct (OutProgram * Problem list * Flaw list)> =
        Step.both
            (loadMap OutSettings.ListIdMapRow settings.ListIdMap)
            (loadMap OutSettings.SenderMapRow settings.SenderMap)
        |> Step.bind
            (fun (struct (struct (listIds, listProblems, listLines), struct (senders, senderProblems, senderLines))) ->
                let bare =
                    {
                        Settings = settings
                        ListIds = listIds
                        Senders = senders
                        Keys = Map.empty
                    }

                withSecrets (secretFiles bare) bare
                |> Step.map (fun program ->
                    struct (program,
                            listProblems @ senderProblems @ OutChecks.problems program,
                            flaws program (listLines @ senderLines))))

    // The secrets of keys that sign under names under which they did not sign before: they have to be those that are there now.
    let private newSecrets (before: OutProgram) (program: OutProgram) : WantedFile list =
        let paths =
            OutProgram.keyUses program
            |> List.except (OutProgram.keyUses before)
            |> List.map _.Path

        let used =
            secretFiles program
            |> List.filter (fun file -> file.Kind = FileKind.Passphrase || List.contains file.Path paths)

        if paths.IsEmpty then [] else used

    /// The program with the maps of some of the settings read again; which of them cannot be read and stay as they were; what
    /// is wrong with the others.
    let renew (program: OutProgram) (names: string list) : Step<struct (OutProgram * Problem list * Flaw list)> =
        let load name value (map: SignatureMap voption) : Step<LoadedMap> =
            if List.contains name names then
                loadMap name value
            else
                Done(struct (map, [], []))

        let settings = program.Settings

        Step.both
            (load OutSettings.ListIdMapRow settings.ListIdMap program.ListIds)
            (load OutSettings.SenderMapRow settings.SenderMap program.Senders)
        |> Step.bind
            (fun (struct (struct (listIds, listProblems, listLines), struct (senders, senderProblems, senderLines))) ->
                let read =
                    { program with
                        ListIds = ValueOption.orElse program.ListIds listIds
                        Senders = ValueOption.orElse program.Senders senders
                    }

                let all = [ listIds.IsNone, listProblems; senders.IsNone, senderProblems ]
                let ofLost, ofFound = all |> List.partition fst
                let problems = List.collect snd

                withSecrets (newSecrets program read) read
                |> Step.map (fun next ->
                    let wrong = problems ofFound @ listLines @ senderLines @ OutChecks.problems next
                    struct (next, problems ofLost, flaws next wrong)))
