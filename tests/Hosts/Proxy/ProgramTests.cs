using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>The programs as administrators see them: options, exit codes, signals, logs, files.</summary>
public sealed class ProgramTests
{
    private const string Text = "From: joe@example.org\r\nTo: b@example.com\r\nSubject: x\r\nMessage-ID: <m@example.org>\r\n\r\n..dot\r\n";

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
        scratch, "dkimproxy.out", [.. Keys.Signing, .. more, "127.0.0.1:0", $"127.0.0.1:{relay}"]);

    private static async Task<string> SendAsync(EndPoint address, string text = Text)
    {
        using var client = await Client.ConnectAsync(address);
        await client.BeginAsync();
        return await client.SayAsync(text + ".\r\n");
    }

    [Test]
    [Category("RFC6376-5.6-1")]
    [Category("RFC6376-6.3-5")]
    [Category("RFC6376-3.9-1")]
    [Category("RFC6376-3.5-1")]
    public async Task Mail_is_signed_by_one_and_verified_by_the_other()
    {
        using var relay = new TcpRelay();
        using var verifier = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        using var signer = await OutAsync(((IPEndPoint)verifier.Addresses[0]).Port);
        Assert.That(await SendAsync(signer.Addresses[0]), Is.EqualTo("250 2.0.0 queued\r\n"));
        Assert.That(relay.Messages[0], Does.StartWith(
            "Authentication-Results: mx.example.net; dkim=pass header.i=@example.org")
            .And.Contain("\r\nX-DKIM-Authentication-Results: pass\r\nDKIM-Signature: v=1; a=rsa-sha256; ")
            .And.EndWith(Text.Replace("..dot", ".dot")));
        await signer.SaysAsync("connect from 127.0.0.1");
        await signer.SaysAsync(
            "DKIM signing - signed; message-id=<m@example.org>, signer=<@example.org>, from=<joe@example.org>");
        await verifier.SaysAsync(
            $"dkimproxy.in[{verifier.Id}]: DKIM verify - pass; message-id=<m@example.org>, signer=<@example.org>");
    }

    [Test]
    [Category("RFC6376-6.3-1")]
    [Category("RFC6376-6.3-6")]
    public async Task A_tampered_message_is_told_from_a_good_one()
    {
        using var relay = new TcpRelay();
        using var signer = await OutAsync(relay.Port);
        await SendAsync(signer.Addresses[0]);
        using var verifier = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        await SendAsync(verifier.Addresses[0], relay.Messages[0].Replace("\r\n.dot", "\r\nchanged"));
        Assert.That(relay.Messages[1], Does.StartWith(
            "Authentication-Results: mx.example.net; dkim=fail (body has been altered) header.i=@example.org"));
        await verifier.SaysAsync("DKIM verify - fail (body has been altered); ");
    }

    // What the policy says is asked once it is known that no signature is the author's.
    [Test]
    public async Task A_message_that_its_author_wants_refused_is_refused()
    {
        using var relay = new TcpRelay();
        using var signer = await OutAsync(relay.Port);
        await SendAsync(signer.Addresses[0]);
        var tampered = relay.Messages[0].Replace("\r\n.dot", "\r\nchanged");
        File.AppendAllText(scratch.At("keys.txt"), "example.org here\n_adsp._domainkey.example.org dkim=all\n");
        using var verifier = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "--reject_fail", "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        Assert.That(await SendAsync(verifier.Addresses[0], tampered), Does.StartWith("550 5.7.1 DKIM - fail ("));
        Assert.That(relay.Messages, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_start_without_a_place_for_large_messages_is_warned_of()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, "--spool_directory=/nosuch");
        await proxy.SaysAsync("large messages cannot wait and get 451: command line: spool_directory: '/nosuch'");
        Assert.That(await SendAsync(proxy.Addresses[0]), Is.EqualTo("250 2.0.0 queued\r\n"));
    }

    [TestCase("TERM")]
    [Category("RFC5321-3.8-1")]
    [TestCase("INT")]
    [TestCase("QUIT")]
    public async Task A_signal_ends_it_with_0_after_the_message_on_its_way(string signal)
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, $"--pidfile={scratch.At("pid")}");
        Assert.That(File.ReadAllText(scratch.At("pid")), Is.EqualTo($"{proxy.Id}\n"));
        using var idle = await Client.ConnectAsync(proxy.Addresses[0]);
        await idle.ReplyAsync();
        using var busy = await Client.ConnectAsync(proxy.Addresses[0]);
        await busy.BeginAsync();
        await busy.SendAsync(Text);
        proxy.Signal(signal);
        Assert.That(await idle.RestAsync(), Does.StartWith("421 4.3.2 "));
        Assert.That(await busy.SayAsync(".\r\n"), Does.StartWith("250 "));
        Assert.That(await proxy.EndAsync(), Is.Zero);
        Assert.That(File.Exists(scratch.At("pid")), Is.False);
        Assert.That(relay.Messages, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task HUP_reads_the_configuration_again_and_a_bad_one_changes_nothing()
    {
        using var relay = new TcpRelay();
        string Conf(string domain) => $"listen 127.0.0.1:0\nrelay 127.0.0.1:{relay.Port}\nkeyfile key.pem\nselector sel\ndomain {domain}\n";
        scratch.Write("p.conf", Conf("example.org"));
        using var proxy = await ProxyProcess.StartAsync(scratch, "dkimproxy.out", "--conf_file=p.conf");
        await SendAsync(proxy.Addresses[0]);
        scratch.Write("p.conf", Conf("other.example"));
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        await SendAsync(proxy.Addresses[0]);
        scratch.Write("p.conf", Conf("third.example") + "nosuch 1\n");
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: ");
        await SendAsync(proxy.Addresses[0]);
        Assert.That(relay.Messages.Select(m => Regex.Match(m, "d=([^;]*);").Groups[1].Value), Is.EqualTo(
            new[] { "example.org", "other.example", "other.example" }));
    }

    [Test]
    [Category("RFC6376-5.2-1")]
    public async Task A_changed_key_is_used_without_a_restart()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port);
        using var verifier = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        Keys.Make(scratch);
        await proxy.SaysAsync("keys read again");
        verifier.Signal("HUP");
        await verifier.SaysAsync("configuration reloaded");
        await SendAsync(proxy.Addresses[0]);
        await SendAsync(verifier.Addresses[0], relay.Messages[0].Replace("\r\n.dot", "\r\n..dot"));
        Assert.That(relay.Messages[1], Does.StartWith("Authentication-Results: mx.example.net; dkim=pass "));
    }

    [Test]
    public async Task It_signs_as_another_user_with_a_key_that_only_root_reads()
    {
        Tools.RequireRoot();
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, "--user=nobody");
        Assert.That(File.ReadAllText($"/proc/{proxy.Id}/status"), Does.Contain("\nUid:\t65534\t65534\t65534\t65534"));
        await SendAsync(proxy.Addresses[0]);
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        await SendAsync(proxy.Addresses[0]);
        Assert.That(relay.Messages, Has.Count.EqualTo(2).And.All.StartsWith("DKIM-Signature: "));
    }

    // It may not remove the file from a directory of root's.
    [Test]
    public async Task The_pid_file_is_its_users_and_empty_at_the_end()
    {
        Tools.RequireRoot();
        using var relay = new TcpRelay();
        scratch.Open();
        using var proxy = await OutAsync(relay.Port, "--user=nobody", $"--pidfile={scratch.At("pid")}");
        Assert.That(File.ReadAllText(scratch.At("pid")), Is.EqualTo($"{proxy.Id}\n"));
        proxy.Signal("TERM");
        Assert.That(await proxy.EndAsync(), Is.Zero);
        Assert.That(File.ReadAllText(scratch.At("pid")), Is.Empty);
    }

    [TestCase("--user=nobody:mail", 8)]
    [TestCase("--user=nobody:mail --group=daemon", 1)]
    public async Task The_setting_group_beats_the_one_behind_the_user(string options, int group)
    {
        Tools.RequireRoot();
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, options.Split(' '));
        Assert.That(File.ReadAllText($"/proc/{proxy.Id}/status"), Does.Contain($"\nGid:\t{group}\t{group}\t{group}\t{group}\n"));
    }

    [Test]
    public async Task In_the_background_it_is_ready_when_the_command_returns()
    {
        using var relay = new TcpRelay();
        var port = Tools.FreePort();
        string[] arguments =
            [.. Keys.Signing, "--daemonize", "--pidfile=pid", $"--listen=127.0.0.1:{port}", $"--relay=127.0.0.1:{relay.Port}"];
        Assert.That(ProxyProcess.Run(scratch, "dkimproxy.out", arguments).Code, Is.Zero);
        var daemon = int.Parse(File.ReadAllText(scratch.At("pid")), CultureInfo.InvariantCulture);
        try
        {
            Assert.That(await SendAsync(new IPEndPoint(IPAddress.Loopback, port)), Does.StartWith("250 "));
            var (code, _, error) = ProxyProcess.Run(scratch, "dkimproxy.out", arguments);
            Assert.That(code, Is.EqualTo(1));
            Assert.That(error, Does.Contain($"names process {daemon}, which is running"));
        }
        finally
        {
            Tools.Run("/", "/bin/kill", "-TERM", daemon.ToString(CultureInfo.InvariantCulture));
        }

        await Tools.Eventually(() => !File.Exists(scratch.At("pid")), "the pid file is removed at the end");
    }

    [Test]
    public async Task In_a_root_of_its_own_it_signs()
    {
        Tools.RequireRoot();
        if (Environment.GetEnvironmentVariable("DKIMPROXY") is null)
            Assert.Ignore("left out: only native code needs no files of the old root (DKIMPROXY names a native build)");
        Directory.CreateDirectory(scratch.At("root"));
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, $"--chroot={scratch.At("root")}");
        await SendAsync(proxy.Addresses[0]);
        Assert.That(relay.Messages, Has.One.StartsWith("DKIM-Signature: "));
    }

    [Test]
    public async Task A_log_file_gets_what_standard_error_would()
    {
        using var relay = new TcpRelay();
        var port = Tools.FreePort();
        string[] arguments =
        [
            .. Keys.Signing, "--daemonize", "--pidfile=pid", "--log_file=log", $"--listen=127.0.0.1:{port}",
            $"--relay=127.0.0.1:{relay.Port}",
        ];
        scratch.Write("log", "of the time before\n");
        Assert.That(ProxyProcess.Run(scratch, "dkimproxy.out", arguments).Code, Is.Zero);
        var daemon = File.ReadAllText(scratch.At("pid")).Trim();
        try
        {
            await SendAsync(new IPEndPoint(IPAddress.Loopback, port));
            await Tools.Eventually(() => File.ReadAllText(scratch.At("log")).Contains("DKIM signing - signed; "), "it is logged");
            Assert.That(File.ReadAllText(scratch.At("log")), Does.StartWith("of the time before\n"), "appended");
        }
        finally
        {
            Tools.Run("/", "/bin/kill", "-TERM", daemon);
        }

        await Tools.Eventually(() => !File.Exists(scratch.At("pid")), "it ends");
    }

    [Test]
    public async Task It_listens_at_several_ports_and_relays_over_both_protocols()
    {
        using var relay = new TcpRelay();
        int[] ports = [Tools.FreePort(), Tools.FreePort()];
        using var proxy = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", [.. Keys.Signing, "--host=*", .. ports.Select(p => $"--port={p}"), $"--relay=localhost:{relay.Port}"]);
        foreach (var port in ports)
        {
            Assert.That(await SendAsync(new IPEndPoint(IPAddress.Loopback, port)), Does.StartWith("250 "));
            if (Socket.OSSupportsIPv6)
                Assert.That(await SendAsync(new IPEndPoint(IPAddress.IPv6Loopback, port)), Does.StartWith("250 "));
        }

        await proxy.SaysAsync("connect from 127.0.0.1");
    }

    [Test]
    public async Task Mail_passes_through_a_socket_of_the_service_manager()
    {
        var python = Tools.RequireProgram("python3", "python3");
        const string Script = """
            import os, socket, sys
            listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
            os.dup2(listening.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(sys.argv[2], sys.argv[2:])
            """;
        using var relay = new TcpRelay();
        int[] ports = [Tools.FreePort(), Tools.FreePort()];
        using var proxy = await ProxyProcess.StartByAsync(
            scratch,
            python,
            ["-c", Script, $"{ports[0]}"],
            "dkimproxy.out",
            [.. Keys.Signing, $"--listen=127.0.0.1:{ports[1]}", $"--relay=127.0.0.1:{relay.Port}"]);
        Assert.That(proxy.Addresses, Is.EqualTo((EndPoint[])[new IPEndPoint(IPAddress.Loopback, ports[0])]), "the one that was passed alone");
        Assert.That(await SendAsync(proxy.Addresses[0]), Is.EqualTo("250 2.0.0 queued\r\n"));
        Assert.That(relay.Messages, Has.One.StartsWith("DKIM-Signature: v=1; a=rsa-sha256; "));
        Assert.That(relay.Messages[0], Does.EndWith(Text.Replace("..dot", ".dot")));
        using var other = new Socket(SocketType.Stream, ProtocolType.Tcp);
        Assert.That(() => other.Connect(IPAddress.Loopback, ports[1]), Throws.InstanceOf<SocketException>());
    }

    [Test]
    [Category("RFC6376-5.1-2")]
    [Category("RFC4870-3.5-1")]
    public async Task Clients_that_are_not_allowed_are_sent_away()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, "--cidr_allow=192.0.2.0/24");
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        Assert.That(await client.RestAsync(), Does.StartWith("421 4.7.1 "));
        await proxy.SaysAsync("connection from 127.0.0.1 is not allowed");
        Assert.That(relay.Sessions, Is.Empty);
    }

    [Test]
    public async Task Clients_may_be_allowed_by_their_names()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, "--double_reverse_lookups", "--allow=localhost.*");
        Assert.That(await SendAsync(proxy.Addresses[0]), Does.StartWith("250 "));
        using var other = await OutAsync(relay.Port, "--reverse_lookups", "--allow=mx\\.example\\.org");
        using var client = await Client.ConnectAsync(other.Addresses[0]);
        Assert.That(await client.RestAsync(), Does.StartWith("421 4.7.1 "));
    }

    [Test]
    public async Task Commands_are_traced_and_secrets_are_not()
    {
        using var relay = new TcpRelay();
        using var proxy = await OutAsync(relay.Port, "--debugtrace");
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        await client.ReplyAsync();
        foreach (var line in new[] { "EHLO c", "AUTH PLAIN c2VjcmV0MQ==", "c2VjcmV0Mg==", "c2VjcmV0Mw==", "NOOP \u001b[1m" })
            await client.SayAsync(line + "\r\n");
        await proxy.SaysAsync("NOOP \\x1b[1m");
        Assert.That(proxy.Log, Does.Contain("EHLO c").And.Contain("AUTH PLAIN").And.Not.Contain("c2VjcmV0"));
    }

    [Test]
    public async Task An_error_is_told_the_client_where_the_setting_says_so(
        [Values] bool reject, [Values("key=nosuch.pem", "key=key.pem,d=$nobody")] string signature)
    {
        // A key that is not there keeps all mail of its line waiting; a macro that a message has not is an error of that one.
        var refuses = reject || signature == "key=nosuch.pem";
        using var relay = new TcpRelay();
        scratch.Write("map", $"example.org dkim(s=sel,{signature})\n");
        string[] more = reject ? ["--reject_error"] : [];
        using var proxy = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", ["--sender_map=map", .. more, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        Assert.That(await SendAsync(proxy.Addresses[0]), Does.StartWith(refuses ? "450 DKIM - temperror (" : "250 2.0.0 "));
        Assert.That(relay.Messages, Has.Count.EqualTo(refuses ? 0 : 1));
        await proxy.SaysAsync("signing error: ");
    }

    [Test]
    [Category("RFC5321-4.1.1.4-3")]
    [Category("RFC5321-6.1-1")]
    public async Task Killed_at_any_moment_it_has_lost_nothing_that_it_accepted()
    {
        using var relay = new TcpRelay();
        for (var round = 0; round < 3; round++)
        {
            using var proxy = await OutAsync(relay.Port);
            var accepted = 0;
            var clients = Enumerable.Range(0, 4).Select(async client =>
            {
                for (var number = 0; ; number++)
                {
                    try
                    {
                        var answer = await SendAsync(proxy.Addresses[0], Text + $"{round}/{client}/{number}\r\n");
                        if (!answer.StartsWith("250 ", StringComparison.Ordinal))
                            return;
                        Interlocked.Increment(ref accepted);
                    }
                    catch (SocketException)
                    {
                        return;
                    }
                }
            }).ToArray();
            var enough = relay.Messages.Count + 20 + (7 * round);
            await Tools.Eventually(() => relay.Messages.Count >= enough, "messages pass");
            Process.GetProcessById(proxy.Id).Kill();
            await Task.WhenAll(clients);
            await Task.Delay(200);
            var relayed = relay.Messages.Count(m => m.Contains($"\r\n{round}/"));
            Assert.That(relayed, Is.InRange(accepted, accepted + clients.Length), "lost, or given twice without need");
            Assert.That(relay.Messages.Distinct().Count(), Is.EqualTo(relay.Messages.Count));
        }
    }
}
