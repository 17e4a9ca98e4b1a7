using System.Net;
using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>The proxies where people put them: behind the queue of a real Postfix, and before it.</summary>
public sealed class PostfixTests
{
    private const string Text = "From: joe@example.org\r\nTo: b@example.com\r\nSubject: gr\u00fcn\r\n\r\n..dot\r\nlast\r\n";
    private const int Messages = 40;

    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch?.Dispose();

    internal static ScriptedRelay Sink()
    {
        var relay = new ScriptedRelay();
        relay.Replies["EHLO"] = "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 DSN\r\n";
        return relay;
    }

    private static async Task SubmitAsync(int port, int count)
    {
        await Tools.Eventually(() => Answers(port), "Postfix answers");
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await client.ReplyAsync();
        await client.SayAsync("EHLO client.example\r\n");
        for (var number = 0; number < count; number++)
        {
            foreach (var line in new[] { "MAIL FROM:<joe@example.org> BODY=8BITMIME", "RCPT TO:<b@example.com>" })
                Assert.That(await client.SayAsync(line + "\r\n"), Does.StartWith("250"));
            Assert.That(await client.SayAsync("DATA\r\n"), Does.StartWith("354"));
            Assert.That(await client.SayAsync(Text + $"{number}\r\n.\r\n"), Does.StartWith("250"));
        }

        Assert.That(await client.SayAsync("QUIT\r\n"), Does.StartWith("221"));
    }

    internal static bool Answers(int port)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [Test]
    [Category("RFC6376-5.3-3")]
    [Category("RFC6376-5.6-1")]
    [Category("RFC6376-3.7-6")]
    public async Task As_content_filter_behind_the_queue_it_signs_every_message()
    {
        using var sink = new TcpRelay(Sink);
        int entry = Tools.FreePort(), back = Tools.FreePort();
        using var signer = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", [.. Keys.Signing, "127.0.0.1:0", $"127.0.0.1:{back}"]);
        using var postfix = new Postfix(
            scratch,
            $"""
            127.0.0.1:{entry} inet n - n - - smtpd
              -o content_filter=dkim:[127.0.0.1]:{((IPEndPoint)signer.Addresses[0]).Port}
            dkim unix - - n - 4 smtp
              -o smtp_send_xforward_command=yes
            127.0.0.1:{back} inet n - n - 10 smtpd
              -o content_filter=
              -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters
            """,
            sink.Port);
        await SubmitAsync(entry, Messages);
        await Tools.Eventually(() => sink.Messages.Count == Messages, "all messages arrive");
        for (var number = 0; number < Messages; number++)
            Assert.That(sink.Messages, Has.One.Contain("\r\n.dot\r\nlast\r\n" + number + "\r\n").And.Contain("DKIM-Signature: "));
        Assert.That(await VerdictsAsync(sink.Messages), Has.All.StartsWith("Authentication-Results: mx.example.net; dkim=pass "));
    }

    [Test]
    [Category("RFC6376-5.3-3")]
    [Category("RFC6376-3.7-6")]
    public async Task As_proxy_filter_before_the_queue_it_judges_every_message()
    {
        using var sink = new TcpRelay(Sink);
        int entry = Tools.FreePort(), back = Tools.FreePort();
        using var verifier = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{back}"]);
        using var postfix = new Postfix(
            scratch,
            $"""
            127.0.0.1:{entry} inet n - n - 20 smtpd
              -o smtpd_proxy_filter=127.0.0.1:{((IPEndPoint)verifier.Addresses[0]).Port}
            127.0.0.1:{back} inet n - n - - smtpd
              -o smtpd_proxy_filter=
            """,
            sink.Port);
        using var signer = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", [.. Keys.Signing, "127.0.0.1:0", $"127.0.0.1:{entry}"]);
        await Tools.Eventually(() => Answers(entry), "Postfix answers");
        await SubmitAsync(((IPEndPoint)signer.Addresses[0]).Port, Messages);
        await Tools.Eventually(() => sink.Messages.Count == Messages, "all messages arrive");
        Assert.That(sink.Messages, Has.All.Contain("\r\nAuthentication-Results: mx.example.net; dkim=pass "));
        Assert.That(sink.Messages, Has.All.Contain("\r\n.dot\r\nlast\r\n"));
    }

    [Test]
    [Category("RFC5321-6.1-1")]
    public async Task Mail_waits_in_the_queue_while_the_proxy_is_away()
    {
        using var sink = new TcpRelay(Sink);
        int entry = Tools.FreePort(), back = Tools.FreePort(), place = Tools.FreePort();
        using var postfix = new Postfix(
            scratch,
            $"""
            127.0.0.1:{entry} inet n - n - - smtpd
              -o content_filter=dkim:[127.0.0.1]:{place}
            dkim unix - - n - 4 smtp
            127.0.0.1:{back} inet n - n - 10 smtpd
              -o content_filter=
            """,
            sink.Port);
        await SubmitAsync(entry, 3);
        await Tools.Eventually(() => File.ReadAllText(scratch.At("postfix.log")).Contains("status=deferred"), "it is deferred");
        using var signer = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", [.. Keys.Signing, $"127.0.0.1:{place}", $"127.0.0.1:{back}"]);
        Tools.Run("/", Tools.RequireProgram("postqueue", "postfix"), "-c", scratch.At("etc"), "-f");
        await Tools.Eventually(() => sink.Messages.Count == 3, "all messages arrive", 90);
        Assert.That(sink.Messages, Has.All.Contain("DKIM-Signature: "));
    }

    // What dkimproxy.in says of messages that have arrived.
    private async Task<IReadOnlyList<string>> VerdictsAsync(IReadOnlyList<string> messages)
    {
        using var relay = new TcpRelay(Sink);
        using var verifier = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        foreach (var message in messages)
        {
            using var client = await Client.ConnectAsync(verifier.Addresses[0]);
            await client.BeginAsync();
            Assert.That(await client.SayAsync(message.Replace("\r\n.", "\r\n..") + ".\r\n"), Does.StartWith("250"));
        }

        return relay.Messages;
    }
}
