using Dkim.Core.Programs.Running;
using Dkim.Hosting.Files;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Service;

/// <summary>When to give up starting a process again.</summary>
/// <param name="Count">Restarts in all; 0 for as many as it takes.</param>
/// <param name="Rate">Restarts within a time, if they are limited.</param>
public sealed record RestartLimits(int Count, (int Restarts, TimeSpan Time)? Rate);

/// <summary>Counts restarts.</summary>
internal sealed class RestartCounter(RestartLimits limits)
{
    private readonly Queue<TimeSpan> recent = [];
    private int count;

    /// <summary>One more restart; the reason where it is one too many.</summary>
    /// <param name="now">On a clock that never goes back.</param>
    public string? Add(TimeSpan now)
    {
        count++;
        if (limits.Count > 0 && count > limits.Count)
            return "maximum restart count exceeded";
        if (limits.Rate is not { } rate)
            return null;
        recent.Enqueue(now);
        while (recent.Count > 0 && now - recent.Peek() >= rate.Time)
            recent.Dequeue();
        return recent.Count > rate.Restarts ? "maximum restart rate exceeded" : null;
    }
}

/// <summary>Keeps a copy of this program running: starts it again whenever it ends, and passes signals on to
/// it.</summary>
/// <param name="handed">Files that the copies need not read again.</param>
/// <param name="account">Whom each copy becomes. The supervisor must not have become that user: a program that starts as
/// a user is open to all other processes of that user until it has closed itself, and so would be the files handed to it.
/// One that starts as root and then becomes that user is closed to them from beginning to end.</param>
/// <param name="clock">What the rate of restarts goes by.</param>
/// <param name="log">Takes lines for the log.</param>
public sealed class Supervisor(RestartLimits limits, FileHandover handed, Account account, TimeProvider clock, Action<string> log)
{
    private const string Variable = "HOST_SUPERVISED";

    private readonly RestartCounter counter = new(limits);

    /// <summary>Whether this process is such a copy, which then has become the user that it is to be. To be called
    /// before anything that was handed to it is read: what stands there another copy may have written, with the rights of
    /// that user. Asked once, since copies of a copy are none.</summary>
    /// <exception cref="StartupException">It cannot become that user.</exception>
    public static bool TakeIsCopy()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } account)
            return false;
        Environment.SetEnvironmentVariable(Variable, null);
        Account.Read(account).Become();
        OwnProcess.ForbidCoreDumps();
        return true;
    }

    /// <summary>Runs copies until a signal to stop has ended the last one, or there were too many. To the service
    /// manager this process is the service.</summary>
    /// <returns>Whether it ended by a signal.</returns>
    public async Task<bool> RunAsync(Signals signals)
    {
        using var ended = new CancellationTokenSource();
        var watched = Systemd.FeedWatchdogAsync(() => true, ended.Token);
        Systemd.Ready();
        var stopped = await RunCopiesAsync(signals).ConfigureAwait(false);
        Systemd.Stopping();
        await ended.CancelAsync().ConfigureAwait(false);
        await watched.ConfigureAwait(false);
        return stopped;
    }

    private async Task<bool> RunCopiesAsync(Signals signals)
    {
        while (true)
        {
            var started = clock.GetTimestamp();
            if (Start() is { } copy)
            {
                var (status, stopped) = await AttendAsync(copy, signals).ConfigureAwait(false);
                if (stopped)
                    return true;
                log(status > 128
                    ? $"terminated with signal {status - 128}, restarting"
                    : $"exited with status {status}, restarting");
            }

            if (counter.Add(clock.GetElapsedTime(0)) is { } reason)
            {
                log(reason);
                return false;
            }

            if (clock.GetElapsedTime(started) < ServiceLimits.restartPause
                && await StoppedWithinAsync(ServiceLimits.restartPause, signals).ConfigureAwait(false))
            {
                return true;
            }
        }
    }

    // Null when there is no copy, which counts as one that has ended: memory or processes may be short for a while.
    private int? Start()
    {
        var environment = new Dictionary<string, string> { [Variable] = account.Write(), ["NOTIFY_SOCKET"] = "" };
        var inherited = new List<int>();
        handed.Announce(environment, inherited);
        Systemd.LeaveSockets(environment);
        try
        {
            return OwnProcess.StartCopy(environment, inherited, newSession: false);
        }
        catch (StartupException failure)
        {
            log(failure.Message);
            return null;
        }
    }

    private static async Task<(int Status, bool Stopped)> AttendAsync(int copy, Signals signals)
    {
        var ended = Task.Factory.StartNew(
            () => OwnProcess.WaitFor(copy),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        var stopped = false;
        while (!ended.IsCompleted)
        {
            var signalled = signals.Incoming.WaitToReadAsync().AsTask();
            if (await Task.WhenAny(ended, signalled).ConfigureAwait(false) == ended)
                break;
            while (signals.Incoming.TryRead(out var signal))
            {
                stopped |= signal.IsStop();
                OwnProcess.Send(copy, signal);
            }
        }

        return (await ended.ConfigureAwait(false), stopped);
    }

    private async Task<bool> StoppedWithinAsync(TimeSpan time, Signals signals)
    {
        using var limit = new CancellationTokenSource(time, clock);
        try
        {
            await signals.StopAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
