using System.Diagnostics.CodeAnalysis;

namespace Dkim.Hosting.Stores;

/// <summary>Keeps what was used last: when the young generation is full it becomes the old one, and what is still used comes
/// back. For one thread at a time.</summary>
/// <param name="most">How many are kept.</param>
/// <param name="mostOctets">How much memory they take.</param>
internal sealed class TwoGenerations<TKey, TValue>(int most, long mostOctets)
    where TKey : notnull
{
    private Dictionary<TKey, (TValue Value, int Octets)> young = [];
    private Dictionary<TKey, (TValue Value, int Octets)> old = [];
    private long octets;

    /// <summary>What is kept of a key.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!young.TryGetValue(key, out var kept))
        {
            if (!old.TryGetValue(key, out kept))
            {
                value = default;
                return false;
            }

            Put(key, kept.Value, kept.Octets);
        }

        value = kept.Value;
        return true;
    }

    /// <summary>Keeps something, in place of what was kept of the key.</summary>
    public void Put(TKey key, TValue value, int size)
    {
        if (young.Count >= most / 2 || octets >= mostOctets / 2)
        {
            (old, young) = (young, []);
            octets = 0;
        }

        octets += size - (young.TryGetValue(key, out var before) ? before.Octets : 0);
        young[key] = (value, size);
    }
}
