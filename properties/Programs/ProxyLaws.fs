module Dkim.Properties.ProxyLaws

open System
open System.Collections.Generic
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies

let private now = 1700000000L<sec>
let private key, private pem = SigningKey.generateRsa 1024<bit>
let private record = "v=DKIM1; k=rsa; p=" + Convert.ToBase64String key.KeyData

let private started (start: Step<ProxyOutcome>) : ProxyProgram =
    start |> Starts.runProxy [ "k", pem ] |> Starts.serving

let private signer =
    started (
        Proxies.Out
            [|
                "--keyfile=k"
                "--selector=s"
                "--domain=example.org"
                "--relay=h"
                "--seal"
            |]
    )

let private verifier arguments =
    started (Proxies.In (Array.append [| "--relay=h"; "--hostname=mx.example.org" |] arguments) { HostName = "x" })

let private lenient = verifier [||]

let private strict =
    verifier [| "--reject-fail"; "--reject-error"; "--result_words=rfc8601" |]

/// What leaves the proxy, and nothing where it refuses; fed in pieces of the given length.
let private pass (program: ProxyProgram) (piece: int) (message: byte[]) =
    use passage = program.NewMessage now

    for part in Array.chunkBySize piece message do
        passage.Feed(ReadOnlySpan part) |> ignore

    passage.End()

    let answer (question: Question) =
        if question.Name = "s._domainkey.example.org" then
            Answer.Found([ record ], Security.Unchecked)
        else
            Answer.NoSuchName Security.Unchecked

    while not passage.Needs.IsEmpty do
        passage.Go(Finding.ofNames answer passage.Needs)

    let out =
        match passage.Decision.Disposition with
        | ProxyDisposition.Relay(head, replaced) -> ValueSome(Array.append (head.ToArray()) message[int replaced ..])
        | ProxyDisposition.Refuse _ -> ValueNone

    let clean =
        passage.Decision.Log
        |> List.forall (fun line -> line.Text |> Seq.forall (fun c -> c >= ' ' && c < '\127'))

    struct (out, clean)

let private text (octets: byte[]) = Octets.latin1 (ReadOnlySpan octets)

let private trials = MailGenerators.trials 100

[<Tests>]
let tests =
    testList
        "ProxyLaws"
        [
            testLaw trials "the signer changes nothing below what it puts on top" (fun (AnyMessage message) ->
                let struct (out, clean) = pass signer 4096 message

                clean
                && (match out with
                    | ValueSome octets -> (text octets).EndsWith(text message, StringComparison.Ordinal)
                    | ValueNone -> false))

            testLaw
                trials
                "however a message is cut, the signer and the verifier say the same"
                (fun (AnyMessage message) (piece: byte) ->
                    let length = 1 + int piece % 16

                    pass signer length message = pass signer 100000 message
                    && pass lenient length message = pass lenient 100000 message)

            testLaw trials "what the signer signs the verifier passes" (fun (AnyText body) (AnyText subject) ->
                let header =
                    "From: joe@example.org\r\nSubject: "
                    + subject.Replace("\r", "").Replace("\n", "")
                    + "\r\n\r\n"

                let message = Octets.ofLatin1 (header + body.ReplaceLineEndings "\r\n" + "\r\n")

                match pass signer 4096 message with
                | struct (ValueSome signed, true) ->
                    match pass lenient 4096 signed with
                    | struct (ValueSome judged, true) ->
                        (text judged).StartsWith
                            "Authentication-Results: mx.example.org; dkim=pass header.i=@example.org\r\n"
                        && (text judged).EndsWith(text signed, StringComparison.Ordinal)
                    | _ -> false
                | _ -> false)

            testLaw trials "no field that claims our host is left but ours" (fun (AnyMessage message) (count: byte) ->
                let forged =
                    String.replicate (int count % 5) "Authentication-Results: MX.example.org.; dkim=pass\r\n"

                let whole = Array.append (Octets.ofLatin1 (forged + "X: y\r\n")) message

                match pass lenient 4096 whole with
                | struct (ValueSome out, true) ->
                    let header = Intake HeaderLimits.defaults
                    header.Feed(ReadOnlySpan out) |> ignore
                    header.End()
                    let fields = (header.Header.Value |> Result.defaultValue Header.empty).Fields

                    fields |> Seq.filter (ForgedResults.mustGo "mx.example.org") |> Seq.length = 1
                | _ -> false)

            testLaw trials "every message has a decision under strict settings too" (fun (AnyMessage message) ->
                let struct (_, clean) = pass strict 4096 message
                clean)
        ]
