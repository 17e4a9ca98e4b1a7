/// `dkim postfix`: what it finds in configurations, of which each row is the least that shows it.
module Dkim.Tests.Core.PostfixTests

open System
open System.IO
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

[<Literal>]
let private Milters = "smtpd_milters = inet:127.0.0.1:8891\n"

[<Literal>]
let private Rest =
    "non_smtpd_milters = inet:127.0.0.1:8891\ninternal_mail_filter_classes = bounce\n"

[<Literal>]
let private Ours = Milters + Rest

[<Literal>]
let private Smtp = "smtp inet n - n - - smtpd\n"

[<Literal>]
let private Filtered =
    "smtp inet n - n - - smtpd\n  -o content_filter=scan:[127.0.0.1]:10024\n"

[<Literal>]
let private Back = "127.0.0.1:10025 inet n - n - - smtpd\n"

let private filterFile =
    "Domain example.com\nSelector mail\nKeyFile key\nCanonicalization simple/simple\nSocket inet:8891@127.0.0.1\n"

let private foundIn (ran: Ran) : (string * string * string) list =
    [
        for found in (json ran).GetProperty("findings").EnumerateArray() do
            text "severity" found, text "name" found, text "write" found
    ]

let private check files options configuration =
    let ran =
        dkim (("c", configuration) :: files) ([ "postfix"; "--json"; "c" ] @ options)

    Expect.equal "" ran.Errors
    let found = foundIn ran
    let isBad = found |> List.exists (fun (severity, _, _) -> severity = "warning")
    Expect.equal (if isBad then 1 else 0) ran.Code
    found

/// Findings without the filter's file, and with these lines of it behind the usual ones.
let private finds configuration expected =
    testCase
        (String.Join(" / ", expected |> List.map (fun (_, name, _) -> name))
         + " in "
         + configuration)
        (fun () -> Expect.equal expected (check [] [] configuration))

let private findsBeside lines configuration expected =
    testCase ("beside " + lines + ": " + configuration) (fun () ->
        Expect.equal
            expected
            (check [ "f", filterFile + lines; "internal", "192.0.2.1\n" ] [ "--filter=f" ] configuration))

let private warning name write = "warning", name, write
let private note name write = "note", name, write
let private reinjection = [ warning "reinjection-signs" "-o smtpd_milters=" ]

let private entrances =
    [
        finds (Ours + Smtp) []
        finds (Ours + Filtered + Back + " -o content_filter=\n") reinjection
        finds (Ours + Filtered + Back + " -o content_filter=\n -o smtpd_milters=\n") []
        finds
            (Ours
             + Filtered
             + Back
             + " -o content_filter=\n -o receive_override_options=no_milters\n")
            []
        finds (Ours + "content_filter = scan:x\n" + Smtp + Back + " -o content_filter=\n") reinjection
        finds (Ours + Filtered + "10025 inet n - n - - smtpd -o content_filter=\n") reinjection
        // FILTER in an access map names no content filter anywhere.
        finds (Ours + Smtp + Back + " -o content_filter=\n") reinjection
        finds
            (Ours
             + "smtp inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:10024\n"
             + Back
             + " -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n")
            reinjection
        finds (Ours + Filtered + Back) [ note "loopback-signs" "-o smtpd_milters=" ]
        finds (Ours + Smtp + Back) []
        // What the last line of a name says counts.
        finds
            (Ours
             + Filtered
             + Back
             + " -o smtpd_milters= -o content_filter= -o smtpd_milters=inet:h:1\n")
            reinjection
        finds
            (Ours
             + Filtered
             + Back
             + " -o content_filter=\n -o { smtpd_milters = $my_none }\n")
            []
        finds
            (Ours
             + Filtered
             + Back
             + " -o content_filter=\n -o smtpd_milter_maps=cidr:/etc/postfix/milters\n")
            [ note "milter-map" "-o smtpd_milters= -o smtpd_milter_maps=" ]
        finds
            (Ours
             + "smtp inet n - n - - smtpd -o content_filter=scan:dummy\nscan unix - n n - 10 pipe user=nobody argv=/x\n"
             + "pickup unix n - n 60 1 pickup\n")
            [
                note
                    "program-signs"
                    "127.0.0.1:10025 inet n - n - - smtpd -o content_filter= -o smtpd_milters= -o mynetworks=127.0.0.0/8"
            ]
    ]

let private beside =
    let back = Ours + Filtered + Back + " -o content_filter=\n"

    [
        findsBeside "" back reinjection
        findsBeside "Mode v\n" back []
        findsBeside "InternalHosts internal\n" back []
        findsBeside "InternalHosts internal\nMTA back\n" (back + " -o milter_macro_daemon_name=BACK\n") reinjection
        findsBeside
            ""
            ("smtpd_milters = inet:127.0.0.1:1\n" + Filtered + Back + " -o content_filter=\n")
            [
                warning "filter-unused" "smtpd_milters = inet:127.0.0.1:1,inet:127.0.0.1:8891"
            ]
        findsBeside
            ""
            ("smtp inet n - n - - smtpd -o { smtpd_milters = inet:127.0.0.1:1 }\n"
             + Back
             + " -o smtpd_milters=\n")
            [
                warning "filter-unused" "-o smtpd_milters=inet:127.0.0.1:1,inet:127.0.0.1:8891"
            ]
        findsBeside
            ""
            (Back + " -o smtpd_milters=\n" + Smtp)
            [ warning "filter-unused" "smtpd_milters = inet:127.0.0.1:8891" ]
        findsBeside
            "MTA ORIGINATING\n"
            (Ours + Smtp)
            [ warning "entrance-missing" "-o milter_macro_daemon_name=ORIGINATING" ]
        findsBeside
            "MTA ORIGINATING\n"
            (Ours
             + Smtp
             + "submission inet n - n - - smtpd\n -o milter_macro_daemon_name=ORIGINATING\n")
            []
        findsBeside
            "MTA mx.example.com\n"
            (Ours + "myhostname = mx.example.com\n" + Smtp)
            [ warning "strangers-by-name" "-o milter_macro_daemon_name=VERIFYING" ]
        findsBeside "Canonicalization relaxed/simple\n" (Ours + "milter_protocol = 2\n" + Smtp) []
    ]

let private milters =
    [
        finds
            (Ours + "milter_default_action = accept\n" + Smtp)
            [ warning "passes-without-filter" "milter_default_action = tempfail" ]
        finds
            (Ours + Smtp + " -o milter_default_action=accept\n")
            [ warning "passes-without-filter" "-o milter_default_action=tempfail" ]
        finds
            ("smtpd_milters = { inet:127.0.0.1:8891, default_action = accept }\n"
             + Rest
             + Smtp)
            [
                warning "passes-without-filter" "smtpd_milters = { inet:127.0.0.1:8891, default_action = tempfail }"
            ]
        // The line changes what says it, and nothing else.
        finds
            (Ours
             + Smtp
             + " -o { smtpd_milters = unix:a { unix:b, protocol = 3, default_action = accept } }\n")
            [
                warning
                    "passes-without-filter"
                    "-o { smtpd_milters = unix:a,{ unix:b, default_action = tempfail, protocol = 3 } }"
                warning
                    "protocol-strips-blanks"
                    "-o { smtpd_milters = unix:a,{ unix:b, default_action = accept, protocol = 6 } }"
            ]
        finds
            ("smtpd_milters = { inet:127.0.0.1:8891, default_action = tempfail }\nmilter_default_action = accept\n"
             + Smtp
             + "non_smtpd_milters = { inet:127.0.0.1:8891, default_action = tempfail }\n"
             + "internal_mail_filter_classes = bounce\n")
            []
        finds (Ours + "milter_protocol = 4\n" + Smtp) [ warning "protocol-strips-blanks" "milter_protocol = 6" ]
        finds (Ours + "milter_protocol = 5\n" + Smtp) [ warning "protocol-unknown" "milter_protocol = 6" ]
        finds ("milter_protocol = 2\nmilter_default_action = accept\n" + Smtp) []
        finds (Milters + Smtp) [ note "local-mail-unsigned" "non_smtpd_milters = inet:127.0.0.1:8891" ]
        finds
            (Milters + "non_smtpd_milters = $smtpd_milters\n" + Smtp)
            [ note "bounces-unsigned" "internal_mail_filter_classes = bounce" ]
        finds
            (Ours + "smtp_header_checks = regexp:/x\n" + Smtp + "smtp unix - - n - - smtp\n")
            [ warning "rewritten-after-signing" "header_checks = regexp:/x" ]
        finds
            (Ours + Smtp + "relay unix - - n - - smtp\n -o smtp_generic_maps=hash:/x\n")
            [ warning "rewritten-after-signing" "sender_canonical_maps = hash:/x" ]
        finds
            (Ours
             + "header_checks = regexp:/x\nmasquerade_domains = a\n"
             + Smtp
             + "smtp unix - - n - - smtp\n")
            []
        finds
            ("smtpd_milters = unix:/var/spool/postfix/f/s\n"
             + Rest
             + "smtp inet n - y - - smtpd\n")
            [ note "socket-outside-chroot" "smtpd_milters = unix:f/s" ]
        finds ("smtpd_milters = unix:f/s\n" + Rest + "smtp inet n - y - - smtpd\n") []
        finds
            ("smtpd_milters = inet:h:1 unix:/f/s\nnon_smtpd_milters = unix:/f/s\n"
             + "internal_mail_filter_classes = bounce\nsmtp inet n - y - - smtpd\ncleanup unix n - y - 0 cleanup\n")
            [
                note "socket-outside-chroot" "smtpd_milters = inet:h:1,unix:dkim-filter/dkim-filter.sock"
                note "socket-outside-chroot" "non_smtpd_milters = unix:dkim-filter/dkim-filter.sock"
            ]
        testCase "the filter's socket inside the chroot is no note" (fun () ->
            Expect.equal
                []
                (check
                    [ "f", filterFile + "Socket local:/var/spool/postfix/f/s\n" ]
                    [ "--filter=f" ]
                    ("smtpd_milters = unix:/f/s\nnon_smtpd_milters = unix:f/s\n"
                     + "internal_mail_filter_classes = bounce\nsmtp inet n - y - - smtpd\n")))
        finds
            ("smtpd_milters = unix:/f/s\n"
             + Rest
             + "compatibility_level = 3.6\nsmtp inet n - - - - smtpd\n")
            []
        testCase "dk-filter behind dkim-filter" (fun () ->
            let asked list =
                check
                    [ "f", filterFile ]
                    [ "--filter=f"; "--dk-socket=inet:8892@127.0.0.1" ]
                    ("smtpd_milters = " + list + "\n" + Rest + Smtp)

            Expect.equal
                [
                    warning "milter-order" "smtpd_milters = inet:localhost:8892,inet:127.0.0.1:8891"
                ]
                (asked "inet:127.0.0.1:8891 inet:localhost:8892")

            Expect.equal
                [
                    warning
                        "milter-order"
                        "smtpd_milters = inet:127.0.0.1:8892,{ inet:127.0.0.1:8891, connect_timeout = 9s }"
                ]
                (asked "{ inet:127.0.0.1:8891, connect_timeout=9s } inet:127.0.0.1:8892")

            Expect.equal [] (asked "inet:127.0.0.1:8892, inet:127.0.0.1:8891"))
    ]

let private expansion =
    let expand parameters text =
        PostfixValues.expand (fun name -> Map.tryFind name (Map parameters) |> Option.toValueOption) text

    let row text expected =
        testCase ("expands " + text) (fun () ->
            Expect.equal expected (expand [ "a", "1"; "b", "x$a"; "e", ""; "loop", "$loop$loop" ] text))

    [
        row "$a-${b}-$(b)-$$a-$" "1-x1-x1-$a-$"
        row "$none." "."
        row "${a?yes}${e?no}${e:$b}${a:no}" "yesx1"
        row "${a?{y}:{n}}${e?{y}:{n}} ${e? {y} : {n} }" "yn n"
        row "${{$a} == {1}?{same}:{other}}${{$a} >= {2}?{y}:{n}}" "samen"
        row "$loop" ""
        testCase "what grows without end ends" (fun () ->
            let doubled =
                [
                    for n in 0..60 -> "p" + string n, "$p" + string (n + 1) + "$p" + string (n + 1)
                ]

            let text = expand (("p61", String('x', 100)) :: doubled) "$p0"
            Expect.isTrue (text.Length <= 8192) (string text.Length)
            let long = String('y', 60000)
            Expect.equal (long + "1") (expand [ "a", "1" ] (long + "$a")))
        // The test's limit of time is what fails where each value costs what it asks for.
        testCase "a file whose values ask for far more than it has is answered" (fun () ->
            let doubled =
                [
                    for n in 0..80 -> "p" + string n + " = $p" + string (n + 1) + "$p" + string (n + 1) + "\n"
                ]

            let services = [ for n in 1..256 -> string n + " inet n - n - - smtpd\n" ]

            let values =
                "smtpd_milters = inet:h:1 $p0\nnon_smtpd_milters = $p0\ncontent_filter = $p0\n"

            let configuration = String.concat "" (doubled @ [ values ] @ services)

            Expect.equal [ note "local-mail-unsigned" "non_smtpd_milters = inet:h:1" ] (check [] [] configuration))
        testCase "the first 64 milters of a list count" (fun () ->
            let many = String.replicate 100 "inet:h:1 "
            Expect.equal 64 (PostfixValues.milters many).Length)
    ]

let private lines =
    [
        testCase "lines go on, and places are those of their beginnings" (fun () ->
            let configuration =
                "# a\n\nsmtpd_milters =\n # between\n\n\tinet:127.0.0.1:8891\n"
                + Rest
                + Filtered
                + Back
                + "# between\n\t-o content_filter=\n"

            let ran = dkim [ "c", configuration ] [ "postfix"; "c" ]

            Expect.equal
                "c:11: 127.0.0.1:10025 inet: smtpd_milters = inet:127.0.0.1:8891"
                (Array.head (ran.Output.Split '\n')))
        testCase "odd lines are read as Postfix reads them" (fun () ->
            let names configuration =
                check [] [] configuration |> List.map (fun (_, name, _) -> name)

            let back options = Ours + Filtered + Back + options
            let crlf (text: string) = text.Replace("\n", "\r\n")
            Expect.equal [ "reinjection-signs" ] (names (crlf (back " -o content_filter=\n")))
            Expect.equal [] (names (crlf (back " -o content_filter=\n \n#\n\t# x\n -o smtpd_milters=\n")))
            // smtpd -v, and white space in braces.
            Expect.equal [] (names (back " -v -v -o {content_filter =}  -o { smtpd_milters\t=  }\n"))
            Expect.equal [] (names (back " -v -o content_filter= -osmtpd_milters=\n"))
            // White space beyond ASCII, NUL and form feed begin no continuation, and part no words, but for the last.
            Expect.equal [ "loopback-signs" ] (names (back "\u00a0-o = x\n"))
            Expect.equal [ "loopback-signs" ] (names (back " -o\u00a0smtpd_milters=\n"))
            Expect.equal [ "loopback-signs" ] (names (back " -o smtpd_milters\000=\n"))
            Expect.equal [] (names (back " -o\012content_filter=\012-o\012smtpd_milters=\n")))
        testCase "what is no line is told with its place" (fun () ->
            let said text =
                let ran = dkim [ "c", text ] [ "postfix"; "c" ]
                Expect.equal 65 ran.Code
                ran.Errors

            Expect.contains "dkim postfix: c:2: neither" (said "a = b\nsmtp inet n\n")
            Expect.contains "c:1: white space" (said " a = b\n")
            Expect.contains "c:1: longer than" (said (String('x', 70000)))
            Expect.contains "expected }" (said "smtp inet n - n - - smtpd -o { a = b\n")
            Expect.contains "more than 256 services" (said (String.replicate 300 Smtp)))
        testCase "what cannot be seen is escaped" (fun () ->
            let ran =
                dkim [ "c", Ours + "milter_protocol = \027[31m9\n" + Smtp ] [ "postfix"; "c" ]

            Expect.contains "\\x1b[31m9" ran.Output
            Expect.lacks "\027" ran.Output)
        testCase "without files postconf is asked" (fun () ->
            let asked place =
                [
                    "postconf " + place + "-h config_directory", "/etc/x\n"
                    "postconf " + place + "-n", Ours + "milter_default_action = accept\n"
                    "postconf " + place + "-M", Smtp
                ]

            let ran = dkim (asked "") [ "postfix" ]
            Expect.equal 1 ran.Code
            Expect.contains "/etc/x/main.cf: milter_default_action = accept\n" ran.Output
            let other = dkim (asked "-c /etc/y ") [ "postfix"; "--config=/etc/y" ]
            Expect.equal 1 other.Code
            let none = dkim [] [ "postfix" ]
            Expect.equal 66 none.Code
            Expect.contains "postconf -h config_directory: not found" none.Errors
            Expect.equal 64 (dkim (asked "") [ "postfix"; "--config=/etc/y"; "c" ]).Code)
        testCase "files that cannot be read, and a filter that would not start, are told" (fun () ->
            Expect.equal 66 (dkim [] [ "postfix"; "c" ]).Code
            let files = [ "c", Ours + Smtp; "f", "Mode z\n" ]
            let wrong = dkim files [ "postfix"; "c"; "--filter=f" ]
            Expect.equal 78 wrong.Code
            Expect.contains "f: " wrong.Errors
            Expect.equal 78 (dkim files [ "postfix"; "c"; "--filter=none" ]).Code)
    ]

// What a document has to be written at the end of main.cf or master.cf, by recipe.
let private recipes (document: string) : Map<string, string> =
    let path = Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "..", "docs", document)

    let blocks = (File.ReadAllText path).Split "<!-- recipe "

    [
        for block in blocks do
            if block.Contains ": append /etc/postfix/" then
                let name = block.Substring(0, block.IndexOf ':')
                name, Array.item 1 (block.Split "```\n")
    ]
    |> List.groupBy fst
    |> List.map (fun (name, texts) -> name, texts |> List.map snd |> String.concat "")
    |> Map.ofList

let private documents =
    [
        testCase "the recipes of the documents are good" (fun () ->
            let milter = recipes "milter.md"
            let proxies = recipes "proxies.md"
            let main = milter["milter-postfix"]

            for name in [ "milter-submission"; "milter-content-filter" ] do
                Expect.equal [] (check [] [] (main + Filtered + milter[name]))

            for name in [ "proxies-out-postfix"; "proxies-in" ] do
                Expect.equal [] (check [] [] (main + Smtp + proxies[name]))

            Expect.equal 4 (milter.Count + proxies.Count - 1))
    ]

[<Tests>]
let tests =
    testList "PostfixTests" (entrances @ beside @ milters @ expansion @ lines @ documents)
