/// One message on its way through a milter: what the MTA tells stage by stage goes in, changes to the header and one
/// final word come out. Which they are, the programs decide.
namespace Dkim.Core.Programs.Filters

open System
open System.Buffers
open System.Collections.Generic
open System.Net
open System.Text
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Dns
open Dkim.Core.Canonicalization
open Dkim.Core.Signatures
open Dkim.Core.Programs.Settings
open Dkim.Core.Programs.Running

/// The client of an MTA, as the MTA names it when a connection begins.
type MilterClient =
    {
        /// The name, or the address in brackets where it has none.
        HostName: string
        /// Nothing where mail is submitted on the machine itself.
        Address: IPAddress voption
    }

/// The macros that the MTA has sent for a message up to now.
type IMilterMacros =
    /// The value of a macro, named without braces, that came first: `i`, `auth_type`.
    abstract Find: name: string -> string voption
    /// The value that came when the client connected: `daemon_name`.
    abstract FindAtConnect: name: string -> string voption

/// The macros, without braces, that an MTA is asked for; at other stages it tells what it is set up to tell.
type WantedMacros =
    {
        /// Empty: those that it is set up to tell.
        AtConnect: string list
        AtEndOfHeader: string list
    }

module internal MilterMacros =
    // Which entrance of the MTA mail came in by. Only who holds the client's connection knows it: asked at the end of the
    // header, Postfix's cleanup says its own `$myhostname` for `{daemon_name}`, whichever port mail came in by.
    let private ofEntrance =
        [ "daemon_name"; "daemon_addr"; "daemon_port"; "if_name"; "if_addr" ]

    // What every MTA tells unasked at an earlier stage (milter_connect_macros and milter_mail_macros of postconf(5),
    // confMILTER_MACROS_CONNECT and confMILTER_MACROS_ENVFROM of Sendmail).
    let private ofConnection =
        [ "j"; "_"; "v"; "daemon_name"; "daemon_addr"; "if_name"; "if_addr" ]

    let private ofLogin = [ "auth_type"; "auth_authen"; "auth_author" ]

    /// The value of a macro, from a stage at which the MTA can know it.
    let find (macros: IMilterMacros) (name: string) : string voption =
        if ofEntrance |> List.contains name then
            macros.FindAtConnect name
        else
            macros.Find name

    /// What to ask for, so that these can be looked at.
    let wanted (names: string list) : WantedMacros =
        let entrance = names |> List.filter (fun name -> List.contains name ofEntrance)

        {
            // An MTA that is asked no longer tells what it tells unasked.
            AtConnect =
                if entrance.IsEmpty then
                    []
                else
                    ofConnection @ entrance |> List.distinct
            AtEndOfHeader = names |> List.distinct |> List.except (ofEntrance @ ofConnection @ ofLogin)
        }

/// What is known of a message when its header is complete.
[<NoComparison; NoEquality>]
type internal MilterEnvelope =
    {
        Client: MilterClient
        Macros: IMilterMacros
        /// As in the MAIL command, brackets included; nothing where the host did not tell it.
        Sender: string voption
        /// The first recipient that the program wanted to know of, as in the RCPT command, brackets included.
        Recipient: string voption
        Header: Header
        Now: int64<sec>
    }

/// How a milter goes on when the header is complete.
[<NoComparison; NoEquality>]
type internal MilterCourse =
    /// The message is done with, before its body; it cannot be changed any more.
    | Finish of MilterDecision
    | Proceed of Work<MilterDecision>
    /// The same, and these see the body as well.
    | ProceedKeeping of KeptBody list * Work<MilterDecision>

/// What a program brings to a message.
[<NoComparison; NoEquality>]
type internal MilterParts =
    {
        /// A header beyond these is not looked at; `Octets` counts name, value and two more of each field.
        HeaderLimits: HeaderLimits
        /// Whether to keep a recipient. One is enough, so that none is forgotten however many there are.
        WantsRecipient: string -> bool
        /// CR and LF alone in a body count as CRLF, which the MTA or a later one will make of them.
        FixLineEnds: bool
        /// What becomes of a message whose header is beyond them, and not in the envelope, with so many fields of
        /// Authentication-Results.
        TooLarge: MilterEnvelope -> int -> MilterCourse
        Start: MilterEnvelope -> MilterCourse
    }

/// A field between the wire, where lines end with LF, and the message.
module MilterField =
    let private isBare (value: ReadOnlySpan<byte>) (index: int) =
        value[index] = Octets.LF && (index = 0 || value[index - 1] <> Octets.CR)

    let private bareLines (value: ReadOnlySpan<byte>) : int =
        let mutable count = 0

        if value.Contains Octets.LF then
            for index = 0 to value.Length - 1 do
                if isBare value index then
                    count <- count + 1

        count

    let private copyLines (value: ReadOnlySpan<byte>) (target: byte[]) (start: int) : unit =
        let mutable next = start

        for index = 0 to value.Length - 1 do
            if isBare value index then
                target[next] <- Octets.CR
                next <- next + 1

            target[next] <- value[index]
            next <- next + 1

    /// The field as the next hop will see it. Where the MTA takes away the space after the colon, it puts one there
    /// when it sends the message on.
    let internal received (name: ReadOnlySpan<byte>) (value: ReadOnlySpan<byte>) (spaceKept: bool) : Field =
        let start = name.Length + (if spaceKept then 1 else 2)
        let bare = bareLines value
        let raw = Array.zeroCreate (start + value.Length + bare)
        name.CopyTo(Span raw)
        raw[start - 1] <- Octets.Space
        raw[name.Length] <- Octets.Colon

        if bare = 0 then
            value.CopyTo(raw.AsSpan start)
        else
            copyLines value raw start

        Field.ofOctets (ReadOnlyMemory raw)

    /// The value of a field for the wire.
    [<CompiledName "Value">]
    let value (field: Field) (spaceKept: bool) : byte[] =
        let octets = field.Value

        let from =
            if not spaceKept && octets.Length > 0 && octets[0] = Octets.Space then
                1
            else
                0

        octets.Slice(from).ToArray() |> Array.filter (fun octet -> octet <> Octets.CR)

/// How much of what MTAs have said, and not finished, all connections of a milter may hold in memory together: packets
/// that are not complete, macros, and headers of messages on their way.
module MilterMemory =
    /// What each connection holds without asking, in octets: the header of nearly every message.
    [<CompiledName "Unasked">]
    let unasked = 32768L

    // What all may hold beyond that, in octets. The header of a message costs some four times as much while it is judged.
    let private most = 67108864L

    /// The part of what a connection holds that counts for all.
    [<CompiledName "Counted">]
    let counted (held: int64) : int64 = max 0L (held - unasked)

    /// Whether all connections together may hold so much that counts.
    [<CompiledName "MayHold">]
    let mayHold (counted: int64) : bool = counted <= most

    /// Whether so much has been held that its room is to be given back once it is free.
    [<CompiledName "IsMuch">]
    let isMuch (counted: int64) : bool = counted > most / 8L

    /// What a field of a header costs, whose name and value are so long together.
    [<CompiledName "OfField">]
    let ofField (octets: int) : int64 = int64 octets + 128L

/// The passage of one message through a milter, on one thread at a time. The order of calls: `Sender`, `Recipient`,
/// `Field`, `EndOfHeader`, `Feed`, `End`, then `Answer` while there are `Questions`, then `Decision`. As soon as `Decided` is true
/// only `Decision` is left to call.
[<Sealed>]
type MilterMessage internal (parts: MilterParts, client: MilterClient) =
    let fields = List<Field>()
    let mutable headerOctets = 0L
    let mutable isTooLarge = false
    // Counted in a header of any size: a forged result must go even from one that is not looked at.
    let mutable results = 0
    let mutable early: MilterDecision voption = ValueNone
    let mutable passage: Passage<MilterDecision> voption = ValueNone
    let mutable sender: string voption = ValueNone
    let mutable recipient: string voption = ValueNone
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
        running().Feed octets

        for body in kept do
            body.Feed octets

    let start work =
        let started = new Passage<MilterDecision>(parts.HeaderLimits, (fun _ -> work))
        started.Begin fields
        passage <- ValueSome started

    /// The sender as the MAIL command has it.
    member _.Sender(address: ReadOnlySpan<byte>) : unit =
        sender <- ValueSome(Octets.latin1 address)

    /// A recipient as the RCPT command has it.
    member _.Recipient(address: ReadOnlySpan<byte>) : unit =
        if recipient.IsNone then
            let text = Octets.latin1 address

            if parts.WantsRecipient text then
                recipient <- ValueSome text

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
    member _.EndOfHeader(macros: IMilterMacros, now: int64<sec>) : unit =
        let envelope =
            {
                Client = client
                Macros = macros
                Sender = sender
                Recipient = recipient
                Header = if isTooLarge then Header.empty else Header.ofFields fields
                Now = now
            }

        let course =
            if isTooLarge then
                parts.TooLarge envelope results
            else
                parts.Start envelope

        match course with
        | Finish decision -> early <- ValueSome decision
        | Proceed work -> start work
        | ProceedKeeping(bodies, work) ->
            kept <- bodies
            start work

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

    /// What to look up now; see `Passage`.
    member _.Questions: Question[] =
        match passage with
        | ValueSome passage -> passage.Questions
        | ValueNone -> [||]

    /// The message is complete.
    member _.End() : unit = running().End()

    /// The answers to `Questions`. One that is missing counts as unavailable.
    member _.Answer(answers: IReadOnlyDictionary<Question, Answer>) : unit = running().Answer answers

    /// The decision, once nothing is asked any more.
    member _.Decision: MilterDecision =
        match early with
        | ValueSome decision -> decision
        | ValueNone -> running().Decision

    interface IDisposable with
        member _.Dispose() =
            match passage with
            | ValueSome passage -> (passage :> IDisposable).Dispose()
            | ValueNone -> ()

/// What a milter says of trouble of its own, or of the MTA's, which may last.
module MilterLog =
    /// A message that cannot be handled now. `job` is its queue id, where the MTA tells.
    [<CompiledName "NotProcessed">]
    let notProcessed (job: string voption) (why: string) : LogLine =
        let what = "not processed: " + why

        { LogLine.trouble LogLevel.Warning what with
            Text = ValueOption.defaultValue "a message" job + " " + what
        }
        |> LogLine.says (LogFields.optional LogField.Id job)

    /// A connection that cannot go on.
    [<CompiledName "Broken">]
    let broken (what: string) : LogLine = LogLine.trouble LogLevel.Warning what
