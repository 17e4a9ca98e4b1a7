/// Changes that servers, lists, gateways and signers make, each to a short message, and what is to be said of it.
module Dkim.Tests.Core.EditTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns
open Dkim.Tests.Core.BreakageExamples

/// The signature of one message above another.
let private became (options: string list) (before: string) (after: string) : string =
    let signature = signed rsa options before
    signature.Substring(0, signature.Length - before.Length) + after

let private mail (header: string) (body: string) = header + "\r\n" + body

let private from = "From: Ann Able <ann@example.com>\r\n"

let private text = from + "Subject: Minutes\r\nContent-Type: text/plain\r\n"

let private two = from + "Content-Type: multipart/alternative; boundary=b\r\n"

let private part (encoding: string) (text: string) =
    "Content-Type: text/plain; charset=utf-8\r\n" + encoding + "\r\n" + text

let private eight = part "Content-Transfer-Encoding: 8bit\r\n" "Gr\195\188\195\159e"

let private quoted =
    part "Content-Transfer-Encoding: quoted-printable\r\n" "Gr=C3=BC=C3=9Fe"

let private html (banner: string) =
    "Content-Type: text/html\r\n\r\n<html><body class=x>"
    + banner
    + "<p>Hello, Bob.</p></body></html>"

let private plain (banner: string) =
    "Content-Type: text/plain\r\n\r\n" + banner + "Hello, Bob."

/// Changes that relaxed does not hide: a header and a body before and after, and what is to be said.
let private bodies: (string * (string * string * string * string * string)) list =
    [
        "one of two parts encoded anew",
        (two,
         parts eight quoted,
         parts quoted quoted,
         "encoding-changed",
         "8bit was changed to quoted-printable in part 1")
        "a field of the encoding that was added",
        (two,
         parts (part "" "Gr\195\188\195\159e") (html ""),
         parts quoted (html ""),
         "encoding-changed",
         "and a field that names it was added")
        "ISO 8859-1 made UTF-8",
        (text, "Gr\252\223e\r\n", "Gr\195\188\195\159e\r\n", "charset-changed", "was ISO 8859-1, and was made UTF-8")
        "UTF-8 made windows-1252",
        (text, "\226\130\172 5\r\n", "\128 5\r\n", "charset-changed", "was UTF-8, and was made windows-1252")
        "a charset changed within quoted-printable",
        (text, "Gr=FC=DFe\r\n", "Gr=C3=BC=C3=9Fe\r\n", "charset-changed", "ISO 8859-1, and was made UTF-8 within quoted")
        "a boundary that was renamed",
        (from
         + "X-Content: multipart/mixed; boundary=\"b\"\r\nContent-Type: multipart/mixed; boundary=c\r\n",
         parts (plain "") (html ""),
         (parts (plain "") (html "")).Replace("--b", "--c"),
         "boundary-renamed",
         "it was b")
        "two banners in two parts",
        (two,
         parts (plain "") (html ""),
         parts (plain "External!\r\n\r\n") (html "<div>External mail</div>"),
         "text-inserted",
         "text was inserted in 2 places")
        "a banner and a footer",
        (text,
         "Hello, Bob.\r\nHere they are.\r\n",
         "External mail!\r\nHello, Bob.\r\nHere they are.\r\n____\r\nlist\r\n",
         "text-inserted",
         "text was inserted in 2 places of the body: \"External mail!\\r\\n\", \"____\\r\\nlist\\r\\n\"")
        "one banner in three places",
        (text,
         "One.\r\nTwo.\r\nThree.\r\n",
         "Caution!\r\nOne.\r\nCaution!\r\nTwo.\r\nCaution!\r\nThree.\r\n",
         "text-inserted",
         "the same lines were inserted in 3 places")
        "an empty line removed",
        (text, "One.\r\n\r\nTwo.\r\n", "One.\r\nTwo.\r\n", "blank-lines-changed", "each of two")
        "one of many empty lines removed",
        (text,
         "One.\r\n\r\nTwo.\r\nThree.\r\n",
         "One.\r\nTwo.\r\nThree.\r\n",
         "line-ends-changed",
         "an empty line was removed behind line 1")
        "empty lines at the start",
        (text, "\r\n\r\nOne.\r\n", "One.\r\n", "blank-lines-changed", "removed at the start")
        "a bare CR made a space",
        (text,
         "One\rtwo three four.\r\n",
         "One two three four.\r\n",
         "line-ends-changed",
         "a bare CR was made a space in line 1")
        "a line end taken out",
        (text, "One\r\ntwo.\r\n", "Onetwo.\r\n", "line-ends-changed", "a line end was removed in line 1")
        "two line ends put in",
        (text,
         "One-two three.\r\nFour-five six.\r\nSeven.\r\n",
         "One-\r\ntwo three.\r\nFour-\r\nfive six.\r\nSeven.\r\n",
         "line-ends-changed",
         "of line 1, and a line end was put in at the end of line 3")
        "one of two long lines cut",
        (text,
         String('x', 998) + "\r\n yes\r\n" + String('y', 1600) + "\r\n",
         String('x', 998)
         + "\r\n yes\r\n"
         + String('y', 700)
         + "\r\n "
         + String('y', 900)
         + "\r\n",
         "lines-cut",
         "line 3 was cut")
        "a re-encoded body with a footer",
        (text + "Content-Transfer-Encoding: quoted-printable\r\n",
         "Gr\195\188\195\159e\r\n",
         "Gr=C3=BC=C3=9Fe\r\n_____\r\nlist =3D list\r\n",
         "encoding-changed",
         "8bit was changed to quoted-printable, and a footer")
        "a footer within base64",
        (text + "Content-Transfer-Encoding: base64\r\n",
         inLines 76 (Text.Encoding.Latin1.GetBytes "Hello, Bob.\r\nHere they are.\r\n"),
         inLines 76 (Text.Encoding.Latin1.GetBytes "Hello, Bob.\r\nHere they are.\r\nA list.\r\n"),
         "text-inserted",
         "text was inserted in base64: \"A list.\\r\\n\"")
        "a multipart within that is 7bit now, and a part encoded anew",
        (two,
         parts
             ("Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--x\r\n\r\nHello\r\n--x--")
             eight,
         parts
             ("Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 7bit\r\n\r\n--x\r\n\r\nHello\r\n--x--")
             quoted,
         "encoding-changed",
         "said 8bit, which was made 7bit")
        "the first part of a multipart",
        (two,
         "Hello, Bob.\r\n",
         parts (plain "") (html ""),
         "body-wrapped",
         "part 1 of what a list has made a multipart")
    ]

/// Changes that simple alone sees.
let private spaces: (string * (string * string * string * string)) list =
    [
        "spaces of format=flowed",
        ("One two \r\nthree.\r\n\r\nFour\r\n", "One two\r\nthree.\r\n\r\nFour\r\n", "space-changed", "format=flowed")
        "white space collapsed",
        ("One.  Two.  Three.\r\n", "One. Two. Three.\r\n", "space-changed", "of two behind a full stop")
        "a tab made spaces", ("a\tb\r\n", "a        b\r\n", "space-changed", "tabs were made eight spaces")
        "a space at one line end lost",
        ("One \r\nTwo\r\nThree \r\nFour\r\n",
         "One\r\nTwo\r\nThree \r\nFour\r\n",
         "line-ends-changed",
         "a space was removed at the end of line 1")
    ]

/// Changes of fields: the options of the signer, the header before and after, and what is to be said.
let private headers: (string * (string list * string * string * string * string)) list =
    [
        "quotation marks in two fields",
        ([],
         from + "To: Bob B <bob@example.org>\r\n",
         "From: \"Ann Able\" <ann@example.com>\r\nTo: \"Bob B\" <bob@example.org>\r\n",
         "field-rewritten",
         "From, To got quotation marks")
        "a phrase in place of a comment",
        ([], "From: ann@example.com (Ann Able)\r\n", from, "field-rewritten", "From got a phrase in place of a comment")
        "an address without brackets",
        ([],
         "From: ann@example.com\r\n",
         "From: <ann@example.com>\r\n",
         "field-rewritten",
         "From got a phrase and angle brackets")
        "a From that a list rewrote, with the address in Reply-To",
        ([ "--sign=From"; "--sign=Subject" ],
         from + "Subject: Minutes\r\n",
         "From: Ann Able via List <list@example.net>\r\nReply-To: ann@example.com\r\nSubject: Minutes\r\n",
         "field-rewritten",
         "the original address is in Reply-To")
        "a value in any other field",
        ([ "--sign=From"; "--sign=Subject" ],
         from + "Subject: Minutes\r\n",
         from + "X-Before: Minutes\r\nSubject: Checked\r\n",
         "field-rewritten",
         "the original is in X-Before")
        "another field of the same name",
        ([ "--sign=From"; "--sign=Subject" ],
         from + "Subject: Minutes\r\n",
         from + "Subject: Minutes\r\nSubject: Other\r\n",
         "field-rewritten",
         "Subject was another of that name")
        "a Cc that was empty", ([], from + "Cc:\r\n", from + "Cc: x@example.org\r\n", "field-rewritten", "Cc was empty")
        "a To that named nobody",
        ([],
         from + "To: undisclosed-recipients:;\r\n",
         from + "To: bob@example.org\r\n",
         "field-rewritten",
         "To named nobody")
        "fields in another order",
        ([ "--sign=From"; "--sign=X-Note"; "--sign=X-Note" ],
         from + "X-Note: one\r\nX-Note: two\r\n",
         from + "X-Note: two\r\nX-Note: one\r\n",
         "fields-reordered",
         "the fields X-Note were put into another order")
        "a MIME-Version removed",
        ([], from + "MIME-Version: 1.0\r\n", from, "field-removed", "mime-version was removed: it said 1.0")
        "a parameter of Content-Type added",
        ([],
         from + "Content-Type: text/plain\r\n",
         from + "Content-Type: text/plain; charset=us-ascii\r\n",
         "field-rewritten",
         "Content-Type got the parameter charset=us-ascii")
        "another charset named",
        ([],
         from + "Content-Type: text/plain; charset=iso-8859-1\r\n",
         from + "Content-Type: text/plain; charset=utf-8\r\n",
         "field-rewritten",
         "Content-Type named the charset iso-8859-1")
        "a phrase encoded anew",
        ([],
         "From: =?utf-8?Q?Andr=C3=A9?= <ann@example.com>\r\n",
         "From: =?UTF-8?B?QW5kcsOp?= <ann@example.com>\r\n",
         "field-rewritten",
         "From was encoded anew")
        "a word cut by a fold",
        ([ "--sign=From"; "--sign=X-Long" ],
         from + "X-Long: abcdefgh\r\n",
         from + "X-Long: abcd\r\n efgh\r\n",
         "field-refolded",
         "was folded")
        "two words cut, one fold kept",
        ([ "--sign=From"; "--sign=X-Long" ],
         from + "X-Long: ab cd ef\r\n gh\r\n",
         from + "X-Long: a\r\n b cd e\r\n f\r\n gh\r\n",
         "lines-cut",
         "X-Long was cut in 2 places")
        "folded at other words",
        (simple @ [ "--sign=From"; "--sign=Subject" ],
         from + "Subject: one two\r\n three four five\r\n",
         from + "Subject: one two three\r\n four five\r\n",
         "field-refolded",
         "Subject was folded in other places")
        "spaces after commas of two fields",
        ([],
         from + "To: a@x.example,b@x.example\r\nCc: c@x.example,d@x.example\r\n",
         from + "To: a@x.example, b@x.example\r\nCc: c@x.example, d@x.example\r\n",
         "field-rewritten",
         "got a space after a comma")
        "a message-id in capital letters",
        ([],
         "From: Ann <ann@EXAMPLE.COM>\r\n",
         "From: Ann <ann@example.com>\r\n",
         "field-rewritten",
         "was in capital letters")
    ]

/// Faults of signers: what the signer made of the text that it should hash, and what is to be said.
let private faults: (string * (string * (string -> string) * string)) list =
    [
        "no own field",
        ("from:to", (fun text -> text.Substring(0, text.IndexOf "dkim-signature")), "the other fields alone")
        "no b= in its own field",
        ("from:to", (fun text -> text.Substring(0, text.Length - 2).TrimEnd()), "its own field without b=")
        "the order of the message",
        ("to:from",
         (fun text ->
             let at = text.IndexOf "from:"
             let after = text.IndexOf("\r\n", at) + 2
             text.Substring(at, after - at) + text.Remove(at, after - at)),
         "in the order of the message")
        "one field twice", ("from:to:to", id, "hashed to twice")
    ]

let private named (name: string) (rows: (string * 'row) list) (body: 'row -> unit) : Test =
    testNamed name (rows |> List.map (fun (name, row) -> name, [], row)) body

[<Tests>]
let tests =
    testList
        "EditTests"
        [
            named "changes of a body are named" bodies (fun (header, before, after, name, says) ->
                became [ "--sign=From" ] (mail header before) (mail header after)
                |> guesses rsa []
                |> guessed name says)

            named "changes of white space are named" spaces (fun (before, after, name, says) ->
                became simple (mail text before) (mail text after)
                |> guesses rsa []
                |> guessed name says)

            named "changes of a header are named" headers (fun (options, before, after, name, says) ->
                became options (mail before lines) (mail after lines)
                |> guesses rsa []
                |> guessed name says)

            named "faults of signers are named" faults (fun (names, hashed, says) ->
                asRsa names hashed
                |> guesses rsa []
                |> List.map snd
                |> String.concat ";"
                |> Expect.contains says)

            testCase "a banner is found though l= covers less than the body" (fun () ->
                let before = mail text "Hello, Bob.\r\nHere are the minutes.\r\n"

                let after =
                    mail text "External!\r\nHello, Bob.\r\nHere are the minutes.\r\nA footer.\r\n"

                became [ "--length" ] before after
                |> guesses rsa []
                |> guessed "text-inserted" "External!")

            testCase "header and body of DomainKeys are searched as one" (fun () ->
                let before =
                    mail (text + "Content-Transfer-Encoding: 8bit\r\n") "Gr\195\188\195\159e\r\n"

                let after =
                    mail (text + "Content-Transfer-Encoding: quoted-printable\r\n") "Gr=C3=BC=C3=9Fe\r\n"

                became [ "--scheme=domainkeys" ] before after
                |> guesses rsa []
                |> guessed "encoding-changed" "Content-Transfer-Encoding was 8bit")

            testCase "a deep search says where it is, and finds the same" (fun () ->
                let files = [ "z", rsa.Zone; "-", signed rsa [] (mail text lines) + "footer\r\n" ]

                let run options =
                    dkim files ([ "explain"; "--zone=z"; "--line-ends=crlf" ] @ options)

                Expect.equal (run []).Output (run [ "--deep" ]).Output
                Expect.equal "" (run []).Errors
                Expect.equal "dkim explain: searching, signature 1\n" (run [ "--deep" ]).Errors)

            testCase "a search tells people who wait how much of its time is spent" (fun () ->
                let files =
                    [
                        "z", rsa.Zone
                        "-",
                        signed rsa [] (mail text (String.replicate 400 lines))
                        |> edit "the minutes" "our papers"
                    ]

                let machine = Machine(files, nothing)
                runOn machine "dkim" [ "explain"; "--zone=z"; "--line-ends=crlf" ] |> ignore

                let says share =
                    "searching for what happened to signature 1: at "
                    + string share
                    + " % of the time that there is"

                match machine.Told |> Seq.filter _.StartsWith("searching") |> List.ofSeq with
                | [ first; last ] ->
                    Expect.equal (says 0) first
                    Expect.isTrue (List.exists (fun share -> last = says share) [ 1..100 ]) last
                | told -> failtest (String.concat "; " told))

            testCase "who is known for a change is told" (fun () ->
                let ran =
                    dkim
                        [ "z", rsa.Zone; "-", signed rsa [] (mail text lines) + "footer\r\n" ]
                        [ "explain"; "--zone=z"; "--line-ends=crlf" ]

                Expect.contains "\"footer\\r\\n\" [known of Mailman, Sympa," ran.Output)
        ]
