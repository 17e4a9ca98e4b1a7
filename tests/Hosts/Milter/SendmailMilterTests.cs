using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Mail of local programs through a real Sendmail: it counts as mail of 127.0.0.1, whether or not the daemon
/// was told an address.</summary>
internal sealed class SendmailMilterTests
{
    private static readonly string[] signer =
        ["Mode s", "Domain example.org", "Selector sel", "KeyFile key.pem", "Syslog yes"];

    private readonly Entrance entrance = new($"inet:{Tools.FreePort()}@127.0.0.1");
    private readonly Entrance other = new($"inet:{Tools.FreePort()}@127.0.0.1");
    private Scratch scratch = null!;
    private MailSink sink = null!;
    private SendmailServer server = null!;
    private int number;

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        scratch = new Scratch();
        Keys.Make(scratch);
        sink = new MailSink();
        server = new SendmailServer(scratch, sink.Port, [entrance, other]);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        server?.Dispose();
        sink?.Dispose();
        scratch?.Dispose();
    }

    [TestCase(false, TestName = "Mail of the sendmail command is signed")]
    [TestCase(true, TestName = "Mail of sendmail -bs is signed")]
    public async Task Signed(bool bySmtp)
    {
        using var filter = FilterProcess.Start(scratch, FilterProcess.Own, entrance.Milter, signer);
        var arrived = await SubmitAsync($"signed{bySmtp}", bySmtp);
        Assert.That(arrived.Named("DKIM-Signature").Count(), Is.EqualTo(1), filter.Log);
    }

    [TestCase(false, TestName = "Mail of the sendmail command is not signed where 127.0.0.1 is a stranger")]
    [TestCase(true, TestName = "Mail of sendmail -bs is not signed where 127.0.0.1 is a stranger")]
    public async Task Not_signed(bool bySmtp)
    {
        scratch.Write("internal", "192.0.2.1\n");
        using var filter = FilterProcess.Start(
            scratch, FilterProcess.Own, entrance.Milter, [.. signer, $"InternalHosts {scratch.At("internal")}"]);
        var arrived = await SubmitAsync($"unsigned{bySmtp}", bySmtp);
        Assert.That(arrived.Named("DKIM-Signature"), Is.Empty);
        await Tools.Eventually(() => filter.Log.Contains("attempted to send as example.org"), "the log says so");
    }

    // MTA0 and MTA1 are the names of the two entrances; Sendmail's host name is none of them.
    [TestCase("dkim-filter", "MTA0", 0, true)]
    [TestCase("dkim-filter", "MTA0", 1, false)]
    [TestCase("dkim-filter", "mx.example.net", 0, false)]
    [TestCase("dk-filter", "MTA1", 1, true)]
    [TestCase("dk-filter", "MTA1", 0, false)]
    public async Task Mail_is_signed_by_the_entrance_that_it_came_in_by(string program, string name, int number, bool signed)
    {
        var by = number == 0 ? entrance : other;
        using var filter = SignerByEntrance.Start(scratch, program, by.Milter, name);
        Assert.That(await SignerByEntrance.IsSignedAsync(by, sink, $"{program}-{name}-{number}"), Is.EqualTo(signed));
    }

    // Sendmail writes address fields anew when it sends mail on, after its milters.
    [TestCase("From: joe@example.org\r\nTo: b@example.com, c@example.com", true)]
    [TestCase("From: Joe Doe <joe@example.org>\r\nTo: b@example.com", true)]
    [TestCase("From: \"Joe Q. Doe\" <joe@example.org>\r\nTo: b@example.com", true)]
    [TestCase("From: joe@example.org\r\nTo: b@example.com,c@example.com", false)]
    [TestCase("From: joe@example.org\r\nTo: b@example.com,\r\n c@example.com", true)]
    [TestCase("From: Joe Q. Doe <joe@example.org>\r\nTo: b@example.com", false)]
    [TestCase("From: joe@example.org\r\nTo: Ann <b@example.com>,Bob <c@example.com>", false)]
    public async Task A_relaxed_signature_holds_where_addresses_are_written_as_Sendmail_writes_them(string fields, bool holds)
    {
        using var filter = FilterProcess.Start(
            scratch, FilterProcess.Own, entrance.Milter, [.. signer, "Canonicalization relaxed/simple"]);
        var id = $"rewritten{Interlocked.Increment(ref number)}";
        var text = $"{fields}\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n"
            + "Subject: addresses\r\n\r\nOne line.\r\n";
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        await Tools.Eventually(() => sink.Messages.Any(HasId), "it arrives");
        var arrived = sink.Messages.First(HasId);
        Assert.That(Judge.IsGood(scratch, arrived.Text), Is.EqualTo(holds), arrived.Text);

        bool HasId(Arrived message) => message.Text.Contains($"<{id}@example.org>");
    }

    private async Task<Arrived> SubmitAsync(string id, bool bySmtp)
    {
        var text = "From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
            + $"Message-ID: <{id}@example.org>\r\nSubject: local\r\n\r\nOne line.\r\n";
        var before = sink.Count;
        if (bySmtp)
            server.SubmitBySmtp(text);
        else
            server.Submit(text);
        await Tools.Eventually(() => sink.Messages.Skip(before).Any(Is), "it arrives");
        return sink.Messages.Skip(before).First(Is);

        bool Is(Arrived message) => message.Text.Contains($"<{id}@example.org>");
    }
}
