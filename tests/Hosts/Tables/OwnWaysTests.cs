using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>What one engine alone has.</summary>
internal sealed class OwnWaysTests
{
    private static readonly Dictionary<string, string> rows = new() { ["a"] = "1" };

    [Test]
    public async Task Columns_of_PostgreSQL_are_text_whatever_their_type()
    {
        using var engine = new PostgreSqlEngine();
        engine.Make(rows);
        using var tables = new TableProcess();
        tables.Open(1, engine.Numbers);
        Assert.That(await tables.AskAsync(1, "7", "8"), Is.EqualTo(new[] { "7=2026-01-02 03:04:05", "8=" }));
    }

    [Test]
    public async Task A_directory_is_asked_through_its_Unix_socket_and_behind_a_server_that_is_not_there()
    {
        using var engine = new SlapdEngine();
        engine.Make(rows);
        using var tables = new TableProcess();
        tables.Open(1, engine.BySocket);
        tables.Open(2, engine.BehindAnother);
        Assert.That(await tables.AskAsync(1, "a"), Is.EqualTo(new[] { "a=1" }));
        Assert.That(await tables.AskAsync(2, "a"), Is.EqualTo(new[] { "a=1" }));
    }

    [Test]
    public async Task A_value_of_Redis_that_is_no_text_is_told_in_the_words_of_the_server()
    {
        using var engine = new RedisEngine();
        engine.Make(rows);
        using var tables = new TableProcess();
        tables.Open(1, engine.Lists);
        Assert.That((await tables.AskAsync(1, "a"))[0], Does.StartWith("unavailable: WRONGTYPE"));
    }

    [Test]
    public async Task MariaDB_is_asked_through_its_Unix_socket()
    {
        using var engine = new MariaDbEngine();
        engine.Make(rows);
        using var tables = new TableProcess();
        tables.Open(1, engine.BySocket);
        Assert.That(await tables.AskAsync(1, "a"), Is.EqualTo(new[] { "a=1" }));
    }

    [Test]
    public async Task A_directory_is_told_who_asks_by_SASL_PLAIN()
    {
        using var engine = new SlapdEngine();
        engine.Make(rows);
        using var tables = new TableProcess();
        tables.Open(1, engine.ByPlain(Engine.Password));
        tables.Open(2, engine.ByPlain("wrong-word"));
        Assert.That(await tables.AskAsync(1, "a"), Is.EqualTo(new[] { "a=1" }));
        Assert.That((await tables.AskAsync(2, "a"))[0], Does.StartWith("unavailable: ").And.Not.Contain("wrong-word"));

        // The directory lets nobody ask for another.
        tables.Open(3, engine.ByPlain(Engine.Password, "somebody"));
        Assert.That((await tables.AskAsync(3, "a"))[0], Does.StartWith("unavailable: "));
        Assert.That(Timers(engine.Port), Is.Not.Empty.And.All.InRange(1, 700), "a quiet connection is tried after 7 seconds");
    }

    // The keepalive timers of connections to a port, in hundredths of a second (proc_net_tcp of the kernel's documents).
    private static int[] Timers(int port) =>
        [.. File.ReadLines("/proc/net/tcp").Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(columns => columns[2].EndsWith($":{port:X4}", StringComparison.Ordinal) && columns[5].StartsWith("02:", StringComparison.Ordinal))
            .Select(columns => Convert.ToInt32(columns[5][3..], 16))];
}
