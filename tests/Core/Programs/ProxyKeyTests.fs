/// Keys of the proxies at start: unfit, weak, of two types, behind a passphrase; and other insecure settings.
module Dkim.Tests.Core.ProxyKeyTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Proxies
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns

[<Tests>]
let tests =
    testList
        "ProxyKeyTests"
        [
            testCase "keys that are none, encrypted or unfit are named with the remedy" (fun () ->
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

                Expect.lacks "BEGIN" (start encrypted []))

            testCase "RFC8301-3.1-4 insecure settings of the verifier are warned of" (fun () ->
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
                |> Expect.contains "remove_forged is off")

            testCase "a key of 1024 bits is not warned of" (fun () ->
                let start = startOut [ "key", fst rsa1024.Value ] (enough @ operands) |> serving
                Expect.equal [] (start.Notices |> List.map _.Text))

            testCase "weak settings are warned of and do not keep the proxy from starting" (fun () ->
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

                Expect.contains
                    "map:1: a.example: 'dkim(key=gone)': cannot read keyfile gone (file not found)"
                    ofMap[1])

            proves
                [ "RFC6376-3.3.3-1" ]
                (testCase "RFC8301-3.1-2 RFC8301-3.2-1 weak signatures can be ruled out" (fun () ->
                    let start key more =
                        startOut
                            [ "key", fst key ]
                            (enough @ operands @ [ "--min_rsa_bits=1024"; "--sign_sha1=no" ] @ more)

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

                    // A map's line cannot keep the proxy from starting; its mail waits.
                    let program =
                        startOut
                            [ "key", fst rsa2048.Value; "map", "a.example dkim(a=rsa-sha1)\n" ]
                            (enough @ operands @ [ "--sign_sha1=no"; "--sender_map=map" ])
                        |> serving

                    match pass [] program "From: x@a.example\n\nx\n" with
                    | Refused(450, _), log, _ -> Expect.contains "rsa-sha1 is insecure" log[0]
                    | outcome, _, _ -> failtest (string (box outcome))))

            testCase "RFC8463-6-1 an RSA and an Ed25519 key need a selector each" (fun () ->
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
                    start signatures |> serving |> ignore)

            proves
                [ "RFC6376-5.2-1" ]
                (testCase "secrets are asked for as such and read again when they change" (fun () ->
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
                        (program.Refresh().Go(Found.OfFiles files)).Value

                    let other = refreshed (fst ed25519.Value)
                    Expect.equal [] (other.Notices |> List.map _.Text)
                    Expect.contains "a=ed25519-sha256" (selectorOf other)
                    let kept = refreshed "half a file"
                    Expect.contains "a=rsa-sha256" (selectorOf kept)
                    Expect.contains "the key before it stays" kept.Notices.Head.Text))

            testCase "the passphrase file is read with the keys" (fun () ->
                let program =
                    startOut (keyed [ "pass", "secret\n" ]) (enough @ operands @ [ "--passphrase_file=pass" ])
                    |> serving

                Expect.equal [ FileKind.Passphrase; FileKind.PrivateKey ] (program.Secrets |> List.map _.Kind))
        ]
