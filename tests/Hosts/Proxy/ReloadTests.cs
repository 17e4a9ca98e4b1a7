using System.Net;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>SIGHUP and changed keys: what is read again applies whole or not at all, and nobody's mail becomes
/// unsigned.</summary>
public sealed class ReloadTests
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Keys.Make(scratch);
        scratch.Write("second.pem", File.ReadAllText(scratch.At("key.pem")), Private);
        scratch.Write("map", "example.org dkim\nexample.com dkim(s=two,key=second.pem)\n");
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    private static string NewKey()
    {
        using var key = RSA.Create(2048);
        return key.ExportPkcs8PrivateKeyPem();
    }

    private void Configure(TcpRelay relay, string more = "", string listen = "127.0.0.1:0") => scratch.Write(
        "p.conf", $"listen {listen}\nrelay 127.0.0.1:{relay.Port}\nkeyfile key.pem\nselector one\nsender_map map\n{more}");

    private Task<ProxyProcess> StartAsync(params string[] more) =>
        ProxyProcess.StartAsync(scratch, "dkimproxy.out", ["--conf_file=p.conf", .. more]);

    // Domain and selector of the signature that a message gets.
    private static async Task<string> SignedAsync(ProxyProcess proxy, TcpRelay relay, string domain)
    {
        var before = relay.Messages.Count;
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        await client.BeginAsync();
        Assert.That(await client.SayAsync($"From: joe@{domain}\r\n\r\nx\r\n.\r\n"), Does.StartWith("250"));
        var found = Regex.Match(relay.Messages[before], "^DKIM-Signature: .*?d=([^;]*); h=.*?s=([^;]*);", RegexOptions.Singleline);
        return found.Success ? $"{found.Groups[1]} {found.Groups[2]}" : "unsigned";
    }

    private static IEnumerable<TestCaseData> Spoilt()
    {
        yield return new TestCaseData("second.pem", "no key", "map:2: example.com: 'dkim(key=second.pem,s=two)': "
            + "cannot read keyfile second.pem (no PEM block that ends in PRIVATE KEY").SetName("a junk key behind a map");
        yield return new TestCaseData("second.pem", null, "second.pem cannot be read again (file not found) and has changed: ")
            .SetName("a key behind a map that is gone");
        yield return new TestCaseData("map", "example.org dkim\nexample.com dkim(s=two\n", "map:2: example.com: invalid signature specifier")
            .SetName("a broken line of a map");
        yield return new TestCaseData("map", "example.com dkim(s=two,c=odd)\nexample.org dkim\n", "map:1: example.com: 'dkim(c=odd,s=two)': invalid method odd")
            .SetName("a line of a map that asks for what there is not");
        yield return new TestCaseData("map", null, "map: file not found").SetName("a map that is gone");
        yield return new TestCaseData("p.conf", "nosuch 1\n", "p.conf:1: nosuch: unknown setting").SetName("a spoilt configuration");
    }

    [TestCaseSource(nameof(Spoilt))]
    public async Task A_reload_that_would_leave_mail_unsigned_changes_nothing(string file, string? text, string reason)
    {
        using var relay = new TcpRelay();
        Configure(relay);
        using var proxy = await StartAsync();
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
        var good = File.ReadAllText(scratch.At(file));
        // What else has changed must not apply either.
        Configure(relay, "reject_error yes\nseal\nselector three\n");
        if (text is null)
            File.Delete(scratch.At(file));
        else
            scratch.Write(file, text, Private);
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: ");
        Assert.That(proxy.Log.Split('\n').Count(line => line.Contains("not reloaded")), Is.EqualTo(1), "one line says why");
        Assert.That(proxy.Log, Does.Contain(reason).And.Not.Contain("configuration reloaded"));
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
        Assert.That(await SignedAsync(proxy, relay, "example.org"), Is.EqualTo("example.org one"));
        scratch.Write(file, good, Private);
        Configure(relay, "selector three\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        Assert.That(await SignedAsync(proxy, relay, "example.org"), Is.EqualTo("example.org three"));
    }

    [Test]
    public async Task A_key_that_a_reload_has_added_is_read_again_when_it_changes()
    {
        using var relay = new TcpRelay();
        scratch.Write("map", "example.org dkim\n");
        Configure(relay);
        using var proxy = await StartAsync();
        scratch.Write("map", "example.org dkim\nexample.com dkim(s=two,key=second.pem)\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        File.Move(scratch.Write("new.pem", NewKey(), Private), scratch.At("second.pem"), overwrite: true);
        await proxy.SaysAsync("keys read again");
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
    }

    [Test]
    public async Task USR1_reads_nothing_again()
    {
        using var relay = new TcpRelay();
        Configure(relay);
        using var proxy = await StartAsync();
        Configure(relay, "nosuch 1\n");
        proxy.Signal("USR1");
        // Signals are heeded one after the other.
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: ");
        Configure(relay, "selector three\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        Assert.That(proxy.Log.Split('\n').Count(line => line.Contains("reloaded")), Is.EqualTo(2), proxy.Log);
        Assert.That(await SignedAsync(proxy, relay, "example.org"), Is.EqualTo("example.org three"));
    }

    [Test]
    public async Task A_reload_that_changes_what_takes_a_restart_changes_nothing()
    {
        using var relay = new TcpRelay();
        Configure(relay);
        using var proxy = await StartAsync();
        Configure(relay, "selector three\nmax_servers 7\n", $"127.0.0.1:{Tools.FreePort()}");
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: listen, max_servers changed, which takes a restart");
        Assert.That(await SignedAsync(proxy, relay, "example.org"), Is.EqualTo("example.org one"));
    }

    [Test]
    public async Task A_rotated_key_that_only_root_reads_is_told_and_never_half_used([Values] bool inPlace)
    {
        Tools.RequireRoot();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1ED);
        using var relay = new TcpRelay();
        Configure(relay);
        using var proxy = await StartAsync("--user=nobody");
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
        if (inPlace)
            File.WriteAllText(scratch.At("second.pem"), NewKey());
        else
            File.Move(scratch.Write("new.pem", NewKey(), Private), scratch.At("second.pem"), overwrite: true);
        await proxy.SaysAsync("second.pem: Permission denied: the file has changed and cannot be read; the key before it stays in force");
        scratch.Write("map", "example.org dkim\nexample.com dkim(s=new,key=second.pem)\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: second.pem cannot be read again (permission denied) and has changed");
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"), "the old key under its own name");
        Assert.That(Regex.Matches(proxy.Log, "the file has changed"), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Keys_that_cannot_be_watched_are_told_at_start_and_get_no_new_names()
    {
        Tools.RequireRoot();
        File.SetUnixFileMode(scratch.Root, (UnixFileMode)0x1ED);
        Directory.CreateDirectory(scratch.At("keys"), (UnixFileMode)0x1C0);
        File.Move(scratch.At("second.pem"), scratch.At("keys/second.pem"));
        scratch.Write("map", "example.org dkim\nexample.com dkim(s=two,key=keys/second.pem)\n");
        using var relay = new TcpRelay();
        Configure(relay);
        using var proxy = await StartAsync("--user=nobody");
        await proxy.SaysAsync("keys/second.pem: it cannot be watched by this user");
        Configure(relay, "reject_error\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        scratch.Write("map", "example.org dkim\nexample.com dkim(s=new,key=keys/second.pem)\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("keys/second.pem cannot be read again (permission denied), so it may not be the key of its new selector");
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
    }

    [Test]
    public async Task A_changed_key_that_cannot_make_the_signature_is_not_taken()
    {
        using var relay = new TcpRelay();
        scratch.Write("map", "example.org dkim\nexample.com dkim(s=two,key=second.pem,a=rsa-sha256)\n");
        Configure(relay, "min_rsa_bits 2048\n");
        using var proxy = await StartAsync();
        using var weak = RSA.Create(1024);
        scratch.Write("second.pem", weak.ExportPkcs8PrivateKeyPem(), Private);
        await proxy.SaysAsync("cannot read keyfile second.pem: the key in it does not fit the signatures to make; the key before it stays");
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
    }

    [Test]
    public async Task The_reload_of_the_unit_fails_where_the_proxy_refuses()
    {
        using var relay = new TcpRelay();
        Configure(relay);
        using var proxy = await ProxyProcess.StartByAsync(
            scratch, "/usr/bin/env", [$"RUNTIME_DIRECTORY={scratch.Root}"], "dkimproxy.out", "--conf_file=p.conf");
        Assert.That(UnitReload.Run(proxy.Id, scratch.Root), Is.EqualTo((0, "")));
        await proxy.SaysAsync("configuration reloaded");
        Configure(relay, "max_servers 7\n");
        Assert.That(
            UnitReload.Run(proxy.Id, scratch.Root),
            Is.EqualTo((1, "not reloaded: max_servers changed, which takes a restart; all stays as it was\n")));
        File.Delete(scratch.At("map"));
        var gone = UnitReload.Run(proxy.Id, scratch.Root);
        Assert.That(gone.Code, Is.EqualTo(1));
        Assert.That(gone.Error, Does.Contain("map: file not found"));
        Assert.That(File.Exists(scratch.At("reload")), Is.False, "nothing is left behind");
        Assert.That(await SignedAsync(proxy, relay, "example.com"), Is.EqualTo("example.com two"));
    }
}
