/// The lists and maps of administrators, each read by itself and then asked.
module Dkim.Tests.Conformance.Fuzzing.Lists

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies.Out
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests
open Dkim.Tests.Conformance.Fuzzing.Readers

/// Between the parts of an input that has several.
[<Literal>]
let Between = '\255'

/// That a text is one printable line. Tabs are left to it.
let mustBeLine (text: string) =
    if String.exists (fun c -> Char.IsControl c && c <> '\t') text then
        raise (Broken("what is said is one printable line: " + Printable.tame text))

/// That a text is lines of that kind.
let mustBeLines (text: string) =
    text.Split '\n' |> Array.iter mustBeLine

let private told (problems: Problem list) : Outcome =
    problems |> List.iter (Problem.describe >> mustBeLine)

    let kinds =
        problems
        |> List.map (fun problem -> string (problem.Fault.GetType().Name))
        |> List.distinct
        |> List.truncate 3

    string (min 3 problems.Length) + String.Join('+', kinds)

// Reasons are made printable where they are told, with the place.
let private textOr (message: string) (result: Result<'a, string>) =
    match result with
    | Ok _ -> message
    | Error reason -> String.filter (Char.IsAsciiDigit >> not) reason

// What is asked of a list: the name behind the first octet 255, or what the list has in common with itself.
let private asked (text: string) : struct (string * string) =
    match text.IndexOf Between with
    | -1 -> struct (text, (text.Split('\n')[0]).Trim())
    | at -> struct (text.Substring(0, at), text.Substring(at + 1))

let private names = [ "example.com"; "mail.example.com"; "joe@example.com"; "." ]

let private signatureMap (text: string) : Outcome =
    let struct (text, who) = asked text
    let struct (map, problems) = SignatureMap.parse "map" text

    for struct (_, entry) in SignatureMap.entries map do
        match entry.Signatures with
        | Ok specifiers ->
            for specifier in specifiers do
                must "a specifier is read as it is shown" (Specifier.parse (Specifier.show specifier) = Ok specifier)
        | Error _ -> ()

    let found =
        who :: names
        |> List.map (fun name -> string (SignatureMap.find name map).IsFound)
        |> String.concat ""

    told problems + found

let private peerList (text: string) : Outcome =
    let struct (text, who) = asked text
    let struct (peers, problems) = PeerList.parse "peers" text

    let addresses =
        [ "127.0.0.1"; "192.0.2.7"; "::1"; "2001:db8::1"; "::ffff:10.1.2.3" ]
        |> List.map (IPAddress.Parse >> ValueSome)

    let found =
        [
            for name in who :: names do
                PeerList.contains name ValueNone peers
            for address in addresses do
                PeerList.contains "" address peers
        ]

    told problems
    + String.Join("", found |> List.map (fun holds -> if holds then "1" else "0"))

let private domainList (text: string) : Outcome =
    let struct (text, who) = asked text
    let struct (list, problems) = DomainList.parse "domains" text

    let found =
        who :: names
        |> List.choose (DomainName.tryCreate >> Result.toOption)
        |> List.map (fun domain ->
            let above = DomainList.tryFindAbove list domain
            string (DomainList.tryFind list domain).IsSome + string above.IsSome)

    told problems
    + string (min 3 (DomainList.entries list).Length)
    + String.concat "" found

let private localAdsp (text: string) : Outcome =
    let struct (text, who) = asked text
    let struct (list, problems) = LocalAdsp.parse "adsp" text

    let found =
        who :: names
        |> List.choose (DomainName.tryCreate >> Result.toOption)
        |> List.map (LocalAdsp.tryFind list >> ValueOption.map string >> ValueOption.defaultValue "-")

    told problems + String.concat "" found

let private keyList (text: string) : Outcome =
    let struct (text, who) = asked text

    let contents (file: WantedFile) =
        if file.Path.EndsWith("bad", StringComparison.Ordinal) then
            FileContents.Found(ReadOnlyMemory(Octets.ofLatin1 text))
        elif file.Path.Contains "key" then
            Inputs.privateKeyAt file.Path
        else
            FileContents.Unreadable FileContents.NotFound

    let ofScheme scheme =
        match KeyLine.parse scheme text with
        | Error reasons -> string (min 3 reasons.Length) + textOr "" (Error reasons.Head)
        | Ok lines ->
            let struct (list, faults) = KeyList.load scheme lines |> Finding.settle contents

            let found =
                who :: names
                |> List.map (fun name ->
                    match KeyList.find name list with
                    | Ok keys -> string (min 3 keys.Length)
                    | Error _ -> "unusable")

            must "every line is in a group" ((KeyList.groups list |> List.sumBy _.Length) = lines.Length)
            string (min 3 faults.Length) + String.concat "" found

    ofScheme Scheme.Dkim + "/" + ofScheme DomainKeys

let private macroTest (text: string) : Outcome =
    let test = MacroTest.parse text
    let shown = MacroTest.show test

    must
        "a test of a macro is read as it is shown"
        (test.Name.IndexOfAny [| '{'; '}' |] >= 0
         || MacroTest.show (MacroTest.parse shown) = shown)

    let holds value = MacroTest.holds (fun _ -> value) test

    string (holds ValueNone)
    + string (holds (ValueSome "MTA"))
    + string (min 3 test.Values.Length)
    + string (test.Name = "")

let private words (text: string) : Outcome =
    let server =
        match NameServer.parse text with
        | Ok server ->
            must "a server is read as it is shown" (NameServer.parse (NameServer.show server) = Ok server)
            "server"
        | Error reason -> textOr "" (Error reason)

    [
        server
        textOr "endpoint" (Endpoint.parse text)
        textOr "host and port" (Endpoint.parseHostPort text)
        textOr "host" (Endpoint.parseHost text)
        textOr "account" (AccountName.parse text)
        textOr "specifiers" (Specifier.parseList text)
        string (EndpointMend.trySocket text).IsSome
        string (EndpointMend.tryHostPort text).IsSome
        string (Pattern.any [ Pattern.ofText text ] "joe@example.com")
    ]
    |> String.concat "|"

let private resolvConf (text: string) : Outcome =
    let conf = ResolvConf.parse text
    must "the C library asks three servers" (conf.Servers.Length <= ResolvConf.MostServers)
    string conf.Servers.Length + string conf.TrustAd

let private question: Question =
    {
        Name = "s._domainkey.example.com"
        Type = RecordType.Txt
    }

let private zone (text: string) : Outcome =
    let outcome (read: Result<Question -> Answer, string>) =
        match read with
        | Error reason -> textOr "" (Error reason)
        | Ok answer ->
            match (answer question).Outcome with
            | Records records -> "records" + string (min 3 records.Length)
            | NoSuchName -> "no such name"
            | Unavailable reason -> reason

    outcome (Zone.parse text |> Result.map Zone.answer)
    + "/"
    + outcome (
        TestKeys.parse text
        |> Result.map (fun keys -> keys.Find)
        |> Result.mapError string
    )

let private lines (choices: string[]) (random: Random) =
    String.Join('\n', Array.init (random.Next(1, 8)) (fun _ -> Inputs.pick random choices))

// Now and then with a name that is asked for.
let private list (choices: string[]) (random: Random) =
    let text = lines choices random

    if random.Next 3 = 0 then
        text
        + string Between
        + Inputs.pick random [| "joe@example.com"; "a.example.net"; "[::1]"; "" |]
    else
        text

let private signatureMaps =
    [|
        "example.com dkim(s=x, d=example.com)"
        "*.example.com domainkeys(key=/a/b, c=nofws), dkim(a=rsa-sha256)"
        "joe@example.com\tdkim(c=relaxed/simple, i=@example.com, a=rsa-sha1)"
        ". dkim"
        "[192.0.2.1]/24 none"
        "*\tdomainkeys(d=\"a.b\", s=c, c=simple)"
        "# comment"
        ""
    |]

let private peers =
    [|
        "[192.0.2.1]/24"
        "!10.0.0.0/8"
        "192.0.2.0/255.255.255.0"
        "::1"
        "2001:db8::/32"
        "[IPv6:2001:db8::1]"
        ".example.com"
        "mail.example.com # comment"
        "!*"
    |]

let private domains =
    [|
        "example.com"
        "*.example.com"
        ".example.net"
        "xn--bcher-kva.example"
        "a.b."
        "# comment"
        "*"
    |]

let private practices =
    [|
        "example.com:all"
        "*.example.com:discardable"
        ".a.b:unknown"
        "example.net: all # comment"
        "*:all"
    |]

let private keyLines =
    [|
        "*:/keys/key1"
        "*@example.com:example.net:/keys/key.private"
        "joe@*:key"
        "/keys"
        "*@example.com:/keys/missing"
        "a?c:example.com:bad"
        "# comment"
        "[2001:db8::1]:key"
        ""
    |]

let private aWord =
    [|
        "inet:8891@127.0.0.1"
        "local:/run/x.sock"
        "inet6:25@[::1]"
        "127.0.0.1@5353"
        "[2001:db8::1]:53"
        "unix:/a"
        "user:group"
        "mail.example.com:25"
        "dkim(s=x), domainkeys"
        "*@example.*"
        "{daemon_name}=MTA|MSA"
        "0x1f"
    |]

let private resolvConfs =
    [|
        "nameserver 127.0.0.1"
        "nameserver ::1"
        "options edns0 trust-ad"
        "search a b"
        "# x"
        "nameserver 1.2.3.4#5"
    |]

let private zones =
    [|
        "{\"s._domainkey.example.com\": [\"v=DKIM1; p=\"]}"
        "{\"dns\": {\"s._domainkey.example.com\": [[\"a\", \"b\"]]}, \"dns_errors\": {\"x.y\": \"servfail\"}}"
        "{\"dns_errors\": {\"s._domainkey.example.com\": \"timeout\"}, \"dns\": {}}"
        "s._domainkey.example.com v=DKIM1; p=\nx.y\tz\n# c"
        "{\"a\": \"\\ud800\"}"
        "[]"
    |]

let private target name make read : Target =
    {
        Name = name
        Make = make
        Read = read
    }

let all: Target list =
    [
        target "sender-map" (list signatureMaps) signatureMap
        target "peer-list" (list peers) peerList
        target "domain-list" (list domains) domainList
        target "local-adsp" (list practices) localAdsp
        target "key-list" (list keyLines) keyList
        target "macro-test" (fun random -> Inputs.pick random aWord) macroTest
        target "setting-words" (fun random -> Inputs.pick random aWord) words
        target "resolv-conf" (lines resolvConfs) resolvConf
        target "zone" (fun random -> Inputs.pick random zones) zone
    ]
