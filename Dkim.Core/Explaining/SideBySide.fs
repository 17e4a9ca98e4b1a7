/// Two texts beside each other, line by line, with what is not the same marked: for eyes, so that long stretches that are
/// the same, or too long to look at, are counted and left out.
namespace Dkim.Core.Explaining

open System
open Dkim.Core.Words

/// A stretch of a line.
[<RequireQualifiedAccess>]
type Stretch =
    | Same of octets: byte[]
    | Marked of octets: byte[]
    /// So many octets are not shown.
    | LeftOut of count: int

/// A line of both texts, or of one that the other has not.
[<RequireQualifiedAccess>]
type SideBySideRow =
    | Same of Stretch list
    | Changed of was: Stretch list * is: Stretch list
    | Removed of Stretch list
    | Added of Stretch list
    /// So many lines, which are the same in both, are not shown.
    | SameLines of count: int
    /// So many lines, of which some differ, are not shown.
    | OtherLines of was: int * is: int

module SideBySide =
    /// Lines on either side of a difference that are shown though they are the same.
    [<Literal>]
    let private Context = 2

    /// Lines of either text, between the first difference and the last, that are compared.
    [<Literal>]
    let private MostLines = 400

    /// Octets of a stretch that are shown.
    [<Literal>]
    let private MostOctets = 480

    let private slice (octets: byte[]) (start: int) (length: int) : byte[] =
        ReadOnlySpan(octets, start, length).ToArray()

    /// The beginning and the end of a stretch.
    let private stretch (make: byte[] -> Stretch) (octets: byte[]) : Stretch list =
        if octets.Length = 0 then
            []
        elif octets.Length <= MostOctets then
            [ make octets ]
        else
            let half = MostOctets / 2

            [
                make (slice octets 0 half)
                Stretch.LeftOut(octets.Length - 2 * half)
                make (slice octets (octets.Length - half) half)
            ]

    let private commonEnd (one: byte[]) (other: byte[]) (limit: int) : int =
        let mutable length = 0

        while length < limit
              && one[one.Length - 1 - length] = other[other.Length - 1 - length] do
            length <- length + 1

        length

    /// How many octets two texts have in common at their beginnings, and at their ends apart from those.
    let private common (one: byte[]) (other: byte[]) : struct (int * int) =
        let front = one.AsSpan().CommonPrefixLength(ReadOnlySpan other)
        struct (front, commonEnd one other (min one.Length other.Length - front))

    /// Two lines with what differs marked: all between what they begin and end with.
    let private changed (was: byte[]) (is: byte[]) : SideBySideRow =
        let struct (front, back) = common was is

        let marked (line: byte[]) =
            stretch Stretch.Same (slice line 0 front)
            @ stretch Stretch.Marked (slice line front (line.Length - front - back))
            @ stretch Stretch.Same (slice line (line.Length - back) back)

        SideBySideRow.Changed(marked was, marked is)

    /// The lines of a text, each with its LF, of which at most a number is made.
    let private linesOf (most: int) (octets: byte[]) : byte[] list =
        let rec take (start: int) (left: int) (lines: byte[] list) =
            if left = 0 || start >= octets.Length then
                List.rev lines
            else
                let length =
                    match ReadOnlySpan(octets, start, octets.Length - start).IndexOf Octets.LF with
                    | -1 -> octets.Length - start
                    | at -> at + 1

                take (start + length) (left - 1) (slice octets start length :: lines)

        take 0 most []

    let private countLines (octets: ReadOnlySpan<byte>) : int =
        octets.Count Octets.LF
        + (if octets.IsEmpty || octets[octets.Length - 1] = Octets.LF then
               0
           else
               1)

    let private isSame (one: byte[]) (other: byte[]) =
        one.AsSpan().SequenceEqual(ReadOnlySpan other)

    /// The length of the longest common subsequence of the lines from each place on.
    let private commonLines (was: byte[][]) (is: byte[][]) : int[,] =
        let lengths = Array2D.zeroCreate (was.Length + 1) (is.Length + 1)

        for i = was.Length - 1 downto 0 do
            for j = is.Length - 1 downto 0 do
                lengths[i, j] <-
                    if isSame was[i] is[j] then
                        1 + lengths[i + 1, j + 1]
                    else
                        max lengths[i + 1, j] lengths[i, j + 1]

        lengths

    /// Lines that stand between two that are the same: the first beside the first.
    let private beside (was: byte[] list) (is: byte[] list) : SideBySideRow list =
        let paired = min was.Length is.Length

        List.map2 changed (List.truncate paired was) (List.truncate paired is)
        @ (List.skip paired was
           |> List.map (fun line -> SideBySideRow.Removed(stretch Stretch.Marked line)))
        @ (List.skip paired is
           |> List.map (fun line -> SideBySideRow.Added(stretch Stretch.Marked line)))

    let private sameLine (line: byte[]) =
        SideBySideRow.Same(stretch Stretch.Same line)

    /// All lines, with those that are the same as anchors.
    let private compared (was: byte[][]) (is: byte[][]) : SideBySideRow list =
        let lengths = commonLines was is

        let rec walk i j (gone: byte[] list) (come: byte[] list) rows =
            let flushed () =
                List.rev (beside (List.rev gone) (List.rev come)) @ rows

            if i < was.Length && j < is.Length && isSame was[i] is[j] then
                walk (i + 1) (j + 1) [] [] (sameLine was[i] :: flushed ())
            elif i < was.Length && (j = is.Length || lengths[i + 1, j] >= lengths[i, j + 1]) then
                walk (i + 1) j (was[i] :: gone) come rows
            elif j < is.Length then
                walk i (j + 1) gone (is[j] :: come) rows
            else
                List.rev (flushed ())

        walk 0 0 [] [] []

    let private isSameRow (row: SideBySideRow) =
        match row with
        | SideBySideRow.Same _ -> true
        | SideBySideRow.Changed _
        | SideBySideRow.Removed _
        | SideBySideRow.Added _
        | SideBySideRow.SameLines _
        | SideBySideRow.OtherLines _ -> false

    /// Long runs of lines that are the same, left out but for the context of what differs.
    let private withoutSame (rows: SideBySideRow list) : SideBySideRow list =
        let rec shorten (rows: SideBySideRow list) (made: SideBySideRow list) =
            match rows with
            | [] -> List.rev made
            | row :: _ when isSameRow row ->
                let run = rows |> List.takeWhile isSameRow
                let rest = rows |> List.skip run.Length

                let kept =
                    if run.Length > 2 * Context + 1 then
                        List.truncate Context run
                        @ [ SideBySideRow.SameLines(run.Length - 2 * Context) ]
                        @ List.skip (run.Length - Context) run
                    else
                        run

                shorten rest (List.rev kept @ made)
            | row :: rest -> shorten rest (row :: made)

        shorten rows []

    /// Where a line begins that the octet at an index is on.
    let private lineStart (octets: byte[]) (at: int) : int =
        ReadOnlySpan(octets, 0, at).LastIndexOf Octets.LF + 1

    /// The last lines in front of a place, and how many are in front of those.
    let private before (octets: byte[]) (at: int) : SideBySideRow list =
        let rec back (start: int) (left: int) =
            if left = 0 || start = 0 then
                start
            else
                back (lineStart octets (start - 1)) (left - 1)

        let from = back at Context
        let skipped = countLines (ReadOnlySpan(octets, 0, from))

        (if skipped = 0 then
             []
         else
             [ SideBySideRow.SameLines skipped ])
        @ (linesOf Context (slice octets from (at - from)) |> List.map sameLine)

    /// The first lines of the rest of a text, and how many follow.
    let private after (octets: byte[]) (at: int) : SideBySideRow list =
        let rest = slice octets at (octets.Length - at)
        let skipped = countLines (ReadOnlySpan rest) - Context

        (linesOf Context rest |> List.map sameLine)
        @ (if skipped > 0 then
               [ SideBySideRow.SameLines skipped ]
           else
               [])

    /// Two texts beside each other.
    let rows (was: byte[]) (is: byte[]) : SideBySideRow list =
        let struct (front, back) = common was is
        let start = lineStart was front

        // The end that is common begins with a line of both.
        let kept =
            match ReadOnlySpan(was, was.Length - back, back).IndexOf Octets.LF with
            | -1 -> 0
            | at when back > at + 1 -> back - at - 1
            | _ -> 0

        let middle (octets: byte[]) =
            slice octets start (octets.Length - kept - start)

        let middleWas, middleIs = middle was, middle is
        let linesWas = linesOf MostLines middleWas |> Array.ofList
        let linesIs = linesOf MostLines middleIs |> Array.ofList

        let restWas = countLines (ReadOnlySpan middleWas) - linesWas.Length
        let restIs = countLines (ReadOnlySpan middleIs) - linesIs.Length

        before was start
        @ withoutSame (compared linesWas linesIs)
        @ (if restWas > 0 || restIs > 0 then
               [ SideBySideRow.OtherLines(restWas, restIs) ]
           else
               [])
        @ after was (was.Length - kept)
