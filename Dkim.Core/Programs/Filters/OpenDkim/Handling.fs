/// The way of a message through opendkim, from its header to the decision.
module internal Dkim.Core.Programs.Filters.OpenDkim.Handling

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Lists
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

// Those that dkim-filter counts, and Sender (RFC 5322 §3.6).
let private once = Dkim.Core.Programs.Filters.Deciding.Handling.once

let private atMostOnce =
    "Sender" :: Dkim.Core.Programs.Filters.Deciding.Handling.atMostOnce

/// What is wrong with the numbers of fields.
let private fault (header: Header) : string voption =
    let count name = (Header.all name header).Length

    let missing = once |> List.tryFind (fun name -> count name = 0)

    let twice = once @ atMostOnce |> List.tryFind (fun name -> count name > 1)

    match missing, twice with
    | Some name, _ -> ValueSome("no " + name + ": header field")
    | None, Some name -> ValueSome("multiple " + name + ": header fields")
    | None, None -> ValueNone

let private refused (message: OpenDkimMessage) (reason: string) : AfterHeader =
    let line =
        message.Line LogLevel.Info ("RFC5322 header requirement error: " + reason)

    MessageEnd.afterHeader
        { MessageEnd.accept [ line ] with
            Reply = MilterReply.Refuse(550, "5.0.0", reason)
        }

let private decide (message: OpenDkimMessage) : Step<AfterHeader> =
    let own = message.Policy.Own

    match fault message.Envelope.Header with
    | ValueSome reason when own.RequiredHeaders -> Done(refused message reason)
    | ValueSome reason when own.StrictHeaders ->
        let line =
            message.Line LogLevel.Info ("RFC5322 header requirement error: " + reason)

        Done(MessageEnd.afterHeader (Verifying.malformed message [ line ]))
    | ValueSome _
    | ValueNone ->
        Selection.choose message
        |> Step.bind (fun selected ->
            match selected with
            | Ended verdict -> Done(MessageEnd.afterHeader verdict)
            | Malformed log -> Done(MessageEnd.afterHeader (Verifying.malformed message log))
            | Verifies log -> Verifying.start message log
            | Signs(signatures, log) -> Done(Signing.start message signatures log))

// Nobody looks at the results in such a header, so that none goes on as if it were ours.
let private tooLarge (message: OpenDkimMessage) (results: int) : AfterHeader =
    let action = message.Policy.Own.Actions.Security

    let verdict =
        { MessageEnd.accept [ Wording.line LogLevel.Notice "too much header data" ] with
            Deleted = HeaderEdits.deleteMany AuthenticationResults.FieldName (min results 4096)
        }
        |> MessageEnd.under action (MessageEnd.saying "too much header data")

    match verdict.Reply with
    | MilterReply.Accept when results > 4096 ->
        MessageEnd.afterHeader
            { verdict with
                Reply = MilterReply.Refuse(552, "5.3.4", "too much header data")
            }
    | MilterReply.Refuse _ ->
        MessageEnd.afterHeader
            { verdict with
                Reply = MilterReply.Refuse(552, "5.3.4", "too much header data")
            }
    | MilterReply.Accept
    | MilterReply.TempFail
    | MilterReply.Discard -> MessageEnd.afterHeader verdict

let private address (recipient: string) : string =
    Octets.decoded (Wording.unbracketed recipient)

let private hasLength (sets: LoadedSets) (recipient: string) : bool =
    match sets.BodyLengths with
    | ValueNone -> false
    | ValueSome table -> (AddressForms.findRecipient table (address recipient)).IsFound

let private isLeftAlone (sets: LoadedSets) (recipient: string) : bool =
    LoadedSets.isIn sets.UnsignedRecipients (address recipient)

/// The message with what stores say to it.
let private withStores (message: OpenDkimMessage) (sets: LoadedSets) : OpenDkimMessage =
    let envelope = message.Envelope

    let first (isWanted: LoadedSets -> string -> bool) known =
        if StoredSets.wantsRecipients message.Policy.Sets then
            envelope.Everyone |> List.tryFind (isWanted sets) |> ValueOption.ofOption
        else
            known

    { message with
        Policy.Sets = sets
        Base.Envelope.Recipients =
            [|
                first isLeftAlone envelope.Recipients[0]
                first hasLength envelope.Recipients[1]
            |]
    }

// A message of a site whose data sets are in stores: they are asked before anything is decided.
let private startAsking (message: OpenDkimMessage) : Step<AfterHeader> =
    let envelope = message.Envelope
    let recipients = envelope.Everyone |> List.map address

    let sender =
        Selection.findSender message
        |> Result.toValueOption
        |> ValueOption.map (fun sender -> struct (sender.User, sender.Domain))

    if recipients.Length > StoredSets.MostRecipients then
        Selection.notAsked message "recipients" "there are too many"
        |> MessageEnd.afterHeader
        |> Done
    else
        StoredSets.ofMessage message.Policy.Sets envelope.Client sender recipients
        |> Step.bind (fun sets ->
            let message = withStores message sets

            let peers =
                sets.Peers
                |> ValueOption.map (fun peers -> LoadedSets.has peers envelope.Client)

            match peers with
            | ValueSome(Lookup.Found true) -> Done(MessageEnd.afterHeader (MessageEnd.accept []))
            | ValueSome(Lookup.Unavailable reason) ->
                Selection.notAsked message "PeerList" reason |> MessageEnd.afterHeader |> Done
            | _ -> decide message)

// What signs a message looks at it as ReplaceRules make it.
let private rewritten (next: OpenDkimMessage -> Step<AfterHeader>) (message: OpenDkimMessage) : Step<AfterHeader> =
    match ReplaceRules.apply message.Policy.Sets.Replacing message.Envelope.Header with
    | ValueSome header -> next { message with SignedHeader = header }
    | ValueNone ->
        Selection.undecided message "ReplaceRules take too long with this header"
        |> MessageEnd.afterHeader
        |> Done

/// The program that a policy makes.
let parts (policy: OpenDkimPolicy) : MilterHandler =
    let message (envelope: MilterEnvelope) : OpenDkimMessage =
        {
            Policy = policy
            Base =
                {
                    Product = Product.openDkim
                    Policy = policy.Filter
                    Envelope = envelope
                }
            SignedHeader = envelope.Header
        }

    let decides =
        if (StoredSets.stores policy.Sets).IsEmpty then
            decide
        else
            startAsking

    let start =
        if policy.Filter.Roles.Signs then
            rewritten decides
        else
            decides

    {
        HeaderLimits = policy.Filter.HeaderLimits
        WantsRecipient = [| isLeftAlone policy.Sets; hasLength policy.Sets |]
        MostRecipients =
            if StoredSets.wantsRecipients policy.Sets || policy.Own.RedirectFailuresTo.IsSome then
                StoredSets.MostRecipients
            else
                0
        FixLineEnds = policy.Filter.FixLineEnds
        TooLarge = message >> tooLarge
        Start = message >> start
    }
