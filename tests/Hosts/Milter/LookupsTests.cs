using Dkim.Core.Dns;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;
using Dkim.MilterHost.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>Where the questions of the filters go.</summary>
[TestFixture]
public sealed class LookupsTests
{
    private static readonly Question question = new("sel._domainkey.example.org", RecordType.Txt);
    private Scratch scratch = null!;

    [SetUp]
    public void SetUp() => scratch = new Scratch();

    [TearDown]
    public void TearDown() => scratch.Dispose();

    [TestCase("QueryCache yes", 1)]
    [TestCase("QueryCache no", 2)]
    public async Task AnswersAreKeptUnlessTheSettingsSayNo(string line, int queries)
    {
        using var server = new FakeServer(query =>
            Task.FromResult<byte[]?>(FakeServer.Reply(query, 0, FakeServer.Txt("v=DKIM1; p="))));
        using var resolver = Needs.Resolver(Settings($"Nameservers 127.0.0.1@{server.Address.Port}", line)).Open();
        for (var time = 0; time < 2; time++)
        {
            var answer = await resolver.AskAsync(question, default);
            Assert.That(answer.Outcome.IsRecords);
        }

        Assert.That(server.Queries, Is.EqualTo(queries));
    }

    [Test]
    public async Task AFileOfKeysTakesThePlaceOfTheDns()
    {
        scratch.Write("keys", "SEL._domainkey.example.org v=DKIM1; p=\n");
        using var resolver = Needs.Resolver(Settings($"TestPublicKeys {scratch.At("keys")}")).Open();
        Assert.That((await resolver.AskAsync(question, default)).Outcome.IsRecords);
        var other = await resolver.AskAsync(new Question("sel._domainkey.example.com", RecordType.Txt), default);
        Assert.That(other.Outcome.IsNoSuchName);
    }

    [TestCase("TestPublicKeys /none")]
    [TestCase("TrustAnchorFile /none")]
    public void WhatCannotBeUsedIsAnErrorOfTheStart(string line) =>
        Assert.That(() => Needs.Resolver(Settings(line)).Open(), Throws.TypeOf<StartupException>());

    [TestCase(0, 86400)]
    [TestCase(3, 3)]
    public void ATimeLimitOfZeroIsNone(int setting, int seconds) => Assert.That(
        Settings($"DNSTimeout {setting}").Budget.Time, Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    private FilterProgram Settings(params string[] lines)
    {
        var file = scratch.Write("conf", string.Join('\n', ["Mode v", "Socket local:/s", .. lines]));
        var start = new SettingsFiles().Run(
            Filters.Dkim(["-x", file], new FilterMachine("dkim-filter", "mx.example.org", "dkim", false)));
        var program = start.Again(out var problem);
        return program ?? throw new AssertionException(problem);
    }
}
