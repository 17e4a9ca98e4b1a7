namespace Dkim.Bench

open System
open System.Security.Cryptography
open BenchmarkDotNet.Attributes
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings

/// Canonicalization with its SHA-256 beside SHA-256 alone: the ratio is what a canonical form costs.
[<MemoryDiagnoser>]
type BodyBench() =
    let mutable body: byte[] = [||]

    let hash (canon: BodyCanon) =
        use hasher =
            new BodyHasher(
                [
                    {
                        Hash = Sha256
                        Canon = canon
                        Limit = ValueNone
                        Prefix = ReadOnlyMemory.Empty
                    }
                ]
            )

        for start in 0 .. Samples.Piece .. body.Length - 1 do
            hasher.Feed(ReadOnlySpan(body, start, min Samples.Piece (body.Length - start)))

        hasher.Finish()

    [<Params("base64", "text", "html", "blank lines", "blanks")>]
    member val Body = "" with get, set

    [<GlobalSetup>]
    member this.Setup() = body <- Samples.bodies[this.Body]

    [<Benchmark(Baseline = true)>]
    member _.Sha256() = SHA256.HashData body

    [<Benchmark>]
    member _.Simple() = hash SimpleBody

    [<Benchmark>]
    member _.Relaxed() = hash RelaxedBody

    [<Benchmark>]
    member _.Nofws() = hash NofwsBody
