/// How texts look on a terminal: in colour where it takes that, and in lines that end where it does.
namespace Dkim.Core.Programs.Tool.Running

open System
open Dkim.Core.Words
open Dkim.Core.Programs.Tool.Running.Command

/// Writes texts for one terminal, or for a file or a pipe, which get neither colours nor line ends of ours. What it
/// colours is tame: nothing that others wrote ends a colour or begins one. Each colour ends on its line, as pagers want it.
[<Sealed>]
type internal Paint(isColoured: bool, columns: int voption) =
    // Narrower terminals, and those that do not say, get lines as on paper.
    static let least = 40

    let paint (code: string) (text: string) : string =
        if isColoured then
            "\u001b[" + code + "m" + Printable.tame text + "\u001b[0m"
        else
            Printable.tame text

    member _.Good(text: string) : string = paint "32" text
    member _.Bad(text: string) : string = paint "1;31" text
    member _.Note(text: string) : string = paint "33" text
    member _.Strong(text: string) : string = paint "1" text

    /// Words of a text in lines that the terminal has room for: the first after `indent`, others below its end.
    member _.Wrapped(indent: string, text: string) : string =
        let margin = String(' ', indent.Length)

        let add (lines: string list) (word: string) =
            match lines, columns with
            | line :: rest, ValueSome width when width >= least && line.Length + 1 + word.Length > width ->
                (margin + word) :: line :: rest
            | line :: rest, _ -> (line + " " + word) :: rest
            | [], _ -> [ indent + word ]

        (text.Split ' ' |> Array.fold add [] |> List.rev |> String.concat "\n") + "\n"

module internal Paint =
    /// As `--color` wants it and the terminal takes it.
    let choose (settings: ToolSettings) : Command<Paint> =
        command {
            let! facts = terminal

            let isColoured =
                match settings.Colour with
                | ColourUse.Auto -> facts.TakesColour
                | ColourUse.Always -> true
                | ColourUse.Never -> false

            return Paint(isColoured, facts.Columns)
        }
