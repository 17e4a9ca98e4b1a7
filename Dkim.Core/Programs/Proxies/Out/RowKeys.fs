/// Keys that rows of stores have: read when a message needs them.
module internal Dkim.Core.Programs.Proxies.Out.RowKeys

open Dkim.Core.Cryptography
open Dkim.Core.Asking
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared

/// A key of a row as it may be told: its path, or that it is in the row.
let shown (text: string) : string =
    match KeyPlace.ofRow text with
    | KeyAt(path, _) -> path
    | KeyText _ -> "of the row"

// The key by the text of its row, with what there is to warn of.
let private add (found: Found) (struct (program: OutProgram, told: LogLine list)) (text: string) =
    let key, told =
        match found.Key(KeyPlace.ofRow text) with
        | KeyUnread reason -> Error reason, told
        | NoKeyThere -> Error "there is no private key in it", told
        | KeyFound(key, ValueNone) -> Ok key, told
        | KeyFound(key, ValueSome whom) ->
            let line = shown text + ": key data is not secure: " + whom

            Ok key,
            told
            @ [
                { ProxyLog.warning "settings" line with
                    Trouble = ValueSome line
                }
            ]

    struct ({ program with
                Keys = program.Keys.Add(text, key)
            },
            told)

/// The program with the keys of a choice, where that is of a row, and what there is to warn of.
let load (program: OutProgram) (choice: SigningChoice) : Step<struct (OutProgram * LogLine list)> =
    let texts =
        match choice.Signatures with
        | Ok signatures when choice.IsStored ->
            signatures
            |> List.choose (fun one -> ValueOption.toOption one.Key)
            |> List.distinct
        | Ok _
        | Error _ -> []

    let ready found =
        texts |> List.fold (add found) (struct (program, []))

    match texts with
    | [] -> Done(struct (program, []))
    | _ -> Want(texts |> List.map (KeyPlace.ofRow >> Need.Key), ready >> Done)
