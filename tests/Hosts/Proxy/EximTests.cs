using System.Net;
using System.Text.RegularExpressions;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>The proxies between two real Exims that have PRDR on, a reply for each recipient after the final dot.</summary>
public sealed class EximTests
{
    private const string Text = "From: joe@example.org\r\nSubject: x\r\nMessage-ID: <{0}@example.org>\r\n\r\n..dot\r\n.\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        Tools.RequireRoot();
        EximServer.RequireExim();
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch?.Dispose();

    private static async Task SubmitAsync(int port, string name, string domain)
    {
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        await client.ReplyAsync();
        await client.SayAsync("EHLO c.example\r\n");
        await client.SayAsync("MAIL FROM:<joe@example.org>\r\n");
        foreach (var recipient in new[] { "a", "b", "c" })
            Assert.That(await client.SayAsync($"RCPT TO:<{recipient}@{domain}>\r\n"), Does.StartWith("250"));
        Assert.That(await client.SayAsync("DATA\r\n"), Does.StartWith("354"));
        Assert.That(await client.SayAsync(Text.Replace("{0}", name)), Does.StartWith("250"));
        await client.SayAsync("QUIT\r\n");
    }

    [Test]
    public async Task Each_of_three_recipients_gets_one_copy([Values("dkimproxy.out", "dkimproxy.in")] string program)
    {
        using var sink = new TcpRelay(PostfixTests.Sink);
        using var back = new EximServer(scratch, "back", $"* 127.0.0.1::{sink.Port}");
        using var proxy = await ProxyProcess.StartAsync(
            scratch,
            program,
            [.. program == "dkimproxy.out" ? Keys.Signing : Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{back.Port}"]);
        var place = ((IPEndPoint)proxy.Addresses[0]).Port;
        using var front = new EximServer(
            scratch, "front", $"direct.example 127.0.0.1::{back.Port} ; * 127.0.0.1::{place}");
        await SubmitAsync(front.Port, "one", "direct.example");
        await SubmitAsync(front.Port, "two", "proxied.example");
        await Tools.Eventually(() => Regex.Count(front.Log, " Completed") == 2, $"both leave the queue:\n{front.Log}");
        await Tools.Eventually(() => Regex.Count(back.Log, " Completed") >= 2, $"both arrive:\n{back.Log}");
        // A second copy would come with the next run of the queue.
        await Task.Delay(3000);
        Assert.That(sink.Messages, Has.Count.EqualTo(2), back.Log);
        Assert.That(sink.Sessions.SelectMany(s => s.Commands).Where(c => c.StartsWith("RCPT")).Select(c => c.Split(' ')[1]), Is.EquivalentTo(
            new[] { "a", "b", "c" }.SelectMany(r => new[] { $"TO:<{r}@direct.example>", $"TO:<{r}@proxied.example>" })));
        Assert.That(back.Log, Does.Match("<= joe@example.org .* PRDR .*id=one@"), "without a proxy they use it");
        Assert.That(back.Log, Does.Match("<= joe@example.org .*id=two@").And.Not.Match("PRDR .*id=two@"));
        Assert.That(sink.Messages.Single(m => m.Contains("<two@")), Does.Contain(
            program == "dkimproxy.out" ? "\nDKIM-Signature: v=1; " : "\nAuthentication-Results: mx.example.net; dkim=none"));
        Assert.That(sink.Messages.Select(m => m.Contains("\r\n.dot\r\n")), Has.All.True);
    }
}
