using Dkim.Core.Stores;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>The same rows in every engine have the same answers, whatever is asked for.</summary>
[TestFixture(typeof(PostgreSqlEngine))]
[TestFixture(typeof(MariaDbEngine))]
[TestFixture(typeof(SqliteEngine))]
[TestFixture(typeof(SlapdEngine))]
[TestFixture(typeof(RedisEngine))]
[TestFixture(typeof(BerkeleyEngine))]
[TestFixture(typeof(LmdbEngine))]
[TestFixture(typeof(LineEngine))]
internal sealed class EngineTests<T>
    where T : Engine, new()
{
    private static readonly Dictionary<string, string> rows = new()
    {
        ["example.com"] = "example.com:s1:/keys/s1",
        ["user@example.com"] = "two words: and a colon",
        ["umlaut.example"] = "é",
        ["it's"] = "a quote",
        ["back\\slash"] = "C:\\x",
        ["*)(x="] = "a filter",
        ["\" or 1=1"] = "a condition",
        ["%_"] = "a pattern",
    };

    private readonly T engine = new();
    private TableProcess tables = null!;

    [OneTimeSetUp]
    public void Start()
    {
        engine.Make(rows);
        tables = new TableProcess();
        tables.Open(1, engine.Place);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        tables?.Dispose();
        engine.Dispose();
    }

    [Test]
    public async Task Each_row_is_found_by_its_text()
    {
        foreach (var (key, value) in rows)
            Assert.That(await tables.AskAsync(1, key), Is.EqualTo(new[] { $"{key}={value}" }));
    }

    [Test]
    public async Task Several_are_found_by_one_question() => Assert.That(
        await tables.AskAsync(1, ["not there", .. rows.Keys, "nor@this.example"]),
        Is.EqualTo(rows.Select(row => $"{row.Key}={row.Value}").Order(StringComparer.Ordinal)));

    [TestCase("absent.example")]
    [TestCase("'")]
    [TestCase("\\")]
    [TestCase("*")]
    [TestCase("*)(cn=*")]
    [TestCase("' or '1'='1")]
    [TestCase("x') or 1=1 -- ")]
    [TestCase("\\' or 1=1 -- ")]
    [TestCase("example.com\0")]
    [TestCase("x\nexample.com")]
    [TestCase("x\rexample.com")]
    [TestCase("\u00ff\u2028\ud83d\ude00")]
    [TestCase("\ud800")]
    [TestCase("")]
    public async Task What_is_not_there_is_not_found_and_does_no_harm(string text)
    {
        Assert.That(await tables.AskAsync(1, text), Is.Empty);
        Assert.That(await tables.AskAsync(1, text, "it's"), Is.EqualTo(new[] { "it's=a quote" }));
    }

    [TestCase(600)]
    [TestCase(1024)]
    [TestCase(65536)]
    public async Task A_long_local_part_is_not_found(int length) =>
        Assert.That(await tables.AskAsync(1, new string('a', length - 12) + "@example.com"), Is.Empty);

    [Test]
    public async Task Many_questions_at_once_each_have_their_answer()
    {
        var keys = rows.Keys.ToArray();
        var answers = await Task.WhenAll(Enumerable.Range(0, 400).Select(number => tables.AskAsync(1, keys[number % keys.Length])));
        for (var number = 0; number < answers.Length; number++)
        {
            var key = keys[number % keys.Length];
            Assert.That(answers[number], Is.EqualTo(new[] { $"{key}={rows[key]}" }));
        }
    }

    [Test]
    public async Task A_store_that_was_closed_is_not_asked()
    {
        tables.Open(2, engine.Place);
        Assert.That(await tables.AskAsync(2, "it's"), Has.Length.EqualTo(1));
        tables.Close(2);
        Assert.That(await tables.AskAsync(2, "it's"), Is.EqualTo(new[] { "unavailable: it was not opened" }));
    }

    [Test]
    public async Task What_is_refused_is_told_in_a_line_without_the_password()
    {
        foreach (var place in new[] { engine.Refused, engine.NoTable }.OfType<Store>())
        {
            tables.Open(3, place);
            var told = await tables.AskAsync(3, "it's");
            Assert.That(told, Has.Length.EqualTo(1));
            Assert.That(told[0], Does.Match("^unavailable: [ -~]{5,200}$"));
            Assert.That(told[0], Does.Not.Contain(Engine.Password).And.Not.Contain("wrong-word").And.Not.Contain("127.0.0.1;").And.Not.Contain("timed out"));
            TestContext.Out.WriteLine(told[0]);
        }
    }
}
