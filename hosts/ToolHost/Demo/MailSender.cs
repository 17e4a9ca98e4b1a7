using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dkim.ToolHost.Demo;

/// <summary>Sends one message to a loopback port by SMTP.</summary>
internal static class MailSender
{
    /// <param name="message">Lines end in CRLF, the last one too.</param>
    /// <exception cref="DemoException">A reply was not positive.</exception>
    public static async Task SendAsync(int port, byte[] message, CancellationToken cancel)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port, cancel);
        var stream = client.GetStream();
        using var replies = new StreamReader(stream, Encoding.ASCII);
        await ExpectAsync(replies, '2', cancel);
        (string Command, char Expected)[] commands =
        [
            ("EHLO client.example.com", '2'), ("MAIL FROM:<joe@example.com> BODY=8BITMIME", '2'),
            ("RCPT TO:<jane@example.net>", '2'), ("DATA", '3'),
        ];
        foreach (var (command, expected) in commands)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), cancel);
            await ExpectAsync(replies, expected, cancel);
        }

        await stream.WriteAsync(Stuffed(message), cancel);
        await ExpectAsync(replies, '2', cancel);
        await stream.WriteAsync("QUIT\r\n"u8.ToArray(), cancel);
        await ExpectAsync(replies, '2', cancel);
    }

    // The whole message with its final dot; a line that begins with a dot gets one more (RFC 5321 §4.5.2).
    private static byte[] Stuffed(byte[] message)
    {
        var text = Encoding.Latin1.GetString(message).Replace("\r\n.", "\r\n..", StringComparison.Ordinal);
        return Encoding.Latin1.GetBytes((text.StartsWith('.') ? "." : "") + text + ".\r\n");
    }

    private static async Task ExpectAsync(StreamReader replies, char expected, CancellationToken cancel)
    {
        string? line;
        do
        {
            line = await replies.ReadLineAsync(cancel);
        }
        while (line is { Length: > 3 } && line[3] == '-');
        if (line is null || line[0] != expected)
        {
            throw new DemoException("unexpected reply: " + (line ?? "connection closed"));
        }
    }
}
