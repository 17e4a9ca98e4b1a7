using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Logging;

/// <summary>A line of the log on its way.</summary>
internal readonly record struct LogEntry(Severity Severity, LogLine Line, DateTimeOffset Time);

/// <summary>One place the log goes to, with a queue of its own, so that one that is stuck holds up neither the program
/// nor the other.</summary>
/// <param name="clock">What its pauses and its patience go by.</param>
internal abstract class LogOutlet(TimeProvider clock) : IAsyncDisposable
{
    private readonly Channel<LogEntry> queue = Channel.CreateBounded<LogEntry>(
        new BoundedChannelOptions(LogLimits.Waiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly CancellationTokenSource closing = new();
    private Task writer = Task.CompletedTask;
    private long dropped;

    /// <summary>Lines lost because the queue was full.</summary>
    public long Dropped => Interlocked.Read(ref dropped);

    public void Start() => writer = Task.Run(WriteAllAsync);

    public void Write(in LogEntry entry)
    {
        if (!queue.Writer.TryWrite(entry))
        {
            Interlocked.Increment(ref dropped);
        }
    }

    /// <summary>Writes what is queued, for a while; what is stuck even then is given up.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        using var timer = clock.CreateTimer(_ => closing.Cancel(), null, LogLimits.lastLines, Timeout.InfiniteTimeSpan);
        await Task.WhenAny(writer, Task.Delay(LogLimits.lastLines + LogLimits.lastWriter, clock)).ConfigureAwait(false);
    }

    /// <summary>Writes some lines; it may wait until the outlet is closed.</summary>
    protected abstract ValueTask SendAsync(IReadOnlyList<LogEntry> batch, CancellationToken closed);

    private async Task WriteAllAsync()
    {
        var reported = 0L;
        var batch = new List<LogEntry>();
        try
        {
            while (await queue.Reader.WaitToReadAsync(closing.Token).ConfigureAwait(false))
            {
                while (batch.Count < LogLimits.Batch && queue.Reader.TryRead(out var entry))
                {
                    batch.Add(entry);
                }

                if (Dropped is var lost && lost > reported)
                {
                    var text = $"{lost - reported} log lines were lost: the log could not keep up";
                    reported = lost;
                    batch.Add(new LogEntry(
                        Severity.Warning, LogLineModule.plain(LogLevel.Warning, text), clock.GetUtcNow()));
                }

                await SendAsync(batch, closing.Token).ConfigureAwait(false);
                var caughtUp = batch.Count < LogLimits.Batch;
                batch.Clear();
                if (caughtUp && !queue.Reader.Completion.IsCompleted && !closing.IsCancellationRequested)
                {
                    await Task.WhenAny(Task.Delay(LogLimits.gathering, clock), queue.Reader.Completion).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Closing has waited long enough.
        }
    }
}

/// <summary>Standard output or standard error: a terminal, a file, or the pipe of whoever started us.</summary>
internal sealed class StreamOutlet(LogSettings settings, int descriptor) : LogOutlet(settings.Clock)
{
    /// <summary>Writes lines; that nobody reads the stream any more is no reason to do anything.</summary>
    public static void Write(LogSettings settings, int descriptor, IReadOnlyList<LogEntry> batch)
    {
        var lines = new StringBuilder();
        foreach (var entry in batch)
        {
            lines.Append(LogLines.Line(settings.Format, settings.Program, entry));
            lines.Append('\n');
        }

        Libc.WriteAll(descriptor, Encoding.ASCII.GetBytes(lines.ToString()));
    }

    protected override ValueTask SendAsync(IReadOnlyList<LogEntry> batch, CancellationToken closed)
    {
        Write(settings, descriptor, batch);
        return ValueTask.CompletedTask;
    }
}

/// <summary>The syslog daemon's socket. Lines wait for a daemon that has gone away, since it will come back; where
/// there never was one, standard error gets them, unless it gets them anyway.</summary>
internal sealed class SyslogOutlet(LogSettings settings) : LogOutlet(settings.Clock)
{
    private Socket? syslog;
    private bool known;
    private long nextTry;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        syslog?.Dispose();
    }

    protected override async ValueTask SendAsync(IReadOnlyList<LogEntry> batch, CancellationToken closed)
    {
        var unsent = new List<LogEntry>();
        foreach (var entry in batch)
        {
            if (!await TrySendAsync(entry, closed).ConfigureAwait(false))
            {
                unsent.Add(entry);
            }
        }

        if (unsent.Count > 0 && !settings.ToStandardError && !settings.ToStandardOutput)
        {
            StreamOutlet.Write(settings, Log.StandardError, unsent);
        }
    }

    // False where there never was a daemon; for one that is known a line waits.
    private async ValueTask<bool> TrySendAsync(LogEntry entry, CancellationToken closed)
    {
        if (!known && settings.Clock.Milliseconds() < nextTry)
        {
            return false;
        }

        var datagram = LogLines.Datagram(settings.Format, settings.Facility, settings.Program, entry);
        for (; ; )
        {
            // The second time is for a daemon that was restarted: it is there again at once.
            if (await TrySendAsync(datagram, closed).ConfigureAwait(false)
                || await TrySendAsync(datagram, closed).ConfigureAwait(false))
            {
                return true;
            }

            if (!known)
            {
                nextTry = settings.Clock.Milliseconds() + (long)LogLimits.daemonPause.TotalMilliseconds;
                return false;
            }

            await Task.Delay(LogLimits.daemonPause, settings.Clock, closed).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> TrySendAsync(byte[] datagram, CancellationToken closed)
    {
        try
        {
            if (syslog is null)
            {
                syslog = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
                var daemon = new UnixDomainSocketEndPoint(settings.SyslogPath);
                await syslog.ConnectAsync(daemon, closed).ConfigureAwait(false);
                known = true;
            }

            await syslog.SendAsync(datagram, SocketFlags.None, closed).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            syslog?.Dispose();
            syslog = null;
            return false;
        }
    }
}
