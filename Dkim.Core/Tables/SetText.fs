/// The entries of a data set: offsets into the octets that it was read from, so that a million lines cost their own length
/// and four octets each.
namespace Dkim.Core.Tables

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open Dkim.Core.Words

/// Entries in the order of the set, each a key and a value.
[<Sealed>]
type internal SetText private (octets: ReadOnlyMemory<byte>, starts: int[], isInline: bool) =
    // Between key and value of an element that came from a list.
    static let mark = 1uy

    static let byteOrderMark = [| 0xefuy; 0xbbuy; 0xbfuy |]

    static let blanks = SearchValues.Create(ReadOnlySpan " \t\r\v\f"B)

    static let isBlank (octet: byte) =
        octet = 32uy || octet - 9uy < 5uy && octet <> Octets.LF

    static let afterBlanks (line: ReadOnlySpan<byte>) =
        let mutable first = 0

        while first < line.Length && isBlank line[first] do
            first <- first + 1

        first

    // Octet by octet, since hardly ever is there more than one.
    static let trimmed (line: ReadOnlySpan<byte>) =
        let first = afterBlanks line
        let mutable last = line.Length

        while last > first && isBlank line[last - 1] do
            last <- last - 1

        line.Slice(first, last - first)

    // A comment ends an entry wherever it begins.
    member private _.Entry(index: int) : ReadOnlySpan<byte> =
        let rest = octets.Span.Slice starts[index]

        let length =
            if isInline then
                rest.IndexOf Octets.LF
            else
                rest.IndexOfAny(Octets.LF, byte '#')

        trimmed (if length < 0 then rest else rest.Slice(0, length))

    member private _.KeyLength(entry: ReadOnlySpan<byte>) : int =
        let length =
            if isInline then
                entry.IndexOf mark
            else
                entry.IndexOfAny blanks

        if length < 0 then entry.Length else length

    member _.Count = starts.Length

    member this.Key(index: int) : ReadOnlySpan<byte> =
        let entry = this.Entry index
        trimmed (entry.Slice(0, this.KeyLength entry))

    member private this.Octets(index: int) : ReadOnlySpan<byte> =
        let entry = this.Entry index
        let length = this.KeyLength entry
        trimmed (entry.Slice(min entry.Length (length + (if isInline then 1 else 0))))

    /// What stands behind the key, without white space at both ends.
    member this.Value(index: int) : string =
        let value = this.Octets index

        match Octets.tryUtf8 value with
        | ValueSome text -> text
        | ValueNone -> Octets.latin1 value

    /// What of the value stands before its first colon, without white space at both ends.
    member this.FirstField(index: int) : ReadOnlySpan<byte> =
        let value = this.Octets index
        let colon = value.IndexOf Octets.Colon
        if colon < 0 then value else trimmed (value.Slice(0, colon))

    /// Whether the value has so many fields between colons, none of them empty.
    member this.HasFields(index: int, count: int) : bool =
        let mutable rest = this.Octets index
        let mutable found = 0

        while found < count && not rest.IsEmpty do
            let colon = rest.IndexOf Octets.Colon

            if found + 1 = count || colon < 0 then
                found <- found + 1
                rest <- ReadOnlySpan.Empty
            elif colon = 0 then
                rest <- ReadOnlySpan.Empty
            else
                found <- found + 1
                rest <- rest.Slice(colon + 1)

        found = count

    /// The number of the line that an entry stands on, from 1; of a list, of the element.
    member _.Line(index: int) : int =
        1 + octets.Span.Slice(0, starts[index]).Count Octets.LF

    /// The entries of a file. `skipsBlank`: a line that begins with a blank is none.
    static member OfLines(octets: ReadOnlyMemory<byte>, skipsBlank: bool) : SetText =
        let starts = List<int>(octets.Length / 48)
        let span = octets.Span
        let mutable at = if span.StartsWith(ReadOnlySpan byteOrderMark) then 3 else 0

        while at < span.Length do
            let rest = span.Slice at
            let length = rest.IndexOf Octets.LF
            let line = if length < 0 then rest else rest.Slice(0, length)
            let first = afterBlanks line

            if first < line.Length && line[first] <> byte '#' && not (skipsBlank && first > 0) then
                starts.Add at

            at <- at + line.Length + 1

        SetText(octets, starts.ToArray(), false)

    /// The elements of a list between commas; `=` stands between key and value.
    static member OfList(text: string) : SetText =
        let written = List<byte>()
        let starts = List<int>()

        for element in text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries) do
            starts.Add written.Count
            let octets = Encoding.UTF8.GetBytes element

            match octets.AsSpan().IndexOf(byte '=') with
            | at when at >= 0 -> octets[at] <- mark
            | _ -> ()

            written.AddRange octets
            written.Add Octets.LF

        SetText(ReadOnlyMemory(written.ToArray()), starts.ToArray(), true)
