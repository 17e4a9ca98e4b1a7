using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using Microsoft.FSharp.Core;

namespace Dkim.ProxyHost;

/// <summary>One configuration in force: the core's program, and what sessions need to serve under it.</summary>
internal sealed record Serving(ProxyProgram Program, Relaying Relaying, SwappedResolver Resolver)
{
    /// <summary>Puts a program to work.</summary>
    /// <param name="resolver">Where its questions go.</param>
    public static Serving Begin(ProxyProgram program, SwappedResolver resolver, Log log, TimeProvider clock)
    {
        var settings = program.Settings;
        var budget = program.Budget;
        var relay = new NextHop(program.Relay, clock);
        var relaying = new Relaying(
            new Patience(
                TimeSpan.FromSeconds(settings.ConnectTimeout),
                TimeSpan.FromSeconds(settings.ClientTimeout),
                TimeSpan.FromSeconds(settings.RelayTimeout))
            {
                Clock = clock,
                Pace = settings.DataPace,
            },
            new DialogueLimits { BareNewlines = settings.BareNewlines },
            new SpoolArea(
                Needs.SpoolPath(settings), (int)settings.SpoolMemory))
        {
            ConnectAsync = relay.ConnectAsync,
            Filter = party => new PassageFilter(
                program.NewMessage(clock.UnixSeconds(), party),
                new MessageLookups(resolver, budget, clock),
                log.Write),
            MaxMessage = settings.MaxMessageSize,
            Log = log.Write,
            Trace = settings.DebugTrace ? command => StandardStreams.ComplainLine(Printable.escape(command)) : null,
        };
        return new Serving(program, relaying, resolver);
    }

    /// <summary>The source of DNS answers that settings ask for.</summary>
    /// <param name="recordOctets">The longest TXT record to take.</param>
    /// <param name="report">Told when its servers change and cannot be followed.</param>
    /// <exception cref="StartupException">There is none such.</exception>
    public static IResolver OpenResolver(ProxySettings settings, int recordOctets, Action<string> report) =>
        Optional(settings.TestKeys) is { } keys
            ? LoadKeys(keys)
            : Resolvers.Open(ResolverOf(settings, recordOctets), report);

    /// <summary>Whether two configurations ask the same source, so that its cache can stay.</summary>
    public static bool SameResolver(ProxyProgram one, ProxyProgram other) =>
        one.Settings.TestKeys.IsNone && other.Settings.TestKeys.IsNone
        && ResolverOf(one.Settings, one.RecordOctets).AsksAs(ResolverOf(other.Settings, other.RecordOctets));

    /// <summary>Writes the lines of a start.</summary>
    public static void Write(IEnumerable<LogLine> lines, Log log)
    {
        foreach (var line in lines)
            log.Write(line);
    }

    public static string? Optional(FSharpValueOption<string> value) => value.IsSome ? value.Value : null;

    private static ResolverSettings ResolverOf(ProxySettings settings, int recordOctets) => new()
    {
        Kind = settings.Resolver,
        Forwarders = [.. settings.Nameservers],
        TrustAnchorFile = Optional(settings.TrustAnchor),
        RecordOctets = recordOctets,
        Time = TimeSpan.FromSeconds(settings.DnsTimeout),
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
