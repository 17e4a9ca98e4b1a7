using Dkim.Core;
using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>Where the questions of messages go.</summary>
internal static class Lookups
{
    // Keys of some ten signatures, and the policies of their author.
    private const int MostQuestions = 40;
    private static readonly TimeSpan forEver = TimeSpan.FromDays(1);

    /// <summary>The source of DNS answers that settings ask for.</summary>
    /// <param name="report">Told when its servers change and cannot be followed.</param>
    /// <exception cref="StartupException">There is none such.</exception>
    public static IResolver Open(FilterService settings, Action<string>? report = null) =>
        Launch.Optional(settings.TestPublicKeys) is { } keys ? LoadKeys(keys) : Resolvers.Open(ResolverOf(settings), report);

    /// <summary>What the lookups of one message may cost.</summary>
    public static LookupLimits Limits(FilterService settings) => new(
        MostQuestions, settings.DnsTimeout > 0 ? TimeSpan.FromSeconds(settings.DnsTimeout) : forEver);

    /// <summary>Whether two configurations ask the same source, so that its cache can stay.</summary>
    public static bool AreSame(FilterService one, FilterService other) =>
        one.TestPublicKeys.IsNone && other.TestPublicKeys.IsNone && ResolverOf(one).AsksAs(ResolverOf(other));

    private static ResolverSettings ResolverOf(FilterService settings) => new()
    {
        Kind = settings.Resolver,
        Forwarders = [.. settings.Nameservers],
        TrustAnchorFile = Launch.Optional(settings.TrustAnchorFile),
        Caching = settings.QueryCache,
        Time = Limits(settings).Time,
    };

    private static KeyFileResolver LoadKeys(string path)
    {
        try
        {
            return KeyFileResolver.Load(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new StartupException(StartupFault.Resolver, failure.Message);
        }
    }
}
