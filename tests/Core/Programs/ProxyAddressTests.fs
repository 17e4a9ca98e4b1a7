/// The addresses of the proxies: where they listen and relay to, whom they admit, and the name of the host.
module Dkim.Tests.Core.ProxyAddressTests

open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

/// Settings, then addresses that are admitted and addresses that are not.
let private filters =
    [
        [], [ "192.0.2.1"; "::1" ], []
        [ "--allow=192\\.0\\.2\\.\\d+" ], [ "192.0.2.1"; "::ffff:192.0.2.7" ], [ "192.0.3.1"; "::1" ]
        [ "--allow=92\\.0\\.2\\.1" ], [], [ "192.0.2.1"; "92.0.2.10" ]
        [ "--cidr_allow=192.0.2.0/24"; "--cidr_allow=::1" ], [ "192.0.2.255"; "::1" ], [ "192.0.3.0"; "::2" ]
        [ "--cidr_allow=192.0.2.0/24"; "--cidr_deny=192.0.2.128/25" ], [ "192.0.2.1" ], [ "192.0.2.129" ]
        [ "--deny=10\\..*" ], [], [ "10.0.0.1"; "192.0.2.1" ]
    ]

let private unnamed (address: string) : ProxyClient =
    {
        Address = IPAddress.Parse address
        Name = ValueNone
    }

[<Tests>]
let tests =
    testList
        "ProxyAddressTests"
        [
            testCase "a listener without a port, and Net::Server's way to name several" (fun () ->
                let listen arguments =
                    (startIn [] (arguments @ [ "--relay=h" ]) |> serving).Listen

                Expect.equal [ endpoint "127.0.0.1" 20203 ] (listen [ "--listen=127.0.0.1" ])
                Expect.equal [ endpoint "" 20203 ] (listen [])

                Expect.equal [ endpoint "::1" 1; endpoint "::1" 2 ] (listen [ "--host=::1"; "--port=1"; "--port=2" ]))

            testCase "a relay in two parts" (fun () ->
                let relay arguments = (startIn [] arguments |> serving).Relay
                Expect.equal (endpoint "h" 26) (relay [ "--relay_host=h"; "--relay_port=26" ])
                Expect.equal (endpoint "h" 25) (relay [ "--relay_host=h" ])
                Expect.equal (endpoint "g" 26) (relay [ "--relay=g"; "--relay_port=26" ]))

            proves
                [ "RFC6376-5.1-2"; "RFC4870-3.5-1" ]
                (testCase "clients are admitted as the filters say" (fun () ->
                    for arguments, admitted, others in filters do
                        let program = startIn [] (arguments @ operands) |> serving

                        for address in admitted do
                            Expect.isTrue (program.Admits(unnamed address)) (string arguments + address)

                        for address in others do
                            Expect.isTrue (not (program.Admits(unnamed address))) (string arguments + address)))

            testCase "with reverse_lookups filters see names, too" (fun () ->
                let program =
                    startIn [] ([ "--reverse_lookups"; "--allow=.*\\.example\\.org" ] @ operands)
                    |> serving

                let named name =
                    { unnamed "192.0.2.1" with
                        Name = ValueSome name
                    }

                Expect.isTrue program.NamesClients "the names are wanted"
                Expect.isTrue (program.Admits(named "mx.example.org")) "by its name"
                Expect.isTrue (not (program.Admits(named "mx.example.org.evil.example"))) "the whole name"
                Expect.isTrue (not (program.Admits(unnamed "192.0.2.1"))) "no name")

            testCase "RFC8601-2.5-1 the host's name is never localhost or empty" (fun () ->
                let start host arguments =
                    let program =
                        match (Proxies.In (Array.ofList (arguments @ operands)) { HostName = host }).Value with
                        | ProxyOutcome.Serve program -> program
                        | _ -> failtest "should have served"

                    match pass [] program "From: a@example.org\n\nx\n" with
                    | Relayed(head, _), _, _ -> (fieldsOf head).Head |> snd, program.Notices.Length
                    | Refused _, _, _ -> "", 0

                Expect.equal ("mx.example.org; dkim=none", 0) (start "mx.example.org" [])
                Expect.equal ("mx.example.com; dkim=none", 0) (start "localhost" [ "--hostname=mx.example.com" ])
                Expect.equal ("localhost.localdomain; dkim=none", 1) (start "localhost" [])
                Expect.equal ("localhost.localdomain; dkim=none", 1) (start "" []))
        ]
