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

    /// <summary>Says, where XCLIENT is allowed, that the client is a stranger's.</summary>
    public static async Task BecomeStrangerAsync(Client client)
    {
        Assert.That(await client.ReplyAsync(), Does.StartWith("220"));
        foreach (var (said, reply) in ((string, string)[])[
            ("EHLO a.example", "250"), ("XCLIENT ADDR=203.0.113.9 NAME=stranger.example", "220"), ("EHLO b.example", "250")])
        {
            Assert.That(await client.SayAsync(said + "\r\n"), Does.StartWith(reply));
        }
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
