using System.Diagnostics.Metrics;
using System.Net;
using Dkim.Core.Programs.Running;
using Dkim.ProxyHost.Sessions;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.Extensions.Time.Testing;
using NUnit.Framework;
using Endpoint = Dkim.Core.Programs.Settings.Endpoint;
using EndpointFamily = Dkim.Core.Programs.Settings.EndpointFamily;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A relay that is named: which of its addresses is taken. The proxy sees a hosts file of the test's.</summary>
internal sealed class NextHopTests
{
    private readonly int port = Tools.FreePort();
    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Keys.Make(scratch);
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    // At the first two nobody listens.
    [Test]
    public async Task The_first_of_its_addresses_that_answers_is_taken()
    {
        using var relay = RelayAt("127.0.0.9");
        using var proxy = await StartAsync("::1", "127.0.0.1", "127.0.0.9");
        Assert.That(await GreetingAsync(proxy), Is.EqualTo(ScriptedRelay.Greeting));
    }

    [Test]
    public async Task Where_none_answers_the_name_is_asked_for_again()
    {
        using var relay = RelayAt("127.0.0.9");
        using var proxy = await StartAsync("127.0.0.1");
        Assert.That(await GreetingAsync(proxy), Does.StartWith("421 "));
        Name("127.0.0.9");
        Assert.That(await GreetingAsync(proxy), Is.EqualTo(ScriptedRelay.Greeting));
    }

    // How often the runtime asks for a name is told by its meter; no other test writes this one so.
    [Test]
    public async Task The_name_is_asked_for_again_once_its_addresses_are_old()
    {
        const string Name = "lOCALHOSt";
        var asked = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "dns.lookup.duration")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            if (tags.ToArray().Contains(new("dns.question.name", Name)))
                Interlocked.Increment(ref asked);
        });
        listener.Start();
        using var relay = new TcpRelay();
        var clock = new FakeTimeProvider();
        var hop = new NextHop(new Endpoint(EndpointFamily.IPv4, Name, relay.Port), clock);
        async Task<int> AskedAfterAsync(long milliseconds)
        {
            clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
            using var socket = await hop.ConnectAsync(CancellationToken.None);
            return asked;
        }

        Assert.That(await AskedAfterAsync(0), Is.EqualTo(1));
        Assert.That(await AskedAfterAsync(ServiceLimits.NextHopKept - 1), Is.EqualTo(1));
        Assert.That(await AskedAfterAsync(1), Is.EqualTo(2));
    }

    private TcpRelay RelayAt(string address) => new(place: new IPEndPoint(IPAddress.Parse(address), port));

    // In place, as a mount has it.
    private void Name(params string[] addresses) =>
        scratch.Write("hosts", string.Concat(addresses.Select(address => $"{address} relay.test\n")));

    private Task<ProxyProcess> StartAsync(params string[] addresses)
    {
        Name(addresses);
        return ProxyProcess.StartMountedAsync(
            scratch,
            "mount --bind hosts /etc/hosts",
            "dkimproxy.out",
            [.. Keys.Signing, "127.0.0.1:0", $"relay.test:{port}"]);
    }

    private static async Task<string> GreetingAsync(ProxyProcess proxy)
    {
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        return await client.ReplyAsync();
    }
}
