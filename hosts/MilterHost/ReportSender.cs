using System.Diagnostics;
using System.Threading.Channels;

namespace Dkim.MilterHost;

/// <summary>
/// Hands mails of our own to the local mail system by its sendmail command, one after the other. They have no sender,
/// so that nothing comes back, and there are only so many of them: a flood of bad signatures must not become a flood
/// of reports.
/// </summary>
internal sealed class ReportSender : IAsyncDisposable
{
    private const int Waiting = 100;
    private const int Burst = 20;
    private static readonly TimeSpan each = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(1);
    private static readonly string[] places = ["/usr/sbin", "/usr/lib"];
    private readonly Channel<ReadOnlyMemory<byte>> queue = Channel.CreateBounded<ReadOnlyMemory<byte>>(
        new BoundedChannelOptions(Waiting) { SingleReader = true });

    private readonly Action<string> report;
    private readonly Task sending;
    private readonly Lock gate = new();
    private double allowed = Burst;
    private long last = Stopwatch.GetTimestamp();

    /// <param name="report">Takes a line for the log when a mail cannot be sent.</param>
    public ReportSender(Action<string> report)
    {
        this.report = report;
        sending = Task.Run(SendAllAsync);
    }

    /// <summary>Whether one more mail may go out; asking uses it up.</summary>
    public bool MayTake()
    {
        lock (gate)
        {
            allowed = Math.Min(Burst, allowed + (Stopwatch.GetElapsedTime(last) / each));
            last = Stopwatch.GetTimestamp();
            if (allowed < 1)
                return false;
            allowed--;
            return true;
        }
    }

    /// <summary>Sends a complete message when its turn comes; does not wait.</summary>
    public void Send(ReadOnlyMemory<byte> message)
    {
        if (!queue.Writer.TryWrite(message))
            report("a report is not sent: too many wait");
    }

    /// <summary>Sends what waits, for a few seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(5))).ConfigureAwait(false);
    }

    private async Task SendAllAsync()
    {
        await foreach (var message in queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await SendOneAsync(message).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                report($"a report is not sent: {failure.GetType().Name}: {failure.Message}");
            }
        }
    }

    private async Task SendOneAsync(ReadOnlyMemory<byte> message)
    {
        if (FindCommand() is not { } command)
        {
            report("a report is not sent: there is no sendmail command");
            return;
        }

        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(command, ["-t", "-oi", "-f", "<>"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            },
        };
        process.Start();
        using var clock = new CancellationTokenSource(patience);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(message, clock.Token).ConfigureAwait(false);
            process.StandardInput.Close();
            await process.WaitForExitAsync(clock.Token).ConfigureAwait(false);
            if (process.ExitCode != 0)
                report($"a report is not sent: {command} exited with status {process.ExitCode}");
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            report($"a report is not sent: {command} took too long");
        }
    }

    private static string? FindCommand() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(places)
            .Where(Path.IsPathRooted)
            .Select(directory => Path.Combine(directory, "sendmail"))
            .FirstOrDefault(File.Exists);
}
