/// The tests as a program, and the comparison of verifiers: `Messages differ ...` is `tools/differ ...`.
module Dkim.Tests.Messages.Program

open Dkim.Tests

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | "differ" :: rest -> Differential.Report.run rest
    | _ -> Suite.run "messages" arguments
