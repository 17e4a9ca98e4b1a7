/// A data set of a setting, from its file or in its store (opendkim(8) DATA SETS).
namespace Dkim.Core.Programs.Filters.Loading

open Reading
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running

module internal SetFiles =
    // As strerror(3) has it.
    let private inOldWords (reason: string) =
        match reason with
        | FileContents.NotFound -> "No such file or directory"
        | FileContents.Forbidden -> "Permission denied"
        | other -> other

    let private ofFault (paths: ListPaths) name (place: SetPlace) (fault: SetFault) : Reading<Table> =
        match fault with
        | SetFault.Unread(path, reason) ->
            SetPlace.show place + ": dkimf_db_open(): " + inOldWords reason
            |> broken name (readable paths path reason)
            |> failed (Table.Unread(place, reason))
        | SetFault.NoPlace(path, reason) ->
            path + ": " + reason
            |> broken name "see opendkim.conf(5)"
            |> failed (Table.Unread(place, reason))

    let private unreadablePattern name (table: Table) (entry: int) =
        table.Located entry + ": " + table.Key entry + " cannot be read as a pattern"
        |> broken name "write * for any text, and \\ before a character that stands for itself"

    let private inMemory name (table: Table) : Reading<Table> =
        { plain table with
            Problems = table.Unreadable |> List.map (unreadablePattern name table)
        }

    /// A data set that a setting names, and what is wrong with it. `folds`: capitals count as small letters.
    let load (paths: ListPaths) (inStore: Store -> Reading<Table>) folds name (place: SetPlace) : Step<Reading<Table>> =
        SetReading.read (located paths) inStore (inMemory name) folds place
        |> Step.map (Result.defaultWith (ofFault paths name place))

    /// The file that a data set is in, where it is in one.
    let file (paths: ListPaths) (place: SetPlace) : WantedFile voption =
        match place with
        | Lines path
        | Patterns path ->
            ValueSome
                {
                    Path = located paths path
                    Kind = FileKind.Table
                }
        | Inline _
        | Stored _
        | Statement _ -> ValueNone

    /// The same of a value of a setting that names a data set by its kind.
    let fileOf (paths: ListPaths) (text: string) : WantedFile voption =
        match SetPlace.tryOfKind text with
        | ValueSome(Ok place) -> file paths place
        | ValueSome(Error _)
        | ValueNone -> ValueNone

    /// Data sets that were read again: those that cannot be read, and the others.
    let parted (read: (string * Reading<Table>) list) =
        read |> List.partition (fun (_, reading) -> reading.Value.Problem.IsSome)

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
