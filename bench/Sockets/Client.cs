using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Dkim.Bench.Sockets;

/// <summary>Clients that wait for each reply before they go on, a thread for each.</summary>
internal static class Client
{
    /// <summary>Prints how many seconds all exchanges took.</summary>
    public static int Run(int port, int connections, int exchanges, int size)
    {
        var sockets = Enumerable.Range(0, connections).Select(_ => Connect(port)).ToArray();
        var began = Stopwatch.GetTimestamp();
        var threads = sockets.Select(socket => new Thread(() => Talk(socket, exchanges / connections, size), 128 * 1024)).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Console.Out.Write(Stopwatch.GetElapsedTime(began).TotalSeconds.ToString(CultureInfo.InvariantCulture));
        Array.ForEach(sockets, socket => socket.Dispose());
        return 0;
    }

    private static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    private static void Talk(Socket socket, int exchanges, int size)
    {
        var request = new byte[size];
        var reply = new byte[Servers.Reply.Length];
        for (var i = 0; i < exchanges; i++)
        {
            socket.Send(request);
            for (var have = 0; have < reply.Length;)
                have += socket.Receive(reply.AsSpan(have));
        }
    }
}
