using System.Net;
using System.Security.Cryptography;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter whose name servers change while it serves: by its settings, and by /etc/resolv.conf. One server has
/// the right key, the other has another.</summary>
internal sealed class NameServerTests
{
    private static readonly RSA key = RSA.Create(1024);
    private static readonly RSA other = RSA.Create(1024);
    private readonly int port = Tools.FreePort();
    private Scratch scratch = null!;
    private int messages;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [TestCase("dnsclient")]
    [TestCase("unbound")]
    public async Task ServersThatTheSettingsNameAreChangedByHup(string resolver)
    {
        if (resolver == "unbound")
            Tools.RequireLibunbound();
        using var wrong = Server(other);
        using var right = Server(key);
        Configure($"Nameservers 127.0.0.1@{wrong.Address.Port}", $"Resolver {resolver}");
        using var filter = FilterProcess.StartPlain(scratch, "dkim-filter", Place, "-x", "conf");
        Assert.That(await ResultAsync(), Does.Contain("dkim=fail"));
        Configure($"Nameservers 127.0.0.1@{right.Address.Port}", $"Resolver {resolver}");
        Assert.That(await ResultAsync(), Does.Contain("dkim=fail"), "nothing without a signal");
        filter.Signal("HUP");
        await PassesAsync();
        var asked = wrong.Queries;
        Assert.That(await ResultAsync(), Does.Contain("dkim=pass"));
        Assert.That(wrong.Queries, Is.EqualTo(asked), "who is named no more is asked no more");
    }

    // Where the file has the looks that it had, a signal alone has it read again.
    [TestCase(true)]
    [TestCase(false)]
    public async Task ServersOfResolvConfAreChanged(bool byHup)
    {
        Tools.RequireRoot();
        IPAddress first = Tools.FreeAddress(), second = Tools.FreeAddress();
        using var wrong = Server(other, new IPEndPoint(first, 53));
        using var right = Server(key, new IPEndPoint(second, 53));
        var servers = scratch.Write("resolv.conf", $"nameserver {first}\n");
        // Whole seconds can be given back exactly.
        File.SetLastWriteTimeUtc(servers, DateTime.UnixEpoch.AddDays(20_000));
        Configure();
        using var filter = FilterProcess.StartAsking(scratch, servers, "dkim-filter", Place, "-x", "conf");
        Assert.That(await ResultAsync(), Does.Contain("dkim=fail"));
        File.WriteAllText(servers, $"nameserver {second}\n");
        if (byHup)
        {
            File.SetLastWriteTimeUtc(servers, DateTime.UnixEpoch.AddDays(20_000));
            await Task.Delay(1500);
            Assert.That(await ResultAsync(), Does.Contain("dkim=fail"), "it is not seen");
            filter.Signal("HUP");
        }

        await PassesAsync();
        Assert.That(right.Queries, Is.GreaterThan(0));
    }

    private string Place => $"inet:{port}@127.0.0.1";

    private static FakeServer Server(RSA key, IPEndPoint? place = null) => new(
        query => Task.FromResult<byte[]?>(
            FakeServer.Reply(query, 0, FakeServer.Txt($"v=DKIM1; p={TestSignature.PublicKey(key)}"))),
        place);

    private void Configure(params string[] lines)
    {
        scratch.Write("practices", "good.test:unknown\n");
        scratch.Write("conf", string.Join('\n', (string[])[
            "Background no", $"Socket {Place}", "Mode v", "AuthservID mx.example.net", "MinimumKeyBits 1024",
            "LocalADSP practices", .. lines,
        ]) + "\n");
    }

    private async Task PassesAsync()
    {
        for (var tries = 0; !(await ResultAsync()).Contains("dkim=pass", StringComparison.Ordinal); tries++)
        {
            Assert.That(tries, Is.LessThan(100));
            await Task.Delay(100);
        }
    }

    // Of a message whose key nobody has asked for before.
    private async Task<string> ResultAsync()
    {
        var signature = TestSignature.Make(key, "ann@good.test", $"d=good.test; s=s{messages++}");
        using var mta = await MtaSide.ConnectAsync(port);
        var judgement = await mta.PassAsync(
            "4Q1",
            [
                ("DKIM-Signature", signature), ("From", "ann@good.test"), ("To", "ann@example.com"), ("Subject", "a test"),
                ("Date", "Fri, 20 Nov 2026 12:00:00 +0000"),
            ],
            "One line.\r\nAnother.\r\n");
        return string.Join('\n', judgement.Inserted);
    }
}
