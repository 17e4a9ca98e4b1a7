/// The data sets that settings name, from their files, and what is wrong with them (opendkim.conf(5)).
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading
open Dkim.Core.Programs.Filters.Loading.Reading
open Dkim.Core.Programs.Filters.OpenDkim.Settings

/// What a start has read: tables by the names of their settings, the key of KeyFile, and the rules of ReplaceRules.
[<NoComparison; NoEquality>]
type internal ReadSets =
    {
        Tables: Map<string, Table>
        OwnKey: NamedKey voption
        Rules: ReplaceRule list
    }

module internal SetLoading =
    /// Sets whose elements are all needed before there is a message.
    let private wholeSets =
        [
            "SignHeaders"
            "OmitHeaders"
            "OverSignHeaders"
            "SenderHeaders"
            "MTA"
            "MacroList"
            "MustBeSigned"
            "RemoveARFrom"
            "TestDNSData"
            "ATPSDomains"
            "ReplaceHeaders"
        ]

    let private inStore (settings: OpenDkimSettings) name (place: SetPlace) (store: Store) : Reading<Table> =
        if List.contains name wholeSets then
            SetPlace.show place + ": every element of " + name + " is needed at the start"
            |> broken name "write a list, or file:PATH"
            |> failed (Table.Unread(place, "not served"))
        else
            plain (Table.OfStore(place, StoreSettings.withAccount settings.Stores store))

    /// Data sets by the names of their settings. Names of keys alone are told apart by capitals.
    let private named paths settings (places: (string * SetPlace) list) : Step<(string * Reading<Table>) list> =
        places
        |> List.map (fun (name, place) ->
            SetFiles.load paths (inStore settings name place) (name <> "KeyTable") name place
            |> Step.map (fun reading -> name, reading))
        |> Step.all

    let private add (tables: Reading<Map<string, Table>>) (name: string, one: Reading<Table>) =
        Reading.join (fun (tables: Map<string, Table>) table -> tables.Add(name, table)) tables one

    /// The files of data sets, by the settings that name them.
    let files (paths: ListPaths) (settings: OpenDkimSettings) : (string * WantedFile) list =
        settings.Sets
        |> Map.toList
        |> List.choose (fun (name, place) ->
            SetFiles.file paths place
            |> ValueOption.map (fun file -> name, file)
            |> ValueOption.toOption)

    let private ownKey (paths: ListPaths) (settings: OpenDkimSettings) : Step<Reading<NamedKey voption>> =
        match settings.KeyFile, settings.Selector with
        | ValueSome path, ValueSome selector when (FilterSettings.mode settings.Filter).Signs ->
            KeyFiles.oneKey paths path selector
        | _ -> Done(plain ValueNone)

    let private replaceRules (paths: ListPaths) (settings: OpenDkimSettings) : Step<Reading<ReplaceRule list>> =
        match settings.ReplaceRules with
        | ValueNone -> Done(plain [])
        | ValueSome path ->
            textOf paths path
            |> Step.map (fun text ->
                match text with
                | Error reason -> failed [] (unreadable paths "ReplaceRules" path reason)
                | Ok text ->
                    let struct (rules, problems) = ReplaceRules.read path text
                    { plain rules with Problems = problems })

    let private fieldNames (elements: string list) : FieldName list =
        elements |> List.choose (FieldName.tryCreate >> ValueOption.toOption)

    let private ofTables (tables: Map<string, Table>) (key: NamedKey voption) (rules: ReplaceRule list) : LoadedSets =
        let find name =
            tables |> Map.tryFind name |> ValueOption.ofOption

        let elements name =
            find name |> ValueOption.map LoadedSets.elements

        let hosts name =
            find name |> ValueOption.map HostSet.ofTable

        let internalHosts =
            hosts "InternalHosts"
            |> ValueOption.defaultWith (fun () -> HostSet.ofTable (Table.OfList(true, "127.0.0.1,::1")))

        let macros (table: Table) =
            List.init table.Count (fun entry ->
                match table.Value entry with
                | "" -> MacroTest.parse (table.Key entry)
                | values -> MacroTest.parse (table.Key entry + "=" + values))

        let records (table: Table) =
            List.init table.Count (fun entry -> table.Key entry, table.Value entry)
            |> TestKeys.ofRecords

        {
            Keys = find "KeyTable"
            Signing = find "SigningTable"
            OwnKey = key
            Domains = find "Domain"
            Internal = internalHosts
            ExternalIgnored = hosts "ExternalIgnoreList"
            Peers = hosts "PeerList"
            UnsignedRecipients = find "DontSignMailTo"
            ExemptDomains = find "ExemptDomains"
            BodyLengths = find "BodyLengthDB"
            Delegating = find "ATPSDomains"
            Trusted = find "TrustSignaturesFrom"
            Daemons = elements "MTA" |> ValueOption.defaultValue []
            Macros = find "MacroList" |> ValueOption.map macros |> ValueOption.defaultValue []
            SenderHeaders = elements "SenderHeaders" |> ValueOption.defaultValue [ "From" ]
            Signed = SignedFields.ofElements (elements "SignHeaders") (elements "OmitHeaders")
            OverSigned = elements "OverSignHeaders" |> ValueOption.defaultValue [] |> fieldNames
            MustBeSigned = elements "MustBeSigned" |> ValueOption.defaultValue [] |> fieldNames
            ResultsRemoved = elements "RemoveARFrom" |> ValueOption.defaultValue []
            TestRecords = find "TestDNSData" |> ValueOption.map records
            Replacing =
                {
                    Rules = rules
                    Names =
                        elements "ReplaceHeaders"
                        |> ValueOption.map (List.map _.ToLowerInvariant() >> Set.ofList)
                }
        }

    /// Everything from the files.
    let load (paths: ListPaths) (settings: OpenDkimSettings) : Step<Reading<ReadSets>> =
        Step.both
            (named paths settings (Map.toList settings.Sets))
            (Step.both (ownKey paths settings) (replaceRules paths settings))
        |> Step.map (fun (struct (tables, struct (key, rules))) ->
            let tables = List.fold add (plain Map.empty) tables

            let read tables (key, rules) =
                {
                    Tables = tables
                    OwnKey = key
                    Rules = rules
                }

            Reading.join read tables (Reading.join (fun key rules -> key, rules) key rules))

    /// Some of the data sets as their files are now: those that cannot be read, and the others.
    let again paths settings (names: string list) =
        settings.Sets
        |> Map.filter (fun name _ -> List.contains name names)
        |> Map.toList
        |> named paths settings
        |> Step.map SetFiles.parted

    /// What was read, with some of the data sets read again.
    let withAgain (read: ReadSets) (tables: (string * Reading<Table>) list) : Reading<ReadSets> =
        let tables = List.fold add (plain read.Tables) tables

        { plain { read with Tables = tables.Value } with
            Problems = tables.Problems
            Notices = tables.Notices
        }

    /// What messages are decided by, and what is wrong with it.
    let ofRead (settings: OpenDkimSettings) (read: Reading<ReadSets>) : Reading<LoadedSets> =
        let sets = ofTables read.Value.Tables read.Value.OwnKey read.Value.Rules
        let struct (problems, notices) = SetChecks.ofSets settings sets

        { plain sets with
            Problems = read.Problems @ problems
            BadLines = read.BadLines
            Unusable = read.Unusable
            Notices = read.Notices @ notices
        }
