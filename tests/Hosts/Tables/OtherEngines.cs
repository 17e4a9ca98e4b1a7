using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Dkim.Core.Stores;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.FSharp.Collections;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>Entries with <c>cn</c> and <c>description</c>, for those who say who they are.</summary>
internal sealed class SlapdEngine : Engine, IManyTables
{
    private const string Root = "cn=admin,dc=example,dc=com";
    private string data = "";

    public override Store Place => Of(Password);

    public override Store? Refused => Of("wrong-word");

    /// <summary>By the Unix socket, as the user that asks.</summary>
    public Store BySocket => Store.NewLdap(new LdapSource(
        ListModule.OfSeq([new LdapServer(false, data + "/ldapi", 0)]), "dc=example,dc=com", LdapScope.Sub, "(cn=$d)",
        ListModule.OfSeq(["description"]), LdapAccount.External, false, LdapKeepalive.System));

    /// <summary>By SASL PLAIN.</summary>
    public Store ByPlain(string password, string whom = "") => Store.NewLdap(new LdapSource(
        ListModule.OfSeq([new LdapServer(false, "127.0.0.1", Port)]), "dc=example,dc=com", LdapScope.Sub, "(cn=$d)",
        ListModule.OfSeq(["description"]), LdapAccount.NewPlain("reader", whom, Secret.Of(password)), false, new LdapKeepalive(7, 3, 2)));

    public override Store Secure(string host) => Encrypted(new LdapServer(true, host, TlsPort), startsTls: false);

    /// <summary>By StartTLS.</summary>
    public Store StartsTls(string host) => Encrypted(new LdapServer(false, host, Port), startsTls: true);

    private static Store Encrypted(LdapServer server, bool startsTls) => Store.NewLdap(new LdapSource(
        ListModule.OfSeq([server]), "dc=example,dc=com", LdapScope.Sub, "(cn=$d)",
        ListModule.OfSeq(["description"]), LdapAccount.NewSimple(Root, Secret.Of(Password)), startsTls, LdapKeepalive.System));

    /// <summary>Behind one that nobody listens at.</summary>
    public Store BehindAnother => Of(Password, new LdapServer(false, "127.0.0.1", 1), new LdapServer(false, "127.0.0.1", Port));

    public override void Make(IReadOnlyDictionary<string, string> rows)
    {
        Tools.RequireProgram("slapd", "slapd");
        data = Folder();
        Directory.CreateDirectory(data + "/db");
        var entries = new StringBuilder("dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n"
            + $"dn: cn=reader,dc=example,dc=com\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: {Password}\n\n");
        var number = 0;
        foreach (var (key, value) in rows)
        {
            entries.Append(CultureInfo.InvariantCulture, $"dn: ou=r{number},dc=example,dc=com\nobjectClass: applicationProcess\nou: r{number++}\n");
            entries.Append(CultureInfo.InvariantCulture, $"cn:: {Base64(key)}\ndescription:: {Base64(value)}\n\n");
        }

        var tls = Certificates is null
            ? ""
            : $"TLSCACertificateFile {Certificates.Authority}\nTLSCertificateFile {Scratch.At("cert")}\nTLSCertificateKeyFile {Scratch.At("key")}";
        Scratch.Write("slapd.conf", $"""
            include /etc/ldap/schema/core.schema
            modulepath /usr/lib/ldap
            moduleload back_mdb
            require authc
            sasl-secprops none
            sasl-auxprops slapd
            authz-regexp "uid=([^,]*),.*cn=auth" "cn=$1,dc=example,dc=com"
            {tls}
            database mdb
            maxsize 10485760
            suffix "dc=example,dc=com"
            rootdn "{Root}"
            rootpw {Password}
            directory {data}/db

            """);
        var ldif = Scratch.Write("data.ldif", entries.ToString());
        Own();
        Run("/usr/sbin/slapadd", "-f", Scratch.At("slapd.conf"), "-l", ldif);
        Restart();
    }

    public override void Restart()
    {
        var secure = Certificates is null ? "" : $" ldaps://127.0.0.1:{TlsPort}";
        Serve("/usr/sbin/slapd", "-d", "0", "-f", Scratch.At("slapd.conf"), "-h", $"ldap://127.0.0.1:{Port} ldapi://{Uri.EscapeDataString(data + "/ldapi")}{secure}");
        Insist("/usr/bin/ldapsearch", "-x", "-D", Root, "-w", Password, "-H", $"ldap://127.0.0.1:{Port}", "-b", "", "-s", "base");
    }

    /// <summary>A branch for each table. <c>cn</c> has no regard to capitals, <c>labeledURI</c> has (RFC 4519, RFC 2079).</summary>
    public void Add(IReadOnlyList<NamedRows> tables)
    {
        var entries = new StringBuilder();
        foreach (var table in tables)
        {
            var branch = $"ou={table.Name},dc=example,dc=com";
            entries.Append(CultureInfo.InvariantCulture, $"dn: {branch}\nobjectClass: organizationalUnit\nou: {table.Name}\n\n");
            var number = 0;
            foreach (var (key, value) in table.Rows)
            {
                entries.Append(CultureInfo.InvariantCulture, $"dn: ou=r{number},{branch}\nobjectClass: applicationProcess\n");
                entries.Append(CultureInfo.InvariantCulture, $"objectClass: labeledURIObject\nou: r{number++}\ncn:: {Base64(key)}\n");
                entries.Append(CultureInfo.InvariantCulture, $"labeledURI:: {Base64(key)}\n");
                entries.Append(value.Length > 0 ? $"description:: {Base64(value)}\n\n" : "\n");
            }
        }

        Tools.Run(
            Scratch.Root, "/usr/bin/ldapadd", "-x", "-D", Root, "-w", Password, "-H", $"ldap://127.0.0.1:{Port}", "-f", Scratch.Write("tables.ldif", entries.ToString()));
    }

    public string Setting(NamedRows table) =>
        $"ldap://127.0.0.1:{Port}/ou={table.Name},dc=example,dc=com?description?sub?({(table.Folds ? "cn" : "labeledURI")}=$d)\n"
        + $"LDAPBindUser {Root}\nLDAPBindPassword {Password}";

    private Store Of(string password, params LdapServer[] servers) => Store.NewLdap(new LdapSource(
        ListModule.OfSeq(servers.Length > 0 ? servers : [new LdapServer(false, "127.0.0.1", Port)]), "dc=example,dc=com", LdapScope.Sub, "(cn=$d)",
        ListModule.OfSeq(["description"]), LdapAccount.NewSimple(Root, Secret.Of(password)), false, LdapKeepalive.System));

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

/// <summary>Keys <c>dkim:KEY</c>, for a user of an access list.</summary>
internal sealed class RedisEngine : Engine, IManyTables
{
    private string[] texts = [];

    public override Store Place => Of(Password, "dkim");

    public override Store? Refused => Of("wrong-word", "dkim");

    /// <summary>Keys whose value is a list.</summary>
    public Store Lists => Of(Password, "lists");

    public override void Make(IReadOnlyDictionary<string, string> rows)
    {
        Tools.RequireProgram("redis-server", "redis-server");
        Folder();
        Scratch.Write("redis.conf", $"port {Port}\nbind 127.0.0.1\nsave \"\"\ndir {Scratch.At("data")}\nuser default off\nuser dkim on >{Password} ~* &* +@all\n"
            + (Certificates is null ? "" : $"tls-port {TlsPort}\ntls-cert-file {Scratch.At("cert")}\ntls-key-file {Scratch.At("key")}\ntls-ca-cert-file {Certificates.Authority}\ntls-auth-clients no\n"));
        Own();
        texts = [.. rows.SelectMany(row => (string[])["dkim:" + row.Key, row.Value])];
        Restart();
    }

    public override void Restart()
    {
        Serve("/usr/bin/redis-server", Scratch.At("redis.conf"));
        string[] server = ["-e", "--no-auth-warning", "-u", Url];
        Insist("/usr/bin/redis-cli", [.. server, "MSET", .. texts]);
        Insist("/usr/bin/redis-cli", [.. server, "RPUSH", "lists:a", "1"]);
    }

    /// <summary>The prefix of a key is its table. A server of Redis' protocol compares octets alone.</summary>
    public void Add(IReadOnlyList<NamedRows> tables) => Tools.Run(
        Scratch.Root, "/usr/bin/redis-cli",
        ["-e", "--no-auth-warning", "-u", Url, "MSET", .. tables.SelectMany(table => table.Rows.SelectMany(row => (string[])[$"{table.Name}:{row.Key}", row.Value]))]);

    public string Setting(NamedRows table) => $"{Url}/{table.Name}";

    public override Store Secure(string host) => Store.NewRedis(
        new RedisSource(host, TlsPort, "dkim", Secret.Of(Password), true), RedisLayout.NewPrefixed("dkim"));

    private string Url => $"redis://dkim:{Password}@127.0.0.1:{Port}";

    private Store Of(string password, string prefix) => Store.NewRedis(
        new RedisSource("127.0.0.1", Port, "dkim", Secret.Of(password), false), RedisLayout.NewPrefixed(prefix));
}

internal sealed class BerkeleyEngine : Engine
{
    public override Store Place => Store.NewBerkeley(Scratch.At("rows.db"));

    public override void Make(IReadOnlyDictionary<string, string> rows) => Tools.Run(
        Scratch.Root, Tools.RequireProgram("db5.3_load", "db5.3-util"), "-T", "-t", "hash", "-f", Scratch.Write("text", Dump.Plain(rows)), Scratch.At("rows.db"));
}

internal sealed class LmdbEngine : Engine
{
    public override Store Place => Store.NewLmdb(Scratch.At("rows"));

    public override void Make(IReadOnlyDictionary<string, string> rows)
    {
        Directory.CreateDirectory(Scratch.At("rows"));
        Tools.Run(Scratch.Root, Tools.RequireProgram("mdb_load", "lmdb-utils"), "-T", "-f", Scratch.Write("text", Dump.Plain(rows)), Scratch.At("rows"));
    }
}

/// <summary>What the loaders of both read.</summary>
internal static class Dump
{
    public static string Plain(IReadOnlyDictionary<string, string> rows) =>
        string.Concat(rows.Select(row => $"{Written(row.Key)}\n{Written(row.Value)}\n"));

    private static string Written(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(octet =>
        char.IsAsciiLetterOrDigit((char)octet) ? ((char)octet).ToString() : "\\" + Convert.ToHexStringLower([octet])));
}

/// <summary>A service of lines in this process.</summary>
internal sealed class LineEngine : Engine
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);

    public override Store Place => Store.NewLines("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);

    public override void Make(IReadOnlyDictionary<string, string> rows)
    {
        listener.Start();
        _ = Task.Run(async () =>
        {
            while (true)
                _ = AnswerAsync(await listener.AcceptTcpClientAsync(), rows);
        });
    }

    private static async Task AnswerAsync(TcpClient client, IReadOnlyDictionary<string, string> rows)
    {
        using (client)
        {
            using var reader = new StreamReader(client.GetStream());
            while (await reader.ReadLineAsync() is { } line)
                await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(rows.GetValueOrDefault(line, "") + "\n"));
        }
    }
}
