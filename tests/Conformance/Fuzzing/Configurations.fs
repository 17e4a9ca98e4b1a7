/// The configuration of every program: options, files, environment. What can be read serves a message, so that no setting
/// makes of mail what a program must never make of it.
module Dkim.Tests.Conformance.Fuzzing.Configurations

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Proxies.In
open Dkim.Core.Programs.Proxies
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters
open Dkim.Core.Programs.Qmail
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests
open Dkim.Tests.Conformance.Fuzzing.Readers
open Dkim.Tests.Conformance.Fuzzing.Lists

// An input is arguments, one on each line, and files, with an octet 255 before each: the configuration, what it includes,
// any list or map, any secret that is none.
let private fileOf (parts: string[]) (wanted: WantedFile) : FileContents =
    let part place =
        if place < parts.Length then
            FileContents.Found(ReadOnlyMemory(Octets.ofLatin1 parts[place]))
        else
            FileContents.Unreadable FileContents.NotFound

    match wanted.Kind with
    | FileKind.PrivateKey when wanted.Path.Contains "key" -> Inputs.privateKeyAt wanted.Path
    | FileKind.PrivateKey
    | FileKind.Passphrase -> part 4
    | FileKind.Configuration when wanted.Path = "conf" -> part 1
    | FileKind.Configuration -> part 2
    | _ -> part 3

let private argumentsOf (parts: string[]) =
    parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries)

// What the start said, told once.
let private ending (tell: (Outcome -> unit) -> unit) : Outcome =
    let endings = List<Outcome>()
    tell endings.Add
    must "a start ends once" (endings.Count = 1)
    endings[0]

let private refused (text: string) (code: int) : Outcome =
    mustBeLines text
    must "a start that fails has a code" (code > 0 && code < 256)
    // The first complaint without what was written, which is in quotes or behind a colon.
    let first = text.Split '\n' |> Array.head
    let kind = first.Split [| '\''; ':' |] |> Array.head
    "refused " + string code + String.filter Char.IsLetter kind

let private machine: FilterMachine =
    {
        ProgramName = "filter"
        HostName = "host.example.net"
        UserName = "dkim"
        HasSocket = true
    }

let rec private filterReply (parts: string[]) (isAgain: bool) (reply: Outcome -> unit) : IFilterStart =
    let serve (program: FilterProgram) =
        for line in program.Starting :: program.Notices @ program.Rules do
            mustBeLine line.Line

        mustBeLine program.ConfName
        mustBeLines (program.Refusal("Socket", "taken", "take another"))
        let served = Mails.served (Mails.throughFilter program)

        let again =
            match program.Again() with
            | ValueSome start when not isAgain ->
                ending (fun reply -> (Finding.settle (fileOf parts) start).Tell(filterReply parts true reply))
            | _ -> ""

        served + again

    { new IFilterStart with
        member _.Print(text, code) =
            mustBeLines text
            reply ("printed" + string code)

        member _.Version() = reply "version"
        member _.Fail(text, code) = reply (refused text code)
        member _.Serve program = reply (serve program)

        member _.Check check =
            check.Problems |> List.iter mustBeLine
            must "a check with problems has a code" (check.Problems.IsEmpty = (check.ExitCode = 0))
            reply ("check" + string (min 3 check.Problems.Length))

        member _.Test(program, file) =
            use test = program.NewTest file
            test.Begin(ReadOnlyMemory(Octets.ofLatin1 Mails.plain), 1767225600L<sec>)

            while not test.Needs.IsEmpty do
                test.Go Found.Nothing

            test.Finish()
            mustBeLines test.Output
            mustBeLines test.Errors
            reply ("test" + string test.ExitCode)
    }

let private filter (start: string[] -> FilterMachine -> Step<FilterOutcome>) (text: string) : Outcome =
    let parts = text.Split Between
    let start = start (argumentsOf parts) machine
    ending (fun reply -> (Finding.settle (fileOf parts) start).Tell(filterReply parts false reply))

let private proxy (start: string[] -> Step<ProxyOutcome>) (text: string) : Outcome =
    let parts = text.Split Between

    let serve (program: ProxyProgram) =
        program.Notices |> List.iter (_.Line >> mustBeLine)
        mustBeLine (program.Refusal("listen", "taken", "take another"))

        let client: ProxyClient =
            {
                Address = Net.IPAddress.Loopback
                Name = ValueSome "localhost"
            }

        Mails.served (Mails.throughProxy program) + string (program.Admits client)

    let replied (reply: Outcome -> unit) : IProxyStart =
        { new IProxyStart with
            member _.Print(text, code) =
                mustBeLines text
                reply ("printed" + string code)

            member _.Fail(text, code, reload) =
                mustBeLine reload.Line
                reply (refused text code)

            member _.Version() = reply "version"
            member _.Serve program = reply (serve program)

            member _.Check check =
                mustBeLines (check.Report([], []))
                reply ("check" + string (check.ExitCode 0))
        }

    ending (fun reply -> (Finding.settle (fileOf parts) (start (argumentsOf parts))).Tell(replied reply))

// Lines NAME=VALUE; a name without a value has none.
let private qmail (text: string) : Outcome =
    let parts = text.Split Between

    let variables = Dictionary<string, string>()

    for line in argumentsOf parts do
        match line.IndexOf '=' with
        | -1 -> ()
        | at -> variables.TryAdd(line.Substring(0, at), line.Substring(at + 1)) |> ignore

    let start = QmailDk.start "/var/qmail/bin/qmail-queue" (parts.Length > 1) variables
    start.Note |> ValueOption.iter mustBeLine
    must "another program comes next" (start.NextProgram <> "")
    let roots = string (min 3 start.KeyRoots.Length)

    match start.Refusal with
    | ValueSome refusal ->
        must "a refusal says why" (refusal.Reason <> "")
        "refused" + string refusal.Code + roots
    | ValueNone when start.IsIdle -> "idle"
    | ValueNone -> Mails.served (Mails.throughQmail start) + roots

// What any setting may be given, good or not for this one.
let private values =
    [|
        "yes"
        "no"
        "0"
        "1"
        "60"
        "1024"
        "99999999999"
        "5m"
        "3/1h"
        "relaxed"
        "simple"
        "relaxed/simple"
        "nofws"
        "rsa-sha256"
        "ed25519-sha256"
        "rsa-sha1"
        "sha1"
        "example.com"
        "example.com,*.example.net"
        "lists.example.net"
        "joe@example.com"
        "key"
        "/keys/key1"
        "/keys/%/default"
        "missing"
        "file"
        "s"
        "s2026"
        "inet:8891@127.0.0.1"
        "local:/run/x.sock"
        "127.0.0.1:10027"
        "127.0.0.1@5353"
        "192.0.2.0/24"
        "From,To,Subject"
        "List-Id:+"
        "daemon_name=MSA|MTA"
        "bad=reject,no=tempfail"
        "accept"
        "reject"
        "tempfail"
        "discard"
        "quarantine"
        "sv"
        "S"
        "mail"
        "user:group"
        "dkim(s=x)"
        "dkim(s=x,c=relaxed), domainkeys(d=a.b,s=y)"
        "DEGJfh"
        "auto"
        "dnsclient"
        "json"
        "b=reject"
        "a b"
        "\"\\n\""
        ""
    |]

// A value that the setting shows itself would be good, where it has one.
let private valueOf (random: Random) (row: Setting<'s>) (defaults: 's) =
    match row.Show defaults with
    | shown :: _ when random.Next 4 = 0 -> shown
    | _ ->
        // One in sixteen need not fit.
        Seq.init (if random.Next 16 = 0 then 1 else 20) (fun _ -> Inputs.pick random values)
        |> Seq.tryFind (fun value -> row.Read value defaults |> Result.isOk)
        |> Option.defaultWith (fun () -> Inputs.pick random values)

let private line (random: Random) (separators: string[]) (table: Setting<'s> list) defaults =
    let keyed (row: Setting<'s>) =
        row.Spellings
        |> List.tryPick (fun spelling ->
            match spelling with
            | Spelling.Key name -> Some(struct (name, row))
            | _ -> None)

    match List.choose keyed table with
    | [] -> ""
    | rows ->
        let struct (key, row) = rows[random.Next rows.Length]
        key + Inputs.pick random separators + valueOf random row defaults

let private several (random: Random) (most: int) (make: unit -> string) =
    String.Join('\n', List.init (random.Next most) (fun _ -> make ()))

let private listText =
    [|
        "*@example.com:/keys/key1\n*:key"
        "*:/keys/missing"
        "example.com\n*.example.net"
        "127.0.0.1\n!10.0.0.0/8\n[192.0.2.0]/24"
        "example.com dkim(s=x), domainkeys\n. dkim(c=relaxed)"
        "example.com:discardable"
        "*"
    |]

// An option of each kind, in the spellings that the table has.
let private option (random: Random) (isGnu: bool) (table: Setting<'s> list) defaults =
    let row = table[random.Next table.Length]
    let value = valueOf random row defaults

    match row.Spellings[random.Next row.Spellings.Length] with
    | Spelling.Letter letter when row.Arity = Arity.Flag -> "-" + string letter
    | Spelling.Letter letter -> "-" + string letter + "\n" + value
    | Spelling.Word name when isGnu -> "--" + name + (if row.Arity = Arity.Flag then "" else "=" + value)
    | Spelling.Word name -> "-" + name
    | Spelling.Key _
    | Spelling.Variable _ -> ""

/// What a program needs, some of the table, the file and its list.
let private configured
    (needed: string)
    (inFile: string)
    isGnu
    separators
    (table: Setting<'s> list)
    (defaults: 's)
    (random: Random)
    =
    let conf () = line random separators table defaults

    [
        needed + "\n" + several random 4 (fun () -> option random isGnu table defaults)
        inFile + several random 8 conf
        several random 3 conf
        Inputs.pick random listText
    ]
    |> String.concat (string Between)

let private environment (random: Random) =
    several random 7 (fun () ->
        let row = QmailSettings.table[random.Next QmailSettings.table.Length]
        row.Name + "=" + valueOf random row QmailSettings.defaults)
    + Inputs.pick
        random
        [|
            "\nDKPASSAGES=3"
            "\nRELAYCLIENT="
            "\nDKIMVERIFY="
            "\nDKVERIFY=DEGJfh"
            ""
            "\255"
        |]

let private target name make read : Target =
    {
        Name = name
        Make = make
        Read = read
    }

let private outOptions =
    "--conf_file=conf\n--keyfile=key\n--selector=s\n--domain=example.com\n127.0.0.1:10027\n127.0.0.1:10028"

let all: Target list =
    [
        target
            "dkim-filter-conf"
            (configured
                "-x\nconf"
                "KeyFile key\nSelector s\nDomain example.com\n"
                false
                [| " "; "\t" |]
                DkimFilterTable.table
                FilterSettings.dkim)
            (filter Filters.Dkim)
        target
            "dk-filter-options"
            (configured
                "-p\nlocal:/run/x\n-s\nkey\n-S\ns\n-d\nexample.com"
                ""
                false
                [| " " |]
                DkFilterTable.table
                FilterSettings.domainKeys)
            (filter Filters.Dk)
        target
            "dkimproxy-out-conf"
            (configured outOptions "" true [| " "; "\t"; " = " |] OutSettings.table OutSettings.defaults)
            (proxy Proxies.Out)
        target
            "dkimproxy-in-conf"
            (configured
                "--conf_file=conf\n127.0.0.1:10025\n127.0.0.1:10026"
                ""
                true
                [| " "; "\t" |]
                InSettings.table
                InSettings.defaults)
            (proxy (fun arguments -> Proxies.In arguments { HostName = "host.example.net" }))
        target "qmail-dk-environment" environment qmail
    ]
