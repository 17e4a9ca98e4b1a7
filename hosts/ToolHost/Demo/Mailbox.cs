using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Dkim.Core.Programs.Tool.Running;
using Dkim.Hosting;

namespace Dkim.ToolHost.Demo;

/// <summary>The end of the line: takes mail by SMTP on a free loopback port and files it as a Maildir does.</summary>
internal sealed class Mailbox : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Channel<byte[]> arrived = Channel.CreateBounded<byte[]>(ToolLimits.DemoMessages);
    private readonly CancellationTokenSource stop = new();
    private int count;

    public Mailbox(string folder)
    {
        Folder = folder;
        foreach (var part in new[] { "tmp", "new", "cur" })
        {
            Directory.CreateDirectory(Path.Combine(folder, part));
        }

        listener.Start();
        _ = AcceptAsync();
    }

    public string Folder { get; }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>The next message that arrives.</summary>
    public async Task<byte[]> ReceiveAsync(CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(ToolLimits.demoStep, TimeProvider.System);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            return await arrived.Reader.ReadAsync(patience.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new DemoException("no message arrived within ten seconds");
        }
    }

    /// <summary>Lets mail arrive until told to stop.</summary>
    public async Task DrainAsync(CancellationToken cancel)
    {
        await foreach (var _ in arrived.Reader.ReadAllAsync(cancel))
        {
        }
    }

    public void Dispose()
    {
        stop.Cancel();
        listener.Dispose();
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop.Token);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                client.NoDelay = true;
                await ConverseAsync(client.GetStream());
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
        }
    }

    private async Task ConverseAsync(NetworkStream stream)
    {
        using var lines = new StreamReader(stream, Encoding.Latin1);
        async Task Say(string text) => await stream.WriteAsync(Encoding.ASCII.GetBytes(text + "\r\n"), stop.Token);

        await Say("220 mailbox.example.net ESMTP");
        while (await lines.ReadLineAsync(stop.Token) is { } line)
        {
            switch (line.Split(' ')[0].ToUpperInvariant())
            {
                case "EHLO":
                    await Say("250-mailbox.example.net\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING");
                    break;
                case "DATA":
                    await Say("354 end with a dot");
                    await FileAsync(await ReadMessageAsync(lines));
                    await Say("250 filed");
                    break;
                case "QUIT":
                    await Say("221 bye");
                    return;
                default:
                    await Say("250 ok");
                    break;
            }
        }
    }

    private async Task<byte[]> ReadMessageAsync(StreamReader lines)
    {
        var message = new StringBuilder();
        while (await lines.ReadLineAsync(stop.Token) is { } line && line != ".")
        {
            message.Append(line.StartsWith('.') ? line.AsSpan(1) : line).Append("\r\n");
            if (message.Length > ToolLimits.DemoMessage)
            {
                throw new IOException("message too long");
            }
        }

        return Encoding.Latin1.GetBytes(message.ToString());
    }

    private async Task FileAsync(byte[] message)
    {
        var name = $"{TimeProvider.System.UnixSeconds()}.{Interlocked.Increment(ref count)}.demo";
        var temporary = Path.Combine(Folder, "tmp", name);
        await File.WriteAllBytesAsync(temporary, message, stop.Token);
        File.Move(temporary, Path.Combine(Folder, "new", name));
        await arrived.Writer.WriteAsync(message, stop.Token);
    }
}
