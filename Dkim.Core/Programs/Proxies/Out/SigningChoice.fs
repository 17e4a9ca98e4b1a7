/// Which signatures dkimproxy.out gives a message: by its list, by its sender, or by the settings alone.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Stores
open Dkim.Core.Asking
open Dkim.Core.Tables

/// The signatures that apply to a message, and what their d= is where they do not say.
type internal SigningChoice =
    {
        Signatures: Result<Specifier list, string>
        /// The key of the map, reduced to its domain.
        MapDomain: string voption
        Domain: string voption
        /// The row of a store says so, and what it has for a key is read now.
        IsStored: bool
    }

module internal SigningChoice =
    /// The sender whom maps and domains go by: the address of Sender, else the first of From.
    let senderOf (header: Header) : Address voption =
        let first name =
            Header.tryFind name header |> ValueOption.bind Originator.tryFirst

        match first "Sender" with
        | ValueSome address -> ValueSome address
        | ValueNone -> first "From"
        |> ValueOption.map (fun address ->
            {
                LocalPart = Octets.decoded address.LocalPart
                Domain = Octets.decoded address.Domain
            })

    /// What stands between the angle brackets of List-Id (RFC 2919 §2).
    let private listId (header: Header) : string voption =
        match Header.tryFind "List-Id" header with
        | ValueNone -> ValueNone
        | ValueSome field ->
            let text = field.ValueText
            let first, last = text.LastIndexOf '<', text.LastIndexOf '>'

            if first >= 0 && last > first then
                ValueSome(Octets.decoded (text.Substring(first + 1, last - first - 1).Trim()))
            else
                ValueNone

    let private senderText (sender: Address voption) : string =
        sender |> ValueOption.map _.ToString() |> ValueOption.defaultValue ""

    /// The program with maps that have what their stores say of a message, all asked at once.
    let withAnswers (program: OutProgram) (header: Header) (sender: Address voption) : Step<OutProgram> =
        let asked (text: string voption) (map: SignatureMap voption) : StoreQuestion voption =
            match text, map with
            | ValueSome text, ValueSome map -> SignatureMap.question text map
            | _ -> ValueNone

        let ofList = asked (listId header) program.ListIds
        let ofSender = asked (ValueSome(senderText sender)) program.Senders

        let answered (found: Found) (question: StoreQuestion voption) (map: SignatureMap voption) =
            match question, map with
            | ValueSome question, ValueSome map -> ValueSome(SignatureMap.withAnswer (found.RowsOf question) map)
            | _ -> map

        Step.rows ([ ofList; ofSender ] |> List.choose ValueOption.toOption |> List.distinct) (fun found ->
            { program with
                ListIds = answered found ofList program.ListIds
                Senders = answered found ofSender program.Senders
            })

    // The choice of a map, with the domain of its key.
    let private ofEntry (map: SignatureMap) (entry: MapEntry) (domain: string voption) : SigningChoice =
        {
            Signatures = entry.Signatures
            MapDomain = domain
            Domain = domain
            IsStored = SignatureMap.isStored map
        }

    let private find name (text: string) (map: SignatureMap) : Lookup<struct (string * MapEntry)> =
        match SignatureMap.find text map with
        | Lookup.Unavailable reason -> Lookup.Unavailable(name + " cannot be asked: " + reason)
        | found -> found

    let private byList (program: OutProgram) (header: Header) (_: Address voption) : Lookup<SigningChoice> =
        match program.ListIds, listId header with
        | ValueSome map, ValueSome list ->
            find OutSettings.ListIdMapRow list map
            |> Lookup.map (fun (struct (key, entry)) ->
                if key = Address.folded list then
                    ofEntry map entry (ValueSome(key.Substring(key.IndexOf '.' + 1)))
                else
                    ofEntry map entry (SignatureMap.domainOf key))
        | _ -> Lookup.Absent

    let private bySender (program: OutProgram) (_: Header) (sender: Address voption) : Lookup<SigningChoice> =
        match program.Senders with
        | ValueNone -> Lookup.Absent
        | ValueSome map ->
            find OutSettings.SenderMapRow (senderText sender) map
            |> Lookup.map (fun (struct (key, entry)) -> ofEntry map entry (SignatureMap.domainOf key))

    let private sameOrBelow (sender: DomainName) (domain: string) =
        match DomainName.tryCreate domain with
        | Ok domain -> sender.IsWithin domain
        | Error _ -> false

    /// The domain of the settings that fits a sender: the only one, or the longest that the host equals or is below.
    /// Of the domains of the settings the one that the sender is in.
    let ownDomain (settings: OutSettings) (sender: Address voption) : string voption =
        match OutSettings.domains settings, sender with
        | [ domain ], _ -> ValueSome domain
        | domains, ValueSome sender ->
            match DomainName.tryCreate sender.Domain with
            | Error _ -> ValueNone
            | Ok host ->
                match domains |> List.filter (sameOrBelow host) |> List.sortByDescending _.Length with
                | domain :: _ -> ValueSome domain
                | [] -> ValueNone
        | _, ValueNone -> ValueNone

    let private bySettings (program: OutProgram) (_: Header) (sender: Address voption) : Lookup<SigningChoice> =
        let settings = program.Settings
        let domain = ownDomain settings sender
        let signatures = OutSettings.signatures settings

        if List.isEmpty signatures || (domain.IsNone && settings.Domain.IsSome) then
            Lookup.Absent
        else
            Lookup.Found
                {
                    Signatures = Ok signatures
                    MapDomain = ValueNone
                    Domain = domain
                    IsStored = false
                }

    /// The signatures that apply to a message of a sender; absent where none does.
    let make (program: OutProgram) (header: Header) (sender: Address voption) : Lookup<SigningChoice> =
        [ byList; bySender; bySettings ]
        |> Lookup.first (fun choice -> choice program header sender)
