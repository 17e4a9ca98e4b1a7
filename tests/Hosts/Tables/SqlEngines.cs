using System.Globalization;
using Dkim.Core.Stores;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>A table <c>rows</c> with the columns <c>k</c> and <c>d</c>.</summary>
internal abstract class SqlEngine : Engine
{
    public override Store Place => Of("rows", Password);

    public override Store? NoTable => Of("nothing", Password);

    protected abstract Store Of(string table, string password);

    protected static SqlQuery Query(string table) => SqlQuery.NewColumns(table, "k", ListModule.OfSeq(["d"]), "");

    protected Store Source(SqlBackend backend, string database, string table, string password) => Store.NewSql(
        new SqlSource(backend, "dkim", Secret.Of(password), "127.0.0.1", FSharpValueOption<int>.Some(Port), database, false),
        Query(table));

    protected static string Inserts(IReadOnlyDictionary<string, string> rows, Func<string, string> literal) =>
        string.Concat(rows.Select(row => $"INSERT INTO rows VALUES ({literal(row.Key)}, {literal(row.Value)});\n"));

    protected static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}

internal sealed class PostgreSqlEngine : SqlEngine
{
    private const string Programs = "/usr/lib/postgresql/15/bin/";
    private string data = "";

    public override Store? Refused => Of("rows", "wrong-word");

    public override void Make(IReadOnlyDictionary<string, string> rows)
    {
        if (!File.Exists(Programs + "postgres"))
            Assert.Ignore("left out: postgres is missing (Debian package postgresql-15)");
        data = Folder();
        var word = Scratch.Write("word", Password);
        Own();
        Run(Programs + "initdb", "-N", "-D", data, "-U", "dkim", "-A", "scram-sha-256", "--pwfile", word, "-E", "UTF8", "--locale=C.UTF-8");
        Restart();
        var sql = "CREATE TABLE rows (k text PRIMARY KEY, d text);\nCREATE TABLE numbers (k integer, d timestamp);\n"
            + "INSERT INTO numbers VALUES (7, '2026-01-02 03:04:05'), (8, NULL);\n" + Inserts(rows, Quoted);
        Insist("/usr/bin/psql", Url, "-v", "ON_ERROR_STOP=1", "-f", Scratch.Write("sql", sql));
    }

    public override void Restart()
    {
        Serve(Programs + "postgres", "-D", data, "-F", "-p", Port.ToString(CultureInfo.InvariantCulture), "-k", data, "-c", "listen_addresses=127.0.0.1");
        Insist("/usr/bin/psql", Url, "-c", "SELECT 1");
    }

    public Store Numbers => Of("numbers", Password);

    public int ServerPort => Port;

    /// <summary>Has the server carry out statements, as its owner.</summary>
    public void Tell(string sql) => Run("/usr/bin/psql", Url, "-v", "ON_ERROR_STOP=1", "-c", sql);

    private string Url => $"postgresql://dkim:{Password}@127.0.0.1:{Port}/postgres";

    protected override Store Of(string table, string password) => Source(SqlBackend.PostgreSql, "postgres", table, password);
}

internal sealed class MariaDbEngine : SqlEngine
{
    private string data = "";

    public override Store? Refused => Of("rows", "wrong-word");

    public override void Make(IReadOnlyDictionary<string, string> rows)
    {
        Tools.RequireProgram("mariadbd", "mariadb-server");
        data = Folder();
        Run("/usr/bin/mariadb-install-db", "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db");
        Restart();
        var sql = "CREATE DATABASE d; USE d; SET NAMES utf8mb4; SET sql_mode='NO_BACKSLASH_ESCAPES';\n"
            + "CREATE TABLE rows (k varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, d text CHARACTER SET utf8mb4);\n"
            + $"CREATE USER dkim@'127.0.0.1' IDENTIFIED BY '{Password}'; GRANT SELECT ON d.* TO dkim@'127.0.0.1';\n" + Inserts(rows, Quoted);
        Insist("/bin/sh", "-c", $"mariadb --no-defaults -S {data}/s -u root < {Scratch.Write("sql", sql.Replace("TABLE rows", "TABLE `rows`", StringComparison.Ordinal).Replace("INTO rows", "INTO `rows`", StringComparison.Ordinal))}");
    }

    public override void Restart()
    {
        Serve(
            "/usr/sbin/mariadbd", "--no-defaults", "--datadir=" + data, $"--port={Port}", "--bind-address=127.0.0.1", $"--socket={data}/s",
            $"--pid-file={data}/pid", "--skip-name-resolve");
        Insist("/usr/bin/mariadb", "--no-defaults", "-S", data + "/s", "-u", "root", "-e", "SELECT 1");
    }

    protected override Store Of(string table, string password) => Source(SqlBackend.MySql, "d", $"`{table}`", password);
}

internal sealed class SqliteEngine : SqlEngine
{
    public override void Make(IReadOnlyDictionary<string, string> rows) => Tools.Run(
        Scratch.Root,
        Tools.RequireProgram("sqlite3", "sqlite3"),
        Scratch.At("db"),
        ".read " + Scratch.Write("sql", "CREATE TABLE rows (k text PRIMARY KEY, d text);\n" + Inserts(rows, Quoted)));

    protected override Store Of(string table, string password) => Store.NewSql(
        new SqlSource(SqlBackend.Sqlite, "", Secret.Of(""), "", FSharpValueOption<int>.None, Scratch.At("db"), false), Query(table));
}
