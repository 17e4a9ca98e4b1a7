using System.Net;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What Postfix does after its milters have seen a message: changes that break a signature, and a content filter
/// that brings mail of strangers back from the loopback, as docs/milter.md has them.</summary>
internal sealed class AfterTheFilterTests : PostfixFixture
{
    private static readonly string[] Signer = ["Mode s", "Domain example.org", "Selector sel", "KeyFile key.pem"];


    [TestCase("", "Subject: plain\r\n", "One line.\r\n", true)]
    [TestCase("", "Subject: plain\r\n", "LONG\r\n", false)]
    [TestCase("smtp_line_length_limit = 0", "Subject: plain\r\n", "LONG\r\n", true)]
    [TestCase("smtp_header_checks = regexp:{HeaderChecks}", "Subject: plain\r\n", "One line.\r\n", false)]
    [TestCase("header_checks = regexp:{HeaderChecks}", "Subject: plain\r\n", "One line.\r\n", true)]
    [TestCase("smtp_generic_maps = regexp:{Generic}", "Subject: plain\r\n", "One line.\r\n", false)]
    [TestCase("sender_canonical_maps = regexp:{Generic}\nlocal_header_rewrite_clients = permit_mynetworks", "Subject: plain\r\n", "One line.\r\n", true)]
    public async Task A_signature_holds_or_not(string settings, string header, string body, bool holds)
    {
        var checks = Scratch.Write("header_checks", "/^Subject: plain/ REPLACE Subject: other\n");
        var generic = Scratch.Write("generic", "/^joe@example.org$/ joseph@example.org\n");
        settings = settings.Replace("{HeaderChecks}", checks, StringComparison.Ordinal).Replace("{Generic}", generic, StringComparison.Ordinal);
        var entrance = new Entrance(Milter);
        using var server = new PostfixServer(Scratch, Sink.Port, [entrance], settings + "\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        var text = Text("after", header, body.Replace("LONG", new string('x', 1200), StringComparison.Ordinal));
        Assert.That(await Submission.SendAsync(entrance.Port, text), Does.StartWith("250"));
        var arrived = await ArrivedAsync("after");
        Assert.That(arrived.Named("DKIM-Signature").Count(), Is.EqualTo(1));
        Assert.That(Judge.IsGood(Scratch, arrived.Text), Is.EqualTo(holds), arrived.Text);

        // What becomes of long lines hangs on the mail.
        var tells = !holds && body != "LONG\r\n";
        Assert.That(PostfixCheck.Warnings(Scratch).Select(found => found.Name), Is.EqualTo(tells ? ["rewritten-after-signing"] : Array.Empty<string>()));
    }

    // The content filter of this test changes nothing: it hands all mail back at once.
    [TestCase("smtpd_milters=", false)]
    [TestCase("smtpd_authorized_verp_clients=", true)]
    public async Task Mail_of_strangers_that_a_content_filter_brings_back_is_not_signed(string option, bool forgerySigned)
    {
        var back = new Entrance(Milter) { Options = [option, "content_filter=", "myhostname=localhost"] };
        string[] filtered = [$"content_filter=smtp:[127.0.0.1]:{back.Port}"];
        var own = new Entrance(Milter) { Options = filtered };
        var outside = new Entrance(Milter)
        {
            Options = [.. filtered, "smtpd_authorized_xclient_hosts=127.0.0.0/8", "smtpd_relay_restrictions=reject_unauth_destination"],
        };
        using var server = new PostfixServer(Scratch, Sink.Port, [back, own, outside], "relay_domains = example.com\nrelay_transport = smtp\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        Assert.That(await Submission.SendAsync(own.Port, Text("own")), Does.StartWith("250"));
        var signed = await ArrivedAsync("own");
        Assert.That(signed.Named("DKIM-Signature").Count(), Is.EqualTo(forgerySigned ? 2 : 1), "own mail, at each of its entrances");
        Assert.That(Judge.IsGood(Scratch, signed.Text), Is.True, signed.Text);

        await SendFromElsewhereAsync(outside.Port, Text("forged"));
        var forged = await ArrivedAsync("forged");
        Assert.That(forged.Named("DKIM-Signature").Any(), Is.EqualTo(forgerySigned), forged.Text);

        // `dkim postfix` says so, and the line that it names is what the other case has.
        (string, string, string)[] expected = [("reinjection-signs", $"127.0.0.1:{back.Port} inet", "-o smtpd_milters=")];
        Assert.That(
            PostfixCheck.Warnings(Scratch).Select(found => (found.Name, found.Service, found.Write)),
            Is.EqualTo(forgerySigned ? expected : []));
    }

    // As docs/milter.md has it: smtpd_milters and non_smtpd_milters in main.cf, for all entrances.
    [TestCase("-o smtpd_milters=", false)]
    [TestCase("-o receive_override_options=no_milters", false)]
    [TestCase("", true)]
    public async Task Milters_of_main_cf_see_what_a_content_filter_brings_back_unless_told_otherwise(string line, bool forgerySigned)
    {
        var (back, outside) = (Tools.FreePort(), Tools.FreePort());
        var named = PostfixServer.Name(Milter);
        using var server = new Proxy.Postfix(Scratch, $"""
            127.0.0.1:{back} inet n - n - - smtpd
              -o content_filter= {line}
            127.0.0.1:{outside} inet n - n - - smtpd
              -o content_filter=smtp:[127.0.0.1]:{back} -o smtpd_authorized_xclient_hosts=127.0.0.0/8
              -o smtpd_relay_restrictions=reject_unauth_destination
            """.Replace("            ", ""), Sink.Port, $"""
            smtpd_milters = {named}
            non_smtpd_milters = {named}
            internal_mail_filter_classes = bounce
            relay_domains = example.com
            relay_transport = smtp
            """.Replace("            ", ""));
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        await SendFromElsewhereAsync(outside, Text("forged"));
        var forged = await ArrivedAsync("forged");
        Assert.That(forged.Named("DKIM-Signature").Any(), Is.EqualTo(forgerySigned), forged.Text);
        Assert.That(
            PostfixCheck.Warnings(Scratch).Select(found => found.Name),
            Is.EqualTo(forgerySigned ? ["reinjection-signs"] : Array.Empty<string>()));
    }

    [Test]
    public async Task What_a_program_hands_back_by_sendmail_counts_as_mail_of_the_machine()
    {
        var named = PostfixServer.Name(Milter);
        var sendmail = Tools.RequireProgram("sendmail", "postfix");
        using var server = new Proxy.Postfix(Scratch, $"""
            127.0.0.1:{Tools.FreePort()} inet n - n - - smtpd -o content_filter=scan:dummy
            scan unix - n n - 10 pipe flags=Rq user=nobody null_sender= argv={sendmail} -G -i -f $sender -- $recipient
            """.Replace("            ", ""), Sink.Port, $"smtpd_milters = {named}\nnon_smtpd_milters = {named}\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        Directory.CreateDirectory(Scratch.At("queue/maildrop"));
        Scratch.Write("forged", Text("forged").Replace("\r\n", "\n", StringComparison.Ordinal));
        Tools.Run(
            Scratch.Root, "/bin/sh", "-c", $"{sendmail} -C {Scratch.At("etc")} -G -i -f joe@example.org -- b@example.com < forged");
        var forged = await ArrivedAsync("forged");
        Assert.That(forged.Named("DKIM-Signature").Any(), Is.True, forged.Text);
        Assert.That(PostfixCheck.All(Scratch).Select(found => found.Name), Does.Contain("program-signs"));
    }

    // 451 is what the sender is told while there is no filter; 250 is mail that leaves unsigned.
    [TestCase("milter_default_action = accept", "250", "passes-without-filter")]
    [TestCase("milter_default_action = tempfail", "451", "")]
    [TestCase("milter_protocol = 5", "451", "protocol-unknown")]
    [TestCase("milter_protocol = 6", "250", "")]
    public async Task What_Postfix_does_without_a_filter_is_told(string setting, string reply, string told)
    {
        var entrance = Tools.FreePort();
        using var server = new Proxy.Postfix(
            Scratch, $"127.0.0.1:{entrance} inet n - n - - smtpd", Sink.Port,
            $"smtpd_milters = {PostfixServer.Name(Milter)}\n{setting}\n");
        using var filter = setting.StartsWith("milter_protocol", StringComparison.Ordinal)
            ? FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer)
            : null;
        Assert.That(await Submission.SendAsync(entrance, Text("alone")), Does.StartWith(reply));
        Assert.That(
            string.Join(' ', PostfixCheck.Warnings(Scratch).Select(found => found.Name)), Is.EqualTo(told));
    }
}
