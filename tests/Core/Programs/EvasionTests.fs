/// A refusal cannot be evaded: mail that is refused stays refused, or is told worse, whatever is changed that no signature
/// covers and that does not make it another author's mail.
module Dkim.Tests.Core.EvasionTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core
open Dkim.Tests.Core.Evasions

/// Mail that a program refuses.
type Refused =
    {
        Title: string
        Way: Way
        Mail: string
        /// Whether it is not let in; else what it is let in as.
        Judge: Way -> string -> Result<unit, string>
    }

let private refusing =
    FilterExamples.acting (fun actions ->
        { actions with
            BadSignature = Disposition.Reject
            NoSignature = Disposition.Reject
            Security = Disposition.Reject
        })

let private discarding =
    FilterExamples.verifying (fun verifying -> { verifying with AdspDiscard = true })

let private refusingDk =
    { dkPolicy with
        Actions =
            { dkPolicy.Actions with
                BadSignature = Disposition.Reject
                NoSignature = Disposition.Reject
            }
    }

let private ended (ran: Ran) =
    match ran.Ending with
    | Accepted -> Result.Error("accepted; " + String.Join("; ", ran.Inserted))
    | _ -> Ok()

let private filter title (policy: FilterPolicy) way mail =
    {
        Title = "dkim-filter: " + title
        Way = way
        Mail = crlf mail
        Judge = fun way mail -> ended (runWith policy way mail)
    }

let private dkFilter title way mail =
    {
        Title = "dk-filter: " + title
        Way = way
        Mail = crlf mail
        Judge = fun way mail -> ended (dkRunWith refusingDk way mail)
    }

let private proxy title arguments zone mail =
    {
        Title = "dkimproxy.in: " + title
        Way = outside
        Mail = crlf mail
        Judge =
            fun _ mail ->
                match ProxyRuns.pass zone (VerifyingRuns.start arguments) mail with
                | ProxyRuns.Refused _, _, _ -> Ok()
                | ProxyRuns.Relayed(head, _), _, _ -> Result.Error head
    }

let private qmail title start answers (mail: string) =
    {
        Title = "qmail-dk: " + title
        Way = outside
        Mail = crlf mail
        Judge =
            fun _ mail ->
                match QmailRuns.decide start [] answers (mail.Replace("\r\n", "\n")) with
                | QmailRuns.Refused _ -> Ok()
                | QmailRuns.Handed(head, _) -> Result.Error head
    }

let private refusingOdd =
    { refusing with
        Roles =
            { refusing.Roles with
                RequiredHeaders = true
            }
    }

let private discardable zone =
    [
        "_adsp._domainkey.example.org", ProxyRuns.Text "dkim=discardable"
        "example.org", ProxyRuns.Exists
    ]
    @ zone

// Every fault that qmail-dk tells apart, but for what might pass later.
let private everyLetter = "BCDEFGHIJKLMNOPQRSTUVW"

let private refused =
    lazy
        [
            filter "a bad signature" refusing arriving.Value FilterExamples.altered.Value
            filter "no signature" refusing outside plain
            filter "a policy" discarding (FilterExamples.practice "dkim=discardable") plain
            dkFilter "a bad signature" DkFilterExamples.arriving.Value DkFilterExamples.altered.Value
            dkFilter "no signature" outside plain
            filter "too many fields" refusingOdd outside ("Subject: again\n" + plain)
            proxy "a policy" [ "--reject-fail" ] (discardable []) VerifyingRuns.plain
            proxy
                "a policy and a bad signature"
                [ "--reject-fail" ]
                (discardable VerifyingRuns.zone.Value)
                (VerifyingRuns.good.Value.Replace("body", "b0dy"))
            qmail
                "a bad DomainKeys signature"
                (QmailRuns.verifying "BCDEFGHIJKL")
                [ QmailRuns.name, QmailRuns.record "" ]
                (QmailRuns.domainKeys.Value.Replace("Hello", "Hallo"))
            qmail
                "a bad DKIM signature"
                (QmailRuns.verifyingDkim everyLetter)
                [ QmailRuns.name, QmailRuns.record "" ]
                (QmailRuns.dkim.Value.Replace("Hello", "Hallo"))
        ]

let private check (case: Refused) (changes: Evasion list) =
    let way, mail =
        changes
        |> List.fold (fun changed change -> change.Apply changed) (case.Way, case.Mail)

    match case.Judge way mail with
    | Ok() -> ValueNone
    | Result.Error what ->
        ValueSome(
            case.Title
            + ", with "
            + String.Join(" and ", changes |> List.map _.Name)
            + ": "
            + what
        )

[<Tests>]
let tests =
    testList
        "EvasionTests"
        [
            testCase "there are hundreds of kinds of change, and what they are made to is refused" (fun () ->
                Expect.above 200 all.Length
                Expect.unique (all |> List.map _.Name)

                for case in refused.Value do
                    Expect.equal ValueNone (check case []))

            testCase "no change makes refused mail pass" (fun () ->
                let evaded =
                    [
                        for case in refused.Value do
                            for change in all do
                                yield! check case [ change ] |> ValueOption.toList
                    ]

                Expect.empty evaded)

            testCase "nor do two changes" (fun () ->
                let random = Random 7
                let any (items: 'a list) = items[random.Next items.Length]

                let evaded =
                    [
                        for _ in 1..2000 do
                            yield! check (any refused.Value) [ any all; any all ] |> ValueOption.toList
                    ]

                Expect.empty evaded)
        ]
