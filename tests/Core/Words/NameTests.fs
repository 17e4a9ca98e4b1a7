/// Names at the limits of what they may be: the longest that is good beside the shortest that is not.
module Dkim.Tests.Core.Words.NameTests

open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings

let private label length = String.replicate length "a"

/// A domain of labels of at most 63 octets, so long in all.
let private domainOf length =
    String.replicate ((length - 4) / 50) (label 49 + ".")
    + label ((length - 4) % 50)
    + ".org"

let private isDomain text = (DomainName.tryCreate text).IsOk

[<Tests>]
let tests =
    testList
        "NameTests"
        [
            testCase "a label has at most 63 octets" (fun () ->
                Expect.isTrue (isDomain (label 63 + ".org")) "63"
                Expect.equal (Error(BadLabel(label 64))) (DomainName.tryCreate (label 64 + ".org"))
                Expect.isTrue (Selector.tryCreate (label 63)).IsOk "63"
                Expect.isTrue (Selector.tryCreate (label 64)).IsError "64")

            testCase "a domain has at most 253 octets and a selector 200" (fun () ->
                for length in [ 200; 252; 253 ] do
                    Expect.equal length (domainOf length).Length
                    Expect.isTrue (isDomain (domainOf length)) (string length)

                Expect.equal (Error(NameTooLong 253)) (DomainName.tryCreate (domainOf 254))
                Expect.isTrue (Selector.tryCreate (domainOf 200)).IsOk "200"
                Expect.equal (Error(NameTooLong 200)) (Selector.tryCreate (domainOf 201)))

            // An A-label of ü is xn--tda: seven octets for one character.
            testCase "a domain of U-labels is as long as its A-labels" (fun () ->
                let good = domainOf 245 + ".\u00fc"
                Expect.equal 253 (Expect.ok (DomainName.tryCreate good)).Text.Length
                Expect.equal (Error(NameTooLong 253)) (DomainName.tryCreate (domainOf 246 + ".\u00fc")))

            testRows
                "no domain"
                [ "-a.org"; "a-.org"; "a..org"; ".a.org"; "a.org."; "a b.org"; "org"; "" ]
                (fun (text: string) -> Expect.isTrue (DomainName.tryCreate text).IsError text)

            // A line separator, a sign, a mark first, a private character, half a pair, a blank.
            testRows
                "RFC8616-5-6 no U-label"
                [
                    "b\u2028cher.org"
                    "b\u20accher.org"
                    "\u0301a.org"
                    "b\ue000cher.org"
                    "b\ud800cher.org"
                    "b\u00fc cher.org"
                ]
                (fun (text: string) ->
                    Expect.isTrue (DomainName.tryCreate text).IsError text
                    Expect.isTrue (Selector.tryCreate text).IsError text)

            testRows
                "a domain of U-labels"
                [
                    ("b\u00fccher.org", "xn--bcher-kva.org")
                    ("B\u00dcCHER.org", "xn--bcher-kva.org")
                    ("\u65e5\u672c1.org", "xn--1-jn6bt1b.org")
                    ("\u0928\u092e\u0938\u094d\u0924\u0947.org", "xn--h2bhs4b8d8a.org")
                ]
                (fun (text: string, expected: string) ->
                    Expect.equal expected (Expect.ok (DomainName.tryCreate text)).Text)

            testRows
                "a domain in lower case"
                [ ("a-b.org", "a-b.org"); ("_a.Org", "_a.org"); ("1.2", "1.2") ]
                (fun (text: string, expected: string) ->
                    Expect.equal expected (Expect.ok (DomainName.tryCreate text)).Text)

            testRows
                "below a domain means behind a dot"
                [
                    ("example.org", true)
                    ("a.example.org", true)
                    ("badexample.org", false)
                    ("a.org", false)
                ]
                (fun (text: string, expected: bool) ->
                    let top = Expect.ok (DomainName.tryCreate "example.org")
                    Expect.equal expected ((Expect.ok (DomainName.tryCreate text)).IsWithin top))

            testRows
                "the name of a field has neither colon nor semicolon"
                [
                    ("From", true)
                    ("X~!", true)
                    ("a:b", false)
                    ("a;b", false)
                    ("a b", false)
                    ("a\127", false)
                    ("", false)
                ]
                (fun (text: string, expected: bool) -> Expect.equal expected (FieldName.tryCreate text).IsSome)

            testCase "comments nest sixteen deep" (fun () ->
                let from depth =
                    Originator.addresses (
                        Field.ofText
                            "From"
                            (String.replicate depth "(" + String.replicate depth ")" + "ada@example.org")
                    )

                Expect.isTrue (from 16).IsSome "16"
                Expect.isTrue (from 17).IsNone "17")
        ]
