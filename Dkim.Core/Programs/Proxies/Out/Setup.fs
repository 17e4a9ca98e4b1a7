/// From the settings of dkimproxy.out to what signing needs: maps and keys.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

module internal OutSetup =
    let private wanted kind path = { Path = path; Kind = kind }

    /// A map that a setting names, if any, and what is wrong with it. The original's words where it is not there.
    let private loadMap name (path: string voption) find =
        match path with
        | ValueNone -> Loaded(ValueNone, [], [])
        | ValueSome path ->
            let file = wanted FileKind.Map path

            match find file |> ValueOption.map FileContents.text with
            | ValueNone -> Wanting [ file ]
            | ValueSome(Error reason) ->
                let remedy = reason + ": check the path and its permissions"

                let broken =
                    ProxySetup.broken name (ValueSome path) (path + ": file not found") remedy

                Loaded(ValueNone, [ broken ], [])
            | ValueSome(Ok text) ->
                let struct (map, problems) = SignatureMap.parse path text
                Loaded(ValueSome map, [], problems)

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

    let private passphraseOf (program: OutProgram) find : Result<string voption, string> =
        match program.Settings.PassphraseFile with
        | ValueNone -> Ok ValueNone
        | ValueSome path ->
            match find (wanted FileKind.Passphrase path) |> ValueOption.map FileContents.text with
            | ValueSome(Ok text) -> Ok(ValueSome((FileContents.lines text)[0]))
            | ValueSome(Error reason) -> Error("passphrase file " + path + ": " + reason)
            | ValueNone -> Error("passphrase file " + path + " not read")

    /// The keys from what has been read of their files. A file not read leaves its key as it was.
    let withKeys find (program: OutProgram) : OutProgram =
        let passphrase = passphraseOf program find

        let load (keys: Map<string, Result<SigningKey, string>>) path =
            match find (wanted FileKind.PrivateKey path), passphrase with
            | ValueNone, _ -> keys
            | ValueSome _, Error reason -> keys.Add(path, Error reason)
            | ValueSome contents, Ok passphrase -> keys.Add(path, keyOf passphrase contents)

        { program with
            Keys = keyPaths program |> List.fold load program.Keys
        }

    /// The program with its keys read again, and what is wrong with those that stay as they were: whatever a signature
    /// could be made with before it can be made with after.
    let refreshKeys find (program: OutProgram) : struct (OutProgram * LogLine list) =
        let fresh = withKeys find program

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

    /// The program that settings make, the problems that keep it from starting, and those of single map lines.
    let prepare (settings: OutSettings) find : Loading<struct (OutProgram * Problem list * Flaw list)> =
        match loadMap "listid_map" settings.ListIdMap find, loadMap "sender_map" settings.SenderMap find with
        | Wanting one, Wanting other -> Wanting(one @ other)
        | Wanting files, Loaded _
        | Loaded _, Wanting files -> Wanting files
        | Loaded(listIds, listProblems, listLines), Loaded(senders, senderProblems, senderLines) ->
            let bare =
                {
                    Settings = settings
                    ListIds = listIds
                    Senders = senders
                    Keys = Map.empty
                }

            let missing = secretFiles bare |> List.filter (fun file -> (find file).IsNone)

            if List.isEmpty missing then
                let program = withKeys find bare
                let problems = listProblems @ senderProblems @ OutChecks.problems program

                let unread =
                    listLines @ senderLines
                    |> List.map (fun problem -> { Broken = problem; Facts = [] })

                Loaded(struct (program, problems, unread @ OutChecks.mapFlaws program))
            else
                Wanting missing
