/// Names at the limits of what they may be: the longest that is good beside the shortest that is not.
module Dkim.Conformance.Words.NameTests

open NUnit.Framework
open Dkim.Core
open Dkim.Conformance

let private label length = String.replicate length "a"

/// A domain of labels of at most 63 octets, so long in all.
let private domainOf length =
    String.replicate ((length - 4) / 50) (label 49 + ".")
    + label ((length - 4) % 50)
    + ".org"

let private isDomain text = (DomainName.tryCreate text).IsOk

[<Test>]
let ``a label has at most 63 octets`` () =
    Expect.isTrue (isDomain (label 63 + ".org")) "63"
    Expect.equal (Error(BadLabel(label 64))) (DomainName.tryCreate (label 64 + ".org"))
    Expect.isTrue (Selector.tryCreate (label 63)).IsOk "63"
    Expect.isTrue (Selector.tryCreate (label 64)).IsError "64"

[<Test>]
let ``a domain has at most 253 octets and a selector 200`` () =
    for length in [ 200; 252; 253 ] do
        Expect.equal length (domainOf length).Length
        Expect.isTrue (isDomain (domainOf length)) (string length)

    Expect.equal (Error(NameTooLong 253)) (DomainName.tryCreate (domainOf 254))
    Expect.isTrue (Selector.tryCreate (domainOf 200)).IsOk "200"
    Expect.equal (Error(NameTooLong 200)) (Selector.tryCreate (domainOf 201))

// An A-label of ü is xn--tda: seven octets for one character.
[<Test>]
let ``a domain of U-labels is as long as its A-labels`` () =
    let good = domainOf 245 + ".\u00fc"
    Expect.equal 253 (Expect.ok (DomainName.tryCreate good)).Text.Length
    Expect.equal (Error(NameTooLong 253)) (DomainName.tryCreate (domainOf 246 + ".\u00fc"))

[<TestCase("-a.org")>]
[<TestCase("a-.org")>]
[<TestCase("a..org")>]
[<TestCase(".a.org")>]
[<TestCase("a.org.")>]
[<TestCase("a b.org")>]
[<TestCase("org")>]
[<TestCase("")>]
let ``no domain`` (text: string) =
    Expect.isTrue (DomainName.tryCreate text).IsError text

// A line separator, a sign, a mark first, a private character, half a pair, a blank.
[<TestCase("b\u2028cher.org")>]
[<TestCase("b\u20accher.org")>]
[<TestCase("\u0301a.org")>]
[<TestCase("b\ue000cher.org")>]
[<TestCase("b\ud800cher.org")>]
[<TestCase("b\u00fc cher.org")>]
let ``RFC8616-5-6 no U-label`` (text: string) =
    Expect.isTrue (DomainName.tryCreate text).IsError text
    Expect.isTrue (Selector.tryCreate text).IsError text

[<TestCase("b\u00fccher.org", "xn--bcher-kva.org")>]
[<TestCase("B\u00dcCHER.org", "xn--bcher-kva.org")>]
[<TestCase("\u65e5\u672c1.org", "xn--1-jn6bt1b.org")>]
[<TestCase("\u0928\u092e\u0938\u094d\u0924\u0947.org", "xn--h2bhs4b8d8a.org")>]
let ``a domain of U-labels`` (text: string, expected: string) =
    Expect.equal expected (Expect.ok (DomainName.tryCreate text)).Text

[<TestCase("a-b.org", "a-b.org")>]
[<TestCase("_a.Org", "_a.org")>]
[<TestCase("1.2", "1.2")>]
let ``a domain in lower case`` (text: string, expected: string) =
    Expect.equal expected (Expect.ok (DomainName.tryCreate text)).Text

[<TestCase("example.org", true)>]
[<TestCase("a.example.org", true)>]
[<TestCase("badexample.org", false)>]
[<TestCase("a.org", false)>]
let ``below a domain means behind a dot`` (text: string, expected: bool) =
    let top = Expect.ok (DomainName.tryCreate "example.org")
    Expect.equal expected ((Expect.ok (DomainName.tryCreate text)).IsWithin top)

[<TestCase("From", true)>]
[<TestCase("X~!", true)>]
[<TestCase("a:b", false)>]
[<TestCase("a;b", false)>]
[<TestCase("a b", false)>]
[<TestCase("a\127", false)>]
[<TestCase("", false)>]
let ``the name of a field has neither colon nor semicolon`` (text: string, expected: bool) =
    Expect.equal expected (FieldName.tryCreate text).IsSome

[<Test>]
let ``comments nest sixteen deep`` () =
    let from depth =
        Originator.addresses (
            Field.ofText "From" (String.replicate depth "(" + String.replicate depth ")" + "ada@example.org")
        )

    Expect.isTrue (from 16).IsSome "16"
    Expect.isTrue (from 17).IsNone "17"
