/// The rows of dkim-filter: its command line and its file (dkim-filter(8), dkim-filter.conf(5)).
module internal Dkim.Core.Programs.Filters.DkimFilterTable

open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.FilterRows

let private inert: Setting<FilterSettings> list =
    [
        Setting.inert "AllowSHA1Only" Arity.Flag FilterCodecs.switch.Shape "SHA-256 is always there."
        |> key
        Setting.inert "MilterDebug" Arity.Once "N" "There is no library with a debugging level."
        |> key
    ]

let private running: Setting<FilterSettings> list =
    FilterSettings.service FilterService.confFile
    @ FilterSettings.names FilterListNames.multiple
    @ [
        FilterSettings.check
        |> Setting.detail
            "The way of a start is gone, as the user of UserID, but for the socket, which is not opened; everything that \
             is wrong is told at once. Who signs for whom goes to standard output, a line for each key."
        FilterSettings.version
        |> Setting.says "print version, algorithms and canonicalizations as the original does, and exit"
        FilterSettings.build
    ]

let private service: Setting<FilterSettings> list =
    let group heading source rows =
        FilterSettings.service rows |> Setting.group heading source

    [
        group "service" Source (FilterService.place @ FilterService.restart)
        group "log" Source FilterService.logs
        group "DNS" Source FilterService.names
        group "service" Source FilterService.temporary
        Setting.group "service" Source (FilterSettings.marks FilterMarks.temporary)
        group "signing" Source FilterService.pop
        group "further" "new" FilterService.ofOurs
    ]
    |> List.concat

let private clients: Setting<FilterSettings> list =
    FilterSettings.roles FilterRoles.mode
    @ FilterSettings.names FilterListNames.clients
    @ FilterSettings.roles FilterRoles.origins

let private domains: Setting<FilterSettings> list =
    FilterSettings.names FilterListNames.domain
    @ FilterSettings.roles FilterRoles.subDomains
    @ FilterSettings.names FilterListNames.keys

let private trust: Setting<FilterSettings> list =
    FilterSettings.verifying FilterVerifying.trust
    @ FilterSettings.names FilterListNames.trusted
    @ FilterSettings.verifying FilterVerifying.doubts

let private policies: Setting<FilterSettings> list =
    FilterSettings.verifying FilterVerifying.refusals
    @ FilterSettings.names FilterListNames.practices
    @ FilterSettings.verifying FilterVerifying.doubtedPolicies
    @ FilterSettings.marks FilterMarks.adspReports

let private messages: Setting<FilterSettings> list =
    FilterSettings.policy FilterPolicy.headers
    @ FilterSettings.roles FilterRoles.format
    @ FilterSettings.policy FilterPolicy.lineEnds

let table: Setting<FilterSettings> list =
    [
        Setting.group "running" Source running
        service
        Setting.group "roles" Source clients
        Setting.group "signing" Source domains
        Setting.group "actions" Source (FilterSettings.actions (FilterActionRows.whole Dkim :: FilterActionRows.parts))
        Setting.group "results" Source (FilterSettings.marks FilterMarks.outcome)
        Setting.group
            "signing"
            Source
            (FilterSettings.signing FilterSigning.rows
             @ FilterSettings.roles FilterRoles.recipients)
        Setting.group "verifying" Source trust
        Setting.group "sender policies" Source policies
        Setting.group "results" Source (FilterSettings.marks FilterMarks.results)
        Setting.group "messages" Source messages
        Setting.group "log" Source (FilterSettings.marks FilterMarks.log)
        Setting.group "test mode" Source (FilterSettings.test FilterTest.rows)
        Setting.group "service" Source inert
        Setting.group
            "further"
            "new"
            (FilterSettings.signing FilterSigning.ofOurs
             @ FilterSettings.verifying FilterVerifying.ofOurs)
    ]
    |> List.concat
