using Dkim.Core.Dns;
using Dkim.Core.Words;
using Dkim.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>What is decided around DnsClient, which libunbound decides by itself: aliases, tries, and whom to ask
/// first.</summary>
public sealed class DnsClientTests() : LyingServerFixture(ResolverKind.DnsClient)
{
    [TestCase("aliases-8", "good")]
    [TestCase("aliases-9", "too many aliases!")]
    public async Task Aliases_are_followed_up_to_a_number(string label, string told)
    {
        using var resolver = Open();
        Assert.That(await AskAsync(resolver, $"{label}.lies.example"), Is.EqualTo(told));
    }

    [TestCase("alias", true)]
    [TestCase("alias-brief", false)]
    public async Task What_an_alias_leads_to_is_remembered_no_longer_than_the_alias(string label, bool kept)
    {
        var clock = new FakeTimeProvider();
        using var resolver = Open(clock);
        var question = Txt($"{label}.lies.example");
        await resolver.AskAsync(question, CancellationToken.None);
        Assert.That(resolver.Find(question), Is.Not.Null);
        clock.Advance(TimeSpan.FromSeconds(1.2));
        Assert.That(resolver.Find(question) is not null, Is.EqualTo(kept));
    }

    [Test]
    public async Task A_server_that_has_failed_is_not_asked_again_at_once()
    {
        var clock = new FakeTimeProvider();
        using var failing = new FakeServer(query => Task.FromResult<byte[]?>(FakeServer.Reply(query, 2)));
        using var good = new FakeServer(query => Task.FromResult<byte[]?>(FakeServer.Reply(query, 0, FakeServer.Txt("good"))));
        using var resolver = Resolvers.Open(new ResolverSettings
        {
            Forwarders = [failing.Address, good.Address],
            Kind = ResolverKind.DnsClient,
            Clock = clock,
        });
        for (var number = 1; number <= 5; number++)
        {
            Assert.That(await AskAsync(resolver, $"n{number}.test"), Is.EqualTo("good"));
        }

        Assert.That((failing.Queries, good.Queries), Is.EqualTo((1, 5)));
        clock.Advance(TimeSpan.FromMilliseconds(ResolverLimits.TroubleTime));
        Assert.That(await AskAsync(resolver, "later.test"), Is.EqualTo("good"));
        Assert.That(failing.Queries, Is.EqualTo(2), "it gets another chance");
    }

    // A datagram is lost, and the second try begins with the next one.
    [Test]
    public async Task A_question_that_is_lost_is_asked_again()
    {
        var asked = 0;
        using var server = new FakeServer(query => Task.FromResult<byte[]?>(
            Interlocked.Increment(ref asked) == 1 ? null : FakeServer.Reply(query, 0, FakeServer.Txt("good"))));
        using var resolver = Asking(server);
        Assert.That(await AskAsync(resolver, "lost.test", 20), Is.EqualTo("good"));
        Assert.That(server.Queries, Is.EqualTo(2));
    }

    // With each reply that is passed over the question is asked anew, under another number.
    [Test]
    public async Task Some_replies_under_a_wrong_number_are_passed_over()
    {
        var asked = 0;
        using var server = new FakeServer(query =>
        {
            var good = FakeServer.Reply(query, 0, FakeServer.Txt("good"));
            var forged = FakeServer.Reply(query, 0, FakeServer.Txt("forged"));
            forged[0] ^= 0xff;
            return Task.FromResult<byte[]?>(Interlocked.Increment(ref asked) <= ResolverLimits.MisnumberedReplies ? forged : good);
        });
        using var resolver = Asking(server);
        Assert.That(await AskAsync(resolver, "forged.test", 20), Is.EqualTo("good"));
        Assert.That(server.Queries, Is.EqualTo(ResolverLimits.MisnumberedReplies + 1));
    }

    private static WatchedResolver Asking(FakeServer server) => Resolvers.Open(
        new ResolverSettings { Forwarders = [server.Address], Kind = ResolverKind.DnsClient, Time = TimeSpan.FromSeconds(3) });
}
