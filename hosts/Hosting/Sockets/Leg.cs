using System.Buffers;

namespace Dkim.Hosting.Sockets;

/// <summary>One of the two connections of a session, with what came and what is to go. That it has become ready is
/// posted; all other members are for the session's own task.</summary>
public sealed class Leg : IReadiness, IDisposable
{
    private const int BufferSize = 32 * 1024;
    private readonly StreamSocket socket;
    private readonly Wake wake;
    private readonly Events mayReceive;
    private readonly Events maySend;
    private readonly byte[] input = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly PooledBuffer leaving = new();
    private int start;
    private int end;
    private int sent;
    private bool readable;
    private bool watchesOutput;
    private volatile bool peerEnded;
    private bool closed;

    public Leg(StreamSocket socket, Wake wake, Events mayReceive, Events maySend)
    {
        this.socket = socket;
        this.wake = wake;
        this.mayReceive = mayReceive;
        this.maySend = maySend;
        socket.Watch(this);
    }

    /// <summary>What is to be sent with the next <see cref="StartSending"/>.</summary>
    public PooledBuffer Output { get; } = new();

    /// <summary>Received and not yet used.</summary>
    public ReadOnlySpan<byte> Input => input.AsSpan(start, end - start);

    /// <summary>The peer sends nothing more, or the connection is broken.</summary>
    public bool Ended { get; private set; }

    /// <summary>Nothing can be sent any more.</summary>
    public bool Broken { get; private set; }

    /// <summary>Something waits for room in the connection.</summary>
    public bool Sending { get; private set; }

    void IReadiness.Ready(bool receive, bool send, bool ended)
    {
        peerEnded |= ended;
        wake.Post((receive ? mayReceive : Events.None) | (send ? maySend : Events.None));
    }

    /// <summary>Counts the octets as used.</summary>
    public void Use(int count) => start += count;

    /// <summary>Forgets what was received.</summary>
    public void Discard() => start = end;

    /// <summary>Takes note that there is something to receive.</summary>
    public void MayReceive() => readable = true;

    /// <summary>Receives what is there and fits; true when that changed anything.</summary>
    public bool Receive()
    {
        MakeRoom();
        if (!readable || Ended || end == input.Length)
            return false;
        var room = input.AsSpan(end);
        var count = socket.TryReceive(room);
        if (count == -1)
        {
            readable = false;
            return false;
        }

        Ended |= count <= 0;
        Broken |= count == -2;
        end += Math.Max(0, count);
        // Less than fitted: the connection is empty until readiness is told again, which an end has been already.
        readable = count == room.Length || peerEnded;
        return true;
    }

    /// <summary>Begins to send all that is to be sent.</summary>
    public void StartSending()
    {
        if (Sending || Output.Length == 0)
            return;
        leaving.Exchange(Output);
        sent = 0;
        Sending = true;
        ContinueSending();
    }

    /// <summary>Sends what there is room for.</summary>
    public void ContinueSending()
    {
        while (Sending && !Broken)
        {
            var count = socket.TrySend(leaving.Written.Span[sent..]);
            Broken |= count == -2;
            if (count == -1)
            {
                WatchOutput();
                return;
            }

            sent += Math.Max(0, count);
            if (sent == leaving.Length)
                EndSending();
        }

        if (Sending)
            EndSending();
    }

    /// <summary>Tells the peer that nothing more comes, and goes on receiving.</summary>
    public void Finish()
    {
        if (closed || !socket.EndSending())
            Ended = Broken = true;
    }

    /// <summary>Closes the connection.</summary>
    public void Close()
    {
        if (closed)
            return;
        Ended = Broken = closed = true;
        socket.Dispose();
        EndSending();
        Output.Clear();
    }

    public void Dispose()
    {
        Close();
        ArrayPool<byte>.Shared.Return(input);
        Output.Dispose();
        leaving.Dispose();
    }

    private void WatchOutput()
    {
        if (!watchesOutput)
            socket.WatchOutput();
        watchesOutput = true;
    }

    private void EndSending()
    {
        Sending = false;
        leaving.Clear();
    }

    private void MakeRoom()
    {
        if (start == end)
            start = end = 0;
        if (end < input.Length || start == 0)
            return;
        Input.CopyTo(input);
        end -= start;
        start = 0;
    }
}
