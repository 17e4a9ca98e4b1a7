/// What the tests of `dkim explain` start from: a message, a change to it, and what is guessed of that.
module Dkim.Tests.Core.ExplanationRuns

open System
open Dkim.Tests
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let header =
    "From: Ann Able <ann@example.com>\r\n\
     To: \"Bob B\" <bob@example.org>,\r\n carol@example.net\r\n\
     Subject: Minutes of the meeting\r\n of last Monday\r\n\
     Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n\
     Message-ID: <1@example.com>\r\n\
     MIME-Version: 1.0\r\n\
     Content-Type: text/plain; charset=utf-8\r\n\
     Content-Transfer-Encoding: 8bit\r\n\r\n"

let body =
    "Gr\u00c3\u00bc\u00c3\u009fe,\r\n\r\nFrom now on a = b.\r\n.hidden\r\nThe end.\r\n"

/// Mail with what servers like to change.
let message = header + body

/// Signs it so that every change breaks the signature.
let simple = [ "--header-canon=simple"; "--body-canon=simple" ]

/// What `explain` guessed: the names, and all sentences.
let guesses (keys: Keyring) (options: string list) (message: string) =
    let explained = judged "explain" keys options message

    [
        for guess in explained.GetProperty("guesses").EnumerateArray() do
            text "guess" guess, text "says" guess
    ]

/// Changes a part of a message that must be there.
let edit (part: string) (replacement: string) (message: string) =
    if not (message.Contains part) then
        invalidArg (nameof part) part

    message.Replace(part, replacement)

/// One of the guesses has this name and says this.
let guessed name says (found: (string * string) list) =
    let fits =
        found
        |> List.exists (fun (known, sentence) -> known = name && sentence.Contains(says: string))

    Expect.isTrue fits (String.Join("; ", found |> List.map (fun (known, sentence) -> known + ": " + sentence)))
