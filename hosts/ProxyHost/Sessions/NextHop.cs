using System.Net;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.ProxyHost.Sessions;

/// <summary>The relay. Its addresses are kept for a while, so that not every connection asks for them again.</summary>
/// <param name="clock">What that while goes by.</param>
internal sealed class NextHop(Endpoint endpoint, TimeProvider clock)
{
    private volatile Known? known;

    /// <summary>Connects to the first address that answers; throws <see cref="IOException"/> when none does, and
    /// <see cref="System.Net.Sockets.SocketException"/> when the name has no address.</summary>
    public async ValueTask<StreamSocket> ConnectAsync(CancellationToken cancellation)
    {
        IOException? last = null;
        foreach (var address in await AddressesAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                return await StreamSocket.ConnectAsync(address, cancellation).ConfigureAwait(false);
            }
            catch (IOException failure)
            {
                last = failure;
            }
        }

        known = null;
        throw last ?? new IOException("the next hop has no address");
    }

    private async ValueTask<IReadOnlyList<EndPoint>> AddressesAsync(CancellationToken cancellation)
    {
        if (known is { } current && clock.Milliseconds() < current.Until)
            return current.Addresses;
        var addresses = await endpoint.ResolveAsync(cancellation).ConfigureAwait(false);
        known = new Known(addresses, clock.Milliseconds() + ServiceLimits.NextHopKept);
        return addresses;
    }

    private sealed record Known(IReadOnlyList<EndPoint> Addresses, long Until);
}
