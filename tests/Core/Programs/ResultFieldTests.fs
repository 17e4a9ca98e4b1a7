/// The Authentication-Results fields of every program that writes them, over the same messages: what stands in them, where
/// they stand, and what becomes of fields that others wrote (RFC 8601).
module Dkim.Tests.Core.ResultFieldTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages

/// A program that verifies, and all that it may write.
type private Writer =
    {
        Name: string
        /// Its authserv-id.
        Host: string
        Methods: string list
        /// The fields of a message when it has passed, octet for octet, with CRLF in folds.
        Pass: (string * Answer) list -> string -> string list
    }

let private fieldsOf (message: string) : string list =
    let at = message.IndexOf("\r\n\r\n", StringComparison.Ordinal)

    (Header.ofBlock (ReadOnlyMemory(Octets.ofLatin1 (message.Substring(0, at + 2))))).Fields
    |> Seq.map (fun field -> Octets.latin1 field.Raw.Span)
    |> List.ofSeq

let private throughProxy words (zone: (string * Answer) list) (mail: string) =
    let program =
        ProxyRuns.startIn [] [ "--relay=h"; "--result_words=" + words ]
        |> Starts.serving

    let entry (name, answer: Answer) =
        match answer.Outcome with
        | Records(text :: _) -> name, ProxyRuns.Text text
        | Records [] -> name, ProxyRuns.Exists
        | Unavailable reason -> name, ProxyRuns.Fails reason
        | NoSuchName -> "other." + name, ProxyRuns.Exists

    match ProxyRuns.pass (List.map entry zone) program mail with
    | ProxyRuns.Relayed(head, replaced), _, _ -> fieldsOf (head + (crlf mail).Substring(int replaced))
    | ProxyRuns.Refused(_, text), _, _ -> [ text ]

/// As when all is told and nothing refused.
let private telling (policy: FilterPolicy) : FilterPolicy =
    { policy with
        Reporting =
            { policy.Reporting with
                AlwaysAddArHeader = true
            }
        Actions =
            { policy.Actions with
                DnsError = Disposition.Accept
            }
    }

let private throughFilter run (zone: (string * Answer) list) (mail: string) =
    let way =
        { outside with
            Zone = zone |> List.map (fun (name, answer) -> name, RecordType.Txt, answer)
        }

    let ran: Ran = run way mail
    Expect.equal Accepted ran.Ending
    // The field of the MTA that the filter works for is not the message's own.
    applied ran.Changes ("Received: own" :: fieldsOf (crlf mail))
    |> List.except [ "Received: own" ]

let private throughQmail zone (mail: string) =
    let both = QmailRuns.start "qmail-dk" [ "DKVERIFY", ""; "DKIMVERIFY", "" ]

    match QmailRuns.decide both [] zone (mail.Replace("\r\n", "\n")) with
    | QmailRuns.Handed(head, rest) -> fieldsOf (crlf (head + rest))
    | QmailRuns.Refused code -> [ string code ]

let private writers =
    lazy
        (let filter run (policy: FilterPolicy) = throughFilter (run (telling policy))

         [
             "dkimproxy.in", "mx.example.org", [ "dkim"; "domainkeys" ], throughProxy "rfc8601"
             "dkim-filter", "mx.example.net", [ "dkim"; "x-dkim-adsp" ], filter runWith policy
             "dk-filter", "mx.example.net", [ "domainkeys" ], filter dkRunWith dkPolicy
             "qmail-dk", "mx.example.net", [ "dkim"; "domainkeys" ], throughQmail
         ]
         |> List.map (fun (name, host, methods, pass) ->
             {
                 Name = name
                 Host = host
                 Methods = methods
                 Pass = pass
             }))

let private found (record: string) =
    Answer.Found([ record ], Security.Unchecked)

let private key = lazy found (published rsa.Value)

/// The message with a signature of each scheme.
let private bothSigned =
    lazy
        (let ran = dkRunWith dkPolicy local signed.Value
         String.Join("\r\n", List.rev ran.Inserted) + "\r\n" + signed.Value)

/// A signature of each scheme, with these tags in the place of the domain.
let private signatures (tags: string) =
    let bodyHash = String('A', 43) + "="

    "DKIM-Signature: v=1; a=rsa-sha256; s=mail; h=from; bh="
    + bodyHash
    + "; b=AAAA; "
    + tags
    + "\nDomainKey-Signature: a=rsa-sha1; c=nofws; q=dns; s=mail; b=AAAA; "
    + tags
    + "\n"

/// Messages none of whose signatures is good: each tries to get a word of its own into the field.
let private hostile =
    lazy
        (let identities =
            [
                "a=3Bdkim=3Dpass"
                "a=22=3Bdkim=3Dpass=20header.d=3D=22"
                "a=5C=22=3Bdkim=3Dpass=20header.d=3D=5C=22"
                "a=29=3Bdkim=3Dpass=28"
                "a=0D=0AAuthentication-Results:=20x=3Bdkim=3Dpass=0D=0Ab"
                "a=00=C2=85=C2=A0b"
            ]

         let tags =
             [
                 "d=example.com; q=);dkim=pass("
                 "d=example.com; c=\";dkim=pass;\""
                 "d=ex\"ample.com"
                 "d=example.com) dkim=pass ("
                 "d=exa\u0000mple.com"
             ]
             @ (identities
                |> List.map (fun local -> "d=example.com; i=" + local + "@example.com"))

         let authors =
             [
                 "\"a;domainkeys=pass\""
                 "\"a\\\";domainkeys=pass header.d=\\\"\""
                 "\"a\\\\\""
                 "\"a(;domainkeys=pass)\""
                 "j\u00c3\u00bc"
             ]

         let from local =
             plain.Replace("Joe <joe@example.com>", local + "@example.com")

         [
             yield! tags |> List.map (fun tags -> [], signatures tags + plain)
             yield! authors |> List.map (fun local -> [], signatures "d=example.com" + from local)
             [], signatures "d=example.com" + from "\"\u0001\u00ff\""
             [ keyName, found "v=DKIM1; n=;dkim=pass; p=)(" ], signed.Value
             [ keyName, Answer.Unavailable "timeout); dkim=pass (" ], bothSigned.Value
         ])

let private ordinary =
    lazy
        [
            [], plain
            [ keyName, key.Value ], bothSigned.Value
            [ keyName, key.Value ], bothSigned.Value.Replace("body", "b0dy")
            [ keyName, key.Value ], bothSigned.Value.Replace("Subject: hi", "Subject: ho")
            [ keyName, key.Value ], bothSigned.Value.Replace("d=example.com", "d=")
            [ keyName, found (published rsa.Value + "; t=y") ], bothSigned.Value.Replace("body", "b0dy")
            [ keyName, found "v=DKIM1; p=" ], bothSigned.Value
            [ keyName, found "nonsense" ], bothSigned.Value
            [ keyName, found (published rsa512.Value) ], bothSigned.Value
            [ keyName, Answer.Unavailable "SERVFAIL" ], bothSigned.Value
            [
                "_adsp._domainkey.example.com", found "dkim=discardable"
                "example.com", found ""
            ],
            plain
        ]

let private isResults (field: string) =
    field.StartsWith("Authentication-Results", StringComparison.OrdinalIgnoreCase)

let private parsed (field: string) =
    AuthenticationResults.parse (Field.ofOctets (ReadOnlyMemory(Octets.ofLatin1 field)))
    |> Expect.ok

/// The fields of results that a message without any has when it has passed.
let private results (writer: Writer) (zone, mail) =
    writer.Pass zone mail
    |> List.filter isResults
    |> List.map (fun field -> field, parsed field)

let private registered (method': string) =
    match method' with
    | "x-dkim-adsp" ->
        [
            "none"
            "pass"
            "unknown"
            "fail"
            "discard"
            "nxdomain"
            "temperror"
            "permerror"
        ]
    | _ -> [ "none"; "pass"; "fail"; "policy"; "neutral"; "temperror"; "permerror" ]

/// What others wrote, and an unreadable field that claims nothing of ours.
let private foreign =
    [
        "Authentication-Results: other.example; dkim=pass; domainkeys=pass"
        "Authentication-Results: other.example 1; dkim=pass\r\n\theader.d=a.example"
        "X-Authentication-Results: mx.example.net; dkim=pass; domainkeys=pass"
        "Authentication-Results: mx.example.net.evil.example; dkim=pass; domainkeys=pass"
    ]

/// Spellings of a claim that a field is ours.
let private claims (host: string) =
    [
        "Authentication-Results: " + host
        "authentication-results: " + host.ToUpperInvariant()
        "AUTHENTICATION-RESULTS :\r\n\t" + host + "."
        "Authentication-Results: (by (us)) " + host + " (really)"
        "Authentication-Results: \"" + host + "\""
        "Authentication-Results:" + host + "/job7"
        "Authentication-Results: " + host + " 1"
        "Authentication-Results: other.example 2"
    ]
    |> List.map (fun start -> start + "; dkim=pass header.d=bank.example; domainkeys=pass")

/// Results that a reader has no right to use: of methods, versions of methods, words and types of properties that nobody has
/// registered. They contradict what any of the ordinary messages deserves.
let private unregistered =
    [ "pass"; "fail"; "temperror" ]
    |> List.collect (fun word ->
        [
            "dkim/2=" + word + " header.d=example.com"
            "x-made-up=" + word
            "dkim=excellent header.d=example.com; x-dkim-adsp=" + word + "ed"
            "dkim=" + word + " verdict.d=example.com verdict.i=@example.com"
        ])

/// The message with fields of others and forged ones between its own.
let private interleaved (claims: string list) (mail: string) =
    let received number = "Received: hop " + string number

    let on =
        List.replicate 2 claims
        |> List.concat
        |> List.mapi (fun index claim -> [ claim; received index ])
        |> List.concat

    String.Join("\r\n", on @ foreign) + "\r\n" + crlf mail

[<Tests>]
let tests =
    testList
        "ResultFieldTests"
        [
            proves
                [ "RFC8601-2.2-1"; "RFC8601-2.2-4"; "RFC8601-4-1" ]
                (testCase
                    "RFC8601-2.7.7-1 every program writes one field of registered words, whatever a message says"
                    (fun () ->
                        for writer in writers.Value do
                            for case in ordinary.Value do
                                Expect.equal 1 (results writer case).Length

                            for field, read in ordinary.Value @ hostile.Value |> List.collect (results writer) do
                                let told = writer.Name + ": " + field
                                Expect.equal writer.Host read.ServiceId
                                let unfolded = field.Replace("\r\n\t", " ")
                                Expect.isTrue (not (Seq.exists Char.IsControl unfolded)) told

                                Expect.isTrue
                                    (field.Split "\r\n" |> Array.forall (fun line -> line.Length <= 998))
                                    told

                                for result in read.Results do
                                    Expect.isTrue (List.contains result.Method writer.Methods) told
                                    Expect.isTrue (List.contains result.Result (registered result.Method)) told

                            for case in hostile.Value do
                                // Of nobody's mail dkim-filter says nothing.
                                let found = results writer case
                                Expect.isTrue (found.Length <= 1) (snd case)

                                for field, read in found do
                                    Expect.isTrue
                                        (read.Results |> List.forall (fun result -> result.Result <> "pass"))
                                        field))

            testCase "RFC8601-2.4-1 what a program's own policy does not accept has a reason" (fun () ->
                let short =
                    signedBy
                        { policy with
                            Lists.Keys = SingleKey(filterKey "mail" rsa512.Value)
                        }
                        plain

                for writer in writers.Value |> List.filter (fun writer -> List.contains "dkim" writer.Methods) do
                    let _, read =
                        results writer ([ keyName, found (published rsa512.Value) ], short)
                        |> List.exactlyOne

                    let result = read.Results |> List.find (fun result -> result.Method = "dkim")
                    Expect.equal "policy" result.Result
                    Expect.contains "512" (ValueOption.defaultValue "" result.Reason))

            proves
                [ "RFC8601-4-2"; "RFC8601-4-3"; "RFC8601-4.1-1"; "RFC8601-5-2" ]
                (testCase
                    "RFC8601-5-1 every program takes away what claims to be its own, and puts one field above all the rest"
                    (fun () ->
                        for writer in writers.Value do
                            for zone, mail in ordinary.Value do
                                let claims = claims writer.Host
                                let text = interleaved claims mail

                                let kept =
                                    fieldsOf text |> List.filter (fun field -> not (List.contains field claims))

                                let passed = writer.Pass zone text
                                let own = passed.Length - kept.Length
                                Expect.equal (String.Join("\n", kept)) (String.Join("\n", List.skip own passed))
                                let ours = passed |> List.take own |> List.filter isResults |> List.exactlyOne
                                Expect.equal writer.Host (parsed ours).ServiceId
                                // Beside it stands only what the program adds anyway.
                                Expect.isTrue
                                    (own <= 2)
                                    (writer.Name + ": " + String.Join(" | ", List.take own passed))))

            testCase
                "RFC8601-2.3-1 RFC8601-2.6-1 RFC8601-4.1-2 unknown methods, versions, words and property types decide nothing"
                (fun () ->
                    for writer in writers.Value do
                        for zone, mail in ordinary.Value do
                            let added before text =
                                writer.Pass zone text
                                |> List.filter (fun field -> not (List.contains field before))

                            let expected = added (fieldsOf (crlf mail)) mail
                            Expect.notEmpty expected

                            for host in [ writer.Host; "other.example" ] do
                                for result in unregistered do
                                    let field = "Authentication-Results: " + host + "; " + result
                                    let text = field + "\r\n" + crlf mail
                                    Expect.equal expected (added (fieldsOf text) text))
        ]
