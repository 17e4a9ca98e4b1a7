/// Configurations of Postfix that the tests of `dkim postfix` start from, and what it finds in them.
module Dkim.Tests.Core.PostfixExamples

open System
open System.Text.Json
open Expecto
open Dkim.Tests
open Dkim.Tests.Core.ToolRuns

[<Literal>]
let Milters = "smtpd_milters = inet:127.0.0.1:8891\n"

[<Literal>]
let Rest =
    "non_smtpd_milters = inet:127.0.0.1:8891\ninternal_mail_filter_classes = bounce\n"

[<Literal>]
let Ours = Milters + Rest

[<Literal>]
let Smtp = "smtp inet n - n - - smtpd\n"

[<Literal>]
let Filtered =
    "smtp inet n - n - - smtpd\n  -o content_filter=scan:[127.0.0.1]:10024\n"

[<Literal>]
let Back = "127.0.0.1:10025 inet n - n - - smtpd\n"

let filterFile =
    "Domain example.com\nSelector mail\nKeyFile key\nCanonicalization simple/simple\nSocket inet:8891@127.0.0.1\n"

let foundIn (ran: Ran) : (string * string * string) list =
    [
        for found in (json ran).GetProperty("findings").EnumerateArray() do
            text "severity" found, text "name" found, text "write" found
    ]

let check files options configuration =
    let ran =
        dkim (("c", configuration) :: files) ([ "postfix"; "--json"; "c" ] @ options)

    Expect.equal "" ran.Errors
    let found = foundIn ran
    let isBad = found |> List.exists (fun (severity, _, _) -> severity = "warning")
    Expect.equal (if isBad then 1 else 0) ran.Code
    found

/// Findings without the filter's file, and with these lines of it behind the usual ones.
let finds configuration expected =
    testCase
        (String.Join(" / ", expected |> List.map (fun (_, name, _) -> name))
         + " in "
         + configuration)
        (fun () -> Expect.equal expected (check [] [] configuration))

let findsBeside lines configuration expected =
    testCase ("beside " + lines + ": " + configuration) (fun () ->
        Expect.equal
            expected
            (check [ "f", filterFile + lines; "internal", "192.0.2.1\n" ] [ "--filter=f" ] configuration))

let warning name write = "warning", name, write
let note name write = "note", name, write
