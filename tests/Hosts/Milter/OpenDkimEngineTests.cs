using System.Text.RegularExpressions;
using Dkim.Core.Tables;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tables;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>The configurations of tests/opendkim with their tables in an engine: of every message becomes what becomes of it with
/// tables in files. A refile stays one: its patterns are found by their order, which no engine has.</summary>
[TestFixture(typeof(PostgreSqlEngine))]
[TestFixture(typeof(MariaDbEngine))]
[TestFixture(typeof(SqliteEngine))]
[TestFixture(typeof(SlapdEngine))]
[TestFixture(typeof(RedisEngine))]
internal sealed partial class OpenDkimEngineTests<T>
    where T : Engine, IManyTables, new()
{
    private static readonly string[] settings =
    [
        "KeyTable", "SigningTable", "Domain", "InternalHosts", "ExternalIgnoreList", "PeerList", "DontSignMailTo",
        "ExemptDomains", "BodyLengthDB", "TrustSignaturesFrom",
    ];

    private readonly T engine = new();
    private readonly Dictionary<string, Scratch> folders = [];

    [OneTimeSetUp]
    public void Start()
    {
        Tools.RequireRoot();
        engine.Make(new Dictionary<string, string> { ["a"] = "1" });
        List<NamedRows> tables = [];
        foreach (var name in OpenDkimCase.Names())
        {
            var scratch = folders[name] = new Scratch();
            using var configuration = new OpenDkimCase(name);
            configuration.Prepare(scratch);
            Move(scratch, "t" + name.Replace('-', '_'), tables);
        }

        engine.Add(tables);
    }

    [OneTimeTearDown]
    public void Stop()
    {
        engine.Dispose();
        foreach (var folder in folders.Values)
            folder.Dispose();
    }

    private static IEnumerable<string> Cases() => OpenDkimCase.Names().Where(name =>
        SetLine().Matches(File.ReadAllText(Path.Combine(OpenDkimCase.Folder, name, "opendkim.conf"))).Any(IsMoved));

    [TestCaseSource(nameof(Cases))]
    public void Case(string name)
    {
        using var configuration = new OpenDkimCase(name);
        // Its author is Boss@, and a server of Redis' protocol compares octets alone.
        configuration.Play(folders[name], typeof(T) == typeof(RedisEngine) && name == "04-file-tables" ? ["F03"] : []);
    }

    [Test]
    public void Every_kind_of_table_is_moved()
    {
        Assert.That(Cases().Count(), Is.GreaterThanOrEqualTo(9));
        foreach (var name in new[] { "KeyTable", "SigningTable", "Domain", "InternalHosts", "ExternalIgnoreList", "BodyLengthDB" })
            Assert.That(folders.Values.Count(folder => Regex.IsMatch(File.ReadAllText(folder.At("opendkim.conf")), $@"^{name}\s+(dsn|ldap|redis):", RegexOptions.Multiline)), Is.Positive, name);
    }

    // Writes opendkim.conf anew, with the places of tables that are put to the others.
    private void Move(Scratch scratch, string prefix, List<NamedRows> tables)
    {
        var conf = scratch.At("opendkim.conf");
        File.WriteAllText(conf, SetLine().Replace(File.ReadAllText(conf), line =>
        {
            if (!IsMoved(line))
                return line.Value;
            var (name, value) = (line.Groups["name"].Value, line.Groups["value"].Value.Trim());
            var moved = new NamedRows($"{prefix}_{name.ToLowerInvariant()}", name != "KeyTable", Rows(value, name != "KeyTable"));
            tables.Add(moved);
            return $"{name} {engine.Setting(moved)}";
        }) + "\nTableTimeout 60\n");
    }

    private static bool IsMoved(Match line) => settings.Contains(line.Groups["name"].Value)
        && !line.Groups["value"].Value.StartsWith("refile:", StringComparison.Ordinal);

    // Of several lines for a key the first counts.
    private static Dictionary<string, string> Rows(string value, bool folds)
    {
        var path = value.StartsWith("file:", StringComparison.Ordinal) ? value[5..] : value;
        var table = path.StartsWith('/')
            ? Table.OfLines(folds, path, File.ReadAllBytes(path))
            : Table.OfList(folds, value.StartsWith("csl:", StringComparison.Ordinal) ? value[4..] : value);
        var rows = new Dictionary<string, string>(folds ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);
        for (var entry = 0; entry < table.Count; entry++)
            rows.TryAdd(table.Key(entry), table.Value(entry));
        return rows;
    }

    [GeneratedRegex(@"^(?<name>[A-Za-z0-9-]+)[ \t]+(?<value>\S[^\r\n]*)", RegexOptions.Multiline)]
    private static partial Regex SetLine();
}
