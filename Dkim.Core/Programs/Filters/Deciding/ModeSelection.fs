/// Whether a message is signed or verified, and why (dkim-filter(8) OPERATION): whose it is, and where it came from.
namespace Dkim.Core.Programs.Filters.Deciding

open System
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Records
open Dkim.Core.Cryptography
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Settings

/// One signature to make.
[<NoComparison; NoEquality>]
type internal WantedKey =
    {
        Domain: DomainName
        Selector: Selector
        Key: SigningKey
        /// i=, where the sender's domain lies below d=: d= itself, since a key record with t=s allows nothing below it
        /// (RFC 6376 §3.6.1), and such records are what genkey makes.
        Identity: Identity voption
    }

[<NoComparison; NoEquality>]
type internal ModeSelection =
    /// The message passes as it is.
    | LeaveAlone
    /// A key is missing.
    | Defer
    | Sign of WantedKey list
    | Verify

module internal ModeSelection =
    /// The fields that may name the sender, the most telling first. DomainKeys signs for Sender and From alone (RFC 4870
    /// §3.1).
    let private senderFields (scheme: Scheme) =
        match scheme with
        | Dkim -> [ "Resent-Sender"; "Resent-From"; "Sender"; "From" ]
        | DomainKeys -> [ "Sender"; "From" ]

    /// Whose a message is.
    type private Sender =
        {
            Address: Address
            Domain: DomainName voption
        }

    let private info (message: FilterMessage) text = message.Line LogLevel.Info text
    let private notice (message: FilterMessage) text = message.Line LogLevel.Notice text

    // The lines that tell each step, for those who wonder why.
    let private why (message: FilterMessage) (texts: string list) : LogLine list =
        if message.Policy.Reporting.LogWhy then
            texts
            |> List.map (fun text -> message.LineWith LogLevel.Info text message.Origin)
        else
            []

    let private quoted (text: string) = "`" + Printable.brief text + "'"

    // What becomes of a message that nobody is known to have sent: it is not signed, and judged all the same.
    let private unsigned (message: FilterMessage) =
        if message.Policy.Roles.Verifies then
            "verifying"
        else
            "accepting"

    let private findSender (message: FilterMessage) : Result<Sender, LogLine> =
        let header = message.Envelope.Header

        match
            senderFields message.Product.Scheme
            |> List.tryFind (fun name -> (Header.tryFind name header).IsSome)
        with
        | None -> Error(Wording.line LogLevel.Info (message.Job + ": no sender header found; " + unsigned message))
        | Some name ->
            let field = (Header.tryFind name header).Value

            let mailbox =
                match message.Product.Scheme with
                | Dkim -> Originator.tryFirstLenient field
                // Whose sending address must be read as verifiers read it.
                | DomainKeys -> Originator.tryFirst field

            match mailbox with
            | ValueSome address ->
                Ok
                    {
                        Address = address
                        Domain = Originator.tryDomain address
                    }
            | ValueNone ->
                let text =
                    "can't parse "
                    + name
                    + ": header value "
                    + quoted (Octets.decoded (field.ValueText.Trim()))

                Error(Wording.line LogLevel.Info (message.Job + ": " + text))

    /// What is known of the domain: the entry of Domain, the keys of the key list, and what did not match.
    [<NoComparison; NoEquality>]
    type private Ownership =
        {
            Listed: DomainName voption
            Keys: Result<NamedKey list, UnusableKey>
            /// The sender, to be told.
            Address: string
            Missed: string list
        }

    // Also one that cannot be used is one.
    let private hasKey (keys: Result<NamedKey list, UnusableKey>) =
        match keys with
        | Ok [] -> false
        | Ok _
        | Error _ -> true

    let private isKeyList (lists: LoadedLists) =
        match lists.Keys with
        | KeyList _
        | KeySet _
        | Unasked _ -> true
        | NoKeys
        | SingleKey _ -> false

    // Why the key list could not be asked whether the sender is one of ours.
    let private unasked (lists: LoadedLists) : string voption =
        match lists.Keys with
        | Unasked reason -> ValueSome reason
        | NoKeys
        | SingleKey _
        | KeyList _
        | KeySet _ -> ValueNone

    /// What did not match, where Domain does not have the sender's own domain.
    let private missed (policy: FilterPolicy) (sender: Sender) (above: DomainName voption) keys =
        let domain = quoted (Octets.decoded sender.Address.Domain)

        [
            if policy.Lists.Domains.IsSome then
                "no signing domain match for " + domain
            if policy.Lists.Domains.IsSome && policy.Roles.SubDomains && above.IsNone then
                "no signing subdomain match for " + domain
            if isKeyList policy.Lists && above.IsNone && not (hasKey keys) then
                "no signing keylist match for "
                + quoted (Octets.decoded (sender.Address.ToString()))
        ]

    let private lookUp (policy: FilterPolicy) (sender: Sender) : Ownership =
        let find search =
            match policy.Lists.Domains, sender.Domain with
            | ValueSome list, ValueSome domain -> search list domain
            | _ -> ValueNone

        let exact = find DomainList.tryFind

        let above =
            if exact.IsNone && policy.Roles.SubDomains then
                find DomainList.tryFindAbove
            else
                ValueNone

        let keys =
            match policy.Lists.Keys with
            | KeyList find when sender.Domain.IsSome -> find (Octets.decoded (sender.Address.ToString()))
            | SingleKey key -> Ok [ key ]
            | KeyList _
            | KeySet _
            | Unasked _
            | NoKeys -> Ok []

        {
            Listed = if exact.IsSome then exact else above
            Keys = keys
            Address = quoted (Octets.decoded (sender.Address.ToString()))
            Missed = if exact.IsSome then [] else missed policy sender above keys
        }

    let private isOurs (lists: LoadedLists) (known: Ownership) =
        known.Listed.IsSome
        || isKeyList lists && (hasKey known.Keys || (unasked lists).IsSome)

    /// Whether the client has logged in by POP a while ago.
    let hasLoggedIn (policy: FilterPolicy) (envelope: MilterEnvelope) : Step<bool> =
        match envelope.Client.Address with
        | ValueSome address when policy.Machine.KnowsLogins ->
            Want([ Need.Login address ], (fun found -> Done(found.Logins.Contains address)))
        | _ -> Done false

    /// Whether the message came from where ours come from, and what did not speak for it.
    let private origin (policy: FilterPolicy) (envelope: MilterEnvelope) : Step<struct (bool * string list)> =
        let macro name =
            MilterMacros.find envelope.Macros name |> ValueOption.filter ((<>) "")

        let isMta () =
            macro "daemon_name"
            |> ValueOption.exists (fun name ->
                policy.Roles.MtaNames
                |> List.exists (fun known -> known.Equals(name, StringComparison.OrdinalIgnoreCase)))

        let isMacro () =
            policy.Roles.Macros
            |> List.exists (MacroTest.holds (MilterMacros.find envelope.Macros))

        // In this order, and the login last, which has to be asked for; the first that holds ends the search.
        let tests =
            [
                if not policy.Roles.MtaNames.IsEmpty then
                    isMta, "no MTA name match"
                if not policy.Roles.Macros.IsEmpty then
                    isMacro, "no macros match"
                (fun () -> LoadedLists.isInternal policy.Lists envelope.Client), "not internal"
                (fun () -> (macro "auth_type").IsSome), "not authenticated"
            ]

        let rec search tests missed =
            match tests with
            | [] ->
                hasLoggedIn policy envelope
                |> Step.map (fun holds ->
                    let missed = if holds then missed else "not POP authenticated" :: missed
                    struct (holds, List.rev missed))
            | (holds, _) :: _ when holds () -> Done(struct (true, List.rev missed))
            | (_, text) :: rest -> search rest (text :: missed)

        search tests []

    let private addressOf (recipient: string) : string =
        let inner = Octets.decoded (Wording.unbracketed recipient)
        // A source route before the address counts for nothing (RFC 5321 §3.6.1).
        if inner.StartsWith '@' then
            inner.Substring(inner.IndexOf ':' + 1)
        else
            inner

    /// Whether mail to a recipient, who is as in the RCPT command, is not signed.
    let isUnsigned (roles: RoleSettings) (recipient: string) : bool =
        Pattern.any roles.UnsignedRecipients (addressOf recipient)

    let private wanted (policy: FilterPolicy) (known: Ownership) (sender: DomainName) keys : WantedKey list =
        let identity (domain: DomainName) : Identity voption =
            if policy.Roles.SubDomains && sender <> domain && sender.IsWithin domain then
                ValueSome { LocalPart = ""; Domain = domain }
            else
                ValueNone

        let fallback =
            match policy.Lists.Keys with
            | SingleKey _ -> known.Listed |> ValueOption.defaultValue sender
            | NoKeys
            | KeyList _
            | KeySet _
            | Unasked _ -> sender

        keys
        |> List.map (fun (key: NamedKey) ->
            let domain = key.Domain |> ValueOption.defaultValue fallback

            {
                Domain = domain
                Selector = key.Selector
                Key = key.Key
                Identity = identity domain
            })

    // Nothing that a key is named for goes out unsigned for want of it.
    let private deferred (message: FilterMessage) level text facts =
        struct (Defer, [ message.LineWith level text (facts @ message.Origin) ])

    let private signing (message: FilterMessage) (known: Ownership) (sender: DomainName) =
        match known.Keys, unasked message.Policy.Lists with
        | _ when not message.Policy.Roles.Signs ->
            struct (LeaveAlone, [ notice message ("signing mode off; not signing mail of " + sender.Text) ])
        | _, ValueSome reason -> deferred message LogLevel.Error ("KeyList cannot be asked: " + reason) []
        | Ok [], _ ->
            deferred message LogLevel.Notice ("no key selected for signing: KeyList has none for " + known.Address) []
        | Error key, _ ->
            let domain = ValueOption.defaultValue sender key.Domain

            LogFields.ofName domain.Text key.Selector.Text
            |> deferred message LogLevel.Error ("no usable key for " + known.Address + ": " + key.Reason)
        | Ok keys, _ ->
            // The only recipient kept is one to whom nothing is signed.
            match message.Envelope.Recipients[0] with
            | ValueSome recipient ->
                struct (LeaveAlone, [ info message ("skipping signing of mail to " + quoted (addressOf recipient)) ])
            | ValueNone -> struct (Sign(wanted message.Policy known sender keys), [])

    /// Mail of ours that comes from elsewhere.
    let private stranger (message: FilterMessage) (sender: Sender) : LogLine list =
        let envelope = message.Envelope

        if LoadedLists.isIgnoredExternal message.Policy.Lists envelope.Client then
            []
        else
            [
                notice
                    message
                    ("external host "
                     + Printable.brief envelope.Client.HostName
                     + " attempted to send as "
                     + Printable.brief (Octets.decoded sender.Address.Domain))
            ]

    let private ofSender (message: FilterMessage) (sender: Sender) (known: Ownership) isOrigin (missed: string list) =
        let ours = isOurs message.Policy.Lists known
        let signs = ours && isOrigin

        let trace =
            known.Missed
            @ missed
            @ [
                (if signs then
                     "mode select: signing"
                 else
                     "mode select: verifying")
            ]
            |> why message

        let untold =
            if ours && not isOrigin then
                LoadedLists.problem message.Policy.Lists.Internal message.Envelope.Client
            else
                ValueNone

        match sender.Domain, untold with
        | ValueSome domain, _ when signs ->
            let struct (role, lines) = signing message known domain
            struct (role, trace @ lines)
        | _, ValueSome reason ->
            let struct (role, lines) =
                deferred message LogLevel.Error ("InternalHosts cannot be asked: " + reason) []

            struct (role, trace @ lines)
        | _ ->
            let lines =
                if ours && (unasked message.Policy.Lists).IsNone then
                    stranger message sender
                else
                    []

            struct ((if message.Policy.Roles.Verifies then Verify else LeaveAlone), trace @ lines)

    /// What is done with a message, and what the log says of that. The sender decides only whether we sign: a forger who
    /// spoils it must not escape being judged.
    let choose (message: FilterMessage) : Step<struct (ModeSelection * LogLine list)> =
        match findSender message with
        | Error line -> Done(struct ((if message.Policy.Roles.Verifies then Verify else LeaveAlone), [ line ]))
        | Ok sender ->
            let known = lookUp message.Policy sender

            origin message.Policy message.Envelope
            |> Step.map (fun (struct (isOrigin, missed)) -> ofSender message sender known isOrigin missed)

    /// The message with what data sets say of its client and its sender, and what there is to warn of.
    let withSets (message: FilterMessage) : Step<struct (FilterMessage * LogLine list)> =
        let sender =
            findSender message
            |> Result.toValueOption
            |> ValueOption.filter _.Domain.IsSome
            |> ValueOption.map _.Address

        LoadedLists.ofMessage message.Product.Scheme message.Policy.Lists message.Envelope.Client sender
        |> Step.map (fun (struct (lists, told)) ->
            struct ({ message with Policy.Lists = lists }, told |> List.map (message.Line LogLevel.Warning)))
