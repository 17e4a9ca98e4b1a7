/// The tests are started by their runner; started by itself, the assembly compares verifiers (`./differ`).
module Dkim.Messages.Program

[<EntryPoint>]
let main arguments =
    Differential.Report.run (List.ofArray arguments)
