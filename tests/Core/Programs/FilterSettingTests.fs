/// Every option and key of the milters: read, shown and in effect.
module Dkim.Tests.Core.FilterSettingTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core

/// A value for each setting, other than its default.
let private samples =
    [
        "x", "/etc/mail/dkim-filter.conf"
        "K", "yes"
        "n", "yes"
        "V", "yes"
        "version", "yes"
        "Socket", "inet:8891@127.0.0.1"
        "UMask", "002"
        "UserID", "dkim:mail"
        "PidFile", "/run/pid"
        "Background", "no"
        "f", "yes"
        "BaseDirectory", "/srv"
        "EnableCoredumps", "yes"
        "AutoRestart", "yes"
        "AutoRestartCount", "7"
        "AutoRestartRate", "10/3600"
        "Syslog", "yes"
        "SyslogFacility", "local3"
        "DNSTimeout", "9"
        "QueryCache", "no"
        "TestPublicKeys", "/etc/keys"
        "TrustAnchorFile", "/etc/root.key"
        "POPDBFile", "/etc/popauth.db"
        "TemporaryDirectory", "/tmp"
        "KeepTemporaryFiles", "yes"
        "SocketMode", "0660"
        "SocketGroup", "mail"
        "LogFormat", "json"
        "Nameservers", "127.0.0.1@5353"
        "Resolver", "dnsclient"
        "Mode", "v"
        "PeerList", "/peers"
        "InternalHosts", "/internal"
        "ExternalIgnoreList", "/external"
        "MTA", "MSA,MTA-v6"
        "MacroList", "auth_type,if_name=a|b"
        "Domain", "example.com,example.net"
        "SubDomains", "yes"
        "KeyFile", "/key"
        "KeyList", "/keylist"
        "Selector", "mail"
        "Quarantine", "yes"
        "X-Header", "yes"
        "SendReports", "yes"
        "ReportAddress", "postmaster@example.com"
        "On-BadSignature", "reject"
        "On-DNSError", "accept"
        "On-InternalError", "discard"
        "On-NoSignature", "reject"
        "On-Security", "reject"
        "Canonicalization", "relaxed/relaxed"
        "SignatureAlgorithm", "rsa-sha1"
        "OmitHeaders", "X-*"
        "SignHeaders", "From,To"
        "AlwaysSignHeaders", "Reply-To"
        "BodyLengths", "yes"
        "MaximumSignedBytes", "1000"
        "SignatureTTL", "86400"
        "Diagnostics", "yes"
        "RemoveOldSignatures", "yes"
        "DontSignMailTo", "*@lists.example.com"
        "OverSignHeaders", "From"
        "ClockDrift", "60"
        "Minimum", "50%"
        "MustBeSigned", "Subject"
        "RefuseSignaturesFrom", "co.example"
        "TrustSignaturesFrom", "example.org"
        "BogusKey", "neutral"
        "InsecureKey", "fail"
        "ADSPDiscard", "yes"
        "ADSPNoSuchDomain", "yes"
        "LocalADSP", "/adsp"
        "BogusPolicy", "apply"
        "InsecurePolicy", "ignore"
        "SendADSPReports", "yes"
        "AlwaysAddARHeader", "yes"
        "AuthservID", "mx.example.com"
        "AuthservIDWithJobID", "yes"
        "ARHeaderDomain", "yes"
        "RemoveARAll", "yes"
        "RemoveARFrom", "mx.example.com,.example.net"
        "AllowSHA1", "yes"
        "MinimumKeyBits", "2048"
        "MaximumSignaturesToVerify", "3"
        "MaximumHeaders", "32768"
        "RequiredHeaders", "yes"
        "FixCRLF", "yes"
        "LogWhy", "yes"
        "SyslogSuccess", "yes"
        "t", "message.eml"
        "F", "1700000000"
        "H", "192.0.2.1"
        "v", "yes"
        "StrictTestMode", "yes"
    ]

/// Rows that say what others do, in another way.
let private shadows = [ "f"; "C"; "On-Default" ]

let private sampleOf (row: Setting<'s>) =
    match samples |> List.tryFind (fun (name, _) -> name = row.Name) with
    | Some(_, value) -> value
    | None ->
        failtest ("no sample value for " + row.Name)
        ""

let private effective (table: Setting<'s> list) =
    table
    |> List.filter (fun row -> not row.Inert && not (List.contains row.Name shadows))

let private table = DkimFilterTable.table

let private defaults = FilterSettings.dkim

let private shows state =
    table |> List.map (fun row -> row.Show state)

let private distinct (rows: Setting<'s> list) =
    let spellings = rows |> List.collect _.Spellings
    Expect.equal (List.distinct spellings) spellings

    for row in rows do
        Expect.isTrue (row.Summary <> "" && row.Group <> "" && row.Source <> "") row.Name

let private applied (rows: Setting<'s> list) start (arguments: string list) =
    let line = CommandLine.parse Letters rows arguments
    let state, problems = Settings.apply [ line.Given ] start
    Expect.equal [] (line.Problems @ problems |> List.map Problem.describe)
    state

let private readsLetters rows start (value: Setting<'s> -> string) =
    for row: Setting<'s> in rows do
        for spelling in row.Spellings do
            match spelling with
            | Spelling.Letter letter when row.Arity = Arity.Flag ->
                let state = applied rows start [ "-" + string letter ]
                Expect.isTrue (row.Show state <> row.Show start) row.Name
            | Spelling.Letter letter ->
                let expected = row.Show(row.Read (value row) (row.Clear start) |> Expect.ok)
                let option = "-" + string letter
                Expect.equal expected (row.Show(applied rows start [ option; value row ]))
                Expect.equal expected (row.Show(applied rows start [ option + value row ]))
            | Spelling.Key _
            | Spelling.Word _
            | Spelling.Variable _ -> ()

let private dkSamples =
    [
        "p", "local:/s"
        "u", "dk"
        "P", "/pid"
        "T", "9"
        "U", "/pop"
        "b", "v"
        "a", "/a"
        "i", "/i"
        "I", "/I"
        "m", "MSA"
        "M", "auth_type"
        "d", "example.com"
        "C", "miss=reject"
        "S", "mail"
        "s", "/key"
        "c", "nofws"
        "o", "Received"
    ]

[<Tests>]
let tests =
    testList
        "FilterSettingTests"
        [
            testCase "reading what a row shows restores its setting and no other" (fun () ->
                let full =
                    effective table
                    |> List.fold (fun state row -> row.Read (sampleOf row) state |> Expect.ok) defaults

                for row in effective table do
                    let restore target from =
                        List.fold
                            (fun state value -> row.Read value state |> Expect.ok)
                            (row.Clear target)
                            (row.Show from)

                    Expect.equal (row.Show full) (row.Show(restore defaults full))
                    Expect.equal (shows full) (shows (restore full full)))

            testCase "a row changes its own setting and nothing else" (fun () ->
                for row in effective table do
                    let changed = row.Read (sampleOf row) defaults |> Expect.ok

                    for other in effective table do
                        let same = other.Show changed = other.Show defaults
                        Expect.isTrue (same = (other.Name <> row.Name)) (row.Name + " and " + other.Name))

            testCase "no two rows share a spelling, and every one is described" (fun () ->
                distinct DkimFilterTable.table
                distinct DkFilterTable.table)

            testCase "every letter of dkim-filter is read" (fun () ->
                readsLetters table defaults (fun row -> if row.Name = "C" then "bad=reject" else sampleOf row))

            testCase
                "every letter of dk-filter is read, and -s is its key where dkim-filter's is the selector"
                (fun () ->
                    readsLetters DkFilterTable.table FilterSettings.domainKeys (fun row ->
                        dkSamples |> List.find (fst >> (=) row.Name) |> snd)

                    let dk =
                        applied DkFilterTable.table FilterSettings.domainKeys [ "-s"; "/key"; "-S"; "sel"; "-k" ]

                    Expect.equal
                        (ValueSome "/key", ValueSome "sel", true)
                        (dk.Names.KeyFile, dk.Names.Selector, dk.Names.MultipleKeys)

                    let dkim = applied table defaults [ "-k"; "/key"; "-s"; "sel"; "-K" ]

                    Expect.equal
                        (ValueSome "/key", ValueSome "sel", true)
                        (dkim.Names.KeyFile, dkim.Names.Selector, dkim.Names.MultipleKeys)

                    Expect.equal "main" (FilterSettings.domainKeys.Names.Selector |> ValueOption.get)

                    for letter in "FKLnrtvWx" do
                        let _, exitCode =
                            FilterRuns.startDk [] [ "-" + string letter; "1" ] |> Starts.failed

                        Expect.equal 64 exitCode)

            testCase "every key is read in any case, with tabs and comments" (fun () ->
                for row in effective table do
                    for spelling in row.Spellings do
                        match spelling with
                        | Spelling.Key key ->
                            let value = sampleOf row
                            let expected = row.Show(row.Read value (row.Clear defaults) |> Expect.ok)

                            for line in
                                [
                                    key + " " + value
                                    "\t" + key.ToUpperInvariant() + "\t \t" + value + "# why"
                                    key + " " + value + " # more"
                                ] do
                                let file =
                                    SettingsFile.read KeyAndToken table "conf"
                                    |> Finding.settle (fun _ -> Starts.contents line)

                                let state, problems = Settings.apply [ file.Given ] defaults
                                Expect.equal [] (file.Problems @ problems |> List.map Problem.describe)
                                Expect.equal expected (row.Show state)
                        | Spelling.Letter _
                        | Spelling.Word _
                        | Spelling.Variable _ -> ())
        ]
