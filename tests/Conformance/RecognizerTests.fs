/// The reader of ABNF, the recognizer and the maker of sentences, of which the comparisons are made.
module Dkim.Tests.Conformance.RecognizerTests

open System
open Expecto
open Dkim.Tests
open Dkim.Tests.Conformance.Abnf
open Dkim.Tests.Conformance.Oracle

let private rules (text: string) = Rules.read [ "test", text ]

let private accepts text rule sentence =
    (Grammars.recognizer (rules text)).Accepts rule sentence

[<Tests>]
let tests =
    testList
        "RecognizerTests"
        [
            testRows
                "ABNF means what RFC 5234 and 7405 say"
                [
                    ("r = \"aB\"", "Ab", true)
                    ("r = %s\"aB\"", "Ab", false)
                    ("r = %s\"aB\"", "aB", true)
                    ("r = %i\"aB\"", "AB", true)
                    ("r = %x61.42", "aB", true)
                    ("r = %x61.42", "ab", false)
                    ("r = %d97-99", "b", true)
                    ("r = %d97-99", "d", false)
                    ("r = %b1100001", "a", true)
                    ("r = 2*3\"a\"", "a", false)
                    ("r = 2*3\"a\"", "aaa", true)
                    ("r = 2*3\"a\"", "aaaa", false)
                    ("r = 2\"a\"", "aaa", false)
                    ("r = *2\"a\"", "", true)
                    ("r = *2\"a\"", "aaa", false)
                    ("r = [ \"a\" ] \"b\"", "b", true)
                    ("r = \"a\" / \"b\" \"c\"", "ac", false)
                    ("r = ( \"a\" / \"b\" ) \"c\"", "ac", true)
                    ("r = \"a\" ; and a comment\n    \"b\"", "ab", true)
                    ("r = s\ns = \"a\"\ns =/ \"b\"", "b", true)
                    ("R = S\ns = \"a\"", "a", true)
                ]
                (fun (text: string, sentence: string, expected: bool) ->
                    Expect.equal expected (accepts text "r" sentence))

            // A parser that takes the first alternative, or as much as it can, fails at these.
            testRows
                "every derivation is followed"
                [
                    ("r = *\"a\" \"a\"", "aaa")
                    ("r = ( \"a\" / \"ab\" ) \"c\"", "abc")
                    ("r = *( *\"a\" ) \"b\"", "aab")
                    ("r = \"(\" *r \")\"", "(()(()))")
                ]
                (fun (text: string, sentence: string) ->
                    Expect.isTrue (accepts text "r" sentence) "accepts text \"r\" sentence")

            testRows
                "rules that are missing or double are found"
                [ "r = \"a\" r2"; "r = \"a\"\nr = \"b\""; "r =/ \"b\"" ]
                (fun (text: string) ->
                    let isWrong =
                        try
                            not (List.isEmpty (Rules.undefined (rules text)))
                        with _ ->
                            true

                    Expect.isTrue isWrong "isWrong")

            testCase "all readings of an ambiguous sentence are told" (fun () ->
                let recognizer = Grammars.recognizer (rules "r = p p\np = *\"a\"")

                let keep rule (_: string) at finish =
                    if rule = "p" then
                        ValueSome(string at + "-" + string finish)
                    else
                        ValueNone

                let readings = recognizer.Readings "r" keep "aa" |> List.map (List.map _.Kept)
                Expect.equal (List.sort [ [ "0-0"; "0-2" ]; [ "0-1"; "1-2" ]; [ "0-2"; "2-2" ] ]) (List.sort readings))

            testCase "sentences follow from the seed, are sentences, and reach every alternative" (fun () ->
                let text = "r = *3( \"(\" r \")\" / %x61-63 / 2*4\"d\" / \"e\" )"
                let sentences = Grammars.sentences (rules text)

                let make seed =
                    List.init 200 (fun index -> sentences.Make (Random(seed + index)) 20 "r")

                let recognizer = Grammars.recognizer (rules text)
                Expect.isTrue (make 1 = make 1) "(make 1 = make 1)"

                for sentence in make 1 do
                    Expect.isTrue (recognizer.Accepts "r" sentence) sentence

                for part in [ "("; "a"; "c"; "dd"; "dddd"; "e" ] do
                    Expect.isTrue (make 1 |> List.exists _.Contains(part)) part)

            testCase "near misses differ by an octet or two" (fun () ->
                let random = Random 1

                for _ in 1..500 do
                    let near = Mutation.once random "v=1; a=b"
                    Expect.atMost 1 (abs (near.Length - 8)))

            testCase "shrinking leaves what matters" (fun () ->
                let text = String('x', 70) + "\r\n" + String('y', 30)
                Expect.equal "\n" (Shrinking.shrink _.Contains('\n') text))
        ]
