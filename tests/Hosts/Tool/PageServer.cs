using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dkim.Tests.Hosts.Tool;

/// <summary>A web server on the loopback that has one page, Latin-1 text of its octets, and keeps what it is asked
/// for.</summary>
internal sealed class PageServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<string> requests = new();
    private readonly byte[] page;

    public PageServer(string page)
    {
        this.page = Encoding.Latin1.GetBytes(page);
        listener.Start();
        _ = ServeAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>The first line of each request, in order.</summary>
    public string[] Requests => [.. requests];

    public void Dispose() => listener.Dispose();

    private async Task ServeAsync()
    {
        try
        {
            for (; ; )
                _ = AnswerAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The test has ended.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
                // A browser may connect beforehand and never ask.
                if (await reader.ReadLineAsync() is not { Length: > 0 } first)
                    return;
                while (await reader.ReadLineAsync() is { Length: > 0 })
                {
                }

                requests.Enqueue(first);
                var head = $"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {page.Length}\r\nConnection: close\r\n\r\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(head));
                await stream.WriteAsync(page);
            }
            catch (IOException)
            {
                // The browser has gone.
            }
        }
    }
}
