/// Basic regular expressions as regcomp(3) reads them without flags, and what is not served of them.
module Dkim.Tests.Core.BasicExpressionTests

open System
open Expecto
open Dkim.Core.Words
open Dkim.Core.Tables.Patterns
open Dkim.Tests

let private find (expression: string) (text: string) : string =
    let expression = Expect.ok (BasicExpression.parse expression)
    let mutable effort = 1000000L

    match expression.Find(Octets.ofLatin1 text, 0, &effort) with
    | ValueSome(struct (start, finish)) -> string start + ":" + text.Substring(start, finish - start)
    | ValueNone -> "none"

[<Tests>]
let tests =
    testList
        "BasicExpressionTests"
        [
            // As sed(1) finds them.
            testRows
                "the leftmost of the longest matches is found"
                [
                    ("b", "abc", "1:b")
                    ("b*", "aabb", "0:")
                    ("bb*", "aabbb", "2:bbb")
                    ("a\\|ab\\|abc", "xabcd", "1:abc")
                    ("^a", "ba", "none")
                    ("^a", "ab", "0:a")
                    ("a$", "aba", "2:a")
                    ("a$b", "a$b", "0:a$b")
                    ("a^b", "a^b", "0:a^b")
                    ("*a", "b*a", "1:*a")
                    ("^*a", "*a", "0:*a")
                    ("(a)|b", "x(a)|b", "1:(a)|b")
                    ("\\(ab\\)*c", "ababc", "0:ababc")
                    ("\\(^a\\)b", "ab", "0:ab")
                    ("a\\{2\\}", "abaaa", "2:aa")
                    ("a\\{2,\\}b", "abaaab", "2:aaab")
                    ("a\\{1,2\\}c", "aaac", "1:aac")
                    ("a\\{0\\}b", "ab", "1:b")
                    ("fo\\+", "fooo", "0:fooo")
                    ("colou\\?r", "color", "0:color")
                    ("a.c", "a\nc", "0:a\nc")
                    ("[^a-c]d", "adxd", "2:xd")
                    ("[]a]*b", "]a]b", "0:]a]b")
                    ("[[:digit:]]\\+\\.[[:space:]]", "a12. ", "1:12. ")
                    ("@internal\\.example\\.com", "a@internal.example.com>", "1:@internal.example.com")
                    ("x+", "xx+", "1:x+")
                    ("\\$\\^\\.\\*\\[\\\\", "a$^.*[\\", "1:$^.*[\\")
                    ("a.*z\\|b", "bacz", "0:b")
                ]
                (fun (expression: string, text: string, found: string) -> Expect.equal found (find expression text))

            testRows
                "what is not served is refused with the place"
                [
                    ("a[b", "]")
                    ("\\(a", "\\)")
                    ("a\\)", "end")
                    ("\\(a\\)\\1", "groups cannot be referred to")
                    ("\\w", "is not supported")
                    ("a\\{3,2\\}", "fewer repetitions at most than at least")
                    ("a\\{256\\}", "at most 255")
                    ("\\(a\\{200\\}\\)\\{200\\}", "too many repetitions")
                    ("a\\", "")
                    (String('a', 1025), "longer than 1024 characters")
                ]
                (fun (expression: string, reason: string) ->
                    Expect.contains reason (Expect.error (BasicExpression.parse expression)))

            testCase "what matches nothing is known" (fun () ->
                for expression, matches in
                    [
                        "a*", true
                        "$", true
                        "^", true
                        "a\\?", true
                        "a", false
                        "a\\|b*", true
                        "^$", true
                        "..*", false
                    ] do
                    Expect.equal matches (Expect.ok (BasicExpression.parse expression)).MatchesNothing)

            testCase "the effort ends the search" (fun () ->
                let expression = Expect.ok (BasicExpression.parse "a\\(.*b\\)*c")
                let text = Octets.ofLatin1 (String('a', 100000))
                let mutable effort = 50000L
                Expect.equal ValueNone (expression.Find(text, 0, &effort))
                Expect.isTrue (effort <= 0L && effort > -10000L) (string effort))
        ]
