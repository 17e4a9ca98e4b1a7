/// How what the settings of a milter name is read: a value, and what is wrong with it.
namespace Dkim.Core.Programs.Filters.Loading

open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Settings

/// A value from a file, what keeps the filter from starting, and what is only to be told.
[<NoComparison; NoEquality>]
type internal Reading<'a> =
    {
        Value: 'a
        /// Named by the settings of dkim-filter.conf(5), without places.
        Problems: Problem list
        /// Lines of lists that mean nothing; a check of the settings fails for them.
        BadLines: Problem list
        /// Keys without which single messages wait; a check fails for them, and a reload.
        Unusable: Flaw list
        Notices: string list
    }

/// How the lists and keys that settings name are read.
type internal ListPaths =
    {
        Names: ListNames
        /// Where relative paths start; empty for the directory of the start.
        BaseDirectory: string
        /// What keys sign with; it tells the form of the key list, too.
        Scheme: Scheme
        /// Shorter RSA keys are used, and warned of.
        LeastRsaBits: int<bit>
        /// The user who reads the files.
        Reader: string
    }

module internal Reading =
    let plain value =
        {
            Value = value
            Problems = []
            BadLines = []
            Unusable = []
            Notices = []
        }

    /// What keeps the filter from starting, and what to do.
    let broken setting remedy reason : Problem =
        {
            Origin = Overall
            Name = setting
            Value = ValueNone
            Fault = BrokenRule reason
            Remedy = remedy
        }

    let failed value problem =
        { plain value with
            Problems = [ problem ]
        }

    /// Two values made one, with what is to be told of both.
    let join (both: 'a -> 'b -> 'c) (one: Reading<'a>) (other: Reading<'b>) : Reading<'c> =
        {
            Value = both one.Value other.Value
            Problems = one.Problems @ other.Problems
            BadLines = one.BadLines @ other.BadLines
            Unusable = one.Unusable @ other.Unusable
            Notices = one.Notices @ other.Notices
        }

    /// A value made into another, with what is to be told of it.
    let map (change: 'a -> 'b) (one: Reading<'a>) : Reading<'b> =
        join (fun value () -> change value) one (plain ())

    let located (paths: ListPaths) (path: string) =
        if paths.BaseDirectory = "" || path.StartsWith '/' then
            path
        else
            paths.BaseDirectory.TrimEnd '/' + "/" + path

    /// The text of a file, or the reason why there is none.
    let textOf paths path : Step<Result<string, string>> =
        Step.file FileKind.Map (located paths path) |> Step.map FileContents.text

    /// What to do about a file that cannot be read.
    let readable (paths: ListPaths) (path: string) (reason: string) =
        match reason with
        | FileContents.Forbidden ->
            "let user "
            + paths.Reader
            + " read it and enter its directories, as in: chown root:"
            + paths.Reader
            + " "
            + path
            + "; chmod 0640 "
            + path
        | FileContents.NotFound -> "check the path"
        | FileContents.NotPlain -> "name a file, no directory, pipe or device"
        | _ -> ""

    let unreadable paths setting path reason =
        broken setting (readable paths path reason) (path + ": fopen(): " + reason)
