using System.Globalization;
using Dkim.Core.Stores;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>A table <c>rows</c> with the columns <c>k</c> and <c>d</c>.</summary>
internal abstract class SqlEngine : Engine, IManyTables
{
    public override Store Place => Of("rows", Password);

    public override Store? NoTable => Of("nothing", Password);

    public void Add(IReadOnlyList<NamedRows> tables) => Do(Before + string.Concat(tables.Select(table =>
        $"CREATE TABLE {table.Name} (k {(table.Folds ? Folding : Exact)} PRIMARY KEY, d text);\n"
        + string.Concat(table.Rows.Select(row => $"INSERT INTO {table.Name} VALUES ({Quoted(row.Key)}, {Quoted(row.Value)});\n")))));

    public string Setting(NamedRows table) => $"dsn:{Address}/table={table.Name}?keycol=k?datacol=d";

    /// <summary>The database, as a data set names it.</summary>
    protected abstract string Address { get; }

    /// <summary>The type of texts that are compared as they are.</summary>
    protected virtual string Exact => "text";

    /// <summary>The type of texts that are compared without regard to capitals.</summary>
    protected abstract string Folding { get; }

    /// <summary>What stands before statements that make tables.</summary>
    protected virtual string Before => "";

    /// <summary>Carries out statements as the owner.</summary>
    protected abstract void Do(string sql);

    protected abstract Store Of(string table, string password);

    protected static SqlQuery Query(string table) => SqlQuery.NewColumns(table, "k", ListModule.OfSeq(["d"]), "");

    protected Store Source(SqlBackend backend, string database, string table, string password, string host = "") => Store.NewSql(
        new SqlSource(
            backend, "dkim", Secret.Of(password), host.Length > 0 ? host : "127.0.0.1", FSharpValueOption<int>.Some(Port), database, host.Length > 0),
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
        Serve(
            Programs + "postgres",
            ["-D", data, "-F", "-p", Port.ToString(CultureInfo.InvariantCulture), "-k", data, "-c", "listen_addresses=127.0.0.1",
            .. Certificates is null ? (string[])[] : ["-c", "ssl=on", "-c", "ssl_cert_file=" + Scratch.At("cert"), "-c", "ssl_key_file=" + Scratch.At("key")]]);
        Insist("/usr/bin/psql", Url, "-c", "SELECT 1");
    }

    public Store Numbers => Of("numbers", Password);

    public int ServerPort => Port;

    /// <summary>Has the server carry out statements, as its owner.</summary>
    public void Tell(string sql) => Run("/usr/bin/psql", Url, "-v", "ON_ERROR_STOP=1", "-c", sql);

    private string Url => $"postgresql://dkim:{Password}@127.0.0.1:{Port}/postgres";

    protected override string Address => $"pgsql://dkim:{Password}@{Port}+127.0.0.1/postgres";

    protected override string Folding => "citext";

    protected override string Before => "CREATE EXTENSION citext;\n";

    protected override void Do(string sql) =>
        Tools.Run(Scratch.Root, "/usr/bin/psql", Url, "-q", "-v", "ON_ERROR_STOP=1", "-f", Scratch.Write("tables.sql", sql));

    public override Store Secure(string host) => Source(SqlBackend.PostgreSql, "postgres", "rows", Password, host);

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
        // A server that starts removes temporary tables of the place that it shares with others.
        Run("/usr/bin/mariadb-install-db", "--no-defaults", "--datadir=" + data, "--tmpdir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db");
        Restart();
        var sql = "CREATE DATABASE d; USE d; SET NAMES utf8mb4; SET sql_mode='NO_BACKSLASH_ESCAPES';\n"
            + "CREATE TABLE rows (k varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, d text CHARACTER SET utf8mb4);\n"
            + $"CREATE USER dkim@'127.0.0.1' IDENTIFIED BY '{Password}'; GRANT SELECT ON d.* TO dkim@'127.0.0.1';\n"
            + $"CREATE USER dkim@localhost IDENTIFIED BY '{Password}'; GRANT SELECT ON d.* TO dkim@localhost;\n" + Inserts(rows, Quoted);
        Insist("/bin/sh", "-c", $"mariadb --no-defaults -S {data}/s -u root < {Scratch.Write("sql", sql.Replace("TABLE rows", "TABLE `rows`", StringComparison.Ordinal).Replace("INTO rows", "INTO `rows`", StringComparison.Ordinal))}");
    }

    public override void Restart()
    {
        Serve(
            "/usr/sbin/mariadbd",
            ["--no-defaults", "--datadir=" + data, "--tmpdir=" + data, $"--port={Port}", "--bind-address=127.0.0.1", $"--socket={data}/s",
            $"--pid-file={data}/pid", "--skip-name-resolve",
                .. Certificates is null ? (string[])[] : ["--ssl-cert=" + Scratch.At("cert"), "--ssl-key=" + Scratch.At("key"), "--ssl-ca=" + Certificates.Authority]]);
        Insist("/usr/bin/mariadb", "--no-defaults", "-S", data + "/s", "-u", "root", "-e", "SELECT 1");
    }

    protected override string Address => $"mysql://dkim:{Password}@{Port}+127.0.0.1/d";

    /// <summary>By its Unix socket.</summary>
    public Store BySocket => Store.NewSql(
        new SqlSource(SqlBackend.MySql, "dkim", Secret.Of(Password), data + "/s", FSharpValueOption<int>.None, "d", false), Query("`rows`"));

    protected override string Exact => "varchar(255) COLLATE utf8mb4_bin";

    protected override string Folding => "varchar(255) COLLATE utf8mb4_general_ci";

    protected override string Before => "USE d; SET NAMES utf8mb4; SET sql_mode='NO_BACKSLASH_ESCAPES';\n";

    protected override void Do(string sql) =>
        Tools.Run(Scratch.Root, "/bin/sh", "-c", $"mariadb --no-defaults -S {data}/s -u root --default-character-set=utf8mb4 < {Scratch.Write("tables.sql", sql)}");

    public override Store Secure(string host) => Source(SqlBackend.MySql, "d", "`rows`", Password, host);

    protected override Store Of(string table, string password) => Source(SqlBackend.MySql, "d", $"`{table}`", password);
}

internal sealed class SqliteEngine : SqlEngine
{
    public override void Make(IReadOnlyDictionary<string, string> rows) => Tools.Run(
        Scratch.Root,
        Tools.RequireProgram("sqlite3", "sqlite3"),
        Scratch.At("db"),
        ".read " + Scratch.Write("sql", "CREATE TABLE rows (k text PRIMARY KEY, d text);\n" + Inserts(rows, Quoted)));

    protected override string Address => "sqlite3://" + Scratch.At("db");

    protected override string Folding => "text COLLATE NOCASE";

    protected override void Do(string sql) => Tools.Run(Scratch.Root, "/usr/bin/sqlite3", Scratch.At("db"), ".read " + Scratch.Write("tables.sql", sql));

    protected override Store Of(string table, string password) => Store.NewSql(
        new SqlSource(SqlBackend.Sqlite, "", Secret.Of(""), "", FSharpValueOption<int>.None, Scratch.At("db"), false), Query(table));
}
