/// What opendkim is asked in place of a start: the value of a key (-e), and look-ups in a data set (-Q).
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open System.Text
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Stores
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.OpenDkim.Settings

/// What is printed, and how the program exits.
type internal Reply =
    {
        Output: string
        Errors: string
        ExitCode: int
    }

module internal Inquiries =
    let private printed text =
        {
            Output = text
            Errors = ""
            ExitCode = 0
        }

    let private failed prog text exitCode =
        {
            Output = ""
            Errors = prog + ": " + Printable.tame text + "\n"
            ExitCode = exitCode
        }

    let private isKey (name: string) (row: Setting<OpenDkimSettings>) =
        row.Spellings
        |> List.exists (fun spelling ->
            match spelling with
            | Spelling.Key key -> key.Equals(name, StringComparison.OrdinalIgnoreCase)
            | Spelling.Word _
            | Spelling.Letter _
            | Spelling.Variable _ -> false)

    let private isSwitch (row: Setting<OpenDkimSettings>) = row.Arity = Arity.Flag

    /// The value of a key.
    let valueOf prog (settings: OpenDkimSettings) (name: string) : Reply =
        match Table.table |> List.tryFind (isKey name) with
        | None -> failed prog (name + ": unknown parameter") SysExit.DataError
        | Some row ->
            match row.Show settings with
            | [] ->
                { printed "" with
                    ExitCode = SysExit.Configuration
                }
            | values when isSwitch row -> printed ((if values = [ "yes" ] then "True" else "False") + "\n")
            | values -> printed (String.Join(' ', values) + "\n")

    /// The query and how many fields it wants.
    let private tryQuery (line: string) : struct (string * int) voption =
        match line.LastIndexOf '/' with
        | -1 -> ValueNone
        | slash ->
            match Int32.TryParse(line.AsSpan(slash + 1)) with
            | true, count when count > 0 && count < 100 -> ValueSome(struct (line.Substring(0, slash), count))
            | _ -> ValueNone

    let private answer prog (table: Table) query count : struct (string * string) =
        match table.Find query with
        | Lookup.Absent -> struct (prog + ": dkimf_db_get(): record not found\n\n", "")
        | Lookup.Unavailable reason -> struct ("", prog + ": dkimf_db_get(): " + reason + "\n")
        | Lookup.Found row ->
            let fields = Row.fields count row.Value
            let quoted (field: string) = "'" + Printable.tame field + "'\n"
            let missing = List.replicate (count - fields.Length) "<absent>\n"
            struct (String.Join("", List.map quoted fields @ missing) + "\n", "")

    // As many as there are until one cannot be read.
    let private answers prog (table: Table) (queries: string list) : Reply =
        let output = StringBuilder()
        let errors = StringBuilder()

        let rec go (queries: string list) : int =
            match queries with
            | [] -> 0
            | "" :: rest -> go rest
            | line :: rest ->
                match tryQuery line with
                | ValueSome(struct (query, count)) ->
                    let struct (found, missed) = answer prog table query count
                    output.Append found |> ignore
                    errors.Append missed |> ignore
                    go rest
                | ValueNone ->
                    errors.Append(prog + ": invalid query '" + Printable.tame line + "'\n")
                    |> ignore

                    SysExit.Usage

        let exitCode = go queries

        {
            Output = output.ToString()
            Errors = errors.ToString()
            ExitCode = exitCode
        }

    let private notOpened prog (specification: string) (reason: string) =
        failed prog (specification + ": " + reason) SysExit.Software

    let private ofLines prog (specification: string) (queries: string list) : Step<Reply> =
        let ofFile path (make: ReadOnlyMemory<byte> -> Table) =
            Step.file FileKind.Table path
            |> Step.map (fun contents ->
                match contents.Problem with
                | ValueSome reason -> notOpened prog specification ("dkimf_db_open(): " + reason)
                | ValueNone -> answers prog (make contents.Octets) queries)

        // With regard to capitals, so that every key is found as it is written.
        let ofStore place store =
            let table = Table.OfStore(place, store)

            let forms =
                queries
                |> List.choose (
                    tryQuery
                    >> ValueOption.map (fun (struct (query, _)) -> query)
                    >> ValueOption.toOption
                )

            StoredSets.keys table forms
            |> Step.map (fun table -> answers prog table queries)

        match SetPlace.parse specification with
        | Ok(Stored(store, _) as place) -> ofStore place store
        | Ok(Statement path as place) ->
            Step.file FileKind.Configuration path
            |> Step.bind (fun contents ->
                let parsed =
                    FileContents.text contents
                    |> Result.bind (FileContents.lines >> List.ofArray >> SqlFile.parse)

                match parsed with
                | Error reason -> Done(notOpened prog specification ("dkimf_db_open(): " + reason))
                | Ok store -> ofStore place store)
        | Error error -> Done(notOpened prog specification (SetPlace.describe error))
        | Ok(Inline elements) -> Done(answers prog (Table.OfList(false, elements)) queries)
        | Ok(Lines path) -> ofFile path (fun octets -> Table.OfLines(false, path, octets))
        | Ok(Patterns path) -> ofFile path (fun octets -> Table.OfPatterns(false, path, octets))

    /// The answers to what standard input asks: a data set, and then queries, a line each.
    let lookups prog : Step<Reply> =
        Step.file FileKind.Configuration "-"
        |> Step.bind (fun contents ->
            match FileContents.text contents with
            | Error reason -> Done(notOpened prog "(stdin)" reason)
            | Ok text ->
                match FileContents.lines text |> List.ofArray with
                | specification :: queries when specification.Trim() <> "" ->
                    ofLines prog (specification.Trim()) queries
                | _ -> Done(printed ""))
