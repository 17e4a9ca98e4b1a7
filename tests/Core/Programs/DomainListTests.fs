/// Lists of domains and of policies for domains of others, as dkim-filter reads them.
module Dkim.Tests.Core.DomainListTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists

let private domain text = DomainName.tryCreate text |> Expect.ok

let private shown (found: DomainName voption) = found |> ValueOption.map string

[<Tests>]
let tests =
    testList
        "DomainListTests"
        [
            testCase "domains are exact, patterns match any of them" (fun () ->
                let exact = DomainList.ofEntries [ "Example.com"; "example.net" ]
                Expect.equal (ValueSome "example.com") (shown (DomainList.tryFind exact (domain "EXAMPLE.com")))
                Expect.equal ValueNone (shown (DomainList.tryFind exact (domain "sub.example.com")))

                Expect.equal
                    (ValueSome "example.com")
                    (shown (DomainList.tryFindAbove exact (domain "a.b.example.com")))

                Expect.equal ValueNone (shown (DomainList.tryFindAbove exact (domain "example.com")))
                let two = DomainList.ofEntries [ "example.com"; "b.example.com" ]
                // The nearest of those above.
                Expect.equal
                    (ValueSome "b.example.com")
                    (shown (DomainList.tryFindAbove two (domain "a.b.example.com")))

                let patterns = DomainList.ofEntries [ "*.example.com"; "example.net" ]
                Expect.equal (ValueSome "a.example.com") (shown (DomainList.tryFind patterns (domain "a.example.com")))
                Expect.equal ValueNone (shown (DomainList.tryFind patterns (domain "example.com")))
                Expect.equal (ValueSome "example.net") (shown (DomainList.tryFind patterns (domain "example.net")))
                Expect.equal ValueNone (shown (DomainList.tryFindAbove patterns (domain "x.example.net"))))

            testCase "of local practices the first that matches counts" (fun () ->
                let struct (list, problems) =
                    LocalAdsp.parse
                        "adsp"
                        ".example.com:all # c\nsub.example.com:discardable\n\nexample.org:Discardable\n.example.com:unknown"

                Expect.empty problems
                let practice name = LocalAdsp.tryFind list (domain name)
                Expect.equal (ValueSome SignsAll) (practice "sub.example.com")
                Expect.equal (ValueSome SignsAll) (practice "a.b.example.com")
                Expect.equal ValueNone (practice "example.com")
                Expect.equal (ValueSome SignsAllItself) (practice "EXAMPLE.org"))

            testRows
                "what is no policy is told with its place"
                [
                    "a.example:some", "unknown ADSP `some' at character 11"
                    " a.example :  some # all", "unknown ADSP `some' at character 15"
                    "a.example:", "unknown ADSP `' at character 11"
                    "a.example", "expected : at character 10"
                    "a..example:all", "no domain: an empty label at character 1"
                    ".joe@a.example:all",
                    "no domain: a label with characters that a domain name cannot have at character 2"
                    ":all", "expected a domain or expected . at character 1"
                    "a.example:all discardable", "expected end of input or expected # at character 15"
                ]
                (fun (line: string, reason: string) ->
                    let struct (list, problems) =
                        LocalAdsp.parse "adsp" ("b.example:all\n" + line + "\n\n" + line + "\n")

                    let remedy = " (write DOMAIN:unknown|all|discardable)"

                    problems
                    |> List.map Problem.describe
                    |> Expect.equal
                        [
                            "adsp:2: '" + line.Trim() + "': " + reason + remedy
                            "adsp:4: '" + line.Trim() + "': " + reason + remedy
                        ]

                    Expect.equal (ValueSome SignsAll) (LocalAdsp.tryFind list (domain "b.example")))

            testCase "a file of domains has one on each line" (fun () ->
                let struct (list, problems) =
                    DomainList.parse
                        "domains"
                        "# ours\n\n Example.com. # the first\r\nb\u00fccher.example\nmail_1.example\nlocal"

                Expect.empty problems

                Expect.equal
                    [ "Example.com."; "b\u00fccher.example"; "mail_1.example"; "local" ]
                    (DomainList.entries list)

                let struct (patterns, problems) =
                    DomainList.parse "domains" "*.example.com\nex*ample.net\n*"

                Expect.empty problems
                Expect.equal [ "*.example.com"; "ex*ample.net"; "*" ] (DomainList.entries patterns))

            testRows
                "what is no domain is told with its place, and the others hold"
                [
                    "a.example, b.example",
                    "no domain: a label with characters that a domain name cannot have at character 1"
                    "a.example b.example", "expected end of input or expected # at character 11"
                    " joe@a.example", "no domain: a label with characters that a domain name cannot have at character 2"
                    "a..example", "no domain: an empty label at character 1"
                    "*@a.example", "expected end of input or expected # at character 2"
                    "/etc/domains", "no domain: a label with characters that a domain name cannot have at character 1"
                ]
                (fun (line: string, reason: string) ->
                    let struct (list, problems) = DomainList.parse "domains" ("ok.example\n" + line)

                    Expect.equal
                        [
                            "domains:2: '"
                            + line.Trim()
                            + "': "
                            + reason
                            + " (write example.com or *.example.com)"
                        ]
                        (List.map Problem.describe problems)

                    Expect.equal [ "ok.example" ] (DomainList.entries list))
        ]
