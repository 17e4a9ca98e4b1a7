using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tables;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>opendkim with both tables in PostgreSQL, whose server dies, hangs, comes back, and gets other rows, while mail goes on.
/// Mail of ours is signed by its own row, or waits; it never goes on unsigned.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed partial class OpenDkimStoreTests : IDisposable
{
    private const int Domains = 20;
    private const string Down = "server down (";
    private const string Back = "server back after ";
    private readonly Scratch scratch = new();
    private readonly PostgreSqlEngine engine = new();
    private readonly ConcurrentBag<Sent> sent = [];
    private readonly List<FilterProcess> filters = [];

    [SetUp]
    public void Make()
    {
        Tools.RequireRoot();
        scratch.Open();
        foreach (var name in new[] { "old", "new" })
        {
            using var key = System.Security.Cryptography.RSA.Create(1024);
            scratch.Write(name, key.ExportPkcs8PrivateKeyPem() + "\n");
        }

        var rows = new Dictionary<string, string>();
        for (var number = 0; number < Domains; number++)
        {
            rows[$"d{number}.example"] = $"k{number}";
            rows[$"k{number}"] = $"d{number}.example:old:{scratch.At("old")}";
        }

        engine.Make(rows);
    }

    public void Dispose()
    {
        foreach (var filter in filters)
            filter.Dispose();
        engine.Dispose();
        scratch.Dispose();
    }

    [TestCase(false, TestName = "A_server_that_is_killed")]
    [TestCase(true, TestName = "A_server_that_hangs")]
    public async Task Server_goes_and_comes_back(bool hangs)
    {
        var filter = Start(out var port, "TableCacheTime 0", "TableNegativeTime 0", "TableTimeout 3");
        using var end = new CancellationTokenSource();
        var load = Enumerable.Range(0, 3).Select(_ => LoadAsync(port, Domains - 1, end.Token)).ToArray();
        await UntilAsync(() => sent.Count(one => one.Signed.Length > 0) > 100);
        var (before, downs, backs) = (sent.Count, Count(filter, Down), Count(filter, Back));
        if (hangs)
            engine.Hang(true);
        else
            engine.Kill();
        await UntilAsync(() => Count(filter, Down) == downs + 2 && sent.Count > before + 60);
        // Old answers count; of this domain there are none, and nobody waits for them a second time.
        using (var side = await MtaSide.ConnectAsync(port))
        {
            Assert.That((await PassAsync(side, Domains - 1)).End, Is.EqualTo('t'));
            var watch = Stopwatch.StartNew();
            Assert.That((await PassAsync(side, Domains - 1)).End, Is.EqualTo('t'));
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(2), "the store is not asked for each message");
        }

        if (hangs)
            engine.Hang(false);
        else
            engine.Restart();
        await UntilAsync(() => Count(filter, Back) == backs + 2);
        using (var side = await MtaSide.ConnectAsync(port))
            Assert.That((await PassAsync(side, Domains - 1)).Signed, Is.EqualTo($"d{Domains - 1}.example/old"));
        await end.CancelAsync();
        await Task.WhenAll(load);
        Assert.That(Wrong(), Is.Empty);
        Assert.That(sent.Count(one => one.End != 'a'), Is.LessThan(sent.Count / 10), "old answers were good for the others");
        Assert.That((Count(filter, Down), Count(filter, Back)), Is.EqualTo((downs + 2, backs + 2)), filter.Log);
        Assert.That(filter.Log, Does.Not.Contain(Engine.Password));
    }

    [Test]
    public async Task A_start_does_not_wait_for_a_server_that_is_down()
    {
        engine.Kill();
        Start(out var port, "TableTimeout 1");
        using var side = await MtaSide.ConnectAsync(port);
        Assert.That((await PassAsync(side, 0)).End, Is.EqualTo('t'));
        engine.Restart();
        await UntilAsync(() => PassAsync(side, 0).GetAwaiter().GetResult().Signed == "d0.example/old");
        Assert.That(Wrong(), Is.Empty);
    }

    [Test]
    public async Task A_key_is_rotated_by_changing_rows_under_three_filters()
    {
        var ports = new int[3];
        for (var number = 0; number < ports.Length; number++)
            Start(out ports[number], "TableCacheTime 1");
        using var end = new CancellationTokenSource();
        var load = ports.Select(port => LoadAsync(port, Domains, end.Token)).ToArray();
        await UntilAsync(() => sent.Count(one => one.Signed.Length > 0) > 60);
        engine.Tell($"UPDATE rows SET d = replace(replace(d, ':old:', ':new:'), '{scratch.At("old")}', '{scratch.At("new")}') WHERE k LIKE 'k%'");
        var changed = Stopwatch.StartNew();
        await UntilAsync(() => changed.Elapsed.TotalSeconds > 4);
        var late = sent.Count;
        await UntilAsync(() => sent.Count > late + 60);
        await end.CancelAsync();
        await Task.WhenAll(load);
        Assert.That(Wrong(), Is.Empty);
        Assert.That(sent.Where(one => one.End != 'a'), Is.Empty);
        Assert.That(sent.Select(one => one.Signed.Split('/')[^1]).Distinct().Order(), Is.EqualTo(new[] { "new", "old" }));
        foreach (var port in ports)
        {
            using var side = await MtaSide.ConnectAsync(port);
            Assert.That((await PassAsync(side, 3)).Signed, Is.EqualTo("d3.example/new"));
        }
    }

    [TestCase("ALTER TABLE rows RENAME TO lost", "lost")]
    [TestCase("ALTER TABLE rows RENAME COLUMN d TO e", "column")]
    [TestCase("REVOKE ALL ON rows FROM reader", "permission denied")]
    public async Task What_an_administrator_breaks_is_told_and_mail_waits(string change, string told)
    {
        engine.Tell($"CREATE ROLE reader LOGIN PASSWORD '{Engine.Password}'; GRANT SELECT ON rows TO reader");
        var filter = Start(out var port, "reader", "TableCacheTime 0", "TableStaleTime 0");
        using var side = await MtaSide.ConnectAsync(port);
        Assert.That((await PassAsync(side, 0)).Signed, Is.EqualTo("d0.example/old"));
        engine.Tell(change);
        Assert.That((await PassAsync(side, 0)).End, Is.EqualTo('t'));
        Assert.That(() => filter.Log, Does.Match($"server down \\(.*({told}|rows)").After(30_000, 50));
        Assert.That(Wrong(), Is.Empty);
    }

    private FilterProcess Start(out int port, params string[] settings)
    {
        var user = settings[0] == "reader" ? "reader" : "dkim";
        var place = $"dsn:pgsql://{user}:{Engine.Password}@{engine.ServerPort}+127.0.0.1/postgres/table=rows?keycol=k?datacol=d";
        var conf = scratch.Write(
            $"{Guid.NewGuid():N}.conf",
            string.Join(
                '\n',
                [
                    $"KeyTable {place}",
                    $"SigningTable {place}?filter=k=20like=20'd=25'",
                    "InternalHosts 192.0.2.0/24",
                    "Syslog yes",
                    "UserID nobody",
                    "RequireSafeKeys no",
                    .. settings.Where(setting => setting != "reader"),
                ]) + "\n");
        foreach (var name in new[] { "old", "new" })
            Tools.Run("/", "/bin/chown", "nobody", scratch.At(name));
        port = Tools.FreePort();
        var filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1", "-f", "-x", conf, "-p", $"inet:{port}@127.0.0.1");
        filters.Add(filter);
        return filter;
    }

    private async Task LoadAsync(int port, int domains, CancellationToken end)
    {
        using var side = await MtaSide.ConnectAsync(port);
        for (var number = 0; !end.IsCancellationRequested; number++)
            await PassAsync(side, number % domains);
    }

    private async Task<Sent> PassAsync(MtaSide side, int domain)
    {
        var judged = await side.PassAsync(
            $"Q{domain}", [("From", $"ann@d{domain}.example"), ("Subject", "x"), ("Date", "Sat, 28 Nov 2026 03:00:00 +0000")], "hello\r\n");
        var names = judged.Inserted.Select(field => Names().Match(field)).FirstOrDefault(match => match.Success);
        var one = new Sent(
            domain,
            judged.End,
            names is null ? "" : $"{names.Groups["d"].Value}/{names.Groups["s"].Value}");
        sent.Add(one);
        return one;
    }

    // What went on without a signature of its own domain.
    private IEnumerable<Sent> Wrong() =>
        sent.Where(one => one.End is not ('t' or 'y') && !one.Signed.StartsWith($"d{one.Domain}.example/", StringComparison.Ordinal));

    private static int Count(FilterProcess filter, string text) => Regex.Count(filter.Log, Regex.Escape(text));

    private async Task UntilAsync(Func<bool> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(60), () => string.Join("\n", filters.Select(filter => filter.Log)));
            await Task.Delay(50);
        }
    }

    [GeneratedRegex(@"^DKIM-Signature:.*?\bd=(?<d>[^;]+); s=(?<s>[^;]+);", RegexOptions.Singleline)]
    private static partial Regex Names();

    private sealed record Sent(int Domain, char End, string Signed);
}
