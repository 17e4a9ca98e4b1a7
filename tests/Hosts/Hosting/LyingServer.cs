using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A name server, by UDP and TCP, that does what the first label of the name asked for says. See
/// <see cref="Lies"/>.</summary>
internal sealed class LyingServer : IDisposable
{
    private readonly Socket udp;
    private readonly TcpListener tcp;
    private readonly CancellationTokenSource stop = new();
    private readonly Task loops;
    private int connections;

    public LyingServer()
    {
        for (; ; )
        {
            udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 22 };
            udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            tcp = new TcpListener(IPAddress.Loopback, Address.Port);
            try
            {
                tcp.Start();
                break;
            }
            catch (SocketException)
            {
                udp.Dispose();
            }
        }

        loops = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    public IPEndPoint Address => (IPEndPoint)udp.LocalEndPoint!;

    /// <summary>How many connections of TCP have been made.</summary>
    public int Connections => Volatile.Read(ref connections);

    /// <summary>After which time without a question a connection of TCP is closed.</summary>
    public TimeSpan IdleTime { get; set; } = TimeSpan.FromMinutes(1);

    public void Dispose()
    {
        stop.Cancel();
        udp.Dispose();
        tcp.Dispose();
        loops.Wait(5000);
        stop.Dispose();
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[4096];
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var from = await udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), stop.Token);
                await AnswerAsync(buffer[..from.ReceivedBytes], from.RemoteEndPoint);
            }
            catch (Exception failure) when (failure is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task AnswerAsync(byte[] query, EndPoint client)
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        other.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.66"), 0));
        var datagrams = Lies.Datagrams(query);
        for (var i = 0; i < datagrams.Length; i++)
        {
            var socket = i == 0 && Lies.IsFromElsewhere(query) ? other : udp;
            await socket.SendToAsync(datagrams[i], client, stop.Token);
            await Task.Delay(i + 1 < datagrams.Length ? 2 : 0);
        }
    }

    private async Task ServeTcpAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await tcp.AcceptSocketAsync(stop.Token);
                Interlocked.Increment(ref connections);
                _ = ServeAsync(client);
            }
            catch (Exception failure) when (failure is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        client.NoDelay = true;
        await using var stream = new NetworkStream(client, ownsSocket: true);
        try
        {
            var head = new byte[2];
            for (; ; )
            {
                using var idle = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
                idle.CancelAfter(IdleTime);
                await stream.ReadExactlyAsync(head, idle.Token);
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
                await stream.ReadExactlyAsync(query, stop.Token);
                if (!await AnswerAsync(stream, query))
                {
                    return;
                }
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    // False: the connection ends.
    private async Task<bool> AnswerAsync(NetworkStream stream, byte[] query)
    {
        var body = Lies.OverTcp(query);
        byte[] whole = [(byte)(body.Length >> 8), (byte)body.Length, .. body];
        switch (Lies.Label(query))
        {
            case "tcp-dead":
                await Task.Delay(Timeout.Infinite, stop.Token);
                return false;
            case "tcp-slow":
                await Task.Delay(200, stop.Token);
                goto default;
            case "tcp-close":
                return false;
            case "tcp-reset":
                stream.Socket.LingerState = new LingerOption(true, 0);
                return false;
            case "tcp-drip":
                foreach (var octet in whole)
                {
                    await stream.WriteAsync(new[] { octet }, stop.Token);
                    await Task.Delay(1);
                }

                return true;
            case "tcp-short":
                await stream.WriteAsync(whole.AsMemory(0, whole.Length - 5), stop.Token);
                return false;
            case "tcp-long":
                whole[0] = 255;
                await stream.WriteAsync(whole, stop.Token);
                return true;
            case "tcp-nothing":
                await stream.WriteAsync(new byte[2], stop.Token);
                return true;
            default:
                await stream.WriteAsync(whole, stop.Token);
                return true;
        }
    }
}
