/// Authentication-Results fields, written and read (RFC 8601).
module Dkim.Tests.Core.AuthenticationResultsTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core

let private field (value: string) =
    Field.ofText "Authentication-Results" value

let private property propertyType name value : ResultProperty =
    {
        Type = propertyType
        Name = name
        Value = value
    }

let private dkim result properties : MethodResult =
    {
        Method = "dkim"
        MethodVersion = ValueNone
        Result = result
        Comment = ValueNone
        Reason = ValueNone
        Properties = properties
    }

let private written results =
    let field =
        AuthenticationResults.field
            900
            {
                ServiceId = "mx.example.org"
                Version = ValueNone
                Results = results
            }

    Octets.latin1 field.Raw.Span

let private parsed value =
    AuthenticationResults.parse (field value) |> Expect.ok

[<Tests>]
let tests =
    testList
        "AuthenticationResultsTests"
        [
            testCase "RFC8601-2.2-1 a result is written as the grammar says" (fun () ->
                let results =
                    [
                        { dkim "pass" [ property "header" "i" "@example.org"; property "header" "s" "sel" ] with
                            Comment = ValueSome "2048-bit key"
                        }
                    ]

                written results
                |> Expect.equal
                    "Authentication-Results: mx.example.org; dkim=pass (2048-bit key) header.i=@example.org header.s=sel")

            testCase "RFC8601-2.2-2 no method gives none" (fun () ->
                written [] |> Expect.equal "Authentication-Results: mx.example.org; none")

            testRows
                "RFC8601-2.2-3 RFC8601-2.2-4 values are quoted where they must be"
                [
                    ("@example.org", "@example.org")
                    ("joe@example.org", "joe@example.org")
                    ("joe.user+x@example.org", "joe.user+x@example.org")
                    ("joe..user@example.org", "\"joe..user@example.org\"")
                    (".joe@example.org", "\".joe@example.org\"")
                    ("joe user@example.org", "\"joe user@example.org\"")
                    ("a\"b\\c@example.org", "\"a\\\"b\\\\c@example.org\"")
                    ("x; dkim=pass@example.org", "\"x; dkim=pass@example.org\"")
                    ("abc/+=", "\"abc/+=\"")
                    ("", "\"\"")
                ]
                (fun (value: string, expected: string) ->
                    written [ dkim "fail" [ property "header" "i" value ] ]
                    |> Expect.equal ("Authentication-Results: mx.example.org; dkim=fail header.i=" + expected))

            testCase "RFC8601-2.2-4 nothing of a message gets out of its place" (fun () ->
                let hostile =
                    [
                        "\r\nX-Forged: yes"
                        "a\000b"
                        "\"; dkim=pass header.i=@bank.example"
                        "a) dkim=pass ("
                        "\\"
                        String('x', 5000)
                    ]

                for text in hostile do
                    let result =
                        { dkim "fail" [ property "header" "i" text; property "header" "s" text ] with
                            Comment = ValueSome text
                            Reason = ValueSome text
                        }

                    let line = written [ result ]
                    let raw = Field.ofOctets (ReadOnlyMemory(Octets.ofLatin1 line))
                    let unfolded = line.Replace("\r\n\t", "")
                    Expect.isTrue (not (Seq.exists Char.IsControl unfolded)) line
                    Expect.isTrue (line.Split "\r\n" |> Array.forall (fun part -> part.Length <= 998)) "line too long"
                    let back = AuthenticationResults.parse raw |> Expect.ok
                    back.Results |> List.map _.Result |> Expect.equal [ "fail" ]
                    back.Results[0].Properties |> List.map _.Name |> Expect.equal [ "i"; "s" ])

            testCase "RFC8601-2.2-5 a service id with a job is quoted" (fun () ->
                let results =
                    {
                        ServiceId = "mx.example.org/job 7"
                        Version = ValueSome 1
                        Results = []
                    }

                (AuthenticationResults.field 900 results).ValueText
                |> Expect.equal " \"mx.example.org/job 7\" 1; none")

            testCase "long fields are folded between words" (fun () ->
                let results =
                    {
                        ServiceId = "mx.example.org"
                        Version = ValueNone
                        Results = List.replicate 9 (dkim "pass" [ property "header" "d" "long-name.example.org" ])
                    }

                let field = AuthenticationResults.field 78 results
                let lines = (Octets.latin1 field.Raw.Span).Split "\r\n"
                Expect.isTrue (lines.Length > 3) "folded"

                for line in lines do
                    Expect.isTrue (line.Length <= 78) line

                AuthenticationResults.parse field
                |> Expect.ok
                |> _.Results.Length
                |> Expect.equal 9)

            testCase "RFC8601-2.2-6 comments, folds, versions and quoted pairs are read" (fun () ->
                let results =
                    parsed (
                        " foo.example.net (foobar) 1 (baz);\r\n\tdkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
                        + "\tpolicy (A dot can go here) . (like that) expired\r\n"
                        + "\t(this surprised me) = (as I wasn't expecting it) 1362471462"
                    )

                results.ServiceId |> Expect.equal "foo.example.net"
                results.Version |> Expect.equal (ValueSome 1)

                results.Results
                |> Expect.equal
                    [
                        { dkim "fail" [ property "policy" "expired" "1362471462" ] with
                            MethodVersion = ValueSome 1
                        }
                    ])

            testCase "RFC8601-2.2-6 several results of several methods are read" (fun () ->
                let results =
                    parsed (
                        " example.com;\r\n\tdkim=pass reason=\"good \\\"signature\\\"\" header.i=@mail-router.example.net;\r\n"
                        + "\tspf=fail smtp.mailfrom=\"a b\"@example.com; dkim=fail header.b=abc/+=;"
                    )

                results.Results |> List.map _.Result |> Expect.equal [ "pass"; "fail"; "fail" ]
                results.Results[0].Reason |> Expect.equal (ValueSome "good \"signature\"")
                results.Results[1].Properties[0].Value |> Expect.equal "a b@example.com"
                results.Results[2].Properties[0].Value |> Expect.equal "abc/+=")

            testRows
                "RFC8601-2.2-2 none is read as no results"
                [
                    " example.org 1; none"
                    " example.org; none"
                    " \"example.org\" ; (nothing) none "
                ]
                (fun (value: string) -> (parsed value).Results |> Expect.equal [])

            testRows
                "what is outside the grammar is refused"
                [
                    ""
                    " ; dkim=pass"
                    " example.org; dkim"
                    " example.org; dkim="
                    " example.org dkim=pass"
                    " example.org; dkim=pass header.i"
                    " example.org; dkim=pass (open"
                    " \"example.org; dkim=pass"
                ]
                (fun (value: string) -> AuthenticationResults.parse (field value) |> Expect.error |> ignore)

            testCase "RFC6008-4-1 signatures show as much of b= as tells them apart" (fun () ->
                [
                    "abcdefgh1xxxxxxxxxxx"
                    "abcdefgh2xxxxxxxxxxx"
                    "zzzzzzzzzzzz"
                    "short"
                    "zzzzzzzzzzzz"
                ]
                |> AuthenticationResults.signaturePrefixes
                |> Expect.equal [ "abcdefgh1"; "abcdefgh2"; "zzzzzzzz"; "short"; "zzzzzzzz" ])

            testCase "RFC6008-4-1 twenty equal characters are not enough" (fun () ->
                let same = "ABCDEFGHIJKLMNOPQRST"

                [ same + "1rest"; same + "2rest" ]
                |> AuthenticationResults.signaturePrefixes
                |> Expect.equal [ same + "1"; same + "2" ])

            testCase "RFC6008-4-2 case counts" (fun () ->
                [ "abcdefghi"; "ABCDEFGHI" ]
                |> AuthenticationResults.signaturePrefixes
                |> Expect.equal [ "abcdefgh"; "ABCDEFGH" ])

            testRows
                "RFC8601-5-1 a field that claims our host must go"
                [
                    " mx.example.org; dkim=pass"
                    " MX.Example.ORG; dkim=pass"
                    " mx.example.org.; dkim=pass"
                    " (a (nested) comment) mx.example.org; dkim=pass"
                    "\r\n\tmx.example.org\r\n\t; dkim=pass"
                    " \"mx.example.org\"; dkim=pass"
                    " \"m\\x.example.org\"; dkim=pass"
                    " mx.example.org 1; dkim=pass"
                    " mx.example.org/job42; dkim=pass"
                    " \"mx.example.org/job42\"; dkim=pass"
                    " mx.example.org(comment); dkim=pass"
                    " mx.example.org"
                    "mx.example.org;none"
                    " ; mx.example.org; dkim=pass"
                    "; mx.example.org"
                    " \\(mx.example.org; dkim=pass"
                    " (\\) mx.example.org; dkim=pass"
                    " (\\) mx.example.org; dkim=pass) other.example; dkim=fail"
                    " ((((mx.example.org; dkim=pass"
                    " \"mx.example.org; dkim=pass"
                    " mx.example. org; dkim=pass"
                    " mx .example .org; dkim=pass"
                    " mx.(x)example.org; dkim=pass"
                    " mx.\"example\".org; dkim=pass"
                    " mx.example\\.org; dkim=pass"
                    " mx.\u000Bexample.org; dkim=pass"
                    " mx.example.\rorg; dkim=pass"
                    " ((((((((((((((((((x)))))))))))))))))) mx.example.org; dkim=pass"
                    " mx.\u00E2\u0080\u008Bexample.org; dkim=pass"
                    " mx\u00EF\u00BC\u008Eexample.org; dkim=pass"
                    " mx.example.org\u00C2\u00A0; dkim=pass"
                    " m\u00C2\u00ADx.example.org; dkim=pass"
                ]
                (fun (value: string) -> ForgedResults.mustGo "mx.example.org" (field value) |> Expect.equal true)

            testRows
                "RFC8601-5-4 a field of another host stays"
                [
                    " mx2.example.org; dkim=pass"
                    " example.org; dkim=pass"
                    " other.example; dkim=pass header.i=@mx.example.org"
                    " other.example (mx.example.org); dkim=pass"
                    ""
                ]
                (fun (value: string) -> ForgedResults.mustGo "mx.example.org" (field value) |> Expect.equal false)

            testCase "RFC8601-5-1 another field with our host's name stays" (fun () ->
                Field.ofText "X-Authentication-Results" " mx.example.org; dkim=pass"
                |> ForgedResults.mustGo "mx.example.org"
                |> Expect.equal false)

            testRows
                "RFC8601-5-1 the name counts in any case"
                [
                    "authentication-results"
                    "AUTHENTICATION-RESULTS"
                    "Authentication-Results  "
                ]
                (fun (name: string) ->
                    Field.ofText name " mx.example.org; dkim=pass"
                    |> ForgedResults.mustGo "mx.example.org"
                    |> Expect.equal true)

            testCase "RFC8601-5-2 a version that we do not know must go" (fun () ->
                ForgedResults.mustGo "mx.example.org" (field " other.example 2; dkim=pass")
                |> Expect.equal true)

            testCase "RFC8601-5-1 U-labels and A-labels are one host" (fun () ->
                ForgedResults.mustGo "mx.xn--mnchen-3ya.example" (field " mx.m\u00c3\u00bcnchen.example; dkim=pass")
                |> Expect.equal true)
        ]
