using Dkim.Core.Stores;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>Servers that have to prove who they are, by the certificate of an authority.</summary>
internal sealed class TlsTests
{
    private const string Refusal = "^unavailable: (.*[Cc]ertificate|Can't contact LDAP server|Connect error)";
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

    // What libldap says of a certificate that it refuses is that there is no connection.
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
                Assert.That(await AskedAsync(trusting, way("127.0.0.1")), Is.EqualTo("a=1"));
                var other = await AskedAsync(trusting, way("localhost"));
                Assert.That(other, Does.Match(Refusal), "another name");
                var unknown = await AskedAsync(strange, way("127.0.0.1"));
                Assert.That(unknown, Does.Match(Refusal), "an authority that nobody trusts");
                TestContext.Out.WriteLine($"{other}\n{unknown}");
            }
        }
    }
}
