/// The reader of ABNF, the recognizer and the maker of sentences, of which the comparisons are made.
[<NUnit.Framework.TestFixture>]
module Dkim.Standards.RecognizerTests

open System
open NUnit.Framework
open Dkim.Standards.Abnf
open Dkim.Standards.Oracle

let private rules (text: string) = Rules.read [ "test", text ]

let private accepts text rule sentence =
    (Grammars.recognizer (rules text)).Accepts rule sentence

[<TestCase("r = \"aB\"", "Ab", true)>]
[<TestCase("r = %s\"aB\"", "Ab", false)>]
[<TestCase("r = %s\"aB\"", "aB", true)>]
[<TestCase("r = %i\"aB\"", "AB", true)>]
[<TestCase("r = %x61.42", "aB", true)>]
[<TestCase("r = %x61.42", "ab", false)>]
[<TestCase("r = %d97-99", "b", true)>]
[<TestCase("r = %d97-99", "d", false)>]
[<TestCase("r = %b1100001", "a", true)>]
[<TestCase("r = 2*3\"a\"", "a", false)>]
[<TestCase("r = 2*3\"a\"", "aaa", true)>]
[<TestCase("r = 2*3\"a\"", "aaaa", false)>]
[<TestCase("r = 2\"a\"", "aaa", false)>]
[<TestCase("r = *2\"a\"", "", true)>]
[<TestCase("r = *2\"a\"", "aaa", false)>]
[<TestCase("r = [ \"a\" ] \"b\"", "b", true)>]
[<TestCase("r = \"a\" / \"b\" \"c\"", "ac", false)>]
[<TestCase("r = ( \"a\" / \"b\" ) \"c\"", "ac", true)>]
[<TestCase("r = \"a\" ; and a comment\n    \"b\"", "ab", true)>]
[<TestCase("r = s\ns = \"a\"\ns =/ \"b\"", "b", true)>]
[<TestCase("R = S\ns = \"a\"", "a", true)>]
let ``ABNF means what RFC 5234 and 7405 say`` (text: string, sentence: string, expected: bool) =
    Assert.That(accepts text "r" sentence, Is.EqualTo expected)

// A parser that takes the first alternative, or as much as it can, fails at these.
[<TestCase("r = *\"a\" \"a\"", "aaa")>]
[<TestCase("r = ( \"a\" / \"ab\" ) \"c\"", "abc")>]
[<TestCase("r = *( *\"a\" ) \"b\"", "aab")>]
[<TestCase("r = \"(\" *r \")\"", "(()(()))")>]
let ``every derivation is followed`` (text: string, sentence: string) = Assert.That(accepts text "r" sentence)

[<TestCase("r = \"a\" r2")>]
[<TestCase("r = \"a\"\nr = \"b\"")>]
[<TestCase("r =/ \"b\"")>]
let ``rules that are missing or double are found`` (text: string) =
    let isWrong =
        try
            not (List.isEmpty (Rules.undefined (rules text)))
        with _ ->
            true

    Assert.That isWrong

[<Test>]
let ``all readings of an ambiguous sentence are told`` () =
    let recognizer = Grammars.recognizer (rules "r = p p\np = *\"a\"")

    let keep rule (_: string) at finish =
        if rule = "p" then
            ValueSome(string at + "-" + string finish)
        else
            ValueNone

    let readings = recognizer.Readings "r" keep "aa" |> List.map (List.map _.Kept)
    Assert.That(readings, Is.EquivalentTo [ [ "0-0"; "0-2" ]; [ "0-1"; "1-2" ]; [ "0-2"; "2-2" ] ])

[<Test>]
let ``sentences follow from the seed, are sentences, and reach every alternative`` () =
    let text = "r = *3( \"(\" r \")\" / %x61-63 / 2*4\"d\" / \"e\" )"
    let sentences = Grammars.sentences (rules text)

    let make seed =
        List.init 200 (fun index -> sentences.Make (Random(seed + index)) 20 "r")

    let recognizer = Grammars.recognizer (rules text)
    Assert.That((make 1 = make 1))

    for sentence in make 1 do
        Assert.That(recognizer.Accepts "r" sentence, sentence)

    for part in [ "("; "a"; "c"; "dd"; "dddd"; "e" ] do
        Assert.That(make 1 |> List.exists _.Contains(part), part)

[<Test>]
let ``near misses differ by an octet or two`` () =
    let random = Random 1

    for _ in 1..500 do
        let near = Mutation.once random "v=1; a=b"
        Assert.That(abs (near.Length - 8), Is.LessThanOrEqualTo 1)

[<Test>]
let ``shrinking leaves what matters`` () =
    let text = String('x', 70) + "\r\n" + String('y', 30)
    Assert.That(Shrinking.shrink _.Contains('\n') text, Is.EqualTo "\n")
