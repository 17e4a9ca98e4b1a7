using System.Net;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What Postfix does after its milters have seen a message: changes that break a signature, and a content filter
/// that brings mail of strangers back from the loopback, as docs/milter.md has them.</summary>
[CancelAfter(120_000)]
internal sealed class AfterTheFilterTests
{
    private static readonly string[] Signer = ["Mode s", "Domain example.org", "Selector sel", "KeyFile key.pem"];

    private readonly string milter = $"inet:{Tools.FreePort()}@127.0.0.1";
    private Scratch scratch = null!;
    private MailSink sink = null!;

    [SetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
        sink = new MailSink();
    }

    [TearDown]
    public void Stop()
    {
        sink.Dispose();
        scratch.Dispose();
    }

    [TestCase("", "Subject: plain\r\n", "One line.\r\n", true)]
    [TestCase("", "Subject: plain\r\n", "LONG\r\n", false)]
    [TestCase("smtp_line_length_limit = 0", "Subject: plain\r\n", "LONG\r\n", true)]
    [TestCase("smtp_header_checks = regexp:{HeaderChecks}", "Subject: plain\r\n", "One line.\r\n", false)]
    [TestCase("header_checks = regexp:{HeaderChecks}", "Subject: plain\r\n", "One line.\r\n", true)]
    [TestCase("smtp_generic_maps = regexp:{Generic}", "Subject: plain\r\n", "One line.\r\n", false)]
    [TestCase("sender_canonical_maps = regexp:{Generic}\nlocal_header_rewrite_clients = permit_mynetworks", "Subject: plain\r\n", "One line.\r\n", true)]
    public async Task A_signature_holds_or_not(string settings, string header, string body, bool holds)
    {
        var checks = scratch.Write("header_checks", "/^Subject: plain/ REPLACE Subject: other\n");
        var generic = scratch.Write("generic", "/^joe@example.org$/ joseph@example.org\n");
        settings = settings.Replace("{HeaderChecks}", checks, StringComparison.Ordinal).Replace("{Generic}", generic, StringComparison.Ordinal);
        var entrance = new Entrance(milter);
        using var server = new PostfixServer(scratch, sink.Port, [entrance], settings + "\n");
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        var text = Text("after", header, body.Replace("LONG", new string('x', 1200), StringComparison.Ordinal));
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        var arrived = await ArrivedAsync("after");
        Assert.That(arrived.Named("DKIM-Signature").Count(), Is.EqualTo(1));
        Assert.That(Judge.IsGood(scratch, arrived.Text), Is.EqualTo(holds), arrived.Text);
    }

    // The content filter of this test changes nothing: it hands all mail back at once.
    [TestCase("smtpd_milters=", false)]
    [TestCase("smtpd_authorized_verp_clients=", true)]
    public async Task Mail_of_strangers_that_a_content_filter_brings_back_is_not_signed(string option, bool forgerySigned)
    {
        var back = new Entrance(milter) { Options = [option, "content_filter=", "myhostname=localhost"] };
        string[] filtered = [$"content_filter=smtp:[127.0.0.1]:{back.Port}"];
        var own = new Entrance(milter) { Options = filtered };
        var outside = new Entrance(milter)
        {
            Options = [.. filtered, "smtpd_authorized_xclient_hosts=127.0.0.0/8", "smtpd_relay_restrictions=reject_unauth_destination"],
        };
        using var server = new PostfixServer(scratch, sink.Port, [back, own, outside], "relay_domains = example.com\nrelay_transport = smtp\n");
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        Assert.That(await Submission.SendAsync(own.Port, Text("own")), Does.StartWith("250"));
        var signed = await ArrivedAsync("own");
        Assert.That(signed.Named("DKIM-Signature").Count(), Is.EqualTo(forgerySigned ? 2 : 1), "own mail, at each of its entrances");
        Assert.That(Judge.IsGood(scratch, signed.Text), Is.True, signed.Text);

        await SendFromElsewhereAsync(outside.Port, Text("forged"));
        var forged = await ArrivedAsync("forged");
        Assert.That(forged.Named("DKIM-Signature").Any(), Is.EqualTo(forgerySigned), forged.Text);
    }

    private static string Text(string id, string header = "", string body = "One line.\r\n") =>
        "From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        + $"Message-ID: <{id}@example.org>\r\n{header}\r\n{body}";

    private static async Task SendFromElsewhereAsync(int port, string text)
    {
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        Assert.That(await client.ReplyAsync(), Does.StartWith("220"));
        foreach (var (said, reply) in ((string, string)[])[
            ("EHLO a.example", "250"), ("XCLIENT ADDR=203.0.113.9 NAME=stranger.example", "220"), ("EHLO b.example", "250")])
        {
            Assert.That(await client.SayAsync(said + "\r\n"), Does.StartWith(reply));
        }

        Assert.That(
            await Submission.SendAsync(client, text, "<joe@example.org>", "<b@example.com>"), Does.StartWith("250"));
    }

    private async Task<Arrived> ArrivedAsync(string id)
    {
        bool Is(Arrived message) => message.Text.Contains($"<{id}@example.org>", StringComparison.Ordinal);
        await Tools.Eventually(() => sink.Messages.Any(Is), "it arrives", 30);
        return sink.Messages.First(Is);
    }
}
