using Dkim.Hosting;

namespace Dkim.MilterHost;

/// <summary>The connections in progress: one clock reminds all of their time limits, and one call stops them.</summary>
internal sealed class MtaConnections : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(500);
    private readonly IMilterService service;
    private readonly Patience patience;
    private readonly HashSet<MtaConnection> running = [];
    private readonly Timer clock;
    private bool stopping;

    public MtaConnections(IMilterService service, Patience patience)
    {
        this.service = service;
        this.patience = patience;
        clock = new Timer(_ => Each(static connection => connection.Tick(Environment.TickCount64)), null, Beat, Beat);
    }

    /// <summary>Serves one connection to its end.</summary>
    public async Task ServeAsync(StreamSocket socket)
    {
        using var connection = new MtaConnection(socket, service, patience);
        bool late;
        lock (running)
        {
            running.Add(connection);
            late = stopping;
        }

        try
        {
            var served = connection.ServeAsync();
            if (late)
                connection.Stop(now: false);
            await served.ConfigureAwait(false);
        }
        finally
        {
            lock (running)
                running.Remove(connection);
        }
    }

    /// <summary>Ends each connection after the message that it has on its way, or at once.</summary>
    public void Stop(bool now)
    {
        lock (running)
            stopping = true;
        Each(connection => connection.Stop(now));
    }

    public void Dispose() => clock.Dispose();

    // Outside the lock, since a connection may go on in this thread.
    private void Each(Action<MtaConnection> action)
    {
        MtaConnection[] all;
        lock (running)
            all = [.. running];
        foreach (var connection in all)
            action(connection);
    }
}
