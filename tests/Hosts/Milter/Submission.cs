using System.Net;
using Dkim.Tests.Hosts.Proxy;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Mail as a client hands it to a mail server.</summary>
internal static class Submission
{
    /// <summary>Sends one message in a session of its own: the reply to the command that ended it.</summary>
    public static async Task<string> SendAsync(
        int port, string text, string from = "<joe@example.org> BODY=8BITMIME", string to = "<b@example.com>")
    {
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        Assert.That(await client.ReplyAsync(), Does.StartWith("220"));
        await client.SayAsync("EHLO client.example.org\r\n");
        var reply = await SendAsync(client, text, from, to);
        await client.SayAsync("QUIT\r\n");
        return reply;
    }

    /// <summary>Sends one more message in a session.</summary>
    public static async Task<string> SendAsync(Client client, string text, string from, string to)
    {
        foreach (var command in new[] { "MAIL FROM:" + from, "RCPT TO:" + to, "DATA" })
        {
            var reply = await client.SayAsync(command + "\r\n");
            if (reply is not ['2' or '3', ..])
            {
                return reply;
            }
        }

        var stuffed = ("\r\n" + text).Replace("\r\n.", "\r\n..", StringComparison.Ordinal)[2..];
        return await client.SayAsync(stuffed + ".\r\n");
    }
}
