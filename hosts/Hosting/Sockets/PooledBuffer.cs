using System.Buffers;

namespace Dkim.Hosting.Sockets;

/// <summary>Octets to be sent, in an array of the pool that grows as needed and goes back when it is empty
/// again.</summary>
public sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private const int First = 4096;
    private byte[] array = [];
    private int length;

    public int Length => length;

    public Memory<byte> Written => array.AsMemory(0, length);

    public void Advance(int count) => length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Require(sizeHint);
        return array.AsMemory(length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Require(sizeHint);
        return array.AsSpan(length);
    }

    /// <summary>Gives its octets to the other buffer and takes those of the other.</summary>
    public void Exchange(PooledBuffer other)
    {
        (array, other.array) = (other.array, array);
        (length, other.length) = (other.length, length);
    }

    /// <summary>Forgets the octets.</summary>
    public void Clear()
    {
        length = 0;
        if (array.Length > 16 * First)
            Dispose();
    }

    public void Dispose()
    {
        length = 0;
        if (array.Length > 0)
            ArrayPool<byte>.Shared.Return(array);
        array = [];
    }

    private void Require(int room)
    {
        room = Math.Max(room, 1);
        if (array.Length - length >= room)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(First, Math.Max(array.Length * 2, length + room)));
        array.AsSpan(0, length).CopyTo(larger);
        if (array.Length > 0)
            ArrayPool<byte>.Shared.Return(array);
        array = larger;
    }
}
