/// What the standards ask of programs that decide over messages: what is signed, what a failure leads to, what is told.
module Dkim.Tests.Core.StandardDecisionTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Core
open Dkim.Tests.Starts
open Dkim.Tests.ProxyRuns
open Dkim.Tests.Core.VerifyingRuns

let private outcome zone arguments message =
    let outcome, _, _ = pass zone (start arguments) message
    outcome

let private isRelayed outcome =
    match outcome with
    | Relayed _ -> true
    | Refused _ -> false

/// Changes to a signed message or to the zone after which no signature is good, and for good.
let private failures =
    lazy
        (let message = signed rsa2048.Value [] plain

         let change (from: string) (into: string) =
             Expect.contains from message
             message.Replace(from, into), zone.Value

         let record text = message, [ keyName, Text text ]

         [
             change "body" "b0dy"
             change "Subject: hi" "Subject: ho"
             change "v=1;" "v=2;"
             change "v=1;" "v=1; v=1;"
             change "a=rsa-sha256" "a=rsa-sha9"
             change "d=example.org" "d=example..org"
             change "t=1700000000" "t=1; x=2"
             change "from:to" "xfrom:to"
             fst (change "body" "b0dy"), [ keyName, Text("t=y; " + (snd rsa2048.Value).Substring 9) ]
             message, []
             record "v=DKIM1; p="
             record "v=spf1 -all"
             record "v=DKIM1; p=AAAA"
             record ("v=DKIM1; h=sha1; " + (snd rsa2048.Value).Substring 9)
         ])

let private adsp practice =
    [
        "_adsp._domainkey.example.org", Text("dkim=" + practice)
        "example.org", Exists
    ]

let private refusal zone message =
    match outcome zone [ "--reject-fail"; "--result_words=rfc8601" ] message with
    | Refused(code, text) -> string code + " " + text.Split(' ')[0]
    | Relayed _ -> ""

let private clauses arguments zone message =
    match outcome zone arguments message with
    | Relayed(head, _) ->
        let header = Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 head))
        (AuthenticationResults.parse header.Fields[0] |> Expect.ok).Results
    | Refused(_, text) ->
        failtest text
        []

[<Tests>]
let tests =
    testList
        "StandardDecisionTests"
        [
            proves
                [ "RFC8601-5-5"; "RFC6376-5.4-2" ]
                (testCase
                    "RFC6376-5.4.1-1 the recommended fields are signed where they are there, and those that change on the way are not"
                    (fun () ->
                        let recommended =
                            [
                                "from"
                                "reply-to"
                                "subject"
                                "date"
                                "to"
                                "cc"
                                "resent-date"
                                "resent-from"
                                "resent-to"
                                "resent-cc"
                                "in-reply-to"
                                "references"
                                "list-id"
                                "list-help"
                                "list-unsubscribe"
                                "list-subscribe"
                                "list-post"
                                "list-owner"
                                "list-archive"
                                "message-id"
                                "mime-version"
                                "content-type"
                            ]

                        let changing =
                            [
                                "return-path"
                                "received"
                                "authentication-results"
                                "dkim-signature"
                                "bcc"
                                "comments"
                                "keywords"
                                "x-other"
                            ]

                        let text =
                            recommended @ changing
                            |> List.map (fun name ->
                                name + ": " + (if name = "from" then "a@example.org" else "x") + "\n")
                            |> String.concat ""

                        let field =
                            (Header.ofBlock (
                                ReadOnlyMemory(Octets.ofLatin1 (signed rsa2048.Value [] (text + "\nbody\n")))
                            ))
                                .Fields[0]

                        let signature = Signature.parse SignatureLimits.defaults field |> Expect.ok
                        let names = signature.SignedFields.Value |> List.map _.Text.ToLowerInvariant()
                        Expect.equal (Set recommended) (Set names)
                        Expect.equal ValueNone signature.BodyLength))

            proves
                [ "RFC6376-3.6.1-11"; "RFC6376-6.1-2"; "RFC6376-6.3-1"; "RFC6376-6.3-7" ]
                (testCase
                    "RFC6376-4.2-7 a message whose signatures are all bad is treated as one without any"
                    (fun () ->
                        for message, zone in failures.Value do
                            Expect.isTrue (isRelayed (outcome zone [] message)) message

                            Expect.isTrue
                                (isRelayed (outcome zone [ "--reject-fail"; "--reject-error" ] message))
                                message

                            // Where unsigned mail is refused, so is this, with the same code.
                            let strict =
                                [ "_adsp._domainkey.example.org", Text "dkim=all"; "example.org", Exists ]

                            match
                                outcome (strict @ zone) [ "--reject-fail" ] message,
                                outcome strict [ "--reject-fail" ] plain
                            with
                            | Refused(one, _), Refused(other, _) -> Expect.equal other one
                            | both -> failtest (string (box both))))

            testCase "RFC6376-6.3-4 no failure of a signature is answered with a 4xx" (fun () ->
                let strict =
                    [
                        "_adsp._domainkey.example.org", Text "dkim=discardable"
                        "example.org", Exists
                    ]

                for message, zone in failures.Value do
                    for zone in [ zone; strict @ zone ] do
                        match outcome zone [ "--reject-fail"; "--reject-error" ] message with
                        | Relayed _ -> ()
                        | Refused(code, _) -> Expect.equal 550 code)

            testCase "RFC7372-3.1-1 without a passing signature the code is 5.7.20" (fun () ->
                Expect.equal "550 5.7.20" (refusal (adsp "all") plain)
                Expect.equal "550 5.7.20" (refusal (adsp "all") (signed rsa2048.Value [] plain))
                Expect.equal "" (refusal (adsp "all" @ zone.Value) (signed rsa2048.Value [] plain)))

            testCase "RFC7372-3.1-2 where policy does not accept the signature the code is 5.7.21" (fun () ->
                let cut =
                    (signed rsa2048.Value [] plain).Replace("d=example.org", "d=example.org; l=0")

                let short =
                    match
                        pass
                            []
                            (startOut
                                [ "key", fst rsa768.Value ]
                                [
                                    "--keyfile=key"
                                    "--selector=sel"
                                    "--relay=h"
                                    "--domain=example.org"
                                    "--min_rsa_bits=768"
                                ]
                             |> serving)
                            plain
                    with
                    | Relayed(head, _), _, _ -> head + crlf plain
                    | Refused _, _, _ -> ""

                Expect.equal "550 5.7.21" (refusal (adsp "all" @ [ keyName, Text(snd rsa768.Value) ]) short)
                Expect.equal "550 5.7.20" (refusal (adsp "all" @ zone.Value) cut))

            testCase "RFC7372-3.1-3 where no good signature is the author's the code is 5.7.22" (fun () ->
                let other = signed rsa2048.Value [ "--signature=dkim(d=other.example)" ] plain
                let zone = [ "sel._domainkey.other.example", Text(snd rsa2048.Value) ]
                Expect.equal "550 5.7.22" (refusal (adsp "discardable" @ zone) other))

            testCase "RFC7372-3.4-1 where the signatures of both schemes fail the code is 5.7.26" (fun () ->
                let both =
                    signed rsa2048.Value [ "--signature=dkim"; "--signature=domainkeys" ] plain

                Expect.equal "550 5.7.26" (refusal (adsp "all") both))

            testCase "RFC8601-2.7.1-9 in mail with UTF-8 headers an identity is told in UTF-8, else encoded" (fun () ->
                let utf8 = "\195\188"

                let from header =
                    header + "From: joe@example.org\nTo: y@x\n\nbody\n"

                let identity header =
                    let text =
                        (signed rsa2048.Value [] (from header))
                            .Replace("s=sel;", "s=sel; i=j" + utf8 + "@example.org;")

                    (clauses [] zone.Value text).Head.Properties.Head.Value

                Expect.equal ("j" + utf8 + "@example.org") (identity ("Subject: gr" + utf8 + "n\n"))
                // The signature itself has the octets, so that no message has such an identity and no UTF-8.
                Expect.equal ("j" + utf8 + "@example.org") (identity ""))

            proves
                [ "RFC8601-4-4" ]
                (testCase
                    "RFC8601-4-1 only registered methods and words are written, and nothing without its result"
                    (fun () ->
                        let methods = Set [ "dkim"; "domainkeys" ]

                        let words =
                            Set [ "none"; "pass"; "fail"; "policy"; "neutral"; "temperror"; "permerror" ]

                        let messages =
                            (plain, [])
                            :: (signed rsa2048.Value [ "--signature=dkim"; "--signature=domainkeys" ] plain, zone.Value)
                            :: (signed rsa2048.Value [] plain, [ keyName, Fails "timeout" ])
                            :: failures.Value

                        for message, zone in messages do
                            for result in clauses [ "--result_words=rfc8601" ] zone message do
                                Expect.isTrue (methods.Contains result.Method) result.Method
                                Expect.isTrue (words.Contains result.Result) result.Result
                                Expect.equal (result.Result = "pass" || result.Result = "none") result.Reason.IsNone

                            for result in clauses [] zone message do
                                Expect.isTrue (methods.Contains result.Method) result.Method))

            proves
                [ "RFC6376-3.4-3" ]
                (testCase
                    "RFC8601-4-3 RFC8601-4.1-1 RFC6376-6.2-1 results go above everything, and the message stays as it was"
                    (fun () ->
                        let message =
                            "Received: a\nAuthentication-Results: elsewhere.example; dkim=pass\n"
                            + signed rsa2048.Value [] plain

                        match outcome zone.Value [] message with
                        | Relayed(head, 0L) ->
                            Expect.equal
                                [ "Authentication-Results"; "X-DKIM-Authentication-Results" ]
                                (fieldsOf head |> List.map fst)
                        | other -> failtest (string (box other))))

            testCase
                "RFC5321-6.1-2 what must be looked up is known when the header ends, before the body comes"
                (fun () ->
                    use passage = (start []).NewMessage now
                    let message = signed rsa2048.Value [] plain
                    let at = message.IndexOf "\r\n\r\n" + 4
                    passage.Feed(ReadOnlySpan(Octets.ofLatin1 (message.Substring(0, at)))) |> ignore
                    Expect.equal [ keyName ] (Finding.questions passage.Needs |> List.map _.Name))

            testCase
                "RFC5321-4.5.3.2-1 peers may take as long as the standard lets them, and settings say how long"
                (fun () ->
                    // Ten minutes after the final dot, five for a server that waits for a command.
                    let settings = (signer rsa2048.Value []).Settings
                    Expect.isTrue (settings.RelayTimeout >= 600) "relay"
                    Expect.isTrue (settings.ClientTimeout >= 300) "client"

                    let patient =
                        (signer rsa2048.Value [ "--relay_timeout=900"; "--client_timeout=700" ]).Settings

                    Expect.equal (900, 700) (patient.RelayTimeout, patient.ClientTimeout))
        ]
