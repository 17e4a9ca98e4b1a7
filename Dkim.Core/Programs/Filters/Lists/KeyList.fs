/// Private keys chosen by the sender's address (dkim-filter(8) -K, dk-filter(8) -k).
namespace Dkim.Core.Programs.Filters.Lists

open System
open System.Collections.Generic
open Dkim.Core.Words
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings

/// A line with its key, or why that cannot be used.
[<NoComparison; NoEquality>]
type internal KeyEntry =
    {
        Line: KeyLine
        Key: Result<NamedKey, UnusableKey>
    }

/// The lines of one pattern; `Place` is where the first of them stands.
[<NoComparison; NoEquality>]
type internal KeyGroup =
    {
        Place: int
        Pattern: Pattern
        mutable Entries: KeyEntry list
        /// What signs for whom the pattern matches: every key, for what is to have two signatures is not to go with one.
        mutable Keys: Result<NamedKey list, UnusableKey>
    }

[<NoComparison; NoEquality>]
type internal KeyList =
    private
        {
            /// Patterns that can be found by their text, see `KeyList.keysOf`.
            indexed: Dictionary<string, KeyGroup>
            /// All others, in the order of the list.
            others: KeyGroup[]
        }

/// Why a key of a file cannot sign.
type internal KeyReason =
    | NotRead of reason: string
    | NotUsable of PrivateKeyError
    | NotForDomainKeys

/// A key file that cannot be used.
type internal KeyFault = { Path: string; Reason: KeyReason }

module internal KeyFault =
    let describe (fault: KeyFault) : string =
        match fault.Reason with
        | NotRead reason -> fault.Path + ": open(): " + reason
        | NotUsable PassphraseNeeded -> fault.Path + ": the key is encrypted"
        | NotUsable error -> fault.Path + ": " + PrivateKeyError.describe error
        | NotForDomainKeys -> fault.Path + ": DomainKeys signs with RSA alone"

module internal KeyList =
    /// The endings under which a key is looked for, in order.
    let endings = [ ""; ".pem"; ".private" ]

    let private read (scheme: Scheme) (text: string) : Result<SigningKey, KeyReason> =
        match SigningKey.parse ValueNone text with
        | Result.Error error -> Result.Error(NotUsable error)
        | Result.Ok key when scheme = DomainKeys && key.KeyType <> Rsa -> Result.Error NotForDomainKeys
        | Result.Ok key -> Result.Ok key

    let private loadFrom endings scheme (path: string) : Step<Result<SigningKey, KeyFault>> =
        let fault path reason = { Path = path; Reason = reason }

        let rec search left =
            match left with
            | [] -> Done(Result.Error(fault path (NotRead FileContents.NotFound)))
            | ending :: rest ->
                Step.file FileKind.PrivateKey (path + ending)
                |> Step.bind (fun contents ->
                    match contents.Problem with
                    | ValueSome FileContents.NotFound -> search rest
                    | ValueSome reason -> Done(Result.Error(fault (path + ending) (NotRead reason)))
                    | ValueNone ->
                        read scheme (Octets.latin1 contents.Octets.Span)
                        |> Result.mapError (fault (path + ending))
                        |> Done)

        search endings

    /// The private key of a file.
    let loadKey scheme (path: string) : Step<Result<SigningKey, KeyFault>> = loadFrom [ "" ] scheme path

    // Patterns that `keysOf` makes of an address: a whole address, `*`, and those that begin with a star before the
    // domain or one of its parents.
    let private isIndexed (pattern: string) =
        let rest =
            if pattern.StartsWith("*@*.", StringComparison.Ordinal) then
                pattern.Substring 4
            elif pattern.StartsWith("*@", StringComparison.Ordinal) then
                pattern.Substring 2
            elif pattern.StartsWith("*.", StringComparison.Ordinal) then
                pattern.Substring 2
            else
                pattern

        let isOneDomain =
            not (pattern.StartsWith("*@", StringComparison.Ordinal) && rest.Contains '@')

        pattern = "*" || (not (rest.Contains '*') && isOneDomain)

    /// Longer local parts, which no mail system knows, are not searched for dots (RFC 5321 §4.5.3.1).
    [<Literal>]
    let private LocalPartLimit = 256

    /// The texts of the indexed patterns that match an address.
    let private keysOf (local: string) (domain: string) : string list =
        let rec below (name: string) =
            match name.IndexOf '.' with
            | -1 -> []
            | dot ->
                let parent = name.Substring dot
                ("*" + parent) :: ("*@*" + parent) :: below (name.Substring(dot + 1))

        // Dots of the local part stand before the domain, too.
        let dotted =
            (if local.Length > LocalPartLimit then [] else below local)
            |> List.filter (fun key -> not (key.StartsWith("*@", StringComparison.Ordinal)))
            |> List.map (fun key -> key + "@" + domain)

        (local + "@" + domain) :: ("*@" + domain) :: "*" :: dotted @ below domain

    // All keys, or the first that cannot be used.
    let private keysOfAll (entries: KeyEntry list) : Result<NamedKey list, UnusableKey> =
        let add entry keys =
            match entry.Key, keys with
            | Result.Error key, _ -> Result.Error key
            | Result.Ok _, Result.Error _ -> keys
            | Result.Ok key, Result.Ok keys -> Result.Ok(key :: keys)

        List.foldBack add entries (Result.Ok [])

    let private group (entries: KeyEntry list) : KeyList =
        let groups = Dictionary<string, KeyGroup>(StringComparer.Ordinal)
        let others = List<KeyGroup>()

        let add (entry: KeyEntry) =
            let line = entry.Line

            match groups.TryGetValue line.Pattern with
            | true, group -> group.Entries <- entry :: group.Entries
            | false, _ ->
                let group =
                    {
                        Place = line.Number
                        Pattern = Pattern.ofText line.Pattern
                        Entries = [ entry ]
                        Keys = Result.Ok []
                    }

                groups[line.Pattern] <- group

                if not (isIndexed line.Pattern) then
                    others.Add group

        List.iter add entries

        for group in groups.Values do
            group.Entries <- List.rev group.Entries
            group.Keys <- keysOfAll group.Entries

        {
            indexed = groups
            others = others.ToArray()
        }

    /// The list with the keys that its lines name, each read once, and the files that cannot be used with their lines.
    let load scheme (lines: KeyLine list) : Step<struct (KeyList * struct (KeyFault * KeyLine list) list)> =
        let files = List.groupBy _.KeyPath lines

        let entry (keys: Dictionary<string, Result<SigningKey, KeyFault>>) (line: KeyLine) : KeyEntry =
            {
                Line = line
                Key =
                    match keys[line.KeyPath] with
                    | Result.Ok key ->
                        Result.Ok
                            {
                                Domain = line.Domain
                                Selector = line.Selector
                                Key = key
                            }
                    | Result.Error fault ->
                        Result.Error
                            {
                                Domain = line.Domain
                                Selector = line.Selector
                                Reason = KeyFault.describe fault
                            }
            }

        files
        |> List.map (fst >> loadFrom endings scheme)
        |> Step.all
        |> Step.map (fun loaded ->
            let keys = Dictionary<string, Result<SigningKey, KeyFault>>(StringComparer.Ordinal)

            let faults =
                List.zip files loaded
                |> List.choose (fun ((path, uses), key) ->
                    keys[path] <- key

                    match key with
                    | Result.Error fault -> Some(struct (fault, uses))
                    | Result.Ok _ -> None)

            struct (group (List.map (entry keys) lines), faults))

    /// The keys for a sender: those of the first pattern that matches the address. A pattern that stands on several lines
    /// has several keys.
    let find (sender: string) (list: KeyList) : Result<NamedKey list, UnusableKey> =
        let address = Address.folded sender
        let at = address.LastIndexOf '@'
        let local = address.Substring(0, max 0 at)
        let domain = address.Substring(at + 1)

        let earliest (best: KeyGroup voption) key =
            match list.indexed.TryGetValue key, best with
            | (true, group), ValueSome known when known.Place < group.Place -> best
            | (true, group), _ -> ValueSome group
            | (false, _), _ -> best

        let best = keysOf local domain |> List.fold earliest ValueNone

        let isEarlier (group: KeyGroup) =
            match best with
            | ValueSome known -> group.Place < known.Place
            | ValueNone -> true

        let rec scan index =
            if index = list.others.Length || not (isEarlier list.others[index]) then
                best
            elif Pattern.matchesFolded address list.others[index].Pattern then
                ValueSome list.others[index]
            else
                scan (index + 1)

        match scan 0 with
        | ValueSome group -> group.Keys
        | ValueNone -> Result.Ok []

    /// All lines, a group for each pattern.
    let groups (list: KeyList) : KeyEntry list list =
        list.indexed.Values |> Seq.sortBy _.Place |> Seq.map _.Entries |> List.ofSeq
