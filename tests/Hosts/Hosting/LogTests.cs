using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using Microsoft.Extensions.Time.Testing;
using Microsoft.FSharp.Collections;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>The log, against a syslog socket of the test's own.</summary>
public sealed class LogTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [TestCase("plain text, \"quoted\" \\ and all", "plain text, \"quoted\" \\ and all")]
    [TestCase("two\r\nlines", "two\\x0d\\x0alines")]
    [TestCase("\0\t\u001b[31m\u007f", "\\x00\\x09\\x1b[31m\\x7f")]
    [TestCase("caf\u00e9 \u0085\u009b", "caf\\xe9 \\x85\\x9b")]
    [TestCase("\u2028\U0001F600", "\\xe2\\x80\\xa8\\xf0\\x9f\\x98\\x80")]
    public void Nothing_but_printable_ASCII_is_written(string text, string line) =>
        Assert.That(Printable.escape(text), Is.EqualTo(line));

    [Test]
    public void Half_a_character_is_escaped_too() =>
        Assert.That(Printable.escape(new string((char)0xd800, 1)), Is.EqualTo("\\xef\\xbf\\xbd"));

    [Test]
    public void A_long_text_is_cut()
    {
        Assert.That(Printable.escape(new string('a', Printable.MaxLength)), Has.Length.EqualTo(Printable.MaxLength));
        Assert.That(Printable.escape(new string('a', 100_000)), Has.Length.EqualTo(Printable.MaxLength + 3).And.EndWith("..."));
        Assert.That(Printable.escape(new string('\n', 100_000)), Has.Length.LessThan(Printable.MaxLength + 30));
    }

    [Test]
    public async Task Lines_reach_the_syslog_daemon()
    {
        using var daemon = Daemon();
        await using (var log = Open(Severity.Information))
        {
            log.Error("first\nline");
            log.Warning("second");
            log.Information("third");
            log.Debug("never");
        }

        var when = @"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d";
        Assert.That(Receive(daemon), Does.Match($@"^<19>{when} prog\[{Environment.ProcessId}\]: first\\x0aline$"));
        Assert.That(Receive(daemon), Does.Match($@"^<20>{when} prog\[\d+\]: second$"));
        Assert.That(Receive(daemon), Does.Match($@"^<22>{when} prog\[\d+\]: third$"));
        Assert.That(daemon.Poll(0, SelectMode.SelectRead), Is.False);
    }

    [Test]
    public void A_trouble_that_lasts_is_told_at_once_and_then_counted()
    {
        var told = new List<string>();
        var clock = new FakeTimeProvider();
        var minute = TimeSpan.FromMinutes(1);
        var lines = new RepeatedLines(line => told.Add(line.Line), minute, clock);
        for (var i = 0; i < 5; i++)
            lines.Write(Trouble("a"));
        lines.Write(Trouble("b"));
        Assert.That(told, Is.EqualTo((string[])["a", "b"]));
        clock.Advance(minute - TimeSpan.FromSeconds(1));
        Assert.That(told, Has.Count.EqualTo(2), "not before its time");
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(told, Is.EqualTo((string[])["a", "b", "a (4 times more in 60 seconds)"]));
        lines.Write(Trouble("a"));
        Assert.That(told, Has.Count.EqualTo(3), "it lasts");
        clock.Advance(minute);
        Assert.That(told[3..], Is.EqualTo((string[])["a (1 times more in 60 seconds)"]));
        clock.Advance(minute);
        lines.Write(Trouble("a"));
        Assert.That(told[4..], Is.EqualTo((string[])["a"]), "as if for the first time");
    }

    [Test]
    public void Troubles_without_end_are_counted_together()
    {
        var told = new List<string>();
        var lines = new RepeatedLines(line => told.Add(line.Line), TimeSpan.FromHours(1), TimeProvider.System);
        for (var i = 0; i < ServiceLimits.Troubles + 1000; i++)
            lines.Write(Trouble($"{i}"));
        Assert.That(told, Has.Count.EqualTo(ServiceLimits.Troubles + 1));
        lines.SumUp();
        Assert.That(told, Has.Count.EqualTo(ServiceLimits.Troubles + 2));
        Assert.That(told[^1], Is.EqualTo("other troubles (999 times more in 0 seconds)"));
    }

    [Test]
    public async Task The_end_of_a_log_says_what_was_counted()
    {
        using var daemon = Daemon();
        await using (var log = Open(Severity.Information))
        {
            log.Trouble("no room");
            log.Trouble("no room");
            log.Warning("no room");
            log.Write(LogLineModule.trouble(LogLevel.Debug, "never"));
        }

        Assert.That(Receive(daemon), Does.EndWith("]: no room"));
        Assert.That(Receive(daemon), Does.EndWith("]: no room"));
        Assert.That(Receive(daemon), Does.EndWith("]: no room (1 times more in 0 seconds)"));
        Assert.That(daemon.Poll(0, SelectMode.SelectRead), Is.False);
    }

    private static LogLine Trouble(string text) => LogLineModule.trouble(LogLevel.Warning, text);

    [Test]
    public async Task The_time_is_that_of_the_machine()
    {
        using var daemon = Daemon();
        await using (var log = Open(Severity.Information))
        {
            log.Information("now");
        }

        var now = Tools.Run("/", "/bin/date", "+%b %e %H:%M");
        Assert.That(Receive(daemon), Does.Contain(now.Trim()));
    }

    [Test]
    public async Task A_daemon_that_restarts_gets_the_lines_it_missed()
    {
        await using var log = Open(Severity.Information);
        using (var first = Daemon())
        {
            log.Information("one");
            Assert.That(Receive(first), Does.EndWith("one"));
        }

        File.Delete(scratch.At("log"));
        log.Information("two");
        await Task.Delay(200);
        using var second = Daemon();
        log.Information("three");
        Assert.That(Receive(second), Does.EndWith("two"));
        Assert.That(Receive(second), Does.EndWith("three"));
    }

    [Test]
    public async Task A_daemon_that_does_not_read_holds_up_nobody_and_what_is_lost_is_counted()
    {
        using var daemon = Daemon();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await using var log = Open(Severity.Information);
        for (var i = 0; i < 30_000; i++)
        {
            log.Information($"line {i}");
        }

        Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(20));
        Assert.That(log.Dropped, Is.GreaterThan(0));
        var lines = 0;
        string line;
        do
        {
            line = Receive(daemon);
            lines++;
        }
        while (!line.Contains("log lines were lost", StringComparison.Ordinal));

        Assert.That(line, Does.Match($@"<20>.*: \d+ log lines were lost: the log could not keep up$"));
        Assert.That(lines, Is.GreaterThan(1));
    }

    [Test]
    public async Task Each_line_that_is_lost_is_counted_once()
    {
        using var daemon = Daemon();
        await using var log = Open(Severity.Information);
        const int Count = 30_000;
        for (var i = 0; i < Count; i++)
            log.Information($"line {i}");
        var lost = log.Dropped;
        var (came, told) = (0L, 0L);
        while (came + lost < Count)
        {
            var line = Regex.Match(Receive(daemon), @"\]: (line|(?<lost>\d+) log lines)");
            if (line.Groups["lost"].Success)
                told += long.Parse(line.Groups["lost"].Value, CultureInfo.InvariantCulture);
            else
                came++;
        }

        Assert.That(told, Is.EqualTo(lost).And.GreaterThan(0));
    }

    [Test]
    public async Task The_form_of_lines_may_change_there_and_back()
    {
        using var daemon = Daemon();
        var plain = new LogSettings("prog", SyslogPath: scratch.At("log"));
        await using var log = new SwappedLog(plain);
        foreach (var settings in (LogSettings[])[plain with { Format = LogFormat.Json }, plain, plain with { Format = LogFormat.Json }])
        {
            await log.FollowAsync(settings);
            log.Information("a line");
            Assert.That(Receive(daemon), settings == plain ? Does.EndWith("]: a line") : Does.Contain("\"text\":\"a line\""));
        }
    }

    [Test]
    public void Where_there_never_was_a_daemon_standard_error_gets_the_lines([Values] bool also)
    {
        var lines = Tools.RunForErrors(Tools.Probe, "log", scratch.At("log"), also ? "also" : "only").Split('\n');
        Assert.That(lines, Has.Length.EqualTo(4), "each once, and the end");
        Assert.That(lines[0], Does.Match(@"^prog\[\d+\]: one\\x0aline$"));
        Assert.That(lines[1], Does.EndWith("two"));
        Assert.That(lines[2], Does.EndWith("three"));
    }

    [Test]
    public async Task Standard_error_does_not_wait_for_a_daemon_that_is_stuck()
    {
        using var daemon = Daemon();
        var error = Task.Run(() => Tools.RunForErrors(Tools.Probe, "log", scratch.At("log"), "flood"));
        var lines = (await error.WaitAsync(TimeSpan.FromSeconds(60))).Split('\n');
        Assert.That(lines.Count(line => line.Contains("flood", StringComparison.Ordinal)), Is.EqualTo(3000));
    }

    [Test]
    public async Task Without_a_daemon_closing_is_quick()
    {
        // No time passes.
        var settings = new LogSettings("prog", SyslogPath: scratch.At("log")) { Clock = new FakeTimeProvider() };
        await using var log = new Log(settings);
        log.Information("nobody hears");
    }

    [Test]
    public async Task A_JSON_line_is_an_object()
    {
        using var daemon = Daemon();
        await using (var log = new Log(new LogSettings("prog", SyslogPath: scratch.At("log"), Format: LogFormat.Json)))
        {
            log.Warning("a \"quoted\" \\ line\nwith \u00e9");
        }

        var line = Receive(daemon);
        using var json = JsonDocument.Parse(line[line.IndexOf('{', StringComparison.Ordinal)..]);
        Assert.That(json.RootElement.GetProperty("text").GetString(), Is.EqualTo("a \"quoted\" \\ line\\x0awith \\xe9"));
        Assert.That(json.RootElement.GetProperty("level").GetString(), Is.EqualTo("warning"));
        Assert.That(json.RootElement.GetProperty("program").GetString(), Is.EqualTo("prog"));
        Assert.That(json.RootElement.GetProperty("pid").GetInt32(), Is.EqualTo(Environment.ProcessId));
        Assert.That(json.RootElement.GetProperty("time").GetDateTimeOffset(), Is.EqualTo(DateTimeOffset.UtcNow).Within(5).Seconds);
    }

    [Test]
    public async Task A_JSON_line_has_the_fields_of_the_vocabulary()
    {
        using var daemon = Daemon();
        await using (var log = new Log(new LogSettings("prog", SyslogPath: scratch.At("log"), Format: LogFormat.Json)))
        {
            var behind = new[]
            {
                LogFields.fact(LogField.Reply, "550 5.7.1 \"no\"\r\n"),
                LogFields.fact(LogField.Recipients, "c@d"),
                LogFields.fact(LogField.Domain, "one.example"),
                LogFields.fact(LogField.Domain, "two.example"),
                LogFields.fact(LogField.Recipients, "e@f"),
                LogFields.fact(LogField.Id, "4XYZ"),
            };
            log.Write(LogLineModule.add(ListModule.OfArray(behind), LogLineModule.plain(LogLevel.Info, "sentence")));
        }

        var line = Receive(daemon);
        using var json = JsonDocument.Parse(line[line.IndexOf('{', StringComparison.Ordinal)..]);
        Assert.That(json.RootElement.EnumerateObject().Select(field => field.Name), Is.EqualTo(
            new[] { "time", "level", "program", "pid", "text", "id", "recipients", "domain", "reply" }));
        Assert.That(json.RootElement.GetProperty("text").GetString(), Is.EqualTo("sentence"));
        Assert.That(json.RootElement.GetProperty("domain").GetString(), Is.EqualTo("one.example,two.example"));
        Assert.That(json.RootElement.GetProperty("recipients").EnumerateArray().Select(r => r.GetString()), Is.EqualTo(
            new[] { "c@d", "e@f" }));
        Assert.That(json.RootElement.GetProperty("reply").GetString(), Is.EqualTo("550 5.7.1 \"no\"\\x0d\\x0a"));
    }

    [Test]
    public void The_journal_gets_each_line_once([Values] bool isJournal)
    {
        using var daemon = Daemon();
        scratch.Write("errors", "");
        var stream = isJournal ? "$(stat -c %d:%i errors)" : "1:1";
        Tools.Run(
            scratch.Root, "/bin/sh", "-c", $"JOURNAL_STREAM={stream} exec '{Tools.Probe}' log '{scratch.At("log")}' also 2> errors");
        Assert.That(Receive(daemon), Does.EndWith("one\\x0aline"));
        Assert.That(File.ReadAllText(scratch.At("errors")), isJournal ? Is.Empty : Does.Contain("one\\x0aline"));
    }

    [Test]
    public void A_journal_without_a_syslog_socket_gets_each_line_too()
    {
        scratch.Write("errors", "");
        Tools.Run(
            scratch.Root,
            "/bin/sh",
            "-c",
            $"JOURNAL_STREAM=$(stat -c %d:%i errors) exec '{Tools.Probe}' log '{scratch.At("none")}' also 2> errors");
        Assert.That(File.ReadAllLines(scratch.At("errors")), Has.Length.EqualTo(3));
    }

    private Log Open(Severity least) => new(new LogSettings("prog", Least: least, SyslogPath: scratch.At("log")));

    private Socket Daemon()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        socket.Bind(new UnixDomainSocketEndPoint(scratch.At("log")));
        return socket;
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[16384];
        return Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
    }
}
