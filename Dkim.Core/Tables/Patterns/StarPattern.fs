/// Patterns of `refile:` whose only operator is `*`, which stands for any text.
module internal Dkim.Core.Tables.Patterns.StarPattern

open System
open System.Buffers
open Dkim.Core.Words

/// Whether a text is the pattern. The last star alone is tried again, so that a match costs at most the product of the
/// lengths.
let matches (folds: bool) (pattern: ReadOnlySpan<byte>) (text: ReadOnlySpan<byte>) : bool =
    let mutable p = 0
    let mutable t = 0
    let mutable star = -1
    let mutable after = 0
    let mutable fails = false

    while not fails && t < text.Length do
        if p < pattern.Length && pattern[p] = byte '*' then
            star <- p
            after <- t
            p <- p + 1
        elif
            p < pattern.Length
            && Folding.octet folds pattern[p] = Folding.octet folds text[t]
        then
            p <- p + 1
            t <- t + 1
        elif star >= 0 then
            p <- star + 1
            after <- after + 1
            t <- after
        else
            fails <- true

    while p < pattern.Length && pattern[p] = byte '*' do
        p <- p + 1

    not fails && p = pattern.Length

let private otherOperators = SearchValues.Create(ReadOnlySpan "[](){}|?^$\\"B)

/// Whether it has no other operator.
let isOne (pattern: ReadOnlySpan<byte>) : bool = pattern.IndexOfAny otherOperators < 0

/// What an index finds a pattern by.
[<Struct>]
type Handle =
    /// The whole text: there is no star.
    | Whole
    /// What every match ends with, from this offset on; it begins with an at sign or a dot.
    | Tail of at: int
    /// What every match begins with, so many octets, the last an at sign.
    | Head of length: int
    | NoHandle

/// The longest handle of a pattern.
let handle (pattern: ReadOnlySpan<byte>) : Handle =
    let star = pattern.LastIndexOf(byte '*')
    let tail = pattern.Slice(star + 1).IndexOfAny(byte '@', byte '.')

    if star < 0 then
        Whole
    elif tail >= 0 then
        Tail(star + 1 + tail)
    else
        match pattern.Slice(0, pattern.IndexOf(byte '*')).LastIndexOf(byte '@') with
        | -1 -> NoHandle
        | at -> Head(at + 1)

/// Whether an octet may begin a tail.
let isTailStart (octet: byte) : bool = octet = byte '@' || octet = byte '.'
