/// Starts the milters without a host: files are a list, and what would be printed or served is a value.
module Dkim.Conformance.FilterRuns

open System
open System.Collections.Generic
open System.IO
open NUnit.Framework
open Dkim.Core

type Ended =
    | Printed of text: string * exitCode: int
    | Failed of text: string * exitCode: int
    | Serving of FilterProgram
    | Testing of FilterProgram * file: string

let machine name : FilterMachine =
    {
        ProgramName = name
        HostName = "mx.example.org"
        UserName = "root"
        HasPopLogin = Func<_, _>(fun address -> address.ToString() = "192.0.2.77")
        MayReport = Func<_>(fun () -> true)
    }

let private ended (start: Start<IFilterStart>) =
    let mutable outcome = ValueNone

    let tell value =
        Assert.That(outcome.IsNone, "a start ends once")
        outcome <- ValueSome value

    start.Tell
        { new IFilterStart with
            member _.Print(text, exitCode) = tell (Printed(text, exitCode))
            member _.Fail(text, exitCode) = tell (Failed(text, exitCode))
            member _.Serve program = tell (Serving program)
            member _.Test(program, file) = tell (Testing(program, file))
        }

    outcome.Value

let private supply (files: (string * string) list) (wanted: WantedFile) =
    match files |> List.tryFind (fun (path, _) -> path = wanted.Path) with
    | Some(_, text) -> ProxyRuns.contents text
    | None -> FileContents.Unreadable "file not found"

let rec private load files (start: Start<IFilterStart>) (rounds: int) =
    if start.Wanted.IsEmpty then
        ended start
    else
        Assert.That(rounds, Is.LessThan 10, "a start ends")
        let found = Dictionary<WantedFile, FileContents>()

        for wanted in start.Wanted do
            found[wanted] <- supply files wanted

        load files (start.Supply found) (rounds + 1)

let startDkim files arguments =
    load files (Filters.Dkim (Array.ofList arguments) (machine "dkim-filter")) 0

let startDk files arguments =
    load files (Filters.Dk (Array.ofList arguments) (machine "dk-filter")) 0

/// dkim-filter with these lines as its file.
let startConf files (lines: string list) =
    startDkim (("conf", String.Join('\n', lines)) :: files) [ "-x"; "conf" ]

/// The program again, as after SIGHUP.
let again files (program: FilterProgram) =
    load files (ValueOption.get (program.Again())) 0

let serving ended =
    match ended with
    | Serving program -> program
    | Printed(text, _)
    | Failed(text, _) ->
        Assert.Fail text
        Unchecked.defaultof<_>
    | Testing _ ->
        Assert.Fail "should have served"
        Unchecked.defaultof<_>

let failed ended =
    match ended with
    | Failed(text, exitCode) -> text, exitCode
    | Printed _
    | Testing _
    | Serving _ ->
        Assert.Fail "should have failed"
        Unchecked.defaultof<_>

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
