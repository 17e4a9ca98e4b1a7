/// The data sets of a filter that is ready: tables for look-ups, and the elements of those that are short lists.
namespace Dkim.Core.Programs.Filters.OpenDkim

open System
open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
open Dkim.Core.Asking
open Dkim.Core.Stores
open Dkim.Core.Tables
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists

/// What the data sets that settings name said.
[<NoComparison; NoEquality>]
type internal LoadedSets =
    {
        Keys: Table voption
        Signing: Table voption
        /// KeyFile with Selector.
        OwnKey: NamedKey voption
        Domains: Table voption
        Internal: HostSet
        ExternalIgnored: HostSet voption
        Peers: HostSet voption
        UnsignedRecipients: Table voption
        ExemptDomains: Table voption
        BodyLengths: Table voption
        /// ATPSDomains
        Delegating: Table voption
        Trusted: Table voption
        /// MTA
        Daemons: string list
        Macros: MacroTest list
        SenderHeaders: string list
        /// The fields that are signed, in lower case.
        Signed: Set<string>
        OverSigned: FieldName list
        MustBeSigned: FieldName list
        /// RemoveARFrom
        ResultsRemoved: string list
        /// TestDNSData
        TestRecords: TestKeys voption
        /// ReplaceRules and ReplaceHeaders
        Replacing: ReplaceRules
    }

module internal LoadedSets =
    /// The elements of a set, in order.
    let elements (table: Table) : string list = List.init table.Count table.Key

    /// A client without an address is the machine itself.
    let has (set: HostSet) (client: MilterClient) : Lookup<bool> =
        set.Has(client.HostName, ValueOption.defaultValue IPAddress.Loopback client.Address)

    /// Whether a client's mail is not looked at.
    let isPeer (sets: LoadedSets) (client: MilterClient) : bool =
        match sets.Peers with
        | ValueSome peers -> has peers client = Lookup.Found true
        | ValueNone -> false

    /// Whether a set has an address or a name, in any case.
    let isIn (table: Table voption) (text: string) : bool =
        match table with
        | ValueSome table -> table.Has text = Lookup.Found()
        | ValueNone -> false

/// Data sets that stores have, and what a message asks them: everything at once, when its header is complete.
module internal StoredSets =
    /// More recipients of a message are not looked up.
    [<Literal>]
    let MostRecipients = 10000

    /// A question, and what its answer makes of the sets.
    type private Asked = StoreQuestion * (StoreAnswer -> LoadedSets -> LoadedSets)

    let private tables (sets: LoadedSets) : (string * Table voption) list =
        [
            "KeyTable", sets.Keys
            "SigningTable", sets.Signing
            "Domain", sets.Domains
            "InternalHosts", ValueSome sets.Internal.Table
            "ExternalIgnoreList", sets.ExternalIgnored |> ValueOption.map _.Table
            "PeerList", sets.Peers |> ValueOption.map _.Table
            "DontSignMailTo", sets.UnsignedRecipients
            "ExemptDomains", sets.ExemptDomains
            "BodyLengthDB", sets.BodyLengths
            "TrustSignaturesFrom", sets.Trusted
        ]

    /// The stores that have some of them, each once, with the settings that name it.
    let stores (sets: LoadedSets) : (string * Store) list = Table.stores (tables sets)

    /// Whether recipients are looked up in a store.
    let wantsRecipients (sets: LoadedSets) : bool =
        [ sets.UnsignedRecipients; sets.BodyLengths ]
        |> List.exists (ValueOption.exists _.Store.IsSome)

    let private ofTable (table: Table voption) (forms: unit -> string list) put : Asked list =
        match table with
        | ValueSome table ->
            match table.Store with
            | ValueSome store ->
                [
                    StoreQuestion.ofForms store (forms ()), (fun answer -> put (table.With answer))
                ]
            | ValueNone -> []
        | ValueNone -> []

    let private ofHosts (set: HostSet voption) (client: MilterClient) put : Asked list =
        let address = ValueOption.defaultValue IPAddress.Loopback client.Address

        match set with
        | ValueSome set ->
            match set.Question(client.HostName, address) with
            | ValueSome question -> [ question, (fun answer -> put (set.With answer)) ]
            | ValueNone -> []
        | ValueNone -> []

    let private ofClient (sets: LoadedSets) (client: MilterClient) : Asked list =
        [
            yield! ofHosts (ValueSome sets.Internal) client (fun set sets -> { sets with Internal = set })
            yield!
                ofHosts sets.ExternalIgnored client (fun set sets ->
                    { sets with
                        ExternalIgnored = ValueSome set
                    })
            yield! ofHosts sets.Peers client (fun set sets -> { sets with Peers = ValueSome set })
        ]

    let private ofSender (sets: LoadedSets) (user: string) (domain: string) : Asked list =
        let above =
            AddressForms.parents domain |> List.map (fun parent -> parent.Substring 1)

        [
            yield!
                ofTable
                    sets.Signing
                    (fun () -> AddressForms.ofSender user domain |> List.filter AddressForms.isAscii)
                    (fun table sets -> { sets with Signing = ValueSome table })
            yield!
                ofTable sets.Domains (fun () -> domain :: "*" :: above) (fun table sets ->
                    { sets with Domains = ValueSome table })
            yield!
                ofTable sets.ExemptDomains (fun () -> [ domain ]) (fun table sets ->
                    { sets with
                        ExemptDomains = ValueSome table
                    })
        ]

    let private ofRecipients (sets: LoadedSets) (recipients: string list) : Asked list =
        let addressed () = recipients

        let forms () =
            addressed ()
            |> List.collect AddressForms.ofAddress
            |> List.filter AddressForms.isAscii

        [
            yield!
                ofTable sets.UnsignedRecipients addressed (fun table sets ->
                    { sets with
                        UnsignedRecipients = ValueSome table
                    })
            yield!
                ofTable sets.BodyLengths forms (fun table sets ->
                    { sets with
                        BodyLengths = ValueSome table
                    })
        ]

    let private ask (sets: LoadedSets) (asked: Asked list) : Step<LoadedSets> =
        Step.rows (List.map fst asked) (fun found ->
            asked
            |> List.fold (fun sets (question, put) -> put (found.RowsOf question) sets) sets)

    /// The sets with what stores say to a message: of its client, of its sender where that is known, and of its recipients.
    let ofMessage (sets: LoadedSets) client (sender: struct (string * string) voption) recipients : Step<LoadedSets> =
        [
            yield! ofClient sets client
            match sender with
            | ValueSome(struct (user, domain)) -> yield! ofSender sets user domain
            | ValueNone -> ()
            yield! ofRecipients sets recipients
        ]
        |> ask sets

    /// KeyTable with what its store says to names of keys.
    let keys (table: Table) (names: string list) : Step<Table> =
        match table.Store with
        | ValueNone -> Done table
        | ValueSome store ->
            let question = StoreQuestion.ofForms store names

            // A question for no text would be one for every row.
            if question.Forms.IsEmpty then
                Done(table.With(StoreAnswer.Rows []))
            else
                Step.rows [ question ] (fun found -> table.With(found.RowsOf question))

    /// TrustSignaturesFrom with what its store says to signers.
    let trusted (sets: LoadedSets) (domains: string list) : Step<LoadedSets> =
        ofTable sets.Trusted (fun () -> domains) (fun table sets -> { sets with Trusted = ValueSome table })
        |> ask sets

/// Which fields are signed (opendkim.conf(5) SignHeaders, OmitHeaders).
module internal SignedFields =
    let private recommended =
        [
            "from"
            "reply-to"
            "subject"
            "date"
            "to"
            "cc"
            "resent-date"
            "resent-from"
            "resent-sender"
            "resent-to"
            "resent-cc"
            "in-reply-to"
            "references"
            "list-id"
            "list-help"
            "list-unsubscribe"
            "list-subscribe"
            "list-post"
            "list-owner"
            "list-archive"
        ]

    let private omitted = [ "return-path"; "received"; "comments"; "keywords" ]

    // With a `*` among them, elements with a sign change the default; else they take its place.
    let private chosen (start: string list) (elements: string list) : Set<string> =
        let change (names: Set<string>) (element: string) =
            if element.StartsWith '+' then
                names.Add(element.Substring 1)
            elif element.StartsWith '-' then
                names.Remove(element.Substring 1)
            else
                names

        let elements = elements |> List.map _.ToLowerInvariant()

        if List.contains "*" elements then
            List.fold change (Set.ofList start) elements
        else
            Set.ofList elements

    /// The fields to sign, in lower case, by the elements of the two sets.
    let ofElements (signed: string list voption) (omits: string list voption) : Set<string> =
        let of' start elements =
            match elements with
            | ValueSome elements -> chosen start elements
            | ValueNone -> Set.ofList start

        (of' recommended signed - of' omitted omits).Add "from"
