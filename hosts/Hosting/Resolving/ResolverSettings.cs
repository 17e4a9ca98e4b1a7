using System.Net;
using Dkim.Core.Dns;
using Dkim.Core.Words;

namespace Dkim.Hosting.Resolving;

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
    public int RecordOctets { get; init; } = ResolverLimits.RecordOctets;

    /// <summary>How long DnsClient tries one question, over all servers and repetitions.</summary>
    public TimeSpan Time { get; init; } = ResolverLimits.questionTime;

    /// <summary>What caches, limits and the looks at resolv.conf go by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Whether answers that were asked for under these settings are those of others, too.</summary>
    public bool AsksAs(ResolverSettings other) => Forwarders.SequenceEqual(other.Forwarders)
        && this with { Forwarders = [] } == other with { Forwarders = [] };
}
