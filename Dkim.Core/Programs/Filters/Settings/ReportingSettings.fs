/// What is added to a header and removed from it, and who is told: the record, its defaults and its rows.
namespace Dkim.Core.Programs.Filters.Settings

open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Values.Rows

/// What is added to a header and removed from it, and who is told.
[<NoComparison>]
type internal ReportingSettings =
    {
        /// AuthservID; nothing for the name of the MTA's host.
        AuthservId: string voption
        AuthservIdWithJobId: bool
        /// ARHeaderDomain: `header.d` and `header.s` beside `header.i`.
        ResultDomain: bool
        AlwaysAddArHeader: bool
        RemoveArAll: bool
        /// RemoveARFrom: hosts, and domains with a dot in front; none for our own authserv-id alone.
        RemoveArFrom: string list
        XHeader: bool
        /// The MTA keeps what fails.
        Quarantine: bool
        SendReports: bool
        SendAdspReports: bool
        /// The From of reports; nothing for the user at the host.
        ReportAddress: string voption
        /// Who gets each report, too: addresses between commas.
        ReportBccAddress: string voption
        /// What was hashed is left in files (KeepTemporaryFiles).
        KeepsHashed: bool
        SyslogSuccess: bool
        LogWhy: bool
    }

module internal ReportingSettings =
    let defaults: ReportingSettings =
        {
            AuthservId = ValueNone
            AuthservIdWithJobId = false
            ResultDomain = false
            AlwaysAddArHeader = false
            RemoveArAll = false
            RemoveArFrom = []
            XHeader = false
            Quarantine = false
            SendReports = false
            SendAdspReports = false
            ReportAddress = ValueNone
            ReportBccAddress = ValueNone
            KeepsHashed = false
            SyslogSuccess = false
            LogWhy = false
        }

    /// What a message gets, and who is told.
    let outcome: Setting<ReportingSettings> list =
        [
            switch "Quarantine" _.Quarantine (fun v s -> { s with Quarantine = v })
            |> both 'q'
            |> Setting.fixedForLife
            |> Setting.says "have the MTA quarantine what fails"
            switch "X-Header" _.XHeader (fun v s -> { s with XHeader = v })
            |> both 'h'
            |> Setting.says "add a field that names this filter to every message"
            switch "SendReports" _.SendReports (fun v s -> { s with SendReports = v })
            |> both 'R'
            |> Setting.says "mail a report of a bad signature to those who ask for it in their records"
            Setting.optional "ReportAddress" (Codec.text "ADDRESS") _.ReportAddress (fun v s ->
                { s with ReportAddress = v })
            |> key
            |> Setting.says "the From of reports (default: the user at the host)"
        ]

    /// What opendkim has of them beside that.
    let copies: Setting<ReportingSettings> list =
        [
            Setting.optional "ReportBccAddress" (Codec.text "ADDRESS,...") _.ReportBccAddress (fun v s ->
                { s with ReportBccAddress = v })
            |> key
            |> Setting.says "who gets each report, too"
        ]

    /// Who is told of mail that a policy speaks against.
    let adspReports: Setting<ReportingSettings> list =
        [
            switch "SendADSPReports" _.SendAdspReports (fun v s -> { s with SendAdspReports = v })
            |> key
            |> Setting.says "mail a report to domains that ask for one when their policy fails"
        ]

    /// Authentication-Results.
    let results: Setting<ReportingSettings> list =
        [
            switch "AlwaysAddARHeader" _.AlwaysAddArHeader (fun v s -> { s with AlwaysAddArHeader = v })
            |> key
            |> Setting.says "add Authentication-Results to messages without signatures, too"
            Setting.optional "AuthservID" (Codec.text "NAME") _.AuthservId (fun v s -> { s with AuthservId = v })
            |> key
            |> Setting.says "our name in Authentication-Results (default: the MTA's host)"
            switch "AuthservIDWithJobID" _.AuthservIdWithJobId (fun v s -> { s with AuthservIdWithJobId = v })
            |> key
            |> Setting.says "put a slash and the queue id after that name"
            switch "ARHeaderDomain" _.ResultDomain (fun v s -> { s with ResultDomain = v })
            |> key
            |> Setting.says
                "tell the domain and the selector of a signature in Authentication-Results, beside its identity"
            switch "RemoveARAll" _.RemoveArAll (fun v s -> { s with RemoveArAll = v })
            |> key
            |> Setting.says "remove Authentication-Results of other methods, too"
            |> Setting.detail
                "By default only those that tell of DKIM are removed, and only those that claim to be ours."
            Setting.make "RemoveARFrom" (Codecs.texts "HOST,...") _.RemoveArFrom (fun v s ->
                { s with RemoveArFrom = v })
            |> key
            |> Setting.says "remove Authentication-Results of these hosts (default: our own)"
            |> Setting.detail "A dot in front means the hosts below a domain."
        ]

    /// What the log says.
    let log: Setting<ReportingSettings> list =
        [
            switch "LogWhy" _.LogWhy (fun v s -> { s with LogWhy = v })
            |> both 'W'
            |> Setting.says "log how each decision to sign or to verify came about"
            switch "SyslogSuccess" _.SyslogSuccess (fun v s -> { s with SyslogSuccess = v })
            |> key
            |> Setting.says "log good signatures and signatures made, too"
        ]

    /// What is left in files.
    let temporary: Setting<ReportingSettings> list =
        [
            switch "KeepTemporaryFiles" _.KeepsHashed (fun v s -> { s with KeepsHashed = v })
            |> key
            |> Setting.says "keep what was hashed of every message in files dkim.JOB.*"
            |> Setting.detail "For the search of errors alone: anyone who can read them reads the mail."
        ]
