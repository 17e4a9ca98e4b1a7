/// Bounds of what a milter holds in memory.
namespace Dkim.Core.Programs.Filters.Milter

open System

/// How much of what MTAs have said, and not finished, all connections of a milter may hold in memory together: packets
/// that are not complete, macros, and headers of messages on their way.
module MilterMemory =
    /// What each connection holds without asking, in octets: the header of nearly every message.
    [<CompiledName "Unasked">]
    let unasked = 32768L

    // What all may hold beyond that, in octets. The header of a message costs some four times as much while it is judged.
    let private most = 67108864L

    /// The part of what a connection holds that counts for all.
    [<CompiledName "Counted">]
    let counted (held: int64) : int64 = max 0L (held - unasked)

    /// Whether all connections together may hold so much that counts.
    [<CompiledName "MayHold">]
    let mayHold (counted: int64) : bool = counted <= most

    /// Whether so much has been held that its room is to be given back once it is free.
    [<CompiledName "IsMuch">]
    let isMuch (counted: int64) : bool = counted > most / 8L

    /// How long after a flood its room is given back. That costs some milliseconds, which one that goes on at once would
    /// have cost in vain.
    [<CompiledName "Pause">]
    let pause: TimeSpan = TimeSpan.FromSeconds 5.0

    /// What a field of a header costs, whose name and value are so long together.
    [<CompiledName "OfField">]
    let ofField (octets: int) : int64 = int64 octets + 128L
