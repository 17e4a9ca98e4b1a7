/// A data set whose keys are compared as texts: the first entry of a key counts, and a look-up costs the key's length.
namespace Dkim.Core.Tables

open System
open System.Numerics
open System.Text
open Dkim.Core.Stores
open Dkim.Core.Tables.Patterns

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

    // The first place of each hash.
    let look (hashes: uint32[]) (found: uint64[]) count =
        for at in 0 .. count - 1 do
            found[at] <- slots[int hashes[at] &&& mask]

    let add entry hash =
        let at = place hash (text.Key entry)

        if slots[at] = 0UL then
            slots[at] <- (uint64 hash <<< 32) ||| uint64 (entry + 1)

    do
        let hashes: uint32[] = Array.zeroCreate Folding.Together
        let found: uint64[] = Array.zeroCreate Folding.Together

        for from in 0 .. Folding.Together .. text.Count - 1 do
            let count = min Folding.Together (text.Count - from)

            for at in 0 .. count - 1 do
                hashes[at] <- hash (text.Key(from + at))

            look hashes found count

            for at in 0 .. count - 1 do
                add (from + at) hashes[at]

    /// The first entry of a key; -1 where there is none.
    member _.Find(key: ReadOnlySpan<byte>) : int = entryOf slots[place (hash key) key]

    /// Whether each of so many entries of another set, from one on, has a first field that is a key here. One that no
    /// query would be has none: longer than those, or not of ASCII alone.
    member _.HasFirstFields(other: SetText, from: int, count: int) : bool[] =
        let hashes: uint32[] = Array.zeroCreate count

        for at in 0 .. count - 1 do
            hashes[at] <- hash (other.FirstField(from + at))

        look hashes (Array.zeroCreate count) count
        let has: bool[] = Array.zeroCreate count

        for at in 0 .. count - 1 do
            let field = other.FirstField(from + at)

            has[at] <-
                field.Length <= StoreQuestion.LongestForm
                && Ascii.IsValid field
                && entryOf slots[place hashes[at] field] >= 0

        has
