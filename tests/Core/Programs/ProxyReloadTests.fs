/// Whether a reload of a proxy applies, as a table.
module Dkim.Tests.Core.ProxyReloadTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

let private configured map more =
    startOut (keyed [ "run/cred/key", key.Value; "map", map ]) (enough @ operands @ [ "--sender_map=map" ] @ more)
    |> serving

let private before =
    lazy (configured "a.example dkim(key=run/cred/key)\nc.example dkim\n" [])

let private kept change =
    {
        Path = "key"
        Reason = "permission denied"
        Change = change
    }

let private refusal (next: ProxyProgram) kept =
    before.Value.RefusesToFollow(next, kept, "run/cred/")
    |> ValueOption.map _.Text
    |> ValueOption.defaultValue ""

let private same = "a.example dkim(key=run/cred/key)\nc.example dkim\n"

[<Tests>]
let tests =
    testList
        "ProxyReloadTests"
        [
            testCase "a reload without flaws applies" (fun () ->
                refusal (configured same []) [] |> Expect.equal ""
                refusal (configured same [ "--seal" ]) [] |> Expect.equal ""
                refusal (configured (same + "b.example dkim(s=b)\n") []) [] |> Expect.equal "")

            testRows
                "a flaw of a map's line refuses the whole"
                [
                    ("b.example dkim(key=gone)\n", "map:3: b.example: ")
                    ("b.example pgp\n", "map:3: b.example: ")
                    ("b.example dkim(a=ed25519-sha256)\n", "does not fit the key")
                    ("b.example dkim(d=b..example)\n", "invalid domain b..example")
                    ("b.example dkim(s=a b)\n", "invalid selector a b")
                ]
                (fun (line: string, reason: string) ->
                    refusal (configured (same + line) []) [] |> Expect.contains reason)

            testCase "macros are no flaw" (fun () ->
                refusal (configured (same + "b.example dkim(d=$keydomain,i=$sender)\n") []) []
                |> Expect.equal "")

            testCase "a key that cannot be read again must be the one it was" (fun () ->
                let next = configured same []
                refusal next [ kept SecretChange.Same ] |> Expect.equal ""
                refusal next [ kept SecretChange.Hidden ] |> Expect.equal ""

                refusal next [ kept SecretChange.Changed ]
                |> Expect.equal
                    "not reloaded: key cannot be read again (permission denied) and has changed: let this user read it, or restart; all stays as it was")

            testRows
                "a key that nobody can look at gets no new name"
                [ same, [ "--selector=new" ]; same + "new.example dkim\n", [] ]
                (fun (map: string, options: string list) ->
                    let next = configured map options
                    refusal next [ kept SecretChange.Same ] |> Expect.lacks "key cannot"

                    refusal next [ kept SecretChange.Hidden ]
                    |> Expect.contains "so it may not be the key of its new selector or domain")

            testCase "a credential gets no new name" (fun () ->
                refusal (configured "a.example dkim(key=run/cred/key,s=new)\n" []) []
                |> Expect.contains "run/cred/key is the credential of the start"

                refusal (configured (same + "b.example dkim(key=run/cred/key)\n") []) []
                |> Expect.contains "run/cred/key is the credential of the start")

            testCase "what takes a restart is named" (fun () ->
                let next =
                    startOut
                        (keyed [ "run/cred/key", key.Value; "map", same ])
                        (enough
                         @ [
                             "127.0.0.1:1"
                             "127.0.0.1:10028"
                             "--sender_map=map"
                             "--user=x"
                             "--log_format=json"
                             "--max_servers=7"
                         ])
                    |> serving

                refusal next []
                |> Expect.equal
                    "not reloaded: listen, user, max_servers, log_format changed, which takes a restart; all stays as it was")

            testCase "check tells the flaws of maps" (fun () ->
                let report, exitCode =
                    startOut
                        (keyed [ "map", "b.example dkim(key=gone)\n" ])
                        (enough @ operands @ [ "--sender_map=map"; "--check" ])
                    |> printed

                Expect.equal 78 exitCode
                Expect.contains "map:1: b.example: 'dkim(key=gone)': cannot read keyfile gone (file not found)" report)
        ]
