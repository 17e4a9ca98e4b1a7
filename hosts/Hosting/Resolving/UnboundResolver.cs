using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Resolving;

/// <summary>DNS by libunbound: asynchronous, with a cache of its own, and with DNSSEC validation in this process where
/// trust anchors are given.</summary>
internal sealed class UnboundResolver : NetworkResolver
{
    private static readonly ConcurrentDictionary<nint, Waiting> pending = new();
    private static long lastNumber;

    private readonly nint context;
    private readonly int wake;
    private readonly bool validates;
    private readonly int recordOctets;
    private readonly Thread pump;
    private readonly SemaphoreSlim underWay = new(ResolverLimits.UnderWay, ResolverLimits.UnderWay);

    // Held while the context is called, so that it is never called after it is gone.
    private readonly Lock alive = new();
    private bool disposed;

    private UnboundResolver(nint context, ResolverSettings settings, IReadOnlyList<IPEndPoint> servers)
        : base(settings.Caching, ResolverLimits.Places, settings.Clock)
    {
        this.context = context;
        recordOctets = settings.RecordOctets;
        validates = settings.TrustAnchorFile is not null;
        Description = $"libunbound {Unbound.Version}"
            + (servers.Count == 0 ? ", asking the root servers" : $", forwarding to {string.Join(", ", servers)}")
            + (validates ? $", DNSSEC with the anchors of {settings.TrustAnchorFile}" : "");
        wake = Libc.eventfd(0, Libc.O_CLOEXEC | Libc.O_NONBLOCK);
        pump = new Thread(Pump, 256 * 1024) { IsBackground = true, Name = "resolver" };
        pump.Start();
    }

    public override string Description { get; }

    /// <summary>Makes a resolver; the library must be there.</summary>
    /// <param name="servers">Whom it forwards to; without any it asks from the root on.</param>
    /// <exception cref="StartupException">The library refuses a setting.</exception>
    public static UnboundResolver Open(ResolverSettings settings, IReadOnlyList<IPEndPoint> servers)
    {
        var resolver = new UnboundResolver(Unbound.CreateContext(settings, servers), settings, servers);
        resolver.WarmUp();
        return resolver;
    }

    public override void Dispose()
    {
        lock (alive)
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
        }

        WakePump();
        pump.Join();
        foreach (var (number, waiting) in pending)
        {
            if (waiting.Owner == this && pending.TryRemove(number, out _))
            {
                waiting.Answered.TrySetCanceled();
            }
        }

        base.Dispose();
        Unbound.Delete(context);
        _ = Libc.close(wake);
    }

    protected override async Task<TimedAnswer> LookUpAsync(Question question, CancellationToken cancellation)
    {
        await underWay.WaitAsync(cancellation).ConfigureAwait(false);

        // The library gets a number instead of a handle.
        var number = (nint)Interlocked.Increment(ref lastNumber);
        var answered = new TaskCompletionSource<TimedAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        pending[number] = new Waiting(answered, this);
        var error = Start(question, number);
        if (error != 0)
        {
            pending.TryRemove(number, out _);
            underWay.Release();
            return new TimedAnswer(Answer.Unavailable(Unbound.Describe(error)), 0);
        }

        return await answered.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    // With its first question the library starts its thread, and ends the process where that gets no descriptor. So it
    // is asked now, for a name that it answers for itself.
    private void WarmUp()
    {
        var answered = LookUpAsync(new Question("localhost", RecordType.A), CancellationToken.None);
        if (!answered.Wait(ResolverLimits.unboundStart))
        {
            Dispose();
            throw new StartupException(StartupFault.Resolver, "libunbound does not start");
        }
    }

    private int Start(Question question, nint number)
    {
        lock (alive)
        {
            return disposed ? Unbound.InitFailure : Unbound.Ask(context, question, number);
        }
    }

    private unsafe void WakePump()
    {
        ulong one = 1;
        Libc.WriteAll(wake, new ReadOnlySpan<byte>(&one, sizeof(ulong)));
    }

    private unsafe void Pump()
    {
        var entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { Descriptor = Unbound.Descriptor(context), Events = Libc.POLLIN };
        entries[1] = new PollEntry { Descriptor = wake, Events = Libc.POLLIN };
        while (!Volatile.Read(ref disposed))
        {
            if (Libc.poll(entries, 2, -1) > 0 && entries[0].Returned != 0 && Unbound.Process(context) != 0)
            {
                // Its pipe has failed: do not spin. Lookups end by their deadlines.
#pragma warning disable RS0030 // What has failed tells nothing any more.
                Thread.Sleep(ResolverLimits.UnboundPause);
#pragma warning restore RS0030
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static unsafe void Answered(void* number, int error, UnboundResult* result)
    {
        try
        {
            if (pending.TryRemove((nint)number, out var waiting))
            {
                waiting.Owner.underWay.Release();
                waiting.Answered.TrySetResult(error != 0 || result == null
                    ? new TimedAnswer(Answer.Unavailable(Unbound.Describe(error)), 0)
                    : Convert(*result, waiting.Owner));
            }
        }
        catch (Exception)
        {
            // Nothing may unwind into the library; the lookup ends by its deadline.
        }
        finally
        {
            Unbound.Free(result);
        }
    }

    private static unsafe TimedAnswer Convert(in UnboundResult result, UnboundResolver owner)
    {
        var security = !owner.validates ? Security.Unchecked
            : result.Bogus != 0 ? Security.Bogus
            : result.Secure != 0 ? Security.Secure
            : Security.Insecure;
        if (result.HaveData == 0 && security == Security.Bogus)
        {
            return new TimedAnswer(new Answer(Outcome.NewUnavailable("bogus"), security), 0);
        }

        if (result.NxDomain != 0)
        {
            return new TimedAnswer(Answer.NoSuchName(security), result.TimeToLive);
        }

        if (result.Rcode != 0)
        {
            return new TimedAnswer(Answer.Unavailable(Rcode.Name(result.Rcode)), 0);
        }

        var records = new Records((RecordType)result.Type, owner.recordOctets);
        for (var i = 0; result.HaveData != 0 && result.Data[i] != null && !records.IsFull; i++)
        {
            records.Add(new ReadOnlySpan<byte>(result.Data[i], result.Lengths[i]));
        }

        return new TimedAnswer(records.ToAnswer(security), result.TimeToLive);
    }

    private readonly record struct Waiting(TaskCompletionSource<TimedAnswer> Answered, UnboundResolver Owner);
}
