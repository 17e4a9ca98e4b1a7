using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tables;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter with KeyList in PostgreSQL, whose server dies and comes back, and InternalHosts in SQLite. Mail of ours is
/// signed by its row, or waits; it never goes on unsigned.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed partial class FilterStoreTests : IDisposable
{
    private readonly Scratch scratch = new();
    private readonly PostgreSqlEngine engine = new();
    private readonly ConcurrentBag<string> outcomes = [];
    private FilterProcess? filter;
    private int port;

    [SetUp]
    public void Make()
    {
        Tools.RequireRoot();
        scratch.Open();
        foreach (var name in new[] { "old", "new" })
        {
            using var key = RSA.Create(1024);
            scratch.Write(name, key.ExportPkcs8PrivateKeyPem() + "\n", UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Tools.Run("/", "/bin/chown", "nobody", scratch.At(name));
        }

        engine.Make(new Dictionary<string, string>
        {
            ["a.example"] = "*:" + scratch.At("old"),
            [".b.example"] = "b.example:" + scratch.At("old"),
            ["joe@c.example"] = "c.example:" + scratch.At("new"),
        });
        Tools.Run(
            scratch.Root,
            Tools.RequireProgram("sqlite3", "sqlite3"),
            scratch.At("db"),
            "CREATE TABLE hosts (k text PRIMARY KEY, d text); INSERT INTO hosts VALUES ('192.0.2.0/24', 'ours')");
    }

    public void Dispose()
    {
        filter?.Dispose();
        engine.Dispose();
        scratch.Dispose();
    }

    [Test]
    public async Task A_server_that_is_killed_keeps_mail_waiting_until_it_is_back()
    {
        Start();
        Assert.That(await PassAsync("joe@a.example"), Is.EqualTo("a.example/old"));
        Assert.That(await PassAsync("ann@x.b.example"), Is.EqualTo("b.example/old"));
        Assert.That(await PassAsync("ann@strange.example"), Is.EqualTo("a"), "nobody's mail of ours");
        engine.Kill();
        Assert.That(await PassAsync("joe@c.example"), Is.EqualTo("t"));
        Assert.That(await PassAsync("joe@a.example"), Is.EqualTo("a.example/old"), "an old answer counts");
        Assert.That(() => filter!.Log, Does.Contain("table KeyList: server down (").After(30_000, 50));
        Assert.That(() => filter!.Log, Does.Contain("KeyList cannot be asked: ").After(30_000, 50));
        engine.Restart();
        await UntilAsync(async () => await PassAsync("joe@c.example") == "c.example/new");
        Assert.That(() => filter!.Log, Does.Contain("table KeyList: server back after ").After(30_000, 50));
        Assert.That(outcomes.Except(["a.example/old", "b.example/old", "c.example/new", "a", "t"]), Is.Empty);
        Assert.That(outcomes.Count(one => one == "a"), Is.EqualTo(1), "no mail of ours went on unsigned");
        Assert.That(filter!.Log, Does.Not.Contain(Engine.Password));
    }

    [Test]
    public async Task A_start_does_not_wait_for_a_server_that_is_down_and_a_row_that_changes_signs()
    {
        engine.Kill();
        Start();
        Assert.That(await PassAsync("joe@a.example"), Is.EqualTo("t"));
        engine.Restart();
        await UntilAsync(async () => await PassAsync("joe@a.example") == "a.example/old");
        engine.Tell($"UPDATE rows SET d = '*:{scratch.At("new")}' WHERE k = 'a.example'");
        await UntilAsync(async () => await PassAsync("joe@a.example") == "a.example/new");
        Assert.That(outcomes.Except(["t", "a.example/old", "a.example/new"]), Is.Empty);
    }

    [Test]
    public async Task Hosts_of_a_store_that_is_gone_are_not_taken_for_strangers()
    {
        File.Move(scratch.At("db"), scratch.At("away"));
        Start();
        Assert.That(await PassAsync("joe@a.example"), Is.EqualTo("t"));
        Assert.That(() => filter!.Log, Does.Contain("InternalHosts cannot be asked: ").After(30_000, 50));
        File.Move(scratch.At("away"), scratch.At("db"));
        await UntilAsync(async () => await PassAsync("joe@a.example") == "a.example/old");
        Assert.That(outcomes.Except(["t", "a.example/old"]), Is.Empty);
    }

    private void Start()
    {
        port = Tools.FreePort();
        filter = FilterProcess.Start(
            scratch,
            FilterProcess.Own,
            $"inet:{port}@127.0.0.1",
            $"KeyList dsn:pgsql://dkim:{Engine.Password}@{engine.ServerPort}+127.0.0.1/postgres/table=rows?keycol=k?datacol=d",
            $"InternalHosts dsn:sqlite3://{scratch.At("db")}/table=hosts?keycol=k?datacol=d",
            "UserID nobody",
            "Syslog yes");
    }

    // Domain and selector of the signature, else the last word of the filter: a for going on, t for later.
    private async Task<string> PassAsync(string from)
    {
        using var side = await MtaSide.ConnectAsync(port);
        var judged = await side.PassAsync(
            "Q", [("From", from), ("Subject", "x"), ("Date", "Sat, 28 Nov 2026 03:00:00 +0000")], "hello\r\n");
        var names = judged.Inserted.Select(field => Names().Match(field)).FirstOrDefault(match => match.Success);
        var outcome = names is null ? judged.End.ToString() : $"{names.Groups["d"]}/{names.Groups["s"]}";
        outcomes.Add(outcome);
        return outcome;
    }

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(120), () => filter!.Log);
            await Task.Delay(200);
        }
    }

    [GeneratedRegex(@"^DKIM-Signature:.*?\bd=(?<d>[^;]+);\s*s=(?<s>[^;]+);", RegexOptions.Singleline)]
    private static partial Regex Names();
}
