using System.Threading.Tasks.Sources;

namespace Dkim.Hosting.Sockets;

/// <summary>What a session waits for.</summary>
[Flags]
public enum Events
{
    None = 0,
    ClientMayReceive = 1,
    ClientMaySend = 2,
    OnwardMayReceive = 4,
    OnwardMaySend = 8,

    /// <summary>The time limit of the session is over.</summary>
    Late = 16,

    /// <summary>The service ends: finish what is on its way.</summary>
    Stop = 32,

    /// <summary>The service ends now.</summary>
    Abort = 64,
}

/// <summary>Collects events from any thread for one waiting task, without allocation. The task goes on in the thread
/// that posts.</summary>
public sealed class Wake : IValueTaskSource<Events>
{
    private const int Waiting = 1 << 30;
    private ManualResetValueTaskSourceCore<bool> source;
    private int state;

    /// <summary>Adds an event; wakes the task if it waits.</summary>
    public void Post(Events happened)
    {
        int before;
        do
        {
            before = Volatile.Read(ref state);
        }
        while (Interlocked.CompareExchange(ref state, (before & ~Waiting) | (int)happened, before) != before);

        if ((before & Waiting) != 0)
            source.SetResult(true);
    }

    /// <summary>The events since the last call, as soon as there is one. One caller at a time.</summary>
    public ValueTask<Events> NextAsync()
    {
        source.Reset();
        return Interlocked.CompareExchange(ref state, Waiting, 0) == 0
            ? new ValueTask<Events>(this, source.Version)
            : ValueTask.FromResult(Take());
    }

    public Events GetResult(short token)
    {
        source.GetResult(token);
        return Take();
    }

    public ValueTaskSourceStatus GetStatus(short token) => source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, token, flags);

    private Events Take() => (Events)Interlocked.Exchange(ref state, 0);
}
