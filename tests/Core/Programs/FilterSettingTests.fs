/// Every option and key of the milters: read, in effect, and refused in the originals' words.
module Dkim.Conformance.FilterSettingTests

open System
open System.Net
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance

/// A value for each setting, other than its default.
let private samples =
    [
        "x", "/etc/mail/dkim-filter.conf"
        "K", "yes"
        "n", "yes"
        "V", "yes"
        "Socket", "inet:8891@127.0.0.1"
        "UMask", "002"
        "UserID", "dkim:mail"
        "PidFile", "/run/pid"
        "Background", "no"
        "f", "yes"
        "BaseDirectory", "/srv"
        "EnableCoredumps", "yes"
        "AutoRestart", "yes"
        "AutoRestartCount", "7"
        "AutoRestartRate", "10/3600"
        "Syslog", "yes"
        "SyslogFacility", "local3"
        "DNSTimeout", "9"
        "QueryCache", "no"
        "TestPublicKeys", "/etc/keys"
        "TrustAnchorFile", "/etc/root.key"
        "POPDBFile", "/etc/popauth.db"
        "TemporaryDirectory", "/tmp"
        "KeepTemporaryFiles", "yes"
        "SocketMode", "0660"
        "SocketGroup", "mail"
        "LogFormat", "json"
        "Nameservers", "127.0.0.1@5353"
        "Mode", "v"
        "PeerList", "/peers"
        "InternalHosts", "/internal"
        "ExternalIgnoreList", "/external"
        "MTA", "MSA,MTA-v6"
        "MacroList", "auth_type,if_name=a|b"
        "Domain", "example.com,example.net"
        "SubDomains", "yes"
        "KeyFile", "/key"
        "KeyList", "/keylist"
        "Selector", "mail"
        "Quarantine", "yes"
        "X-Header", "yes"
        "SendReports", "yes"
        "ReportAddress", "postmaster@example.com"
        "On-BadSignature", "reject"
        "On-DNSError", "accept"
        "On-InternalError", "discard"
        "On-NoSignature", "reject"
        "On-Security", "reject"
        "Canonicalization", "relaxed/relaxed"
        "SignatureAlgorithm", "rsa-sha1"
        "OmitHeaders", "X-*"
        "SignHeaders", "From,To"
        "AlwaysSignHeaders", "Reply-To"
        "BodyLengths", "yes"
        "MaximumSignedBytes", "1000"
        "SignatureTTL", "86400"
        "Diagnostics", "yes"
        "RemoveOldSignatures", "yes"
        "DontSignMailTo", "*@lists.example.com"
        "OverSignHeaders", "From"
        "ClockDrift", "60"
        "Minimum", "50%"
        "MustBeSigned", "Subject"
        "RefuseSignaturesFrom", "co.example"
        "TrustSignaturesFrom", "example.org"
        "BogusKey", "neutral"
        "InsecureKey", "fail"
        "ADSPDiscard", "yes"
        "ADSPNoSuchDomain", "yes"
        "LocalADSP", "/adsp"
        "BogusPolicy", "apply"
        "InsecurePolicy", "ignore"
        "SendADSPReports", "yes"
        "AlwaysAddARHeader", "yes"
        "AuthservID", "mx.example.com"
        "AuthservIDWithJobID", "yes"
        "RemoveARAll", "yes"
        "RemoveARFrom", "mx.example.com,.example.net"
        "AllowSHA1", "yes"
        "MinimumKeyBits", "2048"
        "MaximumSignaturesToVerify", "3"
        "MaximumHeaders", "32768"
        "RequiredHeaders", "yes"
        "FixCRLF", "yes"
        "LogWhy", "yes"
        "SyslogSuccess", "yes"
        "t", "message.eml"
        "F", "1700000000"
        "v", "yes"
        "StrictTestMode", "yes"
    ]

/// Rows that say what others do, in another way.
let private shadows = [ "f"; "C"; "On-Default" ]

let private sampleOf (row: Setting<'s>) =
    match samples |> List.tryFind (fun (name, _) -> name = row.Name) with
    | Some(_, value) -> value
    | None ->
        Assert.Fail("no sample value for " + row.Name)
        ""

let private effective (table: Setting<'s> list) =
    table
    |> List.filter (fun row -> not row.Inert && not (List.contains row.Name shadows))

let private table = DkimFilterTable.table
let private defaults = DkimFilterSettings.defaults

let private shows state =
    table |> List.map (fun row -> row.Show state)

[<Test>]
let ``reading what a row shows restores its setting and no other`` () =
    let full =
        effective table
        |> List.fold (fun state row -> row.Read (sampleOf row) state |> Expect.ok) defaults

    for row in effective table do
        let restore target from =
            List.fold (fun state value -> row.Read value state |> Expect.ok) (row.Clear target) (row.Show from)

        Expect.equal (row.Show full) (row.Show(restore defaults full))
        Expect.equal (shows full) (shows (restore full full))

[<Test>]
let ``a row changes its own setting and nothing else`` () =
    for row in effective table do
        let changed = row.Read (sampleOf row) defaults |> Expect.ok

        for other in effective table do
            let same = other.Show changed = other.Show defaults
            Expect.isTrue (same = (other.Name <> row.Name)) (row.Name + " and " + other.Name)

let private distinct (rows: Setting<'s> list) =
    let spellings = rows |> List.collect _.Spellings
    Expect.equal (List.distinct spellings) spellings

    for row in rows do
        Expect.isTrue (row.Summary <> "" && row.Group <> "" && row.Source <> "") row.Name

[<Test>]
let ``no two rows share a spelling, and every one is described`` () =
    distinct DkimFilterTable.table
    distinct DkFilterTable.table

let private applied (rows: Setting<'s> list) start (arguments: string list) =
    let line = CommandLine.parse Letters rows arguments
    let state, problems = Settings.apply [ line.Given ] start
    Expect.equal [] (line.Problems @ problems |> List.map Problem.describe)
    state

let private readsLetters rows start (value: Setting<'s> -> string) =
    for row: Setting<'s> in rows do
        for spelling in row.Spellings do
            match spelling with
            | Spelling.Letter letter when row.Arity = Arity.Flag ->
                let state = applied rows start [ "-" + string letter ]
                Expect.isTrue (row.Show state <> row.Show start) row.Name
            | Spelling.Letter letter ->
                let expected = row.Show(row.Read (value row) (row.Clear start) |> Expect.ok)
                let option = "-" + string letter
                Expect.equal expected (row.Show(applied rows start [ option; value row ]))
                Expect.equal expected (row.Show(applied rows start [ option + value row ]))
            | Spelling.Key _
            | Spelling.Word _
            | Spelling.Variable _ -> ()

[<Test>]
let ``every letter of dkim-filter is read`` () =
    readsLetters table defaults (fun row -> if row.Name = "C" then "bad=reject" else sampleOf row)

let private dkSamples =
    [
        "p", "local:/s"
        "u", "dk"
        "P", "/pid"
        "T", "9"
        "U", "/pop"
        "b", "v"
        "a", "/a"
        "i", "/i"
        "I", "/I"
        "m", "MSA"
        "M", "auth_type"
        "d", "example.com"
        "C", "miss=reject"
        "S", "mail"
        "s", "/key"
        "c", "nofws"
        "o", "Received"
    ]

[<Test>]
let ``every letter of dk-filter is read, and -s is its key where dkim-filter's is the selector`` () =
    readsLetters DkFilterTable.table DkFilterSettings.defaults (fun row ->
        dkSamples |> List.find (fst >> (=) row.Name) |> snd)

    let dk =
        applied DkFilterTable.table DkFilterSettings.defaults [ "-s"; "/key"; "-S"; "sel"; "-k" ]

    Expect.equal (ValueSome "/key", ValueSome "sel", true) (dk.Scope.KeyFile, dk.Scope.Selector, dk.MultipleKeys)
    let dkim = applied table defaults [ "-k"; "/key"; "-s"; "sel"; "-K" ]
    Expect.equal (ValueSome "/key", ValueSome "sel", true) (dkim.Scope.KeyFile, dkim.Scope.Selector, dkim.MultipleKeys)
    Expect.equal "main" (DkFilterSettings.defaults.Scope.Selector |> ValueOption.get)

    for letter in "FKLnrtvWx" do
        let _, exitCode =
            FilterRuns.startDk [] [ "-" + string letter; "1" ] |> FilterRuns.failed

        Expect.equal 64 exitCode

[<Test>]
let ``every key is read in any case, with tabs and comments`` () =
    for row in effective table do
        for spelling in row.Spellings do
            match spelling with
            | Spelling.Key key ->
                let value = sampleOf row
                let expected = row.Show(row.Read value (row.Clear defaults) |> Expect.ok)

                for line in
                    [
                        key + " " + value
                        "\t" + key.ToUpperInvariant() + "\t \t" + value + "# why"
                        key + " " + value + " more"
                    ] do
                    let find _ = ValueSome(ProxyRuns.contents line)
                    let file = SettingsFile.read KeyAndToken table find "conf"
                    let state, problems = Settings.apply [ file.Given ] defaults
                    Expect.equal [] (file.Problems @ problems |> List.map Problem.describe)
                    Expect.equal expected (row.Show state)
            | Spelling.Letter _
            | Spelling.Word _
            | Spelling.Variable _ -> ()

let private confError line =
    FilterRuns.startConf FilterRuns.keys [ "Mode v"; "Socket local:/s"; line ]
    |> FilterRuns.failed

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

        Expect.equal ("dkim-filter: " + place + ": " + reason + "\n", 78) (confError line)

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
    Expect.equal ("dkim-filter: conf: " + text + "\n", 78) (confError line)

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

    Expect.equal ("dkim-filter: " + text + "\n", exitCode) (FilterRuns.failed start)

[<Test>]
let ``a command line that cannot be shows the options and ends with 64`` () =
    for arguments in [ [ "-Z" ]; [ "operand" ]; [ "" ]; [ "-p" ]; [ "-?" ]; [ "--help" ] ] do
        let text, exitCode = FilterRuns.startDkim [] arguments |> FilterRuns.failed
        Expect.equal 64 exitCode
        Expect.contains "dkim-filter: usage: dkim-filter " text

        for row in table do
            for spelling in row.Spellings do
                match spelling with
                | Spelling.Letter letter -> Expect.contains ("\t-" + string letter) text
                | _ -> ()

let private startErrors arguments files text =
    Expect.equal ("dkim-filter: " + text + "\n", 78) (FilterRuns.startDkim files arguments |> FilterRuns.failed)

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

    startErrors [ "-p"; "/s"; "-b"; "v"; "-a"; "/peers" ] [] "/peers: fopen(): file not found"
    startErrors [ "-p"; "/s"; "-b"; "v"; "-i"; "/in" ] [] "/in: fopen(): file not found"
    startErrors [ "-p"; "/s"; "-b"; "v"; "-I"; "/ex" ] [] "/ex: fopen(): file not found"

[<Test>]
let ``dk-filter does not start with a key that DomainKeys cannot use`` () =
    let start arguments files =
        FilterRuns.startDk (files @ FilterRuns.keys) ("-p" :: "/s" :: arguments)
        |> FilterRuns.failed

    let why = "dk-filter: /keys/ed: DomainKeys signs with RSA alone\n"
    Expect.equal (why + "dk-filter: key load from /keys/ed failed\n", 78) (start [ "-s"; "/keys/ed" ] [])

    Expect.equal (why + "dk-filter: key load from /l failed\n", 78) (start [ "-k"; "-s"; "/l" ] [ "/l", "*:/keys/ed" ])

[<Test>]
let ``-n needs no socket and says nothing where all is well`` () =
    let check arguments =
        FilterRuns.startDkim FilterRuns.keys ("-n" :: arguments)

    Expect.equal (FilterRuns.Printed("", 0)) (check [ "-b"; "v" ])
    Expect.equal 78 (check [] |> FilterRuns.failed |> snd)
    Expect.equal 64 (check [ "-Z" ] |> FilterRuns.failed |> snd)

[<Test>]
let ``-V names version, algorithms and canonicalizations`` () =
    match FilterRuns.startDkim [] [ "-V" ], FilterRuns.startDk [] [ "-V" ] with
    | FilterRuns.Printed(dkim, 0), FilterRuns.Printed(dk, 0) ->
        Expect.contains "dkim-filter: Sendmail DKIM Filter v2.8.3\n" dkim
        Expect.contains "\tSupported signing algorithms:\n\t\trsa-sha1\n\t\trsa-sha256\n" dkim
        Expect.contains "\tSupported canonicalization algorithms:\n\t\trelaxed\n\t\tsimple\n" dkim
        Expect.contains "dk-filter: Sendmail DomainKeys Filter v1.0.0\n" dk
    | other -> Assert.Fail(string (other.GetType()))

/// The settings of a file and a command line.
let private settled (lines: string list) (arguments: string list) =
    let kind: FilterKind<DkimFilterSettings> =
        {
            Table = table
            Defaults = defaults
            Service = _.Service
            Scope = _.Scope
            WithScope = fun scope settings -> { settings with Scope = scope }
            MultipleKeys = _.MultipleKeys
        }

    let find _ =
        ValueSome(ProxyRuns.contents (String.Join('\n', lines)))

    match FilterSetup.settle kind ([ "-x"; "conf" ] @ arguments) find with
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

    FilterRuns.startDkim (nested 5) [ "-x"; "/1" ] |> FilterRuns.serving |> ignore

    let text, exitCode =
        FilterRuns.startDkim (nested 6) [ "-x"; "/1" ] |> FilterRuns.failed

    Expect.equal 78 exitCode
    Expect.contains "configuration error at line 1: nesting too deep" text

[<TestCase("0", 0L)>]
[<TestCase("10", 10L)>]
[<TestCase("010", 8L)>]
[<TestCase("0x1F", 31L)>]
let ``numbers are as in C`` (text: string, value: int64) =
    Expect.equal value ((FilterCodecs.integer "N" 0L 100L).Parse text |> Expect.ok)

let private reloaded lines next =
    let files (text: string list) =
        ("conf", String.Join('\n', text)) :: FilterRuns.keys

    let first =
        FilterRuns.startDkim (files lines) [ "-x"; "conf"; "-l"; "-T"; "7" ]
        |> FilterRuns.serving

    FilterRuns.again (files next) first

[<Test>]
let ``a reload forgets the command line and keeps what cannot change`` () =
    let before =
        [
            "Socket local:/s"
            "Mode v"
            "PidFile /p"
            "UMask 7"
            "UserID a"
            "QueryCache no"
            "TestPublicKeys /t"
        ]
        @ [
            "Background no"
            "AutoRestart yes"
            "AutoRestartCount 3"
            "AutoRestartRate 1/2"
            "Quarantine yes"
            "POPDBFile /d"
        ]

    let after =
        [
            "Socket local:/other"
            "Mode v"
            "PidFile /q"
            "UMask 77"
            "UserID b"
            "Nameservers 127.0.0.1"
            "SyslogFacility news"
        ]

    let program = reloaded before after |> FilterRuns.serving
    let service = program.Service
    Expect.equal (ValueSome "local:/s") service.Socket
    Expect.equal (ValueSome "/p", ValueSome 7, ValueSome "a") (service.PidFile, service.UMask, service.UserId)
    Expect.equal (false, ValueSome "/t", ValueSome "/d") (service.QueryCache, service.TestPublicKeys, service.PopDbFile)
    Expect.equal (false, true, 3) (service.Background, service.AutoRestart, service.AutoRestartCount)
    Expect.isTrue program.Quarantines "quarantine"
    // These are those of the file again.
    Expect.equal (false, 5, "news") (service.Syslog, service.DnsTimeout, service.SyslogFacility)
    Expect.equal [ "127.0.0.1" ] service.Nameservers

[<Test>]
let ``a reload with an error says what is wrong`` () =
    let text, _ =
        reloaded [ "Socket local:/s"; "Mode v" ] [ "Socket local:/s"; "Mode sv" ]
        |> FilterRuns.failed

    Expect.contains "at least one selector and key required for signing mode" text

[<Test>]
let ``without a file there is nothing to reload`` () =
    let program =
        FilterRuns.startDkim FilterRuns.keys FilterRuns.signing |> FilterRuns.serving

    Expect.isTrue (program.Again().IsNone) "no file"
    Expect.isTrue program.HasKeys "keys"

[<Test>]
let ``test mode verifies by default and reads no lists of hosts`` () =
    match FilterRuns.startDkim [] [ "-t"; "m.eml"; "-a"; "/peers"; "-i"; "/in" ] with
    | FilterRuns.Testing(program, "m.eml") -> Expect.isTrue (not program.HasKeys) "no keys"
    | _ -> Assert.Fail "not a test"

[<Test>]
let ``paths start at BaseDirectory`` () =
    let files =
        [ "/srv/keys/k", FilterRuns.key "rsa2048.pem"; "/srv/peers", "192.0.2.1" ]

    let program =
        FilterRuns.startConf
            files
            [
                "BaseDirectory /srv"
                "KeyFile keys/k"
                "Selector s"
                "PeerList peers"
                "Socket /s"
            ]
        |> FilterRuns.serving

    let client (address: string) : MilterClient =
        {
            HostName = "x"
            Address = ValueSome(IPAddress.Parse address)
        }

    Expect.isTrue (program.Ignores(client "192.0.2.1")) "a peer"
    Expect.isTrue (not (program.Ignores(client "192.0.2.2"))) "no peer"

[<Test>]
let ``the first line of the log has the arguments`` () =
    let program =
        FilterRuns.startDkim [] [ "-p"; "local:/a b"; "-b"; "v" ] |> FilterRuns.serving

    Expect.equal "Sendmail DKIM Filter v2.8.3 starting (args: -p \"local:/a b\" -b v)" program.Starting.Text
    Expect.equal "Sendmail DKIM Filter v2.8.3 terminating with status 0, errno = 0" (program.Terminating 0).Text

[<Test>]
let ``a macro that decisions look at is asked for`` () =
    let program =
        FilterRuns.startDkim [] [ "-p"; "/s"; "-b"; "v"; "-M"; "{if_name}=x" ]
        |> FilterRuns.serving

    Expect.equal [ "i"; "daemon_name"; "auth_type"; "if_name" ] program.WantedMacros

let private shortKey = lazy ("/keys/short.pem", fst ProxyRuns.rsa768.Value)

[<Category "RFC8301-3.1-2">]
[<Category "RFC8301-3.2-1">]
[<Category "RFC6376-3.3.3-1">]
[<Test>]
let ``weak signatures are warned of at start`` () =
    let notices files (lines: string list) =
        let conf = [ "Socket local:/s"; "Domain example.com" ] @ lines

        (FilterRuns.startConf files conf |> FilterRuns.serving).Notices
        |> Seq.map _.Text
        |> String.concat "\n"

    let single = [ "Selector mail"; "KeyFile /keys/short.pem" ]
    let short = "selector mail: the key of 768 bits is too short"
    Expect.contains short (notices [ shortKey.Value ] single)

    let list =
        "/list", "*@example.com:example.com:/keys/mail.private\n*:*:/keys/short.pem\n"

    Expect.contains
        "selector short.pem: the key of 768 bits"
        (notices (list :: shortKey.Value :: FilterRuns.keys) [ "KeyList /list" ])

    let usual = [ "Selector mail"; "KeyFile /keys/mail.private" ]
    Expect.equal "" (notices FilterRuns.keys usual)
    Expect.contains "SignatureAlgorithm rsa-sha1: " (notices FilterRuns.keys ("SignatureAlgorithm rsa-sha1" :: usual))

[<Test>]
let ``RFC8463-6-1 keys of two types for one pattern need a selector each`` () =
    let start (lines: string list) =
        let list = "/list", String.concat "\n" lines
        let other = "/ed/mail.private", FilterRuns.key "ed25519.pem"

        FilterRuns.startConf
            (list :: other :: FilterRuns.keys)
            [ "Socket local:/s"; "Domain example.com"; "KeyList /list" ]

    let text, exitCode =
        start [ "*:example.com:/keys/mail.private"; "*:example.com:/ed/mail.private" ]
        |> FilterRuns.failed

    Expect.contains "/list: selector mail.private of example.com is to have an RSA and an Ed25519 key" text
    Expect.equal 78 exitCode

    start [ "a@*:example.com:/keys/mail.private"; "*:example.org:/ed/mail.private" ]
    |> FilterRuns.serving
    |> ignore
