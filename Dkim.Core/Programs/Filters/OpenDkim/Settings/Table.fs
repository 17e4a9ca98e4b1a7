/// The rows of opendkim: its command line and its file (opendkim(8), opendkim.conf(5)).
module internal Dkim.Core.Programs.Filters.OpenDkim.Settings.Table

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// The document that defines the rows.
[<Literal>]
let private Source = "opendkim(8), opendkim.conf(5)"

let private only (names: string list) (rows: Setting<'s> list) : Setting<'s> list =
    rows |> List.filter (fun row -> List.contains row.Name names)

let private without (names: string list) (rows: Setting<'s> list) : Setting<'s> list =
    rows |> List.filter (fun row -> not (List.contains row.Name names))

let private renamed (name: string) (row: Setting<'s>) : Setting<'s> = { row with Name = name } |> key

let private filter rows = OpenDkimSettings.filter rows

let private running: Setting<OpenDkimSettings> list =
    filter (FilterSettings.service FilterService.confFile)
    |> List.map (Setting.says "read settings from this file (default: /etc/opendkim.conf, where it can be read)")
    |> fun confFile ->
        confFile
        @ filter
            [
                FilterSettings.check
                FilterSettings.version
                |> Setting.says "print version, algorithms and canonicalizations, and exit"
                FilterSettings.build
            ]
        @ OwnRows.options

let private service: Setting<OpenDkimSettings> list =
    FilterService.place
    @ FilterService.restart
    @ FilterService.logs
    @ FilterService.ofOpenDkimLogs
    @ FilterService.names
    @ FilterService.temporary
    @ FilterService.ofOurs
    |> FilterSettings.service
    |> filter
    |> fun rows -> rows @ SetRows.service

let private origins: Setting<OpenDkimSettings> list =
    SetRows.clients
    @ filter (FilterSettings.service FilterService.popOfOpenDkim)
    @ OpenDkimSettings.own OwnRows.sender

let private domains: Setting<OpenDkimSettings> list =
    SetRows.signing
    @ filter (FilterSettings.roles RoleSettings.subDomains)
    @ OpenDkimSettings.own OwnRows.signing

let private signatures: Setting<OpenDkimSettings> list =
    SigningSettings.rows
    |> only
        [
            "Canonicalization"
            "SignatureAlgorithm"
            "MaximumSignedBytes"
            "SignatureTTL"
            "Diagnostics"
            "RemoveOldSignatures"
        ]
    |> FilterSettings.signing
    |> filter
    |> fun rows -> rows @ OpenDkimSettings.own OwnRows.signatures

let private verifying: Setting<OpenDkimSettings> list =
    let rows =
        (VerifyingSettings.trust |> without [ "MustBeSigned" ])
        @ (VerifyingSettings.doubts |> only [ "BogusKey" ])
        @ (VerifyingSettings.doubts
           |> only [ "InsecureKey" ]
           |> List.map (renamed "UnprotectedKey"))
        @ VerifyingSettings.ofOurs

    SetRows.verifying @ filter (FilterSettings.verifying rows)

let private asked (row: Setting<ReportingSettings>) : Setting<ReportingSettings> =
    row
    |> key
    |> Setting.says "mail a report of a bad signature to those who ask for it"
    |> Setting.detail "Signatures ask with r=y, and their domains with a record _report._domainkey (RFC 6651)."

let private results: Setting<OpenDkimSettings> list =
    let rows =
        (ReportingSettings.results |> without [ "ARHeaderDomain"; "RemoveARFrom" ])
        @ (ReportingSettings.outcome
           |> only [ "X-Header" ]
           |> List.map (
               renamed "SoftwareHeader"
               >> Setting.says "add a field that names this filter (DKIM-Filter)"
           ))
        @ (ReportingSettings.outcome |> only [ "SendReports" ] |> List.map asked)
        @ (ReportingSettings.outcome |> only [ "ReportAddress" ])
        @ ReportingSettings.copies
        @ ReportingSettings.log
        @ ReportingSettings.temporary

    filter (FilterSettings.marks rows @ FilterSettings.service FilterService.mail)
    @ OpenDkimSettings.own OwnRows.results

let private actions: Setting<OpenDkimSettings> list =
    Actions.rows
    |> part (fun (s: OwnSettings) -> s.Actions) (fun v s -> { s with Actions = v })
    |> OpenDkimSettings.own

let private messages: Setting<OpenDkimSettings> list =
    filter (FilterSettings.policy (FilterPolicy.headers @ FilterPolicy.lineEnds))
    @ OpenDkimSettings.own OwnRows.failures
    @ OpenDkimSettings.own OwnRows.format

/// The settings that a file or a command line may have.
let table: Setting<OpenDkimSettings> list =
    [
        Setting.group "running" Source running
        Setting.group "service" Source service
        Setting.group "roles" Source (filter (FilterSettings.roles RoleSettings.mode) @ origins)
        Setting.group "signing" Source (domains @ signatures @ SetRows.fields)
        Setting.group "verifying" Source verifying
        Setting.group "results" Source results
        Setting.group "actions" Source actions
        Setting.group "messages" Source messages
        Setting.group "stores" Source (OpenDkimSettings.stores (StoreRows.common @ StoreRows.ldap))
        Setting.group "test mode" Source (filter (FilterSettings.test (TestSettings.rows |> without [ "H" ])))
        Setting.group "without effect" Source UnservedRows.taken
        Setting.group "refused" Source UnservedRows.refusals
    ]
    |> List.concat
