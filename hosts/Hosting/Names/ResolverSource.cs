using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Names;

/// <summary>Where DNS answers come from, by the settings of a program: from a file of keys, from records, or from servers.</summary>
/// <param name="KeyFile">Its path; null for servers.</param>
public sealed record ResolverSource(string? KeyFile, ResolverSettings Servers, ServiceNames Names)
{
    /// <summary>Records that take the place of the DNS, behind those of the file of keys.</summary>
    public TestKeys? Records { get; init; }

    /// <summary>Opens it.</summary>
    /// <param name="report">Told, in a line, when its servers change and cannot be followed.</param>
    /// <exception cref="StartupException">It cannot be used; the failure names the setting.</exception>
    public IResolver Open(Action<string>? report = null)
    {
        var (setting, remedy) = KeyFile is not null
            ? (Names.TestKeys, "name a file of lines NAME RECORD")
            : Servers.TrustAnchorFile is not null
                ? (Names.TrustAnchors, "name a file of DS or DNSKEY records, as /usr/share/dns/root.key of dns-root-data")
                : (Names.Lookups, "");
        return StartupException.For(
            setting, remedy, () => Recorded() ?? (IResolver)Resolvers.Open(Servers, report));
    }

    /// <summary>Whether another source gives the same answers, so that what is kept of them can stay.</summary>
    public bool IsSame(ResolverSource other) =>
        KeyFile is null && other.KeyFile is null && Records is null && other.Records is null
        && Servers.AsksAs(other.Servers);

    // Nothing where the DNS is asked.
    private KeyFileResolver? Recorded()
    {
        if (KeyFile is not { } path)
            return Records is { } records ? KeyFileResolver.Of(records, "records of the settings") : null;
        try
        {
            return KeyFileResolver.Load(path, Records);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new StartupException(StartupFault.Resolver, failure.Message);
        }
    }
}
