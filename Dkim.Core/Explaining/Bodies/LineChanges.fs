/// Changes to every line of a body alike: its end, white space, dots and From at its start.
module internal Dkim.Core.Explaining.Bodies.LineChanges

open System
open Dkim.Core.Explaining.Edits

let private starting (prefix: string) (replacement: string) (line: string) =
    if line.StartsWith(prefix, StringComparison.Ordinal) then
        replacement + line.Substring prefix.Length
    else
        line

let private lineEnds (_: Subject) (_: string) : Change seq =
    let change says undo = BodyEdit.change says 6L undo

    [
        change "line ends were LF when the body was signed" _.Replace("\r\n", "\n")
        change "LF was CRLF when the body was signed" _.Replace("\r\n", "\n").Replace("\n", "\r\n")
        change "CR was CRLF when the body was signed" _.Replace("\r\n", "\r").Replace("\r", "\r\n")
        change "line ends were CR CR LF when the body was signed" _.Replace("\r\n", "\r\r\n")
        change "line ends were CR when the body was signed" _.Replace("\r\n", "\r")
        change "a CR was put in front of each line end" _.Replace("\r\r\n", "\r\n")
    ]

/// Blank lines that were put in or taken out between all lines.
let private blankLines (_: Subject) (_: string) : Change seq =
    let change says undo = BodyEdit.change says 8L undo

    [
        change "each line end was doubled" _.Replace("\r\n\r\n", "\r\n")
        change "each of two line ends was made one" _.Replace("\r\n", "\r\n\r\n")
        change "two blank lines were made one" _.Replace("\r\n\r\n", "\r\n\r\n\r\n")
        change "blank lines were removed at the start" (fun body -> "\r\n" + body)
        change "blank lines were removed at the start" (fun body -> "\r\n\r\n" + body)
        change "blank lines were removed at the start" (fun body -> "\r\n\r\n\r\n" + body)
        change "blank lines were put in at the start" _.TrimStart('\r', '\n')
        change "all blank lines were removed" (fun body ->
            String.Join("\r\n\r\n", body.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)))
        change "all blank lines were put in" (fun body ->
            String.Join("\r\n", body.Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
            + "\r\n")
    ]

/// A line of format=flowed ends with a space where the next one goes on (RFC 3676 §4.1).
let private flowed (body: string) : string =
    let lines = body.Split "\r\n"

    lines
    |> Array.mapi (fun at line ->
        let goesOn =
            at + 1 < lines.Length && lines[at + 1].Trim() <> "" && line.Trim() <> ""

        if goesOn && not (line.EndsWith ' ') then
            line + " "
        else
            line)
    |> fun lines -> String.Join("\r\n", lines)

/// Tabs as far as the next of every eight columns.
let private untabbed (line: string) : string =
    let rec spaces (from: int) =
        match line.IndexOf("        ", from, StringComparison.Ordinal) with
        | -1 -> line
        | _ -> line.Replace("        ", "\t")

    spaces 0

let private spaces (_: Subject) (_: string) : Change seq =
    let each says edit =
        BodyEdit.change says 20L (BodyEdit.lines edit)

    [
        each "white space was added at ends of lines" _.TrimEnd(' ', '\t')
        each "the space after the signature mark \"--\" was removed" (fun line -> if line = "--" then "-- " else line)
        each "a space was removed at the end of each line" (fun line -> if line = "" then line else line + " ")
        each "a space was removed at the end of each line, the empty ones too" (fun line -> line + " ")
        BodyEdit.change "the spaces of format=flowed were removed at ends of lines" 20L flowed
        each "a space was made of two behind a full stop" _.Replace(". ", ".  ")
        each "a space was made two behind a full stop" _.Replace(".  ", ". ")
        each "tabs were made eight spaces" untabbed
        each "tabs were made one space" _.Replace(' ', '\t')
        each "white space was removed at the start of lines" (fun line -> if line = "" then line else " " + line)
        each "white space was put in at the start of lines" _.TrimStart(' ', '\t')
        each "blank lines held a space, which was removed" (fun line -> if line = "" then " " else line)
    ]

let private quoting (_: Subject) (_: string) : Change seq =
    let each says edit =
        BodyEdit.change says 20L (BodyEdit.lines edit)

    [
        each "leading dots were doubled" (starting ".." ".")
        each "doubled leading dots were made single" (starting "." "..")
        each "From at the start of lines was quoted as >From" (starting ">From " "From ")
        each "a > was removed before From at the start of lines" (starting "From " ">From ")
        each "spaces were put before From or > at the start of lines" (starting " " "")
        each "spaces were removed before From at the start of lines" (starting "From " " From ")
        each "each line was quoted with \"> \"" (starting "> " "")
    ]

let edits: Edit list =
    [
        BodyEdit.whole Modification.LineEndsChanged [ "Postfix"; "Sendmail"; "fetchmail" ] lineEnds
        BodyEdit.whole Modification.SpaceChanged [ "Exchange"; "Domino" ] spaces
        BodyEdit.whole Modification.LinesQuoted [ "mbox files"; "faulty SMTP clients" ] quoting
        BodyEdit.whole Modification.BlankLinesChanged [] blankLines
    ]
