using Dkim.Core.Programs.Proxies.Shared;
using System.Net;
using System.Net.Sockets;
using Dkim.Hosting;
using Dkim.ProxyHost.Sessions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Sockets on both sides: time limits, dead and slow peers, large messages.</summary>
public sealed class PumpTests
{
    private const string Text = "Subject: x\r\n\r\n..dots\r\n";
    private const string Sent = Conversation.Added + "Subject: x\r\n\r\n.dots\r\n";

    [Test]
    public async Task A_session_of_two_messages_passes()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        Assert.That(await client.SayAsync(Text + ".\r\n"), Is.EqualTo("250 2.0.0 queued\r\n"));
        await client.SendAsync("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
        Assert.That(await client.ReplyAsync(), Does.StartWith("250"));
        Assert.That(await client.ReplyAsync(), Does.StartWith("250"));
        Assert.That(await client.ReplyAsync(), Does.StartWith("354"));
        await client.SendAsync(Text + ".\r\nQUIT\r\n");
        Assert.That(await client.RestAsync(), Is.EqualTo("250 2.0.0 queued\r\n221 bye\r\n"));
        Assert.That(relay.Messages, Is.EqualTo(new[] { Sent, Sent }));
    }

    [Test]
    [Category("RFC2920-3-1")]
    public async Task Everything_at_once_and_half_closed_is_answered_to_the_end()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.SendAsync("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + Text + ".\r\nQUIT\r\n");
        client.Finish();
        Assert.That(await client.RestAsync(), Does.EndWith("354 go on\r\n250 2.0.0 queued\r\n221 bye\r\n"));
        Assert.That(relay.Messages, Is.EqualTo(new[] { Sent }));
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    public async Task Without_a_relay_the_client_is_told_421()
    {
        int port;
        using (var gone = new TcpRelay())
            port = gone.Port;
        await using var proxy = new ProxyUnderTest(port);
        using var client = await Client.ConnectAsync(proxy.Address);
        Assert.That(await client.RestAsync(), Is.EqualTo("421 Internal error (Next hop is down)\r\n"));
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    [Category("RFC5321-6.1-1")]
    [Category("RFC5321-4.1.1.4-3")]
    public async Task A_relay_that_dies_after_any_octet_costs_a_4xx_and_no_message()
    {
        const string all = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + Sent + "..\r\n";
        for (var octets = 0; octets < all.Length; octets += 3)
        {
            using var relay = new TcpRelay { DiesAfter = octets };
            await using var proxy = new ProxyUnderTest(relay.Port);
            using var client = await Client.ConnectAsync(proxy.Address);
            var last = await client.ReplyAsync();
            foreach (var step in new[] { "EHLO c\r\n", "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n", "DATA\r\n", Text + ".\r\n" })
            {
                if (last.StartsWith('4'))
                    break;
                last = await client.SayAsync(step);
            }

            Assert.That(last, Does.StartWith("421 "), $"after {octets} octets");
            Assert.That(await client.RestAsync(), Is.Empty);
            Assert.That(relay.Messages, Is.Empty);
        }
    }

    [Test]
    [Category("RFC5321-4.5.3.2-1")]
    public async Task A_silent_relay_is_given_up([Values(0, 8, 20, 46, 60)] int octets)
    {
        using var relay = new TcpRelay { SilentAfter = octets, Greets = octets > 0 };
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with
        {
            Patience = r.Patience with { Relay = TimeSpan.FromSeconds(20) },
        });
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.SendAsync("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + Text + ".\r\n");
        var rest = client.RestAsync();
        var passed = await proxy.PassAsync(rest);
        Assert.That(await rest, Does.Match("(^|\n)421 [^\n]*\n$").And.Not.Contains("queued"));
        Assert.That(passed, Is.GreaterThan(TimeSpan.FromSeconds(20)));
    }

    [Test]
    [Category("RFC5321-4.5.3.2-1")]
    public async Task A_relay_that_stops_reading_a_large_message_is_given_up()
    {
        using var relay = new TcpRelay { SilentAfter = 100_000 };
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with
        {
            Patience = r.Patience with { Relay = TimeSpan.FromSeconds(20) },
        });
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        for (var i = 0; i < 160; i++)
            await client.SendAsync(new string('x', 99_998) + "\r\n");
        await client.SendAsync(".\r\n");
        var rest = client.RestAsync();
        var passed = await proxy.PassAsync(rest);
        Assert.That(await rest, Does.Match("^421 4[.]4[.]2 [^\n]*\n$"));
        Assert.That(passed, Is.GreaterThan(TimeSpan.FromSeconds(20)));
        Assert.That(relay.Messages, Is.Empty);
    }

    [Test]
    public async Task A_client_that_does_not_read_its_replies_is_given_up()
    {
        using var relay = new TcpRelay(() =>
        {
            var script = new ScriptedRelay();
            script.Replies["HELP"] = string.Concat(Enumerable.Repeat("214-" + new string('h', 400) + "\r\n", 150)) + "214 end\r\n";
            return script;
        });
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with
        {
            Patience = r.Patience with { Client = TimeSpan.FromSeconds(20) },
        });
        using var client = await Client.ConnectAsync(proxy.Address);
        var sent = client.SendAsync(string.Concat(Enumerable.Repeat("HELP\r\n", 100_000)));
        var left = Tools.Eventually(() => relay.Sessions is [{ Ended: true }], "the proxy leaves");
        Assert.That(await proxy.PassAsync(left), Is.GreaterThan(TimeSpan.FromSeconds(20)));
        await left;
        client.Dispose();
        await sent;
    }

    [TestCase("")]
    [Category("RFC5321-4.5.3.2-1")]
    [TestCase("EHLO c\r\n")]
    [TestCase("EHLO c\r\nMAIL F")]
    [TestCase("EHLO c\r\nDATA\r\nSubject: x\r\n")]
    public async Task A_silent_client_is_sent_away(string said)
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with
        {
            Patience = r.Patience with { Client = TimeSpan.FromSeconds(20) },
        });
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.SendAsync(said);
        var rest = client.RestAsync();
        var passed = await proxy.PassAsync(rest);
        Assert.That(await rest, Does.Match("(^|\n)421 4[.]4[.]2 Idle for too long\r\n$"));
        Assert.That(passed, Is.GreaterThan(TimeSpan.FromSeconds(20)));
        Assert.That(relay.Messages, Is.Empty);
    }

    [Test]
    public async Task A_client_that_drips_a_command_is_sent_away_and_one_that_drips_a_message_is_not()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with
        {
            Patience = r.Patience with { Client = TimeSpan.FromSeconds(1) },
        });
        using var command = await Client.ConnectAsync(proxy.Address);
        using var text = await Client.ConnectAsync(proxy.Address);
        await text.BeginAsync();
        await command.ReplyAsync();
        for (var sent = 1; sent <= 10; sent++)
        {
            await command.SendAsync("X");
            await text.SendAsync("x");
            await Tools.Eventually(() => proxy.Fed == sent, "it comes");
            proxy.Advance(TimeSpan.FromSeconds(0.25));
        }

        Assert.That(await proxy.RestAsync(command), Does.EndWith("Idle for too long\r\n"));
        await text.SendAsync("x");
        Assert.That(await text.SayAsync("\r\n.\r\n"), Does.StartWith("250"));
    }

    [Test]
    public async Task A_refusal_leaves_the_relay_without_the_message([Values(450, 550)] int code)
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(
            relay.Port,
            r => r with { Patience = r.Patience with { Client = TimeSpan.FromMinutes(30), Relay = TimeSpan.FromMinutes(30) } },
            _ => ProxyDisposition.NewRefuse(code, "DKIM - no"));
        using var polite = await Client.ConnectAsync(proxy.Address);
        await polite.BeginAsync();
        await polite.SendAsync(Text + ".\r\nQUIT\r\n");
        Assert.That(await polite.RestAsync(), Does.Match($"^{code} DKIM - no\r\n221 [^\r]*\r\n$"));
        using var silent = await Client.ConnectAsync(proxy.Address);
        await silent.BeginAsync();
        await silent.SendAsync(Text + ".\r\n");
        var rest = silent.RestAsync();
        Assert.That(await proxy.PassAsync(rest), Is.LessThan(TimeSpan.FromMinutes(20)), "it has its place no longer for that");
        Assert.That(await rest, Does.Match($"^{code} DKIM - no\r\n421 [^\r]*\r\n$"));
        Assert.That(relay.Messages, Is.Empty);
        Assert.That(relay.Sessions.SelectMany(session => session.Commands), Has.None.EqualTo("QUIT"));
    }

    [Test]
    [Category("RFC5321-6.1-1")]
    public async Task A_failing_filter_is_a_temporary_refusal()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port, decide: _ => throw new InvalidOperationException("broken"));
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        Assert.That(await client.SayAsync(Text + ".\r\n"), Does.StartWith("451 4.3.0 "));
        Assert.That(proxy.Reports, Has.One.Contains("broken"));
    }

    [Test]
    public async Task A_spool_without_room_is_a_temporary_refusal()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with { Spool = new SpoolArea("/proc/none", 10) });
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        Assert.That(await client.SayAsync(Text + new string('x', 100_000) + "\r\n.\r\n"), Does.StartWith("45"));
        Assert.That(relay.Messages, Is.Empty);
    }

    [Test]
    public async Task A_message_over_the_limit_is_refused()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with { MaxMessage = 1000 });
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        Assert.That(await client.SayAsync(new string('x', 998) + "\r\ny\r\n.\r\n"), Does.StartWith("552 5.3.4 "));
        using var fits = await Client.ConnectAsync(proxy.Address);
        await fits.BeginAsync();
        Assert.That(await fits.SayAsync(new string('x', 998) + "\r\n.\r\n"), Does.StartWith("250 "));
    }

    [Test]
    [Category("RFC5321-4.5.3.1-2")]
    public async Task A_line_that_others_may_break_passes_and_is_reported([Values(998, 999)] int length)
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        Assert.That(await client.SayAsync(new string('x', length) + "\r\n.\r\n"), Does.StartWith("250 "));
        Assert.That(relay.Messages[0], Has.Length.EqualTo(Conversation.Added.Length + length + 2));
        Assert.That(proxy.Reports, Has.Count.EqualTo(length - 998));
        await client.EnvelopeAsync();
        Assert.That(await client.SayAsync(Text + ".\r\n"), Does.StartWith("250 "));
        Assert.That(proxy.Reports, Has.Count.EqualTo(length - 998), "the next one has no such line");
    }

    [Test]
    [Category("RFC5321-3.6.3-1")]
    [Category("RFC5321-4.5.3.1-1")]
    [Category("RFC5321-4.5.2-1")]
    public async Task Large_messages_pass_through_files_unchanged()
    {
        using var relay = new TcpRelay(() => new ScriptedRelay { Keeps = false });
        await using var proxy = new ProxyUnderTest(relay.Port);
        var line = string.Concat(Enumerable.Range(0, 18).Select(i => "..y" + i)) + "\r\n";
        var body = string.Concat(Enumerable.Repeat(line, 3 * 1024 * 1024 / line.Length));
        var all = Enumerable.Range(0, 6).Select(async _ =>
        {
            using var client = await Client.ConnectAsync(proxy.Address);
            await client.BeginAsync();
            return await client.SayAsync(body + ".\r\n");
        });
        Assert.That(await Task.WhenAll(all), Has.All.EqualTo("250 2.0.0 queued\r\n"));
        var expected = ScriptedRelay.DigestOf(Conversation.Added + body.Replace("\n..", "\n.")[1..]);
        Assert.That(relay.Sessions.SelectMany(s => s.Digests), Is.EqualTo(Enumerable.Repeat(expected, 6)));
    }

    [Test]
    public async Task More_clients_than_places_wait_their_turn()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        var clients = new List<Client>();
        for (var i = 0; i < ProxyUnderTest.MaxConnections; i++)
            clients.Add(await Client.ConnectAsync(proxy.Address));
        foreach (var client in clients)
            Assert.That(await client.ReplyAsync(), Is.EqualTo(ScriptedRelay.Greeting));
        using var late = await Client.ConnectAsync(proxy.Address);
        var greeting = late.ReplyAsync();
        Assert.That(await Task.WhenAny(greeting, Task.Delay(300)), Is.Not.SameAs(greeting));
        await clients[3].SayAsync("QUIT\r\n");
        Assert.That(await greeting, Is.EqualTo(ScriptedRelay.Greeting));
        clients.ForEach(client => client.Dispose());
    }

    [Test]
    [Category("RFC5321-3.8-1")]
    public async Task Stopping_says_421_to_the_idle_and_lets_messages_end()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var idle = await Client.ConnectAsync(proxy.Address);
        using var busy = await Client.ConnectAsync(proxy.Address);
        await idle.ReplyAsync();
        await busy.BeginAsync();
        await busy.SendAsync(Text);
        proxy.Stop(now: false);
        Assert.That(await idle.RestAsync(), Does.StartWith("421 4.3.2 "));
        await busy.SendAsync(".\r\n");
        Assert.That(await busy.RestAsync(), Does.Match("^250 2.0.0 queued\r\n421 4.3.2 [^\r]*\r\n$"));
        await proxy.ServedAsync();
        Assert.That(relay.Messages, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Clients_that_vanish_anywhere_leave_nothing_behind()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        const string all = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" + Text;
        for (var octets = 0; octets < all.Length; octets += 2)
        {
            using var client = await Client.ConnectAsync(proxy.Address);
            await client.SendAsync(all[..octets]);
        }

        using var last = await Client.ConnectAsync(proxy.Address);
        await last.BeginAsync();
        Assert.That(await last.SayAsync(Text + ".\r\n"), Does.StartWith("250"));
        Assert.That(relay.Messages, Has.Count.EqualTo(1));
        // They come faster than those before them are seen to have left.
        var crowded = $"{ProxyUnderTest.MaxConnections} of {ProxyUnderTest.MaxConnections} connections are in use; others wait";
        Assert.That(
            proxy.Reports.Where(report => report != crowded),
            Has.All.StartsWith("client left - in the middle of a message; "));
    }
}
