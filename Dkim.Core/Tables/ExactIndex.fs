/// A data set whose keys are compared as texts: the first entry of a key counts, and a look-up costs the key's length.
namespace Dkim.Core.Tables

open System
open System.Numerics

[<Sealed>]
type internal ExactIndex(text: SetText, folds: bool) =
    let hash (key: ReadOnlySpan<byte>) =
        let mutable hash = Folding.Seed

        for octet in key do
            hash <- Folding.next hash (Folding.octet folds octet)

        Folding.finish hash

    let isSame (one: ReadOnlySpan<byte>) (other: ReadOnlySpan<byte>) =
        if one.Length <> other.Length then
            false
        else
            let mutable at = 0

            while at < one.Length && Folding.octet folds one[at] = Folding.octet folds other[at] do
                at <- at + 1

            at = one.Length

    // Of each place the entry and one, 0 where there is none; at most half are taken.
    let slots: int[] =
        Array.zeroCreate (int (BitOperations.RoundUpToPowerOf2(uint32 (2 * text.Count + 2))))

    let mask = slots.Length - 1

    // The entry of a key, or the complement of the place where it would stand.
    let place (key: ReadOnlySpan<byte>) =
        let mutable at = int (hash key) &&& mask

        while slots[at] <> 0 && not (isSame key (text.Key(slots[at] - 1))) do
            at <- (at + 1) &&& mask

        if slots[at] = 0 then ~~~at else slots[at] - 1

    do
        for entry in 0 .. text.Count - 1 do
            let at = place (text.Key entry)

            if at < 0 then
                slots[~~~at] <- entry + 1

    /// The first entry of a key; -1 where there is none.
    member _.Find(key: ReadOnlySpan<byte>) : int = max -1 (place key)
