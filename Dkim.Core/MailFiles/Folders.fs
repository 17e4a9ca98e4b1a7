/// Which files of a folder are messages or mailboxes, by their names alone: folders of single files, Maildir, MH, and what
/// mail programs put beside them.
namespace Dkim.Core.MailFiles

open System
open System.Collections.Generic

/// What lies below a folder, as paths that begin with its own.
type FolderListing =
    {
        /// Plain files, in order.
        Files: string[]
        Folders: string[]
        /// What could not be looked at, in words, each with its path.
        Problems: string[]
    }

/// What of a folder is read.
type FolderMail =
    {
        Files: string list
        /// Files of `tmp` of a Maildir, whose delivery has not ended.
        Unfinished: int
        /// Indexes and the like.
        LeftOut: int
    }

module internal Folders =
    /// Files of mail programs that are no mail: MH, Thunderbird, the Finder.
    let private isIndex (name: string) =
        name = ".mh_sequences"
        || name = ".xmhcache"
        || name = ".DS_Store"
        || name.EndsWith(".msf", StringComparison.Ordinal)

    let private split (path: string) : struct (string * string) =
        match path.LastIndexOf '/' with
        | -1 -> struct ("", path)
        | at -> struct (path.Substring(0, at), path.Substring(at + 1))

    [<Struct>]
    type private Kind =
        | Message
        | Unfinished
        | LeftOut

    // A folder is a Maildir where it has all three (https://cr.yp.to/proto/maildir.html).
    let private kindOf (folders: HashSet<string>) (path: string) : Kind =
        let isMaildir (folder: string) =
            folders.Contains(folder + "/cur")
            && folders.Contains(folder + "/new")
            && folders.Contains(folder + "/tmp")

        let struct (folder, name) = split path
        let struct (above, last) = split folder

        if last = "tmp" && isMaildir above then Unfinished
        elif isIndex name || isMaildir folder then LeftOut
        else Message

    /// What is read of a folder.
    let mailOf (listing: FolderListing) : FolderMail =
        let folders = HashSet<string> listing.Folders

        let kinds =
            listing.Files |> Array.map (fun path -> struct (path, kindOf folders path))

        let count kind =
            kinds |> Array.sumBy (fun (struct (_, found)) -> if found = kind then 1 else 0)

        {
            Files =
                kinds
                |> Array.choose (fun (struct (path, kind)) -> if kind = Message then Some path else None)
                |> List.ofArray
            Unfinished = count Unfinished
            LeftOut = count LeftOut
        }
