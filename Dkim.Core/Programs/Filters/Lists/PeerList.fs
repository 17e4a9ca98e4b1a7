/// Lists of hosts by name and address: clients to leave alone, clients whose mail is signed, clients that may send for
/// others (dkim-filter(8) -a, -i, -I).
namespace Dkim.Core.Programs.Filters.Lists

open System
open System.Globalization
open System.Net
open System.Net.Sockets
open FParsec
open Dkim.Core.Words
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Settings

/// What an entry of a list means.
[<NoComparison>]
type internal PeerTest =
    /// This host.
    | Host of name: string
    /// Every host below a domain, with the dot before it.
    | Below of domain: string
    /// Addresses that agree with `Base` in the bits of `Mask`.
    | Network of start: byte[] * mask: byte[]

[<NoComparison>]
type internal PeerEntry = { Excluded: bool; Test: PeerTest }

/// A list of hosts. Every entry is looked at, and the last that matches decides.
[<NoComparison>]
type internal PeerList =
    {
        Entries: PeerEntry list
        /// A data set in the place of entries.
        Set: HostSet voption
    }

module internal PeerList =
    let empty = { Entries = []; Set = ValueNone }

    let private plain (address: IPAddress) =
        if address.IsIPv4MappedToIPv6 then
            address.MapToIPv4()
        else
            address

    // The C library's reading of an address: `1.2.3` is 1.2.0.3.
    let private tryAddress (text: string) : IPAddress voption =
        let bare =
            if text.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase) then
                text.Substring 5
            else
                text

        let unbracketed =
            if bare.StartsWith '[' && bare.EndsWith ']' then
                bare.Substring(1, bare.Length - 2)
            else
                bare

        match IPAddress.TryParse unbracketed with
        | true, NonNull address -> ValueSome address
        | _ -> ValueNone

    let private maskOf (octets: int) (bits: int) : byte[] =
        Array.init octets (fun index ->
            let here = Math.Clamp(bits - 8 * index, 0, 8)
            byte (0xff00 >>> here &&& 0xff))

    let private tryBits (text: string) =
        match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, bits -> ValueSome bits
        | false, _ -> ValueNone

    // A prefix of a mapped address counts the 96 bits before the IPv4 address.
    let private tryMask (written: IPAddress) (address: IPAddress) (text: string) : byte[] voption =
        let octets = address.GetAddressBytes().Length
        let skipped = if written.IsIPv4MappedToIPv6 then 96 else 0

        match tryBits text, tryAddress text with
        | ValueSome bits, _ when bits >= skipped && bits <= skipped + 8 * octets ->
            ValueSome(maskOf octets (bits - skipped))
        | ValueNone, ValueSome mask when
            address.AddressFamily = AddressFamily.InterNetwork
            && mask.AddressFamily = AddressFamily.InterNetwork
            ->
            ValueSome(mask.GetAddressBytes())
        | _ -> ValueNone

    let private masked (mask: byte[]) (octets: byte[]) = Array.map2 (&&&) octets mask

    let private network (address: IPAddress) mask =
        Network(masked mask (address.GetAddressBytes()), mask)

    // No more than what names are never seen with, so that an address or a pattern that is none is not taken for a name.
    let private isName (text: string) =
        text
        |> String.forall (fun c -> not (Char.IsWhiteSpace c) && not ("*,;:!\"<>()[]\\".Contains c))

    /// The beginning of an entry: an address as it is written, or a name.
    type private Head =
        | Address of IPAddress
        | Name of string

    let private headOf (text: string) : Result<Head, string> =
        let name = text.TrimEnd('.').ToLowerInvariant()

        match tryAddress text with
        | ValueSome address -> Result.Ok(Address address)
        | ValueNone when name <> "" && isName name -> Result.Ok(Name name)
        | ValueNone -> Result.Error "no host name, domain, address or network"

    /// `head = address / [ "." ] name`
    let private head: Grammar.Parser<Head> =
        many1SatisfyL (fun c -> ListFile.isEntryChar c && c <> '/') "a host name, domain, address or network"
        |> Grammar.checkedBy headOf

    /// `mask = 1*DIGIT / IPv4address`
    let private mask (written: IPAddress) (address: IPAddress) : Grammar.Parser<byte[]> =
        let read text =
            match tryMask written address text with
            | ValueSome mask -> Result.Ok mask
            | ValueNone -> Result.Error "neither a number of bits that such an address has nor a mask"

        many1SatisfyL ListFile.isEntryChar "a number of bits or a mask"
        |> Grammar.checkedBy read

    /// `test = address [ "/" mask ] / [ "." ] name`
    let private test: Grammar.Parser<PeerTest> =
        head
        >>= fun head ->
            match head with
            | Address written ->
                let address = plain written
                let whole = maskOf (address.GetAddressBytes().Length) 128

                opt (skipChar '/' >>. mask written address)
                |>> (Option.defaultValue whole >> network address)
            | Name name when name[0] = '.' -> preturn (Below name)
            | Name name -> preturn (Host name)

    /// `entry = [ "!" *WSP ] test`
    let private entry: Grammar.Parser<PeerEntry> =
        opt (skipChar '!' >>. ListFile.ws) .>>. test
        |>> fun (excluded, test) ->
            {
                Excluded = excluded.IsSome
                Test = test
            }

    /// Whether a text could be an entry and is no path.
    let isEntry (text: string) =
        match Grammar.parseAll (ListFile.line entry) text with
        | Result.Ok entry -> entry.IsSome
        | Result.Error _ -> false

    /// Reads a list of one entry on each line; `#` begins a comment. What cannot be an entry matches nothing and is told.
    let parse (path: string) (text: string) : struct (PeerList * Problem list) =
        let struct (entries, problems) =
            ListFile.read path "write host.example.com, .example.com, 192.0.2.1 or 192.0.2.0/24" entry text

        struct ({ empty with Entries = entries }, problems)

    /// The list that stands where no file is named (dkim-filter(8) -i): the machine itself, by IPv6, too.
    let loopback: PeerList =
        let struct (list, _) = parse "" "127.0.0.1\n::1"
        list

    let private isWithin (start: byte[]) (mask: byte[]) (octets: byte[]) =
        octets.Length = start.Length && masked mask octets = start

    // A name in brackets is none.
    let private isListed (hostName: string) (address: IPAddress voption) (entries: PeerEntry list) : bool =
        let name = hostName.ToLowerInvariant().TrimEnd '.'
        let named = name <> "" && name[0] <> '['

        let octets =
            address |> ValueOption.map (fun address -> (plain address).GetAddressBytes())

        let matches test =
            match test with
            | Host host -> named && name = host
            | Below domain -> named && name.EndsWith(domain, StringComparison.Ordinal)
            | Network(start, mask) -> octets |> ValueOption.exists (isWithin start mask)

        (false, entries)
        ||> List.fold (fun found entry -> if matches entry.Test then not entry.Excluded else found)

    // Mail submitted on the machine itself comes from it.
    let private orOwn (address: IPAddress voption) : IPAddress =
        ValueOption.defaultValue IPAddress.Loopback address

    /// The list of a data set.
    let ofSet (set: HostSet) : PeerList = { empty with Set = ValueSome set }

    let private question hostName address (list: PeerList) : StoreQuestion voption =
        list.Set |> ValueOption.bind (fun set -> set.Question(hostName, orOwn address))

    /// What stores are asked for a client.
    let questions (hostName: string) (address: IPAddress voption) (lists: PeerList list) : StoreQuestion list =
        lists
        |> List.choose (question hostName address >> ValueOption.toOption)
        |> List.distinct

    /// The list with what its store said to that.
    let withAnswers (found: Found) (hostName: string) (address: IPAddress voption) (list: PeerList) : PeerList =
        match list.Set, question hostName address list with
        | ValueSome set, ValueSome question -> ofSet (set.With(found.RowsOf question))
        | _ -> list

    /// Why a data set could not be asked for a client.
    let problem (hostName: string) (address: IPAddress voption) (list: PeerList) : string voption =
        match list.Set |> ValueOption.map (fun set -> set.Has(hostName, orOwn address)) with
        | ValueSome(Lookup.Unavailable reason) -> ValueSome reason
        | _ -> ValueNone

    /// Whether a client is on the list, by its name or by its address.
    let contains (hostName: string) (address: IPAddress voption) (list: PeerList) : bool =
        match list.Set with
        | ValueSome set -> set.Has(hostName, orOwn address) = Lookup.Found true
        | ValueNone -> isListed hostName address list.Entries
