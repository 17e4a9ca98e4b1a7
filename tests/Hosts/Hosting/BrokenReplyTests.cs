using System.Diagnostics;
using Dkim.Core;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Both resolvers of the network against replies that cannot be read; alone, since the processor time and the
/// memory of the whole process are measured.</summary>
[TestFixture(ResolverKind.Unbound)]
[TestFixture(ResolverKind.DnsClient)]
[NonParallelizable]
public sealed class BrokenReplyTests(ResolverKind kind)
{
    private LyingServer server = null!;

    [SetUp]
    public void Start()
    {
        if (kind == ResolverKind.Unbound)
        {
            Tools.RequireLibunbound();
        }

        server = new LyingServer();
    }

    [TearDown]
    public void Stop() => server?.Dispose();
    [TestCaseSource(typeof(Lies), nameof(Lies.Malformed))]
    public async Task A_packet_that_cannot_be_read_does_no_harm(string label)
    {
        using var resolver = Resolvers.Open(
            new ResolverSettings { Forwarders = [server.Address], Kind = kind, Time = TimeSpan.FromSeconds(3) });
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes();
        var found = await AskAsync(resolver, $"{label}.lies.example", 2);
        Assert.That(found, Does.EndWith("!").Or.AnyOf("", "x", "good", "no such name").Or.StartsWith("xxx"));
        Assert.That((Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds, Is.LessThan(2));
        Assert.That(GC.GetTotalAllocatedBytes() - allocated, Is.LessThan(128 << 20));

        // And the next honest question is answered.
        Assert.That(await AskAsync(resolver, $"after-{label}.lies.example", 20), Is.EqualTo("good"));
    }

    private static async Task<string> AskAsync(WatchedResolver resolver, string name, int seconds)
    {
        var budget = new LookupBudget(20, 20, TimeSpan.FromSeconds(seconds));
        var answers = await new MessageLookups(resolver, budget).AskAsync([new Question(name, RecordType.Txt)]);
        return LieTests.Describe(answers.Values.Single());
    }
}
