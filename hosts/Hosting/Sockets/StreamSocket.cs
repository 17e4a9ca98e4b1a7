using System.Net;
using System.Net.Sockets;

namespace Dkim.Hosting;

/// <summary>A connected stream socket that never waits: what cannot be done at once is done when its readiness is told.
/// Not for several threads at once.</summary>
public sealed class StreamSocket : IDisposable
{
    private const int Stream = 1;
    private const int NonBlocking = 0x800;
    private const int TcpLevel = 6;
    private const int NoDelay = 1;
    private const int SocketLevel = 1;
    private const int PendingError = 4;
    private const short PollOut = 4;
    private const int InProgress = 115;
    private int fd;
    private long number;

    private StreamSocket(int fd) => this.fd = fd;

    /// <summary>Takes over a connected socket, which its owner may then dispose of.</summary>
    public static StreamSocket Adopt(Socket socket)
    {
        var fd = Libc.fcntl((int)socket.Handle, Epoll.DuplicateCloseOnExec, 0);
        if (fd < 0)
        {
            throw Failure(Libc.LastError);
        }

        // The flag belongs to both descriptors; the other one is not used any more.
        _ = Libc.fcntl(fd, Epoll.SetFlags, Libc.fcntl(fd, Epoll.GetFlags, 0) | NonBlocking);
        return new StreamSocket(fd);
    }

    /// <summary>Connects to an address; throws <see cref="IOException"/> when that fails, and
    /// <see cref="OperationCanceledException"/>.</summary>
    public static ValueTask<StreamSocket> ConnectAsync(EndPoint address, CancellationToken cancellation)
    {
        var fd = Libc.socket((int)Family(address), Stream | NonBlocking | Epoll.CloseOnExec, 0);
        if (fd < 0)
        {
            throw Failure(Libc.LastError);
        }

        var socket = new StreamSocket(fd);
        try
        {
            return socket.BeginConnect(address)
                ? ValueTask.FromResult(socket)
                : new ValueTask<StreamSocket>(socket.EndConnectAsync(cancellation));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Begins to tell when there is something to receive, first of all if there already is.</summary>
    public void Watch(IReadiness target)
    {
        if (number == 0)
        {
            number = Reactor.Shared.Add(fd, target);
        }
        else
        {
            Reactor.Shared.Replace(fd, number, target);
        }
    }

    /// <summary>Tells when there is room to send, too.</summary>
    public void WatchOutput() => Reactor.Shared.WatchOutput(fd, number);

    /// <summary>Receives what is there: the number of octets, 0 at the end; -1 when there is nothing yet, -2 when the
    /// connection is broken.</summary>
    public unsafe int TryReceive(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return Outcome(Epoll.recv(fd, start, (nuint)buffer.Length, 0));
        }
    }

    /// <summary>Sends as much as there is room for: the number of octets; -1 when there is no room, -2 when the
    /// connection is broken.</summary>
    public unsafe int TrySend(ReadOnlySpan<byte> octets)
    {
        fixed (byte* start = octets)
        {
            return Outcome(Epoll.send(fd, start, (nuint)octets.Length, Epoll.NoSignal));
        }
    }

    /// <summary>Tells the peer that nothing more comes; false when the connection is broken.</summary>
    public bool EndSending() => Epoll.shutdown(fd, 1) == 0;

    public void Dispose()
    {
        if (fd < 0)
        {
            return;
        }

        if (number != 0)
        {
            Reactor.Shared.Remove(number);
        }

        _ = Libc.close(fd);
        fd = -1;
    }

    private static int Outcome(nint result) =>
        result >= 0 ? (int)result : Libc.LastError is Libc.EAGAIN or Libc.EINTR ? -1 : -2;

    // What the kernel calls the families; .NET has numbers of its own.
    private static int Family(EndPoint address) => address.AddressFamily switch
    {
        AddressFamily.InterNetworkV6 => 10,
        AddressFamily.Unix => 1,
        _ => 2,
    };

    private static IOException Failure(int error) => new(Libc.Describe(error));

    private unsafe bool BeginConnect(EndPoint address)
    {
        if (address is IPEndPoint)
        {
            var yes = 1;
            _ = Epoll.setsockopt(fd, TcpLevel, NoDelay, &yes, sizeof(int));
        }

        var place = address.Serialize();
        fixed (byte* start = place.Buffer.Span)
        {
            if (Libc.connect(fd, start, (uint)place.Size) == 0)
            {
                return true;
            }
        }

        if (Libc.LastError != InProgress)
        {
            throw Failure(Libc.LastError);
        }

        // On the same machine it is connected by now.
        var entry = new PollEntry { Descriptor = fd, Events = PollOut };
        return Libc.poll(&entry, 1, 0) == 1 && (entry.Returned == PollOut || Connected());
    }

    private async Task<StreamSocket> EndConnectAsync(CancellationToken cancellation)
    {
        var connecting = new Connecting();
        try
        {
            number = Reactor.Shared.Add(fd, connecting, output: true);
            await connecting.Task.WaitAsync(cancellation).ConfigureAwait(false);
            Connected();
        }
        catch
        {
            Dispose();
            throw;
        }

        return this;
    }

    private unsafe bool Connected()
    {
        var error = 0;
        var length = (uint)sizeof(int);
        _ = Epoll.getsockopt(fd, SocketLevel, PendingError, &error, &length);
        return error == 0 ? true : throw Failure(error);
    }

    private sealed class Connecting : IReadiness
    {
        private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Task => done.Task;

        public void Ready(bool receive, bool send, bool ended)
        {
            if (send)
            {
                done.TrySetResult();
            }
        }
    }
}
