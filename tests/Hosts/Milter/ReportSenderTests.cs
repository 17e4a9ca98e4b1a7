using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using Dkim.MilterHost.Connections;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Reports on their way to the local mail system, whose command this process finds by its PATH.</summary>
[TestFixture]
[NonParallelizable]
public sealed class ReportSenderTests
{
    private Scratch scratch = null!;
    private string? path;

    [SetUp]
    public void SetUp()
    {
        scratch = new Scratch();
        path = Environment.GetEnvironmentVariable("PATH");
        Environment.SetEnvironmentVariable("PATH", $"{scratch.Root}:{path}");
    }

    [TearDown]
    public void TearDown()
    {
        Environment.SetEnvironmentVariable("PATH", path);
        scratch.Dispose();
    }

    [Test]
    [Category("RFC5965-8-1")]
    public async Task AReportGoesToSendmailWithoutASender()
    {
        Sendmail("echo \"$@\" > \"$0.arguments\"; cat > \"$0.mail\"");
        var reported = new List<string>();
        await using (var sender = Sender(reported.Add))
            sender.Send(Encoding.ASCII.GetBytes("To: a@example.org\n\nA report.\n"));
        Assert.That(reported, Is.Empty);
        Assert.That(File.ReadAllText(scratch.At("sendmail.arguments")), Is.EqualTo("-t -oi -f <>\n"));
        Assert.That(File.ReadAllText(scratch.At("sendmail.mail")), Is.EqualTo("To: a@example.org\n\nA report.\n"));
    }

    [Test]
    public async Task AFailureIsTold()
    {
        Sendmail("cat > /dev/null; exit 75");
        var reported = new List<string>();
        await using (var sender = Sender(reported.Add))
            sender.Send(Encoding.ASCII.GetBytes("To: a@example.org\n\n"));
        Assert.That(reported, Has.Count.EqualTo(1));
        Assert.That(reported[0], Does.EndWith("exited with status 75"));
    }

    [Test]
    public async Task OnlySoManyMayGoOut()
    {
        var clock = new FakeTimeProvider();
        await using var sender = new ReportSender(_ => { }, Route(onlySmtp: false, 1), clock);
        Assert.That(sender.Take(3), Is.EqualTo(3));
        int Taken() => sender.Take(1000);
        Assert.That(Taken(), Is.EqualTo(17));
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.That(Taken(), Is.Zero);
        clock.Advance(TimeSpan.FromSeconds(1.1));
        Assert.That(Taken(), Is.EqualTo(1), "one a minute");
        clock.Advance(TimeSpan.FromDays(1));
        Assert.That(Taken(), Is.EqualTo(20));
    }

    [Test]
    public async Task ReportsThatMayNotGoOutMakeNoRoomForOthers()
    {
        var clock = new FakeTimeProvider();
        await using var sender = new ReportSender(_ => { }, Route(onlySmtp: false, 1), clock);
        Assert.That(sender.Take(1000), Is.EqualTo(20));
        var taken = 0;
        for (var asked = 0; asked < 121; asked++)
        {
            clock.Advance(TimeSpan.FromSeconds(5));
            taken += sender.Take(1);
        }

        Assert.That(taken, Is.EqualTo(10), "ten minutes");
    }

    [Test]
    public async Task ACommandThatHangsIsEnded()
    {
        Sendmail("echo $$ > \"$0.pid~\"; mv \"$0.pid~\" \"$0.pid\"; exec sleep 600");
        var clock = new FakeTimeProvider();
        var reported = new ConcurrentQueue<string>();
        await using var sender = new ReportSender(reported.Enqueue, Route(onlySmtp: false, 1), clock);
        sender.Send(Encoding.ASCII.GetBytes("To: a@example.org\n\n"));
        await Tools.Eventually(() => File.Exists(scratch.At("sendmail.pid")), "it runs");
        var command = int.Parse(File.ReadAllText(scratch.At("sendmail.pid")), CultureInfo.InvariantCulture);
        try
        {
            await clock.PassAsync(Tools.Eventually(() => !reported.IsEmpty, "that it takes long is told"));
            Assert.That(reported.Single(), Does.EndWith("took too long"));
            await Tools.Eventually(() => !Directory.Exists($"/proc/{command}"), "it is gone", 20);
        }
        finally
        {
            if (OwnProcess.IsAlive(command))
                Tools.Run("/", "/bin/kill", "-KILL", $"{command}");
        }
    }

    [TestCase(true, "a@example.org", null)]
    [TestCase(true, "nobody@example.org", "a report is not sent: the mail server said: 550 5.1.1 no such user")]
    [TestCase(false, "a@example.org", null)]
    public async Task WithoutASendmailThatWorksItGoesBySmtp(bool isThere, string recipient, string? problem)
    {
        if (isThere)
            Sendmail("exit 75");
        else
            Environment.SetEnvironmentVariable("PATH", scratch.Root);
        using var sink = new MailSink();
        var reported = new List<string>();
        await using (var sender = new ReportSender(reported.Add, Route(onlySmtp: true, sink.Port), TimeProvider.System))
            sender.Send(Encoding.ASCII.GetBytes($"To: {recipient}\r\n\r\nA report.\r\n"));
        Assert.That(reported, problem is null ? Is.Empty : Is.EqualTo(new[] { problem }));
        if (problem is null)
        {
            var arrived = await sink.WaitAsync("A report.\r\n");
            Assert.That((arrived.From, arrived.To), Is.EqualTo(("MAIL FROM:<> BODY=8BITMIME", "RCPT TO:<a@example.org>")));
        }
    }

    [Test]
    public async Task WithoutAMailServerItIsTold()
    {
        var reported = new List<string>();
        await using (var sender = new ReportSender(reported.Add, Route(onlySmtp: true, Tools.FreePort()), TimeProvider.System))
            sender.Send(Encoding.ASCII.GetBytes("To: a@example.org\r\n\r\n"));
        Assert.That(reported.Single(), Does.StartWith("a report is not sent: no mail server at 127.0.0.1:"));
    }

    [Test]
    public async Task ACommandOfTheSettingsIsTakenWhateverElseThereIs()
    {
        var command = scratch.Write(
            "other", $"#!/bin/sh\necho \"$*\" > {scratch.At("arguments")}\ncat > {scratch.At("mail")}\n",
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var reported = new List<string>();
        await using (var sender = new ReportSender(
            reported.Add, Route(onlySmtp: true, Tools.FreePort()) with { Command = command }, TimeProvider.System))
        {
            sender.Send(Encoding.ASCII.GetBytes("To: a@example.org\r\nBcc: b@example.org\r\n\r\n"));
        }

        Assert.That(reported, Is.Empty);
        Assert.That(File.ReadAllText(scratch.At("arguments")), Is.EqualTo("-t -oi -f <>\n"));
        Assert.That(File.ReadAllText(scratch.At("mail")), Does.Contain("Bcc: b@example.org"));
    }

    private static ReportSender Sender(Action<string> report) => new(report, Route(onlySmtp: false, 1), TimeProvider.System);

    private static ReportRoute Route(bool onlySmtp, int port) =>
        new(null, onlySmtp, new IPEndPoint(IPAddress.Loopback, port), "mx.example.org");

    private void Sendmail(string script) => scratch.Write(
        "sendmail", $"#!/bin/sh\n{script}\n", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
