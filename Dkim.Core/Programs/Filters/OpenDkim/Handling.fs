/// The way of a message through opendkim, from its header to the decision.
module internal Dkim.Core.Programs.Filters.OpenDkim.Handling

open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Tables
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Deciding
open Dkim.Core.Programs.Filters.OpenDkim.Settings

// Those that dkim-filter counts.
let private once = Dkim.Core.Programs.Filters.Deciding.Handling.once
let private atMostOnce = Dkim.Core.Programs.Filters.Deciding.Handling.atMostOnce

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

let private start (message: OpenDkimMessage) : Step<AfterHeader> =
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
        |> Step.map (fun selected ->
            match selected with
            | Ended verdict -> MessageEnd.afterHeader verdict
            | Malformed log -> MessageEnd.afterHeader (Verifying.malformed message log)
            | Verifies log -> Verifying.start message log
            | Signs(signatures, log) -> Signing.start message signatures log)

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
    | ValueSome table ->
        let address = address recipient
        let at = address.LastIndexOf '@'
        let user = address.Substring(0, max 0 at)
        let domain = address.Substring(at + 1).ToLowerInvariant()
        (AddressForms.findRecipient table user domain).IsFound

/// The program that a policy makes.
let parts (policy: OpenDkimPolicy) : MilterHandler =
    let message envelope : OpenDkimMessage =
        {
            Policy = policy
            Base =
                {
                    Product = Product.openDkim
                    Policy = policy.Filter
                    Envelope = envelope
                }
        }

    let isLeftAlone recipient =
        LoadedSets.isIn policy.Sets.UnsignedRecipients (address recipient)

    {
        HeaderLimits = policy.Filter.HeaderLimits
        WantsRecipient = [| isLeftAlone; hasLength policy.Sets |]
        FixLineEnds = policy.Filter.FixLineEnds
        TooLarge = message >> tooLarge
        Start = message >> start
    }
