using Dkim.Hosts.Tests.Hosting;
using Dkim.Hosts.Tests.Proxy;
using NUnit.Framework;

namespace Dkim.Hosts.Tests.Milter;

/// <summary>Which entrance of a real Postfix mail came in by, as MTA and -m tell it: the name that smtpd says at connect,
/// not the one that cleanup says at the end of the header.</summary>
[CancelAfter(120_000)]
internal sealed class MacroTests
{
    private readonly string milter = $"inet:{Tools.FreePort()}@127.0.0.1";
    private Scratch scratch = null!;
    private MailSink sink = null!;
    private PostfixServer server = null!;
    private Entrance submission = null!;
    private Entrance outside = null!;

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
        // Else mail of the loopback would be signed whatever it came in by.
        scratch.Write("internal", "192.0.2.1\n");
        sink = new MailSink();
        submission = new Entrance(milter) { DaemonName = "ORIGINATING" };
        outside = new Entrance(milter) { DaemonName = "VERIFYING" };
        server = new PostfixServer(scratch, sink.Port, [submission, outside]);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        server?.Dispose();
        sink?.Dispose();
        scratch?.Dispose();
    }

    // mx.example.net is $myhostname: the name that cleanup has for every entrance.
    [TestCase("dkim-filter", "ORIGINATING", true, false)]
    [TestCase("dkim-filter", "VERIFYING", false, true)]
    [TestCase("dkim-filter", "mx.example.net", false, false)]
    [TestCase("dk-filter", "ORIGINATING", true, false)]
    [TestCase("dk-filter", "mx.example.net", false, false)]
    public async Task Mail_is_signed_by_the_entrance_that_it_came_in_by(
        string program, string name, bool signsSubmitted, bool signsOutside)
    {
        using var filter = program == "dkim-filter"
            ? FilterProcess.Start(scratch, FilterProcess.Own, milter,
                "Domain example.org", "Selector sel", "KeyFile key.pem", $"InternalHosts {scratch.At("internal")}", $"MTA {name}")
            : FilterProcess.StartPlain(scratch, program, milter, "-f", "-p", milter,
                "-d", "example.org", "-S", "sel", "-s", "key.pem", "-i", scratch.At("internal"), "-m", name);
        Assert.Multiple(async () =>
        {
            Assert.That(await IsSignedAsync(submission, $"{program}-{name}-in"), Is.EqualTo(signsSubmitted));
            Assert.That(await IsSignedAsync(outside, $"{program}-{name}-out"), Is.EqualTo(signsOutside));
        });
    }

    private async Task<bool> IsSignedAsync(Entrance entrance, string id)
    {
        var text = $"From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
            + $"Message-ID: <{id}@example.org>\r\nSubject: none\r\n\r\nOne line.\r\n";
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        var arrived = await sink.WaitAsync(text);
        return arrived.Named("DKIM-Signature").Any() || arrived.Named("DomainKey-Signature").Any();
    }
}
