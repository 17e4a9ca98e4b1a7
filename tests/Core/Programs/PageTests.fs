/// Pages: one file that holds what others wrote as text alone, with the structure that readers of screens need.
module Dkim.Tests.Core.PageTests

open System
open System.Security.Cryptography
open System.Text
open System.Text.RegularExpressions
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Explaining
open Dkim.Core.Explaining.Edits
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool.Pages
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private hostile =
    "</code></style><script>alert(1)</script><img src=//x.example/y onerror=alert(1)>\"' &lt; \u0001\u001b[31m"

let private path =
    "Received: from "
    + hostile
    + " by <b>mx</b>; Fri, 20 Nov 2026 12:00:05 +0000\r\n"

/// A page of a message that a list has changed and whose fields are hostile.
let private page (options: string list) (changed: string -> string) : string =
    let message = signed rsa [] (message.Replace("hello", hostile))

    let ran =
        dkim
            [ "z", rsa.Zone; "<b>&m", path + changed message ]
            ([ "explain"; "--html=-"; "--zone=z"; "--line-ends=crlf"; "<b>&m" ] @ options)

    Expect.equal 0 ran.Code
    ran.Output

let private list (message: string) =
    message.Replace("Subject: ", "Subject: [list] ") + "-- \r\n" + hostile + "\r\n"

/// The elements of a page, in order, without what is in them.
let private tags (page: string) : string list =
    let body = Regex.Replace(page, "<style>[^<]*</style>", "")
    [ for found in Regex.Matches(body, "<[^>]*>") -> found.Value ]

let private elements =
    "html head meta title body header main nav section footer h1 h2 h3 p a ul li table caption thead tbody tr th td span code pre del ins"
        .Split
        ' '

/// What a `Guess` of a message that a list has changed has under its changes.
let private changesOf (message: string) : ChangedText list * SignatureResult =
    let mail =
        Expect.ok (Mail.read HeaderLimits.defaults FileLines.CrLf (ReadOnlyMemory(Octets.ofLatin1 message)))

    let zone = Zone.answer (Expect.ok (Zone.parse rsa.Zone))
    let plan = Verifier.plan VerifyPolicy.defaults 1795000000L<sec> mail.Header
    let all = Verifier.conclude plan (BodyHasher.ofMail plan.Digests mail) zone

    let explained =
        ExplainedMail(Effort.OfMessage(), VerifyPolicy.defaults, 1795000000L<sec>, mail, all)

    let explanation = Explanation.explain explained (zone plan.Questions.Head) all.Head
    explanation.Guesses |> List.collect _.Changes, all.Head

[<Tests>]
let tests =
    testList
        "PageTests"
        [
            testCase "no octet of a message is read as HTML" (fun () ->
                let page = page [] list

                for tag in tags page do
                    let name = Regex.Match(tag, "^</?([a-z0-9]+)").Groups[1].Value
                    Expect.isTrue (tag.StartsWith "<!DOCTYPE" || Array.contains name elements) tag
                    Expect.lacks "onerror" tag

                Expect.lacks "<script" page
                Expect.lacks "<img" page
                Expect.isFalse (page |> Seq.exists (fun c -> Char.IsControl c && c <> '\n')) "control characters"
                Expect.contains "&lt;script&gt;alert(1)" page
                Expect.contains "\\x1b[31m" page)

            testCase "elements are closed in the order in which they were opened" (fun () ->
                let next (still: string list) (tag: string) =
                    let name = Regex.Match(tag, "^</?!?([A-Za-z0-9]+)").Groups[1].Value

                    match still with
                    | _ when List.contains name [ "DOCTYPE"; "meta" ] -> still
                    | opened :: rest when tag.StartsWith "</" ->
                        Expect.equal opened name
                        rest
                    | _ -> name :: still

                Expect.equal [] (tags (page [] list) |> List.fold next []))

            testCase "it loads nothing and runs nothing, and its policy names its own style alone" (fun () ->
                let page = page [] list
                let style = Regex.Match(page, "<style>([^<]*)</style>").Groups[1].Value
                let hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes style))

                Expect.contains
                    ("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"
                     + hash
                     + "'; base-uri 'none'; form-action 'none'\">")
                    page

                for word in [ "@import"; "url("; "@font-face" ] do
                    Expect.lacks word style

                for tag in tags page do
                    for found in Regex.Matches(tag, " ([a-z-]+)=\"([^\"]*)\"") do
                        let name, value = found.Groups[1].Value, found.Groups[2].Value

                        Expect.isTrue
                            (List.contains
                                name
                                [
                                    "lang"
                                    "charset"
                                    "http-equiv"
                                    "content"
                                    "name"
                                    "class"
                                    "id"
                                    "scope"
                                    "href"
                                    "aria-label"
                                    "aria-labelledby"
                                ])
                            name

                        Expect.isTrue (name <> "href" || page.Contains(" id=\"" + value.Substring 1 + "\"")) value)

            testCase "readers of screens find language, landmarks, headings, captions and table headers" (fun () ->
                let page = page [] list

                for part in
                    [
                        "<html lang=\"en\">"
                        "<title>DKIM: &lt;b&gt;&amp;m</title>"
                        "<header>"
                        "<nav aria-label="
                        "<main>"
                        "<footer>"
                        "<th scope=\"col\">"
                        "<th scope=\"row\">"
                        "prefers-color-scheme: dark"
                        "@media print"
                    ] do
                    Expect.contains part page

                Expect.equal 1 (Regex.Count(page, "<h1"))
                Expect.equal (Regex.Count(page, "<table")) (Regex.Count(page, "<caption>")))

            testCase "it shows path, steps, what changed side by side, record and what to do" (fun () ->
                let page = page [] list
                Expect.contains "2026-11-20 12:00:05 UTC" page
                Expect.contains "signed: signature 1, example.com" page
                Expect.contains "the body has the hash that bh= says" page
                Expect.contains "<td><code>subject:<ins>[list] </ins>" page
                Expect.contains "<ins>--\\r\\n</ins>" page
                Expect.contains "v=DKIM1; k=rsa; p=" page
                Expect.contains "<h3>What to do</h3>" page)

            testCase "a good message has nothing to do" (fun () ->
                let page = page [] id
                Expect.contains "<span class=\"badge good\">pass</span>" page
                Expect.lacks "What to do" page)

            testCase "what was before a change has the hash that was signed" (fun () ->
                let changed, judged = changesOf (list (signed rsa [] message))
                let body = changed |> List.find _.IsBody
                Expect.equal 2 changed.Length

                match judged.Signature with
                | ValueSome signature -> Expect.equal signature.BodyHash (SHA256.HashData body.Was)
                | ValueNone -> Expect.isTrue false "no signature"

                let header = changed |> List.find (fun change -> not change.IsBody)
                Expect.contains "subject:[list] hello" (Octets.latin1 (ReadOnlySpan header.Is))
                Expect.contains "subject:hello" (Octets.latin1 (ReadOnlySpan header.Was)))

            testCase "the page goes to the file that is named, and nothing else is printed" (fun () ->
                let ran =
                    dkim [ "z", rsa.Zone; "-", signed rsa [] message ] [ "explain"; "--zone=z"; "--html=p.html" ]

                Expect.equal (0, "") (ran.Code, ran.Output)
                Expect.contains "<title>DKIM: -</title>" ran.Made["p.html"])

            testCase
                "the page of verify has a row for every signature, with the others first and counts by domain"
                (fun () ->
                    let good = signed rsa [] message

                    let ran =
                        dkim
                            [
                                "z", rsa.Zone
                                "<i>m", good
                                "altered", good + hostile + "\r\n"
                                "unsigned", message
                            ]
                            [ "verify"; "--zone=z"; "--html=-"; "<i>m"; "altered"; "missing"; "unsigned" ]

                    Expect.equal 65 ran.Code
                    let page = ran.Output

                    Expect.contains
                        "<p>4 messages: 1 with a signature that passes, 1 whose signatures do not pass, 1 without a signature, 1 that could not be read.</p>"
                        page

                    Expect.contains "<code>&lt;i&gt;m</code>" page
                    Expect.contains "<span class=\"badge bad\">fail</span>" page
                    Expect.contains "<span class=\"badge bad\">not read</span>" page
                    Expect.contains "<span class=\"badge note\">none</span>" page
                    Expect.contains "Without a signature that passes: 3</h2>" page
                    Expect.isTrue (page.IndexOf "passes: 3</h2>" < page.IndexOf "passes: 1</h2>") "order"
                    Expect.lacks "<i>" page
                    Expect.contains "dkim: missing: " ran.Errors)

            testCase
                "a page of many messages has rows for the first of each kind, and says how many more there are"
                (fun () ->
                    let count = ToolLimits.PageMessages + 2
                    let files = [ for number in 1..count -> "m" + string number, message ]
                    let ran = dkim files ([ "verify"; "--html=-" ] @ List.map fst files)
                    Expect.contains "<code>m1</code>" ran.Output
                    Expect.contains ("<code>m" + string ToolLimits.PageMessages + "</code>") ran.Output
                    Expect.lacks ("<code>m" + string count + "</code>") ran.Output
                    Expect.contains "<p>And 2 messages more.</p>" ran.Output)

            testRows
                "the page of a key says whether it is good, and what to do"
                [
                    ("v=DKIM1; p=QUJD", 1, "<span class=\"badge bad\">WRONG</span>")
                    ("\\\"v=DKIM1; k=rsa; <b>\\\"", 1, "&lt;b&gt;")
                    ("", 0, "<span class=\"badge good\">good</span>: the record fits the private key")
                ]
                (fun (text, code, says) ->
                    let zone =
                        if text = "" then
                            rsa.Zone
                        else
                            "{\"s._domainkey.example.com\": [\"" + text + "\"]}"

                    let ran =
                        dkim
                            [ "z", zone; "k", rsa.Pem ]
                            [
                                "testkey"
                                "--zone=z"
                                "--key=k"
                                "--selector=s"
                                "--domain=example.com"
                                "--html=-"
                            ]

                    Expect.equal code ran.Code
                    Expect.contains "<title>DKIM key: s._domainkey.example.com</title>" ran.Output
                    Expect.contains says ran.Output
                    Expect.lacks "<b>" ran.Output)

            testRows
                "text is escaped, and what would hide in it is written by its number"
                [
                    ("<a href=\"x\">&'", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;")
                    ("\u202ecba\u200b\ufeff", "\\u{202e}cba\\u{200b}\\u{feff}")
                    ("a\u0000\u007f\r\u0085\u2028", "a\\u{0}\\u{7f}\\u{d}\\u{85}\\u{2028}")
                    ("\ud800", "\\u{fffd}")
                    ("Grüße 你好", "Grüße 你好")
                ]
                (fun (text, escaped) ->
                    Expect.contains ("<p>" + escaped + "</p>") (Html.Document("", [ Page.paragraph text ])))
        ]
