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
                        for form in [ "all"; "zone"; "text"; "tinydns"; "json" ] do
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
