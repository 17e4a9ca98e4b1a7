/// Files of the tree that are made from the sources: compared with what is made, or written anew where DKIM_UPDATE=1, which
/// tools/update sets.
module Dkim.Tests.Made

open System
open System.IO

/// Whether files are written anew.
let writes: bool = Environment.GetEnvironmentVariable "DKIM_UPDATE" = "1"

/// Writes a file where files are written anew, and says whether it is what is made.
let check (path: string) (text: string) =
    if writes then
        Directory.CreateDirectory(Path.GetDirectoryName path |> string) |> ignore
        File.WriteAllText(path, text)

    Expect.equal text (File.ReadAllText path)
