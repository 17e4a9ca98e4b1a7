/// Where log lines go and what they look like, as settings say it.
namespace Dkim.Core.Programs.Settings

/// The form of log lines.
type LogFormat =
    | Text = 0
    /// One JSON object per line.
    | Json = 1

/// A facility of syslog.conf(5), with its number in syslog(3).
[<Struct>]
type Facility = { Name: string; Number: int }

module Facility =
    let private named number name : Facility = { Name = name; Number = number }

    /// Those that a setting may name. `security` is an old name of `auth`.
    let all: Facility list =
        [
            named 4 "auth"
            named 10 "authpriv"
            named 9 "cron"
            named 3 "daemon"
            named 11 "ftp"
            named 0 "kern"
            named 6 "lpr"
            named 2 "mail"
            named 7 "news"
            named 4 "security"
            named 5 "syslog"
            named 1 "user"
            named 8 "uucp"
        ]
        @ [ for number in 0..7 -> named (16 + number) ("local" + string number) ]

    /// Where mail software logs.
    let mail: Facility = named 2 "mail"
