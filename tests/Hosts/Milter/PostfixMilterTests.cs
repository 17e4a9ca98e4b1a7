using System.Net;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What only Postfix has: versions of the protocol to choose from, mail that did not come by SMTP, SMTPUTF8,
/// and a queue to lose nothing from when the filter dies.</summary>
internal sealed class PostfixMilterTests
{
    private static readonly string[] Signer =
        ["Mode s", "Domain example.org,mx.example.net", "Selector sel", "KeyFile key.pem"];

    private readonly string milter = $"inet:{Tools.FreePort()}@127.0.0.1";
    private readonly string verifier = $"inet:{Tools.FreePort()}@127.0.0.1";
    private Scratch scratch = null!;
    private MailSink sink = null!;
    private PostfixServer server = null!;
    private Entrance[] entrances = null!;
    private Entrance verifying = null!;

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
        File.AppendAllText(
            scratch.At("keys.txt"),
            File.ReadAllText(scratch.At("keys.txt")).Replace("example.org", "mx.example.net", StringComparison.Ordinal));
        sink = new MailSink();
        entrances =
            [new(milter) { Protocol = 2 }, new(milter) { Protocol = 3 }, new(milter) { Protocol = 4 }, new(milter)];
        verifying = new Entrance(verifier);
        server = new PostfixServer(
            scratch, sink.Port, [.. entrances, verifying],
            $"""
            non_smtpd_milters = {PostfixServer.Name(milter)}
            internal_mail_filter_classes = bounce
            milter_default_action = tempfail
            smtputf8_enable = yes
            default_process_limit = 30
            """);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        server?.Dispose();
        sink?.Dispose();
        scratch?.Dispose();
    }

    private static string Message(string id, string header = "", string body = "One line.\r\n.two\r\n") =>
        $"From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n"
        + $"Subject: none\r\n{header}\r\n{body}";

    [TestCase(0, TestName = "Protocol 2")]
    [TestCase(1, TestName = "Protocol 3")]
    [TestCase(2, TestName = "Protocol 4")]
    [TestCase(3, TestName = "Protocol 6")]
    public async Task Every_version_of_the_protocol_gives_a_signature_that_verifies(int entrance)
    {
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        // Before version 6 a milter is not told of the blank after the colon, and mail without one cannot be signed.
        var odd = entrances[entrance].Protocol == 6 ? "MIME-Version:1.0\r\nIn-Reply-To:  <a@b>\r\n" : "";
        var text = Message($"protocol{entrance}", $"{odd}References: <a@b>\r\n\t<c@d>\r\n");
        Assert.That(await Submission.SendAsync(entrances[entrance].Port, text), Does.StartWith("250"));
        var signed = await sink.WaitAsync(text);
        Assert.That(signed.Named("DKIM-Signature").Count(), Is.EqualTo(1));
        await VerifiesAsync(signed);
    }

    [Test]
    public async Task Mail_of_a_local_program_is_signed()
    {
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        var text = Message("pickup");
        var file = scratch.Write("pickup.eml", text.Replace("\r\n", "\n", StringComparison.Ordinal));
        Tools.Run("/", "/bin/sh", "-c", $"/usr/sbin/sendmail -C {scratch.At("etc")} -i -f joe@example.org b@example.com < {file}");
        var signed = await sink.WaitAsync("Message-ID: <pickup@example.org>" + text.Split("<pickup@example.org>")[1]);
        await VerifiesAsync(signed);
    }

    [Test]
    public async Task A_bounce_is_signed_as_mail_of_the_mail_server()
    {
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        var text = Message("bounced");
        var before = sink.Count;
        Assert.That(
            await Submission.SendAsync(entrances[3].Port, text, to: $"<{MailSink.Unknown}@example.com>"), Does.StartWith("250"));
        await Tools.Eventually(() => sink.Messages.Skip(before).Any(IsBounce), "the bounce arrives");
        var bounce = sink.Messages.Skip(before).First(IsBounce);
        Assert.That(bounce.Named("DKIM-Signature").Single(), Does.Contain("d=mx.example.net;"));
        await VerifiesAsync(bounce);

        static bool IsBounce(Arrived message) => message.Text.Contains("<MAILER-DAEMON@mx.example.net>\r\n", StringComparison.Ordinal);
    }

    [Test]
    public async Task Internationalized_mail_is_signed_and_passes_as_it_is()
    {
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        var text = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(
            "From: J\u00fcrgen <j\u00fcrgen@example.org>\r\nTo: \u8001\u5e2b@example.com\r\nSubject: \u30c6\u30b9\u30c8\r\n"
            + "Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <utf8@example.org>\r\n\r\nGr\u00fc\u00dfe.\r\n"));
        var sender = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes("<j\u00fcrgen@example.org> BODY=8BITMIME SMTPUTF8"));
        Assert.That(await Submission.SendAsync(entrances[3].Port, text, sender), Does.StartWith("250"));
        var signed = await sink.WaitAsync(text);
        Assert.That(signed.From, Does.Contain("SMTPUTF8"));
        await VerifiesAsync(signed, "<b@example.org> BODY=8BITMIME SMTPUTF8");
    }

    [Test]
    public async Task Mail_with_a_bad_signature_goes_to_the_address_that_the_filter_names()
    {
        using var signer = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        var text = Message("redirected");
        Assert.That(await Submission.SendAsync(entrances[3].Port, text), Does.StartWith("250"));
        var signed = await sink.WaitAsync(text);
        scratch.Write(
            "redirecting.conf",
            $"Mode v\nTestPublicKeys {scratch.At("keys.txt")}\nRedirectFailuresTo postmaster@example.net\nSyslog no\n");
        using var filter = FilterProcess.StartOpenDkim(
            scratch, verifier, "-f", "-x", scratch.At("redirecting.conf"), "-p", verifier);
        var altered = signed.Text + "One more.\r\n";
        Assert.That(
            await Submission.SendAsync(verifying.Port, altered, "<b@example.org>", "<ann@example.com>"), Does.StartWith("250"));
        var redirected = await sink.WaitAsync(altered);
        Assert.That(redirected.To, Does.Contain("<postmaster@example.net>").And.Not.Contain("ann@example.com"));
        Assert.That(redirected.Named("Original-Recipient"), Is.EqualTo(new[] { "Original-Recipient: rfc822;ann@example.com\r\n" }));
        Assert.That(await Submission.SendAsync(verifying.Port, signed.Text, "<b@example.org>", "<ann@example.com>"), Does.StartWith("250"));
        Assert.That((await sink.WaitAsync(signed.Text, sink.Messages.ToList().IndexOf(redirected))).To, Does.Contain("<ann@example.com>"));
    }

    [Test]
    public async Task The_filter_dies_again_and_again_and_every_message_arrives_as_often_as_it_was_accepted_and_signed()
    {
        const int Messages = 5000, Sessions = 20;
        var accepted = new bool[Messages];
        var next = -1;
        var before = sink.Count;
        using var stop = new CancellationTokenSource();
        var dying = DieAsync(() => Volatile.Read(ref next), Messages, stop.Token);
        await Task.WhenAll(Enumerable.Range(0, Sessions).Select(_ => Task.Run(async () =>
        {
            for (int number; (number = Interlocked.Increment(ref next)) < Messages;)
            {
                while (!(accepted[number] = (await SendOnceAsync(number)).StartsWith("250", StringComparison.Ordinal)))
                {
                    await Task.Delay(50);
                }
            }
        })));
        await stop.CancelAsync();
        var deaths = await dying;
        Assert.That(deaths, Is.GreaterThanOrEqualTo(3), "the filter died while mail was on its way");
        await Tools.Eventually(() => sink.Count >= before + Messages, $"{Messages} messages arrive", 180);
        await Task.Delay(1000);
        var arrived = sink.Messages.Skip(before).Where(message => message.Text.Contains("<killed", StringComparison.Ordinal)).ToArray();
        Assert.That(arrived, Has.Length.EqualTo(Messages));
        Assert.That(
            arrived.Select(message => message.Named("Message-ID").Single()).Distinct().Count(), Is.EqualTo(Messages), "each of them once");
        Assert.That(arrived.Select(message => message.Named("DKIM-Signature").Count()), Is.All.EqualTo(1));
        foreach (var message in arrived.Where((_, index) => index % 1000 == 0))
        {
            await VerifiesAsync(message);
        }
    }

    // One message in one session: the last reply, empty where the connection was lost.
    private async Task<string> SendOnceAsync(int number)
    {
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, entrances[3].Port));
        if (await client.ReplyAsync() is not ['2', ..] || await client.SayAsync("EHLO client.example.org\r\n") is not ['2', ..])
        {
            return "";
        }

        return await Submission.SendAsync(client, Message($"killed{number}"), "<joe@example.org>", "<b@example.com>");
    }

    // Kills the filter each time that another part of the messages is on its way, and starts it again.
    private async Task<int> DieAsync(Func<int> sent, int messages, CancellationToken over)
    {
        var deaths = 0;
        var filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
        try
        {
            for (var mark = messages / 6; mark < messages; mark += messages / 6)
            {
                while (sent() < mark && !over.IsCancellationRequested)
                {
                    await Task.Delay(5, CancellationToken.None);
                }

                if (over.IsCancellationRequested)
                {
                    break;
                }

                filter.Signal("KILL");
                filter.Dispose();
                deaths++;
                await Task.Delay(200, CancellationToken.None);
                filter = FilterProcess.Start(scratch, FilterProcess.Own, milter, Signer);
            }

            while (!over.IsCancellationRequested)
            {
                await Task.Delay(20, CancellationToken.None);
            }

            return deaths;
        }
        finally
        {
            filter.Dispose();
        }
    }

    // OpenDKIM and ours both find the signature good.
    private async Task VerifiesAsync(Arrived signed, string from = "<b@example.org> BODY=8BITMIME")
    {
        foreach (var program in new[] { FilterProcess.OpenDkim, FilterProcess.Own })
        {
            using var filter = FilterProcess.Start(
                scratch, program, verifier, "Mode v", "TestPublicKeys keys.txt", "AuthservID mx.example.com");
            var before = sink.Count;
            Assert.That(await Submission.SendAsync(verifying.Port, signed.Text, from), Does.StartWith("250"));
            var verified = await sink.WaitAsync(signed.Text, before);
            Assert.That(verified.Named("Authentication-Results").First(), Does.Contain("dkim=pass"));
        }
    }
}
