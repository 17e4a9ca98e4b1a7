using System.Buffers;
using System.Net.Sockets;

namespace Dkim.ProxyHost;

/// <summary>One of the two connections of a session: at most one receive and one send under way, each of which posts its
/// end. All members are for the session's own task.</summary>
internal sealed class Leg : IDisposable
{
    private const int BufferSize = 32 * 1024;
    private readonly Socket socket;
    private readonly SocketAsyncEventArgs receive = new();
    private readonly SocketAsyncEventArgs send = new();
    private readonly byte[] input = ArrayPool<byte>.Shared.Rent(BufferSize);
    private readonly PooledBuffer leaving = new();
    private int start;
    private int end;
    private bool closed;

    public Leg(Socket socket, Wake wake, Events received, Events sent)
    {
        this.socket = socket;
        receive.Completed += (_, _) => wake.Post(received);
        send.Completed += (_, _) => wake.Post(sent);
    }

    /// <summary>What is to be sent with the next <see cref="StartSending"/>.</summary>
    public PooledBuffer Output { get; } = new();

    /// <summary>Received and not yet used.</summary>
    public ReadOnlySpan<byte> Input => input.AsSpan(start, end - start);

    /// <summary>The peer sends nothing more, or the connection is broken.</summary>
    public bool Ended { get; private set; }

    /// <summary>Nothing can be sent any more.</summary>
    public bool Broken { get; private set; }

    public bool Receiving { get; private set; }

    public bool Sending { get; private set; }

    /// <summary>Counts the octets as used.</summary>
    public void Use(int count) => start += count;

    /// <summary>Begins to receive where there is room; true when something has come at once.</summary>
    public bool StartReceiving()
    {
        if (Receiving || Ended || closed)
            return false;
        MakeRoom();
        if (end == input.Length)
            return false;
        receive.SetBuffer(input, end, input.Length - end);
        Receiving = true;
        try
        {
            if (socket.ReceiveAsync(receive))
                return false;
        }
        catch (ObjectDisposedException)
        {
            Receiving = false;
            Ended = Broken = true;
            return true;
        }

        EndReceive();
        return true;
    }

    /// <summary>Begins to send all that is to be sent.</summary>
    public void StartSending()
    {
        if (Sending || Output.Length == 0)
            return;
        if (Broken || closed)
        {
            Output.Clear();
            return;
        }

        leaving.Exchange(Output);
        send.SetBuffer(leaving.Written);
        Sending = true;
        try
        {
            if (!socket.SendAsync(send))
                EndSend();
        }
        catch (ObjectDisposedException)
        {
            send.SocketError = SocketError.OperationAborted;
            EndSend();
        }
    }

    /// <summary>Takes note of a receive that has ended.</summary>
    public void EndReceive()
    {
        Receiving = false;
        if (receive.SocketError != SocketError.Success)
            Ended = Broken = true;
        else if (receive.BytesTransferred == 0)
            Ended = true;
        else
            end += receive.BytesTransferred;
    }

    /// <summary>Takes note of a send that has ended.</summary>
    public void EndSend()
    {
        Sending = false;
        Broken |= send.SocketError != SocketError.Success;
        leaving.Clear();
    }

    /// <summary>Forgets what was received.</summary>
    public void Discard() => start = end;

    /// <summary>Tells the peer that nothing more comes, and goes on receiving.</summary>
    public void Finish()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            Ended = Broken = true;
        }
    }

    /// <summary>Closes the connection. What is under way ends soon and posts it.</summary>
    public void Close()
    {
        Ended = Broken = closed = true;
        socket.Dispose();
    }

    /// <summary>Gives the buffers back; only when nothing is under way.</summary>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(input);
        Output.Dispose();
        leaving.Dispose();
        receive.Dispose();
        send.Dispose();
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
