/// One target of tools/fuzz under afl-fuzz, which gives it inputs and sees by the instrumented assemblies where each goes.
module Dkim.Tests.Afl.Program

open System
open System.IO
open System.Runtime.InteropServices
open Microsoft.FSharp.NativeInterop
open SharpFuzz
open SharpFuzz.Common
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Fuzzing

/// As much as afl-fuzz has for its counts.
let private counts = 65536un

let private read (stream: Stream) : string =
    use octets = new MemoryStream()
    stream.CopyTo octets
    Octets.latin1 (ReadOnlySpan(octets.GetBuffer(), 0, int octets.Length))

/// Every input of a folder, so that what is made once in a process is made before afl-fuzz counts: else the same input takes
/// another way the second time.
let private warm (target: Readers.Target) (folder: string) =
    for file in Directory.GetFiles folder do
        Hunt.tryBreakBy Hunt.processorClock target (Octets.latin1 (ReadOnlySpan(File.ReadAllBytes file)))
        |> ignore

/// TARGET and a folder of its inputs. The target is looked up late, since nothing instrumented may run before there is
/// memory for its counts; until afl-fuzz brings some, that is ours.
[<EntryPoint>]
let main arguments =
    Trace.SharedMem <- NativePtr.ofVoidPtr (NativeMemory.AllocZeroed(unativeint counts))
    let target = Hunt.targets |> List.find (fun target -> target.Name = arguments[0])
    warm target arguments[1]

    Fuzzer.Run(
        Action<Stream>(fun stream ->
            // What reaches no instrumented code would look like a program without any, and end afl-fuzz.
            NativePtr.set Trace.SharedMem 0 1uy

            match Hunt.tryBreakBy Hunt.processorClock target (read stream) with
            | ValueSome problem -> failwith problem
            | ValueNone -> ())
    )

    0
