/// The lists of the milters: hosts, domains, keys, macros, practices.
module Dkim.Tests.Core.FilterListTests

open System
open System.Diagnostics
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Tests.Core

let private peers (lines: string list) =
    let struct (list, problems) = PeerList.parse "peers" (String.Join('\n', lines))
    Expect.equal [] (problems |> List.map Problem.describe)
    list

let private has lines (name: string) (address: string) =
    let address =
        if address = "" then
            ValueNone
        else
            ValueSome(IPAddress.Parse address)

    PeerList.contains name address (peers lines)

let private domain text = DomainName.tryCreate text |> Expect.ok

let private shown (found: DomainName voption) = found |> ValueOption.map string

let private keyList (files: (string * string) list) (lines: string list) =
    let struct (list, faults) =
        KeyLine.parse Dkim (String.Join('\n', lines))
        |> Expect.ok
        |> KeyList.load Dkim
        |> Finding.settle (Starts.find files)

    list, faults |> List.map (fun (struct (fault, _)) -> KeyFault.describe fault)

let private wholeList files lines =
    let list, faults = keyList files lines
    Expect.equal [] faults
    list

let private found sender list =
    KeyList.find sender list
    |> Expect.ok
    |> List.map (fun key ->
        (key.Domain |> ValueOption.map string |> ValueOption.defaultValue "*")
        + "/"
        + string key.Selector)

[<Tests>]
let tests =
    testList
        "FilterListTests"
        [
            testRows
                "an entry matches names or addresses"
                [
                    ("host.example.com", "host.example.com", "", true)
                    ("HOST.example.com", "host.Example.COM", "", true)
                    ("host.example.com", "a.host.example.com", "", false)
                    (".example.com", "a.b.example.com", "", true)
                    (".example.com", "example.com", "", false)
                    (".example.com", "notexample.com", "", false)
                    ("host.example.com.", "host.example.com", "", true)
                    ("192.0.2.1", "x", "192.0.2.1", true)
                    ("192.0.2.1", "x", "::ffff:192.0.2.1", true)
                    ("::ffff:192.0.2.1", "x", "192.0.2.1", true)
                    ("192.0.2.1", "[192.0.2.1]", "192.0.2.2", false)
                    ("[192.0.2.9]", "[192.0.2.9]", "192.0.2.2", false)
                    ("192.0.2.0/24", "x", "192.0.2.255", true)
                    ("192.0.2.0/24", "x", "192.0.3.0", false)
                    ("192.0.2.1/32", "x", "192.0.2.1", true)
                    ("192.0.2.1/32", "x", "192.0.2.0", false)
                    ("192.0.2.0/255.255.255.0", "x", "192.0.2.7", true)
                    ("192.0.2.0/255.255.255.0", "x", "192.0.3.7", false)
                    ("1.2.3/24", "x", "1.2.0.200", true)
                    ("1.2.3/24", "x", "1.2.3.4", false)
                    ("0.0.0.0/0", "x", "203.0.113.9", true)
                    ("::ffff:192.0.2.0/120", "x", "192.0.2.9", true)
                    ("::ffff:192.0.2.0/120", "x", "192.0.3.9", false)
                    ("2001:db8::/32", "x", "2001:db8:1::1", true)
                    ("2001:db8::/32", "x", "2001:db9::1", false)
                    ("2001:db8::1/128", "x", "2001:db8::1", true)
                    ("::ffff:192.0.2.1/128", "x", "192.0.2.1", true)
                    ("IPv6:2001:db8::1", "x", "2001:db8:0:0::1", true)
                    ("2001:db8::1", "x", "2001:db8::2", false)
                    ("0.0.0.0/0", "x", "2001:db8::2", false)
                    ("  192.0.2.1  # the office", "x", "192.0.2.1", true)
                ]
                (fun (entry: string, name: string, address: string, expected: bool) ->
                    Expect.equal expected (has [ entry ] name address))

            testCase "of the entries that match the last decides" (fun () ->
                let list =
                    [
                        "192.0.2.0/24"
                        "!192.0.2.7"
                        "2001:db8::/32"
                        "!2001:db8::7"
                        ".example.com"
                        "!bad.example.com"
                    ]

                Expect.isTrue (has list "x" "192.0.2.8") "the network"
                Expect.isTrue (not (has list "x" "192.0.2.7")) "excluded"
                Expect.isTrue (has list "x" "2001:db8::8") "the IPv6 network"
                Expect.isTrue (not (has list "x" "2001:db8::7")) "excluded IPv6"
                Expect.isTrue (not (has list "bad.example.com" "")) "an excluded name"
                Expect.isTrue (has ("!192.0.2.7" :: [ "192.0.2.0/24" ]) "x" "192.0.2.7") "order matters")

            testRows
                "what is no entry is told"
                [
                    "192.0.2.0/33"
                    "2001:db8::/129"
                    "192.0.2.0/x"
                    "::ffff:192.0.2.0/24"
                    "2001:db8:::1"
                    "*.example.com"
                    "a.example b.example"
                    "a.example,b.example"
                ]
                (fun (entry: string) ->
                    let struct (list, problems) = PeerList.parse "peers" ("ok.example\n" + entry)
                    Expect.equal 1 problems.Length
                    Expect.contains "peers:2: " (Problem.describe problems.Head)
                    Expect.isTrue (PeerList.contains "ok.example" ValueNone list) "the other entries hold")

            testRows
                "a star is any run of characters and all else stands for itself"
                [
                    ("*", "anything", true)
                    ("a*c", "abc", true)
                    ("a*c", "ac", true)
                    ("a*a", "a", false)
                    ("*b*", "abc", true)
                    ("a*b*c", "a1b2c", true)
                    ("a*b*c", "acb", false)
                    ("A.C", "a.c", true)
                    ("a.c", "abc", false)
                    ("a+b?", "a+b?", true)
                    ("*ab*ab", "ab", false)
                ]
                (fun (pattern: string, text: string, expected: bool) ->
                    Expect.equal expected (Pattern.any [ Pattern.ofText pattern ] text))

            testCase "the first pattern that matches gives the key" (fun () ->
                let list =
                    wholeList
                        FilterRuns.keys
                        [
                            "# comment"
                            ""
                            "ceo@example.com:example.com:/keys/mail.private"
                            "*@sub.example.com:example.com:/keys/other"
                            "sales*@*:*:/keys/other"
                            "*@example.com:*:/keys/other"
                            "*.org:example.org:/keys/mail.private"
                            "*@*.net:example.net:/keys/other"
                            "*:example.info:/keys/mail.private"
                        ]

                Expect.equal [ "example.com/mail.private" ] (found "CEO@Example.com" list)
                Expect.equal [ "example.com/other" ] (found "x@sub.example.com" list)
                Expect.equal [ "*/other" ] (found "sales-eu@example.com" list)
                Expect.equal [ "*/other" ] (found "x@example.com" list)
                Expect.equal [ "example.org/mail.private" ] (found "x@a.b.org" list)
                Expect.equal [ "example.net/other" ] (found "x@a.net" list)
                Expect.equal [ "example.info/mail.private" ] (found "x@net" list))

            testCase "a pattern of a star before a part of the address is found in every place" (fun () ->
                let keyFor pattern sender =
                    wholeList FilterRuns.keys [ pattern + ":*:/keys/other" ] |> found sender

                for pattern in
                    [
                        "*.doe@example.com"
                        "*.example.com"
                        "*@*.example.com"
                        "j*@mail.example.com"
                        "*doe@*"
                        "*e.com"
                    ] do
                    Expect.equal
                        [ "*/other" ]
                        (keyFor pattern "john.doe@mail.example.com"
                         |> fun one ->
                             if pattern = "*.doe@example.com" then
                                 keyFor pattern "john.doe@example.com"
                             else
                                 one)

                Expect.equal [] (keyFor "*@*.example.com" "john@example.com")
                Expect.equal [] (keyFor "*.com@example.com" "john@example.com"))

            testCase "a pattern on several lines has several keys" (fun () ->
                let list =
                    wholeList
                        FilterRuns.keys
                        [
                            "*@example.com:example.com:/keys/mail.private"
                            "*:other.example:/keys/other"
                            "*@EXAMPLE.com:example.com:/keys/ed"
                        ]

                Expect.equal [ "example.com/mail.private"; "example.com/ed" ] (found "a@example.com" list)

                Expect.equal
                    [ Rsa; Ed25519 ]
                    (KeyList.find "a@example.com" list |> Expect.ok |> List.map _.Key.KeyType))

            testCase "a key that cannot be used is missed by its own senders alone" (fun () ->
                let list, faults =
                    keyList
                        FilterRuns.keys
                        [
                            "*@a.example:a.example:/keys/mail.private"
                            "*@b.example:*:/keys/none"
                            "*@both.example:both.example:/keys/ed"
                            "*@both.example:both.example:/keys/none"
                            "*:example.org:/keys/other"
                        ]

                let missing = "/keys/none: open(): file not found"
                Expect.equal [ missing ] faults
                Expect.equal [ "a.example/mail.private" ] (found "joe@a.example" list)
                Expect.equal [ "example.org/other" ] (found "joe@c.example" list)

                let unusable sender =
                    let key = KeyList.find sender list |> Expect.error
                    shown key.Domain, key.Selector.Text, key.Reason

                Expect.equal (ValueNone, "none", missing) (unusable "joe@b.example")
                Expect.equal (ValueSome "both.example", "none", missing) (unusable "joe@both.example"))

            testCase "keys are looked for as written, with .pem and with .private, below the last directory" (fun () ->
                let list =
                    wholeList FilterRuns.keys [ "/keys"; "a@*:*:mail"; "b@*:*:other"; "c@*:*:/keys/mail.private" ]

                Expect.equal [ "*/mail" ] (found "a@example.com" list)
                Expect.equal [ "*/other" ] (found "b@example.com" list)
                Expect.equal [ "*/mail.private" ] (found "c@example.com" list)
                let _, faults = keyList FilterRuns.keys [ "a@*:*:/keys/none" ]
                Expect.equal [ "/keys/none: open(): file not found" ] faults)

            testCase "the line of a directory counts up to the next, and .pem comes before .private" (fun () ->
                let files =
                    [
                        "/one/mail.private", FilterRuns.key "rsa1024.pem"
                        "/one/mail.pem", FilterRuns.key "rsa2048.pem"
                        "/two/mail", FilterRuns.key "ed25519.pem"
                    ]

                let list = wholeList files [ "/one"; "a@*:*:mail"; "/two"; "b@*:*:mail" ]

                let keys sender =
                    KeyList.find sender list |> Expect.ok |> List.map (fun key -> int key.Key.Bits)

                Expect.equal [ 2048 ] (keys "a@example.com")
                Expect.equal [ 256 ] (keys "b@example.com"))

            testRows
                "a line that cannot be read is named by its number and the place in it"
                [
                    ("a@example.com", "expected : at character 14")
                    ("a@example.com:example.com", "expected : at character 26")
                    (":example.com:/k",
                     "expected a pattern of addresses or expected end of input or expected # at character 1")
                    ("  :example.com:/k", "expected a pattern of addresses or expected end of input at character 3")
                    ("a@b::/k", "expected the domain of signatures, or * at character 5")
                    ("a@b:localhost:/k", "no domain, and not *: ")
                    ("a@b:example.com:", "expected the path of a key at character 17")
                    ("a@b:example.com:/keys/", "the last part of the path is no selector: ")
                ]
                (fun (line: string, reason: string) ->
                    let errors = KeyLine.parse Dkim ("\n# c\n" + line) |> Expect.error
                    Expect.equal 1 errors.Length
                    Expect.isTrue (errors.Head.StartsWith "line 3: malformed: ") errors.Head
                    Expect.contains reason errors.Head)

            testRows
                "an entry that cannot be is told with the place in its line"
                [
                    ("a b", "expected end of input or expected # at character 3")
                    ("10.0.0.0/33", "neither a number of bits that such an address has nor a mask at character 10")
                    ("10.0.0.0/", "expected a number of bits or a mask at character 10")
                    ("  host/24", "at character 7")
                    ("!", "expected a host name, domain, address or network at character 3")
                    ("*.example.com", "no host name, domain, address or network at character 1")
                    ("2001:db8::/129", "neither a number of bits that such an address has nor a mask at character 12")
                    ("2001:db8::/255.0.0.0",
                     "neither a number of bits that such an address has nor a mask at character 12")
                ]
                (fun (line: string, reason: string) ->
                    let struct (list, problems) = PeerList.parse "hosts" ("# c\n" + line + " # c\n")
                    Expect.isTrue list.Entries.IsEmpty "it matches nothing"
                    Expect.equal [ InFile("hosts", 2) ] (problems |> List.map _.Origin)
                    Expect.contains reason (Problem.describe problems.Head))

            testCase "dk-filter has lines of two fields" (fun () ->
                let lines = KeyLine.parse DomainKeys "*@example.com:/keys/mail.private" |> Expect.ok

                Expect.equal [ "/keys/mail.private" ] (lines |> List.map _.KeyPath)
                Expect.equal [ ValueNone ] (lines |> List.map _.Domain))

            testCase "a list of 100,000 lines is read and searched in a moment" (fun () ->
                let lines =
                    [
                        for index in 1..100000 -> "*@d" + string index + ".example.com:*:/keys/mail.private"
                    ]

                let clock = Stopwatch.StartNew()
                let list = wholeList FilterRuns.keys lines
                Expect.equal 100000 (KeyList.groups list).Length

                for index in 1..1000 do
                    Expect.equal
                        1
                        (KeyList.find ("a@d" + string (index * 100) + ".example.com") list |> Expect.ok).Length

                // Half a second where nothing else runs.
                Expect.isTrue (clock.Elapsed.TotalSeconds < 10.) (clock.Elapsed.ToString()))

            testRows
                "a macro must be set, to one of its values"
                [
                    ("{auth_type}", "auth_type", "PLAIN", true)
                    ("auth_type", "auth_type", "", true)
                    ("auth_type", "other", "x", false)
                    ("{if_name}=mail.example.com|MX.example.com", "if_name", "mx.EXAMPLE.com", true)
                    ("if_name=mail.example.com", "if_name", "mx.example.com", false)
                    ("i=1", "i", "1", true)
                    (" { i } = 1", "i", "1", true)
                ]
                (fun (test: string, name: string, value: string, expected: bool) ->
                    let find asked =
                        if asked = name then ValueSome value else ValueNone

                    Expect.equal expected (MacroTest.holds find (MacroTest.parse test)))

        ]
