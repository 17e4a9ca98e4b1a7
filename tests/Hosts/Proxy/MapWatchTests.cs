using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Maps of dkimproxy.out in files that change while it runs: nobody sends it a signal.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed partial class MapWatchTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly Scratch scratch = new();
    private readonly TcpRelay relay = new();
    private ProxyProcess? proxy;
    private int number;

    [SetUp]
    public void Make()
    {
        Tools.RequireRoot();
        scratch.Open();
        foreach (var name in new[] { "one.pem", "two.pem", "root.pem" })
        {
            using var key = RSA.Create(1024);
            scratch.Write(name, key.ExportPkcs8PrivateKeyPem() + "\n", Private);
        }

        foreach (var name in new[] { "one.pem", "two.pem" })
            Tools.Run("/", "/bin/chown", "nobody", scratch.At(name));
    }

    public void Dispose()
    {
        proxy?.Dispose();
        relay.Dispose();
        scratch.Dispose();
    }

    [TestCase("", "a.example dkim(s=old)", "a.example dkim(s=new)\nb.example dkim(s=new)")]
    [TestCase("refile:", "*@a.example dkim(s=old)", "*@?.example dkim(s=new)")]
    public async Task Lines_that_change_hold_without_a_signal_and_broken_ones_do_not(string kind, string before, string after)
    {
        scratch.Write("map", before + "\n");
        await StartAsync(kind + "map");
        Assert.That((await SignedAsync("a"), await SignedAsync("b")), Is.EqualTo(("a.example old", "unsigned")));
        var watch = Stopwatch.StartNew();
        File.Move(scratch.Write("next", after + "\n"), scratch.At("map"), overwrite: true);
        await UntilAsync(async () => await SignedAsync("b") == "b.example new");
        TestContext.Out.WriteLine($"in force after {watch.Elapsed.TotalSeconds:0.0} s");
        await proxy!.SaysAsync("sender_map: reloaded, ");
        scratch.Write("map", before + "\nc.example pgp\n");
        await proxy.SaysAsync("sender_map stays as it was: map:2: c.example: invalid signature type pgp");
        Assert.That(await SignedAsync("a"), Is.EqualTo("a.example new"), "all or nothing");
        File.Delete(scratch.At("map"));
        await proxy.SaysAsync("sender_map stays as it was: map: file not found");
        Assert.That(await SignedAsync("b"), Is.EqualTo("b.example new"));
        scratch.Write("map", before + "\n");
        await UntilAsync(async () => await SignedAsync("a") == "a.example old");
        Assert.That(Regex.Count(proxy.Log, "stays as it was"), Is.EqualTo(2), "once for each change");
    }

    [Test]
    public async Task A_key_that_is_named_anew_is_read_and_watched_and_one_that_cannot_be_read_any_more_gets_no_name()
    {
        scratch.Write("map", "a.example dkim(s=one)\nc.example dkim(s=root,key=root.pem)\n");
        await StartAsync("map");
        Assert.That(await SignedAsync("c"), Is.EqualTo("c.example root"));
        scratch.Write("map", "a.example dkim(s=two,key=two.pem)\nc.example dkim(s=root,key=root.pem)\n");
        await UntilAsync(async () => await SignedAsync("a") == "a.example two");
        using (var key = RSA.Create(1024))
            scratch.Write("two.pem", key.ExportPkcs8PrivateKeyPem());
        await proxy!.SaysAsync("keys read again");
        Assert.That(await SignedAsync("a"), Is.EqualTo("a.example two"));
        // It is still the file that root has read.
        scratch.Write("map", "a.example dkim(s=root,key=root.pem)\nc.example dkim(s=root,key=root.pem)\n");
        await UntilAsync(async () => await SignedAsync("a") == "a.example root");
        using (var key = RSA.Create(1024))
            scratch.Write("root.pem", key.ExportPkcs8PrivateKeyPem());
        await proxy.SaysAsync("root.pem: Permission denied: the file has changed and cannot be read");
        scratch.Write("map", "a.example dkim(s=next,key=root.pem)\nc.example dkim(s=root,key=root.pem)\n");
        await proxy.SaysAsync("sender_map stays as it was: map:1: a.example: 'dkim(key=root.pem,s=next)': cannot read keyfile root.pem");
        Assert.That((await SignedAsync("a"), await SignedAsync("c")), Is.EqualTo(("a.example root", "c.example root")));
    }

    private async Task StartAsync(string map)
    {
        scratch.Write(
            "p.conf", $"listen 127.0.0.1:0\nrelay 127.0.0.1:{relay.Port}\nkeyfile one.pem\nselector s\nuser nobody\nsender_map {map}\n");
        proxy = await ProxyProcess.StartAsync(scratch, "dkimproxy.out", "--conf_file=p.conf");
    }

    // Domain and selector of the signature that a message gets.
    private async Task<string> SignedAsync(string domain)
    {
        var subject = $"Subject: {Interlocked.Increment(ref number)}.\r\n";
        using var client = await Client.ConnectAsync(proxy!.Addresses[0]);
        await client.BeginAsync();
        var reply = await client.SayAsync($"From: joe@{domain}.example\r\n{subject}\r\nx\r\n.\r\n");
        Assert.That(reply, Does.StartWith("250"), proxy.Log);
        var message = relay.Messages.Single(message => message.Contains(subject, StringComparison.Ordinal));
        var names = Names().Match(message);
        return names.Success ? $"{names.Groups["d"]} {names.Groups["s"]}" : "unsigned";
    }

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(60), () => proxy!.Log);
            await Task.Delay(50);
        }
    }

    [GeneratedRegex("^DKIM-Signature: .*?d=(?<d>[^;]*); h=.*?s=(?<s>[^;]*);", RegexOptions.Singleline)]
    private static partial Regex Names();
}
