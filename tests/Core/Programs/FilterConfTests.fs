/// What the file and the command line say together, and what is wrong with them, in the originals' words.
module Dkim.Tests.Core.FilterConfTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Postfix
open Dkim.Tests.Core

let private confError line =
    FilterRuns.startConf FilterRuns.keys [ "Mode v"; "Socket local:/s"; line ]
    |> Starts.failed

let private startErrors arguments files (text: string) =
    let said, exitCode = FilterRuns.startDkim files arguments |> Starts.failed
    Expect.isTrue (said.StartsWith("dkim-filter: " + text)) said
    Expect.isTrue (said.EndsWith ")\n") said
    Expect.equal 78 exitCode

/// The settings of a file and a command line.
let private settled (lines: string list) (arguments: string list) =
    let settled =
        Configuration.settle FilterRuns.kind ([ "-x"; "conf" ] @ arguments)
        |> Finding.settle (fun _ -> Starts.contents (String.Join('\n', lines)))

    Expect.equal [] (settled.Problems |> List.map Problem.describe)
    settled.Settings

[<Tests>]
let tests =
    testList
        "FilterConfTests"
        [
            testRows
                "an error of a line names file and line"
                [
                    ("Background", "required value missing")
                    ("Version ietf-base-10", "unrecognized parameter")
                    ("Background maybe", "illegal value")
                    ("ClockDrift soon", "illegal value")
                    ("ClockDrift -1", "illegal value")
                    ("UMask 09", "illegal value")
                    ("Include /none", "error reading configuration file: file not found")
                ]
                (fun (line: string, reason: string) ->
                    let place =
                        if line.StartsWith "Include" then
                            "/none: configuration error at line 0"
                        else
                            "conf: configuration error at line 3"

                    let text, exitCode = confError line
                    Expect.isTrue (text.StartsWith("dkim-filter: " + place + ": " + reason + ": ")) text
                    Expect.equal 78 exitCode)

            testCase "bounds of values are taken, and units are those of time" (fun () ->
                let settings =
                    settled [ "Mode v"; "Minimum 100%"; "AutoRestartRate 10/1h"; "Socket /s" ] []

                Expect.equal
                    [ "100%" ]
                    (DkimFilterTable.table
                     |> List.filter (fun row -> row.Name = "Minimum")
                     |> List.collect (fun row -> row.Show settings))

                Expect.equal (ValueSome(struct (10, 3600))) settings.Service.AutoRestartRate)

            testCase "with -C no action of the file counts" (fun () ->
                let file =
                    [ "Mode v"; "On-BadSignature reject"; "On-Default tempfail"; "Socket /s" ]

                let actions arguments = (settled file arguments).Policy.Actions
                Expect.equal Disposition.Reject (actions []).BadSignature
                let beside = actions [ "-C"; "nosignature=discard" ]
                Expect.equal DispositionRows.defaults.BadSignature beside.BadSignature
                Expect.equal Disposition.Discard beside.NoSignature)

            testRows
                "a mask without a leading zero is decimal"
                [ ("UMask 8", 8); ("UMask 010", 8) ]
                (fun (line: string, mask: int) ->
                    let program =
                        FilterRuns.startConf FilterRuns.keys [ "Mode v"; "Socket local:/s"; line ]
                        |> Starts.serving

                    Expect.equal (ValueSome mask) program.Service.UMask)

            testRows
                "an error of a line names key, value and remedy"
                [
                    ("Dommain example.com", "unrecognized parameter: Dommain (is Domain meant?)")
                    ("Background maybe", "illegal value: Background 'maybe' (write Background yes|no)")
                    ("On-DNSError bounce",
                     "invalid configuration value `bounce': line 3: On-DNSError 'bounce' (write On-DNSError accept|discard|reject|tempfail)")
                    ("Domain example.com, example.org",
                     "a value is one word, and something stands behind it: line 3: Domain 'example.com, example.org' (put # before \
            a remark; between the parts of a list stand commas without blanks, as in example.com,example.org)")
                    ("On-Default reject now", "On-Default 'reject now'")
                    ("Mode s v", "Mode 's v'")
                    ("Domain \"example.com\"",
                     "a value has no quotes: line 3: Domain '\"example.com\"' (write Domain example.com)")
                ]
                (fun (line: string, told: string) ->
                    let text, exitCode = confError line
                    Expect.contains told text
                    Expect.equal 78 exitCode)

            testRows
                "other errors of the file are told in the original's words"
                [
                    ("Canonicalization loose", "unknown canonicalization algorithm \"loose\"")
                    ("SignatureAlgorithm dsa", "unknown signing algorithm \"dsa\"")
                    ("Minimum 101%", "illegal value for \"Minimum\"")
                    ("Minimum -5", "illegal value for \"Minimum\"")
                    ("Minimum x", "illegal value for \"Minimum\"")
                    ("AutoRestartRate 5", "AutoRestartRate invalid")
                    ("AutoRestartRate 5/1w", "AutoRestartRate invalid")
                    ("SyslogFacility mall", "unknown syslog facility \"mall\"")
                    ("On-DNSError bounce", "invalid configuration value `bounce'")
                    ("BogusKey maybe", "illegal value for \"BogusKey\"")
                    ("BogusPolicy maybe", "illegal value for \"BogusPolicy\"")
                ]
                (fun (line: string, text: string) ->
                    let said, exitCode = confError line
                    let key = (line.Split ' ')[0]
                    Expect.isTrue (said.StartsWith("dkim-filter: conf: " + text + ": line 3: " + key + " '")) said
                    Expect.equal 78 exitCode)

            // Reason, then what the problem ends in.
            testRows
                "errors of the command line"
                [
                    ("-b", "x", "unknown mode \"x\"", "-b 'x' (write -b [s][v])", 78)
                    ("-T", "soon", "illegal value for -T", "-T 'soon' (write -T SECONDS)", 64)
                    ("-F", "soon", "illegal value for -F", "-F 'soon' (write -F SECONDS)", 64)
                    ("-p", "inet:127.0.0.1:8891", "", "-p 'inet:127.0.0.1:8891' (write -p inet:8891@127.0.0.1)", 78)
                    ("-C",
                     "bad",
                     "syntax error in configuration string\ndkim-filter: invalid action configuration",
                     "",
                     78)
                    ("-C",
                     "bad=bounce",
                     "invalid configuration value `bounce'\n",
                     "-C 'bad=bounce' (write -C RESULT=ACTION,...)",
                     78)
                    ("-C", "worse=accept", "invalid configuration parameter `worse'\n", "", 78)
                    ("-C", "signaturemissing=accept", "invalid configuration parameter `signaturemissing'\n", "", 78)
                ]
                (fun (letter: string, value: string, reason: string, ending: string, exitCode: int) ->
                    let text, code =
                        FilterRuns.startDkim FilterRuns.keys (FilterRuns.signing @ [ letter; value ])
                        |> Starts.failed

                    Expect.isTrue (text.StartsWith("dkim-filter: " + reason)) text
                    Expect.isTrue (text.EndsWith(ending + "\n") || ending = "") text
                    Expect.equal exitCode code)

            testRows
                "a command line that cannot be is told what it cannot be for"
                [
                    ("-Z", "dkim-filter: invalid option -- 'Z'\n")
                    ("-p", "dkim-filter: option requires an argument -- 'p'\n")
                    ("operand", "dkim-filter: unexpected operand 'operand'\n")
                ]
                (fun (argument: string, line: string) ->
                    let text, _ = FilterRuns.startDkim [] [ argument ] |> Starts.failed
                    Expect.isTrue (text.StartsWith line) text)

            testCase "a command line that cannot be shows the options and ends with 64" (fun () ->
                for arguments in [ [ "-Z" ]; [ "operand" ]; [ "" ]; [ "-p" ]; [ "-?" ]; [ "--help" ] ] do
                    let text, exitCode = FilterRuns.startDkim [] arguments |> Starts.failed
                    Expect.equal 64 exitCode
                    Expect.contains "dkim-filter: usage: dkim-filter " text

                    for row in DkimFilterTable.table do
                        for spelling in row.Spellings do
                            match spelling with
                            | Spelling.Letter letter -> Expect.contains ("\t-" + string letter) text
                            | _ -> ())

            testCase "a socket that systemd has opened needs no setting, not at a reload either" (fun () ->
                let files = [ "conf", "Mode v\n" ]
                let program = FilterRuns.startActivated files [ "-x"; "conf" ] |> Starts.serving
                Expect.equal ValueNone program.Service.Socket
                let again = FilterRuns.again files program |> Starts.serving
                Expect.equal ValueNone again.Service.Socket)

            testCase "what is missing for a start" (fun () ->
                let keyMissing = "at least one selector and key required for signing mode"
                startErrors [ "-p"; "/s" ] [] keyMissing
                startErrors [ "-p"; "/s"; "-k"; "/k" ] [] keyMissing
                startErrors [ "-p"; "/s"; "-s"; "x" ] [] keyMissing
                startErrors [ "-b"; "v" ] [] "milter socket must be specified"

                startErrors
                    [ "-p"; "/s"; "-k"; "/k"; "-s"; "x" ]
                    []
                    "key load from /k failed: /k: open(): file not found: -k '/k' (check the path)"

                startErrors [ "-p"; "/s"; "-K"; "-k"; "/l" ] [ "/l", "# none" ] "no keys loaded from /l: -k '/l' ("

                startErrors
                    [ "-p"; "/s"; "-K"; "-k"; "/l" ]
                    [ "/l", "bad" ]
                    "key load from /l failed: /l: line 1: malformed: expected : at character 4: -k '/l' ("

                for letter in [ "-a"; "-i"; "-I" ] do
                    startErrors
                        [ "-p"; "/s"; "-b"; "v"; letter; "/list" ]
                        []
                        ("/list: fopen(): file not found: "
                         + letter
                         + " '/list' (it names a file of entries, one on each line)"))

            testCase "a value that is an entry of a list is told to stand in a file" (fun () ->
                let text, _ = confError "InternalHosts 127.0.0.1"

                Expect.contains
                    "conf: 127.0.0.1: fopen(): file not found: line 3: InternalHosts '127.0.0.1' (it names a file of entries, one \
                     on each line: write 127.0.0.1 into a file and its path here)"
                    text)

            testCase "an encrypted key is to be copied without its passphrase" (fun () ->
                let encrypted =
                    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"

                startErrors
                    [ "-p"; "/s"; "-k"; "/k"; "-s"; "x" ]
                    [ "/k", encrypted ]
                    "key load from /k failed: /k: the key is encrypted: -k '/k' (make a copy without a passphrase: openssl pkey -in \
                     /k -out NEWFILE)")

            testCase "every problem is told at once, and none that comes of another" (fun () ->
                let lines =
                    [
                        "Socket inet:127.0.0.1:8891"
                        "Nameservers nonsense"
                        "Mode signing"
                        "UserID a:b:c"
                        "InternalHosts /none"
                        "Domian example.com"
                    ]

                let text, exitCode = FilterRuns.startConf [] lines |> Starts.failed

                let expected =
                    [
                        "conf: configuration error at line 6: unrecognized parameter: Domian (is Domain meant?)"
                        "conf: expected end of input or expected @ at character 9: line 1: Socket 'inet:127.0.0.1:8891' (write \
                         Socket inet:8891@127.0.0.1)"
                        "conf: nonsense: no address; a name server has no name here at character 1: line 2: Nameservers 'nonsense' \
                         (write Nameservers ADDRESS[@PORT],...)"
                        "conf: unknown mode \"signing\": line 3: Mode 'signing' (write Mode s)"
                        "conf: expected end of input at character 4: line 4: UserID 'a:b:c' (write UserID USER[:GROUP])"
                        "conf: /none: fopen(): file not found: line 5: InternalHosts '/none' (it names a file of entries, one on \
                         each line)"
                    ]

                Expect.equal
                    (expected
                     |> List.map (fun line -> "dkim-filter: " + line + "\n")
                     |> String.concat "")
                    text

                Expect.equal 78 exitCode)

            testCase "-n tells what a start tells, and the lines of lists that mean nothing" (fun () ->
                let files =
                    [
                        "/hosts", "10.0.0.0/8\n10.0.0.0/99\n"
                        "conf", "Mode v\nInternalHosts /hosts\n"
                    ]

                let start = FilterRuns.startDkim files [ "-n"; "-x"; "conf" ]

                match start with
                | Starts.Printed(text, 78) ->
                    Expect.contains "milter socket must be specified (write Socket inet:8891@127.0.0.1" text

                    Expect.contains
                        "/hosts: neither a number of bits that such an address has nor a mask at character 10: line 2: '10.0.0.0/99' ("
                        text
                | _ -> failtest "should have been refused"

                let problem =
                    FilterRuns.startDkim files [ "-x"; "conf"; "-p"; "/s" ] |> Starts.serving

                Expect.contains "/hosts:2: '10.0.0.0/99'" problem.Notices.Head.Text)

            testCase "what the machine cannot serve is told with its place" (fun () ->
                let files = [ "conf", "Mode v\nUserID nosuch\nSocket /s\n" ]
                let program = FilterRuns.startDkim files [ "-x"; "conf" ] |> Starts.serving

                Expect.equal
                    "conf: there is no user: line 2: UserID 'nosuch' (name one)"
                    (program.Refusal("UserID", "there is no user", "name one"))

                let dk =
                    FilterRuns.startDk [] [ "-b"; "v"; "-p"; "/s"; "-u"; "nosuch" ]
                    |> Starts.serving

                Expect.equal
                    "there is no user: -u 'nosuch' (name one)"
                    (dk.Refusal("UserID", "there is no user", "name one")))

            testCase "dk-filter does not start with a key that DomainKeys cannot use" (fun () ->
                let start arguments files =
                    FilterRuns.startDk (files @ FilterRuns.keys) ("-p" :: "/s" :: arguments)
                    |> Starts.failed

                let why path =
                    "dk-filter: key load from "
                    + path
                    + " failed: /keys/ed: DomainKeys signs with RSA alone: -s '"
                    + path
                    + "' (make one: dkim genkey)\n",
                    78

                Expect.equal (why "/keys/ed") (start [ "-s"; "/keys/ed" ] [])
                Expect.equal (why "/l") (start [ "-k"; "-s"; "/l" ] [ "/l", "*:/keys/ed" ]))

            testCase "the command line beats the file" (fun () ->
                let settings =
                    settled
                        [ "DNSTimeout 9"; "Domain a.example"; "Canonicalization relaxed"; "Syslog no" ]
                        [ "-T"; "3"; "-d"; "b.example"; "-l" ]

                Expect.equal 3 settings.Service.Common.DnsTimeout
                Expect.equal (ValueSome "b.example") settings.Names.Domain
                Expect.equal RelaxedHeader settings.Policy.Signing.HeaderCanon
                Expect.isTrue settings.Service.Syslog "syslog")

            testCase "On-Default comes first, and none of the On- keys counts beside -C" (fun () ->
                let lines = [ "On-DNSError accept"; "On-Default reject"; "On-BadSignature discard" ]
                let actions = (settled lines []).Policy.Actions

                Expect.equal
                    { DispositionCodecs.everyAction Disposition.Reject with
                        DnsError = Disposition.Accept
                        BadSignature = Disposition.Discard
                    }
                    actions

                Expect.equal
                    { DispositionRows.defaults with
                        NoSignature = Disposition.Reject
                    }
                    (settled lines [ "-C"; "no=r" ]).Policy.Actions

                Expect.equal
                    { DispositionCodecs.everyAction Disposition.Accept with
                        InternalError = Disposition.TempFail
                    }
                    (settled [] [ "-C"; "def=a,int=t" ]).Policy.Actions)

            testCase "-k is a key list with -K, and beats a list of the file without" (fun () ->
                Expect.equal (ValueSome "/l") (settled [] [ "-K"; "-k"; "/l" ]).Names.KeyList
                Expect.equal (ValueSome "/f") (settled [ "KeyList /f" ] []).Names.KeyList
                Expect.equal (ValueSome "/l") (settled [ "KeyList /f" ] [ "-K"; "-k"; "/l" ]).Names.KeyList
                Expect.equal ValueNone (settled [ "KeyList /f" ] [ "-k"; "/k" ]).Names.KeyList
                Expect.equal (ValueSome "/k") (settled [ "KeyFile /k" ] [ "-K" ]).Names.KeyList)

            testCase "Include acts in place, five deep" (fun () ->
                let nested depth =
                    [
                        for index in 1..depth ->
                            "/" + string index, "Include /" + string (index + 1) + "\nClockDrift " + string index
                    ]
                    @ [ "/" + string (depth + 1), "Mode v\nSocket local:/s" ]

                FilterRuns.startDkim (nested 5) [ "-x"; "/1" ] |> Starts.serving |> ignore

                let text, exitCode = FilterRuns.startDkim (nested 6) [ "-x"; "/1" ] |> Starts.failed

                Expect.equal 78 exitCode
                Expect.contains "configuration error at line 1: nesting too deep" text)

            testRows
                "numbers are as in C"
                [ ("0", 0L); ("10", 10L); ("010", 8L); ("0x1F", 31L) ]
                (fun (text: string, value: int64) ->
                    Expect.equal value ((Codecs.integer "N" 0L 100L).Parse text |> Expect.ok))
        ]
