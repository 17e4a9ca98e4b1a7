using System.Net;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What `dkim postfix` finds is so: a real Postfix does what the finding says, and no longer does it with the line
/// that the finding names.</summary>
internal sealed class PostfixFindingsTests : PostfixFixture
{
    private const string ForStrangers =
        "-o smtpd_authorized_xclient_hosts=127.0.0.0/8 -o smtpd_relay_restrictions=reject_unauth_destination";

    private static readonly string[] Signer =
        ["Mode s", "Domain example.org,mx.example.net", "Selector sel", "KeyFile key.pem"];

    private readonly int entrance = Tools.FreePort();

    private string Named => PostfixServer.Name(Milter);

    private string Milters => $"smtpd_milters = {Named}\n";

    private string Plain => $"127.0.0.1:{entrance} inet n - n - - smtpd\n";

    [TestCase("", true, "loopback-signs: -o smtpd_milters=")]
    [TestCase("-o smtpd_milters=", false, "")]
    [TestCase("-o content_filter= -o smtpd_milter_maps=cidr:{None}", true, "milter-map: -o smtpd_milters= -o smtpd_milter_maps=")]
    [TestCase("-o content_filter= -o smtpd_milter_maps=cidr:{Loopback}", false, "milter-map: -o smtpd_milters= -o smtpd_milter_maps=")]
    [TestCase("-o content_filter= -o smtpd_milters= -o smtpd_milter_maps=", false, "")]
    public async Task Mail_of_strangers_comes_back_by_the_loopback(string options, bool isSigned, string told)
    {
        var none = Scratch.Write("none.cidr", "192.0.2.0/24 DISABLE\n");
        var loopback = Scratch.Write("loopback.cidr", "127.0.0.0/8 DISABLE\n");
        options = options.Replace("{None}", none, StringComparison.Ordinal).Replace("{Loopback}", loopback, StringComparison.Ordinal);
        var back = Tools.FreePort();
        using var server = Server(
            $"127.0.0.1:{back} inet n - n - - smtpd {options}\n"
            + $"127.0.0.1:{entrance} inet n - n - - smtpd -o content_filter=smtp:[127.0.0.1]:{back} {ForStrangers}\n",
            Milters + $"non_smtpd_milters = {Named}\ninternal_mail_filter_classes = bounce\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        await SendFromElsewhereAsync(entrance, Text("mail"));
        Assert.That(await IsSignedAsync("mail"), Is.EqualTo(isSigned));
        Assert.That(Told(), Is.EqualTo(told));
    }

    // Behind postscreen(8) smtpd stands for port 25.
    [TestCase("", true, "strangers-by-name: -o milter_macro_daemon_name=VERIFYING")]
    [TestCase("-o milter_macro_daemon_name=VERIFYING", false, "entrance-missing: -o milter_macro_daemon_name=mx.example.net")]
    public async Task Mail_of_strangers_is_signed_by_the_name_of_its_entrance(string option, bool isSigned, string told)
    {
        string[] lines = [.. Signer, "MTA mx.example.net"];
        using var server = Server(
            $"127.0.0.1:{entrance} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd {ForStrangers} {option}\n"
            + "dnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n",
            Milters + $"non_smtpd_milters = {Named}\ninternal_mail_filter_classes = bounce\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, lines);
        await SendFromElsewhereAsync(entrance, Text("mail"));
        Assert.That(await IsSignedAsync("mail"), Is.EqualTo(isSigned));
        Assert.That(Told(lines), Is.EqualTo(told));
    }

    [TestCase("smtpd_milters =", false)]
    [TestCase("smtpd_milters = {Named}", true)]
    public async Task A_filter_that_no_milter_is_sees_nothing(string line, bool isSigned)
    {
        using var server = Server(Plain, line.Replace("{Named}", Named, StringComparison.Ordinal) + "\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        Assert.That(await Submission.SendAsync(entrance, Text("mail")), Does.StartWith("250"));
        Assert.That(await IsSignedAsync("mail"), Is.EqualTo(isSigned));
        Assert.That(
            Told(Signer), Is.EqualTo(isSigned ? $"local-mail-unsigned: non_smtpd_milters = {Named}" : $"filter-unused: smtpd_milters = {Named}"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Mail_of_programs_has_milters_of_its_own(bool written)
    {
        var line = $"non_smtpd_milters = {Named}";
        var sendmail = Tools.RequireProgram("sendmail", "postfix");
        using var server = Server(Plain, Milters + (written ? line + "\ninternal_mail_filter_classes = bounce\n" : ""));
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        Directory.CreateDirectory(Scratch.At("queue/maildrop"));
        Scratch.Write("mail", Text("mail").Replace("\r\n", "\n", StringComparison.Ordinal));
        Tools.Run(Scratch.Root, "/bin/sh", "-c", $"{sendmail} -C {Scratch.At("etc")} -i -f joe@example.org b@example.com < mail");
        Assert.That(await IsSignedAsync("mail"), Is.EqualTo(written));
        Assert.That(Told(), Is.EqualTo(written ? "" : "local-mail-unsigned: " + line));
    }

    [TestCase("", "bounces-unsigned: internal_mail_filter_classes = bounce")]
    [TestCase("internal_mail_filter_classes = bounce", "")]
    public async Task Bounces_are_shown_where_they_are_asked_for(string line, string told)
    {
        using var server = Server(Plain, Milters + $"non_smtpd_milters = {Named}\n{line}\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        Assert.That(
            await Submission.SendAsync(entrance, Text("mail"), to: $"<{MailSink.Unknown}@example.com>"), Does.StartWith("250"));
        Assert.That(await IsSignedAsync("MAILER-DAEMON"), Is.EqualTo(told.Length == 0));
        Assert.That(Told(), Is.EqualTo(told));
    }

    [TestCase(4, "protocol-strips-blanks: milter_protocol = 6")]
    [TestCase(6, "")]
    public async Task A_field_without_a_blank_breaks_its_signature_in_an_old_protocol(int protocol, string told)
    {
        using var server = Server(
            Plain,
            Milters + $"non_smtpd_milters = {Named}\ninternal_mail_filter_classes = bounce\nmilter_protocol = {protocol}\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, Milter, Signer);
        Assert.That(await Submission.SendAsync(entrance, Text("mail", "Subject:x\r\n")), Does.StartWith("250"));
        var arrived = await ArrivedAsync("mail");
        Assert.That(Judge.IsGood(Scratch, arrived.Text), Is.EqualTo(told.Length == 0), arrived.Text);
        Assert.That(Told(Signer), Is.EqualTo(told));
    }

    // 451 is what milter_default_action says where there is no such socket.
    [TestCase("{Queue}/f.sock", "451", "socket-outside-chroot: smtpd_milters = unix:f.sock")]
    [TestCase("f.sock", "250", "")]
    [TestCase("/f.sock", "250", "")]
    public async Task The_path_of_a_socket_is_one_of_the_chroot(string path, string reply, string told)
    {
        var socket = "local:" + Scratch.At("queue/f.sock");
        using var server = Server(
            $"127.0.0.1:{entrance} inet n - y - - smtpd\n",
            $"smtpd_milters = unix:{path.Replace("{Queue}", Scratch.At("queue"), StringComparison.Ordinal)}\n"
            + "non_smtpd_milters = unix:f.sock\ninternal_mail_filter_classes = bounce\n");
        using var filter = FilterProcess.Start(Scratch, FilterProcess.Own, socket, Signer);
        File.SetUnixFileMode(Scratch.At("queue/f.sock"), (UnixFileMode)0x1B6);
        Assert.That(await Submission.SendAsync(entrance, Text("mail")), Does.StartWith(reply));
        Assert.That(Told([$"Socket {socket}", .. Signer]), Is.EqualTo(told));
    }

    private Proxy.Postfix Server(string services, string settings) =>
        new(Scratch, services, Sink.Port, settings + "relay_domains = example.com\nrelay_transport = smtp\npostscreen_access_list = permit_mynetworks\n");

    /// <summary>All that is found, with the lines to write; with lines of the filter's file where it is to be read.</summary>
    private string Told(params string[] filter)
    {
        string[] options = filter.Length == 0
            ? []
            : ["--filter", Scratch.Write("told.conf", string.Join('\n', [$"Socket {Milter}", .. filter, ""]))];
        return string.Join("; ", PostfixCheck.All(Scratch, options).Select(found => $"{found.Name}: {found.Write}"));
    }

    private async Task<bool> IsSignedAsync(string id) => (await ArrivedAsync(id)).Named("DKIM-Signature").Any();
}
