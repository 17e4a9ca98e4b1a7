/// One message on its way through a milter: what the MTA tells stage by stage goes in, changes to the header and one
/// final word come out. Which they are, the programs decide.
namespace Dkim.Core.Programs.Filters.Milter

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Asking
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures

/// What is known of a message when its header is complete.
[<NoComparison; NoEquality>]
type internal MilterEnvelope =
    {
        Client: MilterClient
        Macros: MilterMacros
        /// As in the MAIL command, brackets included; nothing where the host did not tell it.
        Sender: string voption
        /// The first recipient of each kind that the program wanted to know of, as in the RCPT command, brackets included.
        Recipients: string voption[]
        /// All recipients, where the program wanted them; one more than it wanted where there are too many.
        Everyone: string list
        Header: Header
        Now: int64<sec>
    }

/// How a milter goes on when the header is complete.
[<NoComparison; NoEquality>]
type internal AfterHeader =
    /// The message is done with, before its body; it cannot be changed any more.
    | Finish of MilterDecision
    | Proceed of Work<MilterDecision>
    /// The same, and these see the body as well.
    | ProceedKeeping of KeptBody list * Work<MilterDecision>

/// What a program brings to a message.
[<NoComparison; NoEquality>]
type internal MilterHandler =
    {
        /// A header beyond these is not looked at; `Octets` counts name, value and two more of each field.
        HeaderLimits: HeaderLimits
        /// Whether to keep a recipient, for each kind of them. One of a kind is enough, so that none is forgotten however
        /// many there are.
        WantsRecipient: (string -> bool)[]
        /// How many recipients to keep besides, of whatever kind.
        MostRecipients: int
        /// CR and LF alone in a body count as CRLF, which the MTA or a later one will make of them.
        FixLineEnds: bool
        /// What becomes of a message whose header is beyond them, and not in the envelope, with so many fields of
        /// Authentication-Results.
        TooLarge: MilterEnvelope -> int -> AfterHeader
        Start: MilterEnvelope -> Step<AfterHeader>
    }

/// The passage of one message through a milter, on one thread at a time. The order of calls: `Sender`, `Recipient`,
/// `Field`, `EndOfHeader`, `Go` while `HoldsBody` is true, `Feed`, `End`, then `Go` while there are `Needs`, then `Decision`. As soon
/// as `Decided` is true
/// only `Decision` is left to call.
[<Sealed>]
type MilterMessage internal (parts: MilterHandler, client: MilterClient) =
    let fields = List<Field>()
    let mutable headerOctets = 0L
    let mutable isTooLarge = false
    // Counted in a header of any size: a forged result must go even from one that is not looked at.
    let mutable results = 0
    let mutable early: MilterDecision voption = ValueNone
    // While something has to be found out first.
    let mutable choosing: Step<AfterHeader> voption = ValueNone
    let mutable passage: Passage<MilterDecision> voption = ValueNone
    let mutable sender: string voption = ValueNone

    let recipients: string voption[] =
        Array.create parts.WantsRecipient.Length ValueNone

    let everyone = List<string>()
    let mutable kept: KeptBody list = []
    let mutable lineEnds = LineEnds.start

    let repaired =
        if parts.FixLineEnds then
            ArrayBufferWriter<byte> 4096
        else
            ArrayBufferWriter<byte>()

    let isResults (name: ReadOnlySpan<byte>) =
        Ascii.EqualsIgnoreCase(name.TrimEnd " \t"B, "authentication-results"B)

    let isBeyond (octets: int64) =
        octets > int64 parts.HeaderLimits.Octets
        || fields.Count >= parts.HeaderLimits.Fields

    // What was kept so far is of no more use.
    let giveUp () =
        isTooLarge <- true
        fields.Clear()
        fields.TrimExcess()

    let running () =
        match passage with
        | ValueSome passage -> passage
        | ValueNone -> invalidOp "the header is not complete"

    let feed (octets: ReadOnlySpan<byte>) =
        running().Feed octets |> ignore

        for body in kept do
            body.Feed octets

    let start work =
        let started = new Passage<MilterDecision>(parts.HeaderLimits, (fun _ -> Done work))
        started.Begin fields
        passage <- ValueSome started

    let goOn (step: Step<AfterHeader>) =
        match step with
        | Want _ -> choosing <- ValueSome step
        | Done course ->
            choosing <- ValueNone

            match course with
            | Finish decision -> early <- ValueSome decision
            | Proceed work -> start work
            | ProceedKeeping(bodies, work) ->
                kept <- bodies
                start work

    /// The sender as the MAIL command has it.
    member _.Sender(address: ReadOnlySpan<byte>) : unit =
        sender <- ValueSome(Octets.latin1 address)

    /// A recipient as the RCPT command has it.
    member _.Recipient(address: ReadOnlySpan<byte>) : unit =
        let isKept = parts.MostRecipients > 0 && everyone.Count <= parts.MostRecipients

        if isKept || recipients |> Array.exists _.IsNone then
            let text = Octets.latin1 address

            if isKept then
                everyone.Add text

            for kind in 0 .. recipients.Length - 1 do
                if recipients[kind].IsNone && parts.WantsRecipient[kind] text then
                    recipients[kind] <- ValueSome text

    /// A field of the header, from the top. `spaceKept`: the value has all octets after the colon.
    member _.Field(name: ReadOnlySpan<byte>, value: ReadOnlySpan<byte>, spaceKept: bool) : unit =
        headerOctets <- headerOctets + int64 name.Length + int64 value.Length + 2L

        if isResults name then
            results <- results + 1

        if isTooLarge then ()
        elif isBeyond headerOctets then giveUp ()
        else fields.Add(MilterField.received name value spaceKept)

    /// Whether a field of so many octets, of which two are no part of name and value, would be kept.
    member _.WouldKeep(octets: int) : bool =
        not isTooLarge && not (isBeyond (headerOctets + int64 octets))

    /// A field that would not be kept. `start` is its beginning, with a NUL behind the name; names that are longer than
    /// that are none that is looked for.
    member _.LongField(start: ReadOnlySpan<byte>, octets: int) : unit =
        headerOctets <- headerOctets + int64 octets
        let nameLength = start.IndexOf 0uy

        if nameLength >= 0 && isResults (start.Slice(0, nameLength)) then
            results <- results + 1

        giveUp ()

    /// The header is complete. `now` is the time of day in seconds since 1970-01-01T00:00:00Z.
    member _.EndOfHeader(macros: MilterMacros, now: int64<sec>) : unit =
        let envelope =
            {
                Client = client
                Macros = macros
                Sender = sender
                Recipients = recipients
                Everyone = if everyone.Count = 0 then [] else List.ofSeq everyone
                Header = if isTooLarge then Header.empty else Header.ofFields fields
                Now = now
            }

        (if isTooLarge then
             Done(parts.TooLarge envelope results)
         else
             parts.Start envelope)
        |> goOn

    /// Whether the decision stands before the body.
    member _.Decided = early.IsSome

    /// Whether the decision depends on octets of the body that are still to come.
    member _.WantsMore = early.IsNone && running().WantsMore

    /// Octets of the body, as the next hop will see them.
    member _.Feed(octets: ReadOnlySpan<byte>) : unit =
        if parts.FixLineEnds then
            repaired.ResetWrittenCount()
            lineEnds <- LineEnds.repair lineEnds octets repaired
            feed repaired.WrittenSpan
        else
            feed octets

    /// Whether the needs have to be found before octets of the body are fed: without them it is not known what is done
    /// with the message.
    member _.HoldsBody = choosing.IsSome

    /// What to find out now; see `Passage`.
    member _.Needs: Need list =
        match choosing, passage with
        | ValueSome step, _ -> step.Needs
        | ValueNone, ValueSome passage -> passage.Needs
        | ValueNone, ValueNone -> []

    /// The message is complete.
    member _.End() : unit = running().End()

    /// What was found of `Needs`. What is missing counts as unavailable.
    member _.Go(found: Found) : unit =
        match choosing with
        | ValueSome step -> goOn (step.Go found)
        | ValueNone -> running().Go found

    /// The decision, once nothing is needed any more.
    member _.Decision: MilterDecision =
        match early with
        | ValueSome decision -> decision
        | ValueNone -> running().Decision

    interface IDisposable with
        member _.Dispose() =
            match passage with
            | ValueSome passage -> (passage :> IDisposable).Dispose()
            | ValueNone -> ()
