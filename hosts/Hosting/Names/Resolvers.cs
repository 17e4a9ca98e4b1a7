using System.Net;
using System.Net.Sockets;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Words;
using Dkim.Hosting.Resolving;
using Microsoft.FSharp.Core;

namespace Dkim.Hosting.Names;

/// <summary>Opens a source of DNS answers.</summary>
public static class Resolvers
{
    /// <summary>The resolver that the settings ask for, which follows resolv.conf where they name no server; the
    /// description says which it is.</summary>
    /// <param name="report">Told, in a line, when a changed resolv.conf cannot be followed.</param>
    /// <exception cref="StartupException">Nothing here can do what a setting asks for, or libunbound refuses
    /// it.</exception>
    public static WatchedResolver Open(ResolverSettings settings, Action<string>? report = null) =>
        new(settings, report ?? (_ => { }));

    /// <summary>The resolver for the servers of a resolv.conf.</summary>
    /// <param name="file">Its text; null where there is none.</param>
    /// <param name="warnings">What an administrator should know of the choice.</param>
    internal static IResolver Open(ResolverSettings settings, string? file, out IReadOnlyList<string> warnings)
    {
        var named = ResolvConfModule.parse(file ?? "");
        IReadOnlyList<IPEndPoint> servers = settings.Forwarders.Count > 0
            ? settings.Forwarders
            : [.. named.Servers.Select(address => new IPEndPoint(address, ResolverLimits.Port))];
        var choice = Choose(settings, servers);
        warnings = [.. choice.Warnings];
        if (choice.TakesUnbound && servers.Count == 0 && file is null)
        {
            // The library asks the root servers itself.
            return UnboundResolver.Open(settings, []);
        }

        // As the C library does (resolv.conf(5)).
        servers = servers.Count > 0 ? servers : [new IPEndPoint(IPAddress.Loopback, ResolverLimits.Port)];
        return choice.TakesUnbound
            ? UnboundResolver.Open(settings, servers)
            : new DnsClientResolver(settings, servers, settings.Forwarders.Count == 0 && named.TrustAd);
    }

    private static ResolverChoice Choose(ResolverSettings settings, IReadOnlyList<IPEndPoint> servers)
    {
        var distant = servers.Select(server => server.Address).Where(address => !IsHere(address)).Distinct();
        // The library is looked for only where that can matter: it takes a millisecond.
        var needs = new ResolverNeeds(
            settings.Kind,
            settings.TrustAnchorFile is { } anchors ? FSharpValueOption<string>.Some(anchors) : FSharpValueOption<string>.None,
            settings.Kind != ResolverKind.DnsClient
                && (settings.Kind == ResolverKind.Unbound || settings.TrustAnchorFile is not null || distant.Any())
                && Unbound.IsInstalled,
            Microsoft.FSharp.Collections.ListModule.OfSeq(distant));
        var choice = ResolverChoiceModule.choose(needs);
        return choice.IsOk
            ? choice.ResultValue
            : throw new StartupException(StartupFault.Resolver, choice.ErrorValue);
    }

    /// <summary>Whether an address is one of this machine, so that nobody elsewhere can send packets from it.</summary>
    private static bool IsHere(IPAddress address)
    {
        if (IPAddress.IsLoopback(address))
        {
            return true;
        }

        try
        {
            // The system binds its own addresses only.
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
