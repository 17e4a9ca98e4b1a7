/// Files that a setting names, of one entry on each line: hosts, domains, policies.
module internal Dkim.Core.Programs.Filters.Lists.ListFile

open System
open FParsec
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Programs.Settings

let isEntryChar (c: char) = not (Char.IsWhiteSpace c) && c <> '#'

/// `*WSP`
let ws: Grammar.Parser<unit> = skipManySatisfy Char.IsWhiteSpace

/// `line = *WSP [ entry ] *WSP [ "#" *any ]`
let line (entry: Grammar.Parser<'entry>) : Grammar.Parser<'entry voption> =
    let comment = skipChar '#' >>. skipManySatisfy (fun _ -> true)
    let nothing = followedBy (comment <|> eof) >>% ValueNone
    ws >>. (nothing <|> (entry |>> ValueSome)) .>> ws .>> optional comment

/// The entries in their order, and the lines that are none, each with its place and what to write.
let read path remedy (entry: Grammar.Parser<'entry>) (text: string) : struct ('entry list * Problem list) =
    let line = line entry

    let readLine index (text: string) : Result<'entry voption, Problem> =
        Grammar.parseAll line text
        |> Result.mapError (fun reason ->
            {
                Origin = InFile(path, index + 1)
                Name = ""
                Value = ValueSome(text.Trim())
                Fault = IllegalValue reason
                Remedy = remedy
            })

    let add (entries, problems) (read: Result<'entry voption, Problem>) =
        match read with
        | Result.Ok(ValueSome entry) -> entry :: entries, problems
        | Result.Ok ValueNone -> entries, problems
        | Result.Error problem -> entries, problem :: problems

    let entries, problems =
        FileContents.lines text |> Array.mapi readLine |> Array.fold add ([], [])

    struct (List.rev entries, List.rev problems)
