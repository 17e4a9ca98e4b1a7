using Dkim.Core.Programs.Proxies.Shared;
using System.Net;
using Dkim.Core.Programs.Running;
using Dkim.ProxyHost.Dialogue;
using Dkim.ProxyHost.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>LMTP through the proxies (RFC 2033): one reply for each accepted recipient, one to one.</summary>
public sealed class LmtpTests
{
    private const string Text = "From: joe@example.org\r\nSubject: x\r\n\r\nx\r\n.\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    private static TcpRelay<LmtpRelay> Server() => new(() => new LmtpRelay());

    private static List<(string Recipient, string Message)> Delivered(TcpRelay<LmtpRelay> server) =>
        [.. server.Sessions.SelectMany(session => session.Delivered)];

    // Greets and sends an envelope at once, as LMTP clients may.
    private static async Task BeginAsync(Client client, params string[] recipients)
    {
        await client.ReplyAsync();
        Assert.That(await client.SayAsync("LHLO c\r\n"), Does.StartWith("250-lmtp.example\r\n250-PIPELINING"));
        await EnvelopeAsync(client, recipients);
    }

    private static async Task EnvelopeAsync(Client client, string[] recipients)
    {
        await client.SendAsync(
            "MAIL FROM:<joe@example.org>\r\n" + string.Concat(recipients.Select(r => $"RCPT TO:<{r}>\r\n")) + "DATA\r\n");
        Assert.That(await client.ReplyAsync(), Does.StartWith("250"));
        foreach (var recipient in recipients)
            Assert.That(await client.ReplyAsync(), Does.StartWith(recipient.StartsWith("unknown") ? "550" : "250"));
    }

    [Test]
    public async Task Each_accepted_recipient_gets_its_own_reply_and_one_copy()
    {
        using var server = Server();
        await using var proxy = new ProxyUnderTest(server.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        for (var round = 1; round <= 2; round++)
        {
            string[] recipients = ["a@d", "unknown@d", "full@d", "busy@d", "b@d"];
            await (round == 1 ? BeginAsync(client, recipients) : EnvelopeAsync(client, recipients));
            Assert.That(await client.ReplyAsync(), Does.StartWith("354"));
            await client.SendAsync(Text);
            Assert.That(await client.ReplyAsync(), Is.EqualTo("250 2.0.0 <a@d> saved\r\n"));
            Assert.That(await client.ReplyAsync(), Is.EqualTo("552 5.2.2 <full@d> over quota\r\n"));
            Assert.That(await client.ReplyAsync(), Is.EqualTo("450-4.2.1 <busy@d>\r\n450 4.2.1 is busy\r\n"));
            Assert.That(await client.ReplyAsync(), Is.EqualTo("250 2.0.0 <b@d> saved\r\n"));
            Assert.That(Delivered(server).Count(d => d.Message.StartsWith(Conversation.Added)), Is.EqualTo(2 * round));
        }

        Assert.That(await client.SayAsync("QUIT\r\n"), Does.StartWith("221"));
    }

    [Test]
    public async Task With_no_recipient_there_is_no_message()
    {
        using var server = Server();
        await using var proxy = new ProxyUnderTest(server.Port);
        using var client = await Client.ConnectAsync(proxy.Address);
        await BeginAsync(client, "unknown@d");
        Assert.That(await client.ReplyAsync(), Does.StartWith("503"));
        await EnvelopeAsync(client, ["a@d"]);
        Assert.That(await client.ReplyAsync(), Does.StartWith("354"));
        Assert.That(await client.SayAsync(Text), Does.StartWith("250"));
    }

    [Test]
    public async Task Our_own_refusal_is_said_for_each_recipient()
    {
        using var server = Server();
        await using var proxy = new ProxyUnderTest(server.Port, decide: _ => ProxyDisposition.NewRefuse(550, "5.7.1 no"));
        using var client = await Client.ConnectAsync(proxy.Address);
        await BeginAsync(client, "a@d", "unknown@d", "b@d");
        await client.ReplyAsync();
        await client.SendAsync(Text);
        Assert.That(await client.ReplyAsync(), Is.EqualTo("550 5.7.1 no\r\n"));
        Assert.That(await client.ReplyAsync(), Is.EqualTo("550 5.7.1 no\r\n"));
        Assert.That(await client.SayAsync("QUIT\r\n"), Does.StartWith("221"));
        Assert.That(Delivered(server), Is.Empty);
    }

    [Test]
    public void A_relay_that_wants_a_message_for_nobody_is_left()
    {
        var talk = new Conversation();
        talk.Relay.Replies["RCPT"] = "550 no\r\n";
        talk.FromClient("LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n").Told();
        Assert.That(talk.FromClient("DATA\r\n").Told(), Does.StartWith("421 4.4.2 "));
    }

    [Test]
    public void A_relay_that_gives_up_between_replies_leaves_the_others_to_be_sent_again()
    {
        var talk = new Conversation();
        talk.Relay.Replies["."] = "250 one\r\n421 two\r\n";
        talk.FromClient("LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nRCPT TO:<g@h>\r\nDATA\r\n").Told();
        Assert.That(talk.FromClient(Text).Told(), Is.EqualTo("250 one\r\n421 two\r\n"));
        Assert.That(talk.Dialogue.Phase, Is.EqualTo(Phase.Closed));
    }

    [Test]
    public void What_cannot_pass_is_not_offered_in_the_reply_to_LHLO()
    {
        var talk = new Conversation();
        talk.Relay.Replies["LHLO"] = "250-lmtp.example\r\n250-STARTTLS\r\n250-SIZE\r\n250 CHUNKING\r\n";
        talk.Told();
        Assert.That(talk.FromClient("LHLO c\r\n").Told(), Is.EqualTo("250-lmtp.example\r\n250 SIZE\r\n"));
    }

    [Test]
    public void After_EHLO_there_is_one_reply_again()
    {
        var talk = new Conversation();
        talk.FromClient("LHLO c\r\nEHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n").Told();
        Assert.That(talk.FromClient(Text + "NOOP\r\n").Told(), Is.EqualTo("250 2.0.0 queued\r\n250 NOOP ok\r\n"));
    }

    [Test]
    public async Task Postfix_delivers_by_LMTP_through_either_proxy([Values("dkimproxy.out", "dkimproxy.in")] string name)
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        using var server = Server();
        using var proxy = await ProxyProcess.StartAsync(
            scratch,
            name,
            [.. name == "dkimproxy.out" ? Keys.Signing : Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{server.Port}"]);
        int entry = Tools.FreePort();
        using var postfix = new Postfix(
            scratch,
            $"127.0.0.1:{entry} inet n - n - - smtpd\nlmtp unix - - n - - lmtp",
            server.Port,
            $"""
            default_transport = lmtp:inet:127.0.0.1:{((IPEndPoint)proxy.Addresses[0]).Port}
            relayhost =
            lmtp_destination_recipient_limit = 50
            """);
        await Tools.Eventually(() => PostfixTests.Answers(entry), "Postfix answers");
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, entry));
        await client.ReplyAsync();
        string[] recipients = ["a@example.com", "b@example.com", "unknown@example.com", "full@example.com", "busy@example.com", "c@example.com"];
        await client.SayAsync("EHLO c\r\n");
        await client.SayAsync("MAIL FROM:<>\r\n");
        foreach (var recipient in recipients)
            Assert.That(await client.SayAsync($"RCPT TO:<{recipient}>\r\n"), Does.StartWith("250"));
        await client.SayAsync("DATA\r\n");
        Assert.That(await client.SayAsync(Text), Does.StartWith("250"));
        string Status(string recipient, string status) => $"to=<{recipient}@example.com>.* status={status} ";
        foreach (var (recipient, status) in new[]
        {
            ("a", "sent"), ("b", "sent"), ("c", "sent"), ("unknown", "bounced"), ("full", "bounced"), ("busy", "deferred"),
        })
        {
            await Tools.Eventually(
                () => System.Text.RegularExpressions.Regex.IsMatch(
                    File.ReadAllText(scratch.At("postfix.log")), Status(recipient, status)),
                $"{recipient} is {status}",
                60);
        }

        Assert.That(Delivered(server).Select(d => d.Recipient), Is.EquivalentTo(
            new[] { "a@example.com", "b@example.com", "c@example.com" }), "one copy each");
        var top = name == "dkimproxy.out" ? "DKIM-Signature: " : "Authentication-Results: mx.example.net; dkim=none";
        Assert.That(Delivered(server).Select(d => d.Message), Has.All.StartsWith(top));
        await proxy.SaysAsync(
            "sender=<>, recipients=<a@example.com,b@example.com,busy@example.com,c@example.com,full@example.com>");
    }
}
