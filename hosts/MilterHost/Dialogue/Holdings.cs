using Dkim.Core.Programs.Filters.Milter;

namespace Dkim.MilterHost.Dialogue;

/// <summary>What all connections hold in memory of what is not finished; how much they may, the core says.</summary>
/// <param name="clock">What says when a flood is over.</param>
internal sealed class Holdings(TimeProvider clock)
{
    private long counted;
    private int wasMuch;
    private int collecting;

    public bool TryTake(long octets)
    {
        var all = Interlocked.Add(ref counted, octets);
        if (!MilterMemory.MayHold(all))
        {
            Interlocked.Add(ref counted, -octets);
            return false;
        }

        if (MilterMemory.IsMuch(all))
            Volatile.Write(ref wasMuch, 1);
        return true;
    }

    public void Give(long octets)
    {
        var all = Interlocked.Add(ref counted, -octets);
        if (Volatile.Read(ref wasMuch) == 1 && !MilterMemory.IsMuch(all) && Interlocked.Exchange(ref collecting, 1) == 0)
            _ = CollectAsync();
    }

    // A filter that has nothing to do allocates nothing, and would keep the room of a flood for ever.
    private async Task CollectAsync()
    {
        await Task.Delay(MilterMemory.Pause, clock).ConfigureAwait(false);
        Volatile.Write(ref wasMuch, 0);
        Volatile.Write(ref collecting, 0);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}

/// <summary>What one connection holds.</summary>
internal sealed class Holding(Holdings all) : IDisposable
{
    private long held;
    private long taken;

    /// <summary>Holds more, if there is room for it.</summary>
    public bool TryAdd(long octets)
    {
        var more = MilterMemory.Counted(held + octets) - taken;
        if (more > 0 && !all.TryTake(more))
            return false;
        taken += Math.Max(0, more);
        held += octets;
        return true;
    }

    /// <summary>Holds so much in the place of a part of what is held, if there is room for it; else nothing of that part.</summary>
    public bool TryReplace(ref long part, long octets)
    {
        Remove(part);
        var fits = TryAdd(octets);
        part = fits ? octets : 0;
        return fits;
    }

    public void Remove(long octets)
    {
        held -= octets;
        var less = taken - MilterMemory.Counted(held);
        if (less <= 0)
            return;
        taken -= less;
        all.Give(less);
    }

    public void Dispose() => Remove(held);
}
