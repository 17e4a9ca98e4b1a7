/// Letters, keys and a zone for tests: a letter is text with LF, what is signed or verified is its octets with CRLF.
module Dkim.Tests.Conformance.Mail

open System
open System.Collections.Generic
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings

/// When all of it happens.
let now = Samples.now

/// The value of a result that must be good.
let ok (result: Result<'a, 'e>) : 'a = Expect.ok result

/// Asserts that two values are equal.
let equal (expected: 'a) (actual: 'a) = Expect.equal expected actual

let domain (text: string) : DomainName = Samples.domain text

let selector (text: string) : Selector = Samples.selector text

let fieldName (text: string) : FieldName = (FieldName.tryCreate text).Value

let private rsaKey bits =
    lazy (fst (SigningKey.generateRsa bits))

let private rsa2048 = rsaKey 2048<bit>
let private rsa1024 = rsaKey 1024<bit>
let private rsa768 = rsaKey 768<bit>

let rsa () = rsa2048.Value

let shortRsa () = rsa768.Value

let private edwards =
    lazy (fst (SigningKey.generateEd25519 (Array.init SigningKey.Ed25519Entropy byte)))

let ed25519 () = edwards.Value

let record (key: SigningKey) : string = Samples.record key

let found (text: string) : Answer =
    Answer.Found([ text ], Security.Unchecked)

let noName: Answer = Answer.NoSuchName Security.Unchecked

/// Every key under the selector of its name below example.com and example.net.
let zone: Lazy<Map<string, Answer>> =
    lazy
        ([ "rsa", rsa (); "old", rsa1024.Value; "short", shortRsa (); "ed", ed25519 () ]
         |> List.collect (fun (name, key) ->
             [ "example.com"; "mail.example.com"; "example.net" ]
             |> List.map (fun domain -> name + "._domainkey." + domain, found (record key)))
         |> Map.ofList)

let letter =
    "Received: from a.example by b.example; Thu, 1 Jan 2026 00:00:00 +0000\n"
    + "From: Ada <ada@example.com>\nTo: bob@example.net\nSubject: Ferries\n"
    + "Date: Wed, 31 Dec 2025 23:00:00 +0000\nMessage-ID: <1@example.com>\n\nThe last  boat\nleaves at six.\n\n"

let private covered =
    Set [ "from"; "to"; "subject"; "date"; "message-id"; "sender"; "cc" ]

/// An RSA signature of example.com under relaxed/relaxed over the fields of a letter.
let request () : SigningRequest =
    let template = Samples.request Dkim (rsa ()) "rsa" covered
    // One line, so that tests can replace parts of it.
    { template with
        Layout = { template.Layout with Margin = 5000 }
    }

/// The same letter signed with DomainKeys.
let domainKeysRequest () : SigningRequest =
    let template = Samples.request DomainKeys rsa1024.Value "old" covered

    { template with
        Layout = { template.Layout with Margin = 5000 }
    }

let crlf (text: string) : string =
    text.Replace("\r\n", "\n").Replace("\n", "\r\n")

/// Header and body of a message in octets.
let split (message: string) : Header * byte[] =
    let octets = Octets.ofLatin1 message
    let intake = Intake HeaderLimits.defaults
    let taken = intake.Feed(ReadOnlySpan octets)
    intake.End()

    match intake.Header with
    | ValueSome(Ok header) -> header, Array.skip taken octets
    | ValueSome(Error error) -> failtest (HeaderError.describe error)
    | ValueNone -> failtest "no header"

/// The signature fields that requests make of a letter, or why not.
let trySign (requests: SigningRequest list) (letter: string) : Result<Field list, SignError> =
    let header, body = split (crlf letter)

    Samples.sign requests header body

/// A letter with signatures on top, with CRLF.
let sign (requests: SigningRequest list) (letter: string) : string =
    let fields = trySign requests letter |> ok

    (fields
     |> List.map (fun field -> Octets.latin1 field.Raw.Span + "\r\n")
     |> String.concat "")
    + crlf letter

/// Judges a message with the answers of a function, and tells what was asked.
let judgeBy
    (policy: VerifyPolicy)
    (answerTo: Question -> Answer)
    (message: string)
    : SignatureResult list * string list =
    let header, body = split (crlf message)
    let asked = List<string>()

    let answer (question: Question) =
        asked.Add question.Name
        answerTo question

    let judged = Samples.judge policy answer header body
    judged, List.ofSeq asked

/// What the zone answers, with entries that replace its own.
let answerWith (more: (string * Answer) list) (question: Question) : Answer =
    match List.tryFind (fun (name, _) -> name = question.Name) more with
    | Some(_, answer) -> answer
    | None -> zone.Value.TryFind question.Name |> Option.defaultValue noName

let judgeUnder (policy: VerifyPolicy) (message: string) : SignatureResult list =
    fst (judgeBy policy (answerWith []) message)

let judge (message: string) : SignatureResult list =
    judgeUnder VerifyPolicy.defaults message

let word (judged: SignatureResult) : string =
    ResultWord.name (Verdict.word judged.Verdict)

let words (judged: SignatureResult list) : string list = judged |> List.map word
