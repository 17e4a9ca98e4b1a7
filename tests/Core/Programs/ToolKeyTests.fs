/// The commands that make, publish and test keys, and the programs of other packages that they stand in for.
module Dkim.Tests.Core.ToolKeyTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Tests.Core
open Dkim.Tests.Core.ToolRuns

let private genkey (options: string list) =
    dkim [] ([ "genkey"; "--selector=s"; "--domain=example.com" ] @ options)

[<Tests>]
let tests =
    testList
        "ToolKeyTests"
        [
            proves
                [ "RFC6376-3.6.1-13"; "RFC6376-8.3-1" ]
                (testCase "genkey makes a secret file and every form of the record" (fun () ->
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
                    Expect.lacks "PRIVATE" ran.Output))

            testCase "what genkey makes signs and verifies, Ed25519 as well" (fun () ->
                for options in [ [ "--bits=1024" ]; [ "--type=ed25519" ] ] do
                    let made = genkey ([ "--form=json" ] @ options)

                    let keys =
                        {
                            Pem = made.Made["s.private"]
                            Zone = made.Output
                        }

                    Expect.equal "pass" (text "result" (judged "verify" keys [] (signed keys [] message))))

            proves
                [ "RFC8463-4.2-1" ]
                (testCase "an Ed25519 key is published as 32 octets" (fun () ->
                    let record = (genkey [ "--type=ed25519"; "--form=text" ]).Output.Trim()
                    let data = record.Substring(record.IndexOf "p=" + 2)
                    Expect.contains "k=ed25519; " record
                    Expect.equal 32 (Convert.FromBase64String data).Length))

            proves
                [ "RFC6376-3.6.1-13" ]
                (testCase "genkey options become tags" (fun () ->
                    let record options =
                        (genkey ([ "--form=text"; "--type=ed25519" ] @ options)).Output

                    Expect.contains "; t=s;" (record [])
                    Expect.lacks "t=" (record [ "--subdomains" ])
                    Expect.contains "; t=y:s;" (record [ "--testing" ])
                    Expect.contains "; h=sha256;" (record [ "--only-sha256" ])))

            testCase "long records are cut into strings of at most 255 characters" (fun () ->
                let zone = (genkey [ "--form=zone"; "--bits=2048" ]).Output

                for part in zone.Split('"', StringSplitOptions.RemoveEmptyEntries) do
                    Expect.isTrue (part.Length <= 255) part)

            testCase "tinydns data has no colon or backslash but its own" (fun () ->
                Expect.equal
                    "'s._domainkey.example.com:t=y\\072s; n=\\134; p=:3600\n"
                    (Publication.tinydns "s._domainkey.example.com" "t=y:s; n=\\; p="))

            proves
                [ "RFC6376-3.1-2" ]
                (testCase "a key is never written over a file" (fun () ->
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
                        Expect.contains "file exists" ran.Errors))

            testCase "no key is made whose record could not be written" (fun () ->
                let ran =
                    runOn (Machine([ "s.txt", "precious" ], nothing)) "dkim-genkey" [ "-s"; "s"; "-d"; "example.com" ]

                Expect.equal Map.empty ran.Made
                Expect.contains "s.txt: file exists" ran.Errors)

            testRows
                "a pattern of local parts has at most one asterisk"
                [ ("*", true); ("ann*-x", true); ("*a*", false) ]
                (fun (pattern: string, isGood: bool) ->
                    let ran =
                        runOn
                            (Machine([], nothing))
                            "dkim-genkey"
                            [ "-s"; "s"; "-d"; "example.com"; "-b"; "1024"; "-g"; pattern ]

                    Expect.equal isGood (ran.Code = 0)
                    Expect.equal isGood (ran.Made.ContainsKey "s.txt"))

            testCase "record prints what genkey printed, in every form" (fun () ->
                for key in [ [ "--bits=1024" ]; [ "--type=ed25519" ] ] do
                    for tags in [ []; [ "--subdomains"; "--testing"; "--only-sha256"; "--note=a; b" ] ] do
                        for form in [ "all"; "zone"; "text"; "string"; "tinydns"; "json"; "nsupdate" ] do
                            let made = genkey (key @ tags @ [ "--form=" + form ])

                            let again path options =
                                dkim
                                    [ path, made.Made["s.private"] ]
                                    ([ "record"; "--selector=s"; "--domain=example.com"; "--form=" + form ]
                                     @ tags
                                     @ options)

                            let ran = again "s.private" []
                            Expect.equal (0, made.Output, "") (ran.Code, ran.Output, ran.Errors)
                            Expect.equal made.Output (again "elsewhere" [ "--key=elsewhere" ]).Output)

            testCase "record says what is in the place of a private key" (fun () ->
                let record files options =
                    let ran =
                        dkim files ([ "record"; "--selector=s"; "--domain=example.com" ] @ options)

                    Expect.equal "" ran.Output
                    ran.Code, ran.Errors

                let rows =
                    [
                        [], "no such file"
                        [ "s.private", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" ],
                        "a public key: name the file of the private key"
                        [ "s.private", "junk" ], "no PEM block that ends in PRIVATE KEY"
                        [
                            "s.private", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
                        ],
                        "is damaged"
                        [
                            "s.private",
                            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
                        ],
                        "name a file with its passphrase"
                    ]

                for files, says in rows do
                    let code, errors = record files []
                    Expect.equal 66 code
                    Expect.contains "dkim record: s.private: " errors
                    Expect.contains says errors

                Expect.equal 64 (dkim [] [ "record"; "--selector=s" ]).Code)

            testCase "testkey tells good from bad by its exit code" (fun () ->
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

                Expect.equal 75 (test [ "z", failing ] []).Code)

            testCase "testkey prints the record to publish, in the form that is asked for" (fun () ->
                let spoiled =
                    rsa.Zone.Replace("v=DKIM1; ", "v=DKIM1\\\\; ").Replace("[\"", "[\"\\\"").Replace("\"]", "\\\"\"]")

                let text = (rsa.Zone.Split '"')[3]
                let name = "s._domainkey.example.com"

                let test options =
                    (dkim
                        [ "z", spoiled; "k", rsa.Pem ]
                        ([ "testkey"; "--selector=s"; "--domain=example.com"; "--zone=z"; "--key=k" ]
                         @ options))
                        .Output

                for form, record in
                    [
                        [], Publication.zoneFile name text
                        [ "--as=zone" ], Publication.zoneFile name text
                        [ "--as=string" ], text + "\n"
                        [ "--as=tinydns" ], Publication.tinydns name text
                        [ "--as=json" ], "{\"" + name + "\": [[\"" + text + "\"]]}\n"
                        [ "--as=nsupdate" ], Publication.nsupdate name text
                    ] do
                    let printed = test form
                    Expect.contains "WRONG: quotation marks are part" printed
                    Expect.isTrue (printed.EndsWith("\nPublish this in its place:\n\n" + record)) printed

                let publish =
                    (Text.Json.JsonDocument.Parse((test [ "--json" ]): string)).RootElement.GetProperty "publish"

                Expect.equal
                    [
                        "type", "TXT"
                        "string", text
                        "zone", Publication.zoneFile name text
                        "tinydns", Publication.tinydns name text
                        "nsupdate", Publication.nsupdate name text
                    ]
                    ([ "type"; "string"; "zone"; "tinydns"; "nsupdate" ]
                     |> List.map (fun form -> form, ToolRuns.text form publish))

                let strings = publish.GetProperty("json").GetProperty(name).Item 0
                Expect.equal text (string ((strings.Item 0).GetString())))

            testCase "testkey says what to publish where there is nothing, and an alias for a host name" (fun () ->
                let test zone options =
                    dkim
                        [ "z", zone; "k", rsa.Pem ]
                        ([ "testkey"; "--selector=s"; "--domain=example.com"; "--zone=z" ] @ options)

                let record =
                    (dkim [ "k", rsa.Pem ] [ "record"; "--selector=s"; "--domain=example.com"; "--as=string"; "k" ])
                        .Output

                Expect.isTrue ((test "{}" [ "--key=k"; "--as=string" ]).Output.EndsWith("\n\n" + record)) record
                Expect.lacks "Publish" (test "{}" []).Output
                let host = "{\"s._domainkey.example.com\": [\"s.dkim.provider.example.\"]}"

                for form, alias in
                    [
                        "zone", "s._domainkey.example.com.\tIN\tCNAME\ts.dkim.provider.example.\n"
                        "string", "s.dkim.provider.example\n"
                        "tinydns", "Cs._domainkey.example.com:s.dkim.provider.example:3600\n"
                        "json", "s.dkim.provider.example\n"
                        "nsupdate",
                        "update delete s._domainkey.example.com. TXT\n"
                        + "update add s._domainkey.example.com. 3600 CNAME s.dkim.provider.example.\nsend\n"
                    ] do
                    Expect.isTrue ((test host [ "--as=" + form ]).Output.EndsWith("\n\n" + alias)) form

                let publish = (json (test host [ "--json" ])).GetProperty "publish"
                Expect.equal "CNAME" (ToolRuns.text "type" publish)
                Expect.equal Text.Json.JsonValueKind.Null (publish.GetProperty "json").ValueKind)

            testCase "explain says of a record what testkey says, and the record that would be right" (fun () ->
                let quoted = rsa.Zone.Replace("[\"", "[\"\\\"").Replace("\"]", "\\\"\"]")

                let ran =
                    dkim [ "z", quoted; "-", signed rsa [] message ] [ "explain"; "--zone=z"; "--line-ends=crlf" ]

                Expect.contains "quotation marks are part of the record: leave" ran.Output
                Expect.contains ("the record should be:\n       \"" + (rsa.Zone.Split '"')[3] + "\"") ran.Output)

            testCase "strings of a zone file escape what they cannot hold" (fun () ->
                Expect.equal "\"a\\\"b\\\\c\\233\\010\"" (Publication.quoted "a\"b\\c\u00e9\n"))

            testRows
                "genkey refuses what cannot be published, and says why"
                [
                    [ "--selector=s._domainkey" ], "the selector has _domainkey in it"
                    [ "--domain=_domainkey.example.com" ], "the domain has _domainkey in it"
                    [ "--domain=" + String.Join('.', List.replicate 5 (String('a', 49))) ],
                    "selector, _domainkey and domain make a name of 269 characters, and the DNS has none over 253"
                    [ "--selector=" + String('a', 64) ], "a label longer than 63 characters"
                    [ "--domain=a..example" ], "an empty label"
                    [ "--selector=a b" ], "a label with characters that a domain name cannot have"
                    [ "--bits=1023" ], "verifiers refuse RSA keys under 1024 bits (RFC 8301"
                    [ "--bits=8193" ], "verifiers need take no RSA key over 4096 bits (RFC 8301"
                    [ "--bits=many" ], "not a whole number"
                    [ "--type=ed25519"; "--bits=4096" ], "an Ed25519 key has 256 bits"
                    [ "--type=ed25519"; "--note=" + String('a', 16400) ], "shorten --note"
                ]
                (fun (options: string list, says: string) ->
                    for command in [ "genkey"; "record" ] do
                        let isOfBoth =
                            options
                            |> List.forall (fun one -> one.StartsWith "--selector" || one.StartsWith "--domain")

                        if command = "genkey" || isOfBoth then
                            let ran =
                                dkim
                                    [ "k", rsa.Pem ]
                                    ([ command; "--selector=selector"; "--domain=example.com" ]
                                     @ options
                                     @ (if command = "record" then [ "k" ] else []))

                            Expect.equal (64, "", Map.empty) (ran.Code, ran.Output, ran.Made)
                            Expect.contains ("dkim " + command + ": ") ran.Errors
                            Expect.contains says ran.Errors)

            testRows
                "dkim-genkey refuses names that the DNS cannot have, and warns of hashes that nobody takes"
                [
                    [ "-s"; "s._domainkey"; "-d"; "example.com" ], 1, "the selector has _domainkey in it"
                    [ "-s"; "s"; "-d"; String.Join('.', List.replicate 5 (String('a', 49))) ],
                    1,
                    "the DNS has none over 253"
                    [ "-h"; "sha1"; "-b"; "1024" ], 0, "WARNING: h=sha1 shuts out every signature that verifiers accept"
                ]
                (fun (options: string list, code: int, says: string) ->
                    let ran = runOn (Machine([], nothing)) "dkim-genkey" options
                    Expect.equal (code, code = 0) (ran.Code, not ran.Made.IsEmpty)
                    Expect.contains says ran.Errors)

            testCase "record takes a file of either half, in every form" (fun () ->
                use key = Security.Cryptography.RSA.Create 1024
                let seed = Array.init 32 byte
                let ed, edPem = SigningKey.generateEd25519 seed

                let info =
                    Array.append (Convert.FromHexString "302a300506032b6570032100") ed.KeyData

                let rsaText =
                    "v=DKIM1; k=rsa; t=s; p="
                    + Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())
                    + "\n"

                let edText =
                    "v=DKIM1; k=ed25519; t=s; p=" + Convert.ToBase64String ed.KeyData + "\n"

                for pem, text in
                    [
                        key.ExportPkcs8PrivateKeyPem(), rsaText
                        key.ExportRSAPrivateKeyPem(), rsaText
                        key.ExportSubjectPublicKeyInfoPem(), rsaText
                        key.ExportRSAPublicKeyPem(), rsaText
                        edPem, edText
                        Security.Cryptography.PemEncoding.WriteString("PUBLIC KEY", ReadOnlySpan info), edText
                    ] do
                    // A text alone needs no name.
                    let ran = dkim [ "k", pem ] [ "record"; "--as=string"; "k" ]
                    Expect.equal (0, text, "") (ran.Code, ran.Output, ran.Errors)

                let needs = dkim [ "k", edPem ] [ "record"; "k" ]
                Expect.equal 64 needs.Code
                Expect.contains "--selector" needs.Errors
                Expect.equal 64 (dkim [ "k", edPem ] [ "record"; "--as=string"; "k"; "l" ]).Code
                Expect.equal 64 (dkim [ "k", edPem ] [ "record"; "--as=string" ]).Code)

            testCase "dkim-genkey leaves what opendkim-genkey leaves" (fun () ->
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
                Expect.contains (Convert.ToBase64String key.KeyData) (record.Replace("\"\n\t  \"", "")))

            testCase "dkim-genkey says what it does with -v, and refuses with 1" (fun () ->
                let run arguments =
                    runOn (Machine([], nothing)) "dkim-genkey" arguments

                let told = run [ "-v"; "--bits=1024" ]
                Expect.contains "dkim-genkey: private key written to default.private\n" told.Errors
                Expect.contains "default._domainkey\tIN" told.Made["default.txt"]
                Expect.equal 1 (run [ "-x" ]).Code
                Expect.equal 1 (run [ "-s"; "../x" ]).Code
                Expect.equal 0 (run [ "--help" ]).Code
                Expect.equal 0 (run [ "-V" ]).Code)

            testCase "opendkim-genkey is the same under its own name" (fun () ->
                let run arguments =
                    runOn (Machine([], nothing)) "opendkim-genkey" arguments

                let told = run [ "-v"; "-s"; "mail" ]
                Expect.contains "opendkim-genkey: private key written to mail.private\n" told.Errors
                Expect.contains "\"v=DKIM1; h=sha256; k=rsa; \"" told.Made["mail.txt"]
                Expect.contains "k=ed25519; " (run [ "--ed25519" ]).Made["default.txt"]
                Expect.equal 1 (run [ "-g"; "*" ]).Code
                let inTheWay = Machine([ "/keys/mail.private", "precious" ], nothing)
                Expect.equal 2 (runOn inTheWay "opendkim-genkey" [ "-D"; "/keys"; "-s"; "mail" ]).Code)

            testCase "dkim-testkey ends as opendkim-testkey does" (fun () ->
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
                Expect.equal "" (run [ "-x"; "conf"; "-vv" ]).Output
                // What the line says counts, not the file.
                Expect.equal 69 (run [ "-x"; "conf"; "-s"; "t" ]).Code
                let other = run [ "-d"; "example.com"; "-s"; "s"; "-k"; "o" ]
                Expect.equal (65, "dkim-testkey: keys do not match\n", "") (other.Code, other.Output, other.Errors)
                let missing = run [ "-d"; "example.com"; "-s"; "t" ]

                Expect.equal
                    (69, "dkim-testkey: 't._domainkey.example.com' record not found\n")
                    (missing.Code, missing.Errors)

                Expect.equal 78 (run []).Code
                Expect.equal 78 (run [ "-Q" ]).Code
                Expect.equal 71 (run [ "-d"; "example.com"; "-s"; "s"; "-k"; "none" ]).Code)

            testCase "dknewkey prints the record of DomainKeys" (fun () ->
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
                    Expect.equal (1, Map.empty) (ran.Code, ran.Made))

            testRows
                "dknewkey makes keys of 512 bits and more, and warns of those that verifiers refuse"
                [
                    ("511", 1, "dknewkey: k: the number of bits is not between 512 and 8192\n")
                    ("512", 0, "dknewkey: warning: verifiers refuse keys under 1024 bits (RFC 8301)\n")
                    ("1024", 0, "")
                ]
                (fun (bits: string, code: int, errors: string) ->
                    let ran = runOn (Machine([], nothing)) "dknewkey" [ "k"; bits ]
                    Expect.equal (code, errors) (ran.Code, ran.Errors))

            testRows
                "a passphrase is the first line of its file"
                [ ("secret", 0); ("secret\n", 0); ("secret\r\nmore\n", 0); ("\nsecret\n", 66) ]
                (fun (file: string, code: int) ->
                    let pem =
                        IO.File.ReadAllText(IO.Path.Combine(AppContext.BaseDirectory, "Keys", "rsa-pbes2.pem"))

                    let ran =
                        dkim
                            [ "k", pem; "p", file ]
                            [
                                "record"
                                "--selector=s"
                                "--domain=example.com"
                                "--key=k"
                                "--passphrase-file=p"
                            ]

                    Expect.equal code ran.Code)
        ]
