/// Endpoints, name servers and accounts as settings write them, and what is said of those that cannot be.
module Dkim.Tests.Core.AddressTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Core

[<Tests>]
let tests =
    testList
        "AddressTests"
        [
            testRows
                "a milter's socket is read, and read again as it is shown"
                [
                    ("127.0.0.1:10025", EndpointFamily.Any, "127.0.0.1", 10025)
                    ("localhost:10025", EndpointFamily.Any, "localhost", 10025)
                    ("[::1]:10025", EndpointFamily.Any, "::1", 10025)
                    ("*:10025", EndpointFamily.Any, "", 10025)
                    (":10025", EndpointFamily.Any, "", 10025)
                    ("inet:8891@localhost", EndpointFamily.IPv4, "localhost", 8891)
                    ("inet:8891", EndpointFamily.IPv4, "", 8891)
                    ("inet:65535@127.0.0.1", EndpointFamily.IPv4, "127.0.0.1", 65535)
                    ("INET:8891", EndpointFamily.IPv4, "", 8891)
                    ("inet:0@127.0.0.1", EndpointFamily.IPv4, "127.0.0.1", 0)
                    ("inet6:8891@[::1]", EndpointFamily.IPv6, "::1", 8891)
                    ("inet6:8891@::1", EndpointFamily.IPv6, "::1", 8891)
                    ("inet6:8891@fe80::1%eth0", EndpointFamily.IPv6, "fe80::1%eth0", 8891)
                    ("local:/run/x.sock", EndpointFamily.Local, "/run/x.sock", 0)
                    ("unix:x.sock", EndpointFamily.Local, "x.sock", 0)
                    ("/run/x.sock", EndpointFamily.Local, "/run/x.sock", 0)
                    ("run/x:y@z", EndpointFamily.Local, "run/x:y@z", 0)
                ]
                (fun (text: string, family, host: string, port: int) ->
                    let endpoint = Endpoint.parse text |> Expect.ok

                    Expect.equal
                        {
                            Family = family
                            Host = host
                            Port = port
                        }
                        endpoint

                    Expect.equal endpoint (endpoint |> string |> Endpoint.parse |> Expect.ok))

            // What cannot be a socket, what is said of it, and what may have been meant.
            testRows
                "what is no socket of a milter is explained"
                [
                    ("", "empty", "")
                    ("host", "a port is missing", "")
                    ("host:", "expected a port, which is a number from 0 to 65535 at character 6", "")
                    ("host:70000", "a port is a number from 0 to 65535 at character 6", "")
                    ("host:+25", "expected a port, which is a number from 0 to 65535 at character 6", "")
                    ("foo:bar@baz",
                     "a socket begins with inet:, inet6:, local: or unix:, or is a path at character 1",
                     "")
                    ("inet:smtp@host", "expected a port, which is a number from 0 to 65535 at character 6", "")
                    ("inet:65536@127.0.0.1", "a port is a number from 0 to 65535 at character 6", "")
                    ("inet:99999@127.0.0.1", "a port is a number from 0 to 65535 at character 6", "")
                    ("inet:127.0.0.1:8891", "expected @ at character 9", "inet:8891@127.0.0.1")
                    ("inet:localhost:8891", "expected a port, which is a number from 0 to 65535", "inet:8891@localhost")
                    ("inet6:::1:8891", "expected a port", "inet6:8891@::1")
                    ("inet6:[::1]:8891", "expected a port", "inet6:8891@[::1]")
                    ("ient:8891@127.0.0.1", "a socket begins with", "inet:8891@127.0.0.1")
                    ("lcoal:/run/x.sock", "a socket begins with", "local:/run/x.sock")
                    ("8891@127.0.0.1", "", "inet:8891@127.0.0.1")
                    ("8891", "a number is no host at character 1", "inet:8891@127.0.0.1")
                    ("300.0.0.1:8891", "no IPv4 address at character 1", "")
                    ("a b:25", "", "")
                    ("inet:25@::1", "no IPv4 address at character 9", "inet6:25@::1")
                    ("inet6:25@127.0.0.1", "no IPv6 address at character 10", "inet:25@127.0.0.1")
                    ("local:", "expected a path at character 7", "")
                ]
                (fun (text: string, reason: string, meant: string) ->
                    Endpoint.parse text |> Expect.error |> Expect.contains reason
                    Expect.equal meant (EndpointMend.trySocket text |> ValueOption.defaultValue ""))

            testCase "a path too long for a socket is explained" (fun () ->
                Endpoint.parse ("local:/" + String.replicate 107 "x")
                |> Expect.error
                |> Expect.contains "at most 107 octets"

                Endpoint.parse ("local:/" + String.replicate 106 "x") |> Expect.ok |> ignore

                Endpoint.parse ("local:/" + String.replicate 54 "é")
                |> Expect.error
                |> Expect.contains "at most 107 octets")

            testRows
                "the endpoint of a mail server is read, and read again as it is shown"
                [
                    ("h", "h", 25)
                    ("h:26", "h", 26)
                    ("[::1]:26", "::1", 26)
                    ("[::1]", "::1", 25)
                    ("2001:db8::1", "2001:db8::1", 25)
                    ("*:26", "", 26)
                    ("mail_1.example.:26", "mail_1.example.", 26)
                ]
                (fun (text: string, host: string, port: int) ->
                    let place = Endpoint.parseHostPort text |> Expect.ok
                    let endpoint = HostPort.endpoint 25 place
                    Expect.equal (host, port) (endpoint.Host, endpoint.Port)
                    Expect.equal place (HostPort.show place |> Endpoint.parseHostPort |> Expect.ok))

            testRows
                "what is no endpoint of a mail server is explained"
                [
                    ("h:smtp", "expected a port, which is a number from 0 to 65535 at character 3", "")
                    ("127.0.0.1:99999", "a port is a number from 0 to 65535 at character 11", "")
                    ("127.0.0.1:x", "expected a port, which is a number from 0 to 65535 at character 11", "")
                    ("inet:10025@127.0.0.1", "", "127.0.0.1:10025")
                    ("10025@127.0.0.1", "a number is no host at character 1", "127.0.0.1:10025")
                    ("10025", "a number is no host at character 1", "127.0.0.1:10025")
                    ("inet6:10025@::1", "", "[::1]:10025")
                    ("::1:2:3:4:5:6:7:8:9", "no IPv6 address at character 1", "")
                ]
                (fun (text: string, reason: string, meant: string) ->
                    Endpoint.parseHostPort text |> Expect.error |> Expect.contains reason
                    Expect.equal meant (EndpointMend.tryHostPort text |> ValueOption.defaultValue ""))

            testRows
                "a name server is an address, and read again as it is shown"
                [
                    ("192.0.2.1", "192.0.2.1:53")
                    ("192.0.2.1:5353", "192.0.2.1:5353")
                    ("192.0.2.1@5353", "192.0.2.1:5353")
                    ("[::1]:5353", "[::1]:5353")
                    ("[::1]", "[::1]:53")
                    ("::1@5353", "[::1]:5353")
                    ("::1", "[::1]:53")
                ]
                (fun (text: string, server: string) ->
                    let found = NameServer.parse text |> Expect.ok
                    Expect.equal server (string found)
                    Expect.equal found (NameServer.show found |> NameServer.parse |> Expect.ok))

            testRows
                "what is no name server is explained"
                [
                    ("", "empty")
                    ("nonsense", "a name server has no name here at character 1")
                    ("ns.example.org", "a name server has no name here at character 1")
                    ("1.2.3.4.5", "no address")
                    ("1.2.3.400", "no IPv4 address at character 1")
                    ("192.0.2.1@", "expected a port, which is a number from 1 to 65535 at character 11")
                    ("192.0.2.1:99999", "a port is a number from 1 to 65535 at character 11")
                    ("192.0.2.1@0", "a port is a number from 1 to 65535 at character 11")
                    ("192.0.2.1@dns", "expected a port, which is a number from 1 to 65535 at character 11")
                    ("::1:::2", "no IPv6 address at character 1")
                ]
                (fun (text: string, reason: string) -> NameServer.parse text |> Expect.error |> Expect.contains reason)

            testRows
                "an account is a user and a group"
                [
                    ("dkim", "dkim", "")
                    ("dkim:mail", "dkim", "mail")
                    ("dkim:", "dkim", "")
                    (":mail", "", "mail")
                    ("104:8", "104", "8")
                    ("DOMAIN\\user$", "DOMAIN\\user$", "")
                ]
                (fun (text: string, user: string, group: string) ->
                    let account = AccountName.parse text |> Expect.ok
                    let shown = ValueOption.defaultValue ""
                    Expect.equal (user, group) (shown account.User, shown account.Group)
                    Expect.equal account (AccountName.show account |> AccountName.parse |> Expect.ok))

            testRows
                "what is no account is explained"
                [
                    ("", "expected a user")
                    (":", "expected a group at character 2")
                    ("a:b:c", "at character 4")
                    ("a b", "at character 2")
                    ("a:\tb", "at character 3")
                ]
                (fun (text: string, reason: string) -> AccountName.parse text |> Expect.error |> Expect.contains reason)
        ]
