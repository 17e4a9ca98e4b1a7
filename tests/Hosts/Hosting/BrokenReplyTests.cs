using Dkim.Core.Dns;
using Dkim.Hosting.Names;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Both resolvers of the network against replies that cannot be read; alone, since the processor time and the
/// memory of the whole process are measured.</summary>
[TestFixture(ResolverKind.Unbound)]
[TestFixture(ResolverKind.DnsClient)]
[NonParallelizable]
public sealed class BrokenReplyTests(ResolverKind kind) : LyingServerFixture(kind)
{
    [TestCaseSource(typeof(Lies), nameof(Lies.Malformed))]
    public async Task A_packet_that_cannot_be_read_does_no_harm(string label)
    {
        using var resolver = Open();

        // The runner reads what earlier tests have told it, in this process, and may be at it for seconds.
        await Tools.Eventually(IsIdle, "nothing else goes on in this process");

        // A packet that keeps a processor busy, or takes memory, does so each time; the runtime, which compiles in the
        // background, does not.
        var (spent, allocated) = (TimeSpan.MaxValue, long.MaxValue);
        for (var turn = 0; turn < 3 && (spent > most || allocated > MostAllocated); turn++)
        {
            (spent, allocated) = await CostOfAskingAsync(resolver, $"{label}.lies.example");
        }

        Assert.That(spent, Is.LessThan(most));
        Assert.That(allocated, Is.LessThan(MostAllocated));

        // And the next honest question is answered.
        Assert.That(await AskAsync(resolver, $"after-{label}.lies.example", 20), Is.EqualTo("good"));
    }

    // An answer may take two seconds. All of that in work would be a loop.
    private static readonly TimeSpan most = TimeSpan.FromSeconds(1.5);

    private const long MostAllocated = 128 << 20;

    private static async Task<(TimeSpan Spent, long Allocated)> CostOfAskingAsync(WatchedResolver resolver, string name)
    {
        var (spent, allocated) = (Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes());
        var found = await AskAsync(resolver, name, 2);
        Assert.That(found, Does.EndWith("!").Or.AnyOf("", "x", "good", "no such name").Or.StartsWith("xxx"));
        return (Environment.CpuUsage.TotalTime - spent, GC.GetTotalAllocatedBytes() - allocated);
    }

    private static bool IsIdle()
    {
        var allocated = GC.GetTotalAllocatedBytes();
        Thread.Sleep(50);
        return GC.GetTotalAllocatedBytes() - allocated < 1 << 20;
    }
}
