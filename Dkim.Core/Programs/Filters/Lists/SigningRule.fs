/// Who signs for whom, in lines that an administrator can compare with what was meant; what of it cannot be meant, and
/// what of it a reload must not change.
namespace Dkim.Core.Programs.Filters.Lists

open System
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running

/// One signature for one set of senders.
[<NoComparison; NoEquality>]
type internal SigningRule =
    {
        /// A pattern of addresses.
        Senders: string
        /// d=; nothing stands for the sender's own domain.
        Domain: string voption
        Selector: Selector
        /// As the setting or the list names it.
        KeyPath: string
        Key: SigningKey
    }

module internal SigningRule =
    /// More lines than this nobody reads.
    [<Literal>]
    let private MostLines = 100

    let private kindOf (key: SigningKey) =
        match key.KeyType with
        | Rsa -> "rsa " + string (int key.Bits) + " bits"
        | Ed25519 -> "ed25519"

    let describe (rule: SigningRule) : string =
        rule.Senders
        + ": d="
        + ValueOption.defaultValue "*" rule.Domain
        + " s="
        + rule.Selector.Text
        + " "
        + kindOf rule.Key

    /// A line for each rule; of a long list the first.
    let lines (rules: SigningRule list) : string list =
        let more = rules.Length - MostLines

        (rules |> List.truncate MostLines |> List.map describe)
        @ (if more > 0 then
               [ "and " + string more + " more signing rules" ]
           else
               [])

    /// The rules of one key: one for each entry of Domain.
    let ofSingle (entries: string list) (path: string) (key: NamedKey) : SigningRule list =
        entries
        |> List.map (fun entry ->
            {
                Senders = "*@" + entry
                Domain = if entry.Contains '*' then ValueNone else ValueSome entry
                Selector = key.Selector
                KeyPath = path
                Key = key.Key
            })

    /// The rules of a key list, pattern by pattern; there is none of a key that cannot be used.
    let ofList (list: KeyList) : SigningRule list =
        let rule (entry: KeyEntry) =
            match entry.Key with
            | Error _ -> None
            | Ok key ->
                Some
                    {
                        Senders = entry.Line.Pattern
                        Domain = key.Domain |> ValueOption.map _.Text
                        Selector = key.Selector
                        KeyPath = entry.Line.KeyPath
                        Key = key.Key
                    }

        KeyList.groups list |> List.concat |> List.choose rule

    let private oddSelector (rule: SigningRule) : string list =
        let selector = rule.Selector.Text

        [
            for ending in [ ".private"; ".pem"; ".key" ] do
                if selector.EndsWith(ending, StringComparison.OrdinalIgnoreCase) then
                    "selector "
                    + selector
                    + ": ends as the name of a file does; write "
                    + selector.Substring(0, selector.Length - ending.Length)
            if selector.Contains("_domainkey", StringComparison.OrdinalIgnoreCase) then
                "selector "
                + selector
                + ": _domainkey is put behind it anyway; write "
                + (selector.Split '.')[0]
        ]

    let private oddPattern (rule: SigningRule) : string list =
        if rule.Senders.Contains '@' || rule.Senders.Contains '*' then
            []
        else
            [
                "KeyList: the pattern "
                + rule.Senders
                + " matches no sender's address; write *@"
                + rule.Senders
            ]

    // What is asked of a key list to learn whether it has a key for every sender of a domain.
    let private anybody (domain: string) = "~@" + domain

    let private unsigned (keys: KeySource) (entry: string) : string list =
        let hasNone find =
            match find (anybody entry) with
            | Ok [] -> true
            | Ok _
            | Error _ -> false

        match keys with
        | KeySource.KeyList find when not (entry.Contains '*' || entry.Contains '@') && hasNone find ->
            [
                "Domain "
                + entry
                + ": KeyList has no key for every sender of it, and mail without a key is refused for the time being; \
                   add *@"
                + entry
                + ":"
                + entry
                + ":KEY"
            ]
        | KeySource.KeyList _
        | KeySet _
        | Unasked _
        | NoKeys
        | SingleKey _ -> []

    let private oddEntry (entry: string) : string list =
        match entry.LastIndexOf '@' with
        | -1 -> []
        | at ->
            [
                "Domain "
                + entry
                + ": is an address, no domain; write "
                + entry.Substring(at + 1)
            ]

    /// What cannot be meant: it is told, and the filter starts. `entries` are those of Domain, where it is set.
    let doubts (keys: KeySource) (entries: string list voption) (rules: SigningRule list) : string list =
        let domains = ValueOption.defaultValue [] entries

        let idle =
            match keys, domains with
            | SingleKey _, [] -> [ "Domain is not set, and nothing is signed; write Domain example.com" ]
            | SingleKey _, _ :: _
            | (NoKeys | KeySource.KeyList _ | KeySet _ | Unasked _), _ -> []

        idle
        @ List.collect oddEntry domains
        @ List.collect (unsigned keys) domains
        @ List.collect oddSelector rules
        @ List.collect oddPattern rules
        |> List.distinct

    let private isFile (path: string) (rule: SigningRule) =
        KeyList.endings |> List.exists (fun ending -> rule.KeyPath + ending = path)

    let private isSame (one: SigningRule) (other: SigningRule) =
        one.Senders = other.Senders
        && one.Domain = other.Domain
        && one.Selector.Text = other.Selector.Text
        && one.KeyPath = other.KeyPath

    let private refusal (rule: SigningRule) path why =
        describe rule
        + ": "
        + path
        + ": "
        + why
        + "; the old key would sign under the new name. Restart, do not reload"

    /// Why the rules of a reload must not take the place of those before: a key has become another and cannot be read; or
    /// one that could not be read again, or a credential, which the service manager hands over at a start alone, would sign
    /// under another name. `kept` are the keys that stay as they were.
    let refusals (kept: KeptSecret list) (credentials: string) (before: SigningRule list) (next: SigningRule list) =
        let isCredential (rule: SigningRule) =
            credentials <> ""
            && rule.KeyPath.StartsWith(credentials.TrimEnd '/' + "/", StringComparison.Ordinal)

        [
            for kept in List.distinct kept do
                match KeptSecret.refusal kept, next |> List.tryFind (isFile kept.Path) with
                | Some why, Some rule -> describe rule + ": " + why
                | Some why, None -> why
                | None, _ -> ()

            for rule in next do
                match kept |> List.tryFind (fun kept -> isFile kept.Path rule) with
                | Some kept when not (before |> List.exists (isSame rule)) ->
                    refusal rule kept.Path "cannot be read again"
                | _ -> ()

                let ofKey =
                    before
                    |> List.filter (fun old ->
                        old.KeyPath = rule.KeyPath
                        && old.Key.KeyData.AsSpan().SequenceEqual(ReadOnlySpan rule.Key.KeyData))

                let isRenamed =
                    not ofKey.IsEmpty
                    && ofKey |> List.forall (fun old -> old.Selector.Text <> rule.Selector.Text)

                if isCredential rule && isRenamed then
                    refusal rule rule.KeyPath "a credential of the unit is the one of its start"
        ]
