using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>opendkim as a user of its own, with tables in files that change while it runs: nobody sends it a signal.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed partial class OpenDkimTableTests : IDisposable
{
    private readonly Scratch scratch = new();
    private FilterProcess? filter;
    private int port;

    [SetUp]
    public void Make()
    {
        Tools.RequireRoot();
        scratch.Open();
        using var key = System.Security.Cryptography.RSA.Create(1024);
        scratch.Write("key", key.ExportPkcs8PrivateKeyPem() + "\n");
        Tools.Run("/", "/bin/chown", "nobody", scratch.At("key"));
        Keys("old");
        Sign("*@a.example a");
    }

    public void Dispose()
    {
        filter?.Dispose();
        scratch.Dispose();
    }

    [Test]
    public async Task Rows_that_change_hold_without_a_signal_and_a_broken_table_does_not()
    {
        Start();
        Assert.That(await SignedAsync("b"), Is.Empty);
        File.Move(scratch.Write("next", "*@a.example a\n*@b.example b\n"), scratch.At("signing"), overwrite: true);
        await UntilAsync(async () => await SignedAsync("b") == "b.example/old");
        Assert.That(Log, Does.Contain($"SigningTable: refile:{scratch.At("signing")} reloaded, 2 entries"));
        Sign("*@a.example a\n*@b.example");
        await UntilAsync(() => Log.Contains("signing line 2: *@b.example has no value", StringComparison.Ordinal));
        Assert.That(await SignedAsync("b"), Is.EqualTo("b.example/old"));
        Keys("new");
        await UntilAsync(() => Told("SigningTable stays as it was") == 2);
        Assert.That(await SignedAsync("b"), Is.EqualTo("b.example/old"), "all or nothing");
        Sign("*@b.example b");
        await UntilAsync(async () => await SignedAsync("b") == "b.example/new");
        Assert.That(await SignedAsync("a"), Is.Empty);
        Assert.That(Told("SigningTable stays as it was"), Is.EqualTo(2), "once for each change of a file");
    }

    [Test]
    public async Task A_table_that_the_user_may_not_read_or_that_is_gone_stays()
    {
        Start();
        File.SetUnixFileMode(scratch.At("signing"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Sign("*@b.example b");
        await UntilAsync(() => Told("Permission denied (let user nobody read it") == 1);
        Assert.That((await SignedAsync("a"), await SignedAsync("b")), Is.EqualTo(("a.example/old", "")));
        Tools.Run("/", "/bin/chmod", "0644", scratch.At("signing"));
        await UntilAsync(async () => await SignedAsync("b") == "b.example/old");
        File.Delete(scratch.At("signing"));
        await UntilAsync(() => Told("No such file or directory (check the path)") == 1);
        Assert.That(await SignedAsync("b"), Is.EqualTo("b.example/old"));
        Keys("new");
        await UntilAsync(async () => await SignedAsync("b") == "b.example/new");
        Assert.That((Told("Permission denied"), Told("No such file")), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task A_filter_that_is_started_again_has_the_rows_that_held()
    {
        Start("AutoRestart yes");
        Sign("*@b.example b");
        await UntilAsync(async () => await SignedAsync("b") == "b.example/old");
        File.Delete(scratch.At("signing"));
        var child = Child();
        Tools.Run("/", "/bin/kill", "-KILL", child);
        await UntilAsync(() => Child() is { Length: > 0 } next && next != child);
        await UntilAsync(async () => await SignedAsync("b") == "b.example/old");
        Assert.That(await SignedAsync("a"), Is.Empty);
    }

    private string Log => filter!.Log;

    private int Told(string text) => Regex.Count(Log, Regex.Escape(text));

    private string Child() => File.ReadAllText($"/proc/{filter!.Id}/task/{filter.Id}/children").Trim();

    private void Keys(string selector) => scratch.Write(
        "keys", $"a a.example:{selector}:{scratch.At("key")}\nb b.example:{selector}:{scratch.At("key")}\n");

    private void Sign(string lines) => scratch.Write("signing", lines + "\n");

    private void Start(params string[] settings)
    {
        var conf = scratch.Write(
            "conf",
            $"KeyTable file:{scratch.At("keys")}\nSigningTable refile:{scratch.At("signing")}\nInternalHosts 192.0.2.0/24\n"
            + "UserID nobody\nRequireSafeKeys no\n" + string.Join('\n', settings) + "\n");
        port = Tools.FreePort();
        filter = FilterProcess.StartOpenDkim(
            scratch, $"inet:{port}@127.0.0.1", "-f", "-O", "-x", conf, "-p", $"inet:{port}@127.0.0.1");
    }

    // d= and s= of a message of a domain; nothing where it went on unsigned.
    private async Task<string> SignedAsync(string domain)
    {
        try
        {
            using var side = await MtaSide.ConnectAsync(port);
            var judged = await side.PassAsync(
                "Q", [("From", $"ann@{domain}.example"), ("Subject", "x"), ("Date", "Sat, 28 Nov 2026 03:00:00 +0000")], "hello\r\n");
            var names = judged.Inserted.Select(field => Names().Match(field)).FirstOrDefault(match => match.Success);
            return names is null ? "" : $"{names.Groups["d"].Value}/{names.Groups["s"].Value}";
        }
        catch (Exception failure) when (failure is IOException or System.Net.Sockets.SocketException)
        {
            return "none serves";
        }
    }

    private Task UntilAsync(Func<bool> holds) => UntilAsync(() => Task.FromResult(holds()));

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(60), () => Log);
            await Task.Delay(50);
        }
    }

    [GeneratedRegex(@"^DKIM-Signature:.*?\bd=(?<d>[^;]+); s=(?<s>[^;]+);", RegexOptions.Singleline)]
    private static partial Regex Names();
}
