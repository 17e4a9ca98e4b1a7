/// Where pages go.
module internal Dkim.Core.Programs.Tool.Pages.Output

open System
open System.Text
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Running.Command

/// Writes a page to the file of `--html`, which replaces one that is there, or to standard output.
let write (program: string) (path: string) (report: Report) : Command<unit> =
    command {
        let page = Page.render report

        if path = "-" then
            do! print page
        else
            let! obstacle = replace path (ReadOnlyMemory(Encoding.UTF8.GetBytes page))

            match obstacle with
            | ValueNone -> return ()
            | ValueSome reason -> return! fail SysExit.CannotCreate (program + ": --html " + path + ": " + reason)
    }

/// Which build made a page, and when, in seconds since 1970.
let footer (now: int64) : Command<string> =
    command {
        let! facts = build

        return
            "Made by dkim "
            + facts.Stamp
            + " on "
            + DateTimeOffset
                .FromUnixTimeSeconds(now)
                .ToString("yyyy-MM-dd HH:mm", Globalization.CultureInfo.InvariantCulture)
            + " UTC. What stands here of the message is shown as octets: those that cannot be seen as \\r, \\n, \\t or \\xNN."
    }
