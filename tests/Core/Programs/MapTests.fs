/// The maps of dkimproxy.out: how they are looked up and read, and the signatures that they specify.
module Dkim.Tests.Core.MapTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out
open Dkim.Tests.Core

let private map text =
    let struct (map, problems) = SignatureMap.parse "map" text
    Expect.equal [] problems
    map

let private found text key =
    match SignatureMap.find key (map text) with
    | Lookup.Found(struct (key, _)) -> key
    | Lookup.Absent
    | Lookup.Unavailable _ -> ""

[<Tests>]
let tests =
    testList
        "MapTests"
        [
            testRows
                "an address is looked up from the most exact key to the dot"
                [
                    ("User+Ext@Sub.Example.Org",
                     "user+ext@sub.example.org user@sub.example.org sub.example.org example.org org .")
                    ("user@example.org", "user@example.org example.org org .")
                    ("+x@example.org", "+x@example.org example.org org .")
                    ("j+x@example.org", "j+x@example.org j@example.org example.org org .")
                    ("news.lists.example.org", "news.lists.example.org lists.example.org example.org org .")
                    ("", ".")
                ]
                (fun (address: string, keys: string) ->
                    SignatureMap.keysOf address |> Expect.equal (List.ofArray (keys.Split ' ')))

            testCase "an address longer than any matches the dot alone" (fun () ->
                SignatureMap.keysOf ("a@" + String.replicate 600 "x.") |> Expect.equal [ "." ])

            testRows
                "the first key that is there counts"
                [
                    ("joe@example.org", "joe@example.org")
                    ("joe+news@example.org", "joe@example.org")
                    ("ann@example.org", "example.org")
                    ("ann@deep.sub.example.org", "example.org")
                    ("ann@example.com", ".")
                    ("JOE@EXAMPLE.ORG", "joe@example.org")
                ]
                (fun (address: string, key: string) ->
                    found "Joe@Example.Org dkim\nexample.org dkim\n. dkim\n" address
                    |> Expect.equal key)

            testCase "nothing is found where nothing fits" (fun () ->
                found "example.org dkim" "joe@example.com" |> Expect.equal "")

            testCase "U-labels and A-labels are the same key" (fun () ->
                found "m\u00fcnchen.example dkim" "joe@xn--mnchen-3ya.example"
                |> Expect.equal "xn--mnchen-3ya.example"

                found "joe@xn--mnchen-3ya.example dkim" "joe@m\u00fcnchen.example"
                |> Expect.equal "joe@xn--mnchen-3ya.example")

            testCase
                "comments, blank lines and keys without a value are passed over, and the last of two keys counts"
                (fun () ->
                    let text = "# a\n\n ; b\nexample.com\nexample.org dkim\nexample.org  domainkeys\r\n"
                    found text "x@example.com" |> Expect.equal ""

                    SignatureMap.entries (map text)
                    |> List.collect (fun (struct (_, entry)) -> Expect.ok entry.Signatures)
                    |> List.map _.Scheme
                    |> Expect.equal [ DomainKeys ])

            testCase "commas inside parentheses do not split" (fun () ->
                let signatures =
                    Specifier.parseList "dkim(c=relaxed,a=rsa-sha256), domainkeys(c=nofws)"
                    |> Expect.ok

                signatures
                |> List.map Specifier.show
                |> Expect.equal [ "dkim(a=rsa-sha256,c=relaxed)"; "domainkeys(c=nofws)" ])

            testCase "a line that cannot be read is a problem of its line and spares the others" (fun () ->
                let struct (map, problems) =
                    SignatureMap.parse "map" "a.example dkim\nb.example dkim(\nc.example smime\n"

                problems
                |> List.map Problem.describe
                |> Expect.equal
                    [
                        "map:2: b.example: invalid signature specifier: 'dkim(' "
                        + "(write specifiers such as dkim(d=example.org) between commas)"
                        "map:3: c.example: invalid signature type smime "
                        + "(write specifiers such as dkim(d=example.org) between commas)"
                    ]

                SignatureMap.entries map
                |> List.map (fun (struct (key, entry)) -> key, entry.Signatures.IsOk)
                |> Expect.equal [ "a.example", true; "b.example", false; "c.example", false ])

            testRows
                "specifiers and the long names of their parameters"
                [
                    ("dkim", "dkim")
                    ("dkim()", "dkim")
                    (" domainkeys ( s = a , d=b.example ) ", "domainkeys(d=b.example,s=a)")
                    ("dkim(keyfile=/a b,selector=s,domain=d,method=m,algorithm=x,headers=h,identity=@d)",
                     "dkim(key=/a b,a=x,c=m,d=d,s=s,h=h,i=@d)")
                ]
                (fun (text: string, shown: string) ->
                    Specifier.parse text |> Expect.ok |> Specifier.show |> Expect.equal shown)

            testRows
                "specifiers that cannot be"
                [
                    ("dkim(", "invalid signature specifier: 'dkim('")
                    ("dkim)", "invalid signature specifier: 'dkim)'")
                    ("dkim(s)", "invalid signature specifier: 'dkim(s)'")
                    ("dkim(s=)", "invalid signature specifier: 'dkim(s=)'")
                    ("dkim(s= )", "invalid signature specifier: 'dkim(s= )'")
                    ("dkim, dkim", "invalid signature specifier: 'dkim, dkim'")
                    ("", "invalid signature specifier: ''")
                    ("pgp", "invalid signature type pgp")
                    ("dkim(z=1)", "unknown parameter z")
                ]
                (fun (text: string, reason: string) -> Specifier.parse text |> Expect.error |> Expect.equal reason)

            testRows
                "macros are replaced"
                [
                    ("$sender", "joe@example.org")
                    ("x-$senderdomain.$$", "x-example.org.$")
                    ("plain", "plain")
                    ("", "")
                ]
                (fun (text: string, expected: string) ->
                    let value name =
                        match name with
                        | "sender" -> ValueSome "joe@example.org"
                        | "senderdomain" -> ValueSome "example.org"
                        | _ -> ValueNone

                    Macro.expand value text |> Expect.ok |> Expect.equal expected)

            testRows
                "unknown macros are errors"
                [
                    ("$nobody", "unknown macro $nobody")
                    ("a$", "bad macro in a$")
                    ("$1", "bad macro in $1")
                ]
                (fun (text: string, reason: string) ->
                    Macro.expand (fun _ -> ValueNone) text |> Expect.error |> Expect.equal reason)
        ]
