/// Starts and reloads of the milters: what they check, print, read, keep and warn of.
module Dkim.Tests.Core.FilterStartTests

open System
open System.Diagnostics
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Postfix
open Dkim.Tests.Core

let private reloaded lines next =
    let files (text: string list) =
        ("conf", String.Join('\n', text)) :: FilterRuns.keys

    let first =
        FilterRuns.startDkim (files lines) [ "-x"; "conf"; "-l"; "-T"; "7" ]
        |> Starts.serving

    FilterRuns.again (files next) first

let private shortKey = lazy ("/keys/short.pem", fst ProxyRuns.rsa768.Value)

[<Tests>]
let tests =
    testList
        "FilterStartTests"
        [
            testCase "-n says nothing where all is well" (fun () ->
                let check arguments =
                    FilterRuns.startDkim FilterRuns.keys ("-n" :: arguments)

                Expect.equal (Starts.Printed("", 0)) (check [ "-b"; "v"; "-p"; "/s" ])
                Expect.equal 64 (check [ "-Z" ] |> Starts.failed |> snd))

            testCase "-V names version, algorithms and canonicalizations" (fun () ->
                match FilterRuns.startDkim [] [ "-V" ], FilterRuns.startDk [] [ "-V" ] with
                | Starts.Printed(dkim, 0), Starts.Printed(dk, 0) ->
                    Expect.contains "dkim-filter: Sendmail DKIM Filter v2.8.3\n" dkim
                    Expect.contains "\tSupported signing algorithms:\n\t\trsa-sha1\n\t\trsa-sha256\n" dkim
                    Expect.contains "\tSupported canonicalization algorithms:\n\t\trelaxed\n\t\tsimple\n" dkim
                    Expect.contains "dk-filter: Sendmail DomainKeys Filter v1.0.0\n" dk
                | other -> failtest (string (other.GetType())))

            testCase "a reload forgets the command line and keeps what cannot change" (fun () ->
                let before =
                    [
                        "Socket local:/s"
                        "Mode v"
                        "PidFile /p"
                        "UMask 7"
                        "UserID a"
                        "QueryCache no"
                        "TestPublicKeys /t"
                    ]
                    @ [
                        "Background no"
                        "AutoRestart yes"
                        "AutoRestartCount 3"
                        "AutoRestartRate 1/2"
                        "Quarantine yes"
                        "POPDBFile /d"
                    ]

                let after =
                    [
                        "Socket local:/other"
                        "Mode v"
                        "PidFile /q"
                        "UMask 77"
                        "UserID b"
                        "Nameservers 127.0.0.1"
                        "SyslogFacility news"
                    ]

                let program = reloaded before after |> Starts.serving
                let service = program.Service
                Expect.equal "local:/s" (string service.Socket.Value)

                Expect.equal
                    (ValueSome "/p", ValueSome 7, "a")
                    (service.Common.PidFile, service.UMask, AccountName.show service.Common.User.Value)

                Expect.equal
                    (false, ValueSome "/t", ValueSome "/d")
                    (service.Common.KeepsAnswers, service.Common.TestKeys, service.PopDbFile)

                Expect.equal
                    (false, true, 3)
                    (service.Common.Background, service.AutoRestart, service.AutoRestartCount)

                Expect.isTrue program.Quarantines "quarantine"
                // These are those of the file again.
                Expect.equal
                    (false, 5, "news")
                    (service.Syslog, service.Common.DnsTimeout, service.Common.SyslogFacility.Name)

                Expect.equal [ "127.0.0.1:53" ] (service.Common.Nameservers |> List.map string))

            testCase "a reload with an error says what is wrong" (fun () ->
                let text, _ =
                    reloaded [ "Socket local:/s"; "Mode v" ] [ "Socket local:/s"; "Mode sv" ]
                    |> Starts.failed

                Expect.contains "at least one selector and key required for signing mode" text)

            testCase "without a file there is nothing to reload" (fun () ->
                let program =
                    FilterRuns.startDkim FilterRuns.keys FilterRuns.signing |> Starts.serving

                Expect.isTrue (program.Again().IsNone) "no file"
                Expect.isTrue program.HasKeys "keys")

            testCase "test mode verifies by default and reads no lists of hosts" (fun () ->
                match FilterRuns.startDkim [] [ "-t"; "m.eml"; "-a"; "/peers"; "-i"; "/in" ] with
                | Starts.Testing(program, "m.eml") -> Expect.isTrue (not program.HasKeys) "no keys"
                | _ -> failtest "not a test")

            testCase "paths start at BaseDirectory" (fun () ->
                let files =
                    [ "/srv/keys/k", FilterRuns.key "rsa2048.pem"; "/srv/peers", "192.0.2.1" ]

                let program =
                    FilterRuns.startConf
                        files
                        [
                            "BaseDirectory /srv"
                            "KeyFile keys/k"
                            "Selector s"
                            "PeerList peers"
                            "Socket /s"
                        ]
                    |> Starts.serving

                let client (address: string) : MilterClient =
                    {
                        HostName = "x"
                        Address = ValueSome(IPAddress.Parse address)
                    }

                Expect.isTrue (program.Ignores(client "192.0.2.1")) "a peer"
                Expect.isTrue (not (program.Ignores(client "192.0.2.2"))) "no peer")

            testCase "paths of a key list start at BaseDirectory, too" (fun () ->
                let files =
                    [
                        "/srv/list", "*@example.com:example.com:keys/k"
                        "/srv/keys/k", FilterRuns.key "rsa2048.pem"
                    ]

                let program =
                    FilterRuns.startConf files [ "BaseDirectory /srv"; "KeyList list"; "Socket /s" ]
                    |> Starts.serving

                Expect.equal [ "*@example.com: d=example.com s=k rsa 2048 bits" ] (program.Rules |> List.map _.Text))

            testCase "the first line of the log has the arguments" (fun () ->
                let program =
                    FilterRuns.startDkim [] [ "-p"; "local:/a b"; "-b"; "v" ] |> Starts.serving

                Expect.equal
                    "Sendmail DKIM Filter v2.8.3 starting (args: -p \"local:/a b\" -b v)"
                    program.Starting.Text

                Expect.equal
                    "Sendmail DKIM Filter v2.8.3 terminating with status 0, errno = 0"
                    (program.Terminating 0).Text)

            testCase "a macro that decisions look at is asked for" (fun () ->
                let program =
                    FilterRuns.startDkim [] [ "-p"; "/s"; "-b"; "v"; "-M"; "{mail_host}=x" ]
                    |> Starts.serving

                Expect.equal [ "i"; "mail_host" ] program.WantedMacros.AtEndOfHeader
                Expect.equal [] program.WantedMacros.AtConnect)

            testRows
                "what only the entrance knows is asked for at connect, beside what is told there unasked"
                [ ("-m", "MSA"); ("-M", "{if_addr}=192.0.2.1") ]
                (fun (option: string, value: string) ->
                    let wanted =
                        (FilterRuns.startDkim [] [ "-p"; "/s"; "-b"; "v"; option; value ]
                         |> Starts.serving)
                            .WantedMacros

                    Expect.equal [ "j"; "_"; "v"; "daemon_name"; "daemon_addr"; "if_name"; "if_addr" ] wanted.AtConnect
                    Expect.equal [ "i" ] wanted.AtEndOfHeader)

            proves
                [ "RFC8301-3.1-2"; "RFC8301-3.2-1"; "RFC6376-3.3.3-1" ]
                (testCase "weak signatures are warned of at start" (fun () ->
                    let notices files (lines: string list) =
                        let conf = [ "Socket local:/s"; "Domain example.com" ] @ lines

                        (FilterRuns.startConf files conf |> Starts.serving).Notices
                        |> Seq.map _.Text
                        |> String.concat "\n"

                    let single = [ "Selector mail"; "KeyFile /keys/short.pem" ]
                    let short = "selector mail: the key of 768 bits is too short"
                    Expect.contains short (notices [ shortKey.Value ] single)

                    let list =
                        "/list", "*@example.com:example.com:/keys/mail.private\n*:*:/keys/short.pem\n"

                    Expect.contains
                        "selector short.pem: the key of 768 bits"
                        (notices (list :: shortKey.Value :: FilterRuns.keys) [ "KeyList /list" ])

                    let usual = [ "Selector mail"; "KeyFile /keys/mail.private" ]
                    Expect.equal "" (notices FilterRuns.keys usual)
                    // 1,024 bits are what verifiers must take.
                    Expect.equal "" (notices FilterRuns.keys [ "Selector mail"; "KeyFile /keys/other.pem" ])

                    Expect.contains
                        "MinimumKeyBits is insecure: "
                        (notices FilterRuns.keys ("MinimumKeyBits 768" :: usual))

                    Expect.contains
                        "SignatureAlgorithm rsa-sha1: "
                        (notices FilterRuns.keys ("SignatureAlgorithm rsa-sha1" :: usual))))

            testCase "one missing key of a list keeps nobody else's mail waiting" (fun () ->
                let list =
                    "/list",
                    "*@a.example:a.example:/keys/mail.private\n*@b.example:b.example:/keys/none\n*@c.example:*:/keys/none\n"

                let lines = [ "Socket local:/s"; "KeyList /list" ]
                let program = FilterRuns.startConf (list :: FilterRuns.keys) lines |> Starts.serving

                let told =
                    "conf: key load from /list failed: /keys/none: open(): file not found: line 2: KeyList '/list' "
                    + "(check the path; mail of *@b.example, *@c.example waits)"

                Expect.equal
                    (LogLevel.Error, told + "; domain=<b.example>, selector=<none>")
                    (program.Notices.Head.Level, program.Notices.Head.Line)

                Expect.equal
                    [ "*@a.example: d=a.example s=mail.private rsa 2048 bits" ]
                    (program.Rules |> List.map _.Text)

                // A check says no, and so does a reload.
                let text, exitCode =
                    FilterRuns.startDkim
                        (list :: ("conf", String.concat "\n" lines) :: FilterRuns.keys)
                        [ "-x"; "conf"; "-n" ]
                    |> Starts.printed

                Expect.equal (told, 78) (text, exitCode)
                Expect.equal [ told ] (program.RefusesToFollow(program, [], ""))
                let whole = ("/keys/none", FilterRuns.key "rsa2048.pem") :: list :: FilterRuns.keys
                let repaired = FilterRuns.startConf whole lines |> Starts.serving
                Expect.equal [] (program.RefusesToFollow(repaired, [], "")))

            testCase "a list of many missing keys is read in a moment" (fun () ->
                let missing =
                    [
                        for index in 1..20000 -> "*@d" + string index + ".example:*:/none/" + string index
                    ]

                let list = String.concat "\n" ("*@a.example:*:/keys/ed" :: missing)
                let clock = Stopwatch.StartNew()

                let program =
                    FilterRuns.startConf (("/list", list) :: FilterRuns.keys) [ "Socket local:/s"; "KeyList /list" ]
                    |> Starts.serving

                let errors =
                    program.Notices |> List.filter (fun line -> line.Level = LogLevel.Error)

                Expect.equal 20000 errors.Length
                // Half a second where nothing else runs.
                Expect.isTrue (clock.Elapsed.TotalSeconds < 20.) (clock.Elapsed.ToString()))

            testCase "a list without any key that can be used is no start, and dk-filter goes by the same" (fun () ->
                let lines = [ "Socket local:/s"; "KeyList /list" ]

                let text, exitCode =
                    FilterRuns.startConf [ "/list", "*@b.example:b.example:/keys/none\n" ] lines
                    |> Starts.failed

                Expect.contains "key load from /list failed: /keys/none: open(): file not found" text
                Expect.equal 78 exitCode

                let startDk text =
                    FilterRuns.startDk (("/list", text) :: FilterRuns.keys) [ "-p"; "local:/s"; "-s"; "/list"; "-k" ]

                let text, _ = startDk "*@b.example:/keys/none\n" |> Starts.failed
                Expect.contains "/keys/none: open(): file not found" text

                let program =
                    startDk "*@b.example:/keys/none\n*@a.example:/keys/mail.private\n*@d.example:/keys/ed\n"
                    |> Starts.serving

                let told = program.Notices |> List.map _.Line |> String.concat "\n"
                Expect.contains "/keys/none: open(): file not found" told
                Expect.contains "/keys/ed: DomainKeys signs with RSA alone" told
                Expect.contains "mail of *@d.example waits" told)

            testCase "RFC8463-6-1 keys of two types for one pattern need a selector each" (fun () ->
                let start (lines: string list) =
                    let list = "/list", String.concat "\n" lines
                    let other = "/ed/mail.private", FilterRuns.key "ed25519.pem"

                    FilterRuns.startConf
                        (list :: other :: FilterRuns.keys)
                        [ "Socket local:/s"; "Domain example.com"; "KeyList /list" ]

                let text, exitCode =
                    start [ "*:example.com:/keys/mail.private"; "*:example.com:/ed/mail.private" ]
                    |> Starts.failed

                Expect.contains "/list: selector mail.private of example.com is to have an RSA and an Ed25519 key" text
                Expect.equal 78 exitCode

                start [ "a@*:example.com:/keys/mail.private"; "*:example.org:/ed/mail.private" ]
                |> Starts.serving
                |> ignore)
        ]
