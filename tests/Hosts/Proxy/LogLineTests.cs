using System.Text.Json;
using Dkim.Core.Message;
using Dkim.Core.Programs.Proxies.Shared;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Core.Words;
using Dkim.ProxyHost.Dialogue;
using Dkim.ProxyHost.Sessions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>What the proxies answer by themselves, and clients that leave, are told in one line: reply, client, sender,
/// Message-ID and From where they were seen.</summary>
public sealed class LogLineTests
{
    private const string Header = "From: Joe <joe@example.org>\r\nMessage-ID: <m@example.org>\r\n";
    private const string Seen = "; message-id=<m@example.org>, from=<joe@example.org>";
    private const string Behind = ", client=<127.0.0.1>, sender=<a@b>, recipients=<c@d>";

    private static async Task<string> LineAsync(
        Func<Relaying, Relaying> change, Func<Client, TcpRelay, ProxyUnderTest, Task> play, TcpRelay? relay = null)
    {
        using var next = relay ?? new TcpRelay();
        await using var proxy = new ProxyUnderTest(next.Port, change);
        using (var client = await Client.ConnectAsync(proxy.Address))
        {
            await play(client, next, proxy);
        }

        await Tools.Eventually(() => proxy.Reports.Count > 0, "there is a line");
        Assert.That(proxy.Reports, Has.Count.EqualTo(1), string.Join('\n', proxy.Reports));
        return proxy.Reports[0];
    }

    private static DialogueLimits Strict => new() { BareNewlines = BareNewlines.Reject };

    [TestCase(Header + "\r\nx\ny\r\n")]
    [TestCase("From: Joe <joe@example.org>\nMessage-ID: <m@example.org>\n\nx\n\r\n")]
    public async Task A_message_with_bare_line_ends(string text)
    {
        var line = await LineAsync(relaying => relaying with { Limits = Strict }, async (client, _, _) =>
        {
            await client.BeginAsync();
            Assert.That(await client.SayAsync(text + ".\r\n"), Does.StartWith("550"));
            await client.SayAsync("QUIT\r\n");
        });
        Assert.That(line, Is.EqualTo(
            "message refused - 550 5.5.2 Message has a CR or LF that is not part of a line end CRLF" + Seen + Behind));
    }

    [Test]
    public async Task A_message_that_is_too_large()
    {
        var line = await LineAsync(relaying => relaying with { MaxMessage = 1000 }, async (client, _, _) =>
        {
            await client.BeginAsync();
            Assert.That(await client.SayAsync(Header + "\r\n" + new string('x', 500) + "\r\n" + new string('y', 500) + "\r\n.\r\n"), Does.StartWith("552"));
            await client.SayAsync("QUIT\r\n");
        });
        Assert.That(line, Does.StartWith("message refused - 552 5.3.4 Message is larger than 1000 octets; ").And.EndWith(Behind[2..]));
    }

    [Test]
    public async Task A_client_that_leaves_in_the_middle_of_its_message([Values] bool inHeader)
    {
        var line = await LineAsync(r => r, async (client, _, _) =>
        {
            await client.BeginAsync();
            await client.SendAsync(Header + (inHeader ? "" : "\r\nx\r\n"));
        });
        Assert.That(line, Is.EqualTo("client left - in the middle of a message" + Seen + Behind));
    }

    [Test]
    public async Task A_relay_that_is_lost_in_the_middle_of_a_message()
    {
        using var relay = new TcpRelay { DiesAfter = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n".Length };
        var line = await LineAsync(r => r, async (client, _, _) =>
        {
            await client.BeginAsync();
            Assert.That(await client.SayAsync(Header + "\r\n.\r\n"), Does.StartWith("421"));
        }, relay);
        Assert.That(line, Does.StartWith("connection ended - 421 4.4.2 Next hop closed the connection; ").And.EndWith(Behind[2..]));
    }

    [Test]
    public async Task A_command_that_cannot_pass_is_told_once_and_counted()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        using (var client = await Client.ConnectAsync(proxy.Address))
        {
            await client.ReplyAsync();
            await client.SayAsync("BURL imap://secret LAST\r\n");
            await client.SayAsync("STARTTLS\r\n");
            await client.SayAsync(new string('x', 20_000) + "\r\n");
            await client.SayAsync("QUIT\r\n");
        }

        await Tools.Eventually(() => proxy.Reports.Count == 2, "there are two lines");
        Assert.That(proxy.Reports, Is.EqualTo(new[]
        {
            "command refused - 502 5.5.1 Command not implemented (BURL); client=<127.0.0.1>",
            "3 commands refused in one connection; client=<127.0.0.1>",
        }));
    }

    [Test]
    public async Task A_next_hop_that_is_away()
    {
        var relay = new TcpRelay();
        relay.Dispose();
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        Assert.That(await client.RestAsync(), Does.StartWith("421 "));
        Assert.That(proxy.Reports, Has.Count.EqualTo(1));
        Assert.That(proxy.Reports[0], Does.StartWith("no connection to the next hop: ").And.EndWith(
            "reply=<421 Internal error (Next hop is down)>"));
    }

    [Test]
    public async Task A_client_that_is_silent_and_one_that_drips()
    {
        var pace = new DataPace(grace: 1, floor: 6000, longest: 60);
        Relaying Hasty(Relaying relaying) => relaying with
        {
            Patience = relaying.Patience with { Client = TimeSpan.FromSeconds(2), Pace = pace },
        };
        var drips = await LineAsync(Hasty, async (client, _, proxy) =>
        {
            await client.BeginAsync();
            await client.SendAsync(Header + "\r\n");
            var rest = client.RestAsync();
            while (!rest.IsCompleted)
            {
                await client.SendAsync("x");
                proxy.Advance(TimeSpan.FromSeconds(0.1));
                await Task.WhenAny(rest, Task.Delay(1));
            }

            Assert.That(await rest, Does.StartWith("421 4.4.2 Message comes too slowly"));
        });
        Assert.That(drips, Does.StartWith("connection ended - 421 4.4.2 Message comes too slowly" + Seen));
        var silent = await LineAsync(Hasty, async (client, _, proxy) =>
        {
            await client.ReplyAsync();
            await proxy.RestAsync(client);
        });
        Assert.That(silent, Does.StartWith("connection ended - 421 4.4.2 Idle for too long; client="));
    }

    [Test]
    public async Task What_happens_after_a_message_is_not_told_of_it()
    {
        var line = await LineAsync(r => r, async (client, _, proxy) =>
        {
            await client.BeginAsync();
            Assert.That(await client.SayAsync(Header + "\r\nx\r\n.\r\n"), Does.StartWith("250"));
            await proxy.RestAsync(client);
        });
        Assert.That(line, Is.EqualTo("connection ended - 421 4.4.2 Idle for too long; client=<127.0.0.1>"));
    }

    [Test]
    public async Task The_total_of_a_message_ends_it_however_fast_it_comes()
    {
        var pace = new DataPace(grace: 1, floor: 60, longest: 2);
        var line = await LineAsync(
            relaying => relaying with { Patience = relaying.Patience with { Pace = pace } },
            async (client, _, proxy) =>
            {
                await client.BeginAsync();
                var rest = client.RestAsync();
                while (!rest.IsCompleted)
                {
                    await client.SendAsync(new string('x', 500) + "\r\n");
                    proxy.Advance(TimeSpan.FromSeconds(0.02));
                    await Task.WhenAny(rest, Task.Delay(1));
                }

                Assert.That(await rest, Does.StartWith("421 4.4.2 Message comes too slowly"));
            });
        Assert.That(line, Does.Contain("too slowly"));
    }

    [Test]
    public async Task In_JSON_the_fields_stand_by_themselves()
    {
        using var scratch = new Scratch();
        Keys.Make(scratch);
        using var relay = new TcpRelay();
        using var proxy = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", [.. Keys.Signing, "--log_format=json", "--bare_newlines=reject", "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        using (var client = await Client.ConnectAsync(proxy.Addresses[0]))
        {
            await client.ReplyAsync();
            foreach (var command in new[] { "EHLO c", "XFORWARD ADDR=192.0.2.7 IDENT=4XYZ", "MAIL FROM:<joe@example.org>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "DATA" })
                await client.SayAsync(command + "\r\n");
            Assert.That(await client.SayAsync(Header + "\r\nx\r\n.\r\n"), Does.StartWith("250"));
            foreach (var command in new[] { "MAIL FROM:<joe@example.org>", "RCPT TO:<c@d>", "DATA" })
                await client.SayAsync(command + "\r\n");
            Assert.That(await client.SayAsync(Header + "\r\nx\ny\r\n.\r\n"), Does.StartWith("550"));
        }

        await proxy.SaysAsync("message refused");
        var lines = proxy.Log.Split('\n').Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement).ToArray();
        var signed = lines.Single(l => l.GetProperty("text").GetString()!.StartsWith("DKIM signing - signed; ", StringComparison.Ordinal));
        Assert.That(signed.EnumerateObject().Select(f => f.Name), Is.EqualTo(new[]
        {
            "time", "level", "program", "pid", "text",
            "id", "client", "sender", "recipients", "domain", "selector", "algorithm", "result", "message_id",
        }));
        Assert.That(signed.GetProperty("id").GetString(), Is.EqualTo("4XYZ"));
        Assert.That(signed.GetProperty("recipients").EnumerateArray().Select(r => r.GetString()), Is.EqualTo(new[] { "c@d", "e@f" }));
        var refused = lines.Single(l => l.TryGetProperty("result", out var result) && result.GetString() == "refused");
        Assert.That(refused.GetProperty("reply").GetString(), Does.StartWith("550 5.5.2 "));
        Assert.That(refused.GetProperty("client").GetString(), Is.EqualTo("127.0.0.1"));
        Assert.That(refused.TryGetProperty("id", out _), Is.False, "it was of the message before");
    }
}
