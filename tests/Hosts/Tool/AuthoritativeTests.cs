using System.Text.Json;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tool;

/// <summary><c>dkim testkey --authoritative</c> at two name servers of one zone that need not say the same.</summary>
public sealed class AuthoritativeTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveFiles() => scratch.Dispose();

    [Test]
    public void Each_server_tells_what_it_has()
    {
        MakeKey("s");
        var told = Test("s", address => address == "127.0.0.1" ? Record("s") : "");
        Assert.That(told.Findings, Is.EqualTo(new[] { "servers-differ" }));
        Assert.That(told.Good, Is.False);
        Assert.That(told.Servers["127.0.0.1"], Does.StartWith("a good record, ").And.EndsWith(" octets over UDP"));
        Assert.That(told.Servers["127.0.0.2"], Does.StartWith("no such name, "));
    }

    [Test]
    public void Servers_that_agree_are_good()
    {
        MakeKey("s");
        var told = Test("s", _ => Record("s"));
        Assert.That(told.Findings, Is.Empty);
        Assert.That(told.Good);
        Assert.That(told.Servers.Keys, Is.EquivalentTo(new[] { "127.0.0.1", "127.0.0.2" }));
    }

    [Test]
    public void An_answer_that_does_not_fit_a_datagram_is_had_by_tcp()
    {
        MakeKey("s");
        var others = string.Concat(Enumerable.Range(0, 10).Select(i => $"s._domainkey TXT \"other {i} {new string('x', 200)}\"\n"));
        var told = Test("s", address => Record("s") + "\n" + (address == "127.0.0.1" ? "" : others));
        Assert.That(told.Findings, Does.Contain("servers-differ").And.Contain("needs-tcp"));
        Assert.That(told.Servers["127.0.0.1"], Does.EndWith(" octets over UDP"));
        Assert.That(told.Servers["127.0.0.2"], Does.EndWith(" octets, which need TCP"));
    }

    [Test]
    public void A_server_that_is_not_there_is_told()
    {
        MakeKey("s");
        var told = Test("s", _ => "@ IN NS c\nc IN A 127.0.0.3\n" + Record("s"));
        Assert.That(told.Findings, Is.EqualTo(new[] { "server-fails" }));
        Assert.That(told.Good);
        Assert.That(told.Servers["127.0.0.3"], Does.StartWith("no answer: "));
    }

    [Test]
    public void A_file_in_place_of_the_dns_has_no_servers()
    {
        var zone = scratch.Write("zone", "{}");
        var ended = ToolRun.Run(
            scratch, "dkim", "", "testkey", "--authoritative", $"--zone={zone}", "--selector=s", "--domain=inner.test");
        Assert.That((ended.Code, ended.Output), Is.EqualTo((64, "")));
        Assert.That(ended.Error, Does.Contain("leave one out"));
    }

    private sealed record Told(bool Good, string[] Findings, Dictionary<string, string> Servers);

    private Told Test(string selector, Func<string, string> records)
    {
        using var network = new OwnNetwork(
            "nameserver 127.0.0.1\n", address => "@ IN NS b\nb IN A 127.0.0.2\n" + records(address) + "\n");
        var dkim = ToolRun.Link(scratch, "dkim");
        var key = scratch.At($"{selector}.private");
        var output = network.Run(
            $"{dkim} testkey --json --authoritative --dns-timeout=4 --selector={selector} --domain=inner.test --key={key} || true");
        var told = JsonDocument.Parse(output).RootElement;
        return new Told(
            told.GetProperty("good").GetBoolean(),
            [.. told.GetProperty("findings").EnumerateArray().Select(found => found.GetProperty("mistake").GetString()!)],
            told.GetProperty("servers").EnumerateArray().ToDictionary(
                server => server.GetProperty("address").GetString()!, server => server.GetProperty("says").GetString()!));
    }

    private string Record(string selector)
    {
        var made = ToolRun.Run(
            scratch, "dkim", "", "record", "--as=zone", $"--selector={selector}", "--domain=inner.test", scratch.At($"{selector}.private"));
        Assert.That(made.Code, Is.Zero, made.Error);
        return made.Output;
    }

    private void MakeKey(string selector)
    {
        var made = ToolRun.Run(
            scratch, "dkim", "", "genkey", $"--selector={selector}", "--domain=inner.test", $"--key={scratch.At($"{selector}.private")}");
        Assert.That(made.Code, Is.Zero, made.Error);
    }
}
