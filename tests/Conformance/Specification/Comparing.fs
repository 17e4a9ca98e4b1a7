/// Runs the product on what its model runs on, and tells where they differ.
module Dkim.Tests.Conformance.Specification.Comparing

open System
open System.Buffers
open Expecto
open FsCheck.FSharp
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Records
open Dkim.Core.Canonicalization
open Dkim.Core.Programs.Settings
open Dkim.Tests.Conformance.Abnf

/// Text as octets.
let memory (text: string) = ReadOnlyMemory(Octets.ofLatin1 text)

/// Where the product writes octets, as text.
[<Sealed>]
type Sink() =
    let octets = ArrayBufferWriter<byte> 64
    member _.Text = Octets.latin1 octets.WrittenSpan
    member _.Clear() = octets.ResetWrittenCount()

    interface IOctetSink with
        member _.Write piece = octets.Write piece

/// Fails, with the text, what the model makes of it, and what the product does.
let differ (what: string) (text: string) (model: string) (product: string) =
    failtest (
        what
        + " of "
        + Shrinking.show text
        + "\n  the sentences: "
        + Shrinking.show model
        + "\n  the product:   "
        + Shrinking.show product
    )

/// Writes how many texts were compared.
let tell (what: string) (count: int) =
    Console.Out.WriteLine(what + ": " + string count)

/// Octets as mail has them, in a mixture where line ends and white space meet often.
let mailText (pieces: string list) =
    Gen.elements pieces
    |> Gen.listOf
    |> Gen.map (String.concat "")
    |> Gen.resize 200

/// The seed of a run that failed, as its message tells it: DKIM_REPLAY=SEED,GAMMA.
let replay () =
    match Environment.GetEnvironmentVariable "DKIM_REPLAY" with
    | null
    | "" -> None
    | text ->
        let numbers = text.Split ',' |> Array.map uint64

        Some
            {
                FsCheck.Replay.Rnd = FsCheck.Rnd(numbers[0], numbers[1])
                FsCheck.Replay.Size = None
            }

let atRandom (count: int) (gen: FsCheck.Gen<'a>) (check: 'a -> unit) =
    let property = Prop.forAll (Arb.fromGen gen) (fun value -> check value)
    let config = FsCheck.Config.QuickThrowOnFailure.WithMaxTest count
    FsCheck.Check.One(config.WithReplay(replay ()), property)

let fieldForms =
    [
        SimpleHeader, Canonical.simpleField
        RelaxedHeader, Canonical.relaxedField
        NofwsHeader, Canonical.nofwsField
    ]

/// What can be a field: a name, a colon, and line ends only where white space follows.
let isField (text: string) =
    let name = Signed.nameOf text

    name <> ""
    && String.forall (fun c -> c > ' ' && c <> ':') name
    && not (text.EndsWith("\r\n", StringComparison.Ordinal))
    && (text.Split "\r\n"
        |> Array.skip 1
        |> Array.forall (fun line -> line.StartsWith ' ' || line.StartsWith '\t'))

let known name =
    FieldName.tryCreate name |> ValueOption.get
