/// The tests are started by their runner; started by itself, the assembly hunts (`./fuzz`).
module Dkim.Standards.Program

[<EntryPoint>]
let main arguments =
    Fuzzing.Hunt.run (List.ofArray arguments)
