/// What real servers and signers were seen to break, and that it is named: one short message for each kind.
module Dkim.Tests.Core.BreakageTests

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns

let private fields =
    [
        "From", "Ann <ann@example.com>"
        "To", "bob@example.org"
        "Subject", "Minutes"
        "Date", "Fri, 20 Nov 2026 12:00:00 +0000"
    ]

let private block (fields: (string * string) list) : string =
    fields
    |> List.map (fun (name, value) -> name + ": " + value + "\r\n")
    |> String.concat ""

let private lines = "Hello, Bob.\r\nHere are the minutes.\r\n\r\nAnn\r\n"

/// A message that a signer of one's own has signed with relaxed/relaxed: `hashed` says what it makes of the text that it
/// should hash, `sign` of the octets.
let private byHand
    (algorithm: string)
    (tags: string)
    (names: string)
    (hashed: string -> string)
    (sign: byte[] -> byte[])
    : string =
    let bodyHash =
        Convert.ToBase64String(SHA256.HashData(Encoding.Latin1.GetBytes lines))

    let own =
        "v=1; a="
        + algorithm
        + "; c=relaxed/relaxed; d=example.com; s=s; "
        + tags
        + "h="
        + names
        + "; bh="
        + bodyHash
        + "; b="

    let signed =
        names.Split ':'
        |> Array.collect (fun name ->
            fields
            |> List.filter (fun (known, _) -> known.Equals(name, StringComparison.OrdinalIgnoreCase))
            |> List.map (fun (_, value) -> name + ":" + value + "\r\n")
            |> Array.ofList)
        |> String.concat ""

    let octets = Encoding.Latin1.GetBytes(hashed (signed + "dkim-signature:" + own))

    "DKIM-Signature: "
    + own
    + Convert.ToBase64String(sign octets)
    + "\r\n"
    + block fields
    + "\r\n"
    + lines

let private key (keys: Keyring) =
    Expect.ok (SigningKey.parse ValueNone keys.Pem)

let private withRsa (octets: byte[]) =
    (key rsa).Sign(Sha256, SHA256.HashData octets)

/// A signed message with this body.
let private withBody (options: string list) (extra: (string * string) list) (body: string) : string =
    signed rsa options (block (fields @ extra) + "\r\n" + body)

let private explained keys options message = judged "explain" keys options message

let private steps (part: string) (signature: JsonElement) : (string * string) list =
    [
        for step in signature.GetProperty("steps").EnumerateArray() do
            if (text "title" step).Contains part then
                text "finding" step, String.Join("\n", step.GetProperty("lines").EnumerateArray() |> Seq.map string)
    ]

let private long =
    String.Join(' ', [ for number in 1..400 -> "word" + string number ]) + "\r\n"

/// As Postfix cuts lines: the space in front of the rest does not count.
let private cutAt (limit: int) (ending: string) (lead: string) (line: string) : string =
    Publication.pieces limit (line.TrimEnd())
    |> fun pieces -> String.Join(ending + "\r\n" + lead, pieces) + "\r\n"

let private inLines (width: int) (octets: byte[]) =
    String.Join("\r\n", Publication.pieces width (Convert.ToBase64String octets))
    + "\r\n"

let private data = Array.init 300 byte

let private parts (first: string) (second: string) =
    "--b\r\n" + first + "\r\n--b\r\n" + second + "\r\n--b--\r\n"

let private multipart =
    [ "MIME-Version", "1.0"; "Content-Type", "multipart/alternative; boundary=b" ]

/// Changes of a body: what it was signed as, its other fields, what it became, and what is to be said.
let private bodies: (string * (string * (string * string) list * string * string * string)) list =
    let eight kind =
        "Content-Type: text/"
        + kind
        + "; charset=utf-8\r\nContent-Disposition: inline\r\n\r\nGr\u00c3\u00bc\u00c3\u009fe"

    let was kind =
        "Content-Transfer-Encoding: 8bit\r\n" + eight kind

    let now kind =
        (eight kind)
            .Replace("inline\r\n", "inline\r\nContent-Transfer-Encoding: quoted-printable\r\n")
            .Replace("\u00c3\u00bc\u00c3\u009f", "=C3=BC=C3=9F")

    /// Where it stands, but not encoded.
    let eighth (part: string) =
        part.Replace("quoted-printable", "8bit").Replace("=C3=BC=C3=9F", "\u00c3\u00bc\u00c3\u009f")

    let html = "<html><body><p>Hello, <b>Bob</b>.</p>\r\n</body></html>\r\n"

    [
        "lines cut by Postfix", (long, [], cutAt 998 "" " " long, "lines-cut", "cut with CRLF and a space")
        "lines cut by Sendmail", (long, [], cutAt 990 "!" " " long, "lines-cut", "cut with !, CRLF and a space")
        "base64 in other lines",
        (inLines 78 data,
         [ "Content-Transfer-Encoding", "base64" ],
         inLines 76 data,
         "encoding-changed",
         "base64 lines had 78 characters")
        "base64 in lines where it was one",
        (Convert.ToBase64String data + "\r\n",
         [ "Content-Transfer-Encoding", "base64" ],
         inLines 76 data,
         "encoding-changed",
         "base64 was one line")
        "a part encoded, and its field moved",
        (parts (was "plain") (now "html" |> eighth),
         multipart,
         parts (now "plain") (now "html"),
         "encoding-changed",
         "8bit was changed to quoted-printable, and the field that names it was moved")
        "a line end put in",
        (lines, [], lines.Replace("Here are", "Here \r\nare"), "line-ends-changed", "end of line 2")
        "a space made a line end",
        (lines, [], lines.Replace("Here are", "Here\r\nare"), "line-ends-changed", "a space was made a line end")
        "a bare LF made CRLF",
        (lines.Replace("Bob.\r\n", "Bob.\n"), [], lines, "line-ends-changed", "a bare LF when the body was signed")
        "a banner inside a line of HTML",
        (html,
         [ "Content-Type", "text/html" ],
         html.Replace("<p>", "<div>CAUTION: external</div><p>"),
         "text-inserted",
         "28 octets were inserted inside line 1")
        "words inside a line",
        ("Hello, Bob.\r\n", [], "Hello, dear Bob.\r\n", "text-inserted", "5 octets were inserted inside line 1")
        "a signer that saw no body", ("", [], lines, "signer-fault", "the hash is that of an empty body")
        "a part encoded, and both fields moved",
        (parts (was "plain") (was "html"),
         multipart,
         parts (now "plain") (now "html"),
         "encoding-changed",
         "and the field that names it was moved")
    ]

/// Changes of the header: the options of the signer, the field as it was signed and as it came, and what is to be said.
let private headers: (string * (string * string * string * string)) list =
    [
        "a space after a comma",
        ("To: a@example.org,b@example.org",
         "To: a@example.org, b@example.org",
         "field-rewritten",
         "To got a space after a comma")
        "a copy under another name",
        ("Date: 20 Nov 2026 12:00 +0000",
         "Date: Fri, 20 Nov 2026 12:34:56 +0000\r\nX-OriginalDate: 20 Nov 2026 12:00 +0000",
         "field-rewritten",
         "the original is in X-OriginalDate")
        "a date in another zone",
        ("Date: Fri, 20 Nov 2026 17:30:00 +0530 (IST)",
         "Date: Fri, 20 Nov 2026 12:00:00 +0000",
         "field-rewritten",
         "Date was rewritten: it was Fri, 20 Nov 2026 17:30:00 +0530 (IST)")
        "a date without its day",
        ("Date: 5 Nov 2026 12:00:00 GMT",
         "Date: Thu, 05 Nov 2026 12:00:00 +0000",
         "field-rewritten",
         "it was 5 Nov 2026 12:00:00 GMT")
        "a date as date(1) writes it",
        ("Date: Fri Nov 20 12:00:00 +0000 2026",
         "Date: Fri, 20 Nov 2026 12:00:00 +0000",
         "field-rewritten",
         "it was Fri Nov 20 12:00:00 +0000 2026")
        "an address without a domain",
        ("To: bob", "To: bob@mx.example.org", "field-rewritten", "an address without it got the domain mx.example.org")
        "an address with half a domain",
        ("To: Bob <bob@mx>",
         "To: Bob <bob@mx.example.org>",
         "field-rewritten",
         "an address without it got the domain example.org")
        "a tag in an encoded word",
        ("Subject: =?utf-8?B?QmVyaWNodCDDvGJlciDDlmw=?=",
         "Subject: =?utf-8?B?W0VYVF0gQmVyaWNodCDDvGJlciDDlmw=?=",
         "subject-changed",
         "Subject got the prefix \"[EXT] \" and was encoded anew")
        "a tag, and another encoding",
        ("Subject: =?UTF-8?Q?Bericht_=C3=BCber_=C3=96l?=",
         "Subject: =?utf-8?B?W0VYVF0gQmVyaWNodCDDvGJlciDDlmw=?=",
         "subject-changed",
         "Subject got the prefix \"[EXT] \" and was encoded anew")
    ]

let private asRsa names hashed =
    byHand "rsa-sha256" "" names hashed withRsa

/// A signature whose first octet is zero, which its signer has left out: one in 256 begins so.
let private shortened () : string =
    let attempt (number: int) =
        let mutable isShort = false

        let message =
            byHand "rsa-sha256" ("t=" + string (1700000000 + number) + "; ") "from:to" id (fun octets ->
                let signature = withRsa octets
                isShort <- signature[0] = 0uy
                if isShort then signature[1..] else signature)

        if isShort then Some message else None

    Seq.initInfinite attempt |> Seq.pick id

let private withReceived (message: string) =
    "Received: from a.example by b.example; Fri, 20 Nov 2026 12:00:30 +0000\r\n"
    + message

/// A test for each row, by its name.
let private named (name: string) (rows: (string * 'row) list) (body: 'row -> unit) : Test =
    testNamed name (rows |> List.map (fun (name, row) -> name, [], row)) body

[<Tests>]
let tests =
    testList
        "BreakageTests"
        [
            testCase "what is signed by hand passes" (fun () ->
                Expect.equal "pass" (text "result" (judged "verify" rsa [] (asRsa "from:to:subject" id))))

            named "changes of a body are named" bodies (fun (before, extra, after, name, says) ->
                for options in [ []; simple ] do
                    withBody options extra before
                    |> fun message -> message.Substring(0, message.Length - before.Length) + after
                    |> guesses rsa []
                    |> guessed name says)

            named "changes of a field are named" headers (fun (before, after, name, says) ->
                let field = before.Substring(0, before.IndexOf ':')

                let others = fields |> List.filter (fun (known, _) -> known <> field) |> block

                signed rsa [] (before + "\r\n" + others + "\r\n" + lines)
                |> edit before after
                |> guesses rsa []
                |> guessed name says)

            testCase "a body that a list has made a part is found" (fun () ->
                let wrapped =
                    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                    + parts ("Content-Type: text/plain\r\n\r\n" + lines) "\r\nA list.\r\n"

                signed rsa [ "--sign=From"; "--sign=Subject" ] (block fields + "\r\n" + lines)
                |> edit ("\r\n" + lines) wrapped
                |> guesses rsa []
                |> guessed "body-wrapped" "the signed body is part 1")

            testCase "several fields that were added though h= forbids it are found" (fun () ->
                asRsa "from:to:subject:list-id:list-post:list-help" id
                |> edit "From: " "List-Id: <l.example.org>\r\nList-Post: <mailto:l>\r\nList-Help: <mailto:h>\r\nFrom: "
                |> guesses rsa []
                |> guessed "field-added" "the fields List-Id, List-Post, List-Help were added")

            testCase "an empty field that was removed is found" (fun () ->
                for sign in [ "cc:\r\n"; "cc: \r\n" ] do
                    signed rsa [] (block fields + "Cc:" + sign.Substring 3 + "\r\n" + lines)
                    |> edit ("Cc:" + sign.Substring 3) ""
                    |> guesses rsa []
                    |> guessed "field-removed" "which is not here")

            testCase "faults of signers are named" (fun () ->
                asRsa "from:to:subject" (fun text -> text + "\r\n")
                |> guesses rsa []
                |> guessed "signer-fault" "a line end behind its own field"

                asRsa "from:cc:to" (fun text -> text.Replace("to:bob", "cc:\r\nto:bob"))
                |> guesses rsa []
                |> guessed "field-removed" "h= names cc, which is not here"

                byHand "ed25519-sha256" "" "from:to" id (fun octets -> (key ed25519).Sign(Sha256, octets))
                |> guesses ed25519 []
                |> guessed "signer-fault" "b= signs the header itself")

            (testCase "a signature that is an octet short is not called good" (fun () ->
                let signature = explained rsa [] (shortened ())

                Expect.equal [ "bad" ] (steps "b= signs" signature |> List.map fst)

                Expect.contains
                    "b= has 127 octets, and this key makes 128 (RFC 8017 §8.2.2)"
                    (steps "b= signs" signature |> List.head |> snd)

                guesses rsa [] (shortened ())
                |> guessed "signer-fault" "octets of b= are missing"))

            testCase "names of h= that have no field are told from those that are sealed" (fun () ->
                let told names =
                    asRsa names id |> explained rsa [] |> steps "b= signs" |> List.head |> snd

                Expect.contains
                    "which are not here; absent when it was signed, or removed since: x-mailer"
                    (told "from:x-mailer")

                Expect.lacks "once more" (told "from:x-mailer")
                Expect.contains "once more than they occur, so that none can be added: from" (told "from:to:from")
                Expect.lacks "not here" (told "from:to:from"))

            testCase "a header that an empty line cuts is found" (fun () ->
                let message =
                    signed rsa [] (block fields + "\r\n" + lines) |> edit "From: " "\r\nFrom: "

                Expect.equal [ "header-cut" ] (guesses rsa [] message |> List.map fst)
                let signature = explained rsa [] message
                Expect.contains "which are not here" (steps "b= signs" signature |> List.head |> snd))

            testCase "a key of another type judges nothing" (fun () ->
                let ran =
                    dkim
                        [ "z", ed25519.Zone; "-", signed rsa [] (block fields + "\r\n" + lines) ]
                        [ "explain"; "--zone=z"; "--line-ends=crlf" ]

                Expect.contains "?? b= signs this header" ran.Output
                Expect.contains "the key is ed25519, which cannot judge a signature of rsa-sha256" ran.Output
                Expect.lacks "What happened" ran.Output)

            testCase "a record that testkey calls wrong is called so" (fun () ->
                let zone = "{\"s._domainkey.example.com\": [\"\\\"v=DKIM1; p=AAAA\\\"\"]}"

                let found =
                    explained { rsa with Zone = zone } [] (signed rsa [] (block fields + "\r\n" + lines))
                    |> steps "the key may serve"

                Expect.equal [ "bad" ] (List.map fst found)
                Expect.contains "quotation marks are part of the record" (snd found.Head))

            testRows
                "a signature that expired since it was received"
                [ "1795176060", [ "note" ]; "1795176020", [] ]
                (fun (expires: string, expected) ->
                    let found =
                        byHand "rsa-sha256" ("x=" + expires + "; ") "from:to" id withRsa
                        |> withReceived
                        |> explained rsa [ "--now=1800000000" ]
                        |> steps "when it was received"

                    Expect.equal expected (List.map fst found))

            testCase "what programs do to files is undone, and told" (fun () ->
                let good = signed rsa [] (block fields + "\r\n" + lines)
                let cut = good.IndexOf "\r\n\r\n" + 4
                let header, body = good.Substring(0, cut), good.Substring cut
                let unix (text: string) = text.Replace("\r\n", "\n")

                let verified options message =
                    let ran = dkim [ "z", rsa.Zone; "-", message ] ([ "verify"; "--zone=z" ] @ options)
                    ran.Output.Contains "dkim 1: pass", ran.Errors

                let mixed =
                    "dkim: -: note: line ends are mixed: LF in the header is taken for CRLF\n"

                let mark =
                    "dkim: -: note: the byte order mark in front of the first field is passed over\n"

                for message, note in
                    [
                        good, ""
                        unix good, ""
                        "\u00ef\u00bb\u00bf" + good, mark
                        "\u00ef\u00bb\u00bf" + unix good, mark
                        "Received: by a.example\n" + good, mixed
                        "From ann Fri Nov 20 12:00:00 2026\n" + good, mixed
                        unix header + body, mixed
                        "\u00ef\u00bb\u00bf" + unix header + body, mark + mixed
                        // Taken for lines they would be no fields, so they are octets of one.
                        "X-Note: one\ntwo\r\n" + good, ""
                    ] do
                    Expect.equal (true, note) (verified [] message)

                for message in [ "\u00ef\u00bb\u00bf" + good; unix header + body ] do
                    Expect.equal (false, "") (verified [ "--line-ends=crlf" ] message))

            testCase "a bare LF of the body stays one below a header with LF" (fun () ->
                let good = signed rsa simple (block fields + "\r\nOne\ntwo\r\n")
                let cut = good.IndexOf "\r\n\r\n" + 4
                let file = good.Substring(0, cut).Replace("\r\n", "\n") + good.Substring cut
                let ran = dkim [ "z", rsa.Zone; "-", file ] [ "verify"; "--zone=z" ]
                // The canonicalization simple has been told of the lines that were folded, and they are what they were.
                Expect.contains "dkim 1: pass" ran.Output)

            testCase "a signed message that is attached is told of" (fun () ->
                let attached (inner: string) =
                    block fields
                    + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
                    + inner
                    + "\r\n--b--\r\n"

                let inner = signed rsa [] (block fields + "\r\n" + lines)

                let told message =
                    let count =
                        json (dkim [ "z", rsa.Zone; "-", message ] [ "explain"; "--zone=z"; "--json" ])

                    (dkim [ "z", rsa.Zone; "-", message ] [ "explain"; "--zone=z" ]).Output,
                    count.GetProperty("attached_signed").GetInt32()

                let says, count = told (attached inner)
                Expect.equal 1 count
                Expect.contains "a message that is attached to it has one" says
                Expect.equal ("The message has no signature.\n", 0) (told (attached (block fields + "\r\n" + lines)))

                Expect.equal 1 (snd (told (block fields + "Content-Type: message/rfc822\r\n\r\n" + inner))))
        ]
