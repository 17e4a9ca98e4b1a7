/// `dkim sign`, and what all the tools' commands have in common: refusals, help, visible output and tables.
module Dkim.Tests.Core.ToolTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.KeyTools
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private samples =
    [
        "key", "k"
        "passphrase-file", "p"
        "selector", "mail"
        "domain", "example.com"
        "scheme", "domainkeys"
        "hash", "sha1"
        "header-canon", "nofws"
        "body-canon", "simple"
        "identity", "ann@example.com"
        "sign", "Subject"
        "lifetime", "60"
        "type", "ed25519"
        "bits", "4096"
        "note", "a note"
        "as", "tinydns"
        "min-rsa-bits", "512"
        "now", "1000000000"
        "batch", "folder"
        "html", "page.html"
        "color", "never"
        "signature", "2"
        "line-ends", "lf"
        "zone", "zone.json"
        "test-keys", "keys"
        "require", "pass"
        "number", "2"
        "resolver", "dnsclient"
        "nameserver", "127.0.0.1@5353"
        "trust-anchor", "root.key"
        "dns-timeout", "3"
        "config", "/etc/postfix"
        "filter", "dkim-filter.conf"
        "dk-socket", "inet:8892@127.0.0.1"
        "directory", "/keys"
        "granularity", "ann*"
        "hash-algorithms", "sha256:sha1"
        "Domain", "example.com"
        "KeyFile", "k"
        "Selector", "mail"
        "conffile", "conf"
        "expire", "1"
        "refresh", "1"
        "retry", "1"
        "ttl", "1"
        "defaultttl", "1"
    ]

let private keepsItsLaws (table: Setting<'s> list) (defaults: 's) =
    for row in table do
        let sample =
            samples
            |> List.tryFind (fun (name, _) -> name = row.Name)
            |> Option.map snd
            |> Option.defaultValue (if row.Show defaults = [ "yes" ] then "no" else "yes")

        let set = Expect.ok (row.Read sample defaults)
        Expect.equal [ sample ] (row.Show set)
        Expect.isTrue (row.Show set <> row.Show defaults) row.Name

        let restored =
            row.Show set
            |> List.fold (fun state value -> Expect.ok (row.Read value state)) (row.Clear set)

        Expect.equal (row.Show set) (row.Show restored)
        Expect.isTrue (row.Summary <> "" && row.Group <> "") row.Name

[<Tests>]
let tests =
    testList
        "ToolTests"
        [
            testCase "sign prints the field alone, or the message" (fun () ->
                let arguments = [ "sign"; "--key=k"; "--selector=s"; "--domain=example.com" ]
                let ran = dkim [ "k", rsa.Pem; "-", message ] arguments
                Expect.isTrue (ran.Output.StartsWith "DKIM-Signature: ") ran.Output
                Expect.isTrue (ran.Output.EndsWith "\r\n") "one field"
                Expect.lacks "Hello" ran.Output
                let whole = dkim [ "k", rsa.Pem; "-", message ] (arguments @ [ "--message" ])
                Expect.isTrue (whole.Output.EndsWith("\r\n" + message)) "the message follows")

            testCase "sign chooses fields" (fun () ->
                let now =
                    signed rsa [ "--sign=Subject"; "--header-canon=simple"; "--timestamp=no" ] message

                Expect.contains "h=from:subject;" (now.Replace("\r\n\t", ""))
                Expect.lacks " t=" now)

            testRows
                "what cannot be done is refused with a line that says why"
                [
                    ("sign", 64)
                    ("sign --key=k --selector=s", 64)
                    ("sign --key=k --selector=s --domain=localhost", 64)
                    ("sign --key=k --selector=s --domain=example.com --header-canon=nofws", 64)
                    ("sign --key=missing --selector=s --domain=example.com", 66)
                    ("sign --key=bad --selector=s --domain=example.com", 66)
                    ("sign --key=k --selector=s --domain=example.com empty", 65)
                    ("sign --key=k --selector=s --domain=example.com --scheme=domainkeys empty", 65)
                    ("sign --key=ed --selector=s --domain=example.com --hash=sha1 m", 65)
                    ("verify --zone=missing", 66)
                    ("verify --nonsense", 64)
                    ("verify --min-rsa-bits=1", 64)
                    ("explain m m", 64)
                    ("genkey --selector=x", 64)
                    ("genkey --selector=x --domain=example.com m", 64)
                    ("testkey --selector=x", 64)
                    ("nonsense", 64)
                    ("", 64)
                ]
                (fun (line: string, code: int) ->
                    let files =
                        [
                            "k", rsa.Pem
                            "ed", ed25519.Pem
                            "bad", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
                            "m", message
                            "empty", ""
                            "-", message
                        ]

                    let ran =
                        dkim files (List.ofArray (line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))

                    Expect.equal code ran.Code
                    Expect.isTrue ((ran.Errors + ran.Output).Length > 10) "it says why")

            testCase "every command has help that names its options" (fun () ->
                for command in CommandList.commands do
                    let ran = dkim [] [ command.Name; "--help" ]
                    Expect.equal 0 ran.Code

                    for row in command.Table do
                        Expect.contains ("--" + row.Name) ran.Output

                    Expect.contains ("dkim " + command.Name) (dkim [] [ "--help" ]).Output)

            testCase "what messages and records hold is printed visibly" (fun () ->
                let odd =
                    "DKIM-Signature: v=1; d=\x1b]0;x\x07.com\r\nFrom: a@example.com\r\n\r\n\x1b[31m"

                for command in [ "verify"; "explain" ] do
                    for format in [ []; [ "--json" ] ] do
                        let ran = dkim [ "z", "{}"; "-", odd ] ([ command; "--zone=z" ] @ format)

                        Expect.isTrue
                            (ran.Output + ran.Errors
                             |> String.forall (fun c -> c = '\n' || c = '\t' || not (Char.IsControl c)))
                            ran.Output)

            testCase "explain tells of lines that are no fields" (fun () ->
                let mailbox =
                    "From ann Mon Nov 23\r\nSubject : x\x1b\r\nFrom: ann@example.com\r\n\r\nHello\r\n"

                let ran = dkim [ "z", "{}"; "-", mailbox ] [ "explain"; "--zone=z" ]
                Expect.contains "field 1 (From ann Mon Nov 23): no field: expected \":\" at octet 6\n" ran.Output

                Expect.contains
                    "field 2 (Subject : x\\x1b): obsolete form: white space before the colon at octet 8\n"
                    ran.Output

                Expect.lacks "field 3" ran.Output
                let asData = dkim [ "z", "{}"; "-", mailbox ] [ "explain"; "--zone=z"; "--json" ]
                Expect.equal 2 ((json asData).GetProperty("irregular_fields").GetArrayLength())
                Expect.lacks "RFC 5322" (dkim [ "z", "{}"; "-", message ] [ "explain"; "--zone=z" ]).Output)

            testCase "every row reads what it shows" (fun () ->
                keepsItsLaws CommandList.all ToolSettings.defaults
                keepsItsLaws DkimGenkey.dkim.Table DkimGenkey.defaults
                keepsItsLaws DkimGenkey.openDkim.Table DkimGenkey.defaults
                keepsItsLaws DkimTestkey.table DkimTestkey.defaults
                keepsItsLaws KeyZone.table KeyZone.defaults)
        ]
