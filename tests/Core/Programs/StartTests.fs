/// How the proxies start: configurations of the original, of the package and of the manuals, errors, and --check.
module Dkim.Tests.Core.StartTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

let private packaged (name: string) =
    IO.File.ReadAllText(IO.Path.Combine(__SOURCE_DIRECTORY__, "../../../packaging/conf", name))

/// Arguments, and the line in which the original says what is wrong.
let private complaints =
    [
        enough, "Error: relay host was not specified"
        enough @ [ "--listen=h:1" ], "Error: relay host was not specified"
        enough @ [ "h:1" ], "Error: wrong number of arguments"
        enough @ [ "--listen=h:1"; "--relay=:10028" ], "Error: relay host was not specified"
        enough @ operands @ [ "h:1" ], "Error: wrong number of arguments"
        enough @ operands @ [ "--nonsense" ], "Unknown option: nonsense"
        without "keyfile" @ operands, "Error: no keyfile specified"
        without "keyfile" @ operands @ [ "--keyfile=gone" ], "Error: cannot read keyfile gone"
        without "domain" @ operands, "Error: domain not specified"
        without "selector" @ operands, "Error: selector not specified"
        enough @ operands @ [ "--method=odd" ], "Error: invalid method odd"
        enough @ operands @ [ "--signature=domainkeys(c=relaxed)" ], "Error: invalid method relaxed"
        enough @ operands @ [ "--signature=pgp" ], "Error: invalid signature type pgp"
        enough @ operands @ [ "--signature=dkim(" ], "invalid signature specifier: 'dkim('"
        enough @ operands @ [ "--sender_map=gone" ], "Error: gone: file not found"
        enough @ operands @ [ "--listid_map=gone" ], "Error: gone: file not found"
    ]

[<Tests>]
let tests =
    testList
        "StartTests"
        [
            testCase "the sample configuration of dkimproxy.out starts" (fun () ->
                let text =
                    "# specify what address/port DKIMproxy should listen on\nlisten    127.0.0.1:10027\n\n"
                    + "relay     127.0.0.1:10028\n\ndomain    example.org\n\nsignature dkim(c=relaxed)\n"
                    + "signature domainkeys(c=nofws)\n\nkeyfile   key\n\nselector  postfix\n\n"
                    + "#min_servers 5\nmin_spare_servers 2\nmax_servers 20\nuser dkim\ngroup dkim\n"

                let program = startOut (keyed [ "conf", text ]) [ "--conf_file=conf" ] |> serving
                Expect.equal [ endpoint "127.0.0.1" 10027 ] program.Listen
                Expect.equal (endpoint "127.0.0.1" 10028) program.Relay

                Expect.equal
                    (20, "dkim", ValueSome "dkim")
                    (program.Settings.MaxServers,
                     AccountName.show program.Settings.Service.User.Value,
                     program.Settings.Service.Group)

                Expect.equal [] (program.Notices |> List.map _.Text)
                Expect.equal "dkimproxy.out" program.Ident)

            testCase "operands beat the options of listener and relay" (fun () ->
                let program =
                    startOut (keyed []) (enough @ [ "--listen=a:1"; "--relay=b:2" ] @ operands)
                    |> serving

                Expect.equal [ endpoint "127.0.0.1" 10027 ] program.Listen
                Expect.equal (endpoint "127.0.0.1" 10028) program.Relay)

            testCase "domains stand between commas, blanks or both" (fun () ->
                let program =
                    startOut
                        (keyed [])
                        ([ "--keyfile=key"; "--selector=s"; "--domain=a.example, b.example c.example" ]
                         @ operands)
                    |> serving

                for name in [ "a.example"; "b.example"; "c.example" ] do
                    match pass [] program ("From: joe@" + name + "\n\nbody\n") with
                    | Relayed(head, _), _, _ -> Expect.contains ("d=" + name) head
                    | Refused(_, text), _, _ -> failtest text)

            testCase "the largest file is read, and none beyond" (fun () ->
                let ofSize (size: int) =
                    FileContents.text (FileContents.Found(ReadOnlyMemory(Array.create size 120uy)))

                Expect.equal 16777216 (ofSize 16777216 |> Expect.ok).Length
                Expect.equal "larger than 16 MiB" (ofSize 16777217 |> Expect.error))

            testCase "the configurations of the package start" (fun () ->
                let files =
                    [
                        "conf", packaged "dkimproxy_out.conf"
                        "/etc/dkimproxy/private.key", key.Value
                    ]

                let program = startOut files [ "--conf_file=conf" ] |> serving
                Expect.equal [] (program.Notices |> List.map _.Text)

                startIn [ "conf", packaged "dkimproxy_in.conf" ] [ "--conf_file=conf" ]
                |> serving
                |> ignore)

            testCase "the sample configurations of the manuals start" (fun () ->
                let out =
                    "# this is an example config file\nkeyfile key\nselector postfix\nsignature dkim\n"

                startOut (keyed [ "conf", out ]) ([ "--conf_file=conf"; "--domain=example.org" ] @ operands)
                |> serving
                |> ignore

                let incoming =
                    "# this is an example config file\nlisten      127.0.0.1:10025\nrelay       127.0.0.1:10026\n"
                    + "hostname    myhost.example.com\nreject_fail\n"

                let program = startIn [ "conf", incoming ] [ "--conf_file"; "conf" ] |> serving
                Expect.equal (endpoint "127.0.0.1" 10026) program.Relay
                Expect.equal "dkimproxy.in" program.Ident

                startIn [] [ "--reject-fail"; "--reject-error"; "127.0.0.1:10025"; "127.0.0.1:10026" ]
                |> serving
                |> ignore

                startOut (keyed []) (enough @ operands) |> serving |> ignore)

            testCase "the command line beats the file, and its signatures discard the file's" (fun () ->
                let text =
                    "signature dkim(s=a)\nsignature domainkeys(s=b)\nselector file\nlisten 1.2.3.4:5\nrelay h\n"

                let program =
                    startOut
                        (keyed [ "conf", text ])
                        ([ "--conf_file=conf"; "--signature=dkim(s=c)" ]
                         @ without "selector"
                         @ [ "--selector=line"; "10.0.0.1:1"; "h:2" ])
                    |> serving

                Expect.equal [ endpoint "10.0.0.1" 1 ] program.Listen
                let outcome, _, _ = pass [] program "From: a@example.org\n\nx\n"

                match outcome with
                | Relayed(head, _) ->
                    Expect.equal [ "DKIM-Signature" ] (fieldsOf head |> List.map fst)
                    Expect.contains "s=c" head
                | Refused _ -> failtest "refused")

            testCase "the first problem is told in the original's words, with exit code 2 and the usage" (fun () ->
                for arguments, line in complaints do
                    let text, exitCode = startOut (keyed []) arguments |> failed
                    Expect.equal line (Array.head (text.Split '\n'))
                    Expect.equal 2 exitCode
                    Expect.contains "Usage: dkimproxy.out [options] LISTENADDR:PORT RELAYADDR:PORT" text)

            testCase "a file that cannot be read ends the start with exit code 2" (fun () ->
                let text, exitCode = startOut [] [ "--conf_file=gone" ] |> failed
                Expect.contains "gone: cannot be read: file not found" text
                Expect.equal 2 exitCode)

            testCase "help names the exit code of the original" (fun () ->
                for option in [ "--help"; "-?" ] do
                    let text, exitCode = startOut [] [ option; "--conf_file=gone" ] |> printed
                    Expect.equal 1 exitCode
                    Expect.contains "--reject-error" text)

            testCase "check tells every problem with its place and exits 78" (fun () ->
                let text =
                    "listen a\nnonsense 1\nconnect_timeout soon\nsignature dkim(s=$)\nsender_map map\n"

                let files = [ "conf", text; "map", "a.example dkim\nb.example pgp\n" ]

                let report, exitCode =
                    startOut files [ "--check"; "--conf_file=conf"; "--domain=example.org" ]
                    |> printed

                Expect.equal 78 exitCode

                [
                    "conf:2: nonsense: unknown setting (--help lists every setting)"
                    "conf:3: connect_timeout: 'soon': not a whole number (write connect_timeout SECONDS)"
                    "relay: relay host was not specified (give it as the second operand or as --relay=HOST:PORT)"
                    "signature: 'dkim(s=$)': no keyfile specified (give --keyfile=FILE)"
                    "signature: 'dkim(s=$)': invalid selector $ (a label with characters that a domain name cannot have)"
                    "map:2: b.example: invalid signature type pgp (write specifiers such as dkim(d=example.org) between commas)"
                    "map:1: a.example: 'dkim': no keyfile specified (give --keyfile=FILE)"
                    "map:1: a.example: 'dkim': selector not specified (give --selector=SELECTOR)"
                    "dkimproxy.out: 8 problems"
                ]
                |> List.iter (fun line -> Expect.contains (line + "\n") report)

                Expect.equal 9 (report.TrimEnd('\n').Split '\n').Length)

            testCase "check of good settings exits 0" (fun () ->
                Expect.equal
                    ("dkimproxy.out: no problems\n", 0)
                    (startOut (keyed []) (enough @ operands @ [ "--check" ]) |> printed)

                Expect.equal ("dkimproxy.in: no problems\n", 0) (startIn [] (operands @ [ "--check" ]) |> printed))

            testCase "check names what has no effect, and only check does" (fun () ->
                let settings = operands @ [ "--min_servers=5"; "--serialize"; "flock" ]
                let report, exitCode = startIn [] ("--check" :: settings) |> printed

                Expect.equal
                    ("warning: min_servers has no effect\nwarning: serialize has no effect\ndkimproxy.in: no problems\n",
                     0)
                    (report, exitCode)

                Expect.equal [] (startIn [] settings |> serving).Notices)

            testRows
                "bounds that leave no room for one another are refused"
                [
                    ("--max_verified=60", "max_signatures 50 leaves no room for the 60 signatures of max_verified")
                    ("--max_verified=40 --dns_queries=30",
                     "dns_queries 30 leaves no room for the 40 signatures of max_verified")
                ]
                (fun (given: string, reason: string) ->
                    let report, exitCode =
                        startIn [] ([ "--check" ] @ List.ofArray (given.Split ' ') @ operands)
                        |> printed

                    Expect.equal 78 exitCode
                    Expect.contains reason report)

            testRows
                "a bound that is lowered alone is meant so"
                [
                    "--max_signatures=3"
                    "--dns_queries=8"
                    "--max_verified=100 --max_signatures=100 --dns_queries=100"
                ]
                (fun (given: string) ->
                    Expect.equal
                        0
                        (startIn [] ([ "--check" ] @ List.ofArray (given.Split ' ') @ operands)
                         |> printed
                         |> snd))

            testRows
                "what is asked of the DNS follows the settings"
                [
                    ("", 22, 16384)
                    ("--max_verified=100 --max_signatures=100 --max_key_record=40000", 112, 40000)
                    ("--dns_queries=8", 8, 16384)
                ]
                (fun (given: string, questions: int, octets: int) ->
                    let arguments =
                        given.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray

                    let program = startIn [] (arguments @ operands) |> serving
                    Expect.equal questions program.Budget.Questions
                    Expect.equal octets program.RecordOctets)
        ]
