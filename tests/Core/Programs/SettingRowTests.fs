/// Laws that every row of every table keeps.
module Dkim.Tests.Core.SettingRowTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Proxies.In
open Dkim.Tests.Core

/// A value for each setting, other than its default.
let private samples =
    [
        "conf_file", "/etc/dkimproxy.conf"
        "listen", "127.0.0.1:10027"
        "relay", "[::1]:10028"
        "relay_host", "mail.example.org"
        "relay_port", "26"
        "reject_error", "yes"
        "reject_fail", "yes"
        "hostname", "mx.example.com"
        "bare_newlines", "normalize"
        "connect_timeout", "5"
        "client_timeout", "6"
        "relay_timeout", "7"
        "min_data_rate", "2048"
        "data_grace", "60"
        "data_timeout", "3600"
        "max_message_size", "10485760"
        "spool_memory", "65536"
        "spool_directory", "/var/tmp"
        "daemonize", "yes"
        "user", "dkim"
        "group", "mail"
        "pidfile", "/run/dkim.pid"
        "chroot", "/var/empty"
        "debugtrace", "yes"
        "max_servers", "9"
        "sign_sha1", "no"
        "reverse_lookups", "yes"
        "double_reverse_lookups", "yes"
        "allow", "127\\.0\\.0\\..*"
        "deny", "10\\..*"
        "cidr_allow", "192.0.2.0/24"
        "cidr_deny", "2001:db8::/32"
        "host", "127.0.0.1"
        "port", "10027"
        "log_file", "/var/log/dkimproxy"
        "log_level", "4"
        "log_format", "json"
        "syslog_ident", "dkimproxy-2"
        "syslog_facility", "local3"
        "resolver", "dnsclient"
        "nameserver", "127.0.0.1@5353"
        "trust_anchor", "/etc/root.key"
        "dns_timeout", "3"
        "dns_queries", "8"
        "test_keys", "/etc/keys"
        "check", "yes"
        "help", "yes"
        "version", "yes"
        "max_header_octets", "65536"
        "max_header_fields", "100"
        "max_field_octets", "2000"
        "signature", "dkim(key=/k,a=rsa-sha256,c=relaxed/simple,d=$senderdomain,s=sel,i=$sender)"
        "keyfile", "/etc/dkim/private.key"
        "passphrase_file", "/etc/dkim/passphrase"
        "selector", "mail"
        "domain", "example.org,example.com"
        "method", "relaxed"
        "dkim_method", "simple/relaxed"
        "domainkeys_method", "simple"
        "identity", "@example.org"
        "sender_map", "/etc/dkim/senders"
        "listid_map", "/etc/dkim/lists"
        "seal", "yes"
        "allow_sha1", "yes"
        "min_rsa_bits", "2048"
        "clock_drift", "60"
        "refuse_unsigned_body", "yes"
        "refuse_signatures_from", "co.example,example.net"
        "max_signatures", "7"
        "max_verified", "3"
        "max_signed_names", "64"
        "max_tag_list", "4096"
        "max_key_record", "2048"
        "remove_forged", "no"
        "result_words", "rfc8601"
    ]

let private sampleOf (row: Setting<'s>) =
    match samples |> List.tryFind (fun (name, _) -> name = row.Name) with
    | Some(_, value) -> value
    | None ->
        failtest ("no sample value for " + row.Name)
        ""

let private effective (table: Setting<'s> list) =
    table |> List.filter (fun row -> not row.Inert)

let private shows (table: Setting<'s> list) (state: 's) =
    table |> List.map (fun row -> row.Show state)

/// Every row, with a state in which all rows have their samples.
let private full (table: Setting<'s> list) (defaults: 's) =
    effective table
    |> List.fold (fun state row -> row.Read (sampleOf row) state |> Expect.ok) defaults

let private forBoth (outLaw: Setting<OutSettings> list -> OutSettings -> unit) inLaw =
    outLaw OutSettings.table OutSettings.defaults
    inLaw InSettings.table InSettings.defaults

let private restores table defaults =
    let state = full table defaults

    for row in table do
        let restore target from =
            List.fold (fun state value -> row.Read value state |> Expect.ok) (row.Clear target) (row.Show from)

        Expect.equal (row.Show state) (row.Show(restore defaults state))
        Expect.equal (shows table state) (shows table (restore state state))
        Expect.equal (row.Show defaults) (row.Show(restore state defaults))

let private changesItself table defaults =
    for row in effective table do
        // What one program has as its default is a change for the other.
        let sample =
            if row.Name = "bare_newlines" && row.Show defaults = [ "normalize" ] then
                "reject"
            else
                sampleOf row

        let changed = row.Read sample defaults |> Expect.ok

        for other in table do
            let same = other.Show changed = other.Show defaults
            Expect.isTrue (same = (other.Name <> row.Name)) (row.Name + " and " + other.Name)

let private neverChanges (table: Setting<'s> list) defaults =
    for row in table |> List.filter _.Inert do
        let changed = row.Read "7" defaults |> Expect.ok
        Expect.equal (shows table defaults) (shows table changed)

let private distinct (table: Setting<'s> list) _ =
    let spellings = table |> List.collect _.Spellings
    Expect.equal (List.distinct spellings) spellings
    Expect.equal (List.distinct (table |> List.map _.Name)) (table |> List.map _.Name)

let private described (table: Setting<'s> list) _ =
    for row in table do
        Expect.isTrue (row.Summary <> "" && row.Group <> "" && row.Source <> "") row.Name

let private readsAs (table: Setting<'s> list) defaults (row: Setting<'s>) expected (arguments: string list) =
    let line =
        CommandLine.parse Interchangeable table (arguments @ [ "127.0.0.1:1"; "127.0.0.1:2" ])

    let state, problems = Settings.apply [ line.Given ] defaults
    Expect.equal [] (line.Problems @ problems |> List.map Problem.describe)
    Expect.equal [ "127.0.0.1:1"; "127.0.0.1:2" ] line.Operands
    Expect.equal expected (row.Show state)

let private everyOption (table: Setting<'s> list) defaults =
    for row in table do
        let value = if row.Inert then "1" else sampleOf row
        let expected = row.Show(row.Read value (row.Clear defaults) |> Expect.ok)

        for spelling in row.Spellings do
            match spelling with
            | Spelling.Word word ->
                for name in [ word.Replace('-', '_'); word.Replace('_', '-') ] do
                    readsAs table defaults row expected [ "--" + name + "=" + value ]
                    readsAs table defaults row expected [ "--" + name; value ]

                    if row.Arity = Arity.Flag && value = "yes" then
                        readsAs table defaults row expected [ "--" + name ]
            | Spelling.Letter letter -> readsAs table defaults row expected [ "-" + string letter ]
            | Spelling.Key _
            | Spelling.Variable _ -> ()

let private everyKey (table: Setting<'s> list) defaults =
    let contents line _ = Starts.contents line

    for row in table do
        let value = if row.Inert then "1" else sampleOf row
        let expected = row.Show(row.Read value (row.Clear defaults) |> Expect.ok)

        let lines key =
            [
                key + " " + value
                key + "\t" + value + "  # why"
                "  --" + key + "=" + value
                key + " = " + value
                key + ": " + value + "\r"
            ]
            @ (if row.Arity = Arity.Flag && value = "yes" then
                   [ key ]
               else
                   [])

        for spelling in row.Spellings do
            match spelling with
            | Spelling.Key key ->
                for line in lines (key.Replace('-', '_')) @ lines (key.Replace('_', '-')) do
                    let file =
                        SettingsFile.read NameAndValue table "conf" |> Finding.settle (contents line)

                    let state, problems = Settings.apply [ file.Given ] defaults
                    Expect.equal [] (file.Problems @ problems |> List.map Problem.describe)
                    Expect.equal expected (row.Show state)
            | Spelling.Word _
            | Spelling.Letter _
            | Spelling.Variable _ -> ()

let private refusals =
    [
        "connect_timeout", "0"
        "connect_timeout", "soon"
        "max_servers", "-1"
        "relay_port", "65536"
        "spool_memory", "1T"
        "max_message_size", "9999999999999999999G"
        "bare_newlines", "maybe"
        "log_level", "5"
        "daemonize", "perhaps"
        "allow", "(("
        "cidr_allow", "192.0.2.0/33"
        "resolver", "doh"
        "listen", ""
    ]

[<Tests>]
let tests =
    testList
        "SettingRowTests"
        [
            testCase "reading what a row shows restores its setting and no other" (fun () -> forBoth restores restores)

            testCase "a row changes its own setting and nothing else" (fun () -> forBoth changesItself changesItself)

            testCase "an inert row changes nothing" (fun () -> forBoth neverChanges neverChanges)

            testCase "no two rows share a spelling" (fun () -> forBoth distinct distinct)

            testCase "every row has a summary, a group and a source" (fun () -> forBoth described described)

            testCase "every option is read in every spelling" (fun () -> forBoth everyOption everyOption)

            testCase "every key is read in every form of a line" (fun () -> forBoth everyKey everyKey)

            testCase "a value that cannot be is refused" (fun () ->
                for name, value in refusals do
                    let row = OutSettings.table |> List.find (fun row -> row.Name = name)
                    row.Read value OutSettings.defaults |> Expect.error |> ignore)

            testRows
                "sizes take units"
                [ ("4096", 4096L); ("64K", 65536L); ("2m", 2097152L) ]
                (fun (text: string, octets: int64) ->
                    (Codec.octets 0L 1073741824L).Parse text |> Expect.ok |> Expect.equal octets)

            testRows
                "a name server is an address"
                [
                    ("192.0.2.1", true)
                    ("192.0.2.1@5353", true)
                    ("192.0.2.1:5353", true)
                    ("2001:db8::1", true)
                    ("2001:db8::1@53", true)
                    ("[2001:db8::1]:53", true)
                    ("ns.example.org", false)
                    ("192.0.2.1@", false)
                    ("192.0.2.1@65536", false)
                    ("192.0.2.1@dns", false)
                ]
                (fun (text: string, good: bool) -> Expect.equal good (Result.isOk (Codec.server.Parse text)))

            testRows
                "a syslog facility is one of syslog.conf, with its number"
                [
                    ("mail", 2)
                    ("LOCAL7", 23)
                    ("Daemon", 3)
                    ("security", 4)
                    ("auth", 4)
                    ("authpriv", 10)
                    ("ftp", 11)
                ]
                (fun (text: string, number: int) -> Expect.equal number (Codec.facility.Parse text |> Expect.ok).Number)

            testCase "no other word is one" (fun () -> Expect.equal true (Result.isError (Codec.facility.Parse "mial")))
        ]
