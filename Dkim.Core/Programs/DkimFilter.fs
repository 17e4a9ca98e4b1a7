/// dkim-filter's decision on a message: signed, verified or left as it is.
namespace Dkim.Core

module internal DkimFilter =
    // The fields that a message has exactly once, or at most once (RFC 5322 §3.6).
    let private once = [ "From"; "Date" ]

    let private atMostOnce =
        [
            "Reply-To"
            "To"
            "Cc"
            "Bcc"
            "Message-Id"
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

    let private decided (verdict: FilterVerdict) : MilterCourse =
        Proceed(Work.decided (FilterVerdict.decision verdict))

    let private proceed (bodies: KeptBody list) (work: Work<FilterVerdict>) : MilterCourse =
        let work = Work.map FilterVerdict.decision work

        match bodies with
        | [] -> Proceed work
        | _ -> ProceedKeeping(bodies, work)

    let private badFormat (message: FilterMessage) isVerified log =
        let line = message.Line LogLevel.Info "RFC2822 header requirement error"
        decided (FilterVerifier.badFormat message isVerified (log @ [ line ]))

    let private start (product: FilterProduct) (policy: FilterPolicy) (envelope: MilterEnvelope) : MilterCourse =
        let message =
            {
                Product = product
                Policy = policy
                Envelope = envelope
            }

        let struct (role, log) = FilterRole.choose message
        let passing = FilterVerdict.accept message log

        match role with
        | LeaveAlone -> Finish(FilterVerdict.decision passing)
        | Defer ->
            Finish(
                FilterVerdict.decision
                    { passing with
                        End = FilterEnd.TempFail
                    }
            )
        | LeaveUnjudged -> decided (FilterVerifier.unknownSender message log)
        | Verify when isMalformed message -> badFormat message true log
        | Sign _ when isMalformed message -> badFormat message false log
        | Sign keys ->
            let struct (bodies, work) = FilterSigner.work message log keys
            proceed bodies work
        | Verify ->
            let struct (bodies, work) = FilterVerifier.work message log
            proceed bodies work

    /// The end of a message whose header is beyond the limits.
    let tooLarge (product: FilterProduct) (policy: FilterPolicy) client macros (_: HeaderError) : MilterDecision =
        let message =
            {
                Product = product
                Policy = policy
                Envelope =
                    {
                        Client = client
                        Macros = macros
                        Sender = ValueNone
                        Recipients = []
                        Header = Header.empty
                        Now = 0L<sec>
                    }
            }

        FilterVerdict.decision
            { FilterVerdict.accept message [ message.Line LogLevel.Notice "too much header data" ] with
                End = FilterVerdict.ending policy.Actions.Security "too much header data"
            }

    /// The program that a policy makes.
    let parts (policy: FilterPolicy) : MilterParts =
        let product = FilterProduct.dkimFilter

        {
            HeaderLimits = policy.HeaderLimits
            MaximumRecipients = policy.MaximumRecipients
            FixLineEnds = policy.FixLineEnds
            TooLarge = tooLarge product policy
            Start = start product policy
        }
