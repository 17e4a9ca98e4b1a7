using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A client that speaks to a proxy line by line.</summary>
internal sealed class Client : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly StringBuilder received = new();

    private Client()
    {
    }

    public static async Task<Client> ConnectAsync(EndPoint address)
    {
        var client = new Client();
        await client.socket.ConnectAsync(address);
        return client;
    }

    public async Task SendAsync(string octets)
    {
        try
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(octets));
        }
        catch (SocketException)
        {
            // The proxy has closed the connection: what it said is what counts.
        }
    }

    /// <summary>The next whole reply, or an empty text when the connection is closed instead.</summary>
    public async Task<string> ReplyAsync()
    {
        for (var from = 0; ;)
        {
            var text = received.ToString();
            var end = text.IndexOf("\r\n", from, StringComparison.Ordinal);
            if (end >= 0 && text[from + 3] != '-')
            {
                received.Remove(0, end + 2);
                return text[..(end + 2)];
            }

            from = end >= 0 ? end + 2 : from;
            if (end < 0 && !await ReceiveAsync())
                return "";
        }
    }

    /// <summary>Sends and gives the reply.</summary>
    public async Task<string> SayAsync(string octets)
    {
        await SendAsync(octets);
        return await ReplyAsync();
    }

    /// <summary>Everything up to the end of the connection.</summary>
    public async Task<string> RestAsync()
    {
        while (await ReceiveAsync())
        {
        }

        var rest = received.ToString();
        received.Clear();
        return rest;
    }

    /// <summary>Greets, and sends the envelope of a message and DATA.</summary>
    public async Task BeginAsync()
    {
        await ReplyAsync();
        await SayAsync("EHLO c\r\n");
        await EnvelopeAsync();
    }

    /// <summary>Sends the envelope of a message and DATA, in a session that has begun.</summary>
    public async Task EnvelopeAsync()
    {
        foreach (var line in new[] { "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA" })
            await SayAsync(line + "\r\n");
    }

    public void Finish() => socket.Shutdown(SocketShutdown.Send);

    public void Dispose() => socket.Dispose();

    private async Task<bool> ReceiveAsync()
    {
        var buffer = new byte[65536];
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var count = await socket.ReceiveAsync(buffer, patience.Token);
            received.Append(Encoding.Latin1.GetString(buffer, 0, count));
            return count > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
