/// The body in canonical form, as a fold over its octets (RFC 6376 §3.4.3–4; RFC 4870 §3.4.2). `Body.step` takes one
/// octet at a time and is the specification.
///
/// A line ends at CRLF only; CR and LF alone are text. A last line that no CRLF ends is treated as if one did.
namespace Dkim.Core.Canonicalization

open System
open System.Runtime.InteropServices
open Dkim.Core.Words
open Dkim.Core.Records

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

    let internal writeLines (count: int64) (sink: IOctetSink) =
        let mutable left = count * 2L

        while left > 0L do
            let length = int (min left (int64 blankLines.Length))
            sink.Write(ReadOnlySpan(blankLines, 0, length))
            left <- left - int64 length

    let internal space = [| Octets.Space |]

    let internal loneCr = [| Octets.CR |]

    /// Everything held that text makes count.
    let internal release (state: BodyState) (sink: IOctetSink) : BodyState =
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
