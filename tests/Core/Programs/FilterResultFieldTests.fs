/// The fields of results that dkim-filter adds, and the forged ones that it removes.
module Dkim.Tests.Core.FilterResultFieldTests

open System
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages
open Dkim.Tests.Core.FilterExamples

let private removed policy (fields: string list) : int list =
    let mail =
        String.Join("\n", fields) + "\n" + plain.Replace("example.com", "example.org")

    let ran =
        runWith
            policy
            { outside with
                Zone = [ exists "example.org" ]
            }
            mail

    ran.Deleted |> List.map snd

let private claim (value: string) = "Authentication-Results: " + value

[<Tests>]
let tests =
    testList
        "FilterResultFieldTests"
        [
            testCase "the field of presence stands above the results" (fun () ->
                let both = marked (fun marks -> { marks with XHeader = true })

                match applied (runWith both arriving.Value signed.Value).Changes [ "Received: own" ] with
                | presence :: results :: _ ->
                    Expect.equal "X-DKIM: Sendmail DKIM Filter v2.8.3 mx.example.net JOB1" presence
                    Expect.isTrue (results.StartsWith "Authentication-Results: ") results
                | other -> failtest (string (box other))

                Expect.equal 1 (runWith both unsigned plain).Inserted.Length)

            testCase "ARHeaderDomain tells domain and selector, of a signature that was read" (fun () ->
                let telling = marked (fun marks -> { marks with ResultDomain = true })

                let of' mail =
                    results (runWith telling arriving.Value mail)

                Expect.contains "header.i=@example.com header.d=example.com header.s=mail;" (of' signed.Value)
                Expect.contains "header.i=unknown;" (of' (forged "DKIM-Signature: v=1" "DKIM-Signature: v")))

            testCase "the lines of the field are broken as ever" (fun () ->
                let ran = runWith policy arriving.Value signed.Value

                Expect.equal
                    [
                        "Authentication-Results: mx.example.net; dkim=pass (1024-bit key)\r\n\theader.i=@example.com; x-dkim-adsp=pass"
                    ]
                    ran.Inserted)

            // Counting from 25 without blanks, the word that makes 75 begins the next line, which counts from 8.
            testRows
                "a word that makes the line full begins the next"
                [ (49, false); (50, true) ]
                (fun (length: int, folds: bool) ->
                    let results: AuthenticationResults =
                        {
                            ServiceId = "a"
                            Version = ValueNone
                            Results =
                                [
                                    {
                                        Method = "dkim"
                                        MethodVersion = ValueNone
                                        Result = String('p', length - 2 - 5)
                                        Comment = ValueNone
                                        Reason = ValueNone
                                        Properties = []
                                    }
                                ]
                        }

                    let field = ResultFields.field results
                    Expect.equal folds (field.ValueText.Contains "\r\n\t"))

            testCase
                "RFC8601-2.2-5 RFC8601-2.5-1 the name of the service is the setting's, with the job where that is wanted"
                (fun () ->
                    let service change =
                        let ran = runWith (marked change) arriving.Value signed.Value
                        (results ran).Split(';').[0]

                    Expect.equal
                        "auth.example"
                        (service (fun marks ->
                            { marks with
                                AuthservId = ValueSome "auth.example"
                            }))

                    Expect.equal
                        "\"mx.example.net/JOB1\""
                        (service (fun marks ->
                            { marks with
                                AuthservIdWithJobId = true
                            }))

                    let named policy macros =
                        let ran = runWith policy { arriving.Value with Macros = macros } signed.Value
                        (results ran).Split(';').[0]

                    // The machine's own name where the MTA does not tell its, and never everybody's.
                    Expect.equal "host.example.net" (named policy [])
                    Expect.equal "host.example.net" (named policy [ "j", "localhost" ])

                    let nobody =
                        { policy with
                            Reporting.AuthservId = ValueSome ""
                            Machine =
                                { policy.Machine with
                                    HostName = "localhost"
                                }
                        }

                    Expect.equal "localhost.localdomain" (named nobody []))

            testCase "RFC8601-5-1 ten forged fields go, the last one first" (fun () ->
                let forged = claim "mx.example.net; dkim=pass header.i=@bank.example"
                Expect.equal [ 10; 9; 8; 7; 6; 5; 4; 3; 2; 1 ] (removed policy (List.replicate 10 forged))

                Expect.equal
                    [ 3; 1 ]
                    (removed
                        policy
                        [
                            forged
                            claim "other.example; dkim=pass"
                            "X: y"
                            forged
                            claim "third.example; spf=pass"
                        ]))

            testRows
                "RFC8601-5-1 RFC8601-5-2 which claims go"
                [
                    ("mx.example.net; dkim=pass", true)
                    ("MX.Example.NET; DKIM=pass", true)
                    ("mx.example.net/JOB7; dkim=pass", true)
                    ("\"mx.example.net\"; dkim=pass", true)
                    ("(a comment) mx.example.net; dkim=pass", true)
                    ("mx.example.net.; dkim=pass", true)
                    ("mx.example.net 1; spf=pass; dkim=none", true)
                    ("mx.example.net; x-dkim-adsp=pass", true)
                    ("mx.example.net; spf=pass", false)
                    ("mx.example.net.evil.example; dkim=pass", false)
                    ("other.example; dkim=pass", false)
                    ("mx.example.net; dkim=", true)
                    ("other.example; dkim=", false)
                    ("other.example 2; dkim=pass", true)
                ]
                (fun (value: string, goes: bool) ->
                    Expect.equal (if goes then [ 1 ] else []) (removed policy [ claim value ]))

            testCase "a field that cannot be read is told" (fun () ->
                let mail =
                    claim "other.example; dkim="
                    + "\n"
                    + plain.Replace("example.com", "example.org")

                let ran =
                    runWith
                        policy
                        { outside with
                            Zone = [ exists "example.org" ]
                        }
                        mail

                Expect.isTrue
                    (List.contains
                        (LogLevel.Warning, "JOB1 failed to parse Authentication-Results: header")
                        (List.zip ran.Levels ran.Log))
                    "warned")

            testCase "of many fields that cannot be read three are told" (fun () ->
                let many = String.replicate 50 (claim "other.example; dkim=" + "\n")
                let ran = runWith policy unsigned (many + plain)

                let told =
                    ran.Log |> List.filter _.Contains("failed to parse Authentication-Results")

                Expect.equal 3 told.Length)

            testCase "RFC8601-5-4 RemoveARFrom and RemoveARAll take more" (fun () ->
                let all = marked (fun marks -> { marks with RemoveArAll = true })
                Expect.equal [ 1 ] (removed all [ claim "mx.example.net; spf=pass" ])

                let listed =
                    marked (fun marks ->
                        { marks with
                            RemoveArFrom = [ "Other.Example"; ".inner.example"; ".b\u00fccher.example" ]
                        })

                Expect.equal [ 1 ] (removed listed [ claim "other.example; dkim=pass" ])
                Expect.equal [ 1 ] (removed listed [ claim "a.inner.example; dkim=pass" ])
                Expect.equal [] (removed listed [ claim "inner.example; dkim=pass" ])
                Expect.equal [ 1 ] (removed listed [ claim "mx.xn--bcher-kva.example; dkim=pass" ])
                // What is readable of it is enough.
                Expect.equal [ 1 ] (removed listed [ claim "other.example; dkim=" ])
                Expect.equal [] (removed listed [ claim "third.example; dkim=" ])
                Expect.equal [] (removed listed [ claim "other.example; spf=pass" ])
                Expect.equal [ 1 ] (removed listed [ claim "mx.example.net; dkim=pass" ]))

            testCase "RFC8601-2.2-4 nothing of a signature gets out of its place" (fun () ->
                let mail =
                    (forged ";\r\n\t" "; ")
                        .Replace("d=example.com;", "d=example.com; i=a=0D=0AX-Evil:=20y=22;dkim=3Dpass@example.com;")

                let ran = runWith policy arriving.Value mail
                let field = ran.Inserted |> List.exactlyOne

                for line in field.Split "\r\n" |> Array.skip 1 do
                    Expect.isTrue (line.StartsWith '\t') field)
        ]
