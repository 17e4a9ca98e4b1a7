/// Starts the proxies and the milters without a host: files are a list, and what would be printed or served is a value.
module Dkim.Tests.Starts

open System
open System.Collections.Generic
open System.Text
open Expecto
open Dkim.Tests
open Dkim.Core.Dns
open Dkim.Core.Cryptography
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Proxies.Shared
open Dkim.Core.Programs.Proxies
open Dkim.Core.Programs.Filters.Lists

/// How a start ended.
type Ended<'program> =
    | Printed of text: string * exitCode: int
    | Failed of text: string * exitCode: int
    | Serving of 'program
    /// Tells which build it is.
    | Versioned
    /// Test mode, which only the milters have.
    | Testing of 'program * file: string

/// Where a proxy listens or relays to.
let endpoint host port : Endpoint =
    {
        Family = EndpointFamily.Any
        Host = host
        Port = port
    }

let contents (text: string) =
    FileContents.Found(ReadOnlyMemory(Encoding.UTF8.GetBytes text))

/// A file among paths with their texts.
let find (files: (string * string) list) (wanted: WantedFile) : FileContents =
    match files |> List.tryFind (fun (path, _) -> path = wanted.Path) with
    | Some(_, text) -> contents text
    | None -> FileContents.Unreadable FileContents.NotFound

/// Runs a start to its end. `tell` hands the end to a reply that makes one call of the function it is made of.
let runWith
    (readKey: KeyPlace -> KeyReading)
    (ask: StoreQuestion -> StoreAnswer)
    (tell: 'outcome -> (Ended<'program> -> unit) -> unit)
    (files: (string * string) list)
    (start: Step<'outcome>)
    : Ended<'program> =
    let ends = List<Ended<'program>>()
    tell (Finding.settleWith readKey ask (find files) start) ends.Add
    Expect.about "a start ends once" (fun () -> Expect.equal 1 ends.Count)
    ends[0]

let private proxyReply (tell: Ended<ProxyProgram> -> unit) : IProxyStart =
    { new IProxyStart with
        member _.Print(text, exitCode) = tell (Printed(text, exitCode))
        member _.Fail(text, exitCode, _) = tell (Failed(text, exitCode))
        member _.Version() = tell Versioned
        member _.Serve program = tell (Serving program)

        member _.Check check =
            tell (Printed(check.Report([], []), check.ExitCode 0))
    }

/// Runs a start of a proxy to its end.
let runProxy files (start: Step<ProxyOutcome>) : Ended<ProxyProgram> =
    runWith
        Finding.noKey
        Finding.noStore
        (fun (outcome: ProxyOutcome) tell -> outcome.Tell(proxyReply tell))
        files
        start

let serving ended =
    match ended with
    | Serving program -> program
    | Printed(text, _)
    | Failed(text, _) -> failtest text
    | Versioned
    | Testing _ -> failtest "should have served"

let failed ended =
    match ended with
    | Failed(text, exitCode) -> text, exitCode
    | Printed _
    | Versioned
    | Testing _
    | Serving _ -> failtest "should have failed"

let printed ended =
    match ended with
    | Printed(text, exitCode) -> text, exitCode
    | Failed(text, _) -> failtest text
    | Versioned
    | Testing _
    | Serving _ -> failtest "should have printed"
