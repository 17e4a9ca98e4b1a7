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

    let private table (tally: Tally) : string list =
        let rows =
            tally.Signatures
            |> Map.toList
            |> List.sortBy (fun (domain, row) -> -(total row), domain)

        let shown = List.truncate ToolLimits.SummaryDomains rows

        let columns =
            words
            |> List.filter (fun word -> rows |> List.exists (fun (_, row) -> row.ContainsKey word))

        let width =
            ("domain", Map.empty) :: shown
            |> List.map (fun (domain, _) -> domain.Length)
            |> List.max

        let line (domain: string) (cells: string list) =
            domain.PadRight width
            + String.Join(
                "",
                List.map2 (fun (word: string) (cell: string) -> "  " + cell.PadLeft(max 5 word.Length)) columns cells
            )

        let cell (row: Map<string, int>) word =
            row |> Map.tryFind word |> Option.map string |> Option.defaultValue "."

        let left = rows.Length - shown.Length

        if rows.IsEmpty then
            []
        else
            [ ""; line "domain" columns ]
            @ (shown
               |> List.map (fun (domain, row) -> line (Printable.tame domain) (columns |> List.map (cell row))))
            @ (if left > 0 then
                   [ "and " + string left + " domains more" ]
               else
                   [])

    /// The table of domains and results, and what stands above it.
    let summary (tally: Tally) : string =
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

        let head =
            (if tally.Messages = 1 then
                 "1 message: "
             else
                 string tally.Messages + " messages: ")
            + String.Join(", ", parts)

        String.Join("\n", [ ""; head ] @ table tally) + "\n"
