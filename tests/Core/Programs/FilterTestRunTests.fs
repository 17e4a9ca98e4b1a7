/// Test mode of dkim-filter: what is printed of a message, and the exit code.
module Dkim.Tests.Core.FilterTestRunTests

open System
open System.Collections.Generic
open System.Net
open Expecto
open Dkim.Tests
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters
open Dkim.Core.Programs.Tool.Running
open Dkim.Tests.Core
open Dkim.Tests.FilterPassages

type private Run =
    {
        Output: string
        Errors: string
        ExitCode: int
    }

let private verifying: FilterMode = { Signs = false; Verifies = true }

let private runFrom client (change: FilterPolicy -> FilterPolicy) (mode: FilterMode) zone (mail: string) : Run =
    let keys = SingleKey(filterKey "mail" rsa.Value)

    let policy =
        { FilterPolicy.dkim with
            Roles.Mode = ValueSome mode
            Lists = files [ "example.com" ] keys
            Machine = surroundings
        }
        |> change

    let settings: TestSettings =
        { TestSettings.defaults with
            Verbosity = 1
            Client = client
        }

    use run =
        new TestRun("dkim-filter", "m.eml", settings, policy, LoadedLists.isPeer policy.Lists, DkimFilter.parts policy)

    run.Begin(ReadOnlyMemory(Octets.ofLatin1 mail), now)

    let answer (question: Question) =
        zone
        |> List.tryFind (fun (name, kind, _) -> name = question.Name && kind = question.Type)
        |> Option.map (fun (_, _, answer) -> answer)
        |> Option.defaultValue (Answer.NoSuchName Security.Unchecked)

    while not run.Needs.IsEmpty do
        run.Go(Finding.ofNames answer run.Needs)

    run.Finish()

    {
        Output = run.Output
        Errors = run.Errors
        ExitCode = run.ExitCode
    }

let private runWith' = runFrom ValueNone

let private judge zone mail = runWith' id verifying zone mail

let private failure text =
    "dkim-filter: m.eml: verification (s=mail d=example.com, " + text + "\n"

[<Tests>]
let tests =
    testList
        "FilterTestRunTests"
        [
            testCase "a signature that fails is told in the words of the fields" (fun () ->
                let told zone mail = (judge zone mail).Output

                Expect.equal
                    (failure "1024-bit key) failed: signature verification failed: body hash did not verify")
                    (told zone.Value (signed.Value.Replace("body", "b0dy")))

                Expect.equal (failure "0-bit key) failed: key not found in DNS") (told [] signed.Value)

                Expect.equal
                    (failure "0-bit key) failed: key DNS query failed: SERVFAIL")
                    (told [ fails keyName ] signed.Value)

                Expect.equal 0 (judge [] signed.Value).ExitCode)

            testCase "a bad signature that is refused is a result of the run, not its failure" (fun () ->
                let rejecting (policy: FilterPolicy) =
                    { policy with
                        Actions = DispositionCodecs.everyAction Disposition.Reject
                    }

                let run =
                    runFrom
                        (ValueSome(IPAddress.Parse "192.0.2.7"))
                        rejecting
                        verifying
                        zone.Value
                        (signed.Value.Replace("body", "b0dy"))

                Expect.contains "mlfi_eom() returned SMFIS_REJECT" run.Errors
                Expect.equal 0 run.ExitCode)

            testCase "the line of a fault counts those of folded fields above it" (fun () ->
                let run = judge [] "Subject: a\n b\n c\nno colon here\n\nbody\n"
                Expect.contains "line 4" (run.Errors + run.Output))

            testCase "test mode judges as the filter does" (fun () ->
                let two = texts keyName [ published rsa.Value; published rsa.Value + ";n=x" ]
                Expect.equal (failure "0-bit key) failed: multiple keys found") (judge [ two ] signed.Value).Output)

            testRows
                "what ends a message at its header fails the run"
                [
                    ("TempFail", "mlfi_eoh() returned SMFIS_TEMPFAIL", 70)
                    ("Reject", "mlfi_eoh() returned SMFIS_REJECT", 70)
                    ("Discard", "mlfi_eoh() returned SMFIS_DISCARD", 70)
                    ("Accept", "mlfi_eoh() returned SMFIS_ACCEPT", 0)
                ]
                (fun (name: string, trace: string, exitCode: int) ->
                    let limited (policy: FilterPolicy) =
                        { policy with
                            HeaderLimits =
                                { policy.HeaderLimits with
                                    Octets = 20<octet>
                                }
                            Actions = DispositionCodecs.everyAction (Expect.ok (DispositionCodecs.action.Parse name))
                        }

                    let run = runWith' limited verifying [] plain
                    Expect.equal exitCode run.ExitCode

                    Expect.isTrue
                        (run.Errors.StartsWith "dkim-filter: m.eml: mode v: everything is verified")
                        run.Errors

                    Expect.contains ("\ndkim-filter: m.eml: " + trace + "\n") run.Errors
                    Expect.contains "too much header data\n" run.Errors)

            testCase "a signature that is not made is told with its reason" (fun () ->
                let signing = runWith' id { Signs = true; Verifies = false } []

                Expect.contains
                    "m.eml: no signature added: DEBUG-i: no sender header found; accepting"
                    (signing "To: x\n\nbody\n").Output

                Expect.equal
                    "dkim-filter: m.eml: no action\n"
                    (signing (plain.Replace("@example.com", "@other.example"))).Output

                Expect.contains "\nDKIM-Signature: " (signing plain).Output)
        ]
