/// Header fields in canonical form (RFC 6376 §3.4.1–2, §3.7; RFC 4870 §3.4.2). The text of a field may hold any octets;
/// white space is SP and HTAB only, and a line end is CRLF only.
module Dkim.Core.Canonicalization.CanonicalHeader

open System
open System.Buffers
open Dkim.Core.Words
open Dkim.Core.Message
open Dkim.Core.Records

let private write (octets: ReadOnlySpan<byte>) (sink: IBufferWriter<byte>) = sink.Write octets

let private writeOctet (octet: byte) (sink: IBufferWriter<byte>) =
    sink.GetSpan(1)[0] <- octet
    sink.Advance 1

/// The field octet for octet (§3.4.1).
let private simple (field: Field) (sink: IBufferWriter<byte>) = write field.Raw.Span sink

let private writeLowerCase (name: ReadOnlySpan<byte>) (sink: IBufferWriter<byte>) =
    let room = sink.GetSpan name.Length

    for index = 0 to name.Length - 1 do
        let octet = name[index]

        room[index] <-
            if octet >= 'A'B && octet <= 'Z'B then
                octet ||| 32uy
            else
                octet

    sink.Advance name.Length

let private isFoldAt (octets: ReadOnlySpan<byte>) (index: int) =
    octets[index] = Octets.CR
    && index + 1 < octets.Length
    && octets[index + 1] = Octets.LF

/// Unfolds, makes one space of each run of white space, and drops white space at both ends (§3.4.2).
let private writeRelaxedValue (value: ReadOnlySpan<byte>) (sink: IBufferWriter<byte>) =
    let mutable index = 0
    let mutable pending = false
    let mutable any = false

    while index < value.Length do
        if isFoldAt value index then
            index <- index + 2
        elif Octets.isWsp value[index] then
            pending <- true
            index <- index + 1
        else
            let run = value.Slice(index).IndexOfAny(Octets.Space, Octets.Tab, Octets.CR)
            // A bare CR is text: it is part of the run that begins with it.
            let length = if run < 0 then value.Length - index else max 1 run

            if pending && any then
                writeOctet Octets.Space sink

            write (value.Slice(index, length)) sink
            pending <- false
            any <- true
            index <- index + length

let private relaxed (field: Field) (sink: IBufferWriter<byte>) =
    let name = field.Raw.Span.Slice(0, int field.Colon).TrimEnd(" \t"B)
    writeLowerCase name sink
    writeOctet Octets.Colon sink
    writeRelaxedValue field.Value sink

/// Drops every SP, HTAB, CR and LF (RFC 4870 §3.4.2.2).
let private nofws (field: Field) (sink: IBufferWriter<byte>) =
    let mutable rest = field.Raw.Span

    while not rest.IsEmpty do
        match rest.IndexOfAny(" \t\r\n"B) with
        | -1 ->
            write rest sink
            rest <- ReadOnlySpan.Empty
        | at ->
            write (rest.Slice(0, at)) sink
            rest <- rest.Slice(at + 1)

/// Writes a field in canonical form, without the CRLF that ends it.
let writeField (canon: HeaderCanon) (field: Field) (sink: IBufferWriter<byte>) : unit =
    match canon with
    | SimpleHeader -> simple field sink
    | RelaxedHeader -> relaxed field sink
    | NofwsHeader -> nofws field sink

/// Writes fields in canonical form, each with its CRLF.
let writeFields (canon: HeaderCanon) (fields: Field seq) (sink: IBufferWriter<byte>) : unit =
    for field in fields do
        writeField canon field sink
        write (ReadOnlySpan Octets.crlf) sink

/// The field without the octets of an extent of its value: how a signature field is hashed (RFC 6376 §3.7).
let without (extent: Extent) (field: Field) : Field =
    let start = int field.Colon + 1 + int extent.At
    let raw = field.Raw.Span
    let kept = Array.zeroCreate (raw.Length - int extent.Length)
    raw.Slice(0, start).CopyTo(kept.AsSpan())
    raw.Slice(start + int extent.Length).CopyTo(kept.AsSpan start)
    { field with Raw = ReadOnlyMemory kept }

/// What the signature over the header is computed from: the selected fields, then the signature's own field with an
/// empty b= and no CRLF (RFC 6376 §3.7 step 2).
let signedOctets (canon: HeaderCanon) (selected: Field seq) (own: Field) : byte[] =
    let sink = ArrayBufferWriter<byte> 4096
    writeFields canon selected sink
    writeField canon own sink
    sink.WrittenSpan.ToArray()
