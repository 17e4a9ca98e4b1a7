using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Dkim.Core;

namespace Dkim.Hosting;

/// <summary>DNS by the C library's <c>res_nquery</c>, which is always there. A call blocks its thread, so a bounded set
/// of threads of our own makes them; the pool never waits for the DNS.</summary>
internal sealed class SystemResolver(ResolverSettings settings) : NetworkResolver(settings.Caching)
{
    private const int MaxThreads = 32;
    private const int MaxWaiting = 10_000;
    private const int MaxAliases = 8;
    private const int StackSize = 512 * 1024;
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(10);

    private readonly Queue<Job> jobs = [];
    private int threads;
    private int idle;
    private bool disposed;

    public override string Description { get; } =
        "the C library's resolver"
        + (settings.Forwarders.Count == 0
            ? ""
            : $", asking {string.Join(", ", settings.Forwarders.Take(ResolverState.MaxServers))}");

    public override void Dispose()
    {
        lock (jobs)
        {
            disposed = true;
            Monitor.PulseAll(jobs);
        }
    }

    protected override async Task<TimedAnswer> LookUpAsync(Question question, CancellationToken cancellation)
    {
        var job = new Job(question, cancellation);
        lock (jobs)
        {
            if (disposed || jobs.Count >= MaxWaiting)
            {
                return new TimedAnswer(Answer.Unavailable("too many lookups"), 0);
            }

            jobs.Enqueue(job);
            if (jobs.Count > idle && threads < MaxThreads)
            {
                threads++;
                new Thread(Work, StackSize) { IsBackground = true, Name = "resolver" }.Start();
            }
            else
            {
                Monitor.Pulse(jobs);
            }
        }

        return await job.Done.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private void Work()
    {
        using var state = new ResolverState(settings);
        while (Next() is { } job)
        {
            if (job.Cancellation.IsCancellationRequested)
            {
                continue;
            }

            try
            {
                job.Done.TrySetResult(Ask(state, job.Question));
            }
            catch (Exception failure)
            {
                job.Done.TrySetException(failure);
            }
        }
    }

    private Job? Next()
    {
        lock (jobs)
        {
            while (jobs.Count == 0)
            {
                idle++;
                var woken = !disposed && Monitor.Wait(jobs, Idle);
                idle--;
                if ((disposed || !woken) && jobs.Count == 0)
                {
                    threads--;
                    return null;
                }
            }

            return jobs.Dequeue();
        }
    }

    // Recursive servers send the whole chain of aliases; one that does not is asked for the rest.
    private static TimedAnswer Ask(ResolverState state, Question question)
    {
        var name = question.Name;
        var timeToLive = int.MaxValue;
        for (var hop = 0; hop <= MaxAliases; hop++)
        {
            var failed = state.Query(name, question.Type, out var packet);
            if (failed is not null)
            {
                return new TimedAnswer(failed, 0);
            }

            if (!DnsReply.TryRead(packet, name, question.Type, out var content))
            {
                return new TimedAnswer(Answer.Unavailable("broken reply"), 0);
            }

            timeToLive = Math.Min(timeToLive, content.TimeToLive);
            if (!content.Records.IsEmpty || content.Alias.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return new TimedAnswer(content.Records.ToAnswer(state.Security(packet)), timeToLive);
            }

            if (!IsPossible(content.Alias))
            {
                return new TimedAnswer(Answer.NoSuchName(state.Security(packet)), timeToLive);
            }

            name = content.Alias;
        }

        return new TimedAnswer(Answer.Unavailable("too many aliases"), 0);
    }

    private sealed record Job(Question Question, CancellationToken Cancellation)
    {
        public TaskCompletionSource<TimedAnswer> Done { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>A <c>struct __res_state</c> of glibc, as it is laid out where pointers have 64 bits, and the buffer for
/// replies. For one thread.</summary>
internal sealed unsafe class ResolverState : IDisposable
{
    private const int Size = 1024;
    private const int Retransmission = 0;
    private const int Attempts = 4;
    private const int Options = 8;
    private const int ServerCount = 16;
    private const int Servers = 20;
    private const int HostError = 496;
    private const int ExtendedCount = 512;
    private const int ExtendedServerCount6 = 532;
    private const int ExtendedServers = 536;
    private const ulong UseEdns = 0x0010_0000;
    private const ulong TrustAd = 0x0400_0000;
    private const int ReplySize = 65536;
    private const int HostNotFound = 1;
    private const int NoData = 4;
    private const int AddressSize4 = 16;
    private const int AddressSize6 = 28;
    public const int MaxServers = 3;

    // resolv.conf is read again after this: what we change in the state keeps glibc from noticing by itself.
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    private readonly ResolverSettings settings;
    private readonly byte* state = (byte*)NativeMemory.AllocZeroed(Size);
    private readonly byte* reply = (byte*)NativeMemory.AllocZeroed(ReplySize);
    private long expires;
    private bool open;

    public ResolverState(ResolverSettings settings) => this.settings = settings;

    /// <summary>Asks; null when the packet is a reply with records, else what there is instead.</summary>
    public Answer? Query(string name, RecordType type, out ReadOnlySpan<byte> packet)
    {
        packet = default;
        if (Environment.TickCount64 >= expires && !TryOpen())
        {
            return Answer.Unavailable("no resolver");
        }

        new Span<byte>(reply, 12).Clear();
        fixed (byte* text = Libc.Text(name))
        {
            var length = res_nquery(state, text, 1, (int)type, reply, ReplySize);
            var error = Libc.LastError;
            if (length >= 0)
            {
                packet = new ReadOnlySpan<byte>(reply, Math.Min(length, ReplySize));
                return null;
            }

            var header = new ReadOnlySpan<byte>(reply, 12);
            return *(int*)(state + HostError) switch
            {
                HostNotFound => Answer.NoSuchName(Security(header)),
                NoData => Answer.Found([], Security(header)),
                _ when (header[2] & 0x80) != 0 && (header[3] & 0x0F) != 0 =>
                    Answer.Unavailable(DnsReply.RcodeName(header[3] & 0x0F)),
                _ => Answer.Unavailable(error == Libc.ECONNREFUSED ? "no server" : "timeout"),
            };
        }
    }

    /// <summary>The server's AD bit, where resolv.conf says that it can be trusted (<c>options trust-ad</c>).</summary>
    public Security Security(ReadOnlySpan<byte> packet) =>
        (*(ulong*)(state + Options) & TrustAd) == 0 ? Dkim.Core.Security.Unchecked
        : (packet[3] & 0x20) != 0 ? Dkim.Core.Security.Secure
        : Dkim.Core.Security.Insecure;

    public void Dispose()
    {
        Close();
        NativeMemory.Free(state);
        NativeMemory.Free(reply);
    }

    private bool TryOpen()
    {
        Close();
        new Span<byte>(state, Size).Clear();
        open = __res_ninit(state) == 0;
        if (!open)
        {
            return false;
        }

        *(ulong*)(state + Options) |= UseEdns;
        if (settings.Forwarders.Count > 0)
        {
            SetServers([.. settings.Forwarders.Take(MaxServers)]);
        }

        // glibc waits `retrans` seconds per server in the first attempt, and in later ones twice that, shared out.
        var servers = Math.Clamp(*(int*)(state + ServerCount), 1, MaxServers);
        *(int*)(state + Attempts) = 2;
        *(int*)(state + Retransmission) = (int)Math.Clamp(settings.SystemTime.TotalSeconds / (servers + 2), 1, 30);
        expires = Environment.TickCount64 + (long)Fresh.TotalMilliseconds;
        return true;
    }

    private void SetServers(IPEndPoint[] servers)
    {
        *(int*)(state + ServerCount) = servers.Length;
        new Span<byte>(state + Servers, AddressSize4 * MaxServers).Clear();
        for (var i = 0; i < servers.Length; i++)
        {
            if (servers[i].AddressFamily == AddressFamily.InterNetwork)
            {
                WriteAddress(new Span<byte>(state + Servers + (AddressSize4 * i), AddressSize4), servers[i]);
                continue;
            }

            // An IPv6 server lives in the private part of the state; its place in the public list stays empty.
            var place = (byte**)(state + ExtendedServers) + i;
            if (*place == null)
            {
                *place = (byte*)NativeMemory.AllocZeroed(AddressSize6);
            }

            WriteAddress(new Span<byte>(*place, AddressSize6), servers[i]);
        }

        // Nothing known: the first query completes the private part with the servers of the public list.
        *(ushort*)(state + ExtendedCount) = 0;
        *(ushort*)(state + ExtendedServerCount6) =
            (ushort)servers.Count(server => server.AddressFamily != AddressFamily.InterNetwork);
    }

    private static void WriteAddress(Span<byte> target, IPEndPoint server)
    {
        var isV4 = server.AddressFamily == AddressFamily.InterNetwork;
        BitConverter.TryWriteBytes(target, (ushort)(isV4 ? 2 : 10));
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], (ushort)server.Port);
        server.Address.TryWriteBytes(isV4 ? target[4..] : target[8..], out _);
    }

    private void Close()
    {
        if (open)
        {
            __res_nclose(state);
            open = false;
        }
    }

    [DllImport("libc.so.6", SetLastError = true)]
    private static extern int res_nquery(byte* state, byte* name, int @class, int type, byte* answer, int length);
    [DllImport("libc.so.6")]
    private static extern int __res_ninit(byte* state);
    [DllImport("libc.so.6")]
    private static extern void __res_nclose(byte* state);
}
