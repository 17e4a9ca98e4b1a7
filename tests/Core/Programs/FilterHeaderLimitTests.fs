/// How much of a header the milters take, and what becomes of a message with more.
module Dkim.Tests.Core.FilterHeaderLimitTests

open System
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private isSigned (ran: Ran) =
    ran.Inserted |> List.exists _.StartsWith("DKIM-Signature:")

[<Tests>]
let tests =
    testList
        "FilterHeaderLimitTests"
        [
            testRows
                "RFC6376-8.9-1 a header beyond the limit ends by the security action"
                [ "Accept"; "TempFail"; "Discard"; "Reject" ]
                (fun (name: string) ->
                    let action, expected =
                        match name with
                        | "Accept" -> Disposition.Accept, Accepted
                        | "TempFail" -> Disposition.TempFail, Deferred
                        | "Discard" -> Disposition.Discard, Discarded
                        | _ -> Disposition.Reject, Refused(550, "5.7.0", "too much header data")

                    let limited =
                        { policy with
                            HeaderLimits =
                                {
                                    Octets = 100<octet>
                                    Fields = 100
                                    FieldOctets = 100<octet>
                                }
                            Actions =
                                { policy.Actions with
                                    Security = action
                                }
                        }

                    let ran = runWith limited local plain
                    Expect.equal expected ran.Ending
                    Expect.equal [] ran.Changes
                    Expect.equal [ "JOB1 too much header data" ] ran.Log
                    Expect.equal [ LogLevel.Notice ] ran.Levels)

            testCase "a header of just the limit is looked at" (fun () ->
                // As an MTA counts: name, value with the blank before it, and two octets more for each field.
                let octets =
                    crlf plain
                    |> fun mail -> mail.Substring(0, mail.IndexOf("\r\n\r\n", StringComparison.Ordinal)).Split("\r\n")
                    |> Array.sumBy (fun field -> field.Length - 1 + 2)

                let limited most =
                    { policy with
                        HeaderLimits =
                            { policy.HeaderLimits with
                                Octets = most * 1<octet>
                            }
                    }

                Expect.isTrue (isSigned (runWith (limited octets) local plain)) "just the limit"
                Expect.isFalse (isSigned (runWith (limited (octets - 1)) local plain)) "an octet beyond")

            testCase "RFC8601-5-1 results in a header that is too large to look at go when it is accepted" (fun () ->
                let forged = "Authentication-Results: mx.example.net; dkim=pass\n"

                let ran =
                    runWith
                        { policy with
                            HeaderLimits = { policy.HeaderLimits with Fields = 3 }
                            Actions =
                                { policy.Actions with
                                    Security = Disposition.Accept
                                }
                        }
                        outside
                        (forged
                         + plain.Replace("\n\n", "\nX: 1\nX: 2\nX: 3\nauthentication-results : x\n\n"))

                Expect.equal Accepted ran.Ending
                Expect.equal [ "Authentication-Results", 2; "Authentication-Results", 1 ] ran.Deleted)

            testCase "RFC8601-5-1 results in a field that is itself too large go when it is accepted" (fun () ->
                let accepting =
                    { policy with
                        Actions =
                            { policy.Actions with
                                Security = Disposition.Accept
                            }
                    }

                use message = new MilterMessage(DkimFilter.parts accepting, outside.Client)
                message.Field(ReadOnlySpan(Octets.ofLatin1 "Authentication-Results"), ReadOnlySpan(" x"B), true)
                let size = int policy.HeaderLimits.Octets
                Expect.isFalse (message.WouldKeep size) "a field of the limit beside another"

                message.LongField(
                    ReadOnlySpan(Octets.ofLatin1 "authentication-results\000 mx.example.net; dkim"),
                    size
                )

                let ran =
                    passAnswered message outside (fun _ -> Answer.NoSuchName Security.Unchecked) plain

                Expect.equal Accepted ran.Ending
                Expect.equal [ "Authentication-Results", 2; "Authentication-Results", 1 ] ran.Deleted)
        ]
