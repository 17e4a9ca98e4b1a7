/// What domains say of their own mail: ADSP (RFC 5617) and the policy of DomainKeys (RFC 4870 §3.6).
module Dkim.Tests.Conformance.PolicyTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Mail

let private author = domain "example.com"
let private adspName = "_adsp._domainkey.example.com"

let private exists (question: Question) =
    if question.Type = RecordType.Mx then
        found "mx"
    else
        Answer.Found([], Security.Unchecked)

/// A domain that has mail, and the answer for its record.
let private published (answer: Answer) (question: Question) =
    if question.Name = adspName then answer else exists question

let private conclude answerTo =
    SenderPolicy.conclude Adsp author answerTo

let private practice (text: string) =
    PolicyRecord.tryAdsp text |> ValueOption.map _.Practice

let private judgedAs (domainText: string) =
    judge (
        sign
            [
                { request () with
                    Domain = domain domainText
                }
            ]
            letter
    )

[<Tests>]
let tests =
    testList
        "PolicyTests"
        [
            testRows
                "RFC5617-4.1-1 a record outside the syntax is no record"
                [
                    "DKIM=all"
                    " dkim=all"
                    "dkim=all; x"
                    "dkim\r\n =all"
                    "dkim=all;\r\n t=y"
                    "t=y; dkim=all"
                    "v=spf1 -all"
                    ""
                    "dkim="
                    "dkim=all; dkim=all"
                ]
                (fun (text: string) ->
                    equal ValueNone (PolicyRecord.tryAdsp text)
                    equal NotPublished (conclude (published (found text))))

            testCase "RFC5617-4.2.1-1 the practices, and unknown ones" (fun () ->
                equal (ValueSome SignsSome) (practice "dkim=unknown")
                equal (ValueSome SignsAll) (practice "dkim=all")
                equal (ValueSome SignsAllItself) (practice "dkim=discardable")
                equal (ValueSome SignsAll) (practice "dkim \t=\t all")
                equal (ValueSome SignsSome) (practice "dkim=something-else"))

            testCase "RFC5617-4.2.1-2 unknown tags change nothing" (fun () ->
                equal (ValueSome SignsAll) (practice "dkim=all; foo=bar; z="))

            testCase
                "RFC5617-4.3-1 a domain that does not exist is out of scope, one without the types is looked at further"
                (fun () ->
                    let names =
                        SenderPolicy.plan Adsp author
                        |> List.map (fun question -> question.Name, question.Type)

                    equal
                        [
                            adspName, RecordType.Txt
                            "example.com", RecordType.Mx
                            "example.com", RecordType.A
                            "example.com", RecordType.Aaaa
                        ]
                        names

                    let missing (question: Question) =
                        if question.Name = adspName then
                            found "dkim=all"
                        else
                            noName

                    equal NoSuchDomain (conclude missing)
                    let record = PolicyRecord.tryAdsp "dkim=all"
                    equal (Published record.Value) (conclude (published (found "dkim=all"))))

            testCase "RFC5617-4.3-2 a domain without MX, A and AAAA is out of scope, one of them is enough" (fun () ->
                let nothing (question: Question) =
                    if question.Name = adspName then
                        found "dkim=all"
                    else
                        Answer.Found([], Security.Unchecked)

                equal NoSuchDomain (conclude nothing)

                for having in [ RecordType.Mx; RecordType.A; RecordType.Aaaa ] do
                    let one (question: Question) =
                        if question.Type = having then
                            found "x"
                        else
                            nothing question

                    equal true (conclude one).IsPublished)

            testCase "RFC5617-4.3-3 no record and several records are as none" (fun () ->
                for answer in
                    [
                        noName
                        Answer.Found([], Security.Unchecked)
                        Answer.Found([ "dkim=all"; "dkim=all" ], Security.Unchecked)
                        found "dkim=all discardable"
                    ] do
                    equal NotPublished (conclude (published answer))
                    equal AdspResult.None (SenderPolicy.adspResult author [] (conclude (published answer))))

            testCase "RFC5617-4.3-4 what cannot be looked up for now gives a temporary result" (fun () ->
                let failing = published (Answer.Unavailable "timeout")
                equal (PolicyUnavailable "timeout") (conclude failing)
                equal AdspResult.TempError (SenderPolicy.adspResult author [] (conclude failing))
                let dark (_: Question) = Answer.Unavailable "SERVFAIL"
                equal AdspResult.TempError (SenderPolicy.adspResult author [] (conclude dark)))

            testCase "RFC5617-2.7-1 only a signature of the author's own domain counts" (fun () ->
                equal true (SenderPolicy.isAuthorSignature author (List.exactlyOne (judgedAs "example.com")))
                equal false (SenderPolicy.isAuthorSignature author (List.exactlyOne (judgedAs "mail.example.com")))
                let below = domain "mail.example.com"
                equal false (SenderPolicy.isAuthorSignature below (List.exactlyOne (judgedAs "example.com"))))

            testCase "RFC5617-5.4-1 each result has its word" (fun () ->
                let result judged answerTo =
                    AdspResult.name (SenderPolicy.adspResult author judged (conclude answerTo))

                equal "pass" (result (judgedAs "example.com") (published (found "dkim=discardable")))
                equal "none" (result [] (published noName))
                equal "unknown" (result [] (published (found "dkim=unknown")))
                equal "fail" (result [] (published (found "dkim=all")))
                equal "fail" (result (judgedAs "mail.example.com") (published (found "dkim=all")))
                equal "discard" (result [] (published (found "dkim=discardable")))
                equal "nxdomain" (result [] (fun _ -> noName))
                equal "temperror" (result [] (published (Answer.Unavailable "timeout"))))

            testCase "RFC4870-3.6-1 the tags of a policy" (fun () ->
                let read (text: string) = (PolicyRecord.tryDomainKeys text).Value
                equal "_domainkey.example.com" (SenderPolicy.name DomainKeysPolicy author)

                for text, practice in
                    [
                        "o=~", SignsSome
                        "o=-", SignsAll
                        "t=y", SignsSome
                        "n=nothing", SignsSome
                        "o=?", SignsSome
                    ] do
                    equal practice (read text).Practice

                equal true (read "o=-; t=y").Testing
                equal false (read "o=-").Testing
                equal (ValueSome "ada@example.com") (read "o=-; r=ada@example.com").ReportAddress)

            testCase "RFC4870-3.6-3 without a record the default is that some mail is signed" (fun () ->
                for answer in [ noName; Answer.Found([], Security.Unchecked); found "not a policy" ] do
                    let policy = SenderPolicy.conclude DomainKeysPolicy author (fun _ -> answer)
                    equal NotPublished policy
                    equal false (SenderPolicy.refuses (fun _ -> false) [] policy))
        ]
