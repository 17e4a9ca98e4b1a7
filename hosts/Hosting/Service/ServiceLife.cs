using Dkim.Core.Programs.Running;
using Dkim.Hosting.Listening;
using Dkim.Hosting.Logging;
using Dkim.Hosting.Processes;

namespace Dkim.Hosting.Service;

/// <summary>A service from its first connection to its last: heeds signals, reads the configuration again, ends.</summary>
internal sealed class ServiceLife(IServing serving, ServicePlan plan, SwappedLog log)
{
    /// <summary>Serves until a signal says to stop, and then until all connections have ended.</summary>
    /// <param name="place">What people are told of where it listens and whom it asks.</param>
    public async Task GoAsync(Listener listener, string place, Signals signals)
    {
        using var stop = new CancellationTokenSource();
        using var open = new OpenConnections(plan.Clock);
        var limits = new ServeSettings(serving.MostConnections(), ServiceLimits.grace + ServiceLimits.lastGrace)
        {
            Clock = plan.Clock,
        };
        log.Information(place);
        var served = listener.ServeAsync(
            (client, _) => serving.ServeAsync(client, open), limits, log.Trouble, stop.Token);
        var watching = serving.WatchAsync(stop.Token);
        Systemd.Ready(place);
        await HeedAsync(signals).ConfigureAwait(false);
        Systemd.Stopping();
        await stop.CancelAsync().ConfigureAwait(false);
        open.Stop(now: false);
        await HurryAsync(open, signals, served).ConfigureAwait(false);
        await served.ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    // Returns with the first signal to stop.
    private async Task HeedAsync(Signals signals)
    {
        await foreach (var signal in signals.Incoming.ReadAllAsync().ConfigureAwait(false))
        {
            if (signal.IsStop())
                return;
            if (!plan.ReloadSignals.Contains(signal))
                continue;
            using var turn = ReloadTurn.Begin();
            if (await serving.ReloadAsync().ConfigureAwait(false) is { } refusal)
                turn.Refused(refusal);
            else
                turn.Applied();
        }
    }

    // Messages on their way may end; a second signal to stop, or the end of the grace, ends all.
    private async Task HurryAsync(OpenConnections open, Signals signals, Task served)
    {
        var second = signals.StopAsync();
        if (await Task.WhenAny(served, second, Task.Delay(ServiceLimits.grace, plan.Clock)).ConfigureAwait(false) != served)
            open.Stop(now: true);
    }
}
