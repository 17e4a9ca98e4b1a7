module Dkim.Conformance.ToolTests

open System
open System.Text.Json
open NUnit.Framework
open Dkim.Core
open Dkim.Conformance
open Dkim.Conformance.ToolRuns

let private message =
    "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: hello\r\n\r\nHello, Bob.\r\n"

let private unix = message.Replace("\r\n", "\n")

[<Test>]
let ``verify --json has every member that it promises`` () =
    let signature = judged "verify" rsa [] (signed rsa [] message)

    let members =
        [
            for entry in signature.EnumerateObject() do
                entry.Name
        ]

    Expect.equal
        [
            "kind"
            "index"
            "domain"
            "selector"
            "algorithm"
            "result"
            "reason"
            "key_bits"
            "testing"
            "unsigned_octets"
        ]
        members

    Expect.equal "dkim" (text "kind" signature)
    Expect.equal "example.com" (text "domain" signature)
    Expect.equal "s" (text "selector" signature)
    Expect.equal "rsa-sha256" (text "algorithm" signature)
    Expect.equal "pass" (text "result" signature)
    Expect.equal 1024 (signature.GetProperty("key_bits").GetInt32())
    Expect.equal 0 (signature.GetProperty("unsigned_octets").GetInt32())

[<Test>]
let ``signatures are counted within their kind`` () =
    let twice =
        message
        |> signed rsa [ "--scheme=domainkeys" ]
        |> signed rsa []
        |> signed rsa []

    let ran = dkim [ "z", rsa.Zone; "-", twice ] [ "verify"; "--json"; "--zone=z" ]

    let told =
        [
            for signature in (json ran).GetProperty("signatures").EnumerateArray() do
                text "kind" signature, signature.GetProperty("index").GetInt32(), text "result" signature
        ]

    Expect.equal [ "dkim", 0, "pass"; "dkim", 1, "pass"; "domainkeys", 0, "pass" ] told

[<Test>]
let ``every algorithm, canonicalization and kind that is signed verifies`` () =
    for keys in [ rsa; ed25519 ] do
        for header in [ "simple"; "relaxed" ] do
            for body in [ "simple"; "relaxed" ] do
                for more in [ []; [ "--seal"; "--copies"; "--length"; "--lifetime=99" ] ] do
                    let options = [ "--header-canon=" + header; "--body-canon=" + body ] @ more
                    Expect.equal "pass" (text "result" (judged "verify" keys [] (signed keys options message)))

    for canon in [ "simple"; "nofws" ] do
        let now = signed rsa [ "--scheme=domainkeys"; "--header-canon=" + canon ] message
        Expect.equal "pass" (text "result" (judged "verify" rsa [] now))

[<Test>]
let ``exit 0 whatever the verdict, 65 where nothing could be judged`` () =
    let verify files =
        dkim files [ "verify"; "--json"; "--zone=z" ]

    let failing = (signed rsa [] message).Replace("Bob.", "Rob.")
    Expect.equal 0 (verify [ "z", rsa.Zone; "-", failing ]).Code
    Expect.equal 0 (verify [ "z", rsa.Zone; "-", message ]).Code
    Expect.equal 0 (verify [ "z", rsa.Zone; "-", "" ]).Code
    let missing = verify [ "z", rsa.Zone ]
    Expect.equal 65 missing.Code
    Expect.equal "no such file" (text "error" (json missing))

[<Test>]
let ``policy options change the verdict`` () =
    let weak = signed rsa [ "--hash=sha1" ] message
    Expect.equal "permerror" (text "result" (judged "verify" rsa [] weak))
    Expect.equal "pass" (text "result" (judged "verify" rsa [ "--allow-sha1" ] weak))
    let now = signed rsa [] message
    Expect.equal "policy" (text "result" (judged "verify" rsa [ "--min-rsa-bits=2048" ] now))
    let longer = signed rsa [ "--length" ] message + "more\r\n"
    let told = judged "verify" rsa [] longer
    Expect.equal ("pass", 6) (text "result" told, told.GetProperty("unsigned_octets").GetInt32())
    Expect.equal "policy" (text "result" (judged "verify" rsa [ "--refuse-unsigned" ] longer))

[<Test>]
let ``--now judges times`` () =
    let now = signed rsa [ "--now=1000000000"; "--lifetime=3600" ] message
    Expect.equal "pass" (text "result" (judged "verify" rsa [ "--now=1000000100" ] now))
    Expect.equal "permerror" (text "result" (judged "verify" rsa [ "--now=1000004000" ] now))
    Expect.equal "permerror" (text "result" (judged "verify" rsa [ "--now=999990000" ] now))

[<Test>]
let ``a file with LF is a message with CRLF, unless it is said otherwise`` () =
    let sign message =
        (dkim [ "k", rsa.Pem; "-", message ] [ "sign"; "--key=k"; "--selector=s"; "--domain=example.com"; "--message" ])
            .Output

    let verify options message =
        let ran =
            dkim [ "z", rsa.Zone; "-", message ] ([ "verify"; "--json"; "--zone=z" ] @ options)

        [
            for signature in (json ran).GetProperty("signatures").EnumerateArray() do
                text "result" signature
        ]

    let now = sign unix
    Expect.lacks "\r" now
    Expect.equal [ "pass" ] (verify [] now)
    Expect.equal [ "pass" ] (verify [] (now.Replace("\n", "\r\n")))
    Expect.equal [] (verify [ "--line-ends=crlf" ] now |> List.filter ((=) "pass"))
    // One CRLF makes every LF part of its line.
    let mixed = now.Replace("Hello, Bob.\n", "Hello, Bob.\r\n")
    Expect.equal [ "pass" ] (verify [ "--line-ends=lf" ] mixed)
    Expect.equal [] (verify [] mixed |> List.filter ((=) "pass"))

[<Test>]
let ``a batch is a directory or a list, and one object a line`` () =
    let files =
        [
            "z", rsa.Zone
            "d/1", signed rsa [] message
            "d/2", message
            "list", "d/2\nd/1\n\nmissing\n"
        ]

    let told arguments =
        let ran = dkim files ([ "verify"; "--zone=z" ] @ arguments)
        let lines = ran.Output.TrimEnd('\n').Split '\n'

        ran.Code,
        [
            for line in lines do
                let root = JsonDocument.Parse(line).RootElement
                text "file" root, root.GetProperty("signatures").GetArrayLength()
        ]

    Expect.equal (0, [ "d/1", 1; "d/2", 0 ]) (told [ "--batch=d" ])
    Expect.equal (65, [ "d/2", 0; "d/1", 1; "missing", 0 ]) (told [ "--batch=list" ])

[<Test>]
let ``zones in both forms`` () =
    let record = JsonDocument.Parse(rsa.Zone).RootElement.EnumerateObject() |> Seq.head
    let strings = record.Value[0].ToString()
    let first, second = strings.Substring(0, 50), strings.Substring 50
    let now = signed rsa [] message

    let result zone =
        let ran = dkim [ "z", zone; "-", now ] [ "verify"; "--json"; "--zone=z" ]

        if ran.Code = 0 then
            text "result" ((json ran).GetProperty("signatures")[0])
        else
            ran.Errors

    let name = "\"S._domainkey.Example.com.\": "
    Expect.equal "pass" (result ("{" + name + "[[\"" + first + "\", \"" + second + "\"]]}"))
    Expect.equal "pass" (result ("{\"dns\": {" + name + "[\"junk\", \"" + strings + "\"]}}"))
    Expect.equal "permerror" (result "{}")
    Expect.equal "permerror" (result ("{" + name + "[]}"))

    for error, reason in [ "servfail", "SERVFAIL"; "timeout", "timeout" ] do
        let zone = "{\"dns\": {}, \"dns_errors\": {" + name + "\"" + error + "\"}}"
        let told = judged "verify" { rsa with Zone = zone } [] now
        Expect.equal "temperror" (text "result" told)
        Expect.contains reason (text "reason" told)

    for broken in
        [
            ""
            "["
            "[]"
            "{\"a\": 1}"
            "{\"a\": [[1]]}"
            "{\"dns\": {}, \"dns_errors\": {\"a\": \"x\"}}"
        ] do
        Expect.contains "dkim: z: " (result broken)

[<Test>]
let ``test keys are lines of a name and a record`` () =
    let zone = JsonDocument.Parse(rsa.Zone).RootElement.EnumerateObject() |> Seq.head
    let lines = "# keys\n\n" + zone.Name + "\t" + zone.Value[0].ToString() + "\n"
    let files = [ "t", lines; "-", signed rsa [] message ]
    Expect.contains "dkim 1: pass" (dkim files [ "verify"; "--test-keys=t" ]).Output
    Expect.contains "line 1: a name without" (dkim [ "t", "x"; "-", "" ] [ "verify"; "--test-keys=t" ]).Errors

[<Test>]
let ``without a zone the DNS is asked, each name once`` () =
    let machine =
        Machine([ "-", signed rsa [] (signed rsa [] message) ], (fun _ -> Answer.Unavailable "timeout"))

    let ran = runOn machine "dkim" [ "verify" ]
    Expect.contains "temperror" ran.Output

    Expect.equal
        [
            {
                Name = "s._domainkey.example.com"
                Type = RecordType.Txt
            }
        ]
        (List.ofSeq machine.Asked)

[<Test>]
let ``sign prints the field alone, or the message`` () =
    let arguments = [ "sign"; "--key=k"; "--selector=s"; "--domain=example.com" ]
    let ran = dkim [ "k", rsa.Pem; "-", message ] arguments
    Expect.isTrue (ran.Output.StartsWith "DKIM-Signature: ") ran.Output
    Expect.isTrue (ran.Output.EndsWith "\r\n") "one field"
    Expect.lacks "Hello" ran.Output
    let whole = dkim [ "k", rsa.Pem; "-", message ] (arguments @ [ "--message" ])
    Expect.isTrue (whole.Output.EndsWith("\r\n" + message)) "the message follows"

[<Test>]
let ``sign chooses fields`` () =
    let now =
        signed rsa [ "--sign=Subject"; "--header-canon=simple"; "--timestamp=no" ] message

    Expect.contains "h=from:subject;" (now.Replace("\r\n\t", ""))
    Expect.lacks " t=" now

[<TestCase("sign", 64)>]
[<TestCase("sign --key=k --selector=s", 64)>]
[<TestCase("sign --key=k --selector=s --domain=localhost", 64)>]
[<TestCase("sign --key=k --selector=s --domain=example.com --header-canon=nofws", 64)>]
[<TestCase("sign --key=missing --selector=s --domain=example.com", 66)>]
[<TestCase("sign --key=bad --selector=s --domain=example.com", 66)>]
[<TestCase("sign --key=k --selector=s --domain=example.com empty", 65)>]
[<TestCase("sign --key=k --selector=s --domain=example.com --scheme=domainkeys empty", 65)>]
[<TestCase("sign --key=ed --selector=s --domain=example.com --hash=sha1 m", 65)>]
[<TestCase("verify --zone=missing", 66)>]
[<TestCase("verify --nonsense", 64)>]
[<TestCase("verify --min-rsa-bits=1", 64)>]
[<TestCase("explain m m", 64)>]
[<TestCase("genkey --selector=x", 64)>]
[<TestCase("genkey --selector=x --domain=example.com m", 64)>]
[<TestCase("testkey --selector=x", 64)>]
[<TestCase("nonsense", 64)>]
[<TestCase("", 64)>]
let ``what cannot be done is refused with a line that says why`` (line: string, code: int) =
    let files =
        [
            "k", rsa.Pem
            "ed", ed25519.Pem
            "bad", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
            "m", message
            "empty", ""
            "-", message
        ]

    let ran =
        dkim files (List.ofArray (line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))

    Expect.equal code ran.Code
    Expect.isTrue ((ran.Errors + ran.Output).Length > 10) "it says why"

[<Category "RFC6376-3.6.1-13">]
[<Category "RFC6376-8.3-1">]
[<Test>]
let ``genkey makes a secret file and every form of the record`` () =
    let machine = Machine([], nothing)

    let ran =
        runOn
            machine
            "dkim"
            [
                "genkey"
                "--selector=s"
                "--domain=example.com"
                "--bits=1024"
                "--note=a; b"
            ]

    Expect.equal 0 ran.Code
    Expect.equal [ "s.private" ] (List.ofSeq machine.Secrets)
    let key = Expect.ok (SigningKey.parse ValueNone ran.Made["s.private"])
    Expect.equal 1024<bit> key.Bits
    Expect.contains ("t=s; p=" + Convert.ToBase64String key.KeyData) ran.Output
    Expect.contains "n=a=3B=20b" ran.Output
    Expect.contains "s._domainkey.example.com.\tIN\tTXT\t(" ran.Output
    Expect.contains "'s._domainkey.example.com:v=DKIM1; " ran.Output
    Expect.contains "{\"s._domainkey.example.com\": [[\"v=DKIM1; " ran.Output
    Expect.lacks "PRIVATE" ran.Output

let private genkey (options: string list) =
    dkim [] ([ "genkey"; "--selector=s"; "--domain=example.com" ] @ options)

[<Test>]
let ``what genkey makes signs and verifies, Ed25519 as well`` () =
    for options in [ [ "--bits=1024" ]; [ "--type=ed25519" ] ] do
        let made = genkey ([ "--form=json" ] @ options)

        let keys =
            {
                Pem = made.Made["s.private"]
                Zone = made.Output
            }

        Expect.equal "pass" (text "result" (judged "verify" keys [] (signed keys [] message)))

[<Category "RFC8463-4.2-1">]
[<Test>]
let ``an Ed25519 key is published as 32 octets`` () =
    let record = (genkey [ "--type=ed25519"; "--form=text" ]).Output.Trim()
    let data = record.Substring(record.IndexOf "p=" + 2)
    Expect.contains "k=ed25519; " record
    Expect.equal 32 (Convert.FromBase64String data).Length

[<Category "RFC6376-3.6.1-13">]
[<Test>]
let ``genkey options become tags`` () =
    let record options =
        (genkey ([ "--form=text"; "--type=ed25519" ] @ options)).Output

    Expect.contains "; t=s;" (record [])
    Expect.lacks "t=" (record [ "--subdomains" ])
    Expect.contains "; t=y:s;" (record [ "--testing" ])
    Expect.contains "; h=sha256;" (record [ "--only-sha256" ])

[<Test>]
let ``long records are cut into strings of at most 255 characters`` () =
    let zone = (genkey [ "--form=zone"; "--bits=2048" ]).Output

    for part in zone.Split('"', StringSplitOptions.RemoveEmptyEntries) do
        Expect.isTrue (part.Length <= 255) part

[<Test>]
let ``tinydns data has no colon or backslash but its own`` () =
    Expect.equal
        "'s._domainkey.example.com:t=y\\072s; n=\\134; p=:3600\n"
        (Publication.tinydns "s._domainkey.example.com" "t=y:s; n=\\; p=")

[<Category "RFC6376-3.1-2">]
[<Test>]
let ``a key is never written over a file`` () =
    let there = [ "s.private", "precious"; "s.txt", "precious"; "s", "precious" ]

    for name, arguments in
        [
            "dkim", [ "genkey"; "--selector=s"; "--domain=example.com" ]
            "dkim-genkey", [ "-s"; "s"; "-d"; "example.com" ]
            "dknewkey", [ "s"; "1024" ]
        ] do
        let ran = runOn (Machine(there, nothing)) name arguments
        Expect.isTrue (ran.Code <> 0) name
        Expect.equal Map.empty ran.Made
        Expect.contains "file exists" ran.Errors

[<Test>]
let ``testkey tells good from bad by its exit code`` () =
    let test files options =
        dkim files ([ "testkey"; "--selector=s"; "--domain=example.com"; "--zone=z" ] @ options)

    let good = test [ "z", rsa.Zone; "k", rsa.Pem ] [ "--key=k" ]
    Expect.equal 0 good.Code
    Expect.contains "good: the record fits the private key" good.Output
    let other = test [ "z", rsa.Zone; "k", otherRsa.Pem ] [ "--key=k"; "--json" ]
    Expect.equal 1 other.Code
    Expect.equal "other-key" (text "mistake" ((json other).GetProperty("findings")[1]))

    let failing =
        "{\"dns\": {}, \"dns_errors\": {\"s._domainkey.example.com\": \"servfail\"}}"

    Expect.equal 75 (test [ "z", failing ] []).Code

[<Test>]
let ``dkim-genkey leaves what opendkim-genkey leaves`` () =
    let made =
        runOn
            (Machine([], nothing))
            "dkim-genkey"
            [ "-s"; "mail"; "-d"; "example.com"; "-D"; "/keys/"; "-atSr"; "-b1024" ]

    Expect.equal 0 made.Code
    Expect.equal ("", "") (made.Output, made.Errors)
    let record = made.Made["/keys/mail.txt"]

    let head =
        "mail._domainkey.example.com.\tIN\tTXT\t( \"v=DKIM1; h=sha256; k=rsa; t=y:s; s=email; \"\n\t  \"p="

    Expect.isTrue (record.StartsWith head) record
    Expect.isTrue (record.EndsWith "\" )  ; ----- DKIM key mail for example.com\n") record
    let key = Expect.ok (SigningKey.parse ValueNone made.Made["/keys/mail.private"])
    Expect.contains (Convert.ToBase64String key.KeyData) (record.Replace("\"\n\t  \"", ""))

[<Test>]
let ``dkim-genkey says what it does with -v, and refuses with 1`` () =
    let run arguments =
        runOn (Machine([], nothing)) "dkim-genkey" arguments

    let told = run [ "-v"; "--bits=1024" ]
    Expect.contains "dkim-genkey: private key written to default.private\n" told.Errors
    Expect.contains "default._domainkey\tIN" told.Made["default.txt"]
    Expect.equal 1 (run [ "-x" ]).Code
    Expect.equal 1 (run [ "-s"; "../x" ]).Code
    Expect.equal 0 (run [ "--help" ]).Code
    Expect.equal 0 (run [ "-V" ]).Code

[<Test>]
let ``dkim-testkey ends as opendkim-testkey does`` () =
    let files =
        [
            "z", rsa.Zone
            "k", rsa.Pem
            "o", otherRsa.Pem
            "conf", "# ours\nDomain example.com\nSelector s\nKeyFile k\nMode sv\n"
        ]

    let run arguments =
        runOn (Machine(files, nothing)) "dkim-testkey" ([ "--zone=z" ] @ arguments)

    let quiet = run [ "-d"; "example.com"; "-s"; "s"; "-k"; "k" ]
    Expect.equal (0, "") (quiet.Code, quiet.Errors)
    let told = run [ "-x"; "conf"; "-vvv" ]
    Expect.equal 0 told.Code

    for line in
        [
            "key loaded from k"
            "checking key 's._domainkey.example.com'"
            "key not secure"
        ] do
        Expect.contains ("dkim-testkey: " + line + "\n") told.Errors

    Expect.equal "dkim-testkey: key OK\n" told.Output
    let other = run [ "-d"; "example.com"; "-s"; "s"; "-k"; "o" ]
    Expect.equal (65, "dkim-testkey: keys do not match\n", "") (other.Code, other.Output, other.Errors)
    let missing = run [ "-d"; "example.com"; "-s"; "t" ]
    Expect.equal (69, "dkim-testkey: 't._domainkey.example.com' record not found\n") (missing.Code, missing.Errors)
    Expect.equal 78 (run []).Code
    Expect.equal 78 (run [ "-Q" ]).Code
    Expect.equal 71 (run [ "-d"; "example.com"; "-s"; "s"; "-k"; "none" ]).Code

[<Test>]
let ``dknewkey prints the record of DomainKeys`` () =
    let ran = runOn (Machine([], nothing)) "dknewkey" [ "/keys/default"; "1024" ]
    Expect.equal 0 ran.Code
    let key = Expect.ok (SigningKey.parse ValueNone ran.Made["/keys/default"])

    Expect.equal
        ("default._domainkey\tIN\tTXT\t\"k=rsa; p="
         + Convert.ToBase64String key.KeyData
         + "\"\n")
        ran.Output

    for arguments in [ []; [ "a"; "b" ]; [ "a"; "100" ]; [ "a b"; "1024" ]; [ "--help" ] ] do
        let ran = runOn (Machine([], nothing)) "dknewkey" arguments
        Expect.equal (1, Map.empty) (ran.Code, ran.Made)

[<Test>]
let ``every command has help that names its options`` () =
    for command in ToolCommands.commands do
        let ran = dkim [] [ command.Name; "--help" ]
        Expect.equal 0 ran.Code

        for row in command.Table do
            Expect.contains ("--" + row.Name) ran.Output

        Expect.contains ("dkim " + command.Name) (dkim [] [ "--help" ]).Output

[<Test>]
let ``what messages and records hold is printed visibly`` () =
    let odd =
        "DKIM-Signature: v=1; d=\x1b]0;x\x07.com\r\nFrom: a@example.com\r\n\r\n\x1b[31m"

    for command in [ "verify"; "explain" ] do
        for format in [ []; [ "--json" ] ] do
            let ran = dkim [ "z", "{}"; "-", odd ] ([ command; "--zone=z" ] @ format)

            Expect.isTrue
                (ran.Output + ran.Errors
                 |> String.forall (fun c -> c = '\n' || c = '\t' || not (Char.IsControl c)))
                ran.Output

let private samples =
    [
        "key", "k"
        "passphrase-file", "p"
        "selector", "mail"
        "domain", "example.com"
        "scheme", "domainkeys"
        "hash", "sha1"
        "header-canon", "nofws"
        "body-canon", "simple"
        "identity", "ann@example.com"
        "sign", "Subject"
        "lifetime", "60"
        "type", "ed25519"
        "bits", "4096"
        "note", "a note"
        "form", "tinydns"
        "min-rsa-bits", "512"
        "now", "1000000000"
        "batch", "folder"
        "signature", "2"
        "line-ends", "lf"
        "zone", "zone.json"
        "test-keys", "keys"
        "resolver", "system"
        "nameserver", "127.0.0.1@5353"
        "trust-anchor", "root.key"
        "dns-timeout", "3"
        "directory", "/keys"
        "granularity", "ann*"
        "hash-algorithms", "sha256:sha1"
        "Domain", "example.com"
        "KeyFile", "k"
        "Selector", "mail"
        "conffile", "conf"
    ]

let private keepsItsLaws (table: Setting<'s> list) (defaults: 's) =
    for row in table do
        let sample =
            samples
            |> List.tryFind (fun (name, _) -> name = row.Name)
            |> Option.map snd
            |> Option.defaultValue (if row.Show defaults = [ "yes" ] then "no" else "yes")

        let set = Expect.ok (row.Read sample defaults)
        Expect.equal [ sample ] (row.Show set)
        Expect.isTrue (row.Show set <> row.Show defaults) row.Name

        let restored =
            row.Show set
            |> List.fold (fun state value -> Expect.ok (row.Read value state)) (row.Clear set)

        Expect.equal (row.Show set) (row.Show restored)
        Expect.isTrue (row.Summary <> "" && row.Group <> "") row.Name

[<Test>]
let ``every row reads what it shows`` () =
    keepsItsLaws ToolCommands.all ToolSettings.defaults
    keepsItsLaws GenkeyTool.table GenkeyTool.defaults
    keepsItsLaws TestkeyTool.table TestkeyTool.defaults
