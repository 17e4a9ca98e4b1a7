/// How many mails of our own may go out: a flood of bad signatures must not become a flood of reports.
namespace Dkim.Core.Programs.Running

open System

/// What is left of the allowance, in mails.
[<Struct>]
type ReportAllowance = { Left: float }

module ReportAllowance =
    /// So many may go out at once.
    [<Literal>]
    let Burst = 20

    /// So many may wait to be sent.
    [<Literal>]
    let Waiting = 100

    /// The longest reply of a mail server that is read, in octets.
    [<Literal>]
    let LongestReply = 8192

    /// What one mail takes to come back.
    let private each = TimeSpan.FromMinutes 1.0

    /// How long the sending of one may take.
    let patience: TimeSpan = TimeSpan.FromMinutes 1.0

    /// How long a service that ends waits for those that are under way.
    let parting: TimeSpan = TimeSpan.FromSeconds 5.0

    /// Nothing taken yet.
    let full: ReportAllowance = { Left = float Burst }

    /// Takes so many at most, `elapsed` after the last time that some were asked for. Says how many may go out, and what is
    /// left.
    let take (elapsed: TimeSpan) (most: int) (allowance: ReportAllowance) : struct (int * ReportAllowance) =
        let left = min (float Burst) (allowance.Left + elapsed / each)
        let taken = min most (int left)
        struct (taken, { Left = left - float taken })
