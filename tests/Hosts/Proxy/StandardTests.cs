using System.Diagnostics;
using Dkim.ProxyHost.Dialogue;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>What SMTP and its extensions ask of a proxy between two servers (RFC 5321, RFC 6152, RFC 6531).</summary>
public sealed class StandardTests
{
    private const string Text = "Subject: x\r\n\r\nx\r\n";

    [Test]
    [Category("RFC5321-3.2-1")]
    public void HELO_stays_HELO_and_its_answer_is_one_line()
    {
        var talk = new Conversation();
        talk.Relay.Replies["HELO"] = "250 relay.example\r\n";
        talk.Relay.Replies["EHLO"] = "250-relay.example\r\n250 SIZE\r\n";
        talk.Told();
        Assert.That(talk.FromClient("helo c\r\n").Told(), Is.EqualTo("250 relay.example\r\n"));
        Assert.That(talk.Relay.Commands, Is.EqualTo(new[] { "helo c" }));
    }

    [TestCase("mail from:<Ada.LOVE@Example.ORG>", "rcpt to:<\"Bob B\"@Example.NET>")]
    [TestCase("MaIl FrOm:<a+B@c> BODY=8bitmime", "RcPt tO:<X@y>")]
    [Category("RFC5321-2.4-1")]
    public void Verbs_in_any_case_pass_and_addresses_keep_theirs(string sender, string recipient)
    {
        var talk = new Conversation().FromClient($"EHLO c\r\n{sender}\r\n{recipient}\r\ndAtA\r\n" + Text + ".\r\nqUiT\r\n");
        Assert.That(talk.Relay.Commands, Is.EqualTo(new[] { "EHLO c", sender, recipient, "dAtA", "qUiT" }));
        Assert.That(talk.Relay.Messages, Has.Count.EqualTo(1));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [TestCase("8BITMIME")]
    [TestCase("SMTPUTF8")]
    [TestCase("DSN")]
    [TestCase("SIZE 1000")]
    [TestCase("AUTH PLAIN LOGIN")]
    [TestCase("XFORWARD NAME ADDR")]
    [TestCase("XCLIENT NAME")]
    [Category("RFC6152-2-1")]
    [Category("RFC6531-3-1")]
    [Category("RFC5321-2.4-2")]
    public void An_extension_is_offered_where_the_next_hop_offers_it_and_nowhere_else(string keyword)
    {
        var talk = new Conversation();
        talk.Relay.Replies["EHLO"] = $"250-r\r\n250-{keyword}\r\n250 HELP\r\n";
        talk.Told();
        Assert.That(talk.FromClient("EHLO c\r\n").Told(), Does.Contain($"250-{keyword}\r\n"));
        talk.Relay.Replies["EHLO"] = "250-r\r\n250 HELP\r\n";
        Assert.That(talk.FromClient("EHLO c\r\n").Told(), Is.EqualTo("250-r\r\n250 HELP\r\n"));
    }

    [Test]
    [Category("RFC6531-3-1")]
    public void An_envelope_in_UTF_8_passes_octet_for_octet()
    {
        const string sender = "MAIL FROM:<j\u00c3\u00bcrgen@b\u00c3\u00bccher.example> SMTPUTF8 BODY=8BITMIME";
        const string recipient = "RCPT TO:<\u00e4\u00b8\u00ad@example.net> ORCPT=utf-8;\u00e4\u00b8\u00ad@example.net";
        var talk = new Conversation().FromClient($"EHLO c\r\n{sender}\r\n{recipient}\r\n");
        Assert.That(talk.Relay.Commands, Is.EqualTo(new[] { "EHLO c", sender, recipient }));
    }

    [Test]
    [Category("RFC5321-4.5.3.1-1")]
    public void What_every_server_must_take_passes()
    {
        var local = new string('l', 64);
        var domain = string.Concat(Enumerable.Repeat("d123456789.", 16)) + new string('d', 15);
        var path = $"<{local}@{domain}>";
        Assert.That(path, Has.Length.EqualTo(258));
        var recipients = Enumerable.Range(0, 100).Select(n => $"RCPT TO:<r{n}@{domain}>").ToArray();
        var text = "Subject: x\r\n\r\n" + string.Concat(Enumerable.Repeat(new string('t', 998) + "\r\n", 66));
        var reply = "250 " + new string('r', 506) + "\r\n";
        var talk = new Conversation();
        talk.Relay.Replies["NOOP"] = reply;
        talk.Told();
        Assert.That(talk.FromClient("NOOP " + new string('n', 505) + "\r\n").Told(), Is.EqualTo(reply));
        var host = string.Concat(Enumerable.Repeat("d123456789.", 22)) + new string('d', 13);
        Assert.That(host, Has.Length.EqualTo(255));
        talk.FromClient($"EHLO {host}\r\nMAIL FROM:{path}\r\n" + string.Join("\r\n", recipients) + "\r\nDATA\r\n" + text + ".\r\n");
        Assert.That(talk.Relay.Commands, Is.SupersetOf(new[] { $"EHLO {host}", $"MAIL FROM:{path}" }));
        Assert.That(talk.Relay.Commands.Where(c => c.StartsWith("RCPT", StringComparison.Ordinal)), Is.EqualTo(recipients));
        Assert.That(talk.Relay.Messages, Is.EqualTo(new[] { Conversation.Added + text }));
    }

    [Test]
    [Category("RFC5321-6.1-2")]
    public async Task The_final_dot_is_answered_without_delay()
    {
        using var relay = new TcpRelay();
        await using var proxy = new ProxyUnderTest(relay.Port);
        var times = new List<double>();
        for (var i = 0; i < 21; i++)
        {
            using var client = await Client.ConnectAsync(proxy.Address);
            await client.BeginAsync();
            await client.SendAsync(Text);
            var start = Stopwatch.GetTimestamp();
            Assert.That(await client.SayAsync(".\r\n"), Does.StartWith("250 "));
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        // Nagle's algorithm against a delayed acknowledgement would cost 40 ms, a poll by the clock more.
        Assert.That(times.Order().ElementAt(times.Count / 2), Is.LessThan(35));
    }
}
