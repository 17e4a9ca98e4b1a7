using System.Diagnostics;
using Dkim.Core.Dns;
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
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        var allocated = GC.GetTotalAllocatedBytes();
        var found = await AskAsync(resolver, $"{label}.lies.example", 2);
        Assert.That(found, Does.EndWith("!").Or.AnyOf("", "x", "good", "no such name").Or.StartsWith("xxx"));
        Assert.That((Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds, Is.LessThan(2));
        Assert.That(GC.GetTotalAllocatedBytes() - allocated, Is.LessThan(128 << 20));

        // And the next honest question is answered.
        Assert.That(await AskAsync(resolver, $"after-{label}.lies.example", 20), Is.EqualTo("good"));
    }
}
