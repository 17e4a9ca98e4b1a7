/// `dkim testkey --authoritative`: what is said of the name servers of a zone.
module Dkim.Tests.Core.ToolServerTests

open System
open Expecto
open Dkim.Core.Dns
open Dkim.Tests
open Dkim.Tests.Core.ToolRuns

let private name = "s._domainkey.example.com"
let private record = (rsa.Zone.Split '"')[3]

/// The zone has two servers, one of them at two addresses of IPv6 alone.
let private resolved (published: string list) (question: Question) : Answer =
    let found texts = Answer.Found(texts, Security.Unchecked)

    match question.Type, question.Name with
    | RecordType.Txt, asked when asked = name && not published.IsEmpty -> found published
    | RecordType.Ns, "example.com" -> found [ "b.example.com"; "a.example.com" ]
    | RecordType.A, "a.example.com" -> found [ "192.0.2.1" ]
    | RecordType.Aaaa, "a.example.com" -> found [ "2001:db8::1" ]
    | RecordType.Aaaa, "b.example.com" -> found [ "2001:db8::2" ]
    | _ -> Answer.NoSuchName Security.Unchecked

let private says (outcome: Outcome) : DirectAnswer =
    {
        Outcome = outcome
        IsAuthoritative = true
        Alias = ValueNone
        Octets = 300
        NeededTcp = false
    }

let private good = says (Records [ record ])

let private run published (first: DirectAnswer) (second: DirectAnswer) (options: string list) : Ran =
    let machine = Machine([ "k", rsa.Pem ], resolved published)

    machine.Reply <-
        fun question ->
            Expect.equal name question.Question.Name
            Expect.equal 53 question.Server.Port

            if string question.Server.Address = "192.0.2.1" then
                first
            else
                second

    runOn
        machine
        "dkim"
        ([
            "testkey"
            "--authoritative"
            "--selector=s"
            "--domain=example.com"
            "--key=k"
         ]
         @ options)

let private mistakes (ran: Ran) : string list =
    [
        for found in (json ran).GetProperty("findings").EnumerateArray() do
            match text "mistake" found with
            // The key of these tests is short.
            | "key-too-short" -> ()
            | mistake -> mistake
    ]

[<Tests>]
let tests =
    testList
        "ToolServerTests"
        [
            testCase "each server is asked where it is, by IPv4 if that can be, and shown with what it has" (fun () ->
                let ran = run [ record ] good good []
                Expect.equal 0 ran.Code

                Expect.contains
                    "\n  at a.example.com (192.0.2.1): a good record, 300 octets over UDP\n  at b.example.com (2001:db8::2): a good record, 300 octets over UDP\n"
                    ran.Output)

            testRows
                "what is found at the servers"
                [
                    good, [], 0, "a good record"
                    says NoSuchName, [ "servers-differ" ], 1, "no such name"
                    says (Records []), [ "servers-differ" ], 1, "no TXT record"
                    says (Records [ (otherRsa.Zone.Split '"')[3] ]),
                    [ "servers-differ" ],
                    1,
                    "WRONG: p= is not the public half"
                    { says (Records []) with
                        Alias = ValueSome "k.example.net"
                    },
                    [ "servers-differ" ],
                    1,
                    "an alias of k.example.net"
                    { good with IsAuthoritative = false }, [ "server-fails" ], 0, "not authoritative"
                    DirectAnswer.Failed("timeout", false), [ "server-fails" ], 0, "no answer: timeout"
                    { good with
                        Octets = 2000
                        NeededTcp = true
                    },
                    [ "needs-tcp" ],
                    0,
                    "2000 octets, which need TCP"
                    DirectAnswer.Failed("timeout", true), [ "tcp-fails" ], 1, "no answer: timeout"
                ]
                (fun (second, expected, code, described) ->
                    let ran = run [ record ] good second [ "--json" ]
                    Expect.equal (code, expected) (ran.Code, mistakes ran)

                    let told =
                        [
                            for server in (json ran).GetProperty("servers").EnumerateArray() do
                                text "address" server, text "says" server
                        ]

                    Expect.equal [ "192.0.2.1"; "2001:db8::2" ] (List.map fst told)
                    Expect.contains described (snd told[1]))

            testCase "a resolver that says something else than all servers has an old answer" (fun () ->
                let ran = run [ record + "; t=y" ] good good [ "--json" ]
                Expect.isTrue (mistakes ran |> List.contains "stale-answer") ran.Output
                Expect.equal 0 ran.Code)

            testCase "a zone whose servers are not known is told" (fun () ->
                let machine =
                    Machine(
                        [],
                        fun question ->
                            if question.Type = RecordType.Txt && question.Name = name then
                                Answer.Found([ record ], Security.Unchecked)
                            else
                                Answer.NoSuchName Security.Unchecked
                    )

                let ran =
                    runOn
                        machine
                        "dkim"
                        [
                            "testkey"
                            "--authoritative"
                            "--selector=s"
                            "--domain=example.com"
                            "--json"
                        ]

                Expect.equal (0, [ "server-fails" ]) (ran.Code, mistakes ran))

            testCase "without --authoritative nobody is asked" (fun () ->
                let ran =
                    runOn
                        (Machine([], resolved [ record ]))
                        "dkim"
                        [ "testkey"; "--selector=s"; "--domain=example.com"; "--json" ]

                Expect.equal Text.Json.JsonValueKind.Null ((json ran).GetProperty "servers").ValueKind)

            testCase "the page shows what each server has, and what to publish" (fun () ->
                let ran = run [ record ] good (says NoSuchName) [ "--html=-" ]
                Expect.contains ": not every verifier gets the record (" ran.Output
                Expect.contains "The name servers" ran.Output
                Expect.contains "b.example.com (2001:db8::2)" ran.Output
                Expect.lacks "Publish this in its place" ran.Output
                let quoted = says (Records [ "\"" + record + "\"" ])
                let spoiled = run [ "\"" + record + "\"" ] quoted quoted [ "--html=-" ]
                Expect.contains "Publish this in its place" spoiled.Output
                Expect.contains "IN    TXT    (\n    &quot;v=DKIM1" spoiled.Output)
        ]
