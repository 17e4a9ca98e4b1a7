using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>What the log says of trouble that goes on: it is named, with the key that it is about, and counted.</summary>
public sealed class TroubleTests
{
    private const string Text = "From: joe@example.org\r\nMessage-ID: <m@example.org>\r\n\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    private Task<ProxyProcess> OutAsync(int relay, params string[] more) => ProxyProcess.StartAsync(
        scratch, "dkimproxy.out", [.. more, "127.0.0.1:0", $"127.0.0.1:{relay}"]);

    private static async Task<string> SendAsync(ProxyProcess proxy, string body)
    {
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        await client.BeginAsync();
        return await client.SayAsync(Text + body + "\r\n.\r\n");
    }

    private static string[] Lines(ProxyProcess proxy, string text) =>
        [.. proxy.Log.Split('\n').Where(line => line.Contains(text, StringComparison.Ordinal))];

    [Test]
    public async Task That_all_connections_are_in_use_is_said_once_and_who_waits_is_served_later()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, [.. Keys.Signing, "--max_servers=2"]);
        var first = await Client.ConnectAsync(proxy.Addresses[0]);
        using var second = await Client.ConnectAsync(proxy.Addresses[0]);
        await first.ReplyAsync();
        await second.ReplyAsync();
        using var third = await Client.ConnectAsync(proxy.Addresses[0]);
        await proxy.SaysAsync("2 of 2 connections are in use; others wait");
        first.Dispose();
        Assert.That(await third.ReplyAsync(), Does.StartWith("220 "));
        using var fourth = await Client.ConnectAsync(proxy.Addresses[0]);
        second.Dispose();
        Assert.That(await fourth.ReplyAsync(), Does.StartWith("220 "));
        proxy.Signal("TERM");
        Assert.That(await proxy.EndAsync(), Is.Zero);
        Assert.That(Lines(proxy, "connections are in use; others wait"), Has.Length.InRange(1, 2), "another is the count");
        Assert.That(Lines(proxy, "others wait").Skip(1), Is.All.Match(@" \(\d+ times more in \d+ seconds\)$"));
    }

    [Test]
    public async Task Connections_leave_descriptors_for_other_things()
    {
        var prlimit = Tools.RequireProgram("prlimit", "util-linux");
        using var relay = new TcpRelay();
        using var proxy = await ProxyProcess.StartByAsync(
            scratch,
            prlimit,
            ["--nofile=300:300"],
            "dkimproxy.out",
            [.. Keys.Signing, "--max_servers=200", "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        await proxy.SaysAsync("max_servers 200: no more than 75 connections at once, since this process may have 300 descriptors; ");
        var clients = new List<Client>();
        for (var count = 0; count < 200; count++)
            clients.Add(await Client.ConnectAsync(proxy.Addresses[0]));
        await proxy.SaysAsync("75 of 75 connections are in use; others wait");
        Assert.That(Directory.GetFiles($"/proc/{proxy.Id}/fd"), Has.Length.LessThan(300));
        clients.ForEach(client => client.Dispose());
        Assert.That(await SendAsync(proxy, "x"), Does.StartWith("250 "));
        Assert.That(proxy.Log, Does.Not.Contain("cannot accept"));
    }

    [Test]
    public async Task Messages_that_cannot_be_processed_are_told_once_and_counted()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, [.. Keys.Signing, "--spool_directory=/nosuch", "--spool_memory=4096"]);
        for (var count = 0; count < 3; count++)
            Assert.That(await SendAsync(proxy, string.Concat(Enumerable.Repeat(new string('x', 900) + "\r\n", 6))), Does.StartWith("451 4.3.0 "));
        proxy.Signal("TERM");
        Assert.That(await proxy.EndAsync(), Is.Zero);
        var lines = Lines(proxy, "message not processed: ");
        Assert.That(lines, Has.Length.EqualTo(2), proxy.Log);
        Assert.That(lines[0], Does.Contain("in /nosuch: ").And.Contain("client=<127.0.0.1>, sender=<a@b>, recipients=<c@d>"));
        Assert.That(lines[1], Does.Match(@"in /nosuch: .* \(2 times more in \d+ seconds\)$"));
    }

    [Test]
    public async Task A_full_spool_directory_makes_clients_try_again()
    {
        using var relay = new TcpRelay();
        Directory.CreateDirectory(scratch.At("spool"));
        using var proxy = await ProxyProcess.StartMountedAsync(
            scratch,
            "mount -t tmpfs -o size=64k none spool",
            "dkimproxy.out",
            [.. Keys.Signing, "--spool_directory=spool", "--spool_memory=4096", "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        Assert.That(await SendAsync(proxy, Large), Does.StartWith("452 4.3.1 "));
        Assert.That(relay.Messages, Is.Empty);
        await proxy.SaysAsync("no room for a message in spool: ");
        Assert.That(await SendAsync(proxy, "x"), Does.StartWith("250 "));
    }

    [Test]
    public async Task A_message_in_a_file_has_given_it_back_when_it_is_answered()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(
            relay.Port, [.. Keys.Signing, $"--spool_directory={scratch.Root}", "--spool_memory=4096"]);
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        await client.BeginAsync();
        for (var count = 0; count < 3; count++)
        {
            await client.SendAsync(Text + Large);
            await Tools.Eventually(() => SpoolFiles(proxy) == 1, "it waits in a file");
            Assert.That(await client.SayAsync("\r\n.\r\n"), Does.StartWith("250 "));
            Assert.That(SpoolFiles(proxy), Is.Zero);
            await client.EnvelopeAsync();
        }
    }

    private static string Large { get; } = string.Concat(Enumerable.Repeat(new string('x', 900) + "\r\n", 200));

    private int SpoolFiles(ProxyProcess proxy) => Directory.GetFiles($"/proc/{proxy.Id}/fd")
        .Count(file => new FileInfo(file).LinkTarget?.StartsWith(scratch.Root, StringComparison.Ordinal) == true);

    [Test]
    public async Task A_relay_that_is_away_and_clients_that_may_not_speak_are_counted()
    {
        var relay = new TcpRelay();
        relay.Dispose();
        using var away = await OutAsync(relay.Port, Keys.Signing);
        using var closed = await OutAsync(relay.Port, [.. Keys.Signing, "--cidr_allow=192.0.2.0/24"]);
        foreach (var (proxy, text) in new[] { (away, "no connection to the next hop: "), (closed, "connection from 127.0.0.1 is not allowed") })
        {
            for (var count = 0; count < 4; count++)
            {
                using var client = await Client.ConnectAsync(proxy.Addresses[0]);
                Assert.That(await client.RestAsync(), Does.StartWith("421 "));
            }

            proxy.Signal("TERM");
            Assert.That(await proxy.EndAsync(), Is.Zero);
            Assert.That(Lines(proxy, text), Has.Length.EqualTo(2), proxy.Log);
            Assert.That(Lines(proxy, text)[1], Does.Contain(" (3 times more in "));
        }
    }

    [Test]
    public async Task A_key_that_cannot_be_read_is_told_with_its_domain_and_selector([Values] bool json)
    {
        using var relay = new TcpRelay();
        scratch.Write("map", "example.org dkim(s=two,key=nosuch.pem)\n");
        using var proxy = await OutAsync(
            relay.Port, ["--sender_map=map", "--selector=one", $"--log_format={(json ? "json" : "text")}"]);
        Assert.That(await SendAsync(proxy, "x"), Does.StartWith("450 DKIM - temperror (cannot read keyfile nosuch.pem"));
        await proxy.SaysAsync("DKIM signing - temperror (");
        foreach (var text in new[] { "settings: map:1: example.org: ", "signing error: cannot read keyfile nosuch.pem: ", "DKIM signing - temperror (" })
        {
            var line = Lines(proxy, text).Single();
            if (!json)
            {
                Assert.That(line, Does.Contain("domain=<example.org>, selector=<two>"));
                continue;
            }

            var fields = JsonDocument.Parse(line).RootElement;
            Assert.That(
                (fields.GetProperty("domain").GetString(), fields.GetProperty("selector").GetString()),
                Is.EqualTo(("example.org", "two")));
        }
    }

    [Test]
    public async Task A_rotated_key_that_cannot_be_used_is_told_with_its_domain_and_selector([Values] bool json)
    {
        using var relay = new TcpRelay();
        scratch.Write("second.pem", File.ReadAllText(scratch.At("key.pem")), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        scratch.Write("map", "example.org dkim(s=two,key=second.pem)\n");
        using var proxy = await OutAsync(
            relay.Port, ["--sender_map=map", $"--log_format={(json ? "json" : "text")}"]);
        scratch.Write("second.pem", "no key");
        await proxy.SaysAsync("cannot read keyfile second.pem: no PEM block");
        File.Delete(scratch.At("second.pem"));
        await proxy.SaysAsync("second.pem: the file is gone, its last content stays in force");
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: ");
        foreach (var text in new[] { "cannot read keyfile", "the file is gone", "not reloaded: " })
        {
            var line = Lines(proxy, text).Single();
            Assert.That(line, Does.Contain(
                json ? "\"domain\":\"example.org\",\"selector\":\"two\"" : "domain=<example.org>, selector=<two>"));
        }
    }
}
