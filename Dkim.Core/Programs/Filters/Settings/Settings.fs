/// The settings of the two milters.
namespace Dkim.Core.Programs.Filters.Settings

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// The settings of a milter: what decides, what the host needs, and how the program runs.
[<NoComparison; NoEquality>]
type internal FilterSettings =
    {
        Policy: FilterPolicy
        Names: ListNames
        Service: FilterService
        Test: TestSettings
        /// -n: say whether the filter would start.
        Check: bool
        /// -V: what the original prints.
        Version: bool
        /// Which build this is.
        Build: bool
    }

module internal FilterSettings =
    /// Those of dkim-filter.
    let dkim: FilterSettings =
        {
            Policy = FilterPolicy.dkim
            Names = ListNames.defaults
            Service = FilterService.defaults
            Test = TestSettings.defaults
            Check = false
            Version = false
            Build = false
        }

    /// Those of dk-filter.
    let domainKeys: FilterSettings =
        { dkim with
            Policy = FilterPolicy.domainKeys
            Names.Selector = ValueSome "main"
        }

    /// What is done with messages: in test mode they are verified, and else signed as well, where no setting says it.
    let mode (settings: FilterSettings) : FilterMode =
        match settings.Policy.Roles.Mode with
        | ValueSome mode -> mode
        | ValueNone ->
            {
                Signs = settings.Test.TestFile.IsNone
                Verifies = true
            }

    /// Rows of the parts, as rows of the whole.
    let service rows : Setting<FilterSettings> list =
        part _.Service (fun v s -> { s with Service = v }) rows

    let names rows : Setting<FilterSettings> list =
        part _.Names (fun v s -> { s with Names = v }) rows

    let policy rows : Setting<FilterSettings> list =
        part _.Policy (fun v s -> { s with Policy = v }) rows

    let roles rows =
        policy (part _.Roles (fun v (s: FilterPolicy) -> { s with Roles = v }) rows)

    let signing rows =
        policy (part _.Signing (fun v (s: FilterPolicy) -> { s with Signing = v }) rows)

    let verifying rows =
        policy (part _.Verifying (fun v (s: FilterPolicy) -> { s with Verifying = v }) rows)

    let marks rows =
        policy (part _.Reporting (fun v (s: FilterPolicy) -> { s with Reporting = v }) rows)

    let actions rows =
        policy (part _.Actions (fun v (s: FilterPolicy) -> { s with Actions = v }) rows)

    let test rows : Setting<FilterSettings> list =
        part _.Test (fun v s -> { s with Test = v }) rows

    let private asks name get put : Setting<FilterSettings> = Setting.flag name get put

    /// -n
    let check: Setting<FilterSettings> =
        asks "n" _.Check (fun v s -> { s with Check = v })
        |> letter 'n'
        |> Setting.says "say whether the filter would start, and exit"

    /// -V
    let version: Setting<FilterSettings> =
        asks "V" _.Version (fun v s -> { s with Version = v }) |> letter 'V'

    /// --version
    let build: Setting<FilterSettings> =
        asks "version" _.Build (fun v s -> { s with Build = v })
        |> Setting.spelled [ Spelling.Word "version" ]
        |> Setting.says BuildFacts.Summary
