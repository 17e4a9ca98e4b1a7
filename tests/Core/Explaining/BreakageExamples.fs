/// What real servers and signers were seen to break, and that it is named: one short message for each kind.
module Dkim.Tests.Core.BreakageExamples

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.ExplanationRuns

let fields =
    [
        "From", "Ann <ann@example.com>"
        "To", "bob@example.org"
        "Subject", "Minutes"
        "Date", "Fri, 20 Nov 2026 12:00:00 +0000"
    ]

let block (fields: (string * string) list) : string =
    fields
    |> List.map (fun (name, value) -> name + ": " + value + "\r\n")
    |> String.concat ""

let lines = "Hello, Bob.\r\nHere are the minutes.\r\n\r\nAnn\r\n"

/// A message that a signer of one's own has signed with relaxed/relaxed: `hashed` says what it makes of the text that it
/// should hash, `sign` of the octets.
let byHand
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

let key (keys: Keyring) =
    Expect.ok (SigningKey.parse ValueNone keys.Pem)

let withRsa (octets: byte[]) =
    (key rsa).Sign(Sha256, SHA256.HashData octets)

/// A signed message with this body.
let withBody (options: string list) (extra: (string * string) list) (body: string) : string =
    signed rsa options (block (fields @ extra) + "\r\n" + body)

let explained keys options message = judged "explain" keys options message

let steps (part: string) (signature: JsonElement) : (string * string) list =
    [
        for step in signature.GetProperty("steps").EnumerateArray() do
            if (text "title" step).Contains part then
                text "finding" step, String.Join("\n", step.GetProperty("lines").EnumerateArray() |> Seq.map string)
    ]

let long =
    String.Join(' ', [ for number in 1..400 -> "word" + string number ]) + "\r\n"

/// As Postfix cuts lines: the space in front of the rest does not count.
let cutAt (limit: int) (ending: string) (lead: string) (line: string) : string =
    Publication.pieces limit (line.TrimEnd())
    |> fun pieces -> String.Join(ending + "\r\n" + lead, pieces) + "\r\n"

let inLines (width: int) (octets: byte[]) =
    String.Join("\r\n", Publication.pieces width (Convert.ToBase64String octets))
    + "\r\n"

let data = Array.init 300 byte

let parts (first: string) (second: string) =
    "--b\r\n" + first + "\r\n--b\r\n" + second + "\r\n--b--\r\n"

let multipart =
    [ "MIME-Version", "1.0"; "Content-Type", "multipart/alternative; boundary=b" ]

/// Changes of a body: what it was signed as, its other fields, what it became, and what is to be said.
let bodies: (string * (string * (string * string) list * string * string * string)) list =
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
let headers: (string * (string * string * string * string)) list =
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

let asRsa names hashed =
    byHand "rsa-sha256" "" names hashed withRsa

/// A signature whose first octet is zero, which its signer has left out: one in 256 begins so.
let shortened () : string =
    let attempt (number: int) =
        let mutable isShort = false

        let message =
            byHand "rsa-sha256" ("t=" + string (1700000000 + number) + "; ") "from:to" id (fun octets ->
                let signature = withRsa octets
                isShort <- signature[0] = 0uy
                if isShort then signature[1..] else signature)

        if isShort then Some message else None

    Seq.initInfinite attempt |> Seq.pick id

let withReceived (message: string) =
    "Received: from a.example by b.example; Fri, 20 Nov 2026 12:00:30 +0000\r\n"
    + message

/// A test for each row, by its name.
