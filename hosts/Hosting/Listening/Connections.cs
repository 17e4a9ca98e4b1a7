using System.Net.Sockets;
using Dkim.Core.Programs.Running;
using Dkim.Hosting.Sockets;

namespace Dkim.Hosting.Listening;

/// <summary>Accepts connections in the threads of the reactor and serves each there, no more than allowed at
/// once.</summary>
internal sealed class Connections(
    Func<StreamSocket, CancellationToken, Task> session,
    int most,
    Action<string> report,
    TimeProvider clock,
    CancellationToken abort)
{
    private readonly List<Door> doors = [];
    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Connections in progress, and one until the doors are closed.
    private int places = 1;
    private int crowded;
    private volatile bool closed;

    /// <summary>Begins to accept from a socket that listens.</summary>
    public void Open(Socket listening)
    {
        StreamSocket.MakeNonBlocking(listening);
        lock (doors)
        {
            doors.Add(new Door(listening, this));
            doors[^1].Open();
        }
    }

    /// <summary>Accepts no more; what is in progress goes on.</summary>
    public void Close()
    {
        closed = true;
        lock (doors)
        {
            doors.ForEach(door => door.Close());
        }

        Leave();
    }

    /// <summary>Whether all connections have ended in time; once closed.</summary>
    public async Task<bool> EndedAsync(TimeSpan patience) =>
        await Task.WhenAny(drained.Task, Task.Delay(patience, clock)).ConfigureAwait(false) == drained.Task;

    private bool Enter()
    {
        while (Interlocked.Increment(ref places) > most + 1)
        {
            Interlocked.Decrement(ref places);
            Interlocked.Exchange(ref crowded, 1);
            if (Volatile.Read(ref places) > most)
            {
                report($"{most} of {most} connections are in use; others wait");
                return false;
            }
        }

        return true;
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref places) == 0)
        {
            drained.TrySetResult();
        }
        else if (Volatile.Read(ref crowded) == 1 && Interlocked.Exchange(ref crowded, 0) == 1)
        {
            Retry();
        }
    }

    private void Retry()
    {
        lock (doors)
        {
            doors.ForEach(door => door.Open());
        }
    }

    private void AcceptFrom(Socket listening)
    {
        while (!closed && Enter())
        {
            var accepted = StreamSocket.TryAccept(listening, out var failure);
            if (accepted is null)
            {
                Leave();
                if (failure is not null)
                {
                    Report(failure);
                }

                return;
            }

            _ = ServeAsync(accepted);
        }
    }

    private async void Report(string failure)
    {
        report($"cannot accept a connection: {failure}");
        await Task.Delay(ServiceLimits.acceptPause, clock).ConfigureAwait(false);
        Retry();
    }

    private async Task ServeAsync(StreamSocket socket)
    {
        try
        {
            await session(socket, abort).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (abort.IsCancellationRequested)
        {
        }
        catch (Exception failure)
        {
            report($"a connection ended by {failure.GetType().Name}: {failure.Message}");
        }
        finally
        {
            socket.Dispose();
            Leave();
        }
    }

    /// <summary>A listening socket, watched.</summary>
    private sealed class Door(Socket listening, Connections connections) : IReadiness
    {
        private long number;

        /// <summary>Tells when somebody connects, first of all if somebody waits.</summary>
        public void Open()
        {
            if (connections.closed)
            {
                return;
            }

            var fd = (int)listening.Handle;
            if (number == 0)
            {
                number = Reactor.Shared.Add(fd, this);
            }
            else
            {
                Reactor.Shared.Replace(fd, number, this);
            }
        }

        public void Close()
        {
            Reactor.Shared.Remove(number);
            listening.Dispose();
        }

        public void Ready(bool receive, bool send, bool ended) => connections.AcceptFrom(listening);
    }
}
