using System.Net;
using System.Text;
using Dkim.Core.Canonicalization;
using Dkim.Core.Message;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Records;
using Dkim.Core.Signatures;
using Dkim.Core.Words;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Mail through a real MTA: what a filter does to it, and that nothing else happens to it.</summary>
[TestFixture("Postfix")]
[TestFixture("Sendmail")]
internal sealed class DeliveryTests(string name)
{
    private const string Plain =
        "From: joe@example.org\r\nTo: b@example.com\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <@@>\r\n"
        + "Subject: plain\r\n\r\nOne line.\r\n";

    private static readonly string[] Signer = ["Mode s", "Domain example.org", "Selector sel", "KeyFile key.pem"];
    private static readonly string[] Verifying = ["Mode v", "TestPublicKeys keys.txt", "AuthservID mx.example.com"];
    private static int number;

    private Scratch scratch = null!;
    private MailSink sink = null!;
    private IMailServer server = null!;
    private readonly Entrance signing = new($"inet:{Tools.FreePort()}@127.0.0.1");
    private readonly Entrance verifying = new($"inet:{Tools.FreePort()}@127.0.0.1");

    // Sendmail wants a directory that nobody else can write to.
    private readonly Entrance local = new($"local:/run/dkim-filter-{Guid.NewGuid():N}");

    private readonly Entrance both = new($"inet:{Tools.FreePort()}@127.0.0.1") { Second = $"inet:{Tools.FreePort()}@127.0.0.1" };

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        Tools.RequireProgram("postfix", "postfix");
        scratch = new Scratch();
        Keys.Make(scratch);
        sink = new MailSink();
        server = IMailServer.Start(name, scratch, sink, signing, verifying, local, both);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        server?.Dispose();
        sink?.Dispose();
        scratch?.Dispose();
        File.Delete(local.Milter["local:".Length..]);
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
        text = Numbered(text);
        var signed = await SignAsync(text);

        Assert.That(Names(signed, text), Is.EqualTo((string[])["DKIM-Signature", "Received"]));
        foreach (var program in new[] { FilterProcess.OpenDkim, FilterProcess.Own })
        {
            using var filter = Filter(program, verifying, Verifying);
            var verified = await PassAsync(verifying, signed.Text);
            Assert.That(verified.Named("Authentication-Results").First(), Does.Contain("mx.example.com;").And.Contain("dkim=pass"));
        }
    }

    [TestCase("simple")]
    [TestCase("nofws")]
    public async Task A_DomainKeys_signature_stands_below_the_servers_own_field_and_covers_all_below_itself(string canonicalization)
    {
        var text = Numbered("Received: from a by b; Fri, 20 Nov 2026 11:00:00 +0000\r\n" + Plain);
        using var filter = FilterProcess.StartPlain(
            scratch, FilterProcess.OwnForDomainKeys, signing.Milter,
            "-f", "-l", "-p", signing.Milter, "-b", "s", "-d", "example.org", "-s", "key.pem", "-S", "sel", "-c", canonicalization);
        var signed = await PassAsync(signing, text);
        Assert.That(Names(signed, text), Is.EqualTo((string[])["Received", "DomainKey-Signature"]));
        Assert.That(VerdictOf(signed.Text).IsPass, Is.True, signed.Text);
        Assert.That(VerdictOf(signed.Text.Replace("from a", "from z", StringComparison.Ordinal)).IsPass, Is.False);
    }

    // A DomainKeys signature covers all that stands below it, and dk-filter's stands below the server's own Received field,
    // which it is not shown: what dkim-filter has put on top before lands below as well, unseen.
    [TestCase(true)]
    [TestCase(false)]
    public async Task Both_signatures_hold_where_dk_filter_comes_first(bool dkFirst)
    {
        var text = Numbered(Plain);
        var (forDk, forDkim) = dkFirst ? (both.Milter, both.Second!) : (both.Second!, both.Milter);
        using var dk = FilterProcess.StartPlain(
            scratch, FilterProcess.OwnForDomainKeys, forDk,
            "-f", "-l", "-p", forDk, "-b", "s", "-d", "example.org", "-s", "key.pem", "-S", "sel");
        using var dkim = FilterProcess.Start(scratch, FilterProcess.Own, forDkim, Signer);
        var signed = await PassAsync(both, text);
        var judged = Judge.All(scratch, signed.Text).ToDictionary(one => one.Scheme.IsDkim, one => one.Verdict.IsPass);
        Assert.That(judged, Has.Count.EqualTo(2), signed.Text);
        Assert.That(judged[true], Is.True, signed.Text);
        Assert.That(judged[false], Is.EqualTo(dkFirst), signed.Text);
        if (name == "Postfix")
        {
            var conf = scratch.Write("order.conf", string.Join('\n', [$"Socket {forDkim}", .. Signer, ""]));
            Assert.That(
                PostfixCheck.All(scratch, "--filter", conf, "--dk-socket", forDk).Any(found => found.Name == "milter-order"),
                Is.EqualTo(!dkFirst));
        }
    }

    [Test]
    public async Task Ten_forged_results_in_a_row_go_and_all_else_stays()
    {
        const string Forged = "Authentication-Results: mx.example.com; dkim=pass header.d=bank.example\r\n";
        const string Others =
            "Authentication-Results: mx.example.net; dkim=pass header.d=other.example\r\n"
            + "X-Authentication-Results: mx.example.com; dkim=pass\r\n";
        var text = Numbered(Plain);
        var many = string.Concat(Enumerable.Repeat(Forged, 10));
        using var filter = Filter(FilterProcess.Own, verifying, [.. Verifying, "AlwaysAddARHeader yes"]);
        var arrived = await PassAsync(verifying, many + Others + text, Others + text);
        Assert.That(Names(arrived, Others + text), Is.EqualTo((string[])["Authentication-Results", "Received"]));
        Assert.That(arrived.Fields[0], Does.Contain("mx.example.com;").And.Contain("dkim=none"));
    }

    [Test]
    public async Task Forged_results_go_from_among_others_which_stay_in_their_order()
    {
        var text = Numbered(Plain);
        string Field(int count) => $"Authentication-Results: mx{(count % 3 == 0 ? ".example.com" : count)}; dkim=pass ({count})\r\n";
        var fields = Enumerable.Range(0, 15).Select(Field).ToArray();
        var rest = string.Concat(fields.Where(field => !field.Contains(" mx.example.com", StringComparison.Ordinal))) + text;
        using var filter = Filter(FilterProcess.Own, verifying, [.. Verifying, "AlwaysAddARHeader yes"]);
        var arrived = await PassAsync(verifying, string.Concat(fields) + text, rest);
        Assert.That(Names(arrived, rest), Is.EqualTo((string[])["Authentication-Results", "Received"]));
    }

    [TestCase("reject", "550 5.7.0 bad DKIM signature data")]
    [TestCase("tempfail", "451 4.")]
    [TestCase("discard", "250")]
    public async Task An_altered_message_is_treated_as_the_settings_say(string action, string reply)
    {
        var signed = await SignAsync(Numbered(Plain));
        using var filter = Filter(FilterProcess.Own, verifying, [.. Verifying, $"On-BadSignature {action}"]);
        Assert.That(await Submission.SendAsync(verifying.Port, Altered(signed)), Does.StartWith(reply));
        await PassAsync(verifying, signed.Text);
        await PassAsync(verifying, Numbered(Plain));
        Assert.That(sink.Messages.Select(message => message.Text), Has.None.EndWith(Altered(signed)));
    }

    [Test]
    public async Task An_altered_message_that_is_accepted_says_so()
    {
        var altered = Altered(await SignAsync(Numbered(Plain)));
        using var filter = Filter(FilterProcess.Own, verifying, Verifying);
        var arrived = await PassAsync(verifying, altered);
        Assert.That(arrived.Fields[0], Does.StartWith("Authentication-Results: mx.example.com;").And.Contain("dkim=fail"));
    }

    [Test]
    public async Task An_altered_message_waits_in_quarantine()
    {
        var signed = await SignAsync(Numbered(Plain));
        using var filter = Filter(FilterProcess.Own, verifying, [.. Verifying, "Quarantine yes"]);
        var held = server.Held;
        Assert.That(await Submission.SendAsync(verifying.Port, Altered(signed)), Does.StartWith("250"));
        await PassAsync(verifying, signed.Text);
        Assert.That(sink.Messages.Select(message => message.Text), Has.None.EndWith(Altered(signed)));
        Assert.That(server.Held, Is.EqualTo(held + 1), "the altered one, and not the genuine one");
    }

    [Test]
    public async Task A_key_that_does_not_exist_is_a_reason_to_come_again()
    {
        var signed = await SignAsync(Numbered(Plain));
        var elsewhere = signed.Text.Replace("s=sel;", "s=none;", StringComparison.Ordinal);
        using var filter = Filter(FilterProcess.Own, verifying, Verifying);
        Assert.That(await Submission.SendAsync(verifying.Port, elsewhere), Does.StartWith("451 4."));
    }

    [Test]
    public async Task Many_messages_of_one_session_each_have_their_own_signature()
    {
        using var filter = Filter(FilterProcess.Own, signing, Signer);
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, signing.Port));
        await client.ReplyAsync();
        await client.SayAsync("EHLO client.example.org\r\n");
        var texts = Enumerable.Range(0, 20).Select(_ => Numbered(Plain)).ToArray();
        foreach (var text in texts)
        {
            await client.SayAsync("MAIL FROM:<given-up@example.org>\r\n");
            await client.SayAsync("RCPT TO:<b@example.com>\r\n");
            await client.SayAsync("RSET\r\n");
            Assert.That(
                await Submission.SendAsync(client, text, "<joe@example.org>", "<b@example.com>"), Does.StartWith("250"));
        }

        foreach (var text in texts)
        {
            var arrived = await sink.WaitAsync(text);
            Assert.That(arrived.Named("DKIM-Signature").Count(), Is.EqualTo(1));
        }
    }

    [Test]
    public async Task Over_a_Unix_socket()
    {
        var text = Numbered(Plain);
        using var filter = Filter(FilterProcess.Own, local, [.. Signer, "UMask 0"]);
        var signed = await PassAsync(local, text);
        Assert.That(Names(signed, text), Is.EqualTo((string[])["DKIM-Signature", "Received"]));
    }

    [Test]
    public async Task Without_the_filter_mail_is_refused_for_now()
    {
        Assert.That(await Submission.SendAsync(signing.Port, Numbered(Plain)), Does.StartWith("4"));
    }

    private Verdict VerdictOf(string text) => Judge.All(scratch, text).Single().Verdict;

    private static string Numbered(string text) =>
        text.Replace("@@", $"{Interlocked.Increment(ref number)}@example.org", StringComparison.Ordinal);

    private static string Altered(Arrived signed) =>
        signed.Text.Replace("One line.", "Another.", StringComparison.Ordinal);

    private async Task<Arrived> SignAsync(string text)
    {
        using var filter = Filter(FilterProcess.Own, signing, Signer);
        return await PassAsync(signing, text);
    }

    private FilterProcess Filter(string program, Entrance entrance, params string[] configuration) =>
        FilterProcess.Start(scratch, program, entrance.Milter, configuration);

    /// <summary>Names of the fields that stand above a message.</summary>
    private static IEnumerable<string> Names(Arrived arrived, string text) =>
        arrived.Fields.SkipLast(new Arrived("", "", text).Fields.Count).Select(field => field[..field.IndexOf(':')]);

    /// <summary>Sends a message and waits until one arrives that ends so.</summary>
    private async Task<Arrived> PassAsync(Entrance entrance, string text, string? ending = null)
    {
        var before = sink.Count;
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        return await sink.WaitAsync(ending ?? text, before);
    }
}
