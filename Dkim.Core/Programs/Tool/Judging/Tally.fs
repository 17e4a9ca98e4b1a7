/// What came of many messages: by domain and result, and as an exit code.
namespace Dkim.Core.Programs.Tool.Judging

open System
open Dkim.Core.Words
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Judging.Judgement

/// Counts of what came of messages.
type internal Tally =
    {
        Messages: int
        /// With a signature that passes.
        Passing: int
        /// Without any signature.
        Unsigned: int
        /// None passes, but one might have with an answer of the DNS.
        Undecided: int
        Unreadable: int
        /// Folders that could not be looked at.
        Missed: int
        /// Signatures, by domain and result.
        Signatures: Map<string, Map<string, int>>
    }

/// Signatures by domain and result.
type internal DomainTable =
    {
        /// The words of the results that occur, in the order of the table.
        Words: string list
        /// A domain, fit to be shown, and its counts in the order of the words.
        Rows: (string * string list) list
        /// Domains that have no row.
        Left: int
    }

module internal DomainTable =
    /// What is said of those without a row.
    let left (table: DomainTable) : string list =
        if table.Left > 0 then
            [ "and " + string table.Left + " domains more" ]
        else
            []

module internal Tally =
    let empty: Tally =
        {
            Messages = 0
            Passing = 0
            Unsigned = 0
            Undecided = 0
            Unreadable = 0
            Missed = 0
            Signatures = Map.empty
        }

    /// The row of a domain that is not told apart.
    [<Literal>]
    let private Others = "(others)"

    [<Literal>]
    let private Unknown = "(no domain)"

    let private domainOf (judged: SignatureResult) : string =
        match judged.Signature with
        | ValueSome signature -> signature.Domain.Text
        | ValueNone -> Unknown

    let private count (signatures: Map<string, Map<string, int>>) (judged: SignatureResult) =
        let domain = domainOf judged

        let domain =
            if signatures.ContainsKey domain || signatures.Count < ToolLimits.CountedDomains then
                domain
            else
                Others

        let word = ResultWord.name (Verdict.word judged.Verdict)
        let row = signatures |> Map.tryFind domain |> Option.defaultValue Map.empty
        let before = row |> Map.tryFind word |> Option.defaultValue 0
        signatures.Add(domain, row.Add(word, before + 1))

    let private isUndecided (judged: SignatureResult) =
        Verdict.word judged.Verdict = ResultWord.TempError

    /// With one message more.
    let add (tally: Tally) (judgement: Judgement) : Tally =
        let tally =
            { tally with
                Messages = tally.Messages + 1
            }

        match judgement.Outcome with
        | Error _ ->
            { tally with
                Unreadable = tally.Unreadable + 1
            }
        | Ok [] ->
            { tally with
                Unsigned = tally.Unsigned + 1
            }
        | Ok all ->
            let tally =
                { tally with
                    Signatures = List.fold count tally.Signatures all
                }

            if List.exists hasPassed all then
                { tally with
                    Passing = tally.Passing + 1
                }
            elif List.exists isUndecided all then
                { tally with
                    Undecided = tally.Undecided + 1
                }
            else
                tally

    /// The exit code. What could not be read comes first, then what fails for good.
    let exitCode (requirePass: bool) (tally: Tally) : int =
        let failing = tally.Messages - tally.Unreadable - tally.Passing - tally.Undecided

        if tally.Unreadable + tally.Missed > 0 then
            SysExit.DataError
        elif not requirePass then
            ExitCode.Success
        elif failing > 0 || tally.Messages = 0 then
            ExitCode.Bad
        elif tally.Undecided > 0 then
            SysExit.Temporary
        else
            ExitCode.Success

    let private words: string list =
        [
            ResultWord.Pass
            ResultWord.Fail
            ResultWord.PermError
            ResultWord.Neutral
            ResultWord.Policy
            ResultWord.TempError
        ]
        |> List.map ResultWord.name

    let private total (row: Map<string, int>) = row.Values |> Seq.sum

    /// Signatures by domain, those of most signatures first, each with its counts by the words that occur at all.
    let domains (tally: Tally) : DomainTable =
        let rows =
            tally.Signatures
            |> Map.toList
            |> List.sortBy (fun (domain, row) -> -(total row), domain)

        let shown = List.truncate ToolLimits.SummaryDomains rows

        let columns =
            words
            |> List.filter (fun word -> rows |> List.exists (fun (_, row) -> row.ContainsKey word))

        let cell (row: Map<string, int>) word =
            row |> Map.tryFind word |> Option.map string |> Option.defaultValue "."

        {
            Words = columns
            Rows =
                shown
                |> List.map (fun (domain, row) -> Printable.tame domain, columns |> List.map (cell row))
            Left = rows.Length - shown.Length
        }

    let private table (tally: Tally) : string list =
        let table = domains tally

        let width =
            "domain" :: List.map fst table.Rows |> List.map String.length |> List.max

        let line (domain: string, cells: string list) =
            domain.PadRight width
            + String.Join(
                "",
                List.map2
                    (fun (word: string) (cell: string) -> "  " + cell.PadLeft(max 5 word.Length))
                    table.Words
                    cells
            )

        if table.Rows.IsEmpty then
            []
        else
            [ ""; line ("domain", table.Words) ]
            @ List.map line table.Rows
            @ DomainTable.left table

    /// What came of how many messages.
    let sentence (tally: Tally) : string =
        let part (count: int) (says: string) =
            if count = 0 then [] else [ string count + says ]

        let failing =
            tally.Messages
            - tally.Unreadable
            - tally.Passing
            - tally.Undecided
            - tally.Unsigned

        let parts =
            [ string tally.Passing + " with a signature that passes" ]
            @ part failing " whose signatures do not pass"
            @ part tally.Undecided " that had no answer of the DNS"
            @ part tally.Unsigned " without a signature"
            @ part tally.Unreadable " that could not be read"

        (if tally.Messages = 1 then
             "1 message: "
         else
             string tally.Messages + " messages: ")
        + String.Join(", ", parts)

    /// The table of domains and results, and what stands above it.
    let summary (tally: Tally) : string =
        String.Join("\n", [ ""; sentence tally ] @ table tally) + "\n"
