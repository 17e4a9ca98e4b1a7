/// The body in canonical form, as a fold over its octets (RFC 6376 §3.4.3–4; RFC 4870 §3.4.2). `Body.step` takes one
/// octet at a time and is the specification; `Body.feed` copies untouched stretches and equals it.
///
/// A line ends at CRLF only; CR and LF alone are text. A last line that no CRLF ends is treated as if one did.
namespace Dkim.Core

open System
open System.Numerics
open System.Runtime.InteropServices
open System.Runtime.Intrinsics

/// Takes canonical octets as they are made.
type IOctetSink =
    abstract Write: octets: ReadOnlySpan<byte> -> unit

/// What must be remembered between octets. Nothing in it grows with the body.
[<Struct>]
type BodyState =
    {
        /// Empty lines not written yet: they count only if text follows.
        HeldLines: int64
        /// White space not written yet: it counts only if text follows on the line.
        HeldWsp: bool
        /// A CR that may turn out to be half a line end.
        HeldCr: bool
        /// The line has text.
        MidLine: bool
        /// Some line had text.
        Wrote: bool
    }

module Body =
    /// The state before the first octet. DomainKeys hashes the line between header and body, so it begins with an
    /// empty line held (RFC 4870 §3.4.2.1).
    let start (canon: BodyCanon) : BodyState =
        {
            HeldLines =
                match canon with
                | SimpleBody
                | RelaxedBody -> 0L
                | DomainKeysSimpleBody
                | NofwsBody -> 1L
            HeldWsp = false
            HeldCr = false
            MidLine = false
            Wrote = false
        }

    let private blankLines: byte[] =
        Array.init 1024 (fun index -> if index % 2 = 0 then Octets.CR else Octets.LF)

    let private writeLines (count: int64) (sink: IOctetSink) =
        let mutable left = count * 2L

        while left > 0L do
            let length = int (min left (int64 blankLines.Length))
            sink.Write(ReadOnlySpan(blankLines, 0, length))
            left <- left - int64 length

    let private space = [| Octets.Space |]

    /// Everything held that text makes count.
    let private release (state: BodyState) (sink: IOctetSink) : BodyState =
        if state.HeldLines > 0L then
            writeLines state.HeldLines sink

        if state.HeldWsp then
            sink.Write(ReadOnlySpan space)

        {
            HeldLines = 0L
            HeldWsp = false
            HeldCr = false
            MidLine = true
            Wrote = true
        }

    let private text (state: BodyState) (octet: byte) (sink: IOctetSink) : BodyState =
        let after = release state sink
        let mutable octet = octet
        sink.Write(MemoryMarshal.CreateReadOnlySpan(&octet, 1))
        after

    let private lineEnd (state: BodyState) (sink: IOctetSink) : BodyState =
        if state.MidLine then
            sink.Write(ReadOnlySpan Octets.crlf)

        {
            HeldLines = if state.MidLine then 0L else state.HeldLines + 1L
            HeldWsp = false
            HeldCr = false
            MidLine = false
            Wrote = state.Wrote
        }

    /// A CR or LF that ends no line: text, except that nofws drops it.
    let private bare (canon: BodyCanon) (state: BodyState) (octet: byte) (sink: IOctetSink) : BodyState =
        match canon with
        | NofwsBody -> state
        | SimpleBody
        | RelaxedBody
        | DomainKeysSimpleBody -> text state octet sink

    let private wsp (canon: BodyCanon) (state: BodyState) (octet: byte) (sink: IOctetSink) : BodyState =
        match canon with
        | RelaxedBody -> { state with HeldWsp = true }
        | NofwsBody -> state
        | SimpleBody
        | DomainKeysSimpleBody -> text state octet sink

    /// One octet.
    let rec step (canon: BodyCanon) (state: BodyState) (octet: byte) (sink: IOctetSink) : BodyState =
        if state.HeldCr then
            if octet = Octets.LF then
                lineEnd state sink
            else
                let after = bare canon { state with HeldCr = false } Octets.CR sink
                step canon after octet sink
        else
            match octet with
            | Octets.CR -> { state with HeldCr = true }
            | Octets.LF -> bare canon state octet sink
            | Octets.Space
            | Octets.Tab -> wsp canon state octet sink
            | _ -> text state octet sink

    /// The end of the body. Simple makes one CRLF of an empty body (RFC 6376 §3.4.3); the others make nothing.
    let finish (canon: BodyCanon) (state: BodyState) (sink: IOctetSink) : unit =
        let last =
            if state.HeldCr then
                bare canon { state with HeldCr = false } Octets.CR sink
            else
                state

        if last.MidLine || canon = SimpleBody && not last.Wrote then
            sink.Write(ReadOnlySpan Octets.crlf)

    let private steps
        (canon: BodyCanon)
        (state: BodyState)
        (octets: ReadOnlySpan<byte>)
        (sink: IOctetSink)
        : BodyState =
        let mutable state = state

        for index = 0 to octets.Length - 1 do
            state <- step canon state octets[index] sink

        state

    /// Nothing is held: octets up to the next that matters can be passed on as they are.
    let private isClean (state: BodyState) =
        state.HeldLines = 0L && not state.HeldWsp && not state.HeldCr

    // Simple changes nothing but the empty lines at the end, so only the line ends that a piece ends with are looked at.
    let private feedSimple (canon: BodyCanon) (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) =
        let mutable state = state
        let mutable rest = octets
        // What is held decides with the first octets that follow.
        while not rest.IsEmpty && not (isClean state) do
            state <- step canon state rest[0] sink
            rest <- rest.Slice 1

        let last = rest.LastIndexOfAnyExcept(Octets.CR, Octets.LF)

        if last >= 0 then
            sink.Write(rest.Slice(0, last + 1))

            state <-
                { state with
                    MidLine = true
                    Wrote = true
                }

        steps canon state (rest.Slice(last + 1)) sink

    /// The length of the stretch that relaxed leaves as it is: it ends before a tab, before white space or a CR that
    /// follows white space, and before a CR that begins a line.
    let private untouched (octets: ReadOnlySpan<byte>) (midLine: bool) : int =
        let scalarBad (previous: byte) (octet: byte) =
            octet = Octets.Tab
            || previous = Octets.Space && (octet = Octets.Space || octet = Octets.CR)
            || previous = Octets.LF && octet = Octets.CR

        let first = octets[0]

        if first = Octets.Tab || first = Octets.CR && not midLine then
            0
        else
            let mutable at = 1
            let mutable found = false

            if Vector256.IsHardwareAccelerated then
                let origin = &MemoryMarshal.GetReference octets
                let tab = Vector256.Create<byte> Octets.Tab
                let sp = Vector256.Create<byte> Octets.Space
                let cr = Vector256.Create<byte> Octets.CR
                let lf = Vector256.Create<byte> Octets.LF

                while not found && at + Vector256<byte>.Count <= octets.Length do
                    let here = Vector256.LoadUnsafe(&origin, unativeint at)
                    let previous = Vector256.LoadUnsafe(&origin, unativeint (at - 1))
                    let isCr = Vector256.Equals(here, cr)

                    let afterSpace =
                        Vector256.Equals(previous, sp) &&& (Vector256.Equals(here, sp) ||| isCr)

                    let bad =
                        Vector256.Equals(here, tab)
                        ||| afterSpace
                        ||| (Vector256.Equals(previous, lf) &&& isCr)

                    let mask = Vector256.ExtractMostSignificantBits bad

                    if mask = 0u then
                        at <- at + Vector256<byte>.Count
                    else
                        at <- at + BitOperations.TrailingZeroCount mask
                        found <- true

            while not found && at < octets.Length do
                if scalarBad octets[at - 1] octets[at] then
                    found <- true
                else
                    at <- at + 1

            at

    /// Passes a stretch on, but for what it ends with if that must be held.
    let private pass (state: BodyState) (stretch: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        let last = stretch[stretch.Length - 1]
        let heldCr = last = Octets.CR
        let heldWsp = last = Octets.Space

        let kept =
            if heldCr || heldWsp then
                stretch.Slice(0, stretch.Length - 1)
            else
                stretch

        if kept.IsEmpty then
            { state with
                HeldCr = heldCr
                HeldWsp = heldWsp
            }
        else
            sink.Write kept

            {
                HeldLines = 0L
                HeldWsp = heldWsp
                HeldCr = heldCr
                MidLine = not (kept.EndsWith(ReadOnlySpan Octets.crlf))
                Wrote = true
            }

    /// Skips a run of white space, which is held as one space however long.
    let private skipRun (octets: ReadOnlySpan<byte>) : int =
        match octets.IndexOfAnyExcept(Octets.Space, Octets.Tab) with
        | -1 -> octets.Length
        | at -> at

    let private feedRelaxed (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        let mutable state = state
        let mutable rest = octets

        while not rest.IsEmpty do
            if isClean state then
                let length = untouched rest state.MidLine

                if length > 0 then
                    state <- pass state (rest.Slice(0, length)) sink
                    rest <- rest.Slice length

            if state.HeldWsp && not state.HeldCr then
                rest <- rest.Slice(skipRun rest)

            if not rest.IsEmpty then
                state <- step RelaxedBody state rest[0] sink
                rest <- rest.Slice 1

        state

    // nofws drops octets all over, so that stretches are short; what is kept between two of them is passed on whole.
    let private feedNofws (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        let mutable state = state
        let mutable rest = octets

        while not rest.IsEmpty do
            let length =
                if state.HeldCr then
                    0
                else
                    match rest.IndexOfAny(" \t\r\n"B) with
                    | -1 -> rest.Length
                    | at -> at

            if length > 0 then
                state <- release state sink
                sink.Write(rest.Slice(0, length))
                rest <- rest.Slice length

            if not rest.IsEmpty then
                state <- step NofwsBody state rest[0] sink
                rest <- rest.Slice 1

        state

    /// A piece of the body, of any size.
    let feed (canon: BodyCanon) (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        match canon with
        | SimpleBody
        | DomainKeysSimpleBody -> feedSimple canon state octets sink
        | RelaxedBody -> feedRelaxed state octets sink
        | NofwsBody -> feedNofws state octets sink
