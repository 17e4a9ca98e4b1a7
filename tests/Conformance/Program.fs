/// The tests as a program, and the hunt for inputs that break a law: `Conformance hunt ...` is `tools/fuzz ...`.
module Dkim.Tests.Conformance.Program

open Dkim.Tests

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | "hunt" :: rest -> Fuzzing.Hunt.run rest
    | _ -> Suite.run "conformance" arguments
