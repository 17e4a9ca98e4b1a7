/// Which resolver is taken.
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
