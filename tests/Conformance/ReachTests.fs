/// What the programs do not reach is not there. A function that tests alone call proves nothing of a program, whatever the
/// requirements in their names.
module Dkim.Tests.Conformance.ReachTests

open System.IO
open System.Reflection
open Expecto
open Dkim.Tests
open Dkim.Tests.Conformance.Mentions

/// What is there for others than the programs, and why.
let private others =
    [
        "what man/ and packaging/conf are made with, from the settings of the programs",
        [
            "Dkim.Core.Programs.Settings.Manual", [ "page"; "sample"; "keys"; "options" ]
            "Dkim.Core.Programs.Filters.ProgramTexts", [ "get_dkimFilter"; "get_dkimFilterConf"; "get_dkFilter" ]
            "Dkim.Core.Programs.Filters.OpenDkim.Texts", [ "get_openDkim"; "get_openDkimConf" ]
            "Dkim.Core.Programs.Qmail.QmailSettingsModule", [ "get_text" ]
            "Dkim.Core.Programs.Tool.Running.CommandList", [ "get_all" ]
            "Dkim.Core.Programs.Tool.KeyTools.Dknewkey", [ "get_text" ]
        ]

        "what a test of limits looks at, while nothing goes wrong",
        [
            "Dkim.Hosting.Files.Spool", [ "get_OnDisk" ]
            "Dkim.Hosting.Logging.Log", [ "get_Dropped" ]
        ]
    ]
    |> List.collect snd
    |> List.collect (fun (type', names) -> names |> List.map (fun name -> { Type = type'; Name = name }))

let private plain = Path.Combine(Ledger.root, "out", "plain", "Dkim.Core.dll")

// The compiler puts short functions where they are called; a core that was built without that shows every call.
let private core () : Contents =
    let sources =
        Directory.GetFiles(Path.Combine(Ledger.root, "Dkim.Core"), "*.fs*", SearchOption.AllDirectories)
        |> Array.filter (fun path -> not (path.Contains "/obj/" || path.Contains "/bin/"))

    let newest = sources |> Array.map File.GetLastWriteTimeUtc |> Array.max

    if not (File.Exists plain) || File.GetLastWriteTimeUtc plain < newest then
        failtest (
            plain
            + " is not there or older than the sources of the core: run ./test conformance"
        )

    read plain

let private hosts () : Contents list =
    [
        "ProxyHost", "dkimproxy"
        "MilterHost", "dkim-filter"
        "QmailHost", "qmail-dk"
        "TableHost", "dkim-tables"
        "ToolHost", "dkim"
        "Hosting", "Dkim.Hosting"
    ]
    |> List.map (fun (folder, name) ->
        read (Path.Combine(Ledger.root, "hosts", folder, "bin", "Release", "net10.0", name + ".dll")))

let private written (members: Member list) =
    members |> List.map (fun found -> found.Type + "." + found.Name) |> List.sort

let private programs = lazy (core () :: hosts ())

let private entries (assemblies: Contents list) =
    assemblies |> List.choose (_.EntryPoint >> ValueOption.toOption)

[<Tests>]
let tests =
    testList
        "ReachTests"
        [
            testCase "what is called by no step of a planted program is found, and nothing else" (fun () ->
                let own = read (Assembly.GetExecutingAssembly().Location)
                let here = "Dkim.Tests.Conformance.Planted"

                let planted =
                    { own with
                        Codes = own.Codes |> List.filter (fun code -> code.Member.Type.StartsWith here)
                    }

                Expect.notEmpty (Planted.start [ 1 ])

                let reached = Reach.from [ own ] [ { Type = here; Name = "start" } ]

                Reach.unreached reached [ planted ]
                |> written
                |> Expect.equal [ here + ".byNobody"; here + ".byNobodyEither" ])

            testCase "a program reaches every function of the core and of the hosts" (fun () ->
                let assemblies = programs.Value
                Expect.equal 5 (entries assemblies).Length
                let reached = Reach.from assemblies (entries assemblies @ others)
                Expect.empty (written (Reach.unreached reached assemblies)))

            testCase "what is there for others is there, and no program reaches it" (fun () ->
                let assemblies = programs.Value
                let reached = Reach.from assemblies (entries assemblies)

                Reach.unreached reached assemblies
                |> List.filter (fun found -> List.contains found others)
                |> written
                |> Expect.equal (written others))
        ]
