using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Who is let in, and how long somebody who says nothing may stay.</summary>
internal sealed class AdmissionTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    // An address whose name is another address: what that leads to is not the client.
    [Test]
    public async Task A_name_that_does_not_lead_back_admits_nobody_where_it_must()
    {
        using var relay = new TcpRelay();
        scratch.Write("hosts", "127.0.0.1 192.0.2.9\n");
        foreach (var (setting, reply) in new[] { ("--reverse_lookups", "220 "), ("--double_reverse_lookups", "421 4.7.1 ") })
        {
            using var proxy = await ProxyProcess.StartMountedAsync(
                scratch,
                "mount --bind hosts /etc/hosts",
                "dkimproxy.out",
                [.. Keys.Signing, setting, "--allow=192\\.0\\.2\\.9", "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
            using var client = await Client.ConnectAsync(proxy.Addresses[0]);
            Assert.That(await client.ReplyAsync(), Does.StartWith(reply));
        }
    }

    [Test]
    public async Task A_silent_client_has_the_time_of_client_timeout_alone()
    {
        using var relay = new TcpRelay();
        using var proxy = await ProxyProcess.StartAsync(
            scratch,
            "dkimproxy.out",
            [.. Keys.Signing, "--client_timeout=1", "--relay_timeout=3600", "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]);
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        await client.SayAsync("EHLO c\r\n");
        Assert.That(await client.RestAsync(), Does.EndWith("421 4.4.2 Idle for too long\r\n"));
    }
}
