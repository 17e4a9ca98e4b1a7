using Dkim.Hosting;

namespace Dkim.ProxyHost;

/// <summary>The sessions in progress: one clock reminds all of their time limits, and one call stops them.</summary>
internal sealed class Sessions : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(250);
    private readonly HashSet<Session> running = [];
    private readonly Timer clock;
    private bool stopping;

    public Sessions() => clock = new Timer(_ => Remind(), null, Beat, Beat);

    /// <summary>Serves one connection to its end.</summary>
    public async Task ServeAsync(StreamSocket client, Relaying relaying)
    {
        using var session = new Session(client, relaying);
        Add(session);
        try
        {
            await session.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            lock (running)
                running.Remove(session);
        }
    }

    /// <summary>Ends each session after the message it has on its way, or at once.</summary>
    public void Stop(bool now)
    {
        lock (running)
            stopping = true;
        Each(session => session.Stop(now));
    }

    public void Dispose() => clock.Dispose();

    private void Add(Session session)
    {
        bool late;
        lock (running)
        {
            running.Add(session);
            late = stopping;
        }

        if (late)
            session.Stop(now: false);
    }

    private void Remind() => Each(static session => session.Tick(Environment.TickCount64));

    // Outside the lock, since a session may go on in this thread.
    private void Each(Action<Session> action)
    {
        Session[] all;
        lock (running)
            all = [.. running];
        foreach (var session in all)
            action(session);
    }
}
