using System.Buffers;
using Dkim.Core.Asking;
using Dkim.Core.Programs.Filters.Milter;
using Dkim.Core.Signatures;
using Dkim.Hosting;
using Dkim.MilterHost.Dialogue;
using Microsoft.FSharp.Collections;

namespace Dkim.MilterHost.Connections;

/// <summary>
/// One connection of an MTA: moves octets between socket and session, has questions looked up and watches the clock.
/// Events come from any thread; whichever brings the first does the work until none is left, so that nobody has to be
/// woken and only one thread is ever inside. Without a message on its way a connection holds no buffer.
/// </summary>
internal sealed class MtaConnection : IReadiness, IConnection
{
    // A piece of a body in one read, with its head.
    private const int ScratchSize = 68 * 1024;
    private const int LeastRoom = 4096;
    private const int LargestPooled = 1 << 17;
    private static readonly Task<Found> nothingAsked = Task.FromResult(Found.Nothing);

    [ThreadStatic]
    private static byte[]? scratch;

    private readonly StreamSocket socket;
    private readonly IMilterService service;
    private readonly Patience patience;
    private readonly TimeProvider clock;
    private readonly PooledBuffer output = new();
    private readonly MilterSession session;
    private readonly TaskCompletionSource ended = new();
    private readonly Action answered;
    private readonly Action goOn;
    private Task<Found> asked = nothingAsked;
    private MessageNeeds? finder;
    private int messageNumber;
    private byte[] kept = [];
    private int keptLength;
    private bool unheard;
    private int sent;
    private bool sending;
    private bool readable;
    private bool peerEnded;
    private bool closed;
    private long deadline;
    private int state;

    public MtaConnection(StreamSocket socket, IMilterService service, Patience patience)
    {
        this.socket = socket;
        this.service = service;
        this.patience = patience;
        clock = service.Clock;
        session = new MilterSession(service, output);
        answered = () => Post(Events.Answered);
        goOn = Work;
        SetDeadline();
    }

    [Flags]
    private enum Events
    {
        None = 0,
        MayReceive = 1,
        MaySend = 2,
        PeerEnded = 4,
        Answered = 8,
        Late = 16,
        Stop = 32,
        Abort = 64,

        /// <summary>A thread is inside.</summary>
        Working = 1 << 30,
    }

    /// <summary>Serves the connection to its end, which may be any; the socket is then closed.</summary>
    public Task ServeAsync()
    {
        socket.Watch(this);
        return ended.Task;
    }

    public void Tick(long now)
    {
        if (now > Volatile.Read(ref deadline))
            Post(Events.Late);
    }

    public void Stop(bool now) => Post(now ? Events.Abort : Events.Stop);

    /// <summary>Closes the connection. Not while another thread is inside.</summary>
    public void Dispose()
    {
        if (closed)
            return;
        closed = true;
        session.Dispose();
        socket.Dispose();
        Forget();
        output.Dispose();
        ended.SetResult();
    }

    void IReadiness.Ready(bool receive, bool send, bool ended) => Post(
        (receive ? Events.MayReceive : Events.None)
        | (send ? Events.MaySend : Events.None)
        | (ended ? Events.PeerEnded : Events.None));

    private void Post(Events happened)
    {
        var before = (Events)Interlocked.Or(ref state, (int)(happened | Events.Working));
        if ((before & Events.Working) == 0)
            Work();
    }

    private void Work()
    {
        var end = clock.Milliseconds() + MilterLimits.Turn;
        do
        {
            var happened = (Events)Interlocked.Exchange(ref state, (int)Events.Working);
            try
            {
                Heed(happened);
                Converse(end);
            }
            catch (Exception failure)
            {
                service.Log(MilterLog.Broken($"a connection ended by {failure.GetType().Name}: {failure.Message}"));
                Dispose();
            }

            // What was closed stays locked.
            if (closed)
                return;
            if (clock.Milliseconds() >= end)
            {
                // A peer that never pauses must not keep the others waiting. Nobody else is let in meanwhile.
                StreamSocket.Later(goOn);
                return;
            }
        }
        while (Interlocked.CompareExchange(ref state, 0, (int)Events.Working) != (int)Events.Working);
    }

    private void Heed(Events happened)
    {
        readable |= (happened & Events.MayReceive) != 0;
        peerEnded |= (happened & Events.PeerEnded) != 0;
        if ((happened & Events.Stop) != 0)
            session.Stop();
        if ((happened & Events.Abort) != 0)
            Dispose();
        else if ((happened & Events.Late) != 0 && clock.Milliseconds() > deadline)
            EndPatience();
    }

    private void EndPatience()
    {
        if (session.Waiting && !sending)
            session.Progress();
        else
            Dispose();
    }

    // Goes on until only waiting helps, or its turn is over.
    private void Converse(long end)
    {
        do
        {
            FindNeeds();
            Flush();
            if (session.Closed && !sending)
                Dispose();
        }
        while (!closed && !sending && !session.Waiting && clock.Milliseconds() < end && Hear());

        SetDeadline();
    }

    private void FindNeeds()
    {
        do
        {
            if (session.TakeNeeds() is { IsEmpty: false } needs)
                Ask(needs);
            if (!session.Waiting || !asked.IsCompleted)
                return;
            session.Go(asked.Result);
        }
        while (true);
    }

    private void Ask(FSharpList<Need> needs)
    {
        if (finder is null || messageNumber != session.MessageNumber)
            finder = service.NewNeeds();
        messageNumber = session.MessageNumber;
        asked = finder.FindAsync(needs);
        if (!asked.IsCompleted)
            asked.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(answered);
    }

    // True when there was something to hear.
    private bool Hear()
    {
        if (unheard)
        {
            Use(kept.AsSpan(0, keptLength));
            return true;
        }

        if (!readable)
            return false;
        var whole = keptLength == 0 ? scratch ??= new byte[ScratchSize] : RoomBehindKept();
        var room = whole.AsSpan(keptLength);
        var count = socket.TryReceive(room);
        if (count is 0 or -2)
        {
            Dispose();
            return false;
        }

        // Less than fitted: the connection is empty until readiness is told again, which an end has been already.
        readable = count == room.Length || (peerEnded && count > 0);
        if (count > 0)
            Use(whole.AsSpan(0, keptLength + count));
        return count > 0;
    }

    private void Use(ReadOnlySpan<byte> octets)
    {
        var used = session.Receive(octets);
        Keep(octets[used..]);
        unheard = (session.Waiting || session.Paused) && keptLength > 0;
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (rest.Length == 0)
        {
            Forget();
            return;
        }

        if (kept.Length == 0)
            kept = Rent(Math.Max(LeastRoom, rest.Length * 2));
        rest.CopyTo(kept);
        keptLength = rest.Length;
    }

    private byte[] RoomBehindKept()
    {
        if (keptLength < kept.Length)
            return kept;
        var larger = Rent(kept.Length * 2);
        kept.AsSpan(0, keptLength).CopyTo(larger);
        Return(kept);
        return kept = larger;
    }

    // The pool does not give large ones back.
    private static byte[] Rent(int length) =>
        length <= LargestPooled ? ArrayPool<byte>.Shared.Rent(length) : GC.AllocateUninitializedArray<byte>(length);

    private static void Return(byte[] array)
    {
        if (array.Length is > 0 and <= LargestPooled)
            ArrayPool<byte>.Shared.Return(array);
    }

    private void Forget()
    {
        Return(kept);
        kept = [];
        keptLength = 0;
    }

    // All replies of a turn in one write.
    private void Flush()
    {
        while (sent < output.Length)
        {
            var count = socket.TrySend(output.Written.Span[sent..]);
            if (count == -2)
            {
                Dispose();
                return;
            }

            sending = count == -1;
            if (sending)
            {
                socket.WatchOutput();
                return;
            }

            sent += count;
        }

        if (sent > 0)
            output.Dispose();
        sent = 0;
        sending = false;
    }

    private void SetDeadline()
    {
        var wait = sending ? patience.Reply
            : session.LastIsFirst ? patience.FirstMessage
            : session.Waiting ? patience.Progress : patience.Command;
        Volatile.Write(ref deadline, clock.Milliseconds() + (long)wait.TotalMilliseconds);
    }
}
