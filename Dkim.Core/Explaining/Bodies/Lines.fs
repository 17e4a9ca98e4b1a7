/// Where the lines of a canonical body end, and words for stretches of it.
module internal Dkim.Core.Explaining.Bodies.Lines

open System
open System.Collections.Generic
open Dkim.Core.Words

/// Where lines end, just behind their CRLF; 0 is one of them.
let ends (octets: byte[]) : int[] =
    let ends = List<int>([ 0 ])
    let mutable at = octets.AsSpan().IndexOf(ReadOnlySpan Octets.crlf)

    while at >= 0 do
        ends.Add(at + 2)
        let next = octets.AsSpan(at + 2).IndexOf(ReadOnlySpan Octets.crlf)
        at <- if next < 0 then -1 else at + 2 + next

    ends.ToArray()

/// Where tags of HTML begin and end, and lines.
let tagEnds (octets: byte[]) : int[] =
    [|
        yield! ends octets
        for at in 0 .. octets.Length - 1 do
            if octets[at] = byte '<' then
                at
            elif octets[at] = byte '>' then
                at + 1
    |]
    |> Array.distinct
    |> Array.sort

/// The number of the line that a place is in, from 1, and whether the line begins there.
let numberAt (octets: byte[]) (place: int) : struct (int * bool) =
    let ends = ends octets
    let line = ends |> Array.findIndexBack (fun at -> at <= place)
    struct (line + 1, ends[line] = place)

let excerpt (octets: byte[]) (start: int) (length: int) : string =
    "\""
    + Printable.visibleExcerpt 160 (Octets.latin1 (ReadOnlySpan(octets, start, length)))
    + "\""
