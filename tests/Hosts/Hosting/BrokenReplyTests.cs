using System.Diagnostics;
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
        var allocated = GC.GetTotalAllocatedBytes();

        // A packet that keeps a processor busy does so each time; the runtime, which compiles in the background, does not.
        var spent = TimeSpan.MaxValue;
        for (var turn = 0; turn < 3 && spent > most; turn++)
        {
            spent = await TimeOfAskingAsync(resolver, $"{label}.lies.example");
        }

        Assert.That(spent, Is.LessThan(most));
        Assert.That(GC.GetTotalAllocatedBytes() - allocated, Is.LessThan(128 << 20));

        // And the next honest question is answered.
        Assert.That(await AskAsync(resolver, $"after-{label}.lies.example", 20), Is.EqualTo("good"));
    }

    // An answer may take two seconds. All of that in work would be a loop.
    private static readonly TimeSpan most = TimeSpan.FromSeconds(1.5);

    private static async Task<TimeSpan> TimeOfAskingAsync(WatchedResolver resolver, string name)
    {
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var found = await AskAsync(resolver, name, 2);
        Assert.That(found, Does.EndWith("!").Or.AnyOf("", "x", "good", "no such name").Or.StartsWith("xxx"));
        return Process.GetCurrentProcess().TotalProcessorTime - before;
    }
}
