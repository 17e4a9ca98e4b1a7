using System.Diagnostics;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Both resolvers of the network against a real name server.</summary>
[TestFixture(ResolverKind.Unbound)]
[TestFixture(ResolverKind.DnsClient)]
public sealed class ResolverTests(ResolverKind kind)
{
    private static readonly string long2k = string.Concat(Enumerable.Range(0, 2000).Select(i => (char)('a' + (i % 26))));
    private static readonly string long15k = new('k', 15_000);
    private readonly bool library = kind == ResolverKind.Unbound;
    private Nsd nsd = null!;
    private WatchedResolver resolver = null!;

    [OneTimeSetUp]
    public void Start()
    {
        if (library)
        {
            Tools.RequireLibunbound();
        }

        var many = string.Join('\n', Enumerable.Range(0, 500).Select(i => $"n{i} TXT \"v{i}\""));
        var crowd = string.Join('\n', Enumerable.Range(0, 40).Select(i => $"crowd TXT \"c{i}\""));
        nsd = new Nsd(new Dictionary<string, string>
        {
            ["plain.test"] = $"""
                one TXT "hello"
                joined TXT "ab" "cd" "" "ef"
                octets TXT "\200\255\009"
                {Nsd.Txt("long", long2k)}
                {Nsd.Txt("huge", long15k)}
                {Nsd.Txt("giant", new string('g', 17_000))}
                two TXT "first"
                two TXT "second"
                host A 192.0.2.1
                host AAAA 2001:db8::1
                host MX 10 host
                alias CNAME alias2
                alias2 CNAME one
                loop1 CNAME loop2
                loop2 CNAME loop1
                dangling CNAME nothing
                empty.under TXT "below"
                {crowd}
                {many}
                """,
        });
        resolver = Resolvers.Open(new ResolverSettings { Forwarders = [nsd.Address], Kind = kind });
    }

    [OneTimeTearDown]
    public void Stop()
    {
        resolver?.Dispose();
        nsd?.Dispose();
    }

    [Test]
    public void It_says_which_it_is() =>
        Assert.That(resolver.Description, Does.Contain(library ? "libunbound" : "DnsClient").And.Contain(nsd.Address.ToString()));

    [Test]
    public async Task A_server_that_is_gone_is_passed_over()
    {
        using var both = Resolvers.Open(new ResolverSettings
        {
            Forwarders = [new(System.Net.IPAddress.IPv6Loopback, Tools.FreePort()), nsd.Address],
            Kind = kind,
        });
        var question = new Question("one.plain.test", RecordType.Txt);
        var answers = await new MessageLookups(both, LookupBudgetModule.ofQuestions(20, 10)).AskAsync([question]);
        Assert.That(Texts(answers[question]), Is.EqualTo(new[] { "hello" }));
    }

    [Category("RFC6376-3.6.2-1")]
    [Category("RFC6376-3.6.2.2-1")]
    [TestCase("one", "hello")]
    [Category("RFC6651-3.2-1")]
    [TestCase("joined", "abcdef")]
    [TestCase("octets", "\u00c8\u00ff\t")]
    [TestCase("alias", "hello")]
    public async Task It_finds_a_record(string name, string text)
    {
        var answer = await Ask($"{name}.plain.test");
        Assert.That(Texts(answer), Is.EqualTo(new[] { text }));
        Assert.That(answer.Security, Is.EqualTo(Security.Unchecked));
    }

    [Test]
    [Category("RFC6376-3.6.2.2-1")]
    public async Task Long_records_come_over_tcp()
    {
        Assert.That(Texts(await Ask("long.plain.test")), Is.EqualTo(new[] { long2k }));
        Assert.That(Texts(await Ask("huge.plain.test")), Is.EqualTo(new[] { long15k }));
    }

    [Test]
    public async Task A_record_over_16_KiB_is_unavailable_unless_a_setting_allows_it()
    {
        Assert.That(await Reason("giant.plain.test"), Is.EqualTo("too large"));
        using var generous = Resolvers.Open(
            new ResolverSettings { Forwarders = [nsd.Address], Kind = kind, RecordOctets = 17_000 });
        var answer = await generous.AskAsync(Txt("giant.plain.test"), CancellationToken.None);
        Assert.That(Texts(answer).Single(), Has.Length.EqualTo(17_000));
    }

    [Test]
    public async Task All_records_of_a_name_come_but_no_more_than_32()
    {
        Assert.That(Texts(await Ask("two.plain.test")), Is.EquivalentTo(new[] { "first", "second" }));
        Assert.That(Texts(await Ask("crowd.plain.test")), Has.Length.EqualTo(32));
    }

    [Test]
    public async Task Other_types_count()
    {
        Assert.That(Texts(await Ask("host.plain.test", RecordType.A)), Is.EqualTo(new[] { "192.0.2.1" }));
        Assert.That(Texts(await Ask("host.plain.test", RecordType.Aaaa)), Is.EqualTo(new[] { "2001:db8::1" }));
        Assert.That(Texts(await Ask("host.plain.test", RecordType.Mx)), Has.Length.EqualTo(1));
        Assert.That(Texts(await Ask("one.plain.test", RecordType.Mx)), Is.Empty);
    }

    [TestCase("nothing.plain.test")]
    [TestCase("dangling.plain.test")]
    public async Task No_such_name(string name) => Assert.That((await Ask(name)).Outcome.IsNoSuchName);

    [TestCase("host.plain.test")]
    [TestCase("under.plain.test")]
    public async Task A_name_without_a_record(string name) => Assert.That(Texts(await Ask(name)), Is.Empty);

    [TestCase("")]
    [TestCase("a..test")]
    [TestCase(".test")]
    [TestCase("test.")]
    [TestCase("a b.test")]
    [TestCase("a\\.b.test")]
    [TestCase("a\0b.test")]
    [TestCase("\u00e4.test")]
    [TestCase("0123456789012345678901234567890123456789012345678901234567890123.test")]
    public async Task A_name_that_cannot_exist_does_not(string name) => Assert.That((await Ask(name)).Outcome.IsNoSuchName);

    [Test]
    public async Task A_loop_of_aliases_is_no_answer()
    {
        var answers = await new MessageLookups(resolver, LookupBudgetModule.ofQuestions(20, 10)).AskAsync([Txt("loop1.plain.test")]);
        var outcome = answers.Values.Single().Outcome;
        Assert.That(outcome.IsUnavailable || outcome is Outcome.Records { Item.IsEmpty: true }, $"{outcome}");
        Assert.That((outcome as Outcome.Unavailable)?.reason, Is.Not.EqualTo("timeout"), "that is known at once");
    }

    [Test]
    public async Task A_refused_zone_is_unavailable()
    {
        var reason = await Reason("name.elsewhere.example");
        Assert.That(reason, Is.EqualTo(library ? "SERVFAIL" : "REFUSED"));
    }

    [TestCase("long.plain.test")]
    [TestCase("alias.plain.test")]
    [TestCase("nothing.plain.test")]
    public void A_process_of_its_own_gets_the_same(string name)
    {
        var output = Tools.Run(
            "/", Tools.Probe, "resolve", nsd.Address.ToString(), name, kind.ToString()).Split('\n');
        Assert.That(output[0], Does.Contain(library ? "libunbound" : "DnsClient"));
        Assert.That(output[1], Is.EqualTo(name[0] switch { 'l' => long2k, 'a' => "hello", _ => "no such name" }));
    }

    // Where only the loopback is up, and where resolv.conf names no server or is not there at all.
    [TestCase("nameserver 127.0.0.1\noptions trust-ad\n")]
    [TestCase("nameserver 127.0.0.1\nnameserver 127.0.0.9\n")]
    [TestCase("nameserver 127.0.0.9\nnameserver 127.0.0.1\n")]
    [TestCase("# none\n")]
    public void The_servers_of_resolv_conf_are_asked(string servers)
    {
        using var network = new OwnNetwork(servers);
        var output = network.Run($"{Tools.Probe} resolve '' key.inner.test {kind}");
        Assert.That(output, Does.EndWith("\nfound at 127.0.0.1\n"));
    }

    // By itself after a second, or at once when it is told to.
    [TestCase("wait", "1.2")]
    [TestCase("refresh", "0")]
    public void Another_resolv_conf_is_followed(string how, string pause)
    {
        using var network = new OwnNetwork("nameserver 127.0.0.1\n");
        var output = network.Run($"""
            pipes=$(mktemp -d) && mkfifo $pipes/in $pipes/out
            {Tools.Probe} follow key.inner.test {kind} {how} < $pipes/in > $pipes/out &
            probe=$!
            exec 3> $pipes/in 4< $pipes/out
            rm -r $pipes
            read -r line <&4
            echo "$line"
            echo nameserver 127.0.0.2 > /etc/resolv.conf
            sleep {pause}
            echo >&3
            cat <&4
            wait $probe
            """);
        Assert.That(output, Is.EqualTo("found at 127.0.0.1\nfound at 127.0.0.2\n"));
    }

    [Test]
    public async Task Five_hundred_at_once_are_all_answered()
    {
        using var fresh = Resolvers.Open(new ResolverSettings { Forwarders = [nsd.Address], Kind = kind, Caching = false });
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var answers = await Task.WhenAll(Enumerable.Range(0, 500)
            .Select(i => fresh.AskAsync(Txt($"n{i}.plain.test"), patience.Token).AsTask()));
        Assert.That(answers.Select(answer => Texts(answer).Single()), Is.EqualTo(Enumerable.Range(0, 500).Select(i => $"v{i}")));
    }

    private static Question Txt(string name) => new(name, RecordType.Txt);

    private static string[] Texts(Answer answer)
    {
        Assert.That(answer.Outcome, Is.InstanceOf<Outcome.Records>());
        return [.. ((Outcome.Records)answer.Outcome).Item];
    }

    private async Task<string> Reason(string name) => ((Outcome.Unavailable)(await Ask(name)).Outcome).reason;

    private async Task<Answer> Ask(string name, RecordType type = RecordType.Txt)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await resolver.AskAsync(new Question(name, type), patience.Token);
    }
}
