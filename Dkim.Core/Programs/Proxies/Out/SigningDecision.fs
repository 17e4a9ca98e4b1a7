/// What dkimproxy.out signs a message with: requests of the signatures that were chosen for it.
namespace Dkim.Core.Programs.Proxies.Out

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Asking
open Dkim.Core.Tables
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
    /// The store of a map does not say whether one is wanted.
    | Unasked of reason: string

module internal SigningDecision =
    let private fields (settings: OutSettings) : FieldChoice =
        {
            Covers = RecommendedFields.covers
            Always = []
            Sealed = if settings.Seal then RecommendedFields.seal else []
        }

    let private macros (choice: SigningChoice) (sender: Address voption) (name: string) : string voption =
        match name with
        | "sender" -> sender |> ValueOption.map _.ToString()
        | "senderdomain" -> sender |> ValueOption.map _.Domain
        | "key"
        | "keydomain" ->
            choice.MapDomain
            |> ValueOption.orElseWith (fun () -> sender |> ValueOption.map _.Domain)
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
        (choice: SigningChoice)
        (sender: Address voption)
        (specifier: Specifier)
        =
        let last () =
            SigningChoice.ownDomain program.Settings sender
            |> ValueOption.orElseWith (fun () -> sender |> ValueOption.map _.Domain)

        match specifier.Domain, choice.Domain |> ValueOption.orElseWith last with
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

    let private keyOf
        (program: OutProgram)
        (choice: SigningChoice)
        (specifier: Specifier)
        path
        : Result<SigningKey, string> =
        let shown =
            if choice.IsStored && specifier.Key.IsSome then
                RowKeys.shown path
            else
                path

        match program.Keys.TryFind path with
        | Some(Ok key) -> Ok key
        | Some(Error reason) -> Error("cannot read keyfile " + shown + ": " + reason)
        | None -> Error("cannot read keyfile " + shown)

    let private selectorOf (text: string) =
        Selector.tryCreate text
        |> Result.mapError (fun error -> "bad selector " + text + ": " + NameError.describe error)

    /// The request for one signature.
    let private request
        (program: OutProgram)
        (choice: SigningChoice)
        sender
        (specifier: Specifier)
        : Result<SigningRequest, string> =
        let settings = program.Settings
        let expand = Macro.expand (macros choice sender)

        result {
            let! path = Effective.keyFile settings specifier |> required "no keyfile specified"
            let! key = keyOf program choice specifier path

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
                    WantsReports = false
                    ThirdParty = ValueNone
                    Layout =
                        match specifier.Scheme with
                        | Dkim -> Layout.dkimproxy
                        | DomainKeys -> Layout.dkimproxyDomainKeys
                }
        }

    /// Domain and selector of a signature that cannot be made, as far as they are known.
    let private names program (choice: SigningChoice) sender (specifier: Specifier) : LogFact list =
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

    // What a start tells of the lines of a file nobody has told of a row.
    let private rowProblem (program: OutProgram) (choice: SigningChoice) (signatures: Specifier list) =
        if choice.IsStored then
            OutChecks.tryShared program signatures
        else
            ValueNone

    let private requests (program: OutProgram) (choice: SigningChoice) sender =
        let add all specifier =
            all
            |> Result.bind (fun all ->
                request program choice sender specifier
                |> Result.map (fun one -> one :: all)
                |> Result.mapError (fun reason ->
                    let mustWait = not (OutChecks.isSound program choice.MapDomain specifier)
                    struct (reason, mustWait, names program choice sender specifier)))

        match choice.Signatures with
        | Error reason -> Error(struct (reason, true, []))
        | Ok signatures ->
            match rowProblem program choice signatures with
            | ValueSome reason -> Error(struct (reason, true, []))
            | ValueNone -> signatures |> List.fold add (Ok [])

    let private ofChoice (program: OutProgram) (choice: SigningChoice) sender : SigningDecision =
        match requests program choice sender with
        | Error(struct (reason, mustWait, facts)) -> CannotSign(reason, mustWait, facts)
        | Ok requests ->
            match requests |> List.rev |> List.filter (isPossible sender) with
            | [] -> Skip
            | possible -> Sign possible

    /// Which signatures a message gets, and what there is to warn of. Stores of maps are asked first, then keys of their
    /// rows.
    let decide (program: OutProgram) (header: Header) : Step<struct (SigningDecision * LogLine list)> =
        let sender = SigningChoice.senderOf header

        SigningChoice.withAnswers program header sender
        |> Step.bind (fun program ->
            match SigningChoice.make program header sender with
            | Lookup.Absent -> Done(struct (Skip, []))
            | Lookup.Unavailable reason -> Done(struct (Unasked reason, []))
            | Lookup.Found choice ->
                RowKeys.load program choice
                |> Step.map (fun (struct (program, told)) -> struct (ofChoice program choice sender, told)))
