using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Proxy;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>A message that a mail server has sent on, in Latin-1, and the commands of its envelope.</summary>
internal sealed record Arrived(string From, string To, string Text)
{
    /// <summary>The header of the message, each field with its line end.</summary>
    public IReadOnlyList<string> Fields { get; } = Split(Text[..(Text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 2)]);

    public IEnumerable<string> Named(string name) =>
        Fields.Where(field => field.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase));

    private static List<string> Split(string header)
    {
        var fields = new List<string>();
        foreach (var line in header.Split("\r\n")[..^1])
        {
            if (line is [' ' or '\t', ..])
            {
                fields[^1] += line + "\r\n";
            }
            else
            {
                fields.Add(line + "\r\n");
            }
        }

        return fields;
    }
}

/// <summary>Where all mail of a test ends: an SMTP server that keeps each message as it came.</summary>
internal sealed class MailSink : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<Arrived> arrived = new();

    public MailSink()
    {
        listener.Start(500);
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public int Count => arrived.Count;

    public IReadOnlyList<Arrived> Messages => [.. arrived];

    /// <summary>Waits for a message that ends with this text, whatever has been put above it.</summary>
    /// <param name="index">How many messages that arrived first are not meant.</param>
    public async Task<Arrived> WaitAsync(string text, int index = 0)
    {
        Arrived? found = null;
        await Tools.Eventually(
            () =>
            {
                var known = Messages;
                found = known.Skip(index).FirstOrDefault(message => message.Text.EndsWith(text, StringComparison.Ordinal));
                index = known.Count;
                return found is not null;
            },
            $"a message arrives that ends with\n{text}\nand not only\n{arrived.LastOrDefault()?.Text}",
            30);
        return found!;
    }

    /// <summary>Recipients with this in their address are refused.</summary>
    public const string Unknown = "nobody";

    public void Dispose() => listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptSocketAsync());
            }
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        var script = new ScriptedRelay();
        script.Replies["EHLO"] = "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n";
        var buffer = new byte[65536];
        try
        {
            using (socket)
            {
                socket.NoDelay = true;
                await socket.SendAsync(Encoding.Latin1.GetBytes(ScriptedRelay.Greeting));
                for (int count; (count = await socket.ReceiveAsync(buffer)) > 0;)
                {
                    var said = Encoding.Latin1.GetString(buffer, 0, count);
                    var refused = said.Contains($"RCPT TO:<{Unknown}", StringComparison.Ordinal);
                    script.Replies["RCPT"] = refused ? "550 5.1.1 no such user\r\n" : "250 ok\r\n";
                    script.Replies["DATA"] = refused ? "554 5.5.1 no recipients\r\n" : "354 go on\r\n";
                    var answers = script.Take(said);
                    Keep(script);
                    await socket.SendAsync(Encoding.Latin1.GetBytes(answers));
                    if (answers.StartsWith("221", StringComparison.Ordinal))
                    {
                        return;
                    }
                }
            }
        }
        catch (SocketException)
        {
            // The mail server has closed the connection.
        }
    }

    private void Keep(ScriptedRelay script)
    {
        foreach (var text in script.Messages)
        {
            string Last(string verb) => script.Commands.Last(command => command.StartsWith(verb, StringComparison.OrdinalIgnoreCase));
            arrived.Enqueue(new Arrived(Last("MAIL"), Last("RCPT"), text));
        }

        script.Messages.Clear();
    }
}
