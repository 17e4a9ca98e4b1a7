using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;

namespace Dkim.Bench.Sockets;

/// <summary>Servers that answer each request of so many octets with a short reply.</summary>
internal static class Servers
{
    /// <summary>The ways to write one.</summary>
    public static readonly string[] Ways =
    [
        "ours, in place (the milters)",
        "ours, a task and Wake (the proxies)",
        "Socket, async, inline",
        "Socket, async",
        "Pipelines, inline",
        "Pipelines",
    ];

    /// <summary>What is answered.</summary>
    public static readonly byte[] Reply = new byte[64];

    /// <summary>Prints its port and serves until it is killed.</summary>
    public static async Task<int> RunAsync(string way, int size)
    {
        using var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen(128);
        Console.Out.WriteLine(((IPEndPoint)listening.LocalEndPoint!).Port);
        if (way.StartsWith("ours", StringComparison.Ordinal))
        {
            Func<StreamSocket, CancellationToken, Task> session = way == Ways[0]
                ? (socket, _) => new InPlace(socket, size).ServeAsync()
                : (socket, _) => WakeAsync(socket, size);
            var settings = new ServeSettings(1000, TimeSpan.Zero);
            await Listener.Adopt([listening]).ServeAsync(session, settings, Console.Error.WriteLine, CancellationToken.None);
            return 0;
        }

        var piped = way.StartsWith("Pipelines", StringComparison.Ordinal);
        while (true)
        {
            var accepted = await listening.AcceptAsync();
            accepted.NoDelay = true;
            _ = piped ? PipelinesAsync(accepted, size) : SocketAsync(accepted, size);
        }
    }

    private static async Task WakeAsync(StreamSocket socket, int size)
    {
        var wake = new Wake();
        using var leg = new Leg(socket, wake, Events.ClientMayReceive, Events.ClientMaySend);
        var have = 0;
        while (!leg.Ended)
        {
            var happened = await wake.NextAsync();
            if ((happened & Events.ClientMayReceive) != 0)
                leg.MayReceive();
            if ((happened & Events.ClientMaySend) != 0)
                leg.ContinueSending();
            while (leg.Receive())
            {
                have += leg.Input.Length;
                leg.Discard();
                if (have < size)
                    continue;
                have = 0;
                Reply.CopyTo(leg.Output.GetSpan(Reply.Length));
                leg.Output.Advance(Reply.Length);
                leg.StartSending();
            }
        }
    }

    private static async Task SocketAsync(Socket socket, int size)
    {
        using var open = socket;
        var buffer = new byte[32 * 1024];
        var have = 0;
        while (await socket.ReceiveAsync(buffer) is var count and > 0)
        {
            have += count;
            if (have < size)
                continue;
            have = 0;
            await socket.SendAsync(Reply);
        }
    }

    private static async Task PipelinesAsync(Socket socket, int size)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var input = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: 32 * 1024));
        var output = PipeWriter.Create(stream);
        while (true)
        {
            var read = await input.ReadAtLeastAsync(size);
            if (read.Buffer.Length < size)
                return;
            input.AdvanceTo(read.Buffer.GetPosition(size));
            await output.WriteAsync(Reply);
        }
    }

    /// <summary>Works in the thread that tells of readiness, whichever that is: one at a time.</summary>
    private sealed class InPlace(StreamSocket socket, int size) : IReadiness
    {
        [ThreadStatic]
        private static byte[]? scratch;

        private readonly TaskCompletionSource ended = new();
        private int told;
        private int have;

        public Task ServeAsync()
        {
            socket.Watch(this);
            return ended.Task;
        }

        public void Ready(bool receive, bool send, bool gone)
        {
            if (Interlocked.Increment(ref told) != 1)
                return;
            int seen;
            do
            {
                seen = Volatile.Read(ref told);
                Work();
            }
            while (Interlocked.CompareExchange(ref told, 0, seen) != seen);
        }

        private void Work()
        {
            var buffer = scratch ??= new byte[68 * 1024];
            while (socket.TryReceive(buffer) is var count && count != -1)
            {
                if (count <= 0)
                {
                    ended.TrySetResult();
                    return;
                }

                have += count;
                if (have >= size)
                {
                    have = 0;
                    socket.TrySend(Reply);
                }

                if (count < buffer.Length)
                    return;
            }
        }
    }
}
