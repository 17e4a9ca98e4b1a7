using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A resolver of the network beside a server that sends what no honest one would.</summary>
public abstract class LyingServerFixture(ResolverKind kind)
{
    private protected LyingServer Server { get; private set; } = null!;

    private protected bool IsUnbound => kind == ResolverKind.Unbound;

    [SetUp]
    public void Start()
    {
        if (IsUnbound)
        {
            Tools.RequireLibunbound();
        }

        Server = new LyingServer();
    }

    [TearDown]
    public void Stop() => Server?.Dispose();

    private protected WatchedResolver Open(TimeProvider? clock = null) => Resolvers.Open(new ResolverSettings
    {
        Forwarders = [Server.Address],
        Kind = kind,
        Time = TimeSpan.FromSeconds(3),
        Clock = clock ?? TimeProvider.System,
    });

    private protected static Question Txt(string name) => new(name, RecordType.Txt);

    /// <summary>The answer to one question, as text: records between bars, and a reason why there is none with an exclamation
    /// mark at its end.</summary>
    private protected static async Task<string> AskAsync(WatchedResolver resolver, string name, int seconds = 4)
    {
        var budget = new LookupBudget(20, 20, TimeSpan.FromSeconds(seconds));
        var answers = await new MessageLookups(resolver, budget).AskAsync([Txt(name)]);
        return answers.Values.Single().Outcome switch
        {
            Outcome.Records records => string.Join('|', records.Item),
            Outcome.Unavailable unavailable => unavailable.reason + "!",
            _ => "no such name",
        };
    }
}
