/// The rows of dkim-filter: its command line and its file (dkim-filter(8), dkim-filter.conf(5)).
module internal Dkim.Core.Programs.Filters.Settings.DkimFilterTable

open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

let private inert: Setting<FilterSettings> list =
    [
        Setting.inert "AllowSHA1Only" Arity.Flag Codecs.switch.Shape "SHA-256 is always there."
        |> key
        Setting.inert "MilterDebug" Arity.Once "N" "There is no library with a debugging level."
        |> key
    ]

let private running: Setting<FilterSettings> list =
    FilterSettings.service FilterService.confFile
    @ FilterSettings.names ListNames.multiple
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
        Setting.group "service" Source (FilterSettings.marks ReportingSettings.temporary)
        group "signing" Source FilterService.pop
        group "further" "new" FilterService.ofOurs
    ]
    |> List.concat

let private clients: Setting<FilterSettings> list =
    FilterSettings.roles RoleSettings.mode
    @ FilterSettings.names ListNames.clients
    @ FilterSettings.roles RoleSettings.origins

let private domains: Setting<FilterSettings> list =
    FilterSettings.names ListNames.domain
    @ FilterSettings.roles RoleSettings.subDomains
    @ FilterSettings.names ListNames.keys

let private trust: Setting<FilterSettings> list =
    FilterSettings.verifying VerifyingSettings.trust
    @ FilterSettings.names ListNames.trusted
    @ FilterSettings.verifying VerifyingSettings.doubts

let private policies: Setting<FilterSettings> list =
    FilterSettings.verifying VerifyingSettings.refusals
    @ FilterSettings.names ListNames.practices
    @ FilterSettings.verifying VerifyingSettings.doubtedPolicies
    @ FilterSettings.marks ReportingSettings.adspReports

let private messages: Setting<FilterSettings> list =
    FilterSettings.policy FilterPolicy.headers
    @ FilterSettings.roles RoleSettings.format
    @ FilterSettings.policy FilterPolicy.lineEnds

let table: Setting<FilterSettings> list =
    [
        Setting.group "running" Source running
        service
        Setting.group "roles" Source clients
        Setting.group "signing" Source domains
        Setting.group "actions" Source (FilterSettings.actions (DispositionRows.whole Dkim :: DispositionRows.parts))
        Setting.group "results" Source (FilterSettings.marks ReportingSettings.outcome)
        Setting.group
            "signing"
            Source
            (FilterSettings.signing SigningSettings.rows
             @ FilterSettings.roles RoleSettings.recipients)
        Setting.group "verifying" Source trust
        Setting.group "sender policies" Source policies
        Setting.group "results" Source (FilterSettings.marks ReportingSettings.results)
        Setting.group "messages" Source messages
        Setting.group "log" Source (FilterSettings.marks ReportingSettings.log)
        Setting.group "test mode" Source (FilterSettings.test TestSettings.rows)
        Setting.group "service" Source inert
        Setting.group
            "further"
            "new"
            (FilterSettings.signing SigningSettings.ofOurs
             @ FilterSettings.verifying VerifyingSettings.ofOurs)
    ]
    |> List.concat
