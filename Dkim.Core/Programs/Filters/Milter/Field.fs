/// Fields as the wire of a milter has them.
namespace Dkim.Core.Programs.Filters.Milter

open System
open Dkim.Core.Words
open Dkim.Core.Message

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
