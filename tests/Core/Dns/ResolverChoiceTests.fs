/// Which resolver is taken, and what resolv.conf says.
module Dkim.Tests.Core.Words.ResolverChoiceTests

open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private near =
    {
        Kind = ResolverKind.Auto
        Anchors = ValueNone
        Installed = true
        Distant = []
    }

let private distant =
    { near with
        Distant = [ IPAddress.Parse "192.0.2.53" ]
    }

let private taken (needs: ResolverNeeds) =
    match ResolverChoice.choose needs with
    | Ok choice -> (if choice.TakesUnbound then "unbound" else "dnsclient"), choice.Warnings.Length
    | Error why -> why, 0

[<Tests>]
let tests =
    testList
        "ResolverChoiceTests"
        [
            testRows
                "the servers of resolv.conf"
                [
                    ("nameserver 192.0.2.1\n", "192.0.2.1")
                    ("nameserver\t::1 and more\r\nnameserver 192.0.2.2", "::1,192.0.2.2")
                    ("nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\nnameserver 1.0.0.4",
                     "1.0.0.1,1.0.0.2,1.0.0.3")
                    ("# nameserver 192.0.2.1\n;nameserver 192.0.2.2\nsearch nameserver\nnameserver\nnameserver host", "")
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

            testCase "a server on this machine is asked by DnsClient" (fun () ->
                Expect.equal ("dnsclient", 0) (taken near)
                Expect.equal ("dnsclient", 0) (taken { near with Installed = false }))

            testCase "a distant server is asked by libunbound, or warned of" (fun () ->
                Expect.equal ("unbound", 0) (taken distant)

                let choice = Expect.ok (ResolverChoice.choose { distant with Installed = false })

                Expect.isTrue (not choice.TakesUnbound) "not installed"
                Expect.equal 1 choice.Warnings.Length
                Expect.contains "192.0.2.53" choice.Warnings.Head
                Expect.contains "libunbound8" choice.Warnings.Head)

            testCase "a resolver that is named is taken" (fun () ->
                Expect.equal
                    ("dnsclient", 0)
                    (taken
                        { distant with
                            Kind = ResolverKind.DnsClient
                        })

                Expect.equal
                    ("unbound", 0)
                    (taken
                        { near with
                            Kind = ResolverKind.Unbound
                        }))

            testCase "system is auto, with a word" (fun () ->
                let choice =
                    Expect.ok (ResolverChoice.choose { near with Kind = ResolverKind.System })

                Expect.isTrue (not choice.TakesUnbound) "as auto"
                Expect.contains "write auto" (String.concat "" choice.Warnings))

            testRows
                "trust anchors need libunbound"
                [
                    (ResolverKind.Auto, true, "unbound")
                    (ResolverKind.Unbound, true, "unbound")
                    (ResolverKind.Auto,
                     false,
                     "the trust anchors of /a need libunbound, which is not installed (package libunbound8)")
                    (ResolverKind.DnsClient,
                     true,
                     "the trust anchors of /a need libunbound; write resolver unbound, or auto")
                ]
                (fun (kind: ResolverKind, installed: bool, result: string) ->
                    Expect.equal
                        (result, 0)
                        (taken
                            { near with
                                Kind = kind
                                Anchors = ValueSome "/a"
                                Installed = installed
                            }))

            testCase "libunbound cannot be asked for where it is missing" (fun () ->
                Expect.contains
                    "libunbound8"
                    (fst (
                        taken
                            { near with
                                Kind = ResolverKind.Unbound
                                Installed = false
                            }
                    )))
        ]
