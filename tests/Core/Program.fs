/// The tests as a program: `./test core [NAME]`.
module Dkim.Tests.Core.Program

open Dkim.Tests

[<EntryPoint>]
let main arguments = Suite.run "core" arguments
