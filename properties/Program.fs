/// The laws as a program: `properties [NAME] [--seed SEED]`.
module Dkim.Properties.Program

open Dkim.Tests

[<EntryPoint>]
let main arguments = Suite.run "properties" arguments
