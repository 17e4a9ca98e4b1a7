/// The macros of an MTA through the commands of one message and the next, and the exit codes of a start that fails.
module Dkim.Tests.Core.FilterMacroTests

open System
open Expecto
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Tests

let private told (stages: (MacroStage * (string * string) list) list) : MilterMacros =
    let macros = MilterMacros()

    for stage, values in stages do
        macros.Set(stage, ReadOnlySpan(MilterMacros.text values))

    macros

[<Tests>]
let tests =
    testList
        "FilterMacroTests"
        [
            testCase "an empty value hides none that comes later" (fun () ->
                let macros =
                    told
                        [
                            MacroStage.Mail, [ "i", "" ]
                            MacroStage.EndOfHeader, [ "i", "JOB" ]
                            MacroStage.EndOfBody, [ "i", "LATER" ]
                        ]

                Expect.equal (ValueSome "JOB") (macros.Find "i")
                Expect.equal (ValueSome "") ((told [ MacroStage.Mail, [ "i", "" ] ]).Find "i")
                Expect.equal ValueNone (macros.Find "j"))

            testCase
                "what was told of a message is forgotten at every stage, and what was told at the connection stays"
                (fun () ->
                    let stages = Enum.GetValues<MacroStage>() |> List.ofArray
                    let macros = told (stages |> List.map (fun stage -> stage, [ string stage, "x" ]))
                    macros.Forget MacroStage.Mail

                    for stage in stages do
                        Expect.equal (stage < MacroStage.Mail) (macros.Find(string stage)).IsSome)

            testRows
                "a start that fails has the exit code of sysexits(3)"
                [
                    (StartupFault.Account, 65)
                    (StartupFault.Privileges, 77)
                    (StartupFault.Address, 69)
                    (StartupFault.AlreadyRunning, 69)
                    (StartupFault.PidFile, 69)
                    (StartupFault.Database, 69)
                    (StartupFault.Daemon, 71)
                    (StartupFault.Resolver, 78)
                    (StartupFault.LogFile, 78)
                    (StartupFault.Directory, 78)
                    (StartupFault.Store, 78)
                ]
                (fun (fault: StartupFault, code: int) -> Expect.equal code (SysExit.ofFault fault))
        ]
