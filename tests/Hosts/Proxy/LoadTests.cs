using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Many messages at once, through the program as a process.</summary>
public sealed class LoadTests
{
    private const int Clients = 5;
    private const int PerClient = 2000;

    [Test]
    [Category("RFC5321-3.6.3-1")]
    [Category("RFC5321-4.4-1")]
    [Category("RFC5321-4.1.1.4-2")]
    [Category("RFC6376-3.4-3")]
    [Category("RFC6376-5.6-1")]
    public async Task Ten_thousand_random_messages_come_out_as_they_went_in()
    {
        using var scratch = new Scratch();
        Keys.Make(scratch);
        using var relay = new TcpRelay(() => new ScriptedRelay());
        using var proxy = await ProxyProcess.StartAsync(
            scratch, "dkimproxy.out", [.. Keys.Signing, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        var sent = await Task.WhenAll(Enumerable.Range(0, Clients).Select(seed => SendAllAsync(proxy.Addresses[0], seed)));

        var received = relay.Messages;
        Assert.That(received, Has.Count.EqualTo(Clients * PerClient));
        Assert.That(received, Has.All.StartsWith("DKIM-Signature: "));
        Assert.That(
            received.Select(WithoutAdded).Order(StringComparer.Ordinal),
            Is.EqualTo(sent.SelectMany(messages => messages).Order(StringComparer.Ordinal)));
        Assert.That(relay.Sessions.SelectMany(session => session.Offences), Is.Empty);
    }

    [Test]
    public async Task Load_from_smtp_source_arrives_at_smtp_sink()
    {
        var source = Tools.RequireProgram("smtp-source", "postfix");
        var sink = Tools.RequireProgram("smtp-sink", "postfix");
        Tools.RequireRoot();
        using var scratch = new Scratch();
        Keys.Make(scratch);
        var port = Tools.FreePort();
        using var receiver = System.Diagnostics.Process.Start(
            sink, ["-u", "root", "-D", scratch.At("dump"), $"127.0.0.1:{port}", "100"]);
        try
        {
            using var proxy = await ProxyProcess.StartAsync(
                scratch, "dkimproxy.out", [.. Keys.Signing, "127.0.0.1:0", $"127.0.0.1:{port}"]);
            var place = ((IPEndPoint)proxy.Addresses[0]).Port;
            Tools.Run("/", source, "-s", "30", "-m", "1500", "-l", "4096", "-f", "a@example.org", $"127.0.0.1:{place}");
            Tools.Run("/", source, "-d", "-s", "10", "-m", "1500", "-l", "4096", "-f", "a@example.org", $"127.0.0.1:{place}");
            var dump = File.ReadAllText(scratch.At("dump"), Encoding.Latin1);
            Assert.That(Regex.Count(dump, "^DKIM-Signature: ", RegexOptions.Multiline), Is.EqualTo(3000));
            await proxy.SaysAsync("DKIM signing - signed");
        }
        finally
        {
            receiver.Kill();
        }
    }

    private static async Task<List<string>> SendAllAsync(EndPoint address, int seed)
    {
        var random = new Random(seed);
        var sent = new List<string>();
        using var client = await Client.ConnectAsync(address);
        await client.ReplyAsync();
        await client.SayAsync("EHLO c\r\n");
        for (var number = 0; number < PerClient; number++)
        {
            var message = Compose(random, $"{seed}.{number}");
            sent.Add(message);
            await client.SendAsync("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
            foreach (var code in new[] { "250", "250", "354" })
                Assert.That(await client.ReplyAsync(), Does.StartWith(code));
            foreach (var piece in Cut(random, message.Replace("\r\n.", "\r\n..") + ".\r\n"))
                await client.SendAsync(piece);
            Assert.That(await client.ReplyAsync(), Does.StartWith("250"));
        }

        await client.SayAsync("QUIT\r\n");
        return sent;
    }

    private static IEnumerable<string> Cut(Random random, string octets)
    {
        for (var at = 0; at < octets.Length;)
        {
            var size = random.Next(4) == 0 ? random.Next(1, 40) : octets.Length;
            yield return octets[at..Math.Min(octets.Length, at + size)];
            at += size;
        }
    }

    private static string Compose(Random random, string number)
    {
        const string alphabet = "abc .\t.-=\"\\\u0001\u00e9\u00ff\0Z";
        var message = new StringBuilder($"From: joe@example.org\r\nMessage-ID: <{number}@example.org>\r\n");
        for (var hops = random.Next(4); hops > 0; hops--)
            message.Append($"Received: from a{random.Next(9)}.example\tby b.example ; odd\r\n\t{hops}\r\n");
        if (random.Next(10) > 0)
            message.Append("Subject: ").Append(random.Next()).Append("\r\n folded\r\n\r\n");
        for (var lines = random.Next(12); lines > 0; lines--)
        {
            if (random.Next(3) == 0)
                message.Append('.');
            for (var length = random.Next(8) == 0 ? random.Next(3000) : random.Next(40); length > 0; length--)
                message.Append(alphabet[random.Next(alphabet.Length)]);
            message.Append("\r\n");
        }

        return message.ToString();
    }

    // What stands above the first field of the message itself.
    private static string WithoutAdded(string message) => message[message.IndexOf("From: joe@", StringComparison.Ordinal)..];
}
