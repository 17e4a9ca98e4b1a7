/// What resolv.conf says of name servers.
module Dkim.Tests.Core.Words.ResolvConfTests

open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Dns

[<Tests>]
let tests =
    testList
        "ResolvConfTests"
        [
            testRows
                "the servers of resolv.conf"
                [
                    ("nameserver 192.0.2.1\n", "192.0.2.1")
                    ("nameserver\t::1 and more\r\nnameserver 192.0.2.2", "::1,192.0.2.2")
                    ("nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4",
                     "1.0.0.1,1.0.0.2,1.0.0.3")
                    ("# nameserver 192.0.2.1\n;nameserver 192.0.2.2\nsearch nameserver\nnameserver\nnameserver host", "")
                    (" \t nameserver  192.0.2.1 \t\r\n\n\r\n", "192.0.2.1")
                    ("nameserver 192.0.2.1\rnameserver 192.0.2.2", "192.0.2.1")
                    ("Nameserver 192.0.2.1\nnameservers 192.0.2.2\nname server 192.0.2.3", "")
                    ("nameserver 192.0.2.1:5353\nnameserver 192.0.2.1#5353", "")
                    ("\u0000\u00ff\nnameserver\u00a0192.0.2.2\nnameserver 192.0.2.3", "192.0.2.3")
                    ("", "")
                ]
                (fun (text: string, servers: string) ->
                    let found = (ResolvConf.parse text).Servers |> List.map string |> String.concat ","
                    Expect.equal servers found)

            testRows
                "the AD bit counts where resolv.conf says so"
                [
                    ("options trust-ad", true)
                    ("options edns0 trust-ad timeout:1\nnameserver ::1", true)
                    ("#options trust-ad", false)
                    ("options edns0\ntrust-ad", false)
                ]
                (fun (text: string, trusted: bool) -> Expect.equal trusted (ResolvConf.parse text).TrustAd)

            testCase "what stands behind the longest file does not count" (fun () ->
                let before (octets: int) =
                    (ResolvConf.parse (String.replicate octets "\n" + "nameserver 192.0.2.1")).Servers

                let fits = ResolverLimits.ResolvConfOctets - "nameserver 192.0.2.1".Length
                Expect.equal [ IPAddress.Parse "192.0.2.1" ] (before fits)
                Expect.equal [] (before ResolverLimits.ResolvConfOctets))
        ]
