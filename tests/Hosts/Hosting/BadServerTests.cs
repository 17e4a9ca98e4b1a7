using System.Diagnostics;
using Dkim.Core.Dns;
using Dkim.Core.Words;
using Dkim.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Both resolvers of the network against servers that are slow, dead or lying.</summary>
[TestFixture(ResolverKind.Unbound)]
[TestFixture(ResolverKind.DnsClient)]
public sealed class BadServerTests(ResolverKind kind)
{
    private readonly bool library = kind == ResolverKind.Unbound;

    [SetUp]
    public void Require()
    {
        if (library)
        {
            Tools.RequireLibunbound();
        }
    }

    [Test]
    public async Task A_dead_server_costs_the_deadline_and_no_more()
    {
        using var server = new HeldServer("late");
        var clock = new FakeTimeProvider();
        using var resolver = Resolvers.Open(new ResolverSettings { Forwarders = [server.Address], Kind = kind, Clock = clock });
        var lookups = new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10), clock);
        var asked = lookups.AskAsync([Txt("a.test"), Txt("b.test"), Txt("c.test")]);
        await Tools.Eventually(() => server.Names == 3, "all are asked");
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.That(asked.IsCompleted, Is.False);
        clock.Advance(TimeSpan.FromSeconds(1));
        var answers = await asked;
        Assert.That(answers.Values.Select(Reason), Is.All.EqualTo("timeout"));

        // The time of a message is spent once, not once a round.
        answers = await lookups.AskAsync([Txt("d.test")]);
        Assert.That(Reason(answers[Txt("d.test")]), Is.EqualTo("timeout"));
    }

    [Test]
    public async Task A_slow_server_holds_up_nobody_else()
    {
        using var server = new HeldServer("slow");
        var clock = new FakeTimeProvider();
        using var resolver = Resolvers.Open(
            new ResolverSettings { Forwarders = [server.Address], Kind = kind, Time = TimeSpan.FromMinutes(2), Clock = clock });
        var budget = LookupBudgetModule.ofQuestions(20, 10);
        var asked = new MessageLookups(resolver, budget, clock).AskAsync(
            [.. Enumerable.Range(0, 20).Select(i => Txt($"s{i}.test"))]);
        await Tools.Eventually(() => server.Names == budget.AtOnce, "none waits for the answer of another");
        server.Answer();
        Assert.That(
            (await asked).Values.Select(answer => ((Outcome.Records)answer.Outcome).Item.Single()), Is.All.EqualTo("slow"));
    }

    [Test]
    [Category("RFC6376-8.4-1")]
    public async Task The_same_question_in_flight_is_asked_once_and_then_remembered()
    {
        var answer = new TaskCompletionSource();
        using var server = new FakeServer(async query =>
        {
            await answer.Task;
            return FakeServer.Reply(query, 0, FakeServer.Txt("shared"));
        });
        using var resolver = Open(server);
        var asked = Task.WhenAll(Enumerable.Range(0, 50)
            .Select(_ => resolver.AskAsync(Txt("same.test"), CancellationToken.None).AsTask()).ToArray());
        answer.SetResult();
        var answers = await asked;
        Assert.That(answers.Select(answer => ((Outcome.Records)answer.Outcome).Item.Single()), Is.All.EqualTo("shared"));
        Assert.That(server.Queries, Is.EqualTo(1));
        await resolver.AskAsync(Txt("same.test"), CancellationToken.None);
        Assert.That(server.Queries, Is.EqualTo(1));
    }

    [Test]
    public async Task One_who_gives_up_takes_nothing_from_the_others()
    {
        using var server = new HeldServer("late");
        using var resolver = Resolvers.Open(
            new ResolverSettings { Forwarders = [server.Address], Kind = kind, Time = TimeSpan.FromMinutes(2) });
        using var hasty = new CancellationTokenSource();
        var given = resolver.AskAsync(Txt("wait.test"), hasty.Token).AsTask();
        var kept = resolver.AskAsync(Txt("wait.test"), CancellationToken.None).AsTask();
        await hasty.CancelAsync();
        Assert.That(async () => await given, Throws.InstanceOf<OperationCanceledException>());
        server.Answer();
        Assert.That(((Outcome.Records)(await kept).Outcome).Item.Single(), Is.EqualTo("late"));
    }

    // More than may wait at once take turns; no clock moves, so that none is given up for another.
    [TestCase(1000)]
    [TestCase(5000)]
    [Crowded]
    public async Task Questions_wait_together(int count)
    {
        using var server = new HeldServer("late");
        var clock = new FakeTimeProvider();
        using var resolver = Resolvers.Open(new ResolverSettings
        {
            Forwarders = [server.Address],
            Kind = kind,
            Time = TimeSpan.FromMinutes(2),
            Clock = clock,
        });
        var asked = Task.WhenAll(Enumerable.Range(0, count).Select(i =>
            new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10), clock).AskAsync([Txt($"w{i}.d{i % 100}.test")])));
        var together = Math.Min(count, 2000);
        await Tools.Eventually(() => server.Names >= together, "they wait together");
        Assert.That((server.Names, asked.IsCompleted), Is.EqualTo((together, false)));
        server.Answer();
        var answers = await asked;
        Assert.That(answers.Select(answer => answer.Values.Single().Outcome).Where(outcome => !outcome.IsRecords), Is.Empty);
        Assert.That(server.Names, Is.EqualTo(count));
    }

    [Test]
    public async Task Hundreds_given_up_do_not_block_those_that_follow()
    {
        var dead = true;
        using var server = new FakeServer(query => Task.FromResult<byte[]?>(
            Volatile.Read(ref dead) && query[12] == 4 ? null : FakeServer.Reply(query, 0, FakeServer.Txt("back"))));
        using var resolver = Open(server);
        for (var round = 0; round < 5; round++)
        {
            var hasty = new LookupBudget(20, 20, TimeSpan.FromMilliseconds(100));
            var given = await Task.WhenAll(Enumerable.Range(0, 100).Select(i =>
                new MessageLookups(resolver, hasty).AskAsync([Txt($"dead.r{round}.n{i}.test")])));
            Assert.That(given.Select(answer => Reason(answer.Values.Single())), Is.All.EqualTo("timeout"));
        }

        var watch = Stopwatch.StartNew();
        var answer = await Bounded(resolver, "alive.test");
        Assert.That(answer.Outcome.IsRecords, $"{answer.Outcome} after {watch.ElapsedMilliseconds} ms");
    }

    // More than libunbound is given at once.
    [Test]
    public async Task Places_are_given_back_however_many_were_taken()
    {
        using var server = new FakeServer(query => Task.FromResult<byte[]?>(FakeServer.Reply(query, 0, FakeServer.Txt("good"))));
        using var resolver = Resolvers.Open(new ResolverSettings { Forwarders = [server.Address], Kind = kind });
        var budget = new LookupBudget(20, 20, TimeSpan.FromSeconds(30));
        for (var asked = 0; asked <= ResolverLimits.UnderWay; asked += 300)
        {
            var answers = await Task.WhenAll(Enumerable.Range(asked, 300).Select(i =>
                new MessageLookups(resolver, budget).AskAsync([Txt($"n{i}.d{i % 30}.test")])));
            Assert.That(answers.Select(answer => answer.Values.Single().Outcome.IsRecords), Is.All.True, $"after {asked}");
        }
    }

    [TestCase(2, "SERVFAIL")]
    [TestCase(5, "REFUSED")]
    public async Task A_failure_of_the_server_is_named(int rcode, string reason)
    {
        using var server = new FakeServer(query => Task.FromResult<byte[]?>(FakeServer.Reply(query, rcode)));
        using var resolver = Open(server);
        // libunbound makes one SERVFAIL of all failures of the servers it asks.
        var answer = await Bounded(resolver, "failing.test");
        Assert.That(Reason(answer), Is.EqualTo(library ? "SERVFAIL" : reason));
    }

    [Test]
    public async Task Replies_to_other_questions_are_not_believed()
    {
        using var server = new FakeServer(query =>
        {
            var lie = FakeServer.Reply(query, 0, FakeServer.Txt("lie"));
            lie[0] ^= 0xff;
            return Task.FromResult<byte[]?>(lie);
        });
        using var resolver = Open(server);
        Assert.That((await Bounded(resolver, "lied.test")).Outcome.IsUnavailable);
    }

    [Test]
    public async Task Broken_packets_do_no_harm()
    {
        var random = new Random(7);
        using var server = new FakeServer(query =>
        {
            var reply = FakeServer.Reply(query, 0, FakeServer.Txt("x"), FakeServer.Txt("y"));
            for (var i = 0; i < 3; i++)
            {
                reply[random.Next(reply.Length - 30, reply.Length)] = (byte)random.Next(256);
            }

            return Task.FromResult<byte[]?>(reply[..random.Next(4, reply.Length + 1)]);
        });
        using var resolver = Open(server);
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Bounded(resolver, $"b{i}.test")));
        Assert.That(answers, Is.All.Not.Null);
    }

    [Test]
    public async Task A_port_where_nobody_listens_is_unavailable()
    {
        using var resolver = Resolvers.Open(new ResolverSettings
        {
            Forwarders = [new(System.Net.IPAddress.Loopback, Tools.FreePort())],
            Kind = kind,
            Time = TimeSpan.FromSeconds(3),
        });
        Assert.That((await Bounded(resolver, "nobody.test")).Outcome.IsUnavailable);
    }

    private WatchedResolver Open(FakeServer server) => Resolvers.Open(
        new ResolverSettings { Forwarders = [server.Address], Kind = kind, Time = TimeSpan.FromSeconds(3) });

    private static async Task<Answer> Bounded(IResolver resolver, string name) =>
        (await new MessageLookups(resolver, new LookupBudget(20, 20, TimeSpan.FromSeconds(4))).AskAsync([Txt(name)])).Values.Single();

    private static Question Txt(string name) => new(name, RecordType.Txt);

    private static string Reason(Answer answer) => ((Outcome.Unavailable)answer.Outcome).reason;
}
