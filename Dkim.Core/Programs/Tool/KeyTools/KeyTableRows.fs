/// The keys of a KeyTable, as the tools of OpenDKIM go through them (opendkim.conf(5) KeyTable).
module internal Dkim.Core.Programs.Tool.KeyTools.KeyTableRows

open System
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Cryptography
open Dkim.Core.Tables
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.OpenDkim
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// A row of the table.
type NamedRow =
    {
        /// What SigningTable calls the key.
        Name: string
        /// Nothing where a part is missing.
        Row: KeyRow voption
    }

let private ofTable (table: Table) : NamedRow list =
    List.init table.Count (fun entry ->
        {
            Name = table.Key entry
            Row = KeyRow.parse (table.Value entry)
        })

let private ofStore (rows: StoreRow list) : NamedRow list =
    rows
    |> List.map (fun row ->
        {
            Name = row.Form
            Row = KeyRow.parse (String.Join(':', row.Fields))
        })

/// The rows of the table that a setting or an operand names, in order. `program` begins the line of a failure.
let rowsOf (program: string) (text: string) : Command<NamedRow list> =
    let refuse reason =
        fail ExitCode.Bad (program + ": " + reason)

    let ofFile path (make: ReadOnlyMemory<byte> -> Table) =
        command {
            let! contents = read FileKind.Table path

            match contents.Problem with
            | ValueSome reason -> return! refuse (path + ": " + reason)
            | ValueNone -> return ofTable (make contents.Octets)
        }

    let everyRow (place: SetPlace) (store: Store) =
        match StoreQuestion.ofAll store with
        | ValueNone ->
            refuse (
                SetPlace.show place
                + ": the rows of such a data set cannot be listed; name one key by -d and -s"
            )
        | ValueSome question ->
            command {
                let! answer = settle (Step.rows [ question ] (fun found -> found.RowsOf question))

                match answer with
                | StoreAnswer.Unavailable reason -> return! refuse (SetPlace.show place + ": " + reason)
                | StoreAnswer.Rows rows -> return ofStore rows
            }

    match SetPlace.parse text with
    | Error error -> refuse (SetPlace.describe error)
    | Ok(Inline elements) -> fun rest -> rest (ofTable (Table.OfList(false, elements)))
    | Ok(Lines path) -> ofFile path (fun octets -> Table.OfLines(false, path, octets))
    | Ok(Patterns path) -> ofFile path (fun octets -> Table.OfPatterns(false, path, octets))
    | Ok(Stored(store, _) as place) -> everyRow place store
    | Ok(Statement path as place) ->
        command {
            let! contents = read FileKind.Configuration path

            let parsed =
                FileContents.text contents
                |> Result.bind (FileContents.lines >> List.ofArray >> SqlFile.parse)

            match parsed with
            | Error reason -> return! refuse (path + ": " + reason)
            | Ok store -> return! everyRow place store
        }

/// The private key of a row, or why there is none. `domain` takes the place of `%` in its path.
let key (row: KeyRow) (domain: string) : Command<Result<SigningKey, string>> =
    let found (reading: KeyReading) =
        match reading with
        | KeyFound(key, _) -> Ok key
        | KeyUnread reason -> Error reason
        | NoKeyThere -> Error "d2i_PrivateKey_bio() failed"

    command {
        match KeyRow.place row domain with
        | KeyText text -> return found (KeyReading.Inline text)
        | KeyAt(path, _) ->
            let! contents = read FileKind.PrivateKey path

            match contents.Problem with
            | ValueSome reason -> return Error(path + ": " + reason)
            | ValueNone -> return found (KeyReading.OfFile(contents.Octets, ""))
    }
