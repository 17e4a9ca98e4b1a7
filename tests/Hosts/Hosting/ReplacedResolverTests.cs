using Dkim.Core.Dns;
using Dkim.Core.Words;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What resolvers leave behind in a process whose servers change; alone, since threads and descriptors of the
/// whole process are counted.</summary>
[TestFixture(ResolverKind.Unbound)]
[TestFixture(ResolverKind.DnsClient)]
[NonParallelizable]
public sealed class ReplacedResolverTests(ResolverKind kind)
{
    [Test]
    public async Task A_resolver_that_is_replaced_is_closed_when_its_last_question_has_ended()
    {
        if (kind == ResolverKind.Unbound)
        {
            Tools.RequireLibunbound();
        }

        using var quick = new FakeServer(query => Task.FromResult<byte[]?>(FakeServer.Reply(query, 0, FakeServer.Txt("quick"))));
        using var slow = new FakeServer(async query =>
        {
            await Task.Delay(500);
            return FakeServer.Reply(query, 0, FakeServer.Txt("slow"));
        });
        using var current = new SwappedResolver(Resolvers.Open(new ResolverSettings { Forwarders = [slow.Address], Kind = kind }));
        var before = Costs();
        var asked = current.AskAsync(Txt("one.test"), CancellationToken.None).AsTask();
        for (var i = 0; i < 30; i++)
        {
            current.Replace(Resolvers.Open(new ResolverSettings { Forwarders = [quick.Address], Kind = kind }));
            Assert.That(Texts(await current.AskAsync(Txt("one.test"), CancellationToken.None)), Is.EqualTo(new[] { "quick" }));
        }

        Assert.That(Texts(await asked), Is.EqualTo(new[] { "slow" }), "it was asked before");
        await Tools.Eventually(
            () => Costs() is var now && now.Threads < before.Threads + 20 && now.Descriptors < before.Descriptors + 40,
            "the old ones are closed");
    }

    private static (int Threads, int Descriptors) Costs() =>
        (Directory.GetDirectories("/proc/self/task").Length, Directory.GetFiles("/proc/self/fd").Length);

    private static Question Txt(string name) => new(name, RecordType.Txt);

    private static string[] Texts(Answer answer) => [.. ((Outcome.Records)answer.Outcome).Item];
}
