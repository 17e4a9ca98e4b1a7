using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;

namespace Dkim.Hosting.Listening;

/// <summary>The socket addresses behind endpoints.</summary>
public static class Endpoints
{
    /// <summary>Sees that an endpoint can be listened at by this machine, as far as that can be seen without opening
    /// it.</summary>
    /// <param name="setting">The setting that names it.</param>
    /// <exception cref="StartupException">It cannot.</exception>
    public static async Task RequireOwnAsync(this Endpoint endpoint, string setting)
    {
        try
        {
            var addresses = await endpoint.ResolveAsync(CancellationToken.None).ConfigureAwait(false);
            if (addresses.Any(IsOwn))
                return;
        }
        catch (SocketException failure)
        {
            throw new StartupException(
                StartupFault.Address, $"{endpoint.Host}: {failure.Message}", setting, "write an address of this machine");
        }

        throw new StartupException(
            StartupFault.Address,
            $"{endpoint.Host} is no address of this machine",
            setting,
            "write an address that ip addr shows, such as 127.0.0.1");
    }

    // Any free port of it can be had.
    private static bool IsOwn(EndPoint address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(((IPEndPoint)address).Address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

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

        if (endpoint.Address is { IsSome: true, Value: var address })
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
