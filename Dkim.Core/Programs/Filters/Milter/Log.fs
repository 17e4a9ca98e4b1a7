/// What a milter logs of trouble with messages and connections.
namespace Dkim.Core.Programs.Filters.Milter

open Dkim.Core.Programs.Running

/// What a milter says of trouble of its own, or of the MTA's, which may last.
module MilterLog =
    /// A message that cannot be handled now. `job` is its queue id, where the MTA tells.
    [<CompiledName "NotProcessed">]
    let notProcessed (job: string voption) (why: string) : LogLine =
        let what = "not processed: " + why

        { LogLine.trouble LogLevel.Warning what with
            Text = ValueOption.defaultValue "a message" job + " " + what
        }
        |> LogLine.says (LogFields.optional LogField.Id job)

    /// A connection that cannot go on.
    [<CompiledName "Broken">]
    let broken (what: string) : LogLine = LogLine.trouble LogLevel.Warning what
