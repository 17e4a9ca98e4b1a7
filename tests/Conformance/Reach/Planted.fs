/// A small program with two functions that it never calls, for the tests of `Reach`.
module Dkim.Tests.Conformance.Planted

open System.Runtime.CompilerServices

type Step =
    abstract Take: int -> int

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byCall (number: int) = number + 1

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byClosure (number: int) = number + 2

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byInterface (number: int) = number + 3

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byGeneric (number: int) = number + 4

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byTable (number: int) = number + 5

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byTask (number: int) = number + 6

[<MethodImpl(MethodImplOptions.NoInlining)>]
let byNobody (number: int) = number + 7

/// Calls what is reached, and is not.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let byNobodyEither (numbers: int list) =
    numbers |> List.map (fun number -> byNobody (byCall number))

type private Through() =
    interface Step with
        member _.Take number = byInterface number

type private Twice<'value>(step: 'value -> 'value) =
    [<MethodImpl(MethodImplOptions.NoInlining)>]
    member _.Take(value: 'value) = step (step value)

let private table: (string * (int -> int)) list =
    [ "table", (fun number -> byTable number) ]

let private awaited (number: int) =
    task {
        do! System.Threading.Tasks.Task.Yield()
        return byTask number
    }

[<MethodImpl(MethodImplOptions.NoInlining)>]
let start (numbers: int list) : int list =
    let through: Step = Through()
    let twice = Twice(fun number -> byGeneric number)
    let rows = table |> List.map (fun (_, step) -> step (byCall 0))

    numbers
    |> List.map (fun number -> byClosure number |> through.Take |> twice.Take)
    |> List.append rows
    |> List.append [ (awaited 1).Result ]
