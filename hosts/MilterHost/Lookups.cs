using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>Where the questions of messages go.</summary>
internal static class Lookups
{
    /// <summary>The source of DNS answers that settings ask for.</summary>
    /// <param name="report">Told when its servers change and cannot be followed.</param>
    /// <exception cref="StartupException">There is none such.</exception>
    public static IResolver Open(FilterProgram program, Action<string>? report = null) =>
        Launch.Optional(program.Service.TestPublicKeys) is { } keys
            ? LoadKeys(keys)
            : Resolvers.Open(ResolverOf(program), report);

    /// <summary>Whether two configurations ask the same source, so that its cache can stay.</summary>
    public static bool AreSame(FilterProgram one, FilterProgram other) =>
        one.Service.TestPublicKeys.IsNone && other.Service.TestPublicKeys.IsNone && ResolverOf(one).AsksAs(ResolverOf(other));

    private static ResolverSettings ResolverOf(FilterProgram program) => new()
    {
        Kind = program.Service.Resolver,
        Forwarders = [.. program.Service.Nameservers],
        TrustAnchorFile = Launch.Optional(program.Service.TrustAnchorFile),
        Caching = program.Service.QueryCache,
        RecordOctets = program.RecordOctets,
        Time = program.Budget.Time,
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
