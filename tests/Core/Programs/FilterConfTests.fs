/// What the file and the command line say together, and what is wrong with them, in the originals' words.
module Dkim.Conformance.FilterConfTests

open System
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance

let private confError line =
    FilterRuns.startConf FilterRuns.keys [ "Mode v"; "Socket local:/s"; line ]
    |> Starts.failed

[<TestCase("Background", "required value missing")>]
[<TestCase("Version ietf-base-10", "unrecognized parameter")>]
[<TestCase("Background maybe", "illegal value")>]
[<TestCase("ClockDrift soon", "illegal value")>]
[<TestCase("ClockDrift -1", "illegal value")>]
[<TestCase("UMask 8", "")>]
[<TestCase("UMask 09", "illegal value")>]
[<TestCase("Include /none", "error reading configuration file: file not found")>]
let ``an error of a line names file and line`` (line: string, reason: string) =
    if reason <> "" then
        let place =
            if line.StartsWith "Include" then
                "/none: configuration error at line 0"
            else
                "conf: configuration error at line 3"

        let text, exitCode = confError line
        Expect.isTrue (text.StartsWith("dkim-filter: " + place + ": " + reason + ": ")) text
        Expect.equal 78 exitCode

[<TestCase("Dommain example.com", "unrecognized parameter: Dommain (is Domain meant?)")>]
[<TestCase("Background maybe", "illegal value: Background 'maybe' (write Background yes|no)")>]
[<TestCase("On-DNSError bounce",
           "invalid configuration value `bounce': line 3: On-DNSError 'bounce' (write On-DNSError accept|discard|reject|tempfail)")>]
[<TestCase("Domain example.com, example.org",
           "a value is one word, and something stands behind it: line 3: Domain 'example.com, example.org' (put # before \
            a remark; between the parts of a list stand commas without blanks, as in example.com,example.org)")>]
[<TestCase("On-Default reject now", "On-Default 'reject now'")>]
[<TestCase("Mode s v", "Mode 's v'")>]
[<TestCase("Domain \"example.com\"",
           "a value has no quotes: line 3: Domain '\"example.com\"' (write Domain example.com)")>]
let ``an error of a line names key, value and remedy`` (line: string, told: string) =
    let text, exitCode = confError line
    Expect.contains told text
    Expect.equal 78 exitCode

[<TestCase("Canonicalization loose", "unknown canonicalization algorithm \"loose\"")>]
[<TestCase("SignatureAlgorithm dsa", "unknown signing algorithm \"dsa\"")>]
[<TestCase("Minimum 101%", "illegal value for \"Minimum\"")>]
[<TestCase("Minimum -5", "illegal value for \"Minimum\"")>]
[<TestCase("Minimum x", "illegal value for \"Minimum\"")>]
[<TestCase("AutoRestartRate 5", "AutoRestartRate invalid")>]
[<TestCase("AutoRestartRate 5/1w", "AutoRestartRate invalid")>]
[<TestCase("SyslogFacility mall", "unknown syslog facility \"mall\"")>]
[<TestCase("On-DNSError bounce", "invalid configuration value `bounce'")>]
[<TestCase("BogusKey maybe", "illegal value for \"BogusKey\"")>]
[<TestCase("BogusPolicy maybe", "illegal value for \"BogusPolicy\"")>]
let ``other errors of the file are told in the original's words`` (line: string, text: string) =
    let said, exitCode = confError line
    let key = (line.Split ' ')[0]
    Expect.isTrue (said.StartsWith("dkim-filter: conf: " + text + ": line 3: " + key + " '")) said
    Expect.equal 78 exitCode

[<TestCase("-b", "x", "unknown mode \"x\"", 78)>]
[<TestCase("-T", "soon", "illegal value for -T", 64)>]
[<TestCase("-F", "soon", "illegal value for -F", 64)>]
[<TestCase("-C", "bad", "syntax error in configuration string\ndkim-filter: invalid action configuration", 78)>]
[<TestCase("-C", "bad=bounce", "invalid configuration value `bounce'\ndkim-filter: invalid action configuration", 78)>]
[<TestCase("-C",
           "worse=accept",
           "invalid configuration parameter `worse'\ndkim-filter: invalid action configuration",
           78)>]
[<TestCase("-C",
           "signaturemissing=accept",
           "invalid configuration parameter `signaturemissing'\ndkim-filter: invalid action configuration",
           78)>]
let ``errors of the command line`` (letter: string, value: string, text: string, exitCode: int) =
    let start =
        FilterRuns.startDkim FilterRuns.keys (FilterRuns.signing @ [ letter; value ])

    Expect.equal ("dkim-filter: " + text + "\n", exitCode) (Starts.failed start)

[<Test>]
let ``a command line that cannot be shows the options and ends with 64`` () =
    for arguments in [ [ "-Z" ]; [ "operand" ]; [ "" ]; [ "-p" ]; [ "-?" ]; [ "--help" ] ] do
        let text, exitCode = FilterRuns.startDkim [] arguments |> Starts.failed
        Expect.equal 64 exitCode
        Expect.contains "dkim-filter: usage: dkim-filter " text

        for row in DkimFilterTable.table do
            for spelling in row.Spellings do
                match spelling with
                | Spelling.Letter letter -> Expect.contains ("\t-" + string letter) text
                | _ -> ()

let private startErrors arguments files text =
    Expect.equal ("dkim-filter: " + text + "\n", 78) (FilterRuns.startDkim files arguments |> Starts.failed)

[<Test>]
let ``a socket that systemd has opened needs no setting, not at a reload either`` () =
    let files = [ "conf", "Mode v\n" ]
    let program = FilterRuns.startActivated files [ "-x"; "conf" ] |> Starts.serving
    Expect.equal ValueNone program.Service.Socket
    let again = FilterRuns.again files program |> Starts.serving
    Expect.equal ValueNone again.Service.Socket

[<Test>]
let ``what is missing for a start`` () =
    let keyMissing = "at least one selector and key required for signing mode"
    startErrors [ "-p"; "/s" ] [] keyMissing
    startErrors [ "-p"; "/s"; "-k"; "/k" ] [] keyMissing
    startErrors [ "-p"; "/s"; "-s"; "x" ] [] keyMissing
    startErrors [ "-b"; "v" ] [] "milter socket must be specified"

    startErrors
        [ "-p"; "/s"; "-k"; "/k"; "-s"; "x" ]
        []
        "/k: open(): file not found\ndkim-filter: key load from /k failed"

    startErrors [ "-p"; "/s"; "-K"; "-k"; "/l" ] [ "/l", "# none" ] "no keys loaded from /l"

    startErrors
        [ "-p"; "/s"; "-K"; "-k"; "/l" ]
        [ "/l", "bad" ]
        "/l: line 1: malformed\ndkim-filter: key load from /l failed"

    startErrors
        [ "-p"; "/s"; "-b"; "v"; "-a"; "/peers" ]
        []
        "/peers: fopen(): file not found: PeerList names a file of entries, one on each line"

    startErrors
        [ "-p"; "/s"; "-b"; "v"; "-i"; "/in" ]
        []
        "/in: fopen(): file not found: InternalHosts names a file of entries, one on each line"

    startErrors
        [ "-p"; "/s"; "-b"; "v"; "-I"; "/ex" ]
        []
        "/ex: fopen(): file not found: ExternalIgnoreList names a file of entries, one on each line"

[<Test>]
let ``dk-filter does not start with a key that DomainKeys cannot use`` () =
    let start arguments files =
        FilterRuns.startDk (files @ FilterRuns.keys) ("-p" :: "/s" :: arguments)
        |> Starts.failed

    let why = "dk-filter: /keys/ed: DomainKeys signs with RSA alone\n"
    Expect.equal (why + "dk-filter: key load from /keys/ed failed\n", 78) (start [ "-s"; "/keys/ed" ] [])

    Expect.equal (why + "dk-filter: key load from /l failed\n", 78) (start [ "-k"; "-s"; "/l" ] [ "/l", "*:/keys/ed" ])

/// The settings of a file and a command line.
let private settled (lines: string list) (arguments: string list) =
    let find _ =
        ValueSome(Starts.contents (String.Join('\n', lines)))

    match FilterSetup.settle FilterRuns.kind ([ "-x"; "conf" ] @ arguments) find with
    | Loaded settled ->
        Expect.equal [] (settled.Problems |> List.map Problem.describe)
        settled.Settings
    | Wanting _ -> failwith "all was supplied"

[<Test>]
let ``the command line beats the file`` () =
    let settings =
        settled
            [ "DNSTimeout 9"; "Domain a.example"; "Canonicalization relaxed"; "Syslog no" ]
            [ "-T"; "3"; "-d"; "b.example"; "-l" ]

    Expect.equal 3 settings.Service.DnsTimeout
    Expect.equal (ValueSome "b.example") settings.Scope.Domain
    Expect.equal RelaxedHeader settings.Signing.HeaderCanon
    Expect.isTrue settings.Service.Syslog "syslog"

[<Test>]
let ``On-Default comes first, and none of the On- keys counts beside -C`` () =
    let lines = [ "On-DNSError accept"; "On-Default reject"; "On-BadSignature discard" ]
    let actions = (settled lines []).Scope.Actions

    Expect.equal
        { FilterCodecs.everyAction FilterAction.Reject with
            DnsError = FilterAction.Accept
            BadSignature = FilterAction.Discard
        }
        actions

    Expect.equal
        { FilterScope.actions with
            NoSignature = FilterAction.Reject
        }
        (settled lines [ "-C"; "no=r" ]).Scope.Actions

    Expect.equal
        { FilterCodecs.everyAction FilterAction.Accept with
            InternalError = FilterAction.TempFail
        }
        (settled [] [ "-C"; "def=a,int=t" ]).Scope.Actions

[<Test>]
let ``-k is a key list with -K, and beats a list of the file without`` () =
    Expect.equal (ValueSome "/l") (settled [] [ "-K"; "-k"; "/l" ]).Scope.KeyList
    Expect.equal (ValueSome "/f") (settled [ "KeyList /f" ] []).Scope.KeyList
    Expect.equal (ValueSome "/l") (settled [ "KeyList /f" ] [ "-K"; "-k"; "/l" ]).Scope.KeyList
    Expect.equal ValueNone (settled [ "KeyList /f" ] [ "-k"; "/k" ]).Scope.KeyList
    Expect.equal (ValueSome "/k") (settled [ "KeyFile /k" ] [ "-K" ]).Scope.KeyList

[<Test>]
let ``Include acts in place, five deep`` () =
    let nested depth =
        [
            for index in 1..depth ->
                "/" + string index, "Include /" + string (index + 1) + "\nClockDrift " + string index
        ]
        @ [ "/" + string (depth + 1), "Mode v\nSocket local:/s" ]

    FilterRuns.startDkim (nested 5) [ "-x"; "/1" ] |> Starts.serving |> ignore

    let text, exitCode = FilterRuns.startDkim (nested 6) [ "-x"; "/1" ] |> Starts.failed

    Expect.equal 78 exitCode
    Expect.contains "configuration error at line 1: nesting too deep" text

[<TestCase("0", 0L)>]
[<TestCase("10", 10L)>]
[<TestCase("010", 8L)>]
[<TestCase("0x1F", 31L)>]
let ``numbers are as in C`` (text: string, value: int64) =
    Expect.equal value ((FilterCodecs.integer "N" 0L 100L).Parse text |> Expect.ok)
