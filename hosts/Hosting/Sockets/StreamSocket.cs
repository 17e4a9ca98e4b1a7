using System.Net;
using System.Net.Sockets;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Sockets;

/// <summary>A connected stream socket that never waits: what cannot be done at once is done when its readiness is told.
/// Not for several threads at once.</summary>
public sealed class StreamSocket : IDisposable
{
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
        _ = Libc.fcntl(fd, Libc.F_SETFL, Libc.fcntl(fd, Libc.F_GETFL, 0) | Libc.O_NONBLOCK);
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
        var fd = Libc.socket(Family(address), Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC, 0);
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
                count = Libc.recv(fd, start, (nuint)buffer.Length, 0);
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
                count = Libc.send(fd, start, (nuint)octets.Length, Libc.MSG_NOSIGNAL);
            }
            while (count < 0 && Libc.LastError == Libc.EINTR);
            return Outcome(count);
        }
    }

    /// <summary>Tells the peer that nothing more comes; false when the connection is broken.</summary>
    public bool EndSending() => Libc.shutdown(fd, Libc.SHUT_WR) == 0;

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
        PeerAddress address;
        while (true)
        {
            var length = (uint)sizeof(PeerAddress);
            var fd = Libc.accept4(listening, &address, &length, Libc.SOCK_NONBLOCK | Libc.SOCK_CLOEXEC);
            if (fd >= 0)
            {
                return new StreamSocket(fd) { Peer = ReadPeer(address) };
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

    private static unsafe IPEndPoint? ReadPeer(PeerAddress address) => address.Family switch
    {
        Libc.AF_INET => new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(address.Address4, 4)), address.Port),
        Libc.AF_INET6 => new IPEndPoint(Plain(new IPAddress(new ReadOnlySpan<byte>(address.Address6, 16))), address.Port),
        _ => null,
    };

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static int Outcome(nint result) => result >= 0 ? (int)result : Libc.LastError == Libc.EAGAIN ? -1 : -2;

    // What the kernel calls the families; .NET has numbers of its own.
    private static int Family(EndPoint address) => address.AddressFamily switch
    {
        AddressFamily.InterNetworkV6 => Libc.AF_INET6,
        AddressFamily.Unix => Libc.AF_UNIX,
        _ => Libc.AF_INET,
    };

    private static IOException Failure(int error) => new(Libc.Describe(error));

    private unsafe bool BeginConnect(EndPoint address)
    {
        if (address is IPEndPoint)
        {
            var yes = 1;
            _ = Libc.setsockopt(fd, Libc.IPPROTO_TCP, Libc.TCP_NODELAY, &yes, sizeof(int));
        }

        var place = address.Serialize();
        fixed (byte* start = place.Buffer.Span)
        {
            if (Libc.connect(fd, start, (uint)place.Size) == 0)
            {
                return true;
            }
        }

        if (Libc.LastError != Libc.EINPROGRESS)
        {
            throw Failure(Libc.LastError);
        }

        // On the same machine it is connected by now.
        var entry = new PollEntry { Descriptor = fd, Events = Libc.POLLOUT };
        return Libc.poll(&entry, 1, 0) == 1 && (entry.Returned == Libc.POLLOUT || Connected());
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
        _ = Libc.getsockopt(fd, Libc.SOL_SOCKET, Libc.SO_ERROR, &error, &length);
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
