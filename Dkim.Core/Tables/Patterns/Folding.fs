/// Octets of keys and queries as they are compared: as they are, or capitals as small letters (ASCII alone).
module internal Dkim.Core.Tables.Patterns.Folding

/// The octet as a set compares it.
let inline octet (folds: bool) (octet: byte) : byte =
    if folds && octet - 65uy < 26uy then
        octet ||| 32uy
    else
        octet

/// Where a hash begins.
[<Literal>]
let Seed = 0x811c9dc5u

/// A hash with one octet more (FNV-1a).
let inline next (hash: uint32) (octet: byte) : uint32 = (hash ^^^ uint32 octet) * 0x01000193u

/// The last word of a hash: short keys differ in the low bits, too.
let inline finish (hash: uint32) : uint32 =
    let mixed = (hash ^^^ (hash >>> 15)) * 0x2c1b3c6du
    mixed ^^^ (mixed >>> 13)

/// So many places of an index are looked at one after another before anything depends on what is there: of a large index
/// each is a wait for memory, and such waits are one.
[<Literal>]
let Together = 32
