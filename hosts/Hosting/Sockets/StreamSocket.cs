using System.Buffers.Binary;
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
    private const int Family4 = 2;
    private const int Family6 = 10;
    private const int AddressSize = 128;
    private int fd;
    private long number;

    private StreamSocket(int fd) => this.fd = fd;

    /// <summary>The address of the peer that connected; null where it came through a local socket, and for a connection
    /// of our own.</summary>
    public IPEndPoint? Peer { get; private init; }

    /// <summary>Lets calls on a socket of .NET's return at once.</summary>
    internal static void MakeNonBlocking(Socket socket)
    {
        var fd = (int)socket.Handle;
        _ = Libc.fcntl(fd, Epoll.SetFlags, Libc.fcntl(fd, Epoll.GetFlags, 0) | NonBlocking);
    }

    /// <summary>Takes the next connection that waits at a listening socket. Null when none does, when the socket is
    /// closed, or with the reason why none can be taken. For any thread.</summary>
    internal static unsafe StreamSocket? TryAccept(Socket listening, out string? failure)
    {
        failure = null;
        var handle = listening.SafeHandle;
        var held = false;
        try
        {
            handle.DangerousAddRef(ref held);
            return TryAccept((int)handle.DangerousGetHandle(), out failure);
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
        finally
        {
            if (held)
            {
                handle.DangerousRelease();
            }
        }
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

    /// <summary>Does work in a thread that tells of readiness, behind all that is ready now.</summary>
    public static void Later(Action work) => Reactor.Shared.Later(work);

    /// <summary>Whether one of those threads has been free since this was asked before.</summary>
    public static bool Answers() => Reactor.Shared.Answers();

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
            nint count;
            do
            {
                count = Epoll.recv(fd, start, (nuint)buffer.Length, 0);
            }
            while (count < 0 && Libc.LastError == Libc.EINTR);
            return Outcome(count);
        }
    }

    /// <summary>Sends as much as there is room for: the number of octets; -1 when there is no room, -2 when the
    /// connection is broken.</summary>
    public unsafe int TrySend(ReadOnlySpan<byte> octets)
    {
        fixed (byte* start = octets)
        {
            nint count;
            do
            {
                count = Epoll.send(fd, start, (nuint)octets.Length, Epoll.NoSignal);
            }
            while (count < 0 && Libc.LastError == Libc.EINTR);
            return Outcome(count);
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

    private static unsafe StreamSocket? TryAccept(int listening, out string? failure)
    {
        failure = null;
        var address = stackalloc byte[AddressSize];
        while (true)
        {
            var length = (uint)AddressSize;
            var fd = Epoll.accept4(listening, address, &length, NonBlocking | Epoll.CloseOnExec);
            if (fd >= 0)
            {
                return new StreamSocket(fd) { Peer = ReadPeer(new ReadOnlySpan<byte>(address, AddressSize)) };
            }

            // A client that has gone before its turn came leaves room for the next.
            if (Libc.LastError is Libc.EINTR or Libc.ECONNABORTED)
            {
                continue;
            }

            failure = Libc.LastError == Libc.EAGAIN ? null : Libc.Describe(Libc.LastError);
            return null;
        }
    }

    private static IPEndPoint? ReadPeer(ReadOnlySpan<byte> address)
    {
        var port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return BitConverter.ToUInt16(address) switch
        {
            Family4 => new IPEndPoint(new IPAddress(address.Slice(4, 4)), port),
            Family6 => new IPEndPoint(Plain(new IPAddress(address.Slice(8, 16))), port),
            _ => null,
        };
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static int Outcome(nint result) => result >= 0 ? (int)result : Libc.LastError == Libc.EAGAIN ? -1 : -2;

    // What the kernel calls the families; .NET has numbers of its own.
    private static int Family(EndPoint address) => address.AddressFamily switch
    {
        AddressFamily.InterNetworkV6 => Family6,
        AddressFamily.Unix => 1,
        _ => Family4,
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
