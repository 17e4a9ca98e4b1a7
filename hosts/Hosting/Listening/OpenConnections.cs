using Dkim.Core.Programs.Running;

namespace Dkim.Hosting.Listening;

/// <summary>A connection as its service sees it. <see cref="Tick"/> and <see cref="Stop"/> may come from any thread,
/// also after its end.</summary>
public interface IConnection : IDisposable
{
    /// <summary>Serves the connection to its end, which may be any.</summary>
    Task ServeAsync();

    /// <summary>Reminds the connection of its time limit.</summary>
    /// <param name="now">As in <see cref="Clock.Milliseconds"/>.</param>
    void Tick(long now);

    /// <summary>Ends the connection once nothing is on its way, or at once.</summary>
    void Stop(bool now);
}

/// <summary>The connections in progress: one clock reminds all of their time limits, and one call stops them.</summary>
public sealed class OpenConnections : IDisposable
{
    private readonly HashSet<IConnection> open = [];
    private readonly ITimer beat;
    private bool stopping;

    public OpenConnections(TimeProvider clock) =>
        beat = clock.CreateTimer(_ => Remind(clock.Milliseconds()), null, ServiceLimits.connectionBeat, ServiceLimits.connectionBeat);

    /// <summary>Serves one connection to its end and disposes of it.</summary>
    public async Task ServeAsync(IConnection connection)
    {
        bool late;
        lock (open)
        {
            open.Add(connection);
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
            lock (open)
                open.Remove(connection);
            connection.Dispose();
        }
    }

    /// <summary>Ends each connection after what it has on its way, or at once.</summary>
    public void Stop(bool now)
    {
        lock (open)
            stopping = true;
        Each(connection => connection.Stop(now));
    }

    public void Dispose() => beat.Dispose();

    private void Remind(long now) => Each(connection => connection.Tick(now));

    // Outside the lock, since a connection may go on in this thread.
    private void Each(Action<IConnection> action)
    {
        IConnection[] all;
        lock (open)
            all = [.. open];
        foreach (var connection in all)
            action(connection);
    }
}
