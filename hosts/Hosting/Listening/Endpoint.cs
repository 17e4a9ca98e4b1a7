using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Dkim.Hosting;

/// <summary>Which addresses a TCP endpoint means.</summary>
public enum EndpointFamily
{
    /// <summary>IPv4 and IPv6.</summary>
    Any,
    IPv4,
    IPv6,

    /// <summary>A Unix socket.</summary>
    Local,
}

/// <summary>An address as configuration files write it: <c>HOST:PORT</c>, <c>[V6]:PORT</c>, <c>HOST</c>,
/// <c>inet:PORT@HOST</c>, <c>inet6:PORT@HOST</c>, <c>local:PATH</c>, <c>unix:PATH</c>, or a bare path. An empty host
/// or <c>*</c> means every address.</summary>
/// <param name="Host">Host name or address; empty for every address; a path for a Unix socket.</param>
public sealed record Endpoint(EndpointFamily Family, string Host, int Port)
{
    /// <summary>The longest path of a Unix socket, in octets.</summary>
    public const int LongestPath = 107;

    public bool IsLocal => Family == EndpointFamily.Local;

    /// <summary>Reads an endpoint; false with the reason when it cannot be one.</summary>
    /// <param name="defaultPort">Port of an endpoint that names none; 0 when it must name one.</param>
    public static bool TryParse(string text, int defaultPort, out Endpoint endpoint, out string problem)
    {
        (var parsed, problem) = Read(text.Trim(), defaultPort);
        endpoint = parsed ?? new Endpoint(EndpointFamily.Any, "", 0);
        return parsed is not null;
    }

    /// <summary>Reads an endpoint, or throws a <see cref="StartupException"/> that says why it is none.</summary>
    public static Endpoint Parse(string text, int defaultPort = 0) =>
        TryParse(text, defaultPort, out var endpoint, out var problem)
            ? endpoint
            : throw new StartupException(StartupFault.Address, $"address \"{text}\": {problem}");

    /// <summary>The endpoint in the form in which it may be configured.</summary>
    public override string ToString() => Family switch
    {
        EndpointFamily.Local => $"local:{Host}",
        EndpointFamily.IPv4 => Host.Length == 0 ? $"inet:{Port}" : $"inet:{Port}@{Host}",
        EndpointFamily.IPv6 => Host.Length == 0 ? $"inet6:{Port}" : $"inet6:{Port}@{Host}",
        _ => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}",
    };

    /// <summary>The socket addresses behind the endpoint; a host name is looked up.</summary>
    public async Task<IReadOnlyList<EndPoint>> ResolveAsync(CancellationToken cancellation)
    {
        if (IsLocal)
        {
            return [new UnixDomainSocketEndPoint(Host)];
        }

        if (Host.Length == 0)
        {
            var any = Family == EndpointFamily.IPv4 || !Socket.OSSupportsIPv6 ? IPAddress.Any : IPAddress.IPv6Any;
            return [new IPEndPoint(any, Port)];
        }

        if (IPAddress.TryParse(Host, out var address))
        {
            return [new IPEndPoint(address, Port)];
        }

        var family = Family switch
        {
            EndpointFamily.IPv4 => AddressFamily.InterNetwork,
            EndpointFamily.IPv6 => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        var addresses = await Dns.GetHostAddressesAsync(Host, family, cancellation).ConfigureAwait(false);
        return [.. addresses.Distinct().Select(found => new IPEndPoint(found, Port))];
    }

    /// <summary>Connects to the first address that answers. Throws <see cref="SocketException"/> when none does, and
    /// <see cref="OperationCanceledException"/> when the time is over.</summary>
    public async Task<Socket> ConnectAsync(CancellationToken cancellation)
    {
        Exception? last = null;
        foreach (var address in await ResolveAsync(cancellation).ConfigureAwait(false))
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                if (!IsLocal)
                {
                    socket.NoDelay = true;
                }

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

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    private static (Endpoint? Endpoint, string Problem) Read(string text, int defaultPort)
    {
        if (text.Length == 0)
        {
            return (null, "it is empty");
        }

        var colon = text.IndexOf(':');
        var scheme = colon < 0 ? "" : text[..colon].ToLowerInvariant();
        return scheme switch
        {
            "local" or "unix" => Local(text[(colon + 1)..]),
            "inet" => PortAtHost(EndpointFamily.IPv4, text[(colon + 1)..]),
            "inet6" => PortAtHost(EndpointFamily.IPv6, text[(colon + 1)..]),
            _ when text.Contains('/') => Local(text),
            _ => HostAndPort(text, defaultPort),
        };
    }

    private static (Endpoint?, string) Local(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            return (null, "a path is missing");
        }

        return Libc.Text(path).Length - 1 > LongestPath
            ? (null, $"the path is longer than {LongestPath} octets, the most a Unix socket can have")
            : (new Endpoint(EndpointFamily.Local, path, 0), "");
    }

    private static (Endpoint?, string) PortAtHost(EndpointFamily family, string text)
    {
        var at = text.IndexOf('@');
        var host = at < 0 ? "" : Unbracket(text[(at + 1)..]);
        return TryPort(at < 0 ? text : text[..at], out var port)
            ? Checked(family, host, port)
            : (null, "its port is not a number from 0 to 65535");
    }

    private static (Endpoint?, string) HostAndPort(string text, int defaultPort)
    {
        var colon = text.LastIndexOf(':');
        var bareV6 = !text.StartsWith('[') && text.IndexOf(':') != colon;
        var hasPort = colon >= 0 && !bareV6 && !text.EndsWith(']');
        var host = Unbracket(hasPort ? text[..colon] : text);
        if (!hasPort)
        {
            return defaultPort > 0 ? Checked(EndpointFamily.Any, host, defaultPort) : (null, "its port is missing");
        }

        return TryPort(text[(colon + 1)..], out var port)
            ? Checked(EndpointFamily.Any, host, port)
            : (null, "its port is not a number from 0 to 65535");
    }

    private static (Endpoint?, string) Checked(EndpointFamily family, string host, int port)
    {
        var name = host == "*" ? "" : host;
        if (name.Length > 0 && name.All(char.IsAsciiDigit))
        {
            return (null, $"{name} is no host; write HOST:PORT");
        }

        if (IPAddress.TryParse(name, out var address) && family != EndpointFamily.Any
            && (address.AddressFamily == AddressFamily.InterNetworkV6) != (family == EndpointFamily.IPv6))
        {
            return (null, $"{name} is not an address of this kind");
        }

        return Uri.CheckHostName(name) == UriHostNameType.Unknown && name.Length > 0
            ? (null, $"\"{name}\" is neither a host name nor an address")
            : (new Endpoint(family, name, port), "");
    }

    private static string Unbracket(string host) =>
        host.Length > 2 && host[0] == '[' && host[^1] == ']' ? host[1..^1] : host;

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port <= 65535;
}
