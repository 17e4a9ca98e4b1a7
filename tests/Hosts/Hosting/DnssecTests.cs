using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Validation by libunbound: a signed zone, a badly signed one, one without signatures.</summary>
public sealed class DnssecTests
{
    private Nsd nsd = null!;

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireLibunbound();
        const string Records = "key TXT \"genuine\"\nalias CNAME key";
        nsd = new Nsd(
            new Dictionary<string, string> { ["good.test"] = Records, ["bad.test"] = Records, ["plain.test"] = Records },
            ["good.test", "bad.test"],
            (zone, text) => zone == "bad.test" ? text.Replace("\"genuine\"", "\"altered\"", StringComparison.Ordinal) : text);
    }

    [OneTimeTearDown]
    public void Stop() => nsd?.Dispose();

    [TestCase("key.good.test", Security.Secure)]
    [TestCase("alias.good.test", Security.Secure)]
    [TestCase("key.plain.test", Security.Insecure)]
    public async Task A_record_and_how_far_it_can_be_trusted(string name, Security security)
    {
        var answer = await Ask(name, nsd.TrustAnchorFile);
        Assert.That(answer, Is.EqualTo(Answer.Found(["genuine"], security)));
    }

    [TestCase("none.good.test", Security.Secure)]
    [TestCase("none.plain.test", Security.Insecure)]
    public async Task No_such_name_and_how_far_that_can_be_trusted(string name, Security security) =>
        Assert.That(await Ask(name, nsd.TrustAnchorFile), Is.EqualTo(Answer.NoSuchName(security)));

    [Test]
    public async Task An_altered_record_is_bogus()
    {
        var answer = await Ask("key.bad.test", nsd.TrustAnchorFile);
        Assert.That(answer.Security, Is.EqualTo(Security.Bogus));
    }

    [Test]
    public async Task Without_anchors_nothing_is_checked() =>
        Assert.That(await Ask("key.bad.test", null), Is.EqualTo(Answer.Found(["altered"], Security.Unchecked)));

    [Test]
    public void Anchors_that_cannot_be_read_end_the_start() => Assert.That(
        () => Resolvers.Open(new ResolverSettings { TrustAnchorFile = "/nonexistent/anchors" }),
        Throws.InstanceOf<StartupException>().With.Property("Fault").EqualTo(StartupFault.Resolver));

    [Test]
    public void Anchors_that_are_none_end_the_start()
    {
        using var scratch = new Scratch();
        Assert.That(
            () => Resolvers.Open(new ResolverSettings { TrustAnchorFile = scratch.Write("anchors", "good.test. IN DS nonsense\n") }),
            Throws.InstanceOf<StartupException>().With.Message.Contains("anchors"));
    }

    [Test]
    public void Anchors_without_the_library_end_the_start() => Assert.That(
        () => Resolvers.Open(new ResolverSettings { TrustAnchorFile = nsd.TrustAnchorFile, Kind = ResolverKind.DnsClient }),
        Throws.InstanceOf<StartupException>().With.Message.Contains("need libunbound"));

    private async Task<Answer> Ask(string name, string? anchors)
    {
        using var resolver = Resolvers.Open(new ResolverSettings { Forwarders = [nsd.Address], TrustAnchorFile = anchors });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await resolver.AskAsync(new Question(name, RecordType.Txt), patience.Token);
    }
}
