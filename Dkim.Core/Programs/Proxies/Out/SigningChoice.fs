/// Which signatures dkimproxy.out gives a message: by its list, by its sender, or by the settings alone.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running

/// The signatures that apply to a message, and what their d= is where they do not say.
type internal SigningChoice =
    {
        Signatures: Result<Specifier list, string>
        /// The key of the map, reduced to its domain.
        MapDomain: string voption
        Domain: string voption
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

    let private domainPart (key: string) = key.Substring(key.LastIndexOf '@' + 1)

    let private isCatchAll (key: string) = key = "."

    let private byList (program: OutProgram) (header: Header) : SigningChoice voption =
        match program.ListIds, listId header with
        | ValueSome map, ValueSome list ->
            SignatureMap.find list map
            |> ValueOption.map (fun (struct (key, entry)) ->
                let domain =
                    if key = Address.folded list then
                        key.Substring(key.IndexOf '.' + 1)
                    else
                        key

                let known = if isCatchAll key then ValueNone else ValueSome domain

                {
                    Signatures = entry.Signatures
                    MapDomain = known
                    Domain = known
                })
        | _ -> ValueNone

    let private bySender (program: OutProgram) (sender: Address voption) : SigningChoice voption =
        match program.Senders with
        | ValueNone -> ValueNone
        | ValueSome map ->
            let address = sender |> ValueOption.map _.ToString() |> ValueOption.defaultValue ""

            SignatureMap.find address map
            |> ValueOption.map (fun (struct (key, entry)) ->
                let known =
                    if isCatchAll key then
                        ValueNone
                    else
                        ValueSome(domainPart key)

                {
                    Signatures = entry.Signatures
                    MapDomain = known
                    Domain = known
                })

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

    let private bySettings (program: OutProgram) (sender: Address voption) : SigningChoice voption =
        let settings = program.Settings
        let domain = ownDomain settings sender
        let signatures = OutSettings.signatures settings

        if List.isEmpty signatures || (domain.IsNone && settings.Domain.IsSome) then
            ValueNone
        else
            ValueSome
                {
                    Signatures = Ok signatures
                    MapDomain = ValueNone
                    Domain = domain
                }

    /// The signatures that apply to a message of a sender; nothing where none does.
    let tryMake (program: OutProgram) (header: Header) (sender: Address voption) : SigningChoice voption =
        byList program header
        |> ValueOption.orElseWith (fun () -> bySender program sender)
        |> ValueOption.orElseWith (fun () -> bySettings program sender)
