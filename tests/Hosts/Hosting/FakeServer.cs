using System.Net;
using System.Net.Sockets;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>A name server that misbehaves: it makes of each query packet whatever the test wants, or nothing.</summary>
public sealed class FakeServer : IDisposable
{
    private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly CancellationTokenSource stop = new();
    private readonly Task loop;
    private int queries;

    /// <param name="reply">The reply to a query; null for none.</param>
    /// <param name="place">Where it listens; without one, at a free port of the loopback.</param>
    public FakeServer(Func<byte[], Task<byte[]?>> reply, IPEndPoint? place = null)
    {
        socket.Bind(place ?? new IPEndPoint(IPAddress.Loopback, 0));
        socket.ReceiveBufferSize = 1 << 22;
        loop = ServeAsync(reply);
    }

    public IPEndPoint Address => (IPEndPoint)socket.LocalEndPoint!;

    public int Queries => Volatile.Read(ref queries);

    /// <summary>A reply to a query: its header with these flags, its question, and these answer records.</summary>
    public static byte[] Reply(byte[] query, int rcode, params byte[][] answers)
    {
        var end = 12;
        while (query[end] != 0)
        {
            end += query[end] + 1;
        }

        end += 5;
        byte[] head = [query[0], query[1], 0x81, (byte)(0x80 | rcode), 0, 1, 0, (byte)answers.Length, 0, 0, 0, 0];
        return [.. head, .. query[12..end], .. answers.SelectMany(answer => answer)];
    }

    /// <summary>A TXT record of the name asked for.</summary>
    public static byte[] Txt(string text) =>
    [
        0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, (byte)(text.Length + 1), (byte)text.Length,
        .. System.Text.Encoding.Latin1.GetBytes(text),
    ];

    public void Dispose()
    {
        stop.Cancel();
        socket.Dispose();
        loop.Wait(5000);
        stop.Dispose();
    }

    private async Task ServeAsync(Func<byte[], Task<byte[]?>> reply)
    {
        var buffer = new byte[4096];
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var from = await socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), stop.Token);
                Interlocked.Increment(ref queries);
                _ = AnswerAsync(reply, buffer[..from.ReceivedBytes], from.RemoteEndPoint);
            }
            catch (Exception failure) when (failure is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task AnswerAsync(Func<byte[], Task<byte[]?>> reply, byte[] query, EndPoint client)
    {
        try
        {
            if (await reply(query) is { } packet)
            {
                await socket.SendToAsync(packet, client);
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
        }
    }
}
