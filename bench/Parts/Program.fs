/// Measures parts of the core: `bench/parts --filter '*Body*'`. The tables end in ratios; compare those.
module Dkim.Bench.Program

open BenchmarkDotNet.Configs
open BenchmarkDotNet.Jobs
open BenchmarkDotNet.Running
open BenchmarkDotNet.Toolchains.InProcess.Emit

[<EntryPoint>]
let main arguments =
    // In this process: a build of its own for every run would need the package registry.
    let job = Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)
    let config = ManualConfig.Create(DefaultConfig.Instance).AddJob(job)
    let types = [| typeof<BodyBench>; typeof<SignatureBench> |]
    BenchmarkSwitcher(types).Run(arguments, config) |> ignore
    0
