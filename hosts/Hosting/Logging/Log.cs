using System.Globalization;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Files;

namespace Dkim.Hosting.Logging;

/// <summary>Where the log goes.</summary>
/// <param name="Program">The name before each line.</param>
/// <param name="Facility">Its number in syslog(3).</param>
/// <param name="Least">Lines that matter less are left out.</param>
/// <param name="ToSyslog">Send lines to the syslog daemon.</param>
/// <param name="ToStandardError">Write lines to standard error, too.</param>
/// <param name="ToStandardOutput">Write lines to standard output, too.</param>
public sealed record LogSettings(
    string Program,
    int Facility = 2,
    Severity Least = Severity.Information,
    bool ToSyslog = true,
    bool ToStandardError = false,
    LogFormat Format = LogFormat.Text,
    string SyslogPath = "/dev/log",
    bool ToStandardOutput = false)
{
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>The log of a process. Writing never waits and never fails: lines go into bounded queues, and what finds no
/// room is counted and reported later.</summary>
public sealed class Log : IAsyncDisposable
{
    private const int StandardOutput = 1;
    internal const int StandardError = 2;
    private readonly Severity least;
    private readonly TimeProvider clock;
    private readonly List<LogOutlet> outlets = [];
    private readonly RepeatedLines troubles;

    public Log(LogSettings settings)
    {
        least = settings.Least;
        clock = settings.Clock;
        troubles = new RepeatedLines(Put, ServiceLimits.lasting, clock);
        // The journal listens at both.
        if (settings.ToSyslog && settings.ToStandardError && IsJournal(StandardError))
        {
            settings = settings with { ToStandardError = false };
        }

        if (settings.ToSyslog && settings.ToStandardOutput && IsJournal(StandardOutput))
        {
            settings = settings with { ToStandardOutput = false };
        }

        if (settings.ToSyslog)
        {
            outlets.Add(new SyslogOutlet(settings));
        }

        if (settings.ToStandardError)
        {
            outlets.Add(new StreamOutlet(settings, StandardError));
        }

        if (settings.ToStandardOutput)
        {
            outlets.Add(new StreamOutlet(settings, StandardOutput));
        }

        outlets.ForEach(outlet => outlet.Start());
    }

    /// <summary>Lines lost because a queue was full.</summary>
    public long Dropped => outlets.Sum(outlet => outlet.Dropped);

    /// <summary>True when a line of that severity would be written.</summary>
    public bool IsEnabled(Severity severity) => severity <= least;

    /// <summary>Writes a line of the core's; one on a trouble that lasts is written once and counted from then
    /// on.</summary>
    public void Write(LogLine line)
    {
        if (!IsEnabled(SeverityOf(line.Level)))
        {
            return;
        }

        if (line.Trouble.IsSome)
        {
            troubles.Write(line);
        }
        else
        {
            Put(line);
        }
    }

    public void Error(string text) => Write(LogLevel.Error, text);

    public void Warning(string text) => Write(LogLevel.Warning, text);

    public void Information(string text) => Write(LogLevel.Info, text);

    public void Debug(string text) => Write(LogLevel.Debug, text);

    /// <summary>A trouble that may come again and again.</summary>
    public void Trouble(string text) => Write(LogLineModule.trouble(LogLevel.Warning, text));

    /// <summary>Writes what is queued, for at most about two seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        troubles.SumUp();
        await Task.WhenAll(outlets.Select(outlet => outlet.DisposeAsync().AsTask())).ConfigureAwait(false);
    }

    // JOURNAL_STREAM of systemd.exec(5).
    private static bool IsJournal(int descriptor) =>
        FileFacts.TryRead(descriptor, out var facts)
        && Environment.GetEnvironmentVariable("JOURNAL_STREAM") == string.Create(
            CultureInfo.InvariantCulture, $"{facts.DeviceNumber}:{facts.Inode}");

    private void Put(LogLine line)
    {
        var entry = new LogEntry(SeverityOf(line.Level), line, clock.GetUtcNow());
        foreach (var outlet in outlets)
        {
            outlet.Write(entry);
        }
    }

    // The text may hold anything: it is escaped.
    private void Write(LogLevel level, string text) => Write(LogLineModule.plain(level, text));

    private static Severity SeverityOf(LogLevel level) => level switch
    {
        LogLevel.Debug => Severity.Debug,
        LogLevel.Info => Severity.Information,
        LogLevel.Notice => Severity.Notice,
        LogLevel.Warning => Severity.Warning,
        _ => Severity.Error,
    };
}
