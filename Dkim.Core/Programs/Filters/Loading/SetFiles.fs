/// A data set of a setting, from its file or in its store (opendkim(8) DATA SETS).
namespace Dkim.Core.Programs.Filters.Loading

open System
open Reading
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings

module internal SetFiles =
    // As strerror(3) has it.
    let private inOldWords (reason: string) =
        match reason with
        | FileContents.NotFound -> "No such file or directory"
        | FileContents.Forbidden -> "Permission denied"
        | other -> other

    let private unread (paths: ListPaths) name (place: SetPlace) path reason : Reading<Table> =
        SetPlace.show place + ": dkimf_db_open(): " + inOldWords reason
        |> broken name (readable paths path reason)
        |> failed (Table.Unread(place, reason))

    let private ofFile (paths: ListPaths) name place path (make: ReadOnlyMemory<byte> -> Table) : Step<Reading<Table>> =
        Step.file FileKind.Table (located paths path)
        |> Step.map (fun contents ->
            match contents.Problem with
            | ValueSome reason -> unread paths name place path reason
            | ValueNone when contents.Octets.Length > FileContents.TableLimit ->
                unread paths name place path "larger than 512 MiB"
            | ValueNone -> plain (make contents.Octets))

    let private unreadablePattern name (table: Table) (entry: int) =
        table.Located entry + ": " + table.Key entry + " cannot be read as a pattern"
        |> broken name "write * for any text, and \\ before a character that stands for itself"

    // The file that says where a data set is.
    let private ofStatement (paths: ListPaths) inStore name place path : Step<Reading<Table>> =
        Step.file FileKind.Configuration (located paths path)
        |> Step.map (fun contents ->
            match FileContents.text contents with
            | Error reason -> unread paths name place path reason
            | Ok text ->
                match SqlFile.parse (List.ofArray (FileContents.lines text)) with
                | Ok store -> inStore store
                | Error reason ->
                    path + ": " + reason
                    |> broken name "see opendkim.conf(5)"
                    |> failed (Table.Unread(place, reason)))

    /// A data set that a setting names, and what is wrong with it. `folds`: capitals count as small letters.
    let load (paths: ListPaths) (inStore: Store -> Reading<Table>) folds name (place: SetPlace) : Step<Reading<Table>> =
        match place with
        | Stored(store, _) -> Done(inStore store)
        | Statement path -> ofStatement paths inStore name place path
        | Inline elements -> Done(plain (Table.OfList(folds, elements)))
        | Lines path -> ofFile paths name place path (fun octets -> Table.OfLines(folds, path, octets))
        | Patterns path ->
            ofFile paths name place path (fun octets -> Table.OfPatterns(folds, path, octets))
            |> Step.map (fun reading ->
                { reading with
                    Problems =
                        reading.Problems
                        @ (reading.Value.Unreadable |> List.map (unreadablePattern name reading.Value))
                })

    /// The data set that a value of a setting names by its kind; nothing where the value is a path.
    let tryNamed (paths: ListPaths) name (text: string) : Step<Reading<Table>> voption =
        match SetPlace.tryOfKind text with
        | ValueNone -> ValueNone
        | ValueSome(Ok place) ->
            ValueSome(load paths (fun store -> plain (Table.OfStore(place, store))) true name place)
        | ValueSome(Error error) ->
            SetPlace.withoutPassword text + ": " + SetPlace.describe error
            |> broken name "see opendkim.conf(5)"
            |> failed (Table.Unread(Inline "", "not served"))
            |> Done
            |> ValueSome
