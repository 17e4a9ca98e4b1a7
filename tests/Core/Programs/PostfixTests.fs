/// `dkim postfix`: what it finds in configurations, of which each row is the least that shows it.
module Dkim.Tests.Core.PostfixTests

open System
open System.IO
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.PostfixExamples

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
let tests = testList "PostfixTests" (entrances @ beside @ milters @ documents)
