/// Files that settings name. The core says which it wants; the host reads them.
namespace Dkim.Core.Programs.Settings

open System
open System.Collections.Generic
open Dkim.Core.Words

/// What a file is for: the host checks owner and mode of those that hold secrets.
type FileKind =
    | Configuration = 0
    | Map = 1
    | PrivateKey = 2
    | Passphrase = 3
    /// One of many that a list names: a plain file, since nobody has looked whether it is one.
    | Listed = 4

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

/// How a file that a reload could not read compares with what was read of it before.
type SecretChange =
    /// It is the same file, as far as the file system tells.
    | Same = 0
    /// Another file, other content, or gone.
    | Changed = 1
    /// This user cannot even look at it.
    | Hidden = 2

/// A file that holds a secret and whose earlier content had to do, since a reload could not read it.
[<Struct>]
type KeptSecret =
    {
        Path: string
        /// Why it could not be read.
        Reason: string
        Change: SecretChange
    }

module internal KeptSecret =
    /// That it could not be read.
    let unread (kept: KeptSecret) =
        kept.Path + " cannot be read again (" + kept.Reason + ")"

    /// Why a reload must not go on with what was read of it before; nothing where the file is the same for all that is
    /// known.
    let refusal (kept: KeptSecret) : string option =
        match kept.Change with
        | SecretChange.Changed -> Some(unread kept + " and has changed: let this user read it, or restart")
        | _ -> None

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

    /// A file among those that a host supplied.
    let internal find (files: IReadOnlyDictionary<WantedFile, FileContents>) (file: WantedFile) =
        match files.TryGetValue file with
        | true, contents -> ValueSome contents
        | false, _ -> ValueNone

    /// The lines of a text, without their ends.
    let internal lines (text: string) =
        text.Split '\n' |> Array.map (fun line -> line.TrimEnd '\r')

/// Something made from files, or the files that it still wants.
type internal Loading<'a> =
    | Wanting of WantedFile list
    | Loaded of 'a

module internal Loading =
    let map (f: 'a -> 'b) (loading: Loading<'a>) : Loading<'b> =
        match loading with
        | Wanting files -> Wanting files
        | Loaded value -> Loaded(f value)

    let bind (f: 'a -> Loading<'b>) (loading: Loading<'a>) : Loading<'b> =
        match loading with
        | Wanting files -> Wanting files
        | Loaded value -> f value

    /// Both, or everything that either wants.
    let zip (one: Loading<'a>) (other: Loading<'b>) : Loading<struct ('a * 'b)> =
        match one, other with
        | Loaded a, Loaded b -> Loaded(struct (a, b))
        | Wanting files, Wanting more -> Wanting(files @ more)
        | Wanting files, Loaded _
        | Loaded _, Wanting files -> Wanting files
