using Dkim.Core.Stores;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>Servers that have to prove who they are, by the certificate of an authority.</summary>
internal sealed class TlsTests
{
    private static readonly Dictionary<string, string> rows = new() { ["a"] = "1" };
    private readonly Certificates certificates = new();

    [OneTimeTearDown]
    public void End() => certificates.Dispose();

    [Test]
    public async Task PostgreSQL()
    {
        using var engine = new PostgreSqlEngine { Certificates = certificates };
        await ProvesItselfAsync(engine, engine.Secure);
    }

    [Test]
    public async Task MariaDB()
    {
        using var engine = new MariaDbEngine { Certificates = certificates };
        await ProvesItselfAsync(engine, engine.Secure);
    }

    [Test]
    public async Task Redis()
    {
        using var engine = new RedisEngine { Certificates = certificates };
        await ProvesItselfAsync(engine, engine.Secure);
    }

    [Test]
    public async Task Ldaps_and_StartTLS()
    {
        using var engine = new SlapdEngine { Certificates = certificates };
        await ProvesItselfAsync(engine, engine.Secure, engine.StartsTls);
    }

    // The certificate is for localhost.
    private async Task ProvesItselfAsync(Engine engine, params Func<string, Store>[] ways)
    {
        engine.Make(rows);
        using var trusting = TableProcess.Trusting(certificates.Authority);
        using var strange = new TableProcess();
        var store = 0;
        async Task<string> AskedAsync(TableProcess tables, Store place)
        {
            tables.Open(++store, place);
            return string.Join("\n", await tables.AskAsync(store, "a"));
        }

        using (Assert.EnterMultipleScope())
        {
            foreach (var way in ways)
            {
                Assert.That(await AskedAsync(trusting, way("localhost")), Is.EqualTo("a=1"));
                var other = await AskedAsync(trusting, way("127.0.0.1"));
                Assert.That(other, Does.Match("^unavailable: .*([Cc]ertificate|hostname)"), "another name");
                var unknown = await AskedAsync(strange, way("localhost"));
                Assert.That(unknown, Does.Match("^unavailable: .*[Cc]ertificate"), "an authority that nobody trusts");
                TestContext.Out.WriteLine($"{other}\n{unknown}");
            }
        }
    }
}
