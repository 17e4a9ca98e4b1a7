using System.Net;
using System.Net.Sockets;
using Dkim.Core.Dns;
using Dkim.Core.Words;
using Microsoft.FSharp.Core;

namespace Dkim.Hosting;

/// <summary>Where DNS answers come from.</summary>
public sealed record ResolverSettings
{
    /// <summary>Which library asks.</summary>
    public ResolverKind Kind { get; init; } = ResolverKind.Auto;

    /// <summary>The servers to ask, instead of those of resolv.conf.</summary>
    public IReadOnlyList<IPEndPoint> Forwarders { get; init; } = [];

    /// <summary>DNSSEC trust anchors as zone-file lines (DS or DNSKEY); needs libunbound.</summary>
    public string? TrustAnchorFile { get; init; }

    /// <summary>Keep answers for their time to live.</summary>
    public bool Caching { get; init; } = true;

    /// <summary>The longest text of a TXT record to take, in octets; a longer one makes the whole answer
    /// unusable.</summary>
    public int RecordOctets { get; init; } = 16 * 1024;

    /// <summary>How long DnsClient tries one question, over all servers and repetitions.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What caches, limits and the looks at resolv.conf go by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Whether answers that were asked for under these settings are those of others, too.</summary>
    public bool AsksAs(ResolverSettings other) => Forwarders.SequenceEqual(other.Forwarders)
        && this with { Forwarders = [] } == other with { Forwarders = [] };
}

/// <summary>Opens a source of DNS answers.</summary>
public static class Resolvers
{
    private const int DnsPort = 53;

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
            : [.. named.Servers.Select(address => new IPEndPoint(address, DnsPort))];
        var choice = Choose(settings, servers);
        warnings = [.. choice.Warnings];
        if (choice.TakesUnbound && servers.Count == 0 && file is null)
        {
            // The library asks the root servers itself.
            return UnboundResolver.Open(settings, []);
        }

        // As the C library does (resolv.conf(5)).
        servers = servers.Count > 0 ? servers : [new IPEndPoint(IPAddress.Loopback, DnsPort)];
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
