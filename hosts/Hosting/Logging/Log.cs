using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Dkim.Hosting;

/// <summary>Where the log goes.</summary>
/// <param name="Program">The name before each line.</param>
/// <param name="Facility">A number that <see cref="Hosting.Facility"/> found.</param>
/// <param name="Least">Lines that matter less are left out.</param>
/// <param name="ToSyslog">Send lines to the syslog daemon.</param>
/// <param name="ToStandardError">Write lines to standard error, too.</param>
public sealed record LogSettings(
    string Program,
    int Facility = 2,
    Severity Least = Severity.Information,
    bool ToSyslog = true,
    bool ToStandardError = false,
    LogFormat Format = LogFormat.Text,
    string SyslogPath = "/dev/log");

/// <summary>The log of a process. Writing never waits and never fails: lines go into a bounded queue, and what finds no
/// room is counted and reported later. Where the syslog daemon cannot be reached, lines wait and it is tried again, unless
/// standard error has them, too.</summary>
public sealed class Log : IAsyncDisposable
{
    private const int QueueLength = 8192;
    private const int Batch = 512;
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastChance = TimeSpan.FromSeconds(2);

    private readonly LogSettings settings;
    private readonly Channel<Entry> queue;
    private readonly CancellationTokenSource closing = new();
    private readonly Task writer;
    private Socket? syslog;
    private long dropped;
    private long reported;
    private long nextTry;

    public Log(LogSettings settings)
    {
        this.settings = settings;
        queue = Channel.CreateBounded<Entry>(
            new BoundedChannelOptions(QueueLength) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        writer = Task.Run(WriteAllAsync);
    }

    /// <summary>Lines lost because the queue was full.</summary>
    public long Dropped => Interlocked.Read(ref dropped);

    /// <summary>True when a line of that severity would be written.</summary>
    public bool IsEnabled(Severity severity) => severity <= settings.Least;

    /// <summary>Writes one line. The text may hold anything: it is escaped.</summary>
    public void Write(Severity severity, string text)
    {
        if (IsEnabled(severity) && !queue.Writer.TryWrite(new Entry(severity, text, DateTimeOffset.UtcNow)))
        {
            Interlocked.Increment(ref dropped);
        }
    }

    public void Error(string text) => Write(Severity.Error, text);

    public void Warning(string text) => Write(Severity.Warning, text);

    public void Information(string text) => Write(Severity.Information, text);

    public void Debug(string text) => Write(Severity.Debug, text);

    /// <summary>Writes what is queued, for at most two seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        closing.CancelAfter(LastChance);
        await writer.ConfigureAwait(false);
        closing.Dispose();
        syslog?.Dispose();
    }

    private async Task WriteAllAsync()
    {
        using var error = settings.ToStandardError ? Console.OpenStandardError() : null;
        var batch = new List<Entry>();
        try
        {
            while (await queue.Reader.WaitToReadAsync(closing.Token).ConfigureAwait(false))
            {
                while (batch.Count < Batch && queue.Reader.TryRead(out var entry))
                {
                    batch.Add(entry);
                }

                if (Interlocked.Read(ref dropped) is var lost && lost > reported)
                {
                    var text = $"{lost - reported} log lines were lost: the log could not keep up";
                    reported = lost;
                    batch.Add(new Entry(Severity.Warning, text, DateTimeOffset.UtcNow));
                }

                await WriteAsync(batch, error).ConfigureAwait(false);
                batch.Clear();
                if (!queue.Reader.Completion.IsCompleted && !closing.IsCancellationRequested)
                {
                    // Under load a thread woken for every line would cost more than the lines.
                    await Task.WhenAny(Task.Delay(Breath), queue.Reader.Completion).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Closing has waited long enough.
        }
    }

    private async ValueTask WriteAsync(List<Entry> batch, Stream? error)
    {
        if (error is not null)
        {
            var lines = new StringBuilder();
            foreach (var entry in batch)
            {
                lines.Append(LogLines.Line(settings.Format, settings.Program, entry.Severity, entry.Text, entry.Time)).Append('\n');
            }

            try
            {
                error.Write(Encoding.ASCII.GetBytes(lines.ToString()));
            }
            catch (IOException)
            {
                // Nobody reads standard error any more.
            }
        }

        if (settings.ToSyslog)
        {
            foreach (var entry in batch)
            {
                await SendAsync(LogLines.Datagram(
                    settings.Format, settings.Facility, settings.Program, entry.Severity, entry.Text, entry.Time))
                    .ConfigureAwait(false);
            }
        }
    }

    private async ValueTask SendAsync(byte[] datagram)
    {
        // Lines that standard error has as well need not wait for a daemon that is away.
        var waits = !settings.ToStandardError;
        for (var tries = 0; waits || Environment.TickCount64 >= nextTry; tries++)
        {
            try
            {
                if (syslog is null)
                {
                    syslog = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
                    await syslog.ConnectAsync(new UnixDomainSocketEndPoint(settings.SyslogPath)).ConfigureAwait(false);
                }

                await syslog.SendAsync(datagram, SocketFlags.None, closing.Token).ConfigureAwait(false);
                return;
            }
            catch (SocketException)
            {
                syslog?.Dispose();
                syslog = null;
                nextTry = tries > 0 ? Environment.TickCount64 + (long)Pause.TotalMilliseconds : nextTry;
            }

            // A daemon that was only restarted is there again at once; one that is away is asked once a second.
            if (tries > 0 && waits)
            {
                await Task.Delay(Pause, closing.Token).ConfigureAwait(false);
            }
        }
    }

    private readonly record struct Entry(Severity Severity, string Text, DateTimeOffset Time);
}
