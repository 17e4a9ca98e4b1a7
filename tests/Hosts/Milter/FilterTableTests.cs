using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter as a user of its own, with data sets in files that change while it runs: nobody sends it a
/// signal.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed partial class FilterTableTests : IDisposable
{
    private readonly Scratch scratch = new();
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

        Keys("old");
        scratch.Write("hosts", "192.0.2.0/24\n");
    }

    public void Dispose()
    {
        filter?.Dispose();
        scratch.Dispose();
    }

    [Test]
    public async Task Rows_that_change_hold_without_a_signal_and_broken_ones_do_not()
    {
        Start();
        Assert.That(await SignedAsync(), Is.EqualTo("a.example/old"));
        Keys("new");
        await UntilAsync(async () => await SignedAsync() == "a.example/new");
        Assert.That(filter!.Log, Does.Contain($"KeyList: refile:{scratch.At("keys")} reloaded, 1 entry"));
        scratch.Write("keys", $"*@a.example *:{scratch.At("old")}\n*@b.example nothing\n");
        await UntilAsync(() => Told("KeyList stays as it was: ") == 1);
        Assert.That(await SignedAsync(), Is.EqualTo("a.example/new"), "all or nothing");
        scratch.Write("hosts", "198.51.100.1\n");
        await UntilAsync(() => Told("KeyList stays as it was: ") == 2);
        Assert.That(await SignedAsync(), Is.EqualTo("a.example/new"), "nor what has changed beside it");
        Keys("old");
        await UntilAsync(async () => await SignedAsync() == "");
        Assert.That(Told("InternalHosts: file:"), Is.EqualTo(1));
        scratch.Write("hosts", "192.0.2.1\n");
        await UntilAsync(async () => await SignedAsync() == "a.example/old");
    }

    [Test]
    public async Task A_reload_begins_to_watch_what_it_names_and_ends_to_watch_what_it_names_no_more()
    {
        Start($"KeyList {scratch.Write("plain", $"*@a.example:*:{scratch.At("old")}\n")}");
        Assert.That(await SignedAsync(), Is.EqualTo("a.example/old"));
        Configure();
        filter!.Signal("HUP");
        await UntilAsync(() => Told("configuration reloaded") == 1);
        Keys("new");
        await UntilAsync(async () => await SignedAsync() == "a.example/new");
        File.Delete(scratch.At("keys"));
        await UntilAsync(() => Told("KeyList stays as it was: ") == 1);
        Assert.That(await SignedAsync(), Is.EqualTo("a.example/new"));
    }

    private int Told(string text) => Regex.Count(filter!.Log, Regex.Escape(text));

    private void Keys(string name) => scratch.Write("keys", $"*@a.example *:{scratch.At(name)}\n");

    private string Configure(string keys = "") => scratch.Write(
        "conf",
        string.Join(
            '\n',
            keys.Length > 0 ? keys : $"KeyList refile:{scratch.At("keys")}",
            $"InternalHosts file:{scratch.At("hosts")}",
            $"Socket inet:{port}@127.0.0.1",
            "UserID nobody",
            "Background no",
            "Syslog yes",
            ""));

    private void Start(string keys = "")
    {
        port = Tools.FreePort();
        filter = FilterProcess.StartPlain(scratch, FilterProcess.Own, $"inet:{port}@127.0.0.1", "-x", Configure(keys));
    }

    // d= and s= of a message; nothing where it went on unsigned.
    private async Task<string> SignedAsync()
    {
        using var side = await MtaSide.ConnectAsync(port);
        var judged = await side.PassAsync(
            "Q", [("From", "ann@a.example"), ("Subject", "x"), ("Date", "Sat, 28 Nov 2026 03:00:00 +0000")], "hello\r\n");
        Assert.That(judged.End, Is.EqualTo('a'));
        var names = judged.Inserted.Select(field => Names().Match(field)).FirstOrDefault(match => match.Success);
        return names is null ? "" : $"{names.Groups["d"]}/{names.Groups["s"]}";
    }

    private Task UntilAsync(Func<bool> holds) => UntilAsync(() => Task.FromResult(holds()));

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(60), () => filter!.Log);
            await Task.Delay(50);
        }
    }

    [GeneratedRegex(@"^DKIM-Signature:.*?\bd=(?<d>[^;]+);\s*s=(?<s>[^;]+);", RegexOptions.Singleline)]
    private static partial Regex Names();
}
