using System.Net;
using System.Text;
using Dkim.Hosts.Tests.Hosting;
using Dkim.Hosts.Tests.Proxy;
using NUnit.Framework;

namespace Dkim.Hosts.Tests.Milter;

/// <summary>Mail through a real MTA: what a filter does to it, and that nothing else happens to it.</summary>
[TestFixture("Postfix")]
[TestFixture("Sendmail")]
[CancelAfter(180_000)]
internal sealed class DeliveryTests(string name)
{
    private const string Verifier = "Verifier";
    private static int number;

    private Scratch scratch = null!;
    private MailSink sink = null!;
    private IMailServer server = null!;
    private readonly Entrance signing = new($"inet:{Tools.FreePort()}@127.0.0.1");
    private readonly Entrance verifying = new($"inet:{Tools.FreePort()}@127.0.0.1");

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
        sink = new MailSink();
        server = IMailServer.Start(name, scratch, sink, signing, verifying);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        server?.Dispose();
        sink?.Dispose();
        scratch?.Dispose();
    }

    private static IEnumerable<TestCaseData> Shapes()
    {
        const string Head = "From: Joe <joe@example.org>\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n";
        TestCaseData Shape(string what, string header, string body) =>
            new TestCaseData(Head + header + "Message-ID: <@@>\r\n\r\n" + body).SetArgDisplayNames(what);
        yield return Shape("plain", "Subject: plain\r\n", "one\r\ntwo\r\n");
        yield return Shape("no body", "Subject: none\r\n", "");
        yield return Shape("dots", "Subject: dots\r\n", ".\r\n..\r\n...dots\r\n. last\r\n");
        yield return Shape("empty lines", "Subject: empty\r\n", "\r\n\r\ntext \t \r\n\r\n\r\n\r\n");
        yield return Shape("8-bit", "Subject: gr\u00fcn\r\n", "gr\u00fcn \u00e9\u00ff\r\n");
        yield return Shape("no space after the colon", "Subject:none\r\nX-Two:  two\r\nX-Tab:\ttab\r\n", "text\r\n");
        yield return Shape("folded", "Subject: a\r\n folded\r\n\t  field \r\nX-End: blank \r\n", "text\r\n");
        yield return Shape("lines of 900", "Subject: long\r\n", new string('x', 900) + "\r\n" + new string('y', 900) + "\r\n");
        yield return Shape(
            "100 KB", "Subject: large\r\n", string.Concat(Enumerable.Range(0, 1400).Select(line => $"{line} {new string('z', 65)}\r\n")));
    }

    [TestCaseSource(nameof(Shapes))]
    public async Task Signed_on_the_way_out_and_verified_on_the_way_in_octet_for_octet(string text)
    {
        text = text.Replace("@@", $"{Interlocked.Increment(ref number)}@example.org", StringComparison.Ordinal);
        Arrived signed;
        using (Filter(FilterProcess.Own, signing, "Mode s", "Domain example.org", "Selector sel", "KeyFile key.pem"))
        {
            signed = await PassAsync(signing, text);
        }

        Assert.That(signed.Text, Does.EndWith(text));
        Assert.That(Names(signed, text), Is.EqualTo((string[])["DKIM-Signature", "Received"]));
        foreach (var program in new[] { FilterProcess.OpenDkim, FilterProcess.Own })
        {
            using var filter = Filter(program, verifying, "Mode v", "TestPublicKeys keys.txt", "AuthservID mx.example.com");
            var verified = await PassAsync(verifying, signed.Text);
            Assert.That(verified.Text, Does.EndWith(signed.Text));
            Assert.That(verified.Named("Authentication-Results").First(), Does.Contain("mx.example.com;").And.Contain("dkim=pass"));
        }
    }

    private FilterProcess Filter(string program, Entrance entrance, params string[] configuration) =>
        FilterProcess.Start(scratch, program, entrance.Milter, configuration);

    /// <summary>Names of the fields that stand above a message.</summary>
    private static IEnumerable<string> Names(Arrived arrived, string text) =>
        arrived.Fields.SkipLast(new Arrived("", "", text).Fields.Count).Select(field => field[..field.IndexOf(':')]);

    /// <summary>Sends a message and waits for it at the sink.</summary>
    private async Task<Arrived> PassAsync(Entrance entrance, string text)
    {
        var before = sink.Count;
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        await Tools.Eventually(() => sink.Count > before, "the message arrives", 30);
        return sink.Messages[before];
    }
}
