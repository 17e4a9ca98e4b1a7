/// Files that the core wants to know, and what a host finds in their place.
namespace Dkim.Core.Asking

open System
open Dkim.Core.Words

/// What a file is for: the host checks owner and mode of those that hold secrets.
type FileKind =
    | Configuration = 0
    | Map = 1
    | PrivateKey = 2
    | Passphrase = 3
    /// One of many that a list names: a plain file, since nobody has looked whether it is one.
    | Listed = 4
    /// A data set, which may be far larger than a file of settings.
    | Table = 5

/// A file that a host is asked to read.
[<Struct>]
type WantedFile = { Path: string; Kind: FileKind }

/// A file as the host found it.
[<Struct>]
type FileContents =
    {
        Octets: ReadOnlyMemory<byte>
        Problem: string voption
    }

    static member Found(octets: ReadOnlyMemory<byte>) =
        { Octets = octets; Problem = ValueNone }

    /// `reason` in a few words, without the path: `file not found`, `permission denied`.
    static member Unreadable(reason: string) =
        {
            Octets = ReadOnlyMemory.Empty
            Problem = ValueSome reason
        }

module FileContents =
    /// The reason of a file that is not there.
    [<Literal>]
    let NotFound = "file not found"

    /// The reason of a file that may not be read.
    [<Literal>]
    let Forbidden = "permission denied"

    /// The reason of what is there and is no file.
    [<Literal>]
    let NotPlain = "not a plain file"

    /// The largest settings file or map that is read, in octets.
    [<Literal>]
    let Limit = 16777216

    /// The largest data set that is read, in octets.
    [<Literal>]
    let TableLimit = 536870912

    /// The largest key or passphrase file that is read, in octets.
    [<Literal>]
    let SecretLimit = 1048576

    /// The largest message that is read from a file, in octets.
    [<Literal>]
    let MessageLimit = 536870912

    /// The text of a file: UTF-8, or Latin-1 where it is not well formed.
    let internal text (contents: FileContents) : Result<string, string> =
        match contents.Problem with
        | ValueSome reason -> Error reason
        | ValueNone when contents.Octets.Length > Limit -> Error "larger than 16 MiB"
        | ValueNone ->
            match Octets.tryUtf8 contents.Octets.Span with
            | ValueSome text -> Ok(text.TrimStart '\uFEFF')
            | ValueNone -> Ok(Octets.latin1 contents.Octets.Span)

    /// The lines of a text, without their ends.
    let internal lines (text: string) =
        text.Split '\n' |> Array.map (fun line -> line.TrimEnd '\r')
