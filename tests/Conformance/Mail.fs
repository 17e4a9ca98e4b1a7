/// Letters, keys and a zone for tests: a letter is text with LF, what is signed or verified is its octets with CRLF.
module Dkim.Standards.Mail

open System
open System.Collections.Generic
open NUnit.Framework
open Dkim.Core

/// When all of it happens.
let now = 1767225600L<sec>

/// The value of a result that must be good.
let ok (result: Result<'a, 'e>) : 'a =
    match result with
    | Ok value -> value
    | Error error ->
        Assert.Fail(string (box error))
        Unchecked.defaultof<'a>

/// Asserts that two values are equal.
let equal (expected: 'a) (actual: 'a) =
    Assert.That(box actual, Is.EqualTo(box expected))

let domain (text: string) : DomainName = DomainName.tryCreate text |> ok

let selector (text: string) : Selector = Selector.tryCreate text |> ok

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

/// The record that publishes a key.
let record (key: SigningKey) : string =
    (if key.KeyType = Rsa then
         "v=DKIM1; k=rsa; p="
     else
         "v=DKIM1; k=ed25519; p=")
    + Convert.ToBase64String key.KeyData

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
    {
        Scheme = Dkim
        Key = rsa ()
        Hash = Sha256
        HeaderCanon = RelaxedHeader
        BodyCanon = RelaxedBody
        CanonText = "relaxed/relaxed"
        Domain = domain "example.com"
        Selector = selector "rsa"
        Identity = ValueNone
        Fields =
            {
                Covers = fun name -> covered.Contains(name.ToLowerInvariant())
                Always = []
                Sealed = []
            }
        WithNames = true
        Length = NoLength
        WithTime = true
        Lifetime = ValueNone
        Copies = ValueNone
        // One line, so that tests can replace parts of it.
        Layout = { Layout.dkimproxy with Margin = 5000 }
    }

/// The same letter signed with DomainKeys.
let domainKeysRequest () : SigningRequest =
    { request () with
        Scheme = DomainKeys
        Key = rsa1024.Value
        Hash = Sha1
        HeaderCanon = NofwsHeader
        BodyCanon = NofwsBody
        CanonText = "nofws"
        Selector = selector "old"
        Layout =
            { Layout.dkimproxyDomainKeys with
                Margin = 5000
            }
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
    | ValueSome(Error error) ->
        Assert.Fail(HeaderError.describe error)
        Header.empty, [||]
    | ValueNone ->
        Assert.Fail "no header"
        Header.empty, [||]

/// The signature fields that requests make of a letter, or why not.
let trySign (requests: SigningRequest list) (letter: string) : Result<Field list, SignError> =
    let header, body = split (crlf letter)

    Signer.plan requests now header
    |> Result.bind (fun plan ->
        use hasher = new BodyHasher(plan.Digests)
        hasher.Feed(ReadOnlySpan body)
        Signer.conclude plan (hasher.Finish()))

/// A letter with signatures on top, with CRLF.
let sign (requests: SigningRequest list) (letter: string) : string =
    let fields = trySign requests letter |> ok

    (fields
     |> List.map (fun field -> Octets.latin1 field.Raw.Span + "\r\n")
     |> String.concat "")
    + crlf letter

/// Judges a message with the answers of a function, and tells what was asked.
let judgeBy (policy: VerifyPolicy) (answerTo: Question -> Answer) (message: string) : Judged list * string list =
    let header, body = split (crlf message)
    let plan = Verifier.plan policy now header
    use hasher = new BodyHasher(plan.Digests)
    hasher.Feed(ReadOnlySpan body)
    let asked = List<string>()

    let answer (question: Question) =
        asked.Add question.Name

        if List.contains question plan.Questions then
            answerTo question
        else
            Answer.Unavailable "not asked"

    let judged = Verifier.conclude plan (hasher.Finish()) answer
    judged, List.ofSeq asked

/// What the zone answers, with entries that replace its own.
let answerWith (more: (string * Answer) list) (question: Question) : Answer =
    match List.tryFind (fun (name, _) -> name = question.Name) more with
    | Some(_, answer) -> answer
    | None -> zone.Value.TryFind question.Name |> Option.defaultValue noName

let judgeUnder (policy: VerifyPolicy) (message: string) : Judged list =
    fst (judgeBy policy (answerWith []) message)

let judge (message: string) : Judged list =
    judgeUnder VerifyPolicy.defaults message

let word (judged: Judged) : string =
    ResultWord.name (Verdict.word judged.Verdict)

let words (judged: Judged list) : string list = judged |> List.map word
