using System.Collections.Concurrent;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Sockets;

/// <summary>Who is told that a socket has become ready. The call comes from a thread of the reactor, which does nothing
/// else until it returns; calls for one socket may overlap.</summary>
public interface IReadiness
{
    /// <param name="receive">There is something to receive, or the end.</param>
    /// <param name="send">There is room to send.</param>
    /// <param name="ended">The peer sends nothing more, or the connection is broken.</param>
    void Ready(bool receive, bool send, bool ended);
}

/// <summary>
/// Waits for many sockets with as many threads as there are processors. Whichever thread is free takes the next event
/// and does the work in place, so that neither the pool nor another thread has to be woken, and long work of one
/// connection holds up no other while a processor is free.
/// </summary>
internal sealed unsafe class Reactor
{
    private static readonly Lazy<Reactor> shared = new(() => new Reactor());
    private const long Bell = 0;
    private readonly ConcurrentDictionary<long, IReadiness> watched = new();
    private readonly ConcurrentQueue<Action> later = new();
    private readonly int epoll;
    private readonly int bell;
    private volatile bool answered = true;
    private long lastNumber;

    private Reactor()
    {
        epoll = Libc.epoll_create1(Libc.O_CLOEXEC);
        if (epoll < 0)
        {
            throw new IOException($"epoll: {Libc.Describe(Libc.LastError)}");
        }

        bell = Libc.eventfd(0, Libc.O_CLOEXEC);
        if (bell < 0 || Control(Libc.EPOLL_CTL_ADD, bell, Bell, output: false) != 0)
        {
            throw new IOException($"eventfd: {Libc.Describe(Libc.LastError)}");
        }

        for (var i = 0; i < Math.Max(2, Environment.ProcessorCount); i++)
        {
            new Thread(Loop) { IsBackground = true, Name = "sockets" }.Start();
        }
    }

    public static Reactor Shared => shared.Value;

    /// <summary>Begins to watch a socket for input, told at its edges; the number names it from now on.</summary>
    public long Add(int fd, IReadiness target, bool output = false)
    {
        var number = Interlocked.Increment(ref lastNumber);
        watched[number] = target;
        if (Control(Libc.EPOLL_CTL_ADD, fd, number, output) == 0)
        {
            return number;
        }

        watched.TryRemove(number, out _);
        throw new IOException($"epoll: {Libc.Describe(Libc.LastError)}");
    }

    /// <summary>Tells another from now on, for input alone; first of all if there is some.</summary>
    public void Replace(int fd, long number, IReadiness target)
    {
        watched[number] = target;
        _ = Control(Libc.EPOLL_CTL_MOD, fd, number, output: false);
    }

    /// <summary>Watches for room to send as well; tells at once if there is some.</summary>
    public void WatchOutput(int fd, long number) => Control(Libc.EPOLL_CTL_MOD, fd, number, output: true);

    /// <summary>Forgets a socket, whose descriptor is to be closed next.</summary>
    public void Remove(long number) => watched.TryRemove(number, out _);

    /// <summary>Does work in a thread of the reactor, behind all that is ready now.</summary>
    public void Later(Action work)
    {
        later.Enqueue(work);
        Ring();
    }

    /// <summary>Whether a thread has been free to do something since this was asked before.</summary>
    public bool Answers()
    {
        var before = answered;
        answered = false;
        Later(() => answered = true);
        return before;
    }

    // Each time is an edge, so that the number of the rings never has to be read.
    private void Ring()
    {
        ulong one = 1;
        _ = Libc.WriteAll(bell, new ReadOnlySpan<byte>(&one, sizeof(ulong)));
    }

    // Rings that nobody heard in time are one: whoever leaves work behind rings again, before long work of its own.
    private void DoLater()
    {
        if (later.TryDequeue(out var work))
        {
            if (!later.IsEmpty)
            {
                Ring();
            }

            work();
        }
    }

    private int Control(int operation, int fd, long number, bool output)
    {
        var entry = new EpollEvent
        {
            Events = Libc.EPOLLIN | (output ? Libc.EPOLLOUT : 0) | Libc.EPOLLRDHUP | Libc.EPOLLET,
            Data = number,
        };
        return Libc.epoll_ctl(epoll, operation, fd, &entry);
    }

    private void Loop()
    {
        // One at a time: a second event would wait for the work of the first while another thread sleeps.
        EpollEvent entry;
        while (true)
        {
            if (Libc.epoll_wait(epoll, &entry, 1, -1) < 1)
            {
                continue;
            }

            if (entry.Data == Bell)
            {
                DoLater();
            }
            else if (watched.TryGetValue(entry.Data, out var target))
            {
                var ended = (entry.Events & (Libc.EPOLLRDHUP | Libc.EPOLLHUP | Libc.EPOLLERR)) != 0;
                target.Ready(
                    (entry.Events & Libc.EPOLLIN) != 0 || ended, (entry.Events & Libc.EPOLLOUT) != 0 || ended, ended);
            }
        }
    }
}
