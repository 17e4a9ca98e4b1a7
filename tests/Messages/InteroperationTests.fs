/// Signatures that we make verify with dkimpy, Mail::DKIM, OpenDKIM and rspamd, and those of the first three with us: every message of the corpus,
/// without the signatures it has, in every algorithm and canonicalization.
module Dkim.Tests.Messages.InteroperationTests

open System
open System.IO
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Corpus
open Dkim.Tests.Judging
open Dkim.Tests.Peers
open Dkim.Tests.Messages.Ways

let private isSignature (field: Field) =
    field.Is "DKIM-Signature" || field.Is "DomainKey-Signature"

/// A message without its signature fields; nothing where there is no readable header.
let private tryStrip (octets: byte[]) : (Header * byte[]) voption =
    let intake = Intake HeaderLimits.defaults
    let taken = intake.Feed(ReadOnlySpan octets)
    intake.End()

    match intake.Header with
    | ValueSome(Ok header) ->
        let kept = header.Fields |> Seq.filter (isSignature >> not) |> Header.ofFields
        let block = new MemoryStream()

        for field in kept.Fields do
            block.Write field.Raw.Span
            block.Write "\r\n"B

        // A header without a body has no empty line either.
        if taken < octets.Length || octets.AsSpan().EndsWith "\r\n\r\n"B then
            block.Write "\r\n"B

        block.Write(ReadOnlySpan(octets, taken, octets.Length - taken))
        ValueSome(kept, block.ToArray())
    | _ -> ValueNone

let private families =
    [
        "body-"
        "header-"
        "eai-headers"
        "canon-rsa-ss"
        "way-results"
        "oversigned-simple"
    ]

let private isAmong (case: Case) =
    families
    |> List.exists (fun start -> case.Id.StartsWith(start, StringComparison.Ordinal))

let private isUnfit (case: Case) =
    // Very large ones would take minutes and say nothing that small ones do not.
    not case.Append.IsEmpty
    || case.Id.Contains "from-top"
    || case.Id = "header-no-from"
    || case.Id = "header-two-from"

/// The messages of the corpus that differ in more than their signatures and letters.
let private rows () =
    read (Path.Combine(folder, "corpus.json"))
    |> List.filter (fun case -> isAmong case && not (isUnfit case))
    |> List.map (fun case -> case.Id, [], case)

/// Why we do not take a signature on top for good, if so.
let private tryFault (way: Way) (message: byte[]) : string option =
    let judged = judge VerifyPolicy.defaults message.Length zoneCase.Value message

    match tryNth way.Scheme 0 judged with
    | None -> Some "not judged"
    | Some one when one.Verdict = Verdict.Pass -> None
    | Some one -> Some(Verdict.describe one.Verdict)

let private tryPeerFault (peer: Peer) (way: Way) (message: byte[]) : string option =
    match peer.Verify(now, message) with
    | Error told -> Some told
    | Ok words ->
        match words |> List.tryFind (fun word -> word.Kind = way.Scheme && word.Index = 0) with
        | None -> Some "no word"
        | Some word when word.Text = "pass" -> None
        | Some word -> Some(word.Text + " " + word.Reason)

/// Every implementation or why it is absent, started when first asked for; the run's end stops them.
let private peers: Lazy<(string * Result<Peer, string>) list> =
    lazy
        (let started = startAll () @ [ "rspamd", startRspamd () ]

         for _, peer in started do
             peer |> Result.iter _.Publish(records.Value)

         afterRunTests (fun () ->
             for _, peer in started do
                 peer |> Result.iter (fun one -> (one :> IDisposable).Dispose()))

         started)

let private running () : Peer list =
    match peers.Value |> List.choose (snd >> Result.toOption) with
    | [] -> skiptest "no other implementation is installed"
    | found -> found

/// What each peer is asked for: the ways that it supports for this message.
let private attempts (header: Header) (message: byte[]) : (Peer * Way) list =
    [
        for peer in running () do
            for way in ways do
                if (Shortcomings.tryFind peer.Name way header message).IsNone then
                    peer, way
    ]

let private isThere (name: string) =
    let unsigned = "From: ada@example.com\r\n\r\nhello\r\n"B

    match List.find (fun (known, _) -> known = name) peers.Value with
    | _, Error reason -> skiptest reason
    | _, Ok peer ->
        match peer.Verify(1750000000L<sec>, unsigned) with
        | Ok words -> Expect.isFalse (words |> List.exists (fun word -> word.Text = "pass")) "unsigned mail passes"
        | Error answer -> Expect.lacks "pass" answer

let private theyVerify (case: Case) =
    match tryStrip (message folder case) with
    | ValueNone -> failtest "no header"
    | ValueSome(header, stripped) ->
        let faults =
            attempts header stripped
            |> List.choose (fun (peer, way) ->
                match signed way header stripped with
                | Error error -> Some(string way + ": " + SignError.describe error)
                | Ok whole ->
                    tryPeerFault peer way whole
                    |> Option.orElse (tryFault way whole |> Option.map (fun fault -> "we: " + fault))
                    |> Option.map (fun fault -> peer.Name + ", " + string way + ": " + fault))

        Expect.equal "" (String.concat "\n" faults)

// libopendkim 2.11 beta folds its Ed25519 field anew after hashing it, which simple does not forgive.
let private isKnownBad (peer: Peer, way: Way) =
    peer.Name = "OpenDKIM" && way.KeyFile = "ed25519" && way.Header = SimpleHeader

let private signedBy (peer: Peer) (way: Way) (message: byte[]) =
    let kind = if way.Scheme = Dkim then "dkim" else "domainkeys"

    let canons =
        match way.Canon.Split '/' with
        | [| header; body |] -> header + " " + body
        | _ -> way.Canon + " -"

    peer.Sign(
        String.concat " " [ kind; way.Algorithm; canons; "example.com"; way.KeyFile ],
        now,
        keyText way.KeyFile,
        message
    )

let private weVerify (case: Case) =
    match tryStrip (message folder case) with
    | ValueNone -> failtest "no header"
    | ValueSome(header, stripped) ->
        let faults =
            attempts header stripped
            |> List.filter (fun (peer, way) -> peer.Name <> "rspamd" && not (isKnownBad (peer, way)))
            |> List.choose (fun (peer, way) ->
                match signedBy peer way stripped with
                | Error told -> Some told
                | Ok field -> tryFault way (Array.append field stripped)
                |> Option.map (fun fault -> peer.Name + ", " + string way + ": " + fault))

        Expect.equal "" (String.concat "\n" faults)

/// A peer is one process, which is asked one thing at a time.
[<Tests>]
let tests =
    testSequencedGroup "peers"
    <| testList
        "InteroperationTests"
        [
            testRows
                "the implementation is there and passes nothing unsigned"
                [ "dkimpy"; "Mail::DKIM"; "OpenDKIM"; "rspamd" ]
                isThere
            testNamed "they verify what we sign" (rows ()) theyVerify
            testNamed "we verify what they sign" (rows ()) weVerify
        ]
