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

    // Of each place the hash of a key, and its entry and one in the low half; 0 where there is none. At most half are taken.
    // The text is looked at only where the hash is the same: of many lines, each look is a wait for memory.
    let slots: uint64[] =
        Array.zeroCreate (int (BitOperations.RoundUpToPowerOf2(uint32 (2 * text.Count + 2))))

    let mask = slots.Length - 1

    let entryOf (slot: uint64) = int (uint32 slot) - 1

    let isOf (hash: uint32) (key: ReadOnlySpan<byte>) (slot: uint64) =
        uint32 (slot >>> 32) = hash && isSame key (text.Key(entryOf slot))

    // The place of a key, or where it would stand.
    let place (hash: uint32) (key: ReadOnlySpan<byte>) =
        let mutable at = int hash &&& mask

        while slots[at] <> 0UL && not (isOf hash key slots[at]) do
            at <- (at + 1) &&& mask

        at

    do
        for entry in 0 .. text.Count - 1 do
            let key = text.Key entry
            let hash = hash key
            let at = place hash key

            if slots[at] = 0UL then
                slots[at] <- (uint64 hash <<< 32) ||| uint64 (entry + 1)

    /// The first entry of a key; -1 where there is none.
    member _.Find(key: ReadOnlySpan<byte>) : int = entryOf slots[place (hash key) key]
