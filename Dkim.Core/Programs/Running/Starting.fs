/// How a program starts: a dialogue about files, since the core opens none.
namespace Dkim.Core.Programs.Running

open System.Collections.Generic
open Dkim.Core.Programs.Settings

/// What a start needs to know of the machine.
type Machine =
    {
        /// The fully qualified name of the host.
        HostName: string
    }

/// A start in progress, which ends by one call of a member of `'reply`. It never changes; `Supply` makes the next.
[<Sealed>]
type Start<'reply>
    internal
    (
        load: (WantedFile -> FileContents voption) -> Loading<'reply -> unit>,
        supplied: Map<WantedFile, FileContents>,
        unsupplied: 'reply -> unit
    ) =
    let find file =
        match supplied.TryGetValue file with
        | true, contents -> ValueSome contents
        | false, _ -> ValueNone

    let state = load find

    internal new(load, unsupplied) = Start(load, Map.empty, unsupplied)

    /// The files to read and supply now. Empty: `Tell` says how the start ended.
    member _.Wanted: WantedFile list =
        match state with
        | Wanting files -> files
        | Loaded _ -> []

    /// The start with these files, whether they could be read or not.
    member _.Supply(files: IReadOnlyDictionary<WantedFile, FileContents>) : Start<'reply> =
        let add (all: Map<WantedFile, FileContents>) (pair: KeyValuePair<WantedFile, FileContents>) =
            all.Add(pair.Key, pair.Value)

        Start(load, Seq.fold add supplied files, unsupplied)

    /// To be called when nothing is wanted.
    member _.Tell(reply: 'reply) =
        match state with
        | Loaded tell -> tell reply
        | Wanting _ -> unsupplied reply

module internal Starting =
    /// What a host is told that did not bring every file.
    let unsupplied = "a file was wanted and not supplied\n"
