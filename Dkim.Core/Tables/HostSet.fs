/// Lists of clients: PeerList, InternalHosts, ExternalIgnoreList (opendkim.conf(5)). A client is asked for by texts, its
/// name and its parents, its address and the networks around it; the first that is there decides, and one with `!` before
/// it says no. Only lengths of prefixes that the list has are asked for.
namespace Dkim.Core.Tables

open System
open System.Net
open Dkim.Core.Stores

/// A list of clients that is ready to be asked.
[<Sealed>]
type HostSet private (table: Table, prefixes: int list voption) =
    // Each text is asked for with `!` before it first.
    let decides (text: string) : Lookup<bool> =
        match table.Has("!" + text) with
        | Lookup.Found() -> Lookup.Found false
        | Lookup.Unavailable reason -> Lookup.Unavailable reason
        | Lookup.Absent -> table.Has text |> Lookup.map (fun () -> true)

    let names (host: string) : string list =
        if host = "" || host.StartsWith '[' then
            []
        else
            let host = host.ToLowerInvariant()
            host :: AddressForms.parents host

    // An address of IPv6 that stands for one of IPv4 is that one.
    let octets (address: IPAddress) : byte[] =
        (if address.IsIPv4MappedToIPv6 then
             address.MapToIPv4()
         else
             address)
            .GetAddressBytes()

    let exact (address: byte[]) : string list =
        let text = HostText.ofOctets address
        [ text; "[" + text + "]" ]

    let network (address: byte[]) (bits: int) : string list =
        let text = HostText.ofOctets (HostText.masked bits address)
        let behind = "/" + string bits
        [ text + behind; "[" + text + "]" + behind ]

    let lengths (address: byte[]) : int list =
        match prefixes with
        | ValueSome lengths -> lengths |> List.filter (fun bits -> bits <= HostText.bits address)
        | ValueNone -> [ HostText.bits address .. -1 .. 0 ]

    let ofAddress (address: byte[]) =
        match Lookup.first decides (exact address) with
        | Lookup.Absent -> lengths address |> Lookup.first (network address >> Lookup.first decides)
        | answer -> answer

    /// Whether a client is in the list: by its name or by its address; one says no for itself alone. `host` is the name, or
    /// the address in brackets where there is none.
    member _.Has(host: string, address: IPAddress) : Lookup<bool> =
        match Lookup.first decides (names host) with
        | Lookup.Found true -> Lookup.Found true
        | Lookup.Unavailable reason -> Lookup.Unavailable reason
        | Lookup.Found false
        | Lookup.Absent ->
            match ofAddress (octets address) with
            | Lookup.Absent -> Lookup.Found false
            | answer -> answer

    /// What its store is asked for a client, every text that the client may be found by; nothing where it is in memory.
    member _.Question(host: string, address: IPAddress) : StoreQuestion voption =
        table.Store
        |> ValueOption.map (fun store ->
            let address = octets address

            names host @ exact address @ List.collect (network address) (lengths address)
            |> List.collect (fun text -> [ "!" + text; text ])
            |> StoreQuestion.ofForms store)

    member _.Table = table

    /// The same with what its store said.
    member _.With(answer: StoreAnswer) : HostSet = HostSet(table.With answer, prefixes)

    static member internal Of(table: Table, prefixes: int list voption) = HostSet(table, prefixes)

module HostSet =
    let private prefix (key: string) : int voption =
        match key.LastIndexOf '/' with
        | -1 -> ValueNone
        | slash ->
            match Int32.TryParse(key.AsSpan(slash + 1)) with
            | true, bits when bits >= 0 && bits <= 128 -> ValueSome bits
            | _ -> ValueNone

    /// A list of a data set.
    let ofTable (table: Table) : HostSet =
        let lengths =
            if table.IsPlain then
                [
                    for entry in 0 .. table.Count - 1 do
                        match prefix (table.Key entry) with
                        | ValueSome bits -> bits
                        | ValueNone -> ()
                ]
                |> List.distinct
                |> List.sortDescending
                |> ValueSome
            else
                ValueNone

        HostSet.Of(table, lengths)

    let private bare (key: string) =
        if key.StartsWith '!' then key.Substring 1 else key

    // A mask in the way of IPv4 as a number of bits.
    let private tryMask (text: string) : int voption =
        match HostText.tryRead text with
        | ValueSome octets when octets.Length = 4 ->
            [ 0..32 ]
            |> List.tryFind (fun bits -> HostText.masked bits (Array.create 4 255uy) = octets)
            |> ValueOption.ofOption
        | _ -> ValueNone

    let private network (text: string) (octets: byte[]) (suffix: string) : string voption =
        let bits =
            match Int32.TryParse suffix with
            | true, bits when bits >= 0 && bits <= HostText.bits octets -> ValueSome bits
            | _ -> tryMask suffix

        match bits with
        | ValueNone -> ValueSome(text + "/" + suffix + " is no network and matches no client")
        | ValueSome bits ->
            let written = HostText.ofOctets (HostText.masked bits octets) + "/" + string bits
            let bare = text.TrimStart('[').TrimEnd(']') + "/" + suffix

            if bare.Equals(written, StringComparison.OrdinalIgnoreCase) then
                ValueNone
            else
                ValueSome(
                    text
                    + "/"
                    + suffix
                    + " is not a network ("
                    + written
                    + " is) and matches no client"
                )

    // Why an entry can match no client.
    let private fault (isPattern: bool) (key: string) : string voption =
        let text = bare key
        let slash = text.IndexOf '/'
        let host = if slash < 0 then text else text.Substring(0, slash)

        match HostText.tryRead host with
        | _ when isPattern && key.StartsWith '*' ->
            ValueSome(
                "\""
                + key
                + "\" matches no host in a refile; write "
                + key.TrimStart '*'
                + " in a file:"
            )
        | ValueSome octets when slash >= 0 -> network host octets (text.Substring(slash + 1))
        | ValueSome octets ->
            let written = HostText.ofOctets octets

            if text.TrimStart('[').TrimEnd(']').Equals(written, StringComparison.OrdinalIgnoreCase) then
                ValueNone
            else
                ValueSome(
                    text
                    + " is not how the address is written ("
                    + written
                    + " is) and matches no client"
                )
        | ValueNone -> ValueNone

    /// Entries that can match no client, each with its place and what would.
    let doubts (set: HostSet) : string list =
        let table = set.Table

        [
            for entry in 0 .. table.Count - 1 do
                match fault table.IsPatterns (table.Key entry) with
                | ValueSome reason -> table.Located entry + ": " + reason
                | ValueNone -> ()
        ]
