/// What a start says of data sets that are read: what keeps the filter from starting, and rows that cannot be meant.
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open Dkim.Core.Words
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Filters.Settings
open Dkim.Core.Programs.Filters.Loading.Reading
open Dkim.Core.Programs.Filters.OpenDkim.Settings

module internal SetChecks =
    /// More rows than these nobody reads about.
    [<Literal>]
    let private MostTold = 20

    // Of a table that could not be read, or that a store has, nothing more is told.
    let private isRead (table: Table) =
        match table.Has "" with
        | Lookup.Unavailable _ -> false
        | Lookup.Found()
        | Lookup.Absent -> true

    // Of the entries that `each` tells.
    let private toldOf (table: Table) (each: (int -> bool) -> unit) (describe: int -> string voption) : string list =
        let found = ResizeArray<string>()

        each (fun entry ->
            match describe entry with
            | ValueSome text -> found.Add(table.Located entry + ": " + text)
            | ValueNone -> ()

            found.Count < MostTold)

        List.ofSeq found

    let private told (table: Table) (describe: int -> string voption) : string list =
        let each (tell: int -> bool) =
            let mutable entry = 0

            while entry < table.Count && tell entry do
                entry <- entry + 1

        toldOf table each describe

    let private keyName (value: string) =
        match value.IndexOf ':' with
        | -1 -> value.Trim()
        | at -> value.Substring(0, at).Trim()

    let private isUnknown (keys: Table) (name: string) = name <> "%" && (keys.Has name).IsAbsent

    // A pattern that names no key was taken until mail of it came.
    let private unknownKeys (settings: OpenDkimSettings) (sets: LoadedSets) : struct (Problem list * string list) =
        match sets.Signing, sets.Keys with
        | ValueSome signing, ValueSome keys when settings.Own.ChecksSigningTable && isRead keys ->
            let lines =
                toldOf signing (fun tell -> keys.Unnamed(signing, tell)) (fun entry ->
                    let name = keyName (signing.Value entry)

                    if name <> "" && isUnknown keys name then
                        ValueSome("could not find valid key record \"" + name + "\" in KeyTable")
                    else
                        ValueNone)

            if signing.IsPatterns then
                struct ([], lines)
            else
                struct (lines |> List.map (broken "SigningTable" "write the key into KeyTable"), [])
        | _ -> struct ([], [])

    let private withoutValue (sets: LoadedSets) : Problem list =
        match sets.Signing with
        | ValueSome signing ->
            told signing (fun entry ->
                if signing.HasFields(entry, 1) then
                    ValueNone
                else
                    ValueSome(signing.Key entry + " has no value"))
            |> List.map (broken "SigningTable" "write the name of a key behind it")
        | ValueNone -> []

    let private corruptKeys (sets: LoadedSets) : string list =
        match sets.Keys with
        | ValueSome keys ->
            told keys (fun entry ->
                if keys.HasFields(entry, 3) then
                    ValueNone
                else
                    ValueSome("KeyTable entry for '" + keys.Key entry + "' corrupt"))
        | ValueNone -> []

    /// More names are not asked for in one question.
    [<Literal>]
    let private MostAsked = 500

    // Every row of a data set, where it is in a store; why it cannot be said otherwise.
    let private everyRow (table: Table) : Step<Result<StoreRow list, string>> =
        match table.Store |> ValueOption.map StoreQuestion.ofAll with
        | ValueNone -> Done(Ok [])
        | ValueSome ValueNone -> Done(Error "the rows of such a data set cannot be listed, and are not checked")
        | ValueSome(ValueSome question) ->
            Step.rows [ question ] (fun found ->
                match found.RowsOf question with
                | StoreAnswer.Rows rows -> Ok rows
                | StoreAnswer.Unavailable reason -> Error reason)

    // Those of the names of keys that KeyTable does not have.
    let private unknownOf (keys: Table) (names: string list) : Step<Set<string>> =
        let ask (unknown: Step<Set<string>>) (names: string list) =
            unknown
            |> Step.bind (fun unknown ->
                StoredSets.keys keys names
                |> Step.map (fun answered ->
                    names |> List.filter (isUnknown answered) |> Set.ofList |> Set.union unknown))

        names
        |> List.distinct
        |> List.chunkBySize MostAsked
        |> List.fold ask (Done Set.empty)

    let private valueOf (row: StoreRow) = String.Join(':', row.Fields)

    // The texts of SigningTable with what each names, from its store or from memory.
    let private signers (signing: Table) (rows: StoreRow list) : (string * string) list =
        if signing.Store.IsSome then
            rows |> List.map (fun row -> row.Form, keyName (valueOf row))
        else
            List.init signing.Count (fun entry -> signing.Key entry, keyName (signing.Value entry))

    let private signerFaults (signing: Table) (named: (string * string) list) (unknown: Set<string>) : Problem list =
        let told (text: string) (fault: string) remedy =
            Printable.tame (signing.Shown + ": " + text + ": " + fault)
            |> broken "SigningTable" remedy

        named
        |> List.choose (fun (text, name) ->
            if name = "" then
                Some(told text "has no value" "write the name of a key behind it")
            elif unknown.Contains name then
                Some(
                    told
                        text
                        ("could not find valid key record \"" + name + "\" in KeyTable")
                        "write the key into KeyTable"
                )
            else
                None)

    let private keyFaults (keys: Table) (rows: StoreRow list) : Problem list =
        rows
        |> List.filter (fun row -> (KeyRow.parse (valueOf row)).IsNone)
        |> List.map (fun row ->
            Printable.tame (keys.Shown + ": KeyTable entry for '" + row.Form + "' corrupt")
            |> broken "KeyTable" "write a domain, a selector and a key")

    let private rowsOf (rows: Result<StoreRow list, string>) = Result.defaultValue [] rows

    let private unlisted name (table: Table) (rows: Result<StoreRow list, string>) : string list =
        match rows with
        | Ok _ -> []
        | Error reason -> [ Printable.tame (name + ": " + table.Shown + ": " + reason) ]

    /// What is wrong with the rows of SigningTable and KeyTable that are in stores, and what could not be listed: every row
    /// is asked for, which takes a while.
    let ofStores (sets: LoadedSets) : Step<struct (Problem list * string list)> =
        match sets.Signing, sets.Keys with
        | ValueSome signing, ValueSome keys when signing.Store.IsSome || keys.Store.IsSome ->
            Step.both (everyRow signing) (everyRow keys)
            |> Step.bind (fun (struct (signingRows, keyRows)) ->
                let named = signers signing (rowsOf signingRows)

                unknownOf keys (named |> List.map snd |> List.filter ((<>) ""))
                |> Step.map (fun unknown ->
                    struct (signerFaults signing named unknown @ keyFaults keys (rowsOf keyRows),
                            unlisted "SigningTable" signing signingRows @ unlisted "KeyTable" keys keyRows)))
        | _ -> Done(struct ([], []))

    // Every entry of these is looked at, and patterns say only what they match.
    let private walked (settings: OpenDkimSettings) : Problem list =
        [ "MacroList"; "TestDNSData" ]
        |> List.choose (fun name ->
            match OpenDkimSettings.tryPlace name settings with
            | ValueSome(Patterns _ as place) ->
                SetPlace.show place + ": invalid data set type for " + name
                |> broken name "write a list or file:PATH"
                |> Some
            | ValueSome _
            | ValueNone -> None)

    // What settings must have beside each other.
    let private combination (settings: OpenDkimSettings) : Problem list =
        let account = StoreSettings.account settings.Stores
        let has name = settings.Sets.ContainsKey name
        let signs = (FilterSettings.mode settings.Filter).Signs
        let isWhole = settings.KeyFile.IsSome && settings.Selector.IsSome

        [
            if signs && has "SigningTable" && not (has "KeyTable") then
                broken "SigningTable" "write KeyTable" "use of SigningTable requires KeyTable"
            if signs && has "KeyTable" && not (has "SigningTable") then
                broken "KeyTable" "write SigningTable" "KeyTable requires either SigningTable or SetupPolicyScript"
            if signs && has "Domain" && not (has "KeyTable") && not isWhole then
                broken
                    "Domain"
                    "write KeyFile and Selector, or KeyTable and SigningTable"
                    "Domain requires KeyFile and Selector"
            if
                signs
                && settings.KeyFile.IsSome <> settings.Selector.IsSome
                && not (has "KeyTable")
            then
                broken
                    (if settings.KeyFile.IsSome then "KeyFile" else "Selector")
                    "write both"
                    "KeyFile and Selector must both be defined or both be undefined"
            yield! walked settings
            match account with
            | Error reason -> broken "LDAPAuthMechanism" "write simple, PLAIN or EXTERNAL" reason
            | Ok _ -> ()
        ]

    // Names that h= would have of fields that nobody hashes.
    let private unsignedFields (sets: LoadedSets) : string list =
        sets.OverSigned
        |> List.filter (fun name -> not (sets.Signed.Contains(name.Text.ToLowerInvariant())))
        |> List.map (fun name ->
            "OverSignHeaders: "
            + name.Text
            + " is not signed (SignHeaders, OmitHeaders); where a message has it, it is left out")

    let private doubtfulHosts (sets: LoadedSets) : string list =
        [ ValueSome sets.Internal; sets.ExternalIgnored; sets.Peers ]
        |> List.choose ValueOption.toOption
        |> List.collect HostSet.doubts

    /// What keeps the filter from starting, and what is only to be told.
    let ofSets (settings: OpenDkimSettings) (sets: LoadedSets) : struct (Problem list * string list) =
        let struct (unknown, told) = unknownKeys settings sets
        let notices = told @ corruptKeys sets @ doubtfulHosts sets @ unsignedFields sets
        struct (combination settings @ withoutValue sets @ unknown, List.distinct notices)
