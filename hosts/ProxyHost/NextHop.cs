using System.Net;
using System.Net.Sockets;
using Dkim.Hosting;

namespace Dkim.ProxyHost;

/// <summary>The relay. Its addresses are kept for a while, so that not every connection asks for them again.</summary>
internal sealed class NextHop(Hosting.Endpoint endpoint)
{
    private const long Keep = 30_000;
    private volatile Known? known;

    /// <summary>Connects to the first address that answers; throws <see cref="SocketException"/> when none does.</summary>
    public async Task<Socket> ConnectAsync(CancellationToken cancellation)
    {
        SocketException? last = null;
        foreach (var address in await AddressesAsync(cancellation).ConfigureAwait(false))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address, cancellation).ConfigureAwait(false);
                return socket;
            }
            catch (SocketException failure)
            {
                last = failure;
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        known = null;
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    private async ValueTask<IReadOnlyList<EndPoint>> AddressesAsync(CancellationToken cancellation)
    {
        if (known is { } current && Environment.TickCount64 < current.Until)
            return current.Addresses;
        var addresses = await endpoint.ResolveAsync(cancellation).ConfigureAwait(false);
        known = new Known(addresses, Environment.TickCount64 + Keep);
        return addresses;
    }

    private sealed record Known(IReadOnlyList<EndPoint> Addresses, long Until);
}
