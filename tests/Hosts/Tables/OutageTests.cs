using System.Diagnostics;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>A server that is killed, hangs, and comes back.</summary>
[TestFixture(typeof(PostgreSqlEngine))]
[TestFixture(typeof(MariaDbEngine))]
[TestFixture(typeof(SlapdEngine))]
[TestFixture(typeof(RedisEngine))]
internal sealed class OutageTests<T>
    where T : Engine, new()
{
    private readonly T engine = new();
    private readonly SqliteEngine other = new();
    private TableProcess tables = null!;

    [OneTimeSetUp]
    public void Start()
    {
        engine.Make(new Dictionary<string, string> { ["a"] = "1" });
        other.Make(new Dictionary<string, string> { ["a"] = "2" });
        tables = new TableProcess();
        tables.Open(1, engine.Place, 2000);
        tables.Open(2, other.Place, 2000);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        tables?.Dispose();
        engine.Dispose();
        other.Dispose();
    }

    [Test]
    public async Task A_server_that_was_killed_is_unavailable_and_serves_again_when_it_is_back()
    {
        await BackAsync();
        engine.Kill();
        var told = await tables.AskAsync(1, "a");
        Assert.That(told, Has.Length.EqualTo(1).And.All.StartsWith("unavailable: "));
        TestContext.Out.WriteLine(told[0]);
        engine.Restart();
        await BackAsync();
    }

    [Test]
    public async Task A_server_that_hangs_is_unavailable_in_time_and_keeps_no_other_waiting()
    {
        await BackAsync();
        engine.Hang(true);
        try
        {
            var watch = Stopwatch.StartNew();
            await tables.AskAsync(1, "a");
            var alone = watch.Elapsed;
            watch.Restart();
            var hanging = Enumerable.Range(0, 12).Select(_ => tables.AskAsync(1, "a")).ToArray();
            Assert.That(await tables.AskAsync(2, "a"), Is.EqualTo(new[] { "a=2" }));
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(1.5), "another store");
            foreach (var told in await Task.WhenAll(hanging))
                Assert.That(told, Is.EqualTo(new[] { "unavailable: timed out after 2 s" }).Or.EqualTo(new[] { "unavailable: Timed out" }));
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(2 * alone.TotalSeconds), "four at a time, one after the other would take three times as long as one");
        }
        finally
        {
            engine.Hang(false);
        }

        await BackAsync();
    }

    private async Task BackAsync()
    {
        var watch = Stopwatch.StartNew();
        string[] told;
        while ((told = await tables.AskAsync(1, "a")) is not ["a=1"])
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(20), told.FirstOrDefault() ?? "absent");
            await Task.Delay(200);
        }
    }
}
