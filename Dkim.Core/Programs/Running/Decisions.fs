/// What a program decided on a message, as the host sees it.
namespace Dkim.Core.Programs.Running

open System
open Dkim.Core.Programs.Settings

/// How much a log line matters, the least first.
type LogLevel =
    | Debug = 0
    | Info = 1
    | Notice = 2
    | Warning = 3
    | Error = 4

/// One line for the log. It has no ident and no time, which are the host's.
type LogLine =
    {
        Level: LogLevel
        /// The sentence, in the words of the original where it had one, free of control characters.
        Text: string
        /// What the sentence says already.
        Said: LogFact list
        /// What stands behind it.
        Behind: LogFact list
        /// What lines on a trouble that may last have in common: the first of them is written, the others are counted.
        /// Nothing for a line that always stands.
        Trouble: string voption
    }

    /// The sentence with what stands behind it: a line of text.
    member this.Line =
        match this.Behind with
        | [] -> this.Text
        | facts when this.Text.EndsWith(">", StringComparison.Ordinal) -> this.Text + ", " + LogFields.text facts
        | facts -> this.Text.TrimEnd([| ' '; ';' |]) + "; " + LogFields.text facts

    /// All that the line tells, for JSON.
    member this.Fields = LogFields.values (this.Said @ this.Behind)

module LogLine =
    /// A line that is a sentence and nothing more.
    let plain (level: LogLevel) (text: string) : LogLine =
        {
            Level = level
            Text = text
            Said = []
            Behind = []
            Trouble = ValueNone
        }

    /// A line on a trouble that may last.
    let trouble (level: LogLevel) (text: string) : LogLine =
        { plain level text with
            Trouble = ValueSome text
        }

    /// The line with more behind it.
    let add (facts: LogFact list) (line: LogLine) : LogLine =
        { line with
            Behind = line.Behind @ facts
        }

    /// The line with facts that its sentence says already.
    let says (facts: LogFact list) (line: LogLine) : LogLine = { line with Said = line.Said @ facts }

/// Something wrong that does not keep a program from serving, only single messages from being signed; and whose it is, for
/// the log.
type internal Flaw =
    { Broken: Problem; Facts: LogFact list }
