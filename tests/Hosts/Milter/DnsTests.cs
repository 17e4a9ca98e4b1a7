using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>dkim-filter and the DNS: keys with and without DNSSEC, servers that are slow, a server that is dead.</summary>
internal sealed class DnsTests
{
    private const string Body = "One line.\r\nAnother.\r\n";
    private static readonly RSA key = RSA.Create(1024);
    private readonly int port = Tools.FreePort();
    private Scratch scratch = null!;

    [SetUp]
    public void Start()
    {
        Tools.RequireLibunbound();
        scratch = new Scratch();
    }

    [TearDown]
    public void Stop() => scratch?.Dispose();

    [TestCase("good.test", "dkim=pass (1024-bit key; secure key)", "")]
    [TestCase("plain.test", "dkim=pass (1024-bit key; insecure key)", "")]
    [TestCase("plain.test", "dkim=fail (1024-bit key; insecure key)", "InsecureKey fail")]
    [TestCase("plain.test", "dkim=neutral (1024-bit key; insecure key)", "InsecureKey neutral")]
    [TestCase("bad.test", "dkim=fail (1024-bit key; bogus key)", "")]
    [TestCase("bad.test", "dkim=neutral (1024-bit key; bogus key)", "BogusKey neutral")]
    [TestCase("bad.test", "dkim=pass (1024-bit key; bogus key)", "BogusKey none")]
    public async Task What_DNSSEC_says_of_a_key_counts(string domain, string result, string setting)
    {
        using var zones = Zones();
        using var filter = Filter(zones.Address.Port, $"TrustAnchorFile {zones.TrustAnchorFile}", setting);
        using var mta = await MtaSide.ConnectAsync(port);
        var judgement = await mta.PassAsync("4Q1", Signed(domain, "sel"), Body);
        Assert.That(Unfolded(judgement), Does.Contain(result));
    }

    [TestCase("good.test", "x-dkim-adsp=fail (secure policy)", "")]
    [TestCase("plain.test", "x-dkim-adsp=fail (insecure policy)", "")]
    [TestCase("plain.test", "x-dkim-adsp=none (insecure policy)", "InsecurePolicy ignore")]
    [TestCase("bad.test", "x-dkim-adsp=none (bogus policy)", "")]
    [TestCase("bad.test", "x-dkim-adsp=fail (bogus policy)", "BogusPolicy apply")]
    public async Task What_DNSSEC_says_of_a_policy_counts(string domain, string result, string setting)
    {
        using var zones = Zones();
        using var filter = Filter(zones.Address.Port, $"TrustAnchorFile {zones.TrustAnchorFile}", "AlwaysAddARHeader yes", setting);
        using var mta = await MtaSide.ConnectAsync(port);
        var judgement = await mta.PassAsync("4Q1", Unsigned(domain), Body);
        Assert.That(Unfolded(judgement), Does.Contain(result));
    }

    [Test]
    public async Task Without_anchors_nothing_is_said_of_DNSSEC()
    {
        using var zones = Zones();
        using var filter = Filter(zones.Address.Port);
        using var mta = await MtaSide.ConnectAsync(port);
        Assert.That(Unfolded(await mta.PassAsync("4Q1", Signed("bad.test", "sel"), Body)), Does.Contain("dkim=pass (1024-bit key) "));
    }

    [Test]
    public async Task As_many_keys_are_asked_for_as_signatures_may_be_verified()
    {
        using var zones = Zones();
        using var filter = Filter(zones.Address.Port, "MaximumSignaturesToVerify 100");
        using var mta = await MtaSide.ConnectAsync(port);
        var bad = Enumerable.Range(0, 60).Select(i =>
            ("DKIM-Signature", TestSignature.Make(key, "ann@plain.test", $"d=plain.test; s=none{i}")));
        var judgement = await mta.PassAsync("4Q1", [.. bad, .. Signed("plain.test", "sel")], Body);
        Assert.That(Unfolded(judgement), Does.Contain("dkim=pass"));
    }

    [Test]
    [Crowded]
    public async Task A_thousand_messages_wait_for_a_slow_server_together_and_hold_up_nobody_else()
    {
        const int Messages = 1000;
        var record = $"v=DKIM1; p={TestSignature.PublicKey(key)}";
        using var slow = new HeldServer(record);
        using var filter = Filter(slow.Address.Port, "DNSTimeout 60", "LocalADSP practices");
        var messages = Enumerable.Range(0, Messages).Select(number => Signed("slow.test", $"s{number}").ToArray()).ToArray();
        var connections = await Task.WhenAll(messages.Select(_ => MtaSide.ConnectAsync(port)));
        using var other = await MtaSide.ConnectAsync(port);
        await other.PassAsync("4Q0", Unsigned("local.test"), Body);

        var waiting = Task.WhenAll(connections.Select((mta, number) => mta.PassAsync($"4Q{number}", messages[number], Body)));
        await Tools.Eventually(() => slow.Names == Messages, "they wait together");
        for (var count = 0; count < 10; count++)
        {
            await other.PassAsync("4Q0", Unsigned("local.test"), Body);
        }

        Assert.That(waiting.IsCompleted, Is.False, "mail that asks nothing does not wait");
        slow.Answer();
        var judgements = await waiting;
        Assert.That(judgements.Select(Unfolded), Is.All.Contains("dkim=pass"));
        foreach (var mta in connections)
        {
            mta.Dispose();
        }
    }

    [Test]
    [Crowded]
    public async Task A_dead_server_costs_a_message_its_deadline_and_no_thread()
    {
        const int Messages = 300;
        using var server = new FakeServer(_ => Task.FromResult<byte[]?>(null));
        using var filter = Filter(server.Address.Port, "DNSTimeout 2", "LocalADSP practices");
        var connections = await Task.WhenAll(Enumerable.Range(0, Messages).Select(_ => MtaSide.ConnectAsync(port)));
        var watch = Stopwatch.StartNew();
        var waiting = Task.WhenAll(
            connections.Select((mta, number) => mta.PassAsync($"4Q{number}", Signed("slow.test", $"s{number}"), Body)));
        await Task.Delay(1000);
        Assert.That(Directory.GetDirectories($"/proc/{filter.Id}/task"), Has.Length.LessThan(40));
        var judgements = await waiting;
        Assert.That(watch.Elapsed.TotalSeconds, Is.InRange(1.9, 20));
        Assert.That(judgements.Select(judgement => judgement.End), Is.All.EqualTo('t'));
        foreach (var mta in connections)
        {
            mta.Dispose();
        }
    }

    private static IEnumerable<(string Name, string Value)> Unsigned(string domain) =>
    [
        ("From", $"ann@{domain}"), ("To", "ann@example.com"), ("Subject", "a test"), ("Date", "Fri, 20 Nov 2026 12:00:00 +0000"),
    ];

    private static IEnumerable<(string Name, string Value)> Signed(string domain, string selector) =>
        Unsigned(domain).Prepend(("DKIM-Signature", TestSignature.Make(key, $"ann@{domain}", $"d={domain}; s={selector}")));

    private static string Unfolded(Judgement judgement) =>
        string.Join('\n', judgement.Inserted).Replace("\n\t", " ", StringComparison.Ordinal);

    private FilterProcess Filter(int server, params string[] configuration)
    {
        scratch.Write("practices", "local.test:unknown\nslow.test:unknown\n");
        return FilterProcess.Start(
            scratch, FilterProcess.Own, $"inet:{port}@127.0.0.1",
            ["Mode v", "AuthservID mx.example.net", "MinimumKeyBits 1024", $"Nameservers 127.0.0.1@{server}", .. configuration]);
    }

    // A signed zone, one whose records are not those that were signed, one without signatures.
    private static Nsd Zones()
    {
        var records = new StringBuilder()
            .AppendLine(Nsd.Txt("sel._domainkey", $"v=DKIM1; p={TestSignature.PublicKey(key)}"))
            .AppendLine(Nsd.Txt("_adsp._domainkey", "dkim=all"))
            .AppendLine("@ A 192.0.2.1")
            .ToString();
        return new Nsd(
            new Dictionary<string, string> { ["good.test"] = records, ["bad.test"] = records, ["plain.test"] = records },
            ["good.test", "bad.test"],
            (zone, text) => zone == "bad.test" ? Spoiled(text) : text);

        static string Spoiled(string text) => text
            .Replace("v=DKIM1; p=", "v=DKIM1; n=; p=", StringComparison.Ordinal)
            .Replace("dkim=all", "dkim=all; n=", StringComparison.Ordinal);
    }
}
