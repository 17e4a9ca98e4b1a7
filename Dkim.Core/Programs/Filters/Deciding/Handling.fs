/// The way of a message through either filter, from its header to the decision.
namespace Dkim.Core.Programs.Filters.Deciding

open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Running
open Dkim.Core.Programs.Filters.Milter
open Dkim.Core.Programs.Filters.Values
open Dkim.Core.Programs.Filters.Settings

/// What the filters do each in its own way.
[<NoComparison; NoEquality>]
type internal SchemeHandlers =
    {
        /// The log comes first in what the decision says.
        Verify: FilterMessage -> LogLine list -> struct (KeptBody list * Work<FilterDecision>)
        /// The header is not as it must be; whether the message would have been verified.
        Malformed: FilterMessage -> bool -> LogLine list -> FilterDecision
    }

module internal Handling =
    // The fields that a message has exactly once, or at most once (RFC 5322 §3.6).
    let once = [ "From"; "Date" ]

    let atMostOnce =
        [
            "Reply-To"
            "To"
            "Cc"
            "Bcc"
            "Message-ID"
            "In-Reply-To"
            "References"
            "Subject"
        ]

    let private hasRequired (header: Header) : bool =
        let count name = (Header.all name header).Length

        List.forall (fun name -> count name = 1) once
        && List.forall (fun name -> count name <= 1) atMostOnce

    let private isMalformed (message: FilterMessage) =
        message.Policy.Roles.RequiredHeaders
        && not (hasRequired message.Envelope.Header)

    // A header can be changed only at the end of a message.
    let private decided (verdict: FilterDecision) : AfterHeader =
        Proceed(Work.decided (FilterDecision.toMilter verdict))

    let private proceed (struct (bodies, work: Work<FilterDecision>)) : AfterHeader =
        let work = Work.map FilterDecision.toMilter work

        match bodies with
        | [] -> Proceed work
        | _ -> ProceedKeeping(bodies, work)

    let private afterMode (ways: SchemeHandlers) (message: FilterMessage) (role: ModeSelection) (log: LogLine list) =
        let passing = FilterDecision.accept message log

        let malformed isVerified =
            let line = message.Line LogLevel.Info "RFC2822 header requirement error"
            decided (ways.Malformed message isVerified (log @ [ line ]))

        match role with
        | LeaveAlone -> Finish(FilterDecision.toMilter passing)
        | Defer ->
            Finish(
                FilterDecision.toMilter
                    { passing with
                        Reply = FilterReply.TempFail
                    }
            )
        | Verify when isMalformed message -> malformed true
        | Sign _ when isMalformed message -> malformed false
        | Verify -> proceed (ways.Verify message log)
        | Sign keys -> proceed (MessageSigner.work message log keys)

    let private start (ways: SchemeHandlers) (message: FilterMessage) : Step<AfterHeader> =
        ModeSelection.choose message
        |> Step.map (fun (struct (role, log)) -> afterMode ways message role log)

    // A message of a site whose lists are data sets: they are asked before anything is decided.
    let private startAsking (ways: SchemeHandlers) (message: FilterMessage) : Step<AfterHeader> =
        ModeSelection.withSets message
        |> Step.bind (fun (struct (message, told)) ->
            let lists, client = message.Policy.Lists, message.Envelope.Client

            match LoadedLists.isPeer lists client, LoadedLists.problem lists.Peers client with
            | true, _ -> Done(afterMode ways message LeaveAlone told)
            | false, ValueSome reason ->
                let line = message.Line LogLevel.Error ("PeerList cannot be asked: " + reason)
                Done(afterMode ways message Defer (told @ [ line ]))
            | false, ValueNone ->
                ModeSelection.choose message
                |> Step.map (fun (struct (role, log)) -> afterMode ways message role (told @ log)))

    /// More fields of results than these are no accident, and each would cost the MTA a change of its header.
    [<Literal>]
    let private MostResults = 4096

    // Nobody looks at the results in such a header, so that whoever they are of, none goes on as if it were ours.
    let private tooLarge (message: FilterMessage) (results: int) : AfterHeader =
        let limits = message.Policy.HeaderLimits

        let limit =
            "more than "
            + string limits.Octets
            + " octets or "
            + string limits.Fields
            + " fields (MaximumHeaders)"

        let lines =
            [
                message.LineWith
                    LogLevel.Notice
                    "too much header data"
                    (message.Origin @ [ LogFields.fact LogField.Reason limit ])
            ]

        let action = message.Policy.Actions.Security

        let verdict =
            { FilterDecision.accept message lines with
                Edits =
                    { HeaderEdits.none with
                        Deleted = HeaderEdits.deleteMany AuthenticationResults.FieldName results
                    }
                Reply = FilterDecision.reply action "too much header data"
            }

        if action <> Disposition.Accept || results = 0 then
            Finish(FilterDecision.toMilter verdict)
        elif results > MostResults then
            Finish(
                FilterDecision.toMilter
                    { verdict with
                        Reply = FilterDecision.reply Disposition.Reject "too much header data"
                    }
            )
        else
            decided verdict

    /// The program that a policy makes.
    let parts (product: Product) (policy: FilterPolicy) (ways: SchemeHandlers) : MilterHandler =
        let message envelope =
            {
                Product = product
                Policy = policy
                Envelope = envelope
            }

        {
            HeaderLimits = policy.HeaderLimits
            WantsRecipient = [| ModeSelection.isUnsigned policy.Roles |]
            MostRecipients = 0
            FixLineEnds = policy.FixLineEnds
            TooLarge = message >> tooLarge
            Start =
                message
                >> (if LoadedLists.hasSets policy.Lists then
                        startAsking ways
                    else
                        start ways)
        }
