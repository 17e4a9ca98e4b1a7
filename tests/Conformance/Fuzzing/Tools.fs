/// The tools' own inputs: options, messages, lists of a batch, keys and zones.
module Dkim.Tests.Conformance.Fuzzing.Tools

open System
open System.Collections.Generic
open System.Text
open System.Text.Json
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Tool.Running
open Dkim.Core.Programs.Tool
open Dkim.Tests
open Dkim.Tests.Conformance.Fuzzing.Readers
open Dkim.Tests.Conformance.Fuzzing.Lists

let private build: BuildFacts =
    {
        Stamp = "1.0.0+0"
        Runtime = ".NET"
        IsNative = true
        OpenSsl = ValueNone
    }

/// A machine all in memory: every path is a part of the input, or a key.
[<Sealed>]
type private Machine(parts: string[]) =
    let output = StringBuilder()
    let mutable lines = 0

    let part place =
        if place < parts.Length then
            FileContents.Found(ReadOnlyMemory(Octets.ofLatin1 parts[place]))
        else
            FileContents.Unreadable FileContents.NotFound

    let read (file: WantedFile) =
        if file.Path.StartsWith("key", StringComparison.Ordinal) then
            Inputs.privateKeyAt file.Path
        else
            match file.Path with
            | "list" -> part 2
            | "zone" -> part 3
            | "conf" -> part 4
            | "main.cf" -> part 5
            | "master.cf" -> part 6
            | _ -> part 1

    member _.Output = output.ToString()
    member _.Lines = lines

    interface IToolHost with
        member _.Demonstrate _ = 0
        member _.Build = build

        member _.Terminal =
            {
                TakesColour = true
                Columns = ValueSome 60
            }

        member _.Find(_, needs) =
            { Finding.ofNames (fun _ -> Answer.Found(Inputs.keyRecords, Security.Unchecked)) needs with
                Files = (Finding.ofFiles read needs).Files
            }

        // postconf alone.
        member _.Run(_, arguments) =
            match Array.last arguments with
            | "-n" -> part 5
            | "-M" -> part 6
            | _ -> FileContents.Found(ReadOnlyMemory(Octets.ofLatin1 "/etc/postfix\n"))

        member _.List path =
            if path = "folder" then
                MailSources.folder path [ "folder/a"; "folder/b" ]
            else
                ValueNone

        member _.OpenMail file = MailSources.ofContents 4096 (read file)

        member _.LookUpAll(_, questions) =
            Finding.ofNames
                (fun _ -> Answer.Found(Inputs.keyRecords, Security.Unchecked))
                (questions |> List.map Need.Lookup)

        member _.Tell progress = mustBeLine progress.Text
        member _.Watch(work, _) = work.Invoke()

        member _.Draw octets = Array.init octets byte
        member _.Create _ = ValueNone

        member _.Replace(_, _) = ValueNone

        member _.Print octets =
            output.Append(Encoding.UTF8.GetString octets.Span) |> ignore

        member _.Complain line =
            mustBeLine line
            lines <- lines + 1

let private printsJson (arguments: string[]) =
    arguments.Length > 1
    && List.contains arguments[0] [ "verify"; "explain"; "testkey"; "postfix" ]
    && arguments[1] = "--json"
    && not (
        Array.exists
            (fun (word: string) ->
                word.StartsWith("-h")
                || word.StartsWith("--h")
                || word = "-V"
                || word.StartsWith("--v"))
            arguments
    )

let private mustBeJson (text: string) =
    for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
        use document = JsonDocument.Parse line
        must "a line of JSON is an object" (document.RootElement.ValueKind = JsonValueKind.Object)

/// Names and codes of the tools (sysexits.h).
let private codes = [ 0; 1; 64; 65; 66; 69; 71; 73; 75; 78 ]

let private tool (text: string) : Outcome =
    let parts = text.Split Between
    let said = parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries)
    // An RSA key of its own takes a good part of a second.
    let isCostly =
        said |> Array.contains "genkey"
        || said.Length = 0
        || said[0] <> "dkim" && said[0] <> "dkim-testkey"

    if isCostly then
        "left out"
    else
        let machine = Machine parts
        let arguments = Array.tail said
        let mutable action = DkimTool.start said[0] arguments 1767225600L
        let mutable steps = 0

        while action.ExitCode.IsNone do
            must "a command comes to an end" (steps < 2000)
            steps <- steps + 1
            action <- action.Do machine

        let code = action.ExitCode.Value
        must "a code is one of those that are told of" (List.contains code codes)
        must "a failure is told" (code = 0 || machine.Lines > 0 || machine.Output <> "")

        if code = 0 && printsJson arguments then
            mustBeJson machine.Output

        let printed = machine.Output.Split('\n')

        let first =
            if code = 0 then
                ""
            else
                String.filter Char.IsLetter (printed[0].Split(':') |> Array.last)

        said[0]
        + String.Join(' ', Array.truncate 1 arguments)
        + string code
        + string (min 4 printed.Length)
        + first

let private commands =
    [|
        "dkim\nverify"
        "dkim\nverify\n--json"
        "dkim\nverify\n--zone=zone"
        "dkim\nverify\n--test-keys=zone\n--json"
        "dkim\nverify\n--batch=list"
        "dkim\nverify\n--batch=folder"
        "dkim\nverify\n--line-ends=lf"
        "dkim\nexplain"
        "dkim\nexplain\n--json\n--zone=zone"
        "dkim\nexplain\n--signature=1"
        "dkim\nsign\n--key=key\n--selector=s\n--domain=example.com"
        "dkim\nsign\n--key=key1\n--selector=s\n--domain=example.com\n--message\n--sign=Subject"
        "dkim\nsign\n--key=key\n--selector=s\n--domain=example.com\n--scheme=domainkeys"
        "dkim\nrecord\n--key=key\n--selector=s\n--domain=example.com"
        "dkim\nrecord\n--key=key\n--selector=s\n--domain=example.com\n--form=tinydns\n--note=a;b"
        "dkim\ntestkey\n--selector=s\n--domain=example.com\n--key=key"
        "dkim\ntestkey\n--selector=s\n--domain=example.com\n--zone=zone\n--json"
        "dkim-testkey\n-d\nexample.com\n-s\ns\n-k\nkey"
        "dkim-testkey\n-x\nconf"
        "dkim\n--help"
        "dkim\nnonsense"
    |]

let private options (random: Random) =
    let all = CommandList.all

    if random.Next 3 = 0 then
        let row = all[random.Next all.Length]

        let value =
            Inputs.pick random [| "0"; "1"; "lf"; "crlf"; "yes"; "1000000000"; "relaxed"; "sha1"; "a"; "" |]

        "\n--" + row.Name + (if row.Arity = Arity.Flag then "" else "=" + value)
    else
        ""

let private lists = [| "-\nmail"; "folder/a\n\nmissing"; "list"; "\r\n-\r\n" |]

let private zones =
    [|
        "{\"s._domainkey.example.com\": [\"v=DKIM1; p=\"]}"
        "{\"dns_errors\": {\"s._domainkey.example.com\": \"timeout\"}, \"dns\": {}}"
        "s._domainkey.example.com " + Inputs.keyRecords[0]
        "{\"s._domainkey.example.com\": [\"" + Inputs.keyRecords[1] + "\"]}"
    |]

let private confs =
    [| "Domain example.com\nSelector s\nKeyFile key"; "Selector\tx\nNonsense 1" |]

let private toolText (random: Random) =
    [
        Inputs.pick random commands + options random
        Inputs.message random
        Inputs.pick random lists
        Inputs.pick random zones
        Inputs.pick random confs
    ]
    |> String.concat (string Between)

let private mainLines =
    [|
        "smtpd_milters = inet:localhost:8891, unix:/run/dk.sock"
        "non_smtpd_milters = $smtpd_milters"
        "milter_default_action = accept"
        "milter_protocol = 6"
        "internal_mail_filter_classes ="
        "content_filter = scan:[127.0.0.1]:10024"
        "receive_override_options = no_milters,"
        "  no_address_mappings"
        "mynetworks = 127.0.0.0/8 [::1]/128"
        "mydomain = $myhostname"
        "myhostname = ${mydomain?a}${mydomain:b}"
        "# comment"
        "local_header_rewrite_clients = permit_mynetworks"
        ""
    |]

let private masterLines =
    [|
        "smtp inet n - n - - smtpd"
        "  -o content_filter=scan:[127.0.0.1]:10024"
        "127.0.0.1:10025 inet n - n - - smtpd -o content_filter="
        " -o smtpd_milters="
        "  -o { smtpd_milters = inet:localhost:8891 , a }"
        "submission inet n - y - - smtpd -o syslog_name=a"
        "pickup unix n - y 60 1 pickup"
        "scan unix - - n - 10 smtp"
        "smtp unix"
        ""
    |]

let private postfixText (random: Random) =
    let some (choices: string[]) =
        String.Join('\n', Array.init (random.Next(1, 9)) (fun _ -> Inputs.pick random choices))

    [
        "dkim\npostfix"
        + Inputs.pick random [| ""; "\n--json"; "\n--filter=conf"; "\n--dk-socket=unix:/run/dk.sock" |]
        + Inputs.pick random [| ""; "\nmain.cf\nmaster.cf" |]
        ""
        ""
        ""
        Inputs.pick random [| ""; "Socket inet:8891@localhost\nMTA MSA"; "Mode v\nInternalHosts list" |]
        some mainLines
        some masterLines
    ]
    |> String.concat (string Between)

let private target name make read : Target =
    {
        Name = name
        Make = make
        Read = read
    }

let all: Target list =
    [ target "tool" toolText tool; target "postfix" postfixText tool ]
