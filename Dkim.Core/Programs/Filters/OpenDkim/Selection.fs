/// Whether a message is signed, verified or left alone (opendkim(8) OPERATION): whose it is, and where it came from.
namespace Dkim.Core.Programs.Filters.OpenDkim

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

/// What is done with a message, and what the log says first.
[<NoComparison; NoEquality>]
type internal Selected =
    /// It is done with.
    | Ended of MessageEnd
    | Signs of WantedSignature list * LogLine list
    | Verifies of LogLine list
    /// Its sender cannot be told.
    | Malformed of LogLine list

module internal Selection =
    let private info (message: OpenDkimMessage) text = message.Line LogLevel.Info text

    // List-Post and its kin hold a URL.
    let private tryBracketed (field: Field) : Address voption =
        let text = field.ValueText
        let start = text.IndexOf '<'
        let finish = text.LastIndexOf '>'
        let at = text.LastIndexOf '@'

        if field.Is "From" || start < 0 || at < start || finish < at then
            ValueNone
        else
            ValueSome
                {
                    LocalPart = text.Substring(start + 1, at - start - 1)
                    Domain = text.Substring(at + 1, finish - at - 1).Trim()
                }

    // Of an entrance, what was said when the client connected; else what came later, but for the daemon's name: at the end
    // of the header Postfix's cleanup says its own in its place.
    let private macro (message: OpenDkimMessage) (name: string) =
        let told = MilterMacros.find message.Envelope.Macros name

        let told =
            if told.IsNone && name <> "daemon_name" then
                message.Envelope.Macros.Find name
            else
                told

        told |> ValueOption.filter ((<>) "")

    let private ofAddress (address: Address) : SenderAddress =
        {
            User = Octets.decoded address.LocalPart
            Domain = (Octets.decoded address.Domain).ToLowerInvariant()
        }

    /// The sender that a field names. `what` is the place that it was found at.
    let private named (message: OpenDkimMessage) (what: string) (field: Field) : Result<SenderAddress, LogLine> =
        match Originator.tryFirstLenient field |> ValueOption.orElse (tryBracketed field) with
        | ValueSome address when address.Domain <> "" -> Ok(ofAddress address)
        | _ ->
            let value = Printable.brief (Octets.decoded field.ValueText)
            Error(info message ("can't parse " + what + " header value '" + value + "'"))

    let private senderField (message: OpenDkimMessage) : Result<SenderAddress, LogLine> =
        let header = message.SignedHeader

        let present =
            message.Policy.Sets.SenderHeaders
            |> List.tryFind (fun name -> (Header.tryFind name header).IsSome)

        match present, message.Policy.Own.DefaultSender with
        | Some name, _ -> named message (name + ":") (Header.tryFind name header).Value
        | None, ValueSome address -> Ok(ofAddress address)
        | None, ValueNone -> Error(info message "can't determine message sender; accepting")

    /// Who sent a message, or why nobody can tell.
    let findSender (message: OpenDkimMessage) : Result<SenderAddress, LogLine> =
        let told =
            message.Policy.Own.SenderMacro
            |> ValueOption.bind (fun name ->
                macro message (MacroTest.bare name)
                |> ValueOption.map (fun value -> struct (name, value)))

        match told with
        | ValueSome(struct (name, value)) -> named message ("macro " + name) (Field.ofText "From" value)
        | ValueNone -> senderField message

    let private shownClient (client: MilterClient) =
        let address =
            client.Address |> ValueOption.map string |> ValueOption.defaultValue "127.0.0.1"

        Printable.brief client.HostName + " [" + address + "]"

    let private isMacro (message: OpenDkimMessage) (test: MacroTest) =
        match macro message test.Name with
        | ValueNone -> false
        | ValueSome value -> test.Values.IsEmpty || List.contains value test.Values

    /// The end of a message that cannot be decided on for now.
    let undecided (message: OpenDkimMessage) (reason: string) : MessageEnd =
        message.Line LogLevel.Error reason
        |> List.singleton
        |> MessageEnd.accept
        |> MessageEnd.under
            message.Policy.Own.Actions.InternalError
            {
                TempCode = ValueSome "4.7.0"
                Text = "resource unavailable"
            }

    /// The end of a message for which a data set would have to be asked that cannot be.
    let notAsked (message: OpenDkimMessage) (name: string) (reason: string) : MessageEnd =
        undecided message (name + " cannot be asked: " + reason)

    /// Where a message came from.
    type private Origin =
        | Ours
        | Strangers
        /// InternalHosts would have told.
        | Untold of reason: string

    /// Whether the message came from where ours come from, and what did not speak for it.
    let private origin (message: OpenDkimMessage) : Step<struct (Origin * string list)> =
        let sets = message.Policy.Sets
        let daemon = macro message "daemon_name"
        let client = message.Envelope.Client
        let isInternal = lazy (LoadedSets.has sets.Internal client)

        // In this order, and the login last, which has to be asked for; the first that holds ends the search.
        let tests =
            [
                if not sets.Daemons.IsEmpty then
                    (fun () -> daemon |> ValueOption.exists (fun name -> List.contains name sets.Daemons)),
                    "no MTA name match (host="
                    + Printable.brief (ValueOption.defaultValue "unknown-host" (macro message "j"))
                    + ", MTA="
                    + Printable.brief (ValueOption.defaultValue "?" daemon)
                    + ")"
                if not sets.Macros.IsEmpty then
                    (fun () -> List.exists (isMacro message) sets.Macros), "no macros match"
                (fun () -> isInternal.Value = Lookup.Found true), shownClient client + " not internal"
                (fun () -> (macro message "auth_type").IsSome), "not authenticated"
            ]

        let rec search tests missed =
            match tests with
            | [] ->
                ModeSelection.hasLoggedIn message.Policy.Filter message.Envelope
                |> Step.map (fun holds ->
                    let tells = message.Policy.Filter.Machine.KnowsLogins && not holds

                    let origin =
                        match isInternal.Value with
                        | _ when holds -> Ours
                        | Lookup.Unavailable reason -> Untold reason
                        | Lookup.Found _
                        | Lookup.Absent -> Strangers

                    struct (origin, List.rev (if tells then "not POP authenticated" :: missed else missed)))
            | (holds, _) :: _ when holds () -> Done(struct (Ours, List.rev missed))
            | (_, text) :: rest -> search rest (text :: missed)

        search tests []

    let private verifying (message: OpenDkimMessage) (log: LogLine list) : Selected =
        if message.Policy.Filter.Roles.Verifies then
            Verifies log
        else
            Ended(MessageEnd.accept log)

    // The first data set that could keep a message of ours from being signed, or have it signed otherwise, and cannot be asked.
    let private untold (message: OpenDkimMessage) : (string * string) option =
        let sets = message.Policy.Sets

        [
            "ExemptDomains", sets.ExemptDomains
            "DontSignMailTo", sets.UnsignedRecipients
            "BodyLengthDB", sets.BodyLengths
        ]
        |> List.tryPick (fun (name, table) ->
            table
            |> ValueOption.bind _.Problem
            |> ValueOption.map (fun reason -> name, reason)
            |> ValueOption.toOption)

    let private after (log: LogLine list) (verdict: MessageEnd) : MessageEnd =
        { verdict with Log = log @ verdict.Log }

    // The last thing that keeps a message of ours from being signed.
    let private signing
        (message: OpenDkimMessage)
        (log: LogLine list)
        (signatures: unit -> Step<Selected>)
        : Step<Selected> =
        match message.Envelope.Recipients[0], untold message with
        | _ when not message.Policy.Filter.Roles.Signs -> Done(Ended(MessageEnd.accept log))
        | _, Some(name, reason) -> Done(Ended(after log (notAsked message name reason)))
        | ValueSome recipient, None ->
            let line =
                info
                    message
                    ("skipping signing of mail to '"
                     + Printable.brief (Octets.decoded (Wording.unbracketed recipient))
                     + "'")

            Done(Ended(MessageEnd.accept (log @ [ line ])))
        | ValueNone, None -> signatures ()

    let private byTable (message: OpenDkimMessage) (signingTable: Table) (sender: SenderAddress) log : Step<Selected> =
        match message.Policy.Sets.Keys, SignerKeys.rows message signingTable sender with
        | ValueNone, _ -> Done(verifying message log)
        | _, Lookup.Absent ->
            let text = "no signing table match for '" + sender.User + "@" + sender.Domain + "'"
            Done(verifying message (log @ message.Why(Printable.brief text)))
        | _, Lookup.Unavailable reason -> Done(Ended(after log (SignerKeys.unreadable message sender reason)))
        | ValueSome keys, Lookup.Found rows ->
            signing message log (fun () ->
                SignerKeys.ofRows message sender keys rows
                |> Step.map (fun found ->
                    match found with
                    | Ok(struct ([], lines)) -> Ended(MessageEnd.accept (log @ lines))
                    | Ok(struct (signatures, lines)) -> Signs(signatures, log @ lines)
                    | Error verdict -> Ended(after log verdict)))

    /// The domain that signs by Domain, and whether it is above the sender's.
    let private listedDomain (message: OpenDkimMessage) (sender: SenderAddress) : struct (string * bool) voption =
        let domains = message.Policy.Sets.Domains
        let isListed = LoadedSets.isIn domains

        if isListed sender.Domain || isListed "*" then
            ValueSome(struct (sender.Domain, false))
        elif message.Policy.Filter.Roles.SubDomains then
            AddressForms.parents sender.Domain
            |> List.map (fun parent -> parent.Substring 1)
            |> List.tryFind isListed
            |> Option.map (fun parent -> struct (parent, true))
            |> ValueOption.ofOption
        else
            ValueNone

    let private byDomain (message: OpenDkimMessage) (domain: string) (isAbove: bool) log : Step<Selected> =
        match message.Policy.Sets.OwnKey, DomainName.tryCreate domain with
        | ValueSome key, Ok domain ->
            signing message log (fun () ->
                let signature =
                    {
                        Domain = domain
                        Selector = key.Selector
                        Key = key.Key
                        Hash = SignerKeys.hash message ValueNone key.Key
                        Identity =
                            if isAbove then
                                ValueSome { LocalPart = ""; Domain = domain }
                            else
                                ValueNone
                    }

                Done(Signs([ signature ], log)))
        | _ -> Done(verifying message log)

    /// Mail of ours that comes from elsewhere.
    let private stranger (message: OpenDkimMessage) (sender: SenderAddress) : LogLine list =
        let client = message.Envelope.Client

        match message.Policy.Sets.ExternalIgnored with
        | ValueSome set when LoadedSets.has set client = Lookup.Found true -> []
        | _ ->
            [
                message.Line
                    LogLevel.Notice
                    ("external host "
                     + Printable.brief client.HostName
                     + " attempted to send as "
                     + Printable.brief sender.Domain)
            ]

    let private missedDomain (message: OpenDkimMessage) (sender: SenderAddress) : LogLine list =
        let domain = "'" + Printable.brief sender.Domain + "'"

        if message.Policy.Sets.Domains.IsNone then
            []
        elif message.Policy.Filter.Roles.SubDomains then
            message.Why("no signing domain match for " + domain)
            @ message.Why("no signing subdomain match for " + domain)
        else
            message.Why("no signing domain match for " + domain)

    let private ofOrigin (message: OpenDkimMessage) (sender: SenderAddress) (origin: Origin) log : Step<Selected> =
        let domainsProblem = message.Policy.Sets.Domains |> ValueOption.bind _.Problem

        match message.Policy.Sets.Signing, origin with
        | _, Untold reason -> Done(Ended(after log (notAsked message "InternalHosts" reason)))
        | ValueSome table, Ours -> byTable message table sender log
        | ValueSome _, Strangers -> Done(verifying message log)
        | ValueNone, Ours when domainsProblem.IsSome ->
            Done(Ended(after log (notAsked message "Domain" domainsProblem.Value)))
        | ValueNone, _ ->
            match listedDomain message sender, origin with
            | ValueSome(struct (domain, isAbove)), Ours -> byDomain message domain isAbove log
            | ValueSome _, _ -> Done(verifying message (log @ stranger message sender))
            | ValueNone, _ -> Done(verifying message (log @ missedDomain message sender))

    let private ofSender (message: OpenDkimMessage) (sender: SenderAddress) : Step<Selected> =
        origin message
        |> Step.bind (fun (struct (isOurs, missed)) ->
            missed |> List.collect message.Why |> ofOrigin message sender isOurs)

    /// What is done with a message.
    let choose (message: OpenDkimMessage) : Step<Selected> =
        match findSender message with
        | Error line when message.Policy.Own.WeakSyntaxChecks -> Done(verifying message [ line ])
        | Error line -> Done(Malformed [ line ])
        | Ok sender when LoadedSets.isIn message.Policy.Sets.ExemptDomains sender.Domain ->
            message.Why("domain '" + Printable.brief sender.Domain + "' exempted, accepting")
            |> MessageEnd.accept
            |> Ended
            |> Done
        | Ok sender -> ofSender message sender
