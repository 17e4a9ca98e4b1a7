/// Starts the milters without a host, and the keys that their tests give them.
module Dkim.Tests.Core.FilterRuns

open System
open System.IO
open Dkim.Core.Dns
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters
open Dkim.Tests
open Dkim.Tests.Starts

/// dkim-filter, as far as its settings go.
let internal kind = FilterKind.dkimFilter

let machine name : FilterMachine =
    {
        ProgramName = name
        HostName = "mx.example.org"
        UserName = "root"
        HasSocket = false
    }

let private startWith (readKey: KeyPlace -> KeyReading) ask files (start: Step<FilterOutcome>) : Ended<FilterProgram> =
    let reply (outcome: FilterOutcome) tell =
        outcome.Tell
            { new IFilterStart with
                member _.Print(text, exitCode) = tell (Printed(text, exitCode))
                member _.Fail(text, exitCode) = tell (Failed(text, exitCode))
                member _.Version() = tell Versioned
                member _.Serve program = tell (Serving program)
                member _.Test(program, file) = tell (Testing(program, file))

                member _.Check check =
                    tell (Printed(String.Join('\n', check.Problems), check.ExitCode))
            }

    runWith readKey ask reply files start

let private start files =
    startWith Finding.noKey Finding.noStore files

let startDkim files arguments =
    start files (Filters.Dkim (Array.ofList arguments) (machine "dkim-filter"))

let startDk files arguments =
    start files (Filters.Dk (Array.ofList arguments) (machine "dk-filter"))

/// The start of opendkim, with the keys that its tables name.
let startOpenDkim (readKey: KeyPlace -> KeyReading) files arguments =
    startWith readKey Finding.noStore files (Filters.OpenDkim (Array.ofList arguments) (machine "opendkim"))

/// The same with stores that answer.
let startOpenDkimAsking (ask: StoreQuestion -> StoreAnswer) files arguments =
    startWith Finding.noKey ask files (Filters.OpenDkim (Array.ofList arguments) (machine "opendkim"))

/// The start of a filter whose socket systemd has opened.
let startActivated files arguments =
    let machine =
        { machine "dkim-filter" with
            HasSocket = true
        }

    start files (Filters.Dkim (Array.ofList arguments) machine)

/// dkim-filter with these lines as its file.
let startConf files (lines: string list) =
    startDkim (("conf", String.Join('\n', lines)) :: files) [ "-x"; "conf" ]

/// The program again, as after SIGHUP.
let again files (program: FilterProgram) =
    start files (ValueOption.get (program.Again()))

let key name =
    File.ReadAllText(Path.Combine(__SOURCE_DIRECTORY__, "..", "..", "Messages", "keys", name))

/// An RSA key, an Ed25519 key, and a list of both.
let keys =
    [
        "/keys/mail.private", key "rsa2048.pem"
        "/keys/ed", key "ed25519.pem"
        "/keys/other.pem", key "rsa1024.pem"
    ]

let signing =
    [
        "-p"
        "local:/s"
        "-d"
        "example.com"
        "-s"
        "mail"
        "-k"
        "/keys/mail.private"
    ]
