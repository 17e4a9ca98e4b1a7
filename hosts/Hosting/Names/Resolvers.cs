using System.Net;
using Dkim.Core;

namespace Dkim.Hosting;

/// <summary>Where DNS answers come from.</summary>
public sealed record ResolverSettings
{
    /// <summary>The servers to ask, instead of those of resolv.conf; of more than three, libunbound alone asks the
    /// rest.</summary>
    public IReadOnlyList<IPEndPoint> Forwarders { get; init; } = [];

    /// <summary>DNSSEC trust anchors as zone-file lines (DS or DNSKEY); needs libunbound.</summary>
    public string? TrustAnchorFile { get; init; }

    /// <summary>Keep answers for their time to live.</summary>
    public bool Caching { get; init; } = true;

    /// <summary>Use libunbound where it is installed.</summary>
    public bool Library { get; init; } = true;

    /// <summary>Use the C library's resolver where libunbound is not installed or not wanted.</summary>
    public bool System { get; init; } = true;

    /// <summary>How long the C library tries one question, over all servers and repetitions.</summary>
    public TimeSpan SystemTime { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Chooses a source of DNS answers.</summary>
public static class Resolvers
{
    /// <summary>libunbound where it is installed, else the C library's resolver; the description says which.</summary>
    /// <exception cref="StartupException">Trust anchors are given and nothing here can validate, libunbound is asked
    /// for and not there, or a setting is refused.</exception>
    public static IResolver Open(ResolverSettings settings)
    {
        if (settings.Library && UnboundResolver.TryOpen(settings) is { } unbound)
        {
            return unbound;
        }

        if (!settings.System)
        {
            throw new StartupException(StartupFault.Resolver, "libunbound is not installed (package libunbound8)");
        }

        return settings.TrustAnchorFile is null
            ? new SystemResolver(settings)
            : throw new StartupException(
                StartupFault.Resolver,
                $"the trust anchors of {settings.TrustAnchorFile} need libunbound, which is not installed"
                + " (package libunbound8)");
    }
}
