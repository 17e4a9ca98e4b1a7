/// `--version` of every program, and the text that it makes of a build and its machine.
module Dkim.Tests.Core.VersionTests

open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Qmail
open Dkim.Tests.Core

let private facts: BuildFacts = ToolRuns.build

let private isVersioned (ended: Starts.Ended<'program>) =
    match ended with
    | Starts.Versioned -> ()
    | Starts.Printed _
    | Starts.Failed _
    | Starts.Serving _
    | Starts.Testing _ -> failtest "should have told which build it is"

[<Tests>]
let tests =
    testList
        "VersionTests"
        [
            testCase "a line for each fact" (fun () ->
                Expect.equal
                    "dkim 1.2.3\ncommit 0123abcd\nruntime .NET 10.0.12, native code\nOpenSSL 3.0.19\n"
                    (BuildFacts.describe "dkim" facts))

            testCase "what is not known is said" (fun () ->
                Expect.equal
                    "dkim 1.2.3\ncommit unknown (not built from a checkout)\nruntime .NET 10.0.12\nOpenSSL not found\n"
                    (BuildFacts.describe
                        "dkim"
                        { facts with
                            Stamp = "1.2.3"
                            IsNative = false
                            OpenSsl = ValueNone
                        }))

            testRows
                "numbers of OpenSSL are versions"
                [
                    0x30000130L, "3.0.19"
                    0x30500020L, "3.5.2"
                    0x40000000L, "4.0.0"
                    0x1010117fL, "1.1.1w"
                    0x1010100fL, "1.1.1"
                    0x1000208fL, "1.0.2h"
                ]
                (fun (number, version) -> Expect.equal version (BuildFacts.openSsl number))

            testCase "the proxies tell it, whatever else is wrong" (fun () ->
                for arguments in [ [ "--version" ]; [ "--conf_file=/gone"; "--version" ] ] do
                    isVersioned (ProxyRuns.startOut [] arguments)
                    isVersioned (ProxyRuns.startIn [] arguments))

            testCase "the milters tell it by the word alone" (fun () ->
                isVersioned (FilterRuns.startDkim [] [ "--version" ])
                isVersioned (FilterRuns.startDk [] [ "--version" ])
                let usage, code = Starts.failed (FilterRuns.startDkim [] [ "--verson" ])
                Expect.equal 64 code
                Expect.contains "--version" usage)

            testCase "the milters have letters, and no other word" (fun () ->
                let words (table: Setting<'s> list) =
                    [
                        for row in table do
                            for spelling in row.Spellings do
                                match spelling with
                                | Spelling.Word name -> name
                                | Spelling.Letter _
                                | Spelling.Key _
                                | Spelling.Variable _ -> ()
                    ]

                Expect.equal [ "version" ] (words DkimFilterTable.table)
                Expect.equal [ "version" ] (words DkFilterTable.table))

            testCase "the tools tell it under each name" (fun () ->
                for name, arguments in
                    [
                        "dkim", [ "--version" ]
                        "dkim", [ "-V" ]
                        "dkim-genkey", [ "--version" ]
                        "dkim-genkey", [ "-V" ]
                        "opendkim-genkey", [ "-V" ]
                        "opendkim-testkey", [ "--version" ]
                        "opendkim-genzone", [ "--version" ]
                        "dkim-testkey", [ "--version" ]
                        "dknewkey", [ "--version" ]
                    ] do
                    let ran = ToolRuns.runOn (ToolRuns.Machine([], ToolRuns.nothing)) name arguments

                    Expect.equal (0, BuildFacts.describe name facts, "") (ran.Code, ran.Output, ran.Errors)

                let ran = ToolRuns.dkim [] [ "sign"; "--version" ]
                Expect.equal (0, BuildFacts.describe "dkim" facts) (ran.Code, ran.Output))

            testCase "qmail-dk tells it for that one argument" (fun () ->
                Expect.isTrue (QmailDk.asksForVersion [| "--version" |]) "alone"
                Expect.isTrue (not (QmailDk.asksForVersion [||])) "a message"
                Expect.isTrue (not (QmailDk.asksForVersion [| "x"; "--version" |])) "others' arguments")
        ]
