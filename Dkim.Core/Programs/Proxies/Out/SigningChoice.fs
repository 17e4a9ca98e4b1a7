/// Which signatures dkimproxy.out gives a message: by its list, by its sender, or by the settings alone.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running

/// What dkimproxy.out does with a message, once it knows the header.
[<NoComparison; NoEquality>]
type internal SigningDecision =
    /// No signature is wanted.
    | Skip
    | Sign of SigningRequest list
    /// A signature is wanted and cannot be made. `mustWait` where no message can have it, since the line of a map or its
    /// key is no good; else it is for this message alone that it cannot be made. `facts` are domain and selector, as far
    /// as they are known.
    | CannotSign of reason: string * mustWait: bool * facts: LogFact list

module internal SigningChoice =
    let private fields (settings: OutSettings) : FieldChoice =
        {
            Covers = RecommendedFields.covers
            Always = []
            Sealed = if settings.Seal then RecommendedFields.seal else []
        }

    /// The sender whom maps and domains go by: the address of Sender, else the first of From.
    let private senderOf (header: Header) : Address voption =
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

    /// The signatures that apply to a message, and what their d= is where they do not say.
    type private Choice =
        {
            Signatures: Result<Specifier list, string>
            /// The key of the map, reduced to its domain.
            MapDomain: string voption
            Domain: string voption
        }

    let private domainPart (key: string) = key.Substring(key.LastIndexOf '@' + 1)

    let private isCatchAll (key: string) = key = "."

    let private byList (program: OutProgram) (header: Header) : Choice voption =
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

    let private bySender (program: OutProgram) (sender: Address voption) : Choice voption =
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
    let private ownDomain (settings: OutSettings) (sender: Address voption) : string voption =
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

    let private bySettings (program: OutProgram) (sender: Address voption) : Choice voption =
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

    let private orElseWith (fallback: unit -> 'a voption) (value: 'a voption) =
        match value with
        | ValueSome _ -> value
        | ValueNone -> fallback ()

    let private macros (choice: Choice) (sender: Address voption) (name: string) : string voption =
        match name with
        | "sender" -> sender |> ValueOption.map _.ToString()
        | "senderdomain" -> sender |> ValueOption.map _.Domain
        | "key"
        | "keydomain" -> choice.MapDomain |> orElseWith (fun () -> sender |> ValueOption.map _.Domain)
        | _ -> ValueNone

    let private identityOf (expand: string -> Result<string, string>) (domain: DomainName) (text: string) =
        result {
            let! text = expand text
            let at = text.LastIndexOf '@'

            match DomainName.tryCreate (text.Substring(at + 1)) with
            | Ok name when name.IsWithin domain ->
                return
                    {
                        Identity.LocalPart = if at > 0 then text.Substring(0, at) else ""
                        Domain = name
                    }
            | Ok _ -> return! Error("identity " + text + " is neither at nor below " + domain.Text)
            | Error error -> return! Error("bad identity " + text + ": " + NameError.describe error)
        }

    let private domainOf
        expand
        (program: OutProgram)
        (choice: Choice)
        (sender: Address voption)
        (specifier: Specifier)
        =
        let last () =
            ownDomain program.Settings sender
            |> orElseWith (fun () -> sender |> ValueOption.map _.Domain)

        match specifier.Domain, choice.Domain |> orElseWith last with
        | ValueSome text, _ -> expand text
        | ValueNone, ValueSome text -> Ok text
        | ValueNone, ValueNone -> Error "domain not specified"
        |> Result.bind (fun text ->
            DomainName.tryCreate text
            |> Result.mapError (fun error -> "bad domain " + text + ": " + NameError.describe error))

    let private required reason (value: 'a voption) =
        match value with
        | ValueSome value -> Ok value
        | ValueNone -> Error reason

    let private keyOf (program: OutProgram) (path: string) : Result<SigningKey, string> =
        match program.Keys.TryFind path with
        | Some(Ok key) -> Ok key
        | Some(Error reason) -> Error("cannot read keyfile " + path + ": " + reason)
        | None -> Error("cannot read keyfile " + path)

    let private selectorOf (text: string) =
        Selector.tryCreate text
        |> Result.mapError (fun error -> "bad selector " + text + ": " + NameError.describe error)

    /// The request for one signature.
    let private request
        (program: OutProgram)
        (choice: Choice)
        sender
        (specifier: Specifier)
        : Result<SigningRequest, string> =
        let settings = program.Settings
        let expand = Macro.expand (macros choice sender)

        result {
            let! path = Effective.keyFile settings specifier |> required "no keyfile specified"
            let! key = keyOf program path

            let! text =
                Effective.selector settings specifier |> required "selector not specified"

            let! selector = selectorOf text
            let! domain = domainOf expand program choice sender specifier
            let! struct (header, body, canonText) = Effective.canon settings specifier
            let! struct (_, hash) = Effective.algorithm specifier key.KeyType
            do! Effective.checkStrength settings specifier key hash

            let! identity =
                match specifier.Scheme, Effective.identity settings specifier with
                | Dkim, ValueSome text -> identityOf expand domain text |> Result.map ValueSome
                | Dkim, ValueNone
                | DomainKeys, _ -> Ok ValueNone

            return
                {
                    Scheme = specifier.Scheme
                    Key = key
                    Hash = hash
                    HeaderCanon = header
                    BodyCanon = body
                    CanonText = canonText
                    Domain = domain
                    Selector = selector
                    Identity = identity
                    Fields = fields settings
                    WithNames = true
                    Length = NoLength
                    WithTime = true
                    Lifetime = ValueNone
                    Copies = ValueNone
                    Layout =
                        match specifier.Scheme with
                        | Dkim -> Layout.dkimproxy
                        | DomainKeys -> Layout.dkimproxyDomainKeys
                }
        }

    /// Domain and selector of a signature that cannot be made, as far as they are known.
    let private names program (choice: Choice) sender (specifier: Specifier) : LogFact list =
        let said value = ValueOption.defaultValue "" value

        let domain =
            domainOf (Macro.expand (macros choice sender)) program choice sender specifier
            |> Result.toValueOption
            |> ValueOption.map _.Text

        LogFields.ofName (said domain) (said (Effective.selector program.Settings specifier))

    // DomainKeys cannot sign for a domain that the sender is not in (RFC 4870 §3.3 d=): such signatures are left out.
    let private isPossible (sender: Address voption) (request: SigningRequest) =
        match request.Scheme, sender with
        | Dkim, _ -> true
        | DomainKeys, ValueNone -> false
        | DomainKeys, ValueSome address ->
            match DomainName.tryCreate address.Domain with
            | Ok host -> host.IsWithin request.Domain
            | Error _ -> false

    /// Which signatures a message gets.
    let decide (program: OutProgram) (header: Header) : SigningDecision =
        let sender = senderOf header

        let choice =
            byList program header
            |> orElseWith (fun () -> bySender program sender)
            |> orElseWith (fun () -> bySettings program sender)

        match choice with
        | ValueNone -> Skip
        | ValueSome choice ->
            let add all specifier =
                all
                |> Result.bind (fun all ->
                    request program choice sender specifier
                    |> Result.map (fun one -> one :: all)
                    |> Result.mapError (fun reason ->
                        let mustWait = not (OutChecks.isSound program choice.MapDomain specifier)
                        struct (reason, mustWait, names program choice sender specifier)))

            let requests =
                choice.Signatures
                |> Result.mapError (fun reason -> struct (reason, true, []))
                |> Result.bind (List.fold add (Ok []))

            match requests with
            | Error(struct (reason, mustWait, facts)) -> CannotSign(reason, mustWait, facts)
            | Ok requests ->
                match requests |> List.rev |> List.filter (isPossible sender) with
                | [] -> Skip
                | possible -> Sign possible
