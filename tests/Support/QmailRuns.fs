/// Runs qmail-dk's decisions without its process: variables, key files and the DNS are lists.
module Dkim.Tests.QmailRuns

open System
open System.Collections.Generic
open System.Text
open Expecto
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests

/// An environment, of which the first of variables of one name counts.
let environment (variables: (string * string) list) =
    let all = Dictionary<string, string>()

    for name, value in variables do
        all.TryAdd(name, value) |> ignore

    all

let start name (variables: (string * string) list) =
    QmailDk.start name false (environment variables)

let found (text: string) =
    FileContents.Found(ReadOnlyMemory(Encoding.Latin1.GetBytes text))

type Outcome =
    | Handed of head: string * rest: string
    | Refused of code: int

/// Passes a message through on a host, in pieces of a size.
let private passTelling
    (host: string)
    (size: int)
    (begun: QmailStart)
    (files: (string * FileContents) list)
    (answers: (string * Answer) list)
    text
    =
    let octets = Encoding.Latin1.GetBytes(text: string)
    use message = begun.NewMessage(1700000000L<sec>, host)
    let asked = List<string>()

    let read (wanted: WantedFile) =
        files
        |> List.tryFind (fun (known, _) -> known = wanted.Path)
        |> Option.map snd
        |> Option.defaultValue (FileContents.Unreadable FileContents.NotFound)

    let answer (question: Question) =
        answers
        |> List.tryFind (fun (name, _) -> name = question.Name)
        |> Option.map snd
        |> Option.defaultValue (Answer.NoSuchName Security.Unchecked)

    let supply () =
        if message.HoldsBody then
            asked.AddRange(Finding.files message.Needs |> List.map _.Path |> List.distinct)
            message.Go(Finding.ofFiles read message.Needs)

    for at in 0..size .. octets.Length - 1 do
        message.Feed(ReadOnlySpan(octets, at, min size (octets.Length - at)))
        supply ()

    message.End()
    supply ()

    while not message.Needs.IsEmpty do
        message.Go(Finding.ofNames answer message.Needs)

    let mutable outcome = Refused -1
    let told = List<string>()

    message.Decision.Tell
        { new IQmailReply with
            member _.Tell note = told.Add note

            member _.Exit refusal =
                outcome <- Refused refusal.Code
                told.AddRange [ refusal.Reason; refusal.Reply ]

            member _.PassOn(head, replaced) =
                outcome <- Handed(Encoding.Latin1.GetString head.Span, text.Substring(int replaced))
        }

    struct (outcome, List.ofSeq asked, List.ofSeq told)

let passAt host size begun files answers text =
    let struct (outcome, asked, _) = passTelling host size begun files answers text

    struct (outcome, asked)

/// What is said on descriptor 2, and to the client.
let told begun files answers text =
    let struct (_, _, told) =
        passTelling "mx.example.net\n" 4096 begun files answers text

    told

let pass size begun files answers text =
    passAt "mx.example.net\n" size begun files answers text

let decide begun files answers text =
    let struct (outcome, _) = pass 4096 begun files answers text
    outcome

let head outcome =
    match outcome with
    | Handed(head, _) -> head
    | Refused code ->
        failtest ("refused with " + string code)
        ""

let signing more =
    start "qmail-dk" ([ "RELAYCLIENT", "" ] @ more)

let verifying letters =
    start "qmail-dk" [ "DKVERIFY", letters ]

let verifyingDkim letters =
    start "qmail-dk" [ "DKIMVERIFY", letters ]

/// Mail of ours.
let sample =
    "From: Joe <joe@Example.org>\nTo: ann@example.net\nSubject: tea\n  at five\n\nHello  there \n\n\n"

/// The RSA key that signs, and its PEM text.
let key = lazy (SigningKey.generateRsa 1024<bit>)

/// The Ed25519 key that signs, and its PEM text.
let edKey = lazy (SigningKey.generateEd25519 (Array.init 32 byte))

/// The record of the RSA key, with more tags before `p=`.
let record (more: string) =
    let key, _ = key.Value
    Answer.Found([ more + "p=" + Convert.ToBase64String key.KeyData ], Security.Unchecked)

/// Where that record is.
let name = "default._domainkey.example.org"

/// The sample as it is handed on with these variables and key files.
let signedBy more files =
    match decide (signing more) files [] sample with
    | Handed(head, rest) -> head + rest
    | Refused code -> failwith (string code)

/// The sample with a DomainKeys signature.
let domainKeys =
    lazy (signedBy [] [ "/etc/domainkeys/example.org/default", found (snd key.Value) ])

/// The sample with a DKIM signature.
let dkim =
    lazy
        (signedBy
            [ "DKIMSIGN", "/k/%/default"; "DKSIGN", "/none/%/x" ]
            [ "/k/example.org/default", found (snd key.Value) ])
