/// The body in canonical form, fast: pieces of any size, of which untouched stretches are passed on whole. Equals
/// `Body.step` octet by octet, whatever the pieces (a law in properties/).
module Dkim.Core.Canonicalization.BodyFeed

open System
open System.Numerics
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open Dkim.Core.Words
open Dkim.Core.Records
open Dkim.Core.Canonicalization.Body

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
let private stepLines canon (state: BodyState) (octets: ReadOnlySpan<byte>) sink untilClean : struct (BodyState * int) =
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
