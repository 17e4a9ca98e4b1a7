using System.Net;
using System.Net.Sockets;
using Dkim.Core;

namespace Dkim.Hosting;

/// <summary>The socket addresses behind endpoints.</summary>
public static class Endpoints
{
    /// <summary>The socket addresses behind the endpoint; a host name is looked up.</summary>
    public static async Task<IReadOnlyList<EndPoint>> ResolveAsync(
        this Endpoint endpoint, CancellationToken cancellation)
    {
        if (endpoint.IsLocal)
        {
            return [new UnixDomainSocketEndPoint(endpoint.Host)];
        }

        if (endpoint.Host.Length == 0)
        {
            var any = endpoint.Family == EndpointFamily.IPv4 || !Socket.OSSupportsIPv6 ? IPAddress.Any : IPAddress.IPv6Any;
            return [new IPEndPoint(any, endpoint.Port)];
        }

        if (IPAddress.TryParse(endpoint.Host, out var address))
        {
            return [new IPEndPoint(address, endpoint.Port)];
        }

        var family = endpoint.Family switch
        {
            EndpointFamily.IPv4 => AddressFamily.InterNetwork,
            EndpointFamily.IPv6 => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        var addresses = await Dns.GetHostAddressesAsync(endpoint.Host, family, cancellation).ConfigureAwait(false);
        return [.. addresses.Distinct().Select(found => new IPEndPoint(found, endpoint.Port))];
    }
}
