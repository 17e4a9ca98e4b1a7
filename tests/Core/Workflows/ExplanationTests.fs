/// What is guessed of changes on the way that broke a signature, and each step of the verification.
module Dkim.Conformance.ExplanationTests

open System
open System.Security.Cryptography
open System.Text
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.ToolRuns

let private header =
    "From: Ann Able <ann@example.com>\r\n\
     To: \"Bob B\" <bob@example.org>,\r\n carol@example.net\r\n\
     Subject: Minutes of the meeting\r\n of last Monday\r\n\
     Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n\
     Message-ID: <1@example.com>\r\n\
     MIME-Version: 1.0\r\n\
     Content-Type: text/plain; charset=utf-8\r\n\
     Content-Transfer-Encoding: 8bit\r\n\r\n"

let private body =
    "Gr\u00c3\u00bc\u00c3\u009fe,\r\n\r\nFrom now on a = b.\r\n.hidden\r\nThe end.\r\n"

let private message = header + body

let private simple = [ "--header-canon=simple"; "--body-canon=simple" ]

/// What `explain` guessed: the names, and all sentences.
let private guesses (keys: Keyring) (options: string list) (message: string) =
    let explained = judged "explain" keys options message

    [
        for guess in explained.GetProperty("guesses").EnumerateArray() do
            text "guess" guess, text "says" guess
    ]

let private edit (part: string) (replacement: string) (message: string) =
    if not (message.Contains part) then
        invalidArg (nameof part) part

    message.Replace(part, replacement)

let private guessed name says (found: (string * string) list) =
    let fits =
        found
        |> List.exists (fun (known, sentence) -> known = name && sentence.Contains(says: string))

    Expect.isTrue fits (String.Join("; ", found |> List.map (fun (known, sentence) -> known + ": " + sentence)))

[<Test>]
let ``a message that passes needs no guess`` () =
    Expect.equal [] (guesses rsa [] (signed rsa [] message))

[<Test>]
let ``a footer is found and measured`` () =
    let footer = "-- \r\nlist footer\r\n"

    signed rsa simple message + footer
    |> guesses rsa []
    |> guessed "text-appended" ("a footer of " + string footer.Length + " octets")

[<Test>]
let ``a footer in the middle of a line is found`` () =
    signed rsa simple (header + "no line end")
    |> fun text -> text + "footer\r\n"
    |> guesses rsa []
    |> guessed "text-appended" "\"footer\\r\\n\""

[<Test>]
let ``a banner above the body is found`` () =
    signed rsa [] message
    |> edit "\r\n\r\nGr" "\r\n\r\nCAUTION: from outside\r\n\r\nGr"
    |> guesses rsa []
    |> guessed "text-inserted" "at line 1 of the body: \"CAUTION"

[<TestCase("[list] ")>]
[<TestCase("Re: ")>]
[<TestCase("[EXTERNAL] [list] ")>]
let ``a Subject prefix is found`` (prefix: string) =
    for keys in [ rsa; ed25519 ] do
        signed keys [] message
        |> edit "Subject: " ("Subject: " + prefix)
        |> guesses keys []
        |> guessed "subject-changed" ("the prefix \"" + prefix)

[<Test>]
let ``a tag within the Subject is found`` () =
    signed rsa [] (edit "Minutes" "Re: minutes" message)
    |> edit "Re: minutes" "Re: [list] minutes"
    |> guesses rsa []
    |> guessed "subject-changed" "the tag \"[list]\""

[<Test>]
let ``a fold with another space is found`` () =
    signed rsa simple message
    |> edit "meeting\r\n of" "meeting\r\n\tof"
    |> guesses rsa []
    |> guessed "field-refolded" "Subject was folded with a tab in place of a space"

[<Test>]
let ``an unfolded field is found where it was folded by a server`` () =
    let long =
        "Subject: one two three four five six seven eight nine ten eleven twelve thirteen fourteen"

    let unfolded =
        edit "Subject: Minutes of the meeting\r\n of last Monday" long message

    signed rsa simple unfolded
    |> edit "nine ten" "nine\r\n ten"
    |> guesses rsa []
    |> guessed "field-refolded" "Subject was folded"

[<Test>]
let ``LF for CRLF is found`` () =
    let unix = header + body.Replace("\r\n", "\n")

    signed rsa simple unix
    |> fun text -> text.Replace("\r\n", "\n").Replace("\n", "\r\n")
    |> guesses rsa []
    |> guessed "line-ends-changed" "LF when the body was signed"

[<Test>]
let ``CRLF that became LF is found`` () =
    signed rsa simple message
    |> edit "hidden\r\n" "hidden\n"
    |> guesses rsa []
    |> guessed "line-ends-changed" "LF was CRLF"

let private quotedBody =
    "Gr=C3=BC=C3=9Fe,\r\n\r\nFrom now on a =3D b.\r\n.hidden\r\nThe end.\r\n"

let private asQuoted (text: string) =
    text
    |> edit body quotedBody
    |> edit "Encoding: 8bit" "Encoding: quoted-printable"

let private asBase64 (text: string) =
    let encoded = Convert.ToBase64String(Encoding.Latin1.GetBytes body) + "\r\n"
    text |> edit body encoded |> edit "Encoding: 8bit" "Encoding: base64"

[<Test>]
let ``8bit that became quoted-printable or base64 is found, in body and header`` () =
    for change, name in [ asQuoted, "quoted-printable"; asBase64, "base64" ] do
        let found = signed rsa [] message |> change |> guesses rsa []
        guessed "encoding-changed" ("8bit was changed to " + name) found
        guessed "encoding-changed" "Content-Transfer-Encoding was 8bit" found

[<Test>]
let ``quoted-printable and base64 that became 8bit are found`` () =
    for change, name in [ asQuoted, "quoted-printable"; asBase64, "base64" ] do
        let was = change message
        let signature = (signed rsa [] was).Replace(was, "")

        signature + message
        |> guesses rsa []
        |> guessed "encoding-changed" (name + " was changed to 8bit")

[<Test>]
let ``a part of a multipart message that was encoded anew is found`` () =
    let multipart (encoding: string) (body: string) =
        message.Substring(0, message.IndexOf "Content-Type")
        + "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\nContent-Type: text/plain\r\n"
        + "Content-Transfer-Encoding: "
        + encoding
        + "\r\n\r\n"
        + body
        + "--b1--\r\n"

    let was = multipart "8bit" body
    let signature = (signed rsa [] was).Replace(was, "")

    signature + multipart "quoted-printable" quotedBody
    |> guesses rsa []
    |> guessed "encoding-changed" "8bit was changed to quoted-printable"

[<Test>]
let ``trailing space is found in body and header`` () =
    signed rsa simple message
    |> edit "end.\r\n" "end. \r\n"
    |> guesses rsa []
    |> guessed "space-changed" "white space was added at ends of lines"

    signed rsa simple message
    |> edit "<1@example.com>" "<1@example.com> "
    |> guesses rsa []
    |> guessed "space-changed" "Message-ID got white space at its end"

[<Test>]
let ``a lost space of the signature mark is found`` () =
    signed rsa simple (message + "-- \r\nAnn\r\n")
    |> edit "-- \r\n" "--\r\n"
    |> guesses rsa []
    |> guessed "space-changed" "signature mark"

[<Test>]
let ``changed dots and From at line starts are found`` () =
    let now = signed rsa [] message

    edit "\r\n.hidden" "\r\n..hidden" now
    |> guesses rsa []
    |> guessed "lines-quoted" "dots were doubled"

    edit "\r\nFrom now" "\r\n>From now" now
    |> guesses rsa []
    |> guessed "lines-quoted" ">From"

[<Test>]
let ``the case of a field name is found`` () =
    signed rsa simple message
    |> edit "Message-ID:" "Message-Id:"
    |> guesses rsa []
    |> guessed "name-case-changed" "Message-Id was spelled Message-ID"

[<Test>]
let ``a From that a list rewrote is found`` () =
    signed rsa [] message
    |> edit
        "From: Ann Able <ann@example.com>\r\n"
        "From: Ann via list <list@example.net>\r\nX-Original-From: Ann Able <ann@example.com>\r\n"
    |> guesses rsa []
    |> guessed "field-rewritten" "the original is in X-Original-From"

[<Test>]
let ``a field that was added though sealed is found`` () =
    signed rsa [ "--seal" ] message
    |> edit "MIME-Version" "Cc: dan@example.org\r\nMIME-Version"
    |> guesses rsa []
    |> guessed "field-added" "a field Cc was added"

[<Test>]
let ``two changes are found together`` () =
    signed rsa simple message
    |> edit "Subject: " "Subject: [list] "
    |> edit "MIME-Version: " "Mime-Version: "
    |> guesses rsa []
    |> guessed "subject-changed" ", and Mime-Version was spelled"

[<Test>]
let ``header and body are guessed at separately`` () =
    let found =
        signed rsa [] message + "footer\r\n"
        |> edit "Subject: " "Subject: [list] "
        |> guesses rsa []

    guessed "text-appended" "footer" found
    guessed "subject-changed" "[list] " found

[<Test>]
let ``a change that nothing explains yields no guess`` () =
    Expect.equal [] (signed rsa [] message |> edit "The end" "The und" |> guesses rsa [])
    Expect.equal [] (signed rsa [] message |> edit "12:00:00" "12:00:01" |> guesses rsa [])

[<Test>]
let ``DomainKeys signatures are explained too`` () =
    let now = signed rsa [ "--scheme=domainkeys" ] message
    guessed "text-appended" "footer" (guesses rsa [] (now + "footer\r\n"))
    guessed "subject-changed" "[list] " (guesses rsa [] (edit "Subject: " "Subject: [list] " now))

let private stepOf (part: string) (explained: Json.JsonElement) =
    explained.GetProperty("steps").EnumerateArray()
    |> Seq.find (fun step -> (text "title" step).Contains part)

let private linesOf (step: Json.JsonElement) =
    String.Join("\n", step.GetProperty("lines").EnumerateArray() |> Seq.map string)

[<Test>]
let ``another key is told from a changed header`` () =
    let explained = judged "explain" otherRsa [] (signed rsa [] message)
    let step = stepOf "b= signs" explained
    Expect.equal "bad" (text "finding" step)
    Expect.contains "not made with the key in the DNS" (linesOf step)

    let changed = signed rsa [] message |> edit "12:00:00" "12:00:01"
    Expect.contains "made with this key over the digest" (linesOf (stepOf "b= signs" (judged "explain" rsa [] changed)))

[<Test>]
let ``each step names its section, and the last one the result`` () =
    let explained = judged "explain" rsa [] (signed rsa [ "--lifetime=60" ] message)
    let steps = explained.GetProperty("steps").EnumerateArray() |> List.ofSeq

    for step in steps do
        Expect.isTrue ((text "section" step).StartsWith "RFC ") (text "title" step)

    Expect.equal "the result is pass" (text "title" (List.last steps))
    Expect.equal "RFC 6376 §3.5" (text "section" (stepOf "expired" explained))

[<Test>]
let ``the canonical forms are those that are hashed`` () =
    let explained = judged "explain" rsa [] (signed rsa [] message)

    let bytes (name: string) =
        Encoding.Latin1.GetBytes(text name explained)

    let computed = Convert.ToBase64String(SHA256.HashData(bytes "canonical_body"))
    Expect.contains computed (linesOf (stepOf "bh=" explained))
    Expect.contains "subject:Minutes of the meeting of last Monday\r\n" (text "canonical_header" explained)
    Expect.isTrue ((text "canonical_header" explained).EndsWith "; b=") "the signature itself comes last, without b="

[<Test>]
let ``z= shows the first octet that differs`` () =
    let now =
        signed rsa [ "--copies" ] message |> edit "Subject: Minutes" "Subject: Minuets"

    let difference = (judged "explain" rsa [] now).GetProperty("differences")[0]
    Expect.equal "Subject" (text "field" difference)
    // subject:Minu is alike.
    Expect.equal 12 (difference.GetProperty("at").GetInt32())
    Expect.contains "Minutes" (text "signed" difference)
    Expect.contains "Minuets" (text "present" difference)
    guessed "field-rewritten" "changed was only Subject" (guesses rsa [] now)

[<Test>]
let ``z= shows a field that is gone`` () =
    let now =
        signed rsa [ "--copies" ] message |> edit "Message-ID: <1@example.com>\r\n" ""

    let difference = (judged "explain" rsa [] now).GetProperty("differences")[0]
    Expect.equal "Message-ID" (text "field" difference)
    Expect.equal Json.JsonValueKind.Null (difference.GetProperty("present").ValueKind)

[<Test>]
let ``a field that cannot be read is shown with the reason`` () =
    let ran =
        dkim [ "z", rsa.Zone; "-", "DKIM-Signature: v=1; a=\x1b[31m\r\n\r\n" ] [ "explain"; "--zone=z" ]

    Expect.equal 0 ran.Code
    Expect.contains "\\x1b[31m" ran.Output
    Expect.lacks "\x1b" ran.Output

[<Test>]
let ``signatures are chosen by number`` () =
    let twice = signed rsa [] (signed rsa [ "--scheme=domainkeys" ] message)

    let explain options =
        dkim [ "z", rsa.Zone; "-", twice ] ([ "explain"; "--zone=z" ] @ options)

    Expect.contains "Signature 1 of 2: DKIM-Signature" (explain []).Output
    Expect.contains "Signature 2 of 2: DomainKey-Signature" (explain []).Output
    Expect.lacks "Signature 1" (explain [ "--signature=2" ]).Output
    Expect.equal 64 (explain [ "--signature=3" ]).Code

let private puzzle (body: string) (was: string) : BodyGuesses.Puzzle =
    let wanted = SHA256.HashData(Encoding.Latin1.GetBytes was)

    {
        Request =
            {
                Hash = Sha256
                Canon = SimpleBody
                Limit = ValueNone
                Prefix = ReadOnlyMemory.Empty
            }
        Header = Header.empty
        Body = body
        Fits = fun digest -> digest.AsSpan().SequenceEqual(ReadOnlySpan wanted)
    }

let private found (body: string) (was: string) =
    match BodyGuesses.find (puzzle body was) with
    | Some guess -> Happening.name guess.Happening, guess.Says
    | None -> "", ""

[<Test>]
let ``signers that do not end the body as they should are found`` () =
    Expect.equal
        ("final-newline-changed", "the signer hashed the body without its last line end")
        (found "one\r\ntwo\r\n" "one\r\ntwo")

    Expect.equal
        ("final-newline-changed", "the signer did not remove the empty lines at the end: there were 2")
        (found "one\r\n" "one\r\n\r\n\r\n")

[<Test>]
let ``signers with another canonicalization are found`` () =
    Expect.equal "other-canonicalization" (fst (found "one  two\r\n" "one two\r\n"))

[<Test>]
[<CancelAfter 20000>]
let ``a long body is guessed at in bounded time`` () =
    let long = String.replicate 40000 "A line of a long body, with words.\r\n"
    Expect.equal ("", "") (found long "something else")
    Expect.equal "text-appended" (fst (found (long + "footer\r\n") long))

[<Test>]
[<CancelAfter 20000>]
let ``a header as large as can be is guessed at in bounded time`` () =
    let fields =
        String.replicate 900 ("Subject: " + String.replicate 80 "[list] word " + "\r\n")

    for keys in [ rsa; ed25519 ] do
        signed keys simple (fields + message)
        |> edit "12:00:00" "12:00:01"
        |> guesses keys []
        |> Expect.equal []

[<Test>]
let ``a header that is too large is refused with the reason`` () =
    let ran =
        dkim [ "z", rsa.Zone; "-", String.replicate 100000 "A: b\r\n" + "\r\n" ] [ "explain"; "--zone=z" ]

    Expect.equal 65 ran.Code
    Expect.contains "more than 2000 header fields" ran.Errors
