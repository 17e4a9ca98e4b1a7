/// Which key, domain and selector the milters sign a message with, and the recipients to whom nothing is signed.
module Dkim.Tests.Core.FilterRoleKeyTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private keyList (lines: (string * NamedKey list) list) =
    listing (fun lists ->
        { lists with
            Keys =
                KeyList(fun address ->
                    lines
                    |> List.tryFind (fun (pattern, _) -> Pattern.any [ Pattern.ofText pattern ] address)
                    |> Option.map snd
                    |> Option.defaultValue []
                    |> Ok)
        })

let private tag (name: string) (ran: Ran) : string voption =
    let field = ran.Inserted |> List.find _.StartsWith("DKIM-Signature:")

    TagList.parse 8192<octet> (field.Substring 15)
    |> Expect.ok
    |> fun tags -> tags.TryValue name

[<Tests>]
let tests =
    testList
        "FilterRoleKeyTests"
        [
            testCase "a key list makes a domain ours and names domain and selector" (fun () ->
                let key =
                    { filterKey "mail.private" rsa.Value with
                        Domain = ValueSome(domain "signer.example")
                    }

                let ran =
                    runWith (keyList [ "*@example.org", [ key ] ]) local (from "joe@example.org")

                Expect.equal (ValueSome "signer.example") (tag "d" ran)
                Expect.equal (ValueSome "mail.private") (tag "s" ran)
                Expect.equal ValueNone (tag "i" ran)

                let own = { key with Domain = ValueNone }

                let ran =
                    runWith (keyList [ "*@example.org", [ own ] ]) local (from "joe@example.org")

                Expect.equal (ValueSome "example.org") (tag "d" ran))

            testCase "a key list with SubDomains signs for a subdomain as the domain above it" (fun () ->
                let keys =
                    KeyList(fun _ ->
                        Ok
                            [
                                { filterKey "mail" rsa.Value with
                                    Domain = ValueSome(domain "example.org")
                                }
                            ])

                let identity subDomains =
                    let policy =
                        { policy with
                            Roles.SubDomains = subDomains
                            Lists =
                                { files [] keys with
                                    Domains = ValueNone
                                }
                        }

                    tag "i" (runWith policy local (from "joe@a.example.org"))

                Expect.equal (ValueSome "@example.org") (identity true)
                Expect.equal ValueNone (identity false))

            testCase "a listed domain without a key in the list is a temporary failure" (fun () ->
                let ran = runWith (keyList [ "*@other.example", [] ]) local plain
                Expect.equal Deferred ran.Ending
                Expect.contains "JOB1 no key selected for signing: KeyList has none for `" (String.concat "\n" ran.Log)
                Expect.equal LogLevel.Notice (List.last ran.Levels))

            testCase "a key that cannot be used is a temporary failure that names sender and key" (fun () ->
                let missing: UnusableKey =
                    {
                        Domain = ValueNone
                        Selector = selector "mail"
                        Reason = "/keys/mail: open(): file not found"
                    }

                let keys =
                    listing (fun lists ->
                        { lists with
                            Keys = KeyList(fun _ -> Error missing)
                            Domains = ValueNone
                        })

                let ran = runWith keys local (from "joe@example.org")
                Expect.equal Deferred ran.Ending
                Expect.equal LogLevel.Error (List.last ran.Levels)

                Expect.equal
                    ("JOB1 no usable key for `joe@example.org': /keys/mail: open(): file not found; "
                     + "client=<127.0.0.1>, sender=<joe@example.com>, domain=<example.org>, selector=<mail>")
                    (List.last ran.Lines)

                // Not ours to sign: judged as any other.
                let ran = runWith keys outside (from "joe@example.org")
                Expect.equal Accepted ran.Ending)

            testCase "mail of a subdomain is signed as the listed domain's, which every key record allows" (fun () ->
                let withParents = roles (fun roles -> { roles with SubDomains = true })

                let ran = runWith withParents local (from "joe@a.b.example.com")
                Expect.equal (ValueSome "example.com") (tag "d" ran)
                Expect.equal (ValueSome "@example.com") (tag "i" ran)
                Expect.equal ValueNone (tag "i" (runWith withParents local plain)))

            testRows
                "one recipient to whom nothing is signed is enough"
                [
                    ("<boss@example.org>", true)
                    ("boss@EXAMPLE.org", true)
                    ("<@relay.example:boss@example.org>", true)
                    ("<other@example.org>", false)
                ]
                (fun (recipient: string, skipped: bool) ->
                    let skipping =
                        roles (fun roles ->
                            { roles with
                                UnsignedRecipients = [ Pattern.ofText "boss@*" ]
                            })

                    let ran =
                        runWith
                            skipping
                            { local with
                                Recipients = [ "<you@example.org>"; recipient ]
                            }
                            plain

                    Expect.equal skipped (ran.Changes = [])
                    Expect.equal Accepted ran.Ending

                    if skipped then
                        Expect.contains "JOB1 skipping signing of mail to `boss@" (List.last ran.Log))

            testCase "a recipient to whom nothing is signed is not forgotten behind many others" (fun () ->
                let skipping =
                    roles (fun roles ->
                        { roles with
                            UnsignedRecipients = [ Pattern.ofText "boss@*" ]
                        })

                let ran =
                    runWith
                        skipping
                        { local with
                            Recipients =
                                List.init 50000 (fun number -> "<" + string number + "@example.org>")
                                @ [ "<boss@example.org>" ]
                        }
                        plain

                Expect.equal [] ran.Changes)
        ]
