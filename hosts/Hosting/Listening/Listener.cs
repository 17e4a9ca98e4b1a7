using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting.Files;
using Dkim.Hosting.Sockets;

namespace Dkim.Hosting.Listening;

/// <summary>How a listener serves.</summary>
/// <param name="MaxConnections">Connections served at once; more wait in the backlog.</param>
/// <param name="Grace">How long connections in progress may go on after the stop.</param>
public sealed record ServeSettings(int MaxConnections, TimeSpan Grace)
{
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>Listening sockets and the loop that accepts from them.</summary>
public sealed class Listener : IDisposable
{
    private readonly List<Socket> sockets = [];
    private readonly List<(string Path, FileFacts Made)> paths = [];

    private Listener()
    {
    }

    /// <summary>The addresses listened at, with the ports that were chosen where port 0 was asked for.</summary>
    public IReadOnlyList<EndPoint> Addresses => [.. sockets.Select(socket => socket.LocalEndPoint!)];

    /// <summary>Listens at every address of an endpoint.</summary>
    /// <exception cref="StartupException">It cannot.</exception>
    public static async Task<Listener> OpenAsync(
        Endpoint endpoint, LocalSocketSettings? settings = null, CancellationToken cancellation = default)
    {
        var listener = new Listener();
        try
        {
            if (endpoint.IsLocal)
            {
                listener.sockets.Add(LocalSocket.Listen(endpoint.Host, ServiceLimits.Backlog, settings ?? new LocalSocketSettings()));
                if (FileFacts.TryRead(endpoint.Host, followLinks: false, out var made))
                {
                    listener.paths.Add((Path.GetFullPath(endpoint.Host), made));
                }
            }
            else
            {
                listener.ListenAtAny(await endpoint.ResolveAsync(cancellation).ConfigureAwait(false));
            }

            return listener;
        }
        catch (SocketException failure)
        {
            listener.Dispose();
            throw new StartupException(StartupFault.Address, $"cannot listen at {endpoint}: {failure.Message}");
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Takes over sockets that already listen, e.g. those of systemd's socket activation.</summary>
    public static Listener Adopt(IEnumerable<Socket> listening)
    {
        var listener = new Listener();
        listener.sockets.AddRange(listening);
        return listener;
    }

    /// <summary>Makes one listener of several, to serve them with one limit. The others are of no more use.</summary>
    public static Listener Join(IEnumerable<Listener> others)
    {
        var joined = new Listener();
        foreach (var other in others)
        {
            joined.sockets.AddRange(other.sockets);
            joined.paths.AddRange(other.paths);
            other.sockets.Clear();
            other.paths.Clear();
        }

        return joined;
    }

    /// <summary>Accepts connections and serves each until <paramref name="stop"/>; then closes the listening sockets,
    /// lets connections in progress end, and after the grace cancels their token.</summary>
    /// <param name="session">Serves one connection, begun in a thread of the reactor; the socket is closed when its
    /// task ends. What it throws goes to <paramref name="report"/> and ends nothing but that connection.</param>
    /// <param name="report">Called with one line for the log when accepting or a session fails, or no more may be served,
    /// as often as that happens.</param>
    public async Task ServeAsync(
        Func<StreamSocket, CancellationToken, Task> session,
        ServeSettings settings,
        Action<string> report,
        CancellationToken stop)
    {
        // Not disposed of: a session that outlives the last wait still ends with them.
        var abort = new CancellationTokenSource();
        var connections = new Connections(session, settings.MaxConnections, report, settings.Clock, abort.Token);
        sockets.ForEach(connections.Open);
        await Task.Delay(Timeout.InfiniteTimeSpan, settings.Clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        connections.Close();
        Dispose();
        if (!await connections.EndedAsync(settings.Grace).ConfigureAwait(false))
        {
            await abort.CancelAsync().ConfigureAwait(false);
            await connections.EndedAsync(ServiceLimits.abortedGrace).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        foreach (var (path, made) in paths)
        {
            LocalSocket.Remove(path, made);
        }

        paths.Clear();
        sockets.ForEach(socket => socket.Dispose());
    }

    // A name may have an address of a family that this machine does not speak.
    private void ListenAtAny(IReadOnlyList<EndPoint> addresses)
    {
        SocketException? last = null;
        foreach (var address in addresses)
        {
            try
            {
                sockets.Add(ListenAt((IPEndPoint)address));
            }
            catch (SocketException failure) when (failure.SocketErrorCode
                is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
            {
                last = failure;
            }
        }

        if (sockets.Count == 0)
        {
            throw last ?? new SocketException((int)SocketError.HostNotFound);
        }
    }

    private static Socket ListenAt(IPEndPoint address)
    {
        // Binding makes a socket reusable by itself; asking for ReuseAddress would let two daemons share the port.
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            // Connections inherit it.
            socket.NoDelay = true;
            socket.Bind(address);
            socket.Listen(ServiceLimits.Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
