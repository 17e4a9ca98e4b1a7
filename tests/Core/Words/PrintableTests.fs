/// Texts of mail as they are shown: no longer than there is room for, and with nothing that cannot be seen.
module Dkim.Tests.Core.PrintableTests

open Expecto
open Dkim.Core.Words
open Dkim.Tests

[<Tests>]
let tests =
    testList
        "PrintableTests"
        [
            testRows
                "three dots stand where a text goes on"
                [
                    ("abc", "abc")
                    ("abcd", "abcd")
                    ("abcde", "abcd...")
                    ("a\r\n\x1b", "a\\r\\n\\x1b")
                    ("a\r\n\x1bb", "a\\r\\n\\x1b...")
                ]
                (fun (text: string, shown: string) -> Expect.equal shown (Printable.visibleExcerpt 4 text))
        ]
