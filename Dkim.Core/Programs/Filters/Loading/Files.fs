/// The files that the settings of a milter name: lists of hosts and domains, practices, keys.
namespace Dkim.Core.Programs.Filters.Loading

open Reading
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings

module internal Files =
    let private unreadableList paths setting path reason =
        let remedy =
            if PeerList.isEntry path then
                "it names a file of entries, one on each line: write "
                + path
                + " into a file and its path here"
            else
                "it names a file of entries, one on each line"

        { unreadable paths setting path reason with
            Remedy =
                if reason = FileContents.NotFound then
                    remedy
                else
                    readable paths path reason
        }

    let private peersOfFile paths setting path otherwise : Step<Reading<PeerList>> =
        textOf paths path
        |> Step.map (fun text ->
            match text with
            | Error reason -> failed otherwise (unreadableList paths setting path reason)
            | Ok text ->
                let struct (list, problems) = PeerList.parse path text

                { plain list with BadLines = problems })

    let private peersOfTable (table: Table) : Reading<PeerList> =
        let set = HostSet.ofTable table

        { plain (PeerList.ofSet set) with
            Notices = HostSet.doubts set
        }

    let private peers paths setting (value: string voption) otherwise : Step<Reading<PeerList>> =
        match value with
        | ValueNone -> Done(plain otherwise)
        | ValueSome text ->
            match SetFiles.tryNamed paths setting text with
            | ValueSome set ->
                set
                |> Step.map (fun reading -> Reading.join (fun _ list -> list) reading (peersOfTable reading.Value))
            | ValueNone -> peersOfFile paths setting text otherwise

    /// A list between commas, or of the lines of the file that a path names.
    let private domains paths name (setting: string voption) : Step<Reading<DomainList voption>> =
        let inline' (text: string) =
            plain (ValueSome(DomainList.ofEntries (Pattern.items text)))

        let ofFile path text =
            let struct (list, problems) = DomainList.parse path text

            { plain (ValueSome list) with
                BadLines = problems
            }

        match setting with
        | ValueNone -> Done(plain ValueNone)
        | ValueSome text when not (text.StartsWith '/') -> Done(inline' text)
        | ValueSome path ->
            textOf paths path
            |> Step.map (fun text ->
                match text with
                | Ok text -> ofFile path text
                | Error reason -> failed ValueNone (unreadable paths name path reason))

    let private practices paths (path: string voption) : Step<Reading<LocalAdsp>> =
        match path with
        | ValueNone -> Done(plain LocalAdsp.empty)
        | ValueSome path ->
            textOf paths path
            |> Step.map (fun text ->
                match text with
                | Error reason -> failed LocalAdsp.empty (unreadable paths "LocalADSP" path reason)
                | Ok text ->
                    let struct (list, problems) = LocalAdsp.parse path text
                    { plain list with Problems = problems })

    /// The files with one more part.
    let private fill
        (part: Step<Reading<'v>>)
        (put: 'v -> LoadedLists -> LoadedLists)
        (files: Step<Reading<LoadedLists>>)
        : Step<Reading<LoadedLists>> =
        Step.both files part
        |> Step.map (fun (struct (files, part)) ->
            {
                Value = put part.Value files.Value
                Problems = files.Problems @ part.Problems
                BadLines = files.BadLines @ part.BadLines
                Unusable = files.Unusable @ part.Unusable
                Notices = files.Notices @ part.Notices
            })

    /// Everything from the files, keys only where they are to sign.
    let load (signs: bool) (paths: ListPaths) : Step<Reading<LoadedLists>> =
        let signingKeys =
            if signs then
                domains paths "Domain" paths.Names.Domain
                |> Step.bind (fun list -> KeyFiles.load paths list.Value)
            else
                Done(plain KeyFiles.noKeys)

        let hosts setting path otherwise = peers paths setting path otherwise

        Done(plain LoadedLists.none)
        |> fill (hosts "PeerList" paths.Names.PeerList PeerList.empty) (fun v files -> { files with Peers = v })
        |> fill (hosts "InternalHosts" paths.Names.InternalHosts PeerList.loopback) (fun v files ->
            { files with Internal = v })
        |> fill (hosts "ExternalIgnoreList" paths.Names.ExternalIgnoreList PeerList.empty) (fun v files ->
            { files with ExternalIgnored = v })
        |> fill (domains paths "Domain" paths.Names.Domain) (fun v files -> { files with Domains = v })
        |> fill (domains paths "TrustSignaturesFrom" paths.Names.TrustSignaturesFrom) (fun v files ->
            { files with Trusted = v })
        |> fill (practices paths paths.Names.LocalAdsp) (fun v files -> { files with LocalAdsp = v })
        |> fill signingKeys (fun v files ->
            { files with
                Keys = v.Keys
                Rules = v.Rules
            })

    // The settings whose lists may be data sets.
    let private sets (signs: bool) (names: ListNames) : (string * string) list =
        [
            "PeerList", names.PeerList
            "InternalHosts", names.InternalHosts
            "ExternalIgnoreList", names.ExternalIgnoreList
            "KeyList", (if signs then names.KeyList else ValueNone)
        ]
        |> List.choose (fun (name, value) -> value |> ValueOption.map (fun text -> name, text) |> ValueOption.toOption)

    /// The files of lists that are data sets, by the settings that name them.
    let tables (signs: bool) (paths: ListPaths) : (string * WantedFile) list =
        sets signs paths.Names
        |> List.choose (fun (name, text) ->
            SetFiles.fileOf paths text
            |> ValueOption.map (fun file -> name, file)
            |> ValueOption.toOption)

    /// The data sets of some of these files as they are now: those that cannot be read, and the others.
    let again (signs: bool) (paths: ListPaths) (changed: WantedFile list) =
        let read (name, text) =
            match SetFiles.fileOf paths text, SetFiles.tryNamed paths name text with
            | ValueSome file, ValueSome set when List.contains file changed ->
                set |> Step.map (fun reading -> name, reading) |> Some
            | _ -> None

        sets signs paths.Names
        |> List.choose read
        |> Step.all
        |> Step.map SetFiles.parted

    // What a data set is to the lists.
    let private put (paths: ListPaths) name (table: Table) : Reading<LoadedLists -> LoadedLists> =
        let hosts (change: PeerList -> LoadedLists -> LoadedLists) = Reading.map change (peersOfTable table)

        match name with
        | "PeerList" -> hosts (fun v lists -> { lists with Peers = v })
        | "InternalHosts" -> hosts (fun v lists -> { lists with Internal = v })
        | "ExternalIgnoreList" -> hosts (fun v lists -> { lists with ExternalIgnored = v })
        | _ ->
            KeyFiles.keySet paths table
            |> Reading.map (fun keys lists ->
                { lists with
                    Keys = keys.Keys
                    Rules = keys.Rules
                })

    /// The lists with data sets that were read again.
    let withAgain
        (paths: ListPaths)
        (lists: LoadedLists)
        (found: (string * Reading<Table>) list)
        : Reading<LoadedLists> =
        let add (lists: Reading<LoadedLists>) (name, set: Reading<Table>) =
            Reading.join (fun _ change -> change) set (put paths name set.Value)
            |> Reading.join (fun lists change -> change lists) lists

        List.fold add (plain lists) found
