using System.Diagnostics;
using Dkim.Core.Dns;
using Dkim.Core.Words;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Messages whose ten signatures each name a key that no server ever answers for, many a second: what it costs
/// those whose keys are answered. DKIM_SILENT_SECONDS makes the attack longer.</summary>
[TestFixture(ResolverKind.Unbound)]
[TestFixture(ResolverKind.DnsClient)]
[Crowded]
public sealed class SilentSignerTests(ResolverKind kind)
{
    private const int Signatures = 10;

    // Places that libunbound does not give back in time are used up after some twenty seconds.
    private readonly int seconds = int.Parse(
        Environment.GetEnvironmentVariable("DKIM_SILENT_SECONDS") ?? (kind == ResolverKind.Unbound ? "25" : "12"),
        System.Globalization.CultureInfo.InvariantCulture);
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(5);
    private int messages;

    [SetUp]
    public void Require()
    {
        if (kind == ResolverKind.Unbound)
        {
            Tools.RequireLibunbound();
        }
    }

    // Another domain for each signature, or one for all, which is the less harmful the more of it there is.
    [TestCase(false, 18)]
    [TestCase(true, 60)]
    [TestCase(false, 60)]
    public async Task Good_keys_are_answered_throughout(bool oneDomain, int rate)
    {
        if (kind == ResolverKind.Unbound && !oneDomain && rate > 18)
        {
            Assert.Ignore("left out: more than libunbound can have under way");
        }

        var open = Descriptors();
        var most = 0;
        using var server = new FakeServer(query => Task.FromResult<byte[]?>(
            IsSilent(query) ? null : FakeServer.Reply(query, 0, FakeServer.Txt("good"))));
        using var resolver = Resolvers.Open(
            new ResolverSettings { Forwarders = [server.Address], Kind = kind, Time = patience });
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var attack = AttackAsync(resolver, oneDomain, rate, end.Token);
        var slowest = TimeSpan.Zero;
        var number = 0;
        var watch = Stopwatch.StartNew();
        while (!end.IsCancellationRequested)
        {
            var own = Stopwatch.StartNew();
            var answer = await AskAsync(resolver, Txt($"sel._domainkey.good{number++}.example"));
            Assert.That(answer.Outcome.IsRecords, $"after {watch.Elapsed.TotalSeconds:F1} s: {answer.Outcome}");
            slowest = own.Elapsed > slowest ? own.Elapsed : slowest;
            most = Math.Max(most, Descriptors());
            await Task.Delay(100);
        }

        TestContext.Out.WriteLine($"{number} good keys in {watch.Elapsed.TotalSeconds:F0} s, the slowest in {slowest.TotalSeconds:F2} s");
        Assert.That(slowest.TotalSeconds, Is.LessThan(4), "none waits until its time is nearly over");
        Assert.That(most - open, Is.LessThan(kind == ResolverKind.Unbound ? 2600 : 2100));
        await attack;
        var after = await AskAsync(resolver, Txt("sel._domainkey.after.example"));
        Assert.That(after.Outcome.IsRecords, $"{after.Outcome}");
    }

    private async Task AttackAsync(WatchedResolver resolver, bool oneDomain, int rate, CancellationToken end)
    {
        var running = new List<Task>();
        using var clock = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / rate));
        while (!end.IsCancellationRequested)
        {
            await clock.WaitForNextTickAsync(CancellationToken.None);
            var message = messages++;
            running.Add(new MessageLookups(resolver, new LookupBudget(20, 20, patience)).AskAsync(
                [.. Enumerable.Range(0, Signatures).Select(i => Txt(
                    oneDomain ? $"silent{message}n{i}._domainkey.evil.example" : $"silent._domainkey.m{message}n{i}.example"))], end));
        }

        await Task.WhenAll(running);
    }

    private static int Descriptors() => Directory.GetFiles("/proc/self/fd").Length;

    private static bool IsSilent(byte[] query) => query.AsSpan(13, query[12]).StartsWith("silent"u8);

    private static async Task<Answer> AskAsync(WatchedResolver resolver, Question question) =>
        (await new MessageLookups(resolver, new LookupBudget(20, 20, patience)).AskAsync([question])).Values.Single();

    private static Question Txt(string name) => new(name, RecordType.Txt);
}
