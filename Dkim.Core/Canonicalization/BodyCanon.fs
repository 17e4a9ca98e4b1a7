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

    let private loneCr = [| Octets.CR |]

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

    /// Nothing is held: octets up to the next that matters can be passed on as they are.
    let private isClean (state: BodyState) =
        state.HeldLines = 0L && not state.HeldWsp && not state.HeldCr

    /// The end of a run of CRLFs.
    let private skipLineEnds (octets: ReadOnlySpan<byte>) (start: int) : int =
        let mutable at = start

        while at + 1 < octets.Length && octets[at] = Octets.CR && octets[at + 1] = Octets.LF do
            at <- at + 2

        at

    // Octet by octet to the end or until nothing is held, but for runs of empty lines, of which there may be millions.
    let private stepLines
        canon
        (state: BodyState)
        (octets: ReadOnlySpan<byte>)
        sink
        untilClean
        : struct (BodyState * int) =
        let mutable state = state
        let mutable at = 0

        while at < octets.Length && not (untilClean && isClean state) do
            let ended =
                if state.HeldCr || state.MidLine then
                    at
                else
                    skipLineEnds octets at

            if ended > at then
                state <-
                    { state with
                        HeldLines = state.HeldLines + int64 ((ended - at) / 2)
                    }

                at <- ended
            else
                state <- step canon state octets[at] sink
                at <- at + 1

        struct (state, at)

    // Simple changes nothing but the empty lines at the end, so only the line ends that a piece ends with are looked at.
    let private feedSimple (canon: BodyCanon) (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) =
        // What is held decides with the first octets that follow.
        let struct (begun, at) = stepLines canon state octets sink true
        let rest = octets.Slice at
        let last = rest.LastIndexOfAnyExcept(Octets.CR, Octets.LF)

        if last >= 0 then
            sink.Write(rest.Slice(0, last + 1))

        let passed =
            if last < 0 then
                begun
            else
                { begun with
                    MidLine = true
                    Wrote = true
                }

        let struct (ended, _) = stepLines canon passed (rest.Slice(last + 1)) sink false
        ended

    /// Whether relaxed changes an octet because of the one before it: a tab, white space or a CR after white space, or a
    /// CR that may begin an empty line.
    let inline private isTouched (previous: byte) (octet: byte) =
        octet = Octets.Tab
        || previous = Octets.Space && (octet = Octets.Space || octet = Octets.CR)
        || previous = Octets.LF && octet = Octets.CR

    /// The first octet from `at` on, or the length, for which `isTouched`.
    let private nextTouched (octets: ReadOnlySpan<byte>) (start: int) : int =
        let mutable at = start
        let mutable mask = 0u

        if Vector256.IsHardwareAccelerated then
            let origin = &MemoryMarshal.GetReference octets
            let last = octets.Length - Vector256<byte>.Count
            let tab = Vector256.Create<byte> Octets.Tab
            let space = Vector256.Create<byte> Octets.Space
            let cr = Vector256.Create<byte> Octets.CR
            let lf = Vector256.Create<byte> Octets.LF

            while mask = 0u && at <= last do
                let here = Vector256.LoadUnsafe(&origin, unativeint at)
                let previous = Vector256.LoadUnsafe(&origin, unativeint (at - 1))
                let isCr = Vector256.Equals(here, cr)

                let afterSpace =
                    Vector256.BitwiseAnd(
                        Vector256.Equals(previous, space),
                        Vector256.BitwiseOr(Vector256.Equals(here, space), isCr)
                    )

                let afterLf = Vector256.BitwiseAnd(Vector256.Equals(previous, lf), isCr)

                let touched =
                    Vector256.BitwiseOr(Vector256.Equals(here, tab), Vector256.BitwiseOr(afterSpace, afterLf))

                mask <- Vector256.ExtractMostSignificantBits touched

                if mask = 0u then
                    at <- at + Vector256<byte>.Count

        if mask <> 0u then
            at + BitOperations.TrailingZeroCount mask
        else
            while at < octets.Length && not (isTouched octets[at - 1] octets[at]) do
                at <- at + 1

            at

    /// The length of the stretch that relaxed leaves as it is. Empty lines are part of it where text follows them.
    /// The first octet is part of it.
    let private untouched (octets: ReadOnlySpan<byte>) : int =
        let mutable at = nextTouched octets 1
        let mutable going = at < octets.Length && octets[at - 1] = Octets.LF

        while going do
            let text = skipLineEnds octets at

            if text > at && text < octets.Length && octets[text] > Octets.Space then
                at <- nextTouched octets (text + 1)
                going <- at < octets.Length && octets[at - 1] = Octets.LF
            else
                going <- false

        at

    /// The end of a run of white space, which is held as one space however long.
    let private skipWsp (octets: ReadOnlySpan<byte>) (start: int) : int =
        let mutable at = start
        let near = min octets.Length (start + 32)

        while at < near && Octets.isWsp octets[at] do
            at <- at + 1

        if at < near || at = octets.Length then
            at
        else
            match octets.Slice(at).IndexOfAnyExcept(Octets.Space, Octets.Tab) with
            | -1 -> octets.Length
            | length -> at + length

    // The state is taken apart while it lasts: stretches are short in some texts, and this is where their time goes.
    let private feedRelaxed (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        let mutable heldLines = state.HeldLines
        let mutable heldWsp = state.HeldWsp
        let mutable heldCr = state.HeldCr
        let mutable midLine = state.MidLine
        let mutable wrote = state.Wrote
        let mutable at = 0

        while at < octets.Length do
            if heldCr then
                heldCr <- false

                if octets[at] = Octets.LF then
                    if midLine then
                        sink.Write(ReadOnlySpan Octets.crlf)
                    else
                        heldLines <- heldLines + 1L

                    heldWsp <- false
                    midLine <- false
                    at <- at + 1
                else
                    if heldLines > 0L then
                        writeLines heldLines sink

                    if heldWsp then
                        sink.Write(ReadOnlySpan space)

                    sink.Write(ReadOnlySpan loneCr)
                    heldLines <- 0L
                    heldWsp <- false
                    midLine <- true
                    wrote <- true
            elif
                Octets.isWsp octets[at]
                && (heldWsp || heldLines > 0L || octets[at] = Octets.Tab)
            then
                heldWsp <- true
                at <- skipWsp octets at
            elif octets[at] = Octets.CR && (heldWsp || heldLines > 0L || not midLine) then
                let ended = if heldWsp || midLine then at else skipLineEnds octets at
                heldLines <- heldLines + int64 ((ended - at) / 2)
                heldCr <- ended = at
                at <- if heldCr then at + 1 else ended
            else
                if heldLines > 0L then
                    writeLines heldLines sink

                if heldWsp then
                    // The last space of a run that ends here is the one that stays.
                    if heldLines = 0L && at > 0 && octets[at - 1] = Octets.Space then
                        at <- at - 1
                    else
                        sink.Write(ReadOnlySpan space)

                let length = untouched (octets.Slice at)
                let last = octets[at + length - 1]
                heldCr <- last = Octets.CR
                heldWsp <- last = Octets.Space
                let kept = if heldCr || heldWsp then length - 1 else length
                heldLines <- 0L

                if kept > 0 then
                    let stretch = octets.Slice(at, kept)
                    sink.Write stretch
                    midLine <- not (stretch.EndsWith(ReadOnlySpan Octets.crlf))
                    wrote <- true

                at <- at + length

        {
            HeldLines = heldLines
            HeldWsp = heldWsp
            HeldCr = heldCr
            MidLine = midLine
            Wrote = wrote
        }

    // nofws drops octets all over, so that stretches are short: what is kept of a line is gathered before it is passed on.
    let private feedNofws (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        let kept: byte[] = GC.AllocateUninitializedArray(min octets.Length 1024)
        let mutable count = 0
        let mutable state = state

        for index = 0 to octets.Length - 1 do
            let octet = octets[index]

            if octet > Octets.Space && not state.HeldCr then
                if not state.MidLine then
                    state <- release state sink

                if count = kept.Length then
                    sink.Write(ReadOnlySpan kept)
                    count <- 0

                kept[count] <- octet
                count <- count + 1
            elif state.HeldCr || not (Octets.isWsp octet) then
                if count > 0 then
                    sink.Write(ReadOnlySpan(kept, 0, count))
                    count <- 0

                state <- step NofwsBody state octet sink

        if count > 0 then
            sink.Write(ReadOnlySpan(kept, 0, count))

        state

    /// A piece of the body, of any size.
    let feed (canon: BodyCanon) (state: BodyState) (octets: ReadOnlySpan<byte>) (sink: IOctetSink) : BodyState =
        match canon with
        | SimpleBody
        | DomainKeysSimpleBody -> feedSimple canon state octets sink
        | RelaxedBody -> feedRelaxed state octets sink
        | NofwsBody -> feedNofws state octets sink
