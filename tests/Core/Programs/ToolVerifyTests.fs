/// `dkim verify`: its JSON, exit codes, policy options, batches, zones and line ends.
module Dkim.Tests.Core.ToolVerifyTests

open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private unix = message.Replace("\r\n", "\n")

[<Tests>]
let tests =
    testList
        "ToolVerifyTests"
        [
            testCase "verify --json has every member that it promises" (fun () ->
                let signature = judged "verify" rsa [] (signed rsa [] message)

                let members =
                    [
                        for entry in signature.EnumerateObject() do
                            entry.Name
                    ]

                Expect.equal
                    [
                        "kind"
                        "index"
                        "domain"
                        "selector"
                        "algorithm"
                        "result"
                        "reason"
                        "key_bits"
                        "testing"
                        "unsigned_octets"
                    ]
                    members

                Expect.equal "dkim" (text "kind" signature)
                Expect.equal "example.com" (text "domain" signature)
                Expect.equal "s" (text "selector" signature)
                Expect.equal "rsa-sha256" (text "algorithm" signature)
                Expect.equal "pass" (text "result" signature)
                Expect.equal 1024 (signature.GetProperty("key_bits").GetInt32())
                Expect.equal 0 (signature.GetProperty("unsigned_octets").GetInt32()))

            testCase "signatures are counted within their kind" (fun () ->
                let twice =
                    message
                    |> signed rsa [ "--scheme=domainkeys" ]
                    |> signed rsa []
                    |> signed rsa []

                let ran = dkim [ "z", rsa.Zone; "-", twice ] [ "verify"; "--json"; "--zone=z" ]

                let told =
                    [
                        for signature in (json ran).GetProperty("signatures").EnumerateArray() do
                            text "kind" signature, signature.GetProperty("index").GetInt32(), text "result" signature
                    ]

                Expect.equal [ "dkim", 0, "pass"; "dkim", 1, "pass"; "domainkeys", 0, "pass" ] told)

            testCase "explain --signature explains that one, counted from 1" (fun () ->
                let twice = message |> signed rsa [ "--selector=t" ] |> signed rsa []

                let explained (options: string list) =
                    let ran =
                        dkim [ "z", rsa.Zone; "-", twice ] ([ "explain"; "--json"; "--zone=z" ] @ options)

                    [
                        for signature in (json ran).GetProperty("signatures").EnumerateArray() do
                            text "selector" signature
                    ]

                Expect.equal [ "s"; "t" ] (explained [])
                Expect.equal [ "s" ] (explained [ "--signature=1" ])
                Expect.equal [ "t" ] (explained [ "--signature=2" ])

                let beyond =
                    dkim [ "z", rsa.Zone; "-", twice ] [ "explain"; "--zone=z"; "--signature=3" ]

                Expect.equal ("", true) (beyond.Output, beyond.Errors.Contains "3"))

            testCase "every algorithm, canonicalization and kind that is signed verifies" (fun () ->
                for keys in [ rsa; ed25519 ] do
                    for header in [ "simple"; "relaxed" ] do
                        for body in [ "simple"; "relaxed" ] do
                            for more in [ []; [ "--seal"; "--copies"; "--length"; "--lifetime=99" ] ] do
                                let options = [ "--header-canon=" + header; "--body-canon=" + body ] @ more

                                Expect.equal
                                    "pass"
                                    (text "result" (judged "verify" keys [] (signed keys options message)))

                for canon in [ "simple"; "nofws" ] do
                    let now = signed rsa [ "--scheme=domainkeys"; "--header-canon=" + canon ] message
                    Expect.equal "pass" (text "result" (judged "verify" rsa [] now)))

            testCase "exit 0 whatever the verdict, 65 where nothing could be judged" (fun () ->
                let verify files =
                    dkim files [ "verify"; "--json"; "--zone=z" ]

                let failing = (signed rsa [] message).Replace("Bob.", "Rob.")
                Expect.equal 0 (verify [ "z", rsa.Zone; "-", failing ]).Code
                Expect.equal 0 (verify [ "z", rsa.Zone; "-", message ]).Code
                Expect.equal 0 (verify [ "z", rsa.Zone; "-", "" ]).Code
                let missing = verify [ "z", rsa.Zone ]
                Expect.equal 65 missing.Code
                Expect.equal "no such file" (text "error" (json missing)))

            testCase "policy options change the verdict" (fun () ->
                let weak = signed rsa [ "--hash=sha1" ] message
                Expect.equal "permerror" (text "result" (judged "verify" rsa [] weak))
                Expect.equal "pass" (text "result" (judged "verify" rsa [ "--allow-sha1" ] weak))
                let now = signed rsa [] message
                Expect.equal "policy" (text "result" (judged "verify" rsa [ "--min-rsa-bits=2048" ] now))
                let longer = signed rsa [ "--length" ] message + "more\r\n"
                let told = judged "verify" rsa [] longer
                Expect.equal ("pass", 6) (text "result" told, told.GetProperty("unsigned_octets").GetInt32())
                Expect.equal "policy" (text "result" (judged "verify" rsa [ "--refuse-unsigned" ] longer)))

            testCase "--now judges times" (fun () ->
                let now = signed rsa [ "--now=1000000000"; "--lifetime=3600" ] message
                Expect.equal "pass" (text "result" (judged "verify" rsa [ "--now=1000000100" ] now))
                Expect.equal "permerror" (text "result" (judged "verify" rsa [ "--now=1000004000" ] now))
                Expect.equal "permerror" (text "result" (judged "verify" rsa [ "--now=999990000" ] now)))

            testCase "a file with LF is a message with CRLF, unless it is said otherwise" (fun () ->
                let sign message =
                    (dkim
                        [ "k", rsa.Pem; "-", message ]
                        [ "sign"; "--key=k"; "--selector=s"; "--domain=example.com"; "--message" ])
                        .Output

                let verify options message =
                    let ran =
                        dkim [ "z", rsa.Zone; "-", message ] ([ "verify"; "--json"; "--zone=z" ] @ options)

                    [
                        for signature in (json ran).GetProperty("signatures").EnumerateArray() do
                            text "result" signature
                    ]

                let now = sign unix
                Expect.lacks "\r" now
                Expect.equal [ "pass" ] (verify [] now)
                Expect.equal [ "pass" ] (verify [] (now.Replace("\n", "\r\n")))
                Expect.equal [] (verify [ "--line-ends=crlf" ] now |> List.filter ((=) "pass"))
                // The lines of the header are seen to be such, whatever the body has.
                let mixed = now.Replace("Hello, Bob.\n", "Hello, Bob.\r\n")
                Expect.equal [ "pass" ] (verify [ "--line-ends=lf" ] mixed)
                Expect.equal [ "pass" ] (verify [] mixed)
                Expect.equal [] (verify [ "--line-ends=crlf" ] mixed |> List.filter ((=) "pass")))

            testCase "a batch is a directory or a list, and one object a line" (fun () ->
                let files =
                    [
                        "z", rsa.Zone
                        "d/1", signed rsa [] message
                        "d/2", message
                        "list", "d/2\nd/1\n\nmissing\n"
                    ]

                let told arguments =
                    let ran = dkim files ([ "verify"; "--zone=z" ] @ arguments)
                    let lines = ran.Output.TrimEnd('\n').Split '\n'

                    ran.Code,
                    [
                        for line in lines do
                            let root = JsonDocument.Parse(line).RootElement
                            text "file" root, root.GetProperty("signatures").GetArrayLength()
                    ]

                Expect.equal (0, [ "d/1", 1; "d/2", 0 ]) (told [ "--batch=d" ])
                Expect.equal (65, [ "d/2", 0; "d/1", 1; "missing", 0 ]) (told [ "--batch=list" ])
                Expect.equal (0, [ "d/2", 0; "d/1", 1; "d/2", 0 ]) (told [ "d/2"; "--batch=d" ]))

            testCase "a zone is asked before keys for tests" (fun () ->
                let files =
                    [
                        "z", rsa.Zone
                        "k", "s._domainkey.example.com v=DKIM1; p=\n"
                        "-", signed rsa [] message
                    ]

                let ran = dkim files [ "verify"; "--json"; "--zone=z"; "--test-keys=k" ]
                Expect.contains "\"result\":\"pass\"" (ran.Output.Replace(" ", "")))

            testCase "zones in both forms" (fun () ->
                let record = JsonDocument.Parse(rsa.Zone).RootElement.EnumerateObject() |> Seq.head
                let strings = record.Value[0].ToString()
                let first, second = strings.Substring(0, 50), strings.Substring 50
                let now = signed rsa [] message

                let result zone =
                    let ran = dkim [ "z", zone; "-", now ] [ "verify"; "--json"; "--zone=z" ]

                    if ran.Code = 0 then
                        text "result" ((json ran).GetProperty("signatures")[0])
                    else
                        ran.Errors

                let name = "\"S._domainkey.Example.com.\": "
                Expect.equal "pass" (result ("{" + name + "[[\"" + first + "\", \"" + second + "\"]]}"))
                Expect.equal "pass" (result ("{\"dns\": {" + name + "[\"junk\", \"" + strings + "\"]}}"))
                Expect.equal "permerror" (result "{}")
                Expect.equal "permerror" (result ("{" + name + "[]}"))

                for error, reason in [ "servfail", "SERVFAIL"; "timeout", "timeout" ] do
                    let zone = "{\"dns\": {}, \"dns_errors\": {" + name + "\"" + error + "\"}}"
                    let told = judged "verify" { rsa with Zone = zone } [] now
                    Expect.equal "temperror" (text "result" told)
                    Expect.contains reason (text "reason" told)

                // A name that has a record and fails, fails.
                let both =
                    "{\"dns\": {"
                    + name
                    + "[\"junk\"]}, \"dns_errors\": {"
                    + name
                    + "\"servfail\"}}"

                Expect.equal "temperror" (text "result" (judged "verify" { rsa with Zone = both } [] now))

                for broken in
                    [
                        ""
                        "["
                        "[]"
                        "{\"a\": 1}"
                        "{\"a\": [[1]]}"
                        "{\"dns\": {}, \"dns_errors\": {\"a\": \"x\"}}"
                    ] do
                    Expect.contains "dkim: z: " (result broken))

            testCase "test keys are lines of a name and a record" (fun () ->
                let zone = JsonDocument.Parse(rsa.Zone).RootElement.EnumerateObject() |> Seq.head
                let lines = "# keys\n\n" + zone.Name + "\t" + zone.Value[0].ToString() + "\n"
                let files = [ "t", lines; "-", signed rsa [] message ]
                Expect.contains "dkim 1: pass" (dkim files [ "verify"; "--test-keys=t" ]).Output

                Expect.contains
                    "line 1: a name without"
                    (dkim [ "t", "x"; "-", "" ] [ "verify"; "--test-keys=t" ]).Errors)

            testCase "without a zone the DNS is asked, each name once" (fun () ->
                let machine =
                    Machine([ "-", signed rsa [] (signed rsa [] message) ], (fun _ -> Answer.Unavailable "timeout"))

                let ran = runOn machine "dkim" [ "verify" ]
                Expect.contains "temperror" ran.Output

                Expect.equal
                    [
                        {
                            Name = "s._domainkey.example.com"
                            Type = RecordType.Txt
                        }
                    ]
                    (List.ofSeq machine.Asked))
        ]
