/// `dkim postfix`: how lines and values of Postfix's files are read.
module Dkim.Tests.Core.PostfixFileTests

open System
open System.IO
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Postfix
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns
open Dkim.Tests.Core.PostfixExamples

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

[<Tests>]
let tests = testList "PostfixFileTests" (expansion @ lines)
