module Dkim.Conformance.StartTests

open System
open System.Net
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.ProxyRuns

let private key = lazy (fst rsa2048.Value)
let private keyed more = ("key", key.Value) :: more
let private enough = [ "--keyfile=key"; "--selector=s"; "--domain=example.org" ]
let private operands = [ "127.0.0.1:10027"; "127.0.0.1:10028" ]

let private without (name: string) =
    enough |> List.filter (fun option -> not (option.StartsWith("--" + name)))

[<Test>]
let ``the sample configuration of dkimproxy.out starts`` () =
    let text =
        "# specify what address/port DKIMproxy should listen on\nlisten    127.0.0.1:10027\n\n"
        + "relay     127.0.0.1:10028\n\ndomain    example.org\n\nsignature dkim(c=relaxed)\n"
        + "signature domainkeys(c=nofws)\n\nkeyfile   key\n\nselector  postfix\n\n"
        + "#min_servers 5\nmin_spare_servers 2\nmax_servers 20\nuser dkim\ngroup dkim\n"

    let program = startOut (keyed [ "conf", text ]) [ "--conf_file=conf" ] |> serving
    Expect.equal [ { Host = "127.0.0.1"; Port = 10027 } ] program.Listen
    Expect.equal { Host = "127.0.0.1"; Port = 10028 } program.Relay

    Expect.equal
        (20, ValueSome "dkim", ValueSome "dkim")
        (program.Settings.MaxServers, program.Settings.User, program.Settings.Group)

    Expect.equal [] (program.Notices |> List.map _.Text)
    Expect.equal "dkimproxy.out" program.Ident

let private packaged (name: string) =
    IO.File.ReadAllText(IO.Path.Combine(__SOURCE_DIRECTORY__, "../../../packaging/conf", name))

[<Test>]
let ``the configurations of the package start`` () =
    let files =
        [
            "conf", packaged "dkimproxy_out.conf"
            "/etc/dkimproxy/private.key", key.Value
        ]

    let program = startOut files [ "--conf_file=conf" ] |> serving
    Expect.equal [] (program.Notices |> List.map _.Text)

    startIn [ "conf", packaged "dkimproxy_in.conf" ] [ "--conf_file=conf" ]
    |> serving
    |> ignore

[<Test>]
let ``the sample configurations of the manuals start`` () =
    let out =
        "# this is an example config file\nkeyfile key\nselector postfix\nsignature dkim\n"

    startOut (keyed [ "conf", out ]) ([ "--conf_file=conf"; "--domain=example.org" ] @ operands)
    |> serving
    |> ignore

    let incoming =
        "# this is an example config file\nlisten      127.0.0.1:10025\nrelay       127.0.0.1:10026\n"
        + "hostname    myhost.example.com\nreject_fail\n"

    let program = startIn [ "conf", incoming ] [ "--conf_file"; "conf" ] |> serving
    Expect.equal { Host = "127.0.0.1"; Port = 10026 } program.Relay
    Expect.equal "dkimproxy.in" program.Ident

    startIn [] [ "--reject-fail"; "--reject-error"; "127.0.0.1:10025"; "127.0.0.1:10026" ]
    |> serving
    |> ignore

    startOut (keyed []) (enough @ operands) |> serving |> ignore

[<Test>]
let ``the command line beats the file, and its signatures discard the file's`` () =
    let text =
        "signature dkim(s=a)\nsignature domainkeys(s=b)\nselector file\nlisten 1.2.3.4:5\nrelay h\n"

    let program =
        startOut
            (keyed [ "conf", text ])
            ([ "--conf_file=conf"; "--signature=dkim(s=c)" ]
             @ without "selector"
             @ [ "--selector=line"; "10.0.0.1:1"; "h:2" ])
        |> serving

    Expect.equal [ { Host = "10.0.0.1"; Port = 1 } ] program.Listen
    let outcome, _, _ = pass [] program "From: a@example.org\n\nx\n"

    match outcome with
    | Relayed(head, _) ->
        Expect.equal [ "DKIM-Signature" ] (fieldsOf head |> List.map fst)
        Expect.contains "s=c" head
    | Refused _ -> Assert.Fail "refused"

/// Arguments, and the line in which the original says what is wrong.
let private complaints =
    [
        enough, "Error: relay host was not specified"
        enough @ [ "--listen=h:1" ], "Error: relay host was not specified"
        enough @ [ "h:1" ], "Error: wrong number of arguments"
        enough @ operands @ [ "h:1" ], "Error: wrong number of arguments"
        enough @ operands @ [ "--nonsense" ], "Unknown option: nonsense"
        without "keyfile" @ operands, "Error: no keyfile specified"
        without "keyfile" @ operands @ [ "--keyfile=gone" ], "Error: cannot read keyfile gone"
        without "domain" @ operands, "Error: domain not specified"
        without "selector" @ operands, "Error: selector not specified"
        enough @ operands @ [ "--method=odd" ], "Error: invalid method odd"
        enough @ operands @ [ "--signature=domainkeys(c=relaxed)" ], "Error: invalid method relaxed"
        enough @ operands @ [ "--signature=pgp" ], "Error: invalid signature type pgp"
        enough @ operands @ [ "--signature=dkim(" ], "invalid signature specifier: 'dkim('"
        enough @ operands @ [ "--sender_map=gone" ], "Error: gone: file not found"
        enough @ operands @ [ "--listid_map=gone" ], "Error: gone: file not found"
    ]

[<Test>]
let ``the first problem is told in the original's words, with exit code 2 and the usage`` () =
    for arguments, line in complaints do
        let text, exitCode = startOut (keyed []) arguments |> failed
        Expect.equal line (Array.head (text.Split '\n'))
        Expect.equal 2 exitCode
        Expect.contains "Usage: dkimproxy.out [options] LISTENADDR:PORT RELAYADDR:PORT" text

[<Test>]
let ``a file that cannot be read ends the start with exit code 2`` () =
    let text, exitCode = startOut [] [ "--conf_file=gone" ] |> failed
    Expect.contains "gone: cannot be read: no such file" text
    Expect.equal 2 exitCode

[<Test>]
let ``keys that are none, encrypted or unfit are named with the remedy`` () =
    let start key more =
        startOut [ "key", key; "pass", "wrong\n" ] (enough @ operands @ more)
        |> failed
        |> fst

    start "no key at all" []
    |> Expect.contains "no PEM block that ends in PRIVATE KEY"

    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"

    start encrypted [] |> Expect.contains "name a file with its passphrase"

    start (fst ed25519.Value) [ "--signature=dkim(a=rsa-sha256)" ]
    |> Expect.contains "does not fit the key"

    start (fst ed25519.Value) [ "--signature=domainkeys" ]
    |> Expect.contains "does not fit the key"

    Expect.lacks "BEGIN" (start encrypted [])

[<Test>]
let ``help names the exit code of the original`` () =
    for option in [ "--help"; "-?" ] do
        let text, exitCode = startOut [] [ option; "--conf_file=gone" ] |> printed
        Expect.equal 1 exitCode
        Expect.contains "--reject-error" text

[<Test>]
let ``check tells every problem with its place and exits 78`` () =
    let text =
        "listen a\nnonsense 1\nconnect_timeout soon\nsignature dkim(s=$)\nsender_map map\n"

    let files = [ "conf", text; "map", "a.example dkim\nb.example pgp\n" ]

    let report, exitCode =
        startOut files [ "--check"; "--conf_file=conf"; "--domain=example.org" ]
        |> printed

    Expect.equal 78 exitCode

    [
        "conf:2: nonsense: unknown setting (--help lists every setting)"
        "conf:3: connect_timeout: 'soon': not a whole number (write connect_timeout SECONDS)"
        "relay: relay host was not specified (give it as the second operand or as --relay=HOST:PORT)"
        "signature: 'dkim(s=$)': no keyfile specified (give --keyfile=FILE)"
        "signature: 'dkim(s=$)': invalid selector $ (a label with characters that a domain name cannot have)"
        "map:2: b.example: invalid signature type pgp (write specifiers such as dkim(d=example.org) between commas)"
        "dkimproxy.out: 6 problems"
    ]
    |> List.iter (fun line -> Expect.contains (line + "\n") report)

    Expect.equal 7 (report.TrimEnd('\n').Split '\n').Length

[<Test>]
let ``check of good settings exits 0`` () =
    Expect.equal
        ("dkimproxy.out: no problems\n", 0)
        (startOut (keyed []) (enough @ operands @ [ "--check" ]) |> printed)

    Expect.equal ("dkimproxy.in: no problems\n", 0) (startIn [] (operands @ [ "--check" ]) |> printed)

[<Test>]
let ``check names what has no effect, and only check does`` () =
    let settings = operands @ [ "--min_servers=5"; "--serialize"; "flock" ]
    let report, exitCode = startIn [] ("--check" :: settings) |> printed

    Expect.equal
        ("warning: min_servers has no effect\nwarning: serialize has no effect\ndkimproxy.in: no problems\n", 0)
        (report, exitCode)

    Expect.equal [] (startIn [] settings |> serving).Notices

[<Test>]
let ``RFC8301-3.1-4 insecure settings of the verifier are warned of`` () =
    let notices arguments =
        (startIn [] (arguments @ operands) |> serving).Notices |> List.map _.Text

    notices [ "--allow_sha1" ]
    |> List.exactlyOne
    |> Expect.contains "allow_sha1 is insecure"

    notices [ "--min_rsa_bits=512" ]
    |> List.exactlyOne
    |> Expect.contains "min_rsa_bits is insecure"

    notices [ "--remove_forged=no" ]
    |> List.exactlyOne
    |> Expect.contains "remove_forged is off"

[<Test>]
let ``weak settings are warned of and do not keep the proxy from starting`` () =
    let notices more =
        (startOut
            [ "key", fst rsa768.Value; "map", "a.example dkim(key=gone)\nb.example pgp" ]
            (enough @ operands @ more)
         |> serving)
            .Notices
        |> List.map _.Text

    Expect.equal [ "settings: dkim: the key of 768 bits is too short for most verifiers" ] (notices [])

    notices [ "--signature=dkim(a=rsa-sha1)" ]
    |> List.head
    |> Expect.contains "verifiers no longer accept rsa-sha1"

    notices [ "--signature=dkim(c=nowsp)" ]
    |> List.head
    |> Expect.contains "nowsp is not a method of any standard"

    let ofMap = notices [ "--sender_map=map" ]
    Expect.equal 2 ofMap.Length
    Expect.contains "map:2: b.example: invalid signature type pgp" ofMap[0]
    Expect.contains "cannot read keyfile gone: no such file" ofMap[1]

[<Category "RFC6376-3.3.3-1">]
[<Test>]
let ``RFC8301-3.1-2 RFC8301-3.2-1 weak signatures can be ruled out`` () =
    let start key more =
        startOut [ "key", fst key ] (enough @ operands @ [ "--min_rsa_bits=1024"; "--sign_sha1=no" ] @ more)

    let refused key more reason =
        let text, exitCode = start key more |> failed
        Expect.contains reason text
        Expect.equal 2 exitCode

    refused rsa768.Value [] "an RSA key of 768 bits is too short"
    refused rsa768.Value [ "--signature=dkim" ] "an RSA key of 768 bits is too short"
    refused rsa2048.Value [ "--signature=dkim(a=rsa-sha1)" ] "rsa-sha1 is insecure"
    start rsa768.Value [ "--min_rsa_bits=768" ] |> serving |> ignore
    // DomainKeys has nothing better, and is never taken for DKIM.
    start rsa768.Value [ "--signature=domainkeys" ] |> serving |> ignore

    // A map's line cannot keep the proxy from starting; its mail is not signed.
    let program =
        startOut
            [ "key", fst rsa2048.Value; "map", "a.example dkim(a=rsa-sha1)\n" ]
            (enough @ operands @ [ "--sign_sha1=no"; "--sender_map=map" ])
        |> serving

    match pass [] program "From: x@a.example\n\nx\n" with
    | Relayed("", 0L), log, _ -> Expect.contains "rsa-sha1 is insecure" log[0]
    | outcome, _, _ -> Assert.Fail(string (box outcome))

[<Test>]
let ``RFC8463-6-1 an RSA and an Ed25519 key need a selector each`` () =
    let start signatures =
        startOut
            (keyed [ "ed", fst ed25519.Value ])
            (enough @ operands @ (signatures |> List.map (fun text -> "--signature=" + text)))

    let text, exitCode = start [ "dkim"; "dkim(key=ed)" ] |> failed
    Expect.contains "selector s of the sender's domain is to have an RSA and an Ed25519 key" text
    Expect.equal 2 exitCode

    for signatures in
        [
            [ "dkim"; "dkim(key=ed,s=e)" ]
            [ "dkim(d=a.example)"; "dkim(key=ed,d=b.example)" ]
            [ "dkim"; "dkim(c=simple)" ]
        ] do
        start signatures |> serving |> ignore

[<Category "RFC6376-5.2-1">]
[<Test>]
let ``secrets are asked for as such and read again when they change`` () =
    let program = startOut (keyed []) (enough @ operands) |> serving

    Expect.equal
        [
            {
                Path = "key"
                Kind = FileKind.PrivateKey
            }
        ]
        program.Secrets

    let selectorOf (program: ProxyProgram) =
        match pass [] program "From: a@example.org\n\nx\n" with
        | Relayed(head, _), _, _ -> (fieldsOf head |> List.head |> snd)
        | Refused _, _, _ -> ""

    let refreshed text =
        let files = System.Collections.Generic.Dictionary<WantedFile, FileContents>()
        files[program.Secrets.Head] <- contents text
        program.Refresh files

    let other = refreshed (fst ed25519.Value)
    Expect.equal [] (other.Notices |> List.map _.Text)
    Expect.contains "a=ed25519-sha256" (selectorOf other)
    let kept = refreshed "half a file"
    Expect.contains "a=rsa-sha256" (selectorOf kept)
    Expect.contains "the key before it stays" kept.Notices.Head.Text

[<Test>]
let ``the passphrase file is read with the keys`` () =
    let program =
        startOut (keyed [ "pass", "secret\n" ]) (enough @ operands @ [ "--passphrase_file=pass" ])
        |> serving

    Expect.equal [ FileKind.Passphrase; FileKind.PrivateKey ] (program.Secrets |> List.map _.Kind)

[<TestCase("h", "h", 25)>]
[<TestCase("h:26", "h", 26)>]
[<TestCase("[::1]:26", "::1", 26)>]
[<TestCase("[::1]", "::1", 25)>]
[<TestCase("2001:db8::1", "2001:db8::1", 25)>]
[<TestCase("h:smtp", "h:smtp", 25)>]
[<TestCase("h:70000", "h:70000", 25)>]
let ``addresses of relays`` (text: string, host: string, port: int) =
    ProxySettings.parseEndpoint 25 text |> Expect.equal { Host = host; Port = port }

[<Test>]
let ``a listener without a port, and Net::Server's way to name several`` () =
    let listen arguments =
        (startIn [] (arguments @ [ "--relay=h" ]) |> serving).Listen

    Expect.equal [ { Host = "127.0.0.1"; Port = 20203 } ] (listen [ "--listen=127.0.0.1" ])
    Expect.equal [ { Host = "*"; Port = 20203 } ] (listen [])

    Expect.equal
        [ { Host = "::1"; Port = 1 }; { Host = "::1"; Port = 2 } ]
        (listen [ "--host=::1"; "--port=1"; "--port=2" ])

[<Test>]
let ``a relay in two parts`` () =
    let relay arguments = (startIn [] arguments |> serving).Relay
    Expect.equal { Host = "h"; Port = 26 } (relay [ "--relay_host=h"; "--relay_port=26" ])
    Expect.equal { Host = "h"; Port = 25 } (relay [ "--relay_host=h" ])
    Expect.equal { Host = "g"; Port = 26 } (relay [ "--relay=g"; "--relay_port=26" ])

/// Settings, then addresses that are admitted and addresses that are not.
let private filters =
    [
        [], [ "192.0.2.1"; "::1" ], []
        [ "--allow=192\\.0\\.2\\.\\d+" ], [ "192.0.2.1"; "::ffff:192.0.2.7" ], [ "192.0.3.1"; "::1" ]
        [ "--allow=92\\.0\\.2\\.1" ], [], [ "192.0.2.1"; "92.0.2.10" ]
        [ "--cidr_allow=192.0.2.0/24"; "--cidr_allow=::1" ], [ "192.0.2.255"; "::1" ], [ "192.0.3.0"; "::2" ]
        [ "--cidr_allow=192.0.2.0/24"; "--cidr_deny=192.0.2.128/25" ], [ "192.0.2.1" ], [ "192.0.2.129" ]
        [ "--deny=10\\..*" ], [], [ "10.0.0.1"; "192.0.2.1" ]
    ]

let private unnamed (address: string) : ProxyClient =
    {
        Address = IPAddress.Parse address
        Name = ValueNone
    }

[<Category "RFC6376-5.1-2">]
[<Category "RFC4870-3.5-1">]
[<Test>]
let ``clients are admitted as the filters say`` () =
    for arguments, admitted, others in filters do
        let program = startIn [] (arguments @ operands) |> serving

        for address in admitted do
            Expect.isTrue (program.Admits(unnamed address)) (string arguments + address)

        for address in others do
            Expect.isTrue (not (program.Admits(unnamed address))) (string arguments + address)

[<Test>]
let ``with reverse_lookups filters see names, too`` () =
    let program =
        startIn [] ([ "--reverse_lookups"; "--allow=.*\\.example\\.org" ] @ operands)
        |> serving

    let named name =
        { unnamed "192.0.2.1" with
            Name = ValueSome name
        }

    Expect.isTrue program.NamesClients "the names are wanted"
    Expect.isTrue (program.Admits(named "mx.example.org")) "by its name"
    Expect.isTrue (not (program.Admits(named "mx.example.org.evil.example"))) "the whole name"
    Expect.isTrue (not (program.Admits(unnamed "192.0.2.1"))) "no name"

[<Test>]
let ``RFC8601-2.5-1 the host's name is never localhost or empty`` () =
    let start host arguments =
        let start = Proxies.In (Array.ofList (arguments @ operands)) { HostName = host }
        let mutable found = ValueNone

        start.Tell
            { new IProxyStart with
                member _.Print(_, _) = ()
                member _.Fail(_, _) = ()
                member _.Serve program = found <- ValueSome program
            }

        let program = found.Value

        match pass [] program "From: a@example.org\n\nx\n" with
        | Relayed(head, _), _, _ -> (fieldsOf head).Head |> snd, program.Notices.Length
        | Refused _, _, _ -> "", 0

    Expect.equal ("mx.example.org; dkim=none", 0) (start "mx.example.org" [])
    Expect.equal ("mx.example.com; dkim=none", 0) (start "localhost" [ "--hostname=mx.example.com" ])
    Expect.equal ("localhost.localdomain; dkim=none", 1) (start "localhost" [])
    Expect.equal ("localhost.localdomain; dkim=none", 1) (start "" [])
