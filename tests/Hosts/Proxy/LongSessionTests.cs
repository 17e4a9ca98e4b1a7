using System.Net.Sockets;
using System.Text;
using Dkim.Core.Programs.Proxies.Smtp;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>What one message of a session leaves to the next, and how sessions end that stand still.</summary>
public sealed class LongSessionTests
{
    private const string Text = "Subject: x\r\n\r\nx\r\n";

    [Test]
    public async Task Each_message_has_its_own_time()
    {
        var pace = new DataPace(grace: 10, floor: 6000, longest: 60);
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port, r => r with
        {
            Patience = r.Patience with { Client = TimeSpan.FromHours(1), Pace = pace },
        });
        using var client = await Client.ConnectAsync(proxy.Address);
        await client.BeginAsync();
        for (var count = 1; count <= 3; count++)
        {
            await client.SendAsync(Text);
            await Tools.Eventually(() => proxy.Fed == Text.Length * count, "it comes");
            proxy.Advance(TimeSpan.FromSeconds(9));
            Assert.That(await client.SayAsync(".\r\n"), Is.EqualTo("250 2.0.0 queued\r\n"));
            proxy.Advance(TimeSpan.FromMinutes(5));
            await client.EnvelopeAsync();
        }
    }

    // Nothing moves the clock: what ends the session is the word alone.
    [Test]
    public async Task A_client_that_takes_no_replies_does_not_hold_up_the_end()
    {
        using var relay = new TcpRelay(() =>
        {
            var script = new ScriptedRelay();
            script.Replies["HELP"] = string.Concat(Enumerable.Repeat("214-" + new string('h', 400) + "\r\n", 150)) + "214 end\r\n";
            return script;
        });
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        var sent = client.SendAsync(string.Concat(Enumerable.Repeat("HELP\r\n", 100_000)));
        await StandsStillAsync(() => relay.Sessions is [var session] ? session.Commands.Count : 0);
        proxy.Stop(now: true);
        await Tools.Eventually(() => relay.Sessions is [{ Ended: true }], "the session has ended", 30);
        client.Dispose();
        await sent;
    }

    [Test]
    public async Task Last_words_reach_a_client_of_which_much_is_unread()
    {
        const string Greets = "EHLO c\r\n";
        using var relay = new TcpRelay { SilentAfter = Greets.Length };
        await using var proxy = new ProxyUnderTest(relay.Port);
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(proxy.Address);
        await client.SendAsync(Encoding.Latin1.GetBytes(Greets + string.Concat(Enumerable.Repeat("NOOP\r\n", 10_000))));
        client.Shutdown(SocketShutdown.Send);
        var heard = HearAsync(client);
        await proxy.PassAsync(heard);
        Assert.That(await heard, Does.Match("^220 [^\r]*\r\n421 4[.]4[.]2 [^\r]*\r\n$"));
    }

    private static async Task StandsStillAsync(Func<int> count)
    {
        for (var before = -1; before != count() || before == 0;)
        {
            before = count();
            await Task.Delay(500);
        }
    }

    // Everything up to an orderly end; a connection that is reset instead fails the test.
    private static async Task<string> HearAsync(Socket client)
    {
        var heard = new StringBuilder();
        var buffer = new byte[4096];
        for (int count; (count = await client.ReceiveAsync(buffer)) > 0;)
            heard.Append(Encoding.Latin1.GetString(buffer, 0, count));
        return heard.ToString();
    }
}
