/// The data sets of a filter that is ready: tables for look-ups, and the elements of those that are short lists.
namespace Dkim.Core.Programs.Filters.OpenDkim

open System.Net
open Dkim.Core.Words
open Dkim.Core.Dns
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
