/// A data set that a setting names, from its file or in its store (opendkim(8) DATA SETS).
namespace Dkim.Core.Programs.Running

open System
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables

/// Why there is no data set where a setting says.
[<RequireQualifiedAccess>]
type internal SetFault =
    /// Its file, or the one that says where it is, cannot be read.
    | Unread of path: string * reason: string
    /// The file of `sql:` does not say where it is.
    | NoPlace of path: string * reason: string

module internal SetReading =
    let private ofFile (located: string -> string) path (make: ReadOnlyMemory<byte> -> 'set) =
        Step.file FileKind.Table (located path)
        |> Step.map (fun contents ->
            match contents.Problem with
            | ValueSome reason -> Error(SetFault.Unread(path, reason))
            | ValueNone when contents.Octets.Length > FileContents.TableLimit ->
                Error(SetFault.Unread(path, "larger than 512 MiB"))
            | ValueNone -> Ok(make contents.Octets))

    // The file that says where a data set is.
    let private ofStatement (located: string -> string) path (inStore: Store -> 'set) =
        Step.file FileKind.Configuration (located path)
        |> Step.map (fun contents ->
            match FileContents.text contents with
            | Error reason -> Error(SetFault.Unread(path, reason))
            | Ok text ->
                SqlFile.parse (List.ofArray (FileContents.lines text))
                |> Result.map inStore
                |> Result.mapError (fun reason -> SetFault.NoPlace(path, reason)))

    /// What is made of a data set in a store, or of one in memory. `located`: where relative paths lead; `folds`: capitals
    /// count as small letters.
    let read
        (located: string -> string)
        (inStore: Store -> 'set)
        (inMemory: Table -> 'set)
        (folds: bool)
        (place: SetPlace)
        : Step<Result<'set, SetFault>> =
        match place with
        | Stored(store, _) -> Done(Ok(inStore store))
        | Statement path -> ofStatement located path inStore
        | Inline elements -> Done(Ok(inMemory (Table.OfList(folds, elements))))
        | Lines path -> ofFile located path (fun octets -> inMemory (Table.OfLines(folds, path, octets)))
        | Patterns path -> ofFile located path (fun octets -> inMemory (Table.OfPatterns(folds, path, octets)))
