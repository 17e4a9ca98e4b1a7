/// The private keys of a milter, from KeyFile or KeyList, and who signs for whom with them.
namespace Dkim.Core.Programs.Filters.Loading

open Reading
open Dkim.Core.Asking
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Tables
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings

/// Keys with the rules that they make.
[<NoComparison; NoEquality>]
type internal RuledKeys =
    {
        Keys: KeySource
        Rules: SigningRule list
    }

module internal KeyFiles =
    let noKeys: RuledKeys = { Keys = NoKeys; Rules = [] }

    // A problem of a key, with the setting's own file in front.
    let private ofLoad path (problem: Problem) =
        match problem.Fault with
        | BrokenRule reason ->
            { problem with
                Fault = BrokenRule("key load from " + path + " failed: " + reason)
            }
        | UnknownName
        | MissingValue
        | IllegalValue _
        | UnreadableFile _
        | NestedTooDeep
        | WrongOperands _ -> problem

    let private notLoaded path (problems: Problem list) =
        { plain noKeys with
            Problems = List.map (ofLoad path) problems
        }

    let private unusableKey (paths: ListPaths) setting (fault: KeyFault) =
        let remedy =
            match fault.Reason with
            | NotRead reason -> readable paths fault.Path reason
            | NotUsable PassphraseNeeded ->
                "make a copy without a passphrase: openssl pkey -in "
                + fault.Path
                + " -out NEWFILE"
            | NotUsable _
            | NotForDomainKeys -> "make one: dkim genkey"

        broken setting remedy (KeyFault.describe fault)

    let private weak (paths: ListPaths) (keys: NamedKey list) : string list =
        keys
        |> List.filter (fun key -> key.Key.KeyType = Rsa && key.Key.Bits < paths.LeastRsaBits)
        |> List.map (fun key ->
            "selector "
            + key.Selector.Text
            + ": the key of "
            + string (int key.Key.Bits)
            + " bits is too short for most verifiers (RFC 8301)")
        |> List.distinct

    // Keys of one pattern sign together.
    let private tryShared (keys: NamedKey list) : string voption =
        let named (key: NamedKey) =
            let domain =
                key.Domain
                |> ValueOption.map _.Text
                |> ValueOption.defaultValue "the sender's domain"

            key.Selector.Text + " of " + domain, key.Key.KeyType

        keys |> List.map named |> SigningStrength.trySharedName

    /// Whom a key that cannot be used was to sign for: more than so many patterns nobody reads.
    [<Literal>]
    let private MostPatterns = 5

    let private unusable (paths: ListPaths) path (struct (fault: KeyFault, uses: KeyLine list)) : Flaw =
        let problem = unusableKey paths "KeyList" fault |> ofLoad path
        let patterns = uses |> List.map _.Pattern |> List.distinct
        let named = patterns |> List.truncate MostPatterns |> String.concat ", "
        let more = patterns.Length - MostPatterns

        let waits =
            "mail of "
            + named
            + (if more > 0 then
                   " and " + string more + " more patterns"
               else
                   "")
            + " waits"

        {
            Broken =
                { problem with
                    Remedy =
                        if problem.Remedy = "" then
                            waits
                        else
                            problem.Remedy + "; " + waits
                }
            Facts =
                uses
                |> List.truncate LogFields.MostKeys
                |> List.collect (fun line ->
                    LogFields.ofName
                        (line.Domain |> ValueOption.map _.Text |> ValueOption.defaultValue "")
                        line.Selector.Text)
                |> List.distinct
        }

    let private ofList (paths: ListPaths) path (list: KeyList) : Reading<RuledKeys> =
        let usable (entry: KeyEntry) = Result.toOption entry.Key
        let groups = KeyList.groups list |> List.map (List.choose usable)
        let keysFor (sender: string) = KeyList.find sender list

        match groups |> List.tryPick (tryShared >> Option.ofValueOption) with
        | Some shared ->
            path + ": selector " + shared + " is to have an RSA and an Ed25519 key"
            |> broken "KeyList" "give each key a selector of its own"
            |> failed noKeys
        | None ->
            let ruled =
                {
                    Keys = KeySource.KeyList keysFor
                    Rules = SigningRule.ofList list
                }

            { plain ruled with
                Notices = weak paths (List.concat groups)
            }

    let private keyList (paths: ListPaths) path : Step<Reading<RuledKeys>> =
        let based (line: KeyLine) =
            { line with
                KeyPath = located paths line.KeyPath
            }

        let ofLines lines =
            let lines = List.map based lines

            KeyList.load paths.Scheme lines
            |> Step.map (fun (struct (list, faults)) ->
                let read = ofList paths path list

                if lines.IsEmpty then
                    "no keys loaded from " + path
                    |> broken "KeyList" "write lines of PATTERN:DOMAIN:KEY into it"
                    |> failed noKeys
                elif read.Problems.IsEmpty && read.Value.Rules.IsEmpty then
                    notLoaded
                        path
                        (faults
                         |> List.map (fun (struct (fault, _)) -> unusableKey paths "KeyList" fault))
                else
                    { read with
                        Unusable = faults |> List.map (unusable paths path)
                    })

        textOf paths path
        |> Step.bind (fun text ->
            match text with
            | Error reason -> Done(notLoaded path [ unreadable paths "KeyList" path reason ])
            | Ok text ->
                match KeyLine.parse paths.Scheme text with
                | Ok lines -> ofLines lines
                | Error problems ->
                    let malformed reason =
                        broken "KeyList" "a line is PATTERN:DOMAIN:KEY" (path + ": " + reason)

                    Done(notLoaded path (List.map malformed problems)))

    /// The keys of a data set, which are read when messages need them.
    let keySet (paths: ListPaths) (table: Table) : Reading<RuledKeys> =
        let fault entry =
            match KeyLine.ofValue paths.Scheme (table.Value entry) with
            | Ok _ -> None
            | Error reason ->
                table.Located entry + ": malformed: " + reason
                |> broken "KeyList" "a value is DOMAIN:KEY"
                |> Some

        { plain { Keys = KeySet table; Rules = [] } with
            Problems = List.init table.Count fault |> List.choose id
        }

    /// The key of KeyFile under the name of Selector.
    let oneKey (paths: ListPaths) path (selector: string) : Step<Reading<NamedKey voption>> =
        KeyList.loadKey paths.Scheme (located paths path)
        |> Step.map (fun key ->
            match key, Selector.tryCreate selector with
            | Error fault, _ ->
                { plain ValueNone with
                    Problems = (notLoaded path [ unusableKey paths "KeyFile" fault ]).Problems
                }
            | Ok _, Error error ->
                "selector \"" + selector + "\" cannot be used: " + NameError.describe error
                |> broken "Selector" "write a name such as mail or 2026a"
                |> failed ValueNone
            | Ok key, Ok selector ->
                let key =
                    {
                        Domain = ValueNone
                        Selector = selector
                        Key = key
                    }

                { plain (ValueSome key) with
                    Notices = weak paths [ key ]
                })

    let private single (domains: DomainList voption) path (reading: Reading<NamedKey voption>) : Reading<RuledKeys> =
        let entries =
            domains |> ValueOption.map DomainList.entries |> ValueOption.defaultValue []

        let ruled =
            match reading.Value with
            | ValueNone -> noKeys
            | ValueSome key ->
                {
                    Keys = SingleKey key
                    Rules = SigningRule.ofSingle entries path key
                }

        {
            Value = ruled
            Problems = reading.Problems
            BadLines = reading.BadLines
            Unusable = reading.Unusable
            Notices = reading.Notices
        }

    /// The keys that the settings name.
    let load (paths: ListPaths) (domains: DomainList voption) : Step<Reading<RuledKeys>> =
        let read =
            match paths.Names.KeyList, paths.Names.KeyFile, paths.Names.Selector with
            | ValueSome text, _, _ ->
                match SetFiles.tryNamed paths "KeyList" text with
                | ValueSome set ->
                    set
                    |> Step.map (fun reading -> join (fun _ keys -> keys) reading (keySet paths reading.Value))
                | ValueNone -> keyList paths text
            | ValueNone, ValueSome path, ValueSome selector ->
                oneKey paths path selector |> Step.map (single domains (located paths path))
            | ValueNone, _, _ ->
                let remedy = "write KeyFile and Selector, or KeyList, or Mode v to verify alone"
                let rule = "at least one selector and key required for signing mode"
                Done(failed noKeys (broken ListNames.NeedsKey remedy rule))

        let doubted (reading: Reading<RuledKeys>) =
            let entries = domains |> ValueOption.map DomainList.entries
            let doubts = SigningRule.doubts reading.Value.Keys entries reading.Value.Rules

            { reading with
                Notices = reading.Notices @ doubts
            }

        Step.map doubted read
